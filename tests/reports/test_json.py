"""audit.json: whole, published, refused where it is not ours."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model.errors import ConfigError
from auditor.model.result import Metric, Record
from auditor.reports import from_json, to_json
from auditor.reports.json import SCHEMA, schema
from auditor.reports.view import View

VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["$id"].startswith("https://")


@pytest.mark.parametrize("which", ["view", "hostile"])
def test_record_comes_back_whole_and_obeys_the_schema(which: str, request: pytest.FixtureRequest) -> None:
    record: Record = request.getfixturevalue(which).record
    written = to_json(record)
    VALIDATOR.validate(json.loads(written))
    assert from_json(written) == record
    assert to_json(from_json(written)) == written


def test_shape_is_the_published_one(view: View) -> None:
    seen = json.loads(to_json(view.record))
    assert seen["verdict"] == "fail"
    metric = seen["metrics"]["near_duplicates.rate"]
    assert set(metric) == {"value", "unit", "n", "why", "low", "high"}
    assert metric["value"] == 69 / 600
    assert seen["slices"][0].keys() == {"metric", "by", "group", *metric}
    assert {v["status"] for v in seen["verdicts"]} == {"pass", "measured", "warn", "fail", "skipped"}


@given(
    value=st.one_of(st.none(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False)),
    why=st.text(st.characters(codec=None)),
    low=st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
)
def test_any_number_and_any_text_survive(view: View, value: Any, why: str, low: float | None) -> None:
    metric = Metric("a.b", value, "share", 3, why, low)
    record = replace(view.record, metrics={"a.b": metric})
    back = from_json(to_json(record)).metrics["a.b"]
    assert back == metric
    assert type(back.value) is type(value)


def test_no_number_that_is_none_gets_in(view: View) -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_json(replace(view.record, metrics={"a.b": Metric("a.b", float("nan"), "share", 1)}))


@pytest.mark.parametrize("key", ["metrics", "verdicts", "checks", "dataset", "tool"])
def test_schema_asks_for_every_part(view: View, key: str) -> None:
    seen = json.loads(to_json(view.record))
    del seen[key]
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(seen)
    with pytest.raises(ConfigError, match="damaged"):
        from_json(json.dumps(seen).encode())


def test_schema_refuses_what_it_does_not_know(view: View) -> None:
    seen = json.loads(to_json(view.record))
    seen["metrics"]["near_duplicates.rate"]["p_value"] = 0.5
    with pytest.raises(jsonschema.ValidationError, match="p_value"):
        VALIDATOR.validate(seen)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a record"),
        (b"\xff\xfe", "not a record"),
        (b"[]", "no schema_version"),
        (b"{}", "no schema_version"),
        (b'{"schema_version": 2}', "another schema version"),
        (b'{"schema_version": "1"}', "another schema version"),
        (b'{"schema_version": 1}', "damaged"),
        (b'{"schema_version": 1, "verdict": "splendid"}', "damaged"),
    ],
)
def test_what_is_no_record_of_ours_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_json(content)


def test_file_names_that_are_not_utf8_survive(view: View) -> None:
    name = b"caf\xe9.jsonl".decode("utf-8", "surrogateescape")
    record = replace(view.record, dataset={**view.record.dataset, "files": [name]})
    assert from_json(to_json(record)).dataset["files"] == [name]
    assert (
        Path(from_json(to_json(record)).dataset["files"][0]).name.encode("utf-8", "surrogateescape") == b"caf\xe9.jsonl"
    )
