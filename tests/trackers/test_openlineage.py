"""Events as the specification wants them, and as a real server receives them."""

from __future__ import annotations

import http.server
import importlib
import json
import logging
import pkgutil
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attr
import jsonschema
import pytest
from openlineage.client import generated
from openlineage.client.generated.base import BaseFacet
from openlineage.client.serde import Serde

import auditor.trackers.facets as ours
from auditor import trackers
from auditor.model.result import Status, Verdict
from auditor.registry import Workspace
from auditor.trackers import transport
from auditor.trackers.openlineage import audit_event, registration_event
from auditor.trackers.openlineage.runs import PRODUCER
from tests.trackers.cards import CARDS, MADE, SEEDS, digest, graph
from tests.trackers.conftest import record

Event = Mapping[str, Any]
KEY = "k3y-of-the-endpoint"

pytestmark = pytest.mark.usefixtures("no_openlineage")


def of_made() -> Event:
    return registration_event(MADE, MADE.versions[0], graph(*CARDS), fields={"instruction": "text", "score": "float"})


def of_audit() -> Event:
    seen = replace(record("made"), dataset=record().dataset | {"name": "made"})
    return audit_event(seen, MADE, MADE.versions[0])


def facet_classes() -> dict[str, type[BaseFacet]]:
    """Every facet that the installed client knows, and ours, by schema URL."""
    modules = [
        importlib.import_module(f"{generated.__name__}.{m.name}") for m in pkgutil.iter_modules(generated.__path__)
    ]
    found = [c for m in (*modules, ours) for c in vars(m).values() if isinstance(c, type) and issubclass(c, BaseFacet)]
    return {c._get_schema(): c for c in found}


def check_event(event: Event) -> None:
    """What OpenLineage.json (2-0-2) requires of a RunEvent and of all in it; facets by their own classes."""
    assert {"eventTime", "producer", "schemaURL", "run", "job"} <= set(event) <= {
        "eventTime", "producer", "schemaURL", "run", "job", "eventType", "inputs", "outputs",
    }  # fmt: skip
    assert event["eventType"] in {"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"}
    assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
    assert urlsplit(event["producer"]).scheme == "https"
    assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
    assert str(uuid.UUID(event["run"]["runId"])) == event["run"]["runId"]
    known = facet_classes()
    holders = [(event["run"], "facets"), (event["job"], "facets")]
    for dataset in (*event["inputs"], *event["outputs"]):
        holders += [(dataset, "facets"), (dataset, "inputFacets"), (dataset, "outputFacets")]
    for named in (event["job"], *event["inputs"], *event["outputs"]):
        assert isinstance(named["namespace"], str)
        assert named["namespace"]
        assert isinstance(named["name"], str)
        assert named["name"]
    for holder, place in holders:
        for facet in holder.get(place, {}).values():
            assert facet["_producer"] == event["producer"]
            cls = known[facet["_schemaURL"]]
            fields = {a.name: a for a in attr.fields(cls)}
            assert set(facet) <= set(fields), cls
            required = {n for n, a in fields.items() if a.default is attr.NOTHING}
            assert required <= set(facet), cls
            cls(**{n: v for n, v in facet.items() if not n.startswith("_")})  # its validators
    json.dumps(event, allow_nan=False)


@pytest.mark.parametrize("make", [of_made, of_audit])
def test_events_are_of_the_specification(make: Any) -> None:
    event = make()
    check_event(event)
    check_event(transport.started(event))
    assert make() == event


@pytest.mark.parametrize("make", [of_made, of_audit])
def test_events_go_through_the_clients_classes_unchanged(make: Any) -> None:
    assert Serde.to_dict(transport._rebuilt(make())) == make()


def schema(name: str) -> Any:
    found = json.loads((Path(ours.__file__).parent / f"{name}-1-0-0.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def test_our_facets_follow_their_schemas() -> None:
    (made,) = of_made()["outputs"]
    (audited,) = of_audit()["inputs"]
    for facet, name in ((made["facets"], "synthesis"), (audited["facets"], "verdict")):
        mine = {f"auditor_{name}": facet[f"auditor_{name}"]}
        jsonschema.validate(mine, schema(name), jsonschema.Draft202012Validator)
        assert mine[f"auditor_{name}"]["_schemaURL"].startswith(schema(name)["$id"] + "#/$defs/")
        pointer = mine[f"auditor_{name}"]["_schemaURL"].rpartition("/")[2]
        assert set(mine[f"auditor_{name}"]) <= set(schema(name)["$defs"][pointer]["properties"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(
            {"auditor_verdict": {**audited["facets"]["auditor_verdict"], "verdict": "fine"}}, schema("verdict")
        )


def test_a_generation() -> None:
    event = of_made()
    assert (event["eventType"], event["job"]["name"]) == ("COMPLETE", "made.generation")
    (made,) = event["outputs"]
    assert (made["namespace"], made["name"]) == ("auditor", "made")
    facets = made["facets"]
    assert facets["version"]["datasetVersion"] == "1"
    assert [(f["name"], f["type"]) for f in facets["schema"]["fields"]] == [
        ("instruction", "string"),
        ("score", "float"),
    ]
    assert facets["ownership"]["owners"] == [{"name": "team:data", "type": "OWNER"}]
    assert facets["lifecycleStateChange"]["lifecycleStateChange"] == "CREATE"
    assert made["outputFacets"]["outputStatistics"]["rowCount"] == 9000
    synthesis = facets["auditor_synthesis"]
    assert synthesis["technique"] == "self-instruct"
    assert synthesis["generators"] == [
        {"model": "acme/big-model", "revision": "2026-01-15", "provider": "acme",
         "decoding": {"temperature": 0.7}, "systemPrompt": digest("f")},
    ]  # fmt: skip
    assert synthesis["prompts"][0]["digest"] == MADE.versions[0].lineage.prompts[0].digest
    assert [s["name"] for s in synthesis["seeds"]] == ["seeds@1", "https://***@h.example/web.jsonl"]
    assert synthesis["judges"] == [{"model": "judge-model", "revision": "3"}]
    given = {(d["namespace"], d["name"]): d for d in event["inputs"]}
    assert set(given) == {
        ("auditor", "seeds"),
        ("https://h.example", "web.jsonl"),
        ("auditor", "models/acme/big-model"),
    }
    seeds = given["auditor", "seeds"]
    assert seeds["facets"]["version"]["datasetVersion"] == "1"
    assert seeds["facets"]["datasetType"]["subType"] == "REAL"
    assert seeds["inputFacets"]["inputStatistics"]["rowCount"] == 175
    model = given["auditor", "models/acme/big-model"]
    assert model["facets"]["datasetType"]["datasetType"] == "MODEL"
    assert "pw" not in json.dumps(event)


def test_an_audit() -> None:
    event = of_audit()
    assert (event["eventType"], event["job"]["name"], event["outputs"]) == ("COMPLETE", "made.audit", [])
    (given,) = event["inputs"]
    (failed,) = given["inputFacets"]["dataQualityAssertions"]["assertions"]
    failed.pop("params")
    assert failed == {
        "assertion": "near-duplicates", "success": False, "severity": "error", "name": "near_duplicates.rate",
        "description": "five | times <b>the</b> bound", "expected": "<= 0.05", "actual": "0.25",
    }  # fmt: skip
    assert given["facets"]["auditor_verdict"]["checks"] == {"near-duplicates": "fail", "language-mix": "skipped"}
    assert event["eventTime"] > event["run"]["facets"]["nominalTime"]["nominalStartTime"]
    again = replace(record("made"), run={"started": "2026-01-02T03:04:06+00:00"})
    assert audit_event(again, MADE, MADE.versions[0])["run"]["runId"] != event["run"]["runId"]


def test_a_partial_audit_says_what_it_found_and_no_verdict() -> None:
    seen = record("made")
    seen = replace(seen, policy=seen.policy | {"left_out": ["expired"]}, verdict=Status.PASS)
    event = audit_event(seen, MADE, MADE.versions[0])
    check_event(event)
    (audited,) = event["inputs"]
    assert "auditor_verdict" not in audited["facets"]
    assert [one["assertion"] for one in audited["inputFacets"]["dataQualityAssertions"]["assertions"]] == [
        "near-duplicates"
    ]


def test_an_audit_of_data_nobody_registered_where_a_check_broke() -> None:
    broken = Verdict("language-mix", None, Status.ERROR, None, None, "it fell over")
    seen = replace(record(), verdicts=(broken, Verdict("x", "x.rate", Status.PASS, 0.0, "<= 1", "")))
    event = audit_event(seen, None, None)
    check_event(event)
    assert event["eventType"] == "FAIL"
    assert "language-mix" in event["run"]["facets"]["errorMessage"]["message"]
    broke, held = event["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert (broke["success"], broke["severity"], broke["name"]) == (False, "error", "language-mix")
    assert (held["success"], held.get("severity"), held["actual"]) == (True, None, "0.0")


def test_what_was_not_judged_asserts_nothing() -> None:
    counted = Verdict("few-patterns", None, Status.MEASURED, None, None, "measured; the policy sets no bound")
    seen = replace(record("made"), verdicts=(counted,), verdict=Status.MEASURED)
    event = audit_event(seen, MADE, MADE.versions[0])
    check_event(event)
    (audited,) = event["inputs"]
    assert audited["inputFacets"]["dataQualityAssertions"]["assertions"] == []
    assert audited["facets"]["auditor_verdict"]["verdict"] == "measured"


def test_secrets_are_in_no_event() -> None:
    secret = "hunter-two-22"
    version = MADE.versions[0]
    generator = replace(version.lineage.generators[0], decoding={"api_key": secret, "note": f"token={secret}"})
    lineage = replace(version.lineage, generators=(generator,))
    card = replace(MADE, description=f"from https://me:{secret}@host/x")
    assert secret not in json.dumps(registration_event(card, replace(version, lineage=lineage), graph(*CARDS)))


def test_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registration_event(SEEDS, SEEDS.versions[0], graph(SEEDS), namespace="acme")["job"]["namespace"] == "acme"
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "from-the-environment")
    event = registration_event(SEEDS, SEEDS.versions[0], graph(SEEDS))
    assert event["outputs"][0]["namespace"] == "from-the-environment"


def lines(home: Workspace) -> list[Any]:
    return [json.loads(line) for line in (home.home / "openlineage" / "events.jsonl").read_text().splitlines()]


def test_the_file_is_the_default(home: Workspace) -> None:
    run = trackers.tell([of_made(), of_audit()], home)
    assert run == of_audit()["run"]["runId"]
    seen = lines(home)
    assert [e["eventType"] for e in seen] == ["START", "COMPLETE"] * 2
    assert [e["job"]["name"] for e in seen] == ["made.generation"] * 2 + ["made.audit"] * 2
    assert seen[1] == of_made()
    assert not list(home.outbox.iterdir())


def test_a_line_that_a_killed_writer_left_is_ended_first(home: Workspace) -> None:
    path = home.home / "openlineage" / "events.jsonl"
    path.parent.mkdir()
    path.write_text('{"half": ')
    trackers.tell([of_made()], home)
    half, *rest = path.read_text().splitlines()
    assert half == '{"half": '
    assert len([json.loads(line) for line in rest]) == 2


def test_disabled_is_disabled(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    assert trackers.tell([of_made()], home) is None
    assert not list(home.home.rglob("*.jsonl"))
    assert not home.outbox.exists()


def test_a_transport_of_openlineage_yml(home: Workspace, tmp_path: Path) -> None:
    """Any transport of the client's: here its own file transport, and a filter."""
    (tmp_path / "openlineage.yml").write_text(
        f"transport: {{type: file, log_file_path: {tmp_path}/theirs.jsonl, append: true}}\n"
        "filters: [{type: exact, match: made.audit}]\n"
    )
    assert trackers.tell([of_made(), of_audit()], home)
    seen = [json.loads(line) for line in (tmp_path / "theirs.jsonl").read_text().splitlines()]
    assert [e["eventType"] for e in seen] == ["START", "COMPLETE"]
    assert seen[1]["outputs"] == of_made()["outputs"]
    assert not (home.home / "openlineage").exists()


class Consumer:
    """A real HTTP server on loopback that keeps what it is sent."""

    def __init__(self) -> None:
        self.received: list[tuple[str, str | None, Any]] = []
        self.status = 201
        self.port = 0
        self._server: http.server.ThreadingHTTPServer | None = None

    def start(self) -> str:
        consumer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if consumer.status < 300:
                    consumer.received.append((self.path, self.headers["Authorization"], body))
                self.send_response(consumer.status)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    made = Consumer()
    yield made
    made.stop()


def test_received_over_http_with_a_key(home: Workspace, consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
    url = consumer.start()
    monkeypatch.setenv("OPENLINEAGE_API_KEY", KEY)
    assert trackers.tell([of_made()], home, url=url)
    assert [(path, key) for path, key, _ in consumer.received] == [("/api/v1/lineage", f"Bearer {KEY}")] * 2
    for (*_, body), said in zip(consumer.received, (transport.started(of_made()), of_made()), strict=True):
        del body["run"]["facets"]["tags"]  # the client signs its work
        check_event(body)
        assert body == said
    monkeypatch.setenv("OPENLINEAGE_URL", url)
    monkeypatch.setenv("OPENLINEAGE_ENDPOINT", "elsewhere")
    assert trackers.tell([of_audit()], home)
    assert consumer.received[-1][0] == "/elsewhere"
    import os

    assert not [name for name in os.environ if name.startswith("OPENLINEAGE__")]


def test_killed_and_started_again(
    home: Workspace, consumer: Consumer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENLINEAGE_API_KEY", KEY)
    secret = "pass-w0rd-of-url"
    url = consumer.start().replace("http://", f"http://me:{secret}@")
    monkeypatch.setenv("OPENLINEAGE_URL", url)
    consumer.stop()
    with caplog.at_level(logging.DEBUG):
        assert trackers.tell([of_made()], home) is None
        assert trackers.tell([of_made()], home) is None
        assert trackers.tell([of_audit()], home) is None
        assert trackers.sync(home) == (0, 2)
    assert "auditor sync" in caplog.text
    consumer.start()
    consumer.status = 503
    assert trackers.sync(home) == (0, 2)
    consumer.status = 200
    kept = b"".join(path.read_bytes() for path in home.outbox.rglob("*") if path.is_file()).decode()
    for hidden in (KEY, secret):
        assert hidden not in kept
        assert hidden not in caplog.text
    assert trackers.sync(home) == (2, 0)
    assert [body["eventType"] for *_, body in consumer.received] == ["START", "COMPLETE"] * 2
    assert [body["job"]["name"] for *_, body in consumer.received][::2] == ["made.generation", "made.audit"]
    assert trackers.sync(home) == (0, 0)


def test_importing_the_trackers_does_not_import_the_client() -> None:
    import subprocess
    import sys

    code = "import auditor.trackers, sys; print([m for m in sys.modules if m.startswith('openlineage')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert PRODUCER.startswith("https://")
