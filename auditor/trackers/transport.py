"""Where OpenLineage events go: to an address, to wherever OpenLineage's own configuration says, or to a file.

1. The address of the call (`openlineage.url` of the settings): HTTP, with the key of OPENLINEAGE_API_KEY.
2. A transport of `openlineage.yml` or of OPENLINEAGE__TRANSPORT__…: whatever the client can do.
3. OPENLINEAGE_URL: HTTP, with OPENLINEAGE_ENDPOINT and OPENLINEAGE_API_KEY.
4. Otherwise `.auditor/openlineage/events.jsonl`, an event a line.

OPENLINEAGE_DISABLED=true turns all of them off.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import RunEvent
    from openlineage.client.transport import Transport

Event = Mapping[str, Any]
"""One RunEvent as JSON."""

ENDPOINT = "api/v1/lineage"
"""What consumers listen on: https://openlineage.io/docs/client/python/configuration."""

FLUSH = 20.0
"""Seconds that a transport with a queue of its own may take to empty it."""

# A dead server must not hold up a registration: the outbox has patience. A second try bridges a restart.
_RETRY = {"total": 1, "connect": 1, "read": 1, "backoff_factor": 0.5}


def disabled() -> bool:
    return os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true"


def emit(events: Sequence[Event], url: str | None, home: Path) -> str:
    """Send events in their order; returns the id of the last one's run. home: the workspace's `.auditor/`.

    Raises whatever the transport raises; the caller redacts it. Sent twice, events are of the same runs.
    """
    if disabled():
        return ""
    with _untouched():
        client = _client(url)
        if client is None:
            append(events, home / "openlineage" / "events.jsonl")
        else:
            try:
                for event in events:
                    client.emit(_rebuilt(event))
            finally:
                client.close(FLUSH)
    return str(events[-1]["run"]["runId"]) if events else ""


def started(event: Event) -> Event:
    """The START event of the run that `event` ends: the same run, job and inputs' names, nothing known yet."""
    return {
        **event,
        "eventType": "START",
        "eventTime": event["run"]["facets"]["nominalTime"]["nominalStartTime"],
        "run": {"runId": event["run"]["runId"], "facets": {"nominalTime": event["run"]["facets"]["nominalTime"]}},
        "inputs": [{**given, "facets": {}, "inputFacets": {}} for given in event["inputs"]],
        "outputs": [],
    }


def append(events: Sequence[Event], path: Path) -> None:
    """One write, after whatever a killed writer left of its last line. The caller holds the outbox's lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            torn = file.read(1) != b"\n"
        else:
            torn = False
        lines = [json.dumps(event, sort_keys=True, ensure_ascii=False) + "\n" for event in events]
        file.write(("\n" * torn + "".join(lines)).encode("utf-8", "replace"))
        file.flush()
        os.fsync(file.fileno())


def _client(url: str | None) -> OpenLineageClient | None:
    """A client with its transport; None where nothing is configured."""
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport import get_default_factory
    from openlineage.client.transport.noop import NoopConfig, NoopTransport

    # The remote of the git repository would be told as it is written, and it may hold a password.
    quiet = {"facets": {"source_code_location": {"disabled": True}}}
    client = OpenLineageClient(transport=NoopTransport(NoopConfig()), config=quiet)
    configured = client.config.transport or {}
    if url:
        client.transport = _http(url, ENDPOINT)
    elif configured.get("type"):
        client.transport = get_default_factory().create(configured)
    elif os.environ.get("OPENLINEAGE_URL"):
        client.transport = _http(os.environ["OPENLINEAGE_URL"], os.environ.get("OPENLINEAGE_ENDPOINT") or ENDPOINT)
    else:
        return None
    return client


def _http(url: str, endpoint: str) -> Transport:
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    key = os.environ.get("OPENLINEAGE_API_KEY")
    auth = {"auth": {"type": "api_key", "apiKey": key}} if key else {}
    given: dict[str, Any] = {"url": url, "endpoint": endpoint, "retry": _RETRY, **auth}
    return HttpTransport(HttpConfig.from_dict(given))


def _rebuilt(event: Event) -> RunEvent:
    """The client's own object, as every transport expects it."""
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState

    return RunEvent(
        eventType=RunState(event["eventType"]),
        eventTime=event["eventTime"],
        run=Run(**event["run"]),
        job=Job(**event["job"]),
        inputs=[InputDataset(**dataset) for dataset in event["inputs"]],
        outputs=[OutputDataset(**dataset) for dataset in event["outputs"]],
        producer=event["producer"],
    )


@contextlib.contextmanager
def _untouched() -> Iterator[None]:
    """The client copies OPENLINEAGE_URL and the key into variables of its own, and its loggers tell the
    whole of its configuration: neither outlives the sending."""
    before = dict(os.environ)
    logger = logging.getLogger("openlineage")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
        for name in os.environ.keys() - before.keys():
            if name.startswith("OPENLINEAGE"):
                del os.environ[name]
