"""One run of a job of ours as an event, under our name, with nothing secret in it."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from importlib.metadata import version as installed
from typing import Any, Literal

from openlineage.client.generated.base import EventType, Job, JobFacet, Run, RunEvent, RunFacet
from openlineage.client.generated.error_message_run import ErrorMessageRunFacet
from openlineage.client.generated.job_type_job import JobTypeJobFacet
from openlineage.client.generated.nominal_time_run import NominalTimeRunFacet
from openlineage.client.generated.processing_engine_run import ProcessingEngineRunFacet
from openlineage.client.serde import Serde

from auditor.core.secrets import masked
from auditor.trackers.transport import Event

Work = Literal["generation", "audit", "curation", "judging"]
"""What a job of ours does; its name is `DATASET.WORK`."""

PRODUCER = "https://github.com/auditor-data/auditor"
NAMESPACE = "auditor"

_RUNS = uuid.UUID("0a2f3c58-6f0e-5d0b-9f5e-7a1f4d1f0c11")
"""Namespace of our run ids (RFC 9562, version 5); any other would do, a change would double every run."""


def default_namespace() -> str:
    return os.environ.get("OPENLINEAGE_NAMESPACE") or NAMESPACE


def complete(
    work: Work, name: str, space: str, begun: str, ended: str, identity: Iterable[str], *,
    inputs: list[Any], outputs: list[Any], error: str | None = None,
) -> Event:  # fmt: skip
    """A run that ended. identity: what makes it this run and no other, beside its job. error: why it failed."""
    ours = installed("auditor")
    run = uuid.uuid5(_RUNS, json.dumps([work, space, name, *identity]))
    facets: dict[str, RunFacet] = {
        "nominalTime": NominalTimeRunFacet(begun, ended),
        "processing_engine": ProcessingEngineRunFacet(version=ours, name="auditor"),
    }
    if error:
        facets["errorMessage"] = ErrorMessageRunFacet(error, "python")
    kind: dict[str, JobFacet] = {"jobType": JobTypeJobFacet("BATCH", "AUDITOR", jobType=work.upper())}
    event = RunEvent(
        eventType=EventType.FAIL if error else EventType.COMPLETE,
        eventTime=ended,
        run=Run(str(run), facets=facets),
        job=Job(space, f"{name}.{work}", facets=kind),
        inputs=inputs,
        outputs=outputs,
    )
    said: dict[str, Any] = masked(_produced(Serde.to_dict(event), f"{PRODUCER}/tree/v{ours}"))
    return said


def _produced(value: Any, producer: str) -> Any:
    """Our name as the producer of every part: the client's way of setting it is global to the process."""
    if isinstance(value, dict):
        return {
            key: producer if key in {"producer", "_producer"} else _produced(inner, producer)
            for key, inner in value.items()
        }
    return [_produced(inner, producer) for inner in value] if isinstance(value, list) else value
