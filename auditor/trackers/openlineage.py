"""Registrations, audits and the work of judges as OpenLineage RunEvents: plain data, ready to be kept or sent.

Each is the COMPLETE event of a run and says everything; the START event that the specification wants
before it is made from it by `transport.started`. Only RunEvents are made: consumers in the field refuse events of
datasets and of jobs. Run ids are derived from what is told, so that telling it twice is one run.

Imports the OpenLineage client (0.4 s): import it where it is used.
Here is nothing about where events go (`trackers.transport`), and no schema of OpenLineage's: their own
classes make and check the events.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import version as installed
from typing import Any, Literal
from urllib.parse import urlsplit

from openlineage.client.generated.base import (
    DatasetFacet,
    EventType,
    InputDataset,
    Job,
    JobFacet,
    OutputDataset,
    Run,
    RunEvent,
    RunFacet,
)
from openlineage.client.generated.data_quality_assertions_dataset import Assertion, DataQualityAssertionsDatasetFacet
from openlineage.client.generated.dataset_type_dataset import DatasetTypeDatasetFacet
from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet
from openlineage.client.generated.documentation_dataset import DocumentationDatasetFacet
from openlineage.client.generated.error_message_run import ErrorMessageRunFacet
from openlineage.client.generated.input_statistics_input_dataset import InputStatisticsInputDatasetFacet
from openlineage.client.generated.job_type_job import JobTypeJobFacet
from openlineage.client.generated.lifecycle_state_change_dataset import (
    LifecycleStateChange,
    LifecycleStateChangeDatasetFacet,
)
from openlineage.client.generated.nominal_time_run import NominalTimeRunFacet
from openlineage.client.generated.output_statistics_output_dataset import OutputStatisticsOutputDatasetFacet
from openlineage.client.generated.ownership_dataset import Owner, OwnershipDatasetFacet
from openlineage.client.generated.processing_engine_run import ProcessingEngineRunFacet
from openlineage.client.generated.schema_dataset import SchemaDatasetFacet, SchemaDatasetFacetFields
from openlineage.client.serde import Serde

from auditor.core.secrets import masked
from auditor.model.card import Card, Generator, Lineage, Model, Prompt, Registered, Source
from auditor.model.graph import Graph
from auditor.model.result import Record, Status
from auditor.trackers.facets import JudgingDatasetFacet, SynthesisDatasetFacet, VerdictDatasetFacet
from auditor.trackers.judgings import Asked, Judging
from auditor.trackers.transport import Event

Work = Literal["generation", "audit", "curation", "judging"]
"""What a job of ours does; its name is `DATASET.WORK`."""

PRODUCER = "https://github.com/auditor-data/auditor"
NAMESPACE = "auditor"

_RUNS = uuid.UUID("0a2f3c58-6f0e-5d0b-9f5e-7a1f4d1f0c11")
"""Namespace of our run ids (RFC 9562, version 5); any other would do, a change would double every run."""


def registration_event(
    card: Card,
    version: Registered,
    graph: Graph,
    *,
    fields: Mapping[str, str] | None = None,
    namespace: str | None = None,
) -> Event:
    """The generation of a version: from seeds, parents and models (inputs) to the dataset (output).

    graph: says of what kind and how large the sources are. fields: of the records, name -> type, as
    `Dataset.schema`. namespace: of our datasets and jobs; None is OPENLINEAGE_NAMESPACE, else "auditor".
    """

    space = namespace or default_namespace()
    lineage = version.lineage
    made = OutputDataset(
        space,
        card.name,
        facets={
            **_described(card, version, fields),
            "lifecycleStateChange": LifecycleStateChangeDatasetFacet(
                LifecycleStateChange.OVERWRITE if version.supersedes else LifecycleStateChange.CREATE
            ),
            "auditor_synthesis": SynthesisDatasetFacet(
                kind=card.kind,
                digest=version.digest,
                generators=[_generator(generator) for generator in lineage.generators],
                prompts=[_prompt(prompt) for prompt in lineage.prompts],
                seeds=[_source(source) for source in lineage.seeds],
                parents=[_source(source) for source in lineage.parents],
                judges=[_model(model) for model in lineage.judges],
                fields=dict(lineage.fields),
                technique=lineage.technique,
                licence=card.licence,
            ),
        },
        outputFacets={
            "outputStatistics": OutputStatisticsOutputDatasetFacet(
                rowCount=version.rows,
                size=version.dvc.size if version.dvc else None,
                fileCount=version.dvc.files if version.dvc else None,
            )
        },
    )
    inputs = [_input(source, space, graph) for _, source in lineage.sources()]
    inputs += [_model_input(model, space) for model in dict.fromkeys(g.model for g in lineage.generators)]
    when = version.date.isoformat()
    return _event(
        "generation", card.name, space, when, when, [card.ref(version), version.digest, _said(lineage)],
        inputs=inputs, outputs=[made],
    )  # fmt: skip


def audit_event(
    record: Record, card: Card | None, version: Registered | None, *,
    fields: Mapping[str, str] | None = None, namespace: str | None = None,
) -> Event:  # fmt: skip
    """An audit, with each verdict as an assertion on its dataset.

    The run is COMPLETE whatever the verdict, which is a fact about the data; it is FAIL where a check
    ended in ERROR, so that nothing can be said of them. An audit of some of the checks alone asserts what they
    found, and has no facet of the dataset's verdict. card, version: None for data nobody registered.
    """
    space, dataset = namespace or default_namespace(), record.dataset
    name = card.name if card else str(dataset["name"])
    facets: dict[str, DatasetFacet] = _described(card, version, fields) if card and version else _schema(fields)
    if record.whole:
        facets["auditor_verdict"] = VerdictDatasetFacet(
            verdict=record.whole,
            policy=str(record.policy.get("name", "")),
            digest=str(dataset["digest"]),
            rows=int(dataset["rows"]),
            checks={str(check["name"]): str(check["status"]) for check in record.checks},
            policyDigest=str(record.policy["digest"]) if record.policy.get("digest") else None,
        )
    audited = InputDataset(
        space,
        name,
        facets=facets,
        inputFacets={
            "dataQualityAssertions": DataQualityAssertionsDatasetFacet(_assertions(record)),
            "inputStatistics": InputStatisticsInputDatasetFacet(rowCount=int(dataset["rows"])),
        },
    )
    begun = dt.datetime.fromisoformat(str(record.run["started"]))
    ended = begun + dt.timedelta(seconds=float(record.run.get("seconds", 0.0)))
    broken = sorted({v.check for v in record.verdicts if v.status is Status.ERROR})
    policy, host = str(record.policy.get("digest", "")), str(record.run.get("host", ""))
    return _event(
        "audit", name, space, begun.isoformat(), ended.isoformat(),
        [str(dataset["digest"]), policy, begun.isoformat(), host],
        inputs=[audited], outputs=[], error=f"could not measure: {', '.join(broken)}" if broken else None,
    )  # fmt: skip


def judging_event(
    judging: Judging, card: Card | None, version: Registered | None, *, namespace: str | None = None
) -> Event:
    """Judges over a dataset: it and their models are inputs, the file of their verdicts is the output.

    card, version: None for data nobody registered.
    """
    space = namespace or default_namespace()
    facets: dict[str, DatasetFacet] = (
        _described(card, version, judging.fields)
        if card and version
        else {
            "version": DatasetVersionDatasetFacet(judging.digest),
            **_schema(judging.fields),
        }
    )
    judged = InputDataset(
        space,
        card.name if card else judging.name,
        facets=facets,
        inputFacets={"inputStatistics": InputStatisticsInputDatasetFacet(rowCount=judging.rows)},
    )
    panel = judging.panel or {}
    made = OutputDataset(
        "file",
        judging.file,
        facets={
            "version": DatasetVersionDatasetFacet(judging.verdicts),
            "datasetType": DatasetTypeDatasetFacet("FILE", subType="VERDICTS"),
            "auditor_judging": JudgingDatasetFacet(
                judges=[_asked(one) for one in judging.judges],
                rule=judging.rule,
                vote=panel.get("vote"),
                weights=panel.get("weights"),
                verdicts=dict(sorted(judging.counts.items())),
                selfJudged=judging.self_judged,
            ),
        },
        outputFacets={"outputStatistics": OutputStatisticsOutputDatasetFacet(rowCount=sum(judging.counts.values()))},
    )
    models = dict.fromkeys(Model.parse(one.model) for one in judging.judges)
    return _event(
        "judging", card.name if card else judging.name, space, judging.started, judging.ended, [judging.identity],
        inputs=[judged, *(_model_input(model, space) for model in models)], outputs=[made],
    )  # fmt: skip


def accepting_event(
    card: Card, version: Registered, graph: Graph, files: Iterable[tuple[str, str]], *,
    fields: Mapping[str, str] | None = None, namespace: str | None = None,
) -> Event:  # fmt: skip
    """Verdicts that became a dataset (`judge accept`): they, the judges and the judged data are inputs, the version the
    output. files: (name, digest) of the verdicts'. graph, fields: as in `registration_event`."""
    space, lineage = namespace or default_namespace(), version.lineage
    given = list(files)
    verdicts = [
        InputDataset(
            "file",
            name,
            facets={
                "version": DatasetVersionDatasetFacet(digest),
                "datasetType": DatasetTypeDatasetFacet("FILE", subType="VERDICTS"),
            },
        )
        for name, digest in given
    ]
    facts: Mapping[str, Any] = lineage.facts
    facet = JudgingDatasetFacet(
        judges=[{"name": str(model), **_model(model)} for model in lineage.judges],
        rule=str(facts.get("rule", "strict")),
        vote=facts.get("vote"),
    )
    made = OutputDataset(
        space,
        card.name,
        facets={**_described(card, version, fields), "auditor_judging": facet},
        outputFacets={"outputStatistics": OutputStatisticsOutputDatasetFacet(rowCount=version.rows)},
    )
    when = version.date.isoformat()
    return _event(
        "curation", card.name, space, when, when, [card.ref(version), version.digest, *(digest for _, digest in given)],
        inputs=[
            *verdicts,
            *(_input(data, space, graph) for _, data in lineage.sources()),
            *(_model_input(model, space) for model in dict.fromkeys(lineage.judges)),
        ],
        outputs=[made],
    )  # fmt: skip


def default_namespace() -> str:
    return os.environ.get("OPENLINEAGE_NAMESPACE") or NAMESPACE


def _event(
    work: Work, name: str, space: str, begun: str, ended: str, identity: Iterable[str], *,
    inputs: list[Any], outputs: list[Any], error: str | None = None,
) -> Event:  # fmt: skip
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


def _described(card: Card, version: Registered, fields: Mapping[str, str] | None) -> dict[str, DatasetFacet]:
    """What is said of a registered version wherever it stands."""
    facets: dict[str, DatasetFacet] = {
        "version": DatasetVersionDatasetFacet(str(version.version)),
        **_schema(fields),
        "datasetType": DatasetTypeDatasetFacet("FILE", subType=card.kind.upper()),
    }
    if card.owner:
        facets["ownership"] = OwnershipDatasetFacet([Owner(card.owner, "OWNER")])
    about = "\n\n".join(text for text in (card.description, card.purpose and f"Purpose: {card.purpose}") if text)
    if about:
        facets["documentation"] = DocumentationDatasetFacet(about, "text/plain")
    return facets


_TYPES = {"text": "string", "integer": "int", "nested": "struct"}
"""Of `Dataset.schema`, where the word is another here."""


def _schema(fields: Mapping[str, str] | None) -> dict[str, DatasetFacet]:
    """The fields of the records as they were given, as `Dataset.schema`; nothing where they are not known."""
    columns: list[Any] = [
        SchemaDatasetFacetFields(name, type=_TYPES.get(kind, kind), ordinal_position=place)
        for place, (name, kind) in enumerate((fields or {}).items(), 1)
    ]
    return {"schema": SchemaDatasetFacet(columns)} if columns else {}


def _input(source: Source, space: str, graph: Graph) -> InputDataset:
    """A seed or parent; one that nobody registered is a file, named as OpenLineage names files."""
    version: str | None
    if source.dataset:
        (name, _, version), where = source.dataset.rpartition("@"), space
    else:
        (where, name), version = _place(source), source.digest
    node = graph.nodes.get(f"dataset:{source.dataset}")
    facets: dict[str, DatasetFacet] = {
        "datasetType": DatasetTypeDatasetFacet("FILE", subType=node.data.upper() if node and node.data else None)
    }
    if version:
        facets["version"] = DatasetVersionDatasetFacet(version)
    rows = source.rows if source.rows is not None else node.rows if node else None
    counted = {} if rows is None else {"inputStatistics": InputStatisticsInputDatasetFacet(rowCount=rows)}
    return InputDataset(where, name, facets=facets, inputFacets=dict(counted))


def _place(source: Source) -> tuple[str, str]:
    """(namespace, name) of a file: https://openlineage.io/docs/spec/naming."""
    url = urlsplit(source.file or "")
    if url.scheme and url.netloc:
        host = url.netloc.rpartition("@")[2]
        return f"{url.scheme}://{host}", url.path.strip("/") or "/"
    return "file", str(source)


def _model_input(model: Model, space: str) -> InputDataset:
    """A model is an input like a dataset (type MODEL), so that what it touched is found downstream of it."""
    facets: dict[str, DatasetFacet] = {"datasetType": DatasetTypeDatasetFacet("MODEL")}
    if model.revision:
        facets["version"] = DatasetVersionDatasetFacet(model.revision)
    return InputDataset(space, f"models/{model.name}", facets=facets)


def _assertions(record: Record) -> list[Any]:
    """A verdict on a metric, or a check that broke, is an assertion. What was not judged asserts nothing, and
    stands in our own facet. severity is what the failing did; a bound that held has none that we know."""
    severity = {Status.FAIL: "error", Status.ERROR: "error", Status.WARN: "warn"}
    return [
        Assertion(
            assertion=verdict.check,
            success=verdict.status is Status.PASS,
            severity=severity.get(verdict.status),
            name=verdict.metric or verdict.check,
            description=verdict.why or None,
            expected=verdict.expected,
            actual=None if verdict.observed is None else str(verdict.observed),
        )
        for verdict in record.verdicts
        if verdict.status.judged and (verdict.metric or verdict.status is not Status.PASS)
    ]


def _model(model: Model) -> dict[str, Any]:
    return _present(model=model.name, revision=model.revision)


def _asked(one: Asked) -> dict[str, Any]:
    return {
        "name": one.judge,
        **_model(Model.parse(one.model)),
        "prompt": one.prompt,
        "promptDigest": one.prompt_digest,
        "repeats": one.repeats,
        "decoding": _present(temperature=one.temperature, seed=one.seed),
    }


def _generator(generator: Generator) -> dict[str, Any]:
    return _present(
        **_model(generator.model),
        provider=generator.provider,
        decoding={key: value for key, value in generator.decoding.items() if value is not None},
        systemPrompt=generator.system_prompt,
        rows=generator.rows,
    )


def _prompt(prompt: Prompt) -> dict[str, Any]:
    return _present(name=prompt.name, digest=prompt.digest, version=prompt.version, rows=prompt.rows)


def _source(source: Source) -> dict[str, Any]:
    return _present(name=str(source), digest=source.digest, rows=source.rows)


def _present(**facts: Any) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def _said(value: Lineage) -> str:
    """The same words for the same lineage, in any process."""
    return json.dumps(asdict(value), sort_keys=True, default=str)
