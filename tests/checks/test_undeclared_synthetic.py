"""undeclared-synthetic: detectors of other audits find what was mixed into data declared real."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from auditor import fakes
from auditor.checks.tells_of_synthesis import TellsOfSynthesis
from auditor.checks.undeclared_synthetic import UndeclaredSynthetic
from auditor.core.check import Context
from auditor.core.content.detector import MOST
from auditor.core.content.space import Space
from auditor.core.laws import program_laws
from auditor.engines.local import Local
from auditor.model import tiny
from auditor.model.card import Kind
from auditor.model.errors import InputError
from auditor.model.result import FINDING_SCHEMA, Measurement
from auditor.model.rows import Dataset

Records = Sequence[dict[str, Any]]
COMMON = "the of and to in is that it was for on are with as his they at be this have from or one had by".split()
STYLE = "furthermore delve tapestry certainly crucial landscape vibrant".split()


def texts(n: int, seed: int, style: float = 0.0) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    return [
        {"text": " ".join(draw.choice(STYLE if draw.random() < style else COMMON) for _ in range(draw.randint(15, 30)))}
        for _ in range(n)
    ]


def make(folder: Path, synthetic: Records, real: Records, space: Space) -> Path:
    """What an audit of generated data leaves."""
    rows, reference = (fakes.dataset(side, folder / name) for name, side in (("s", synthetic), ("r", real)))
    found = TellsOfSynthesis().run(rows, Context({"real": reference}, space=space), Local(1))
    (folder / "detector.json").write_bytes(found.artifacts["detector.json"])
    return folder / "detector.json"


def values(measurement: Measurement) -> dict[str, Any]:
    return {m.name.partition(".")[2]: m.value for m in measurement.metrics}


def run(rows: Dataset, detector: str = "", **context: Any) -> Measurement:
    return UndeclaredSynthetic(detector).run(rows, Context(**context), Local(2))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_share_mixed_in_is_estimated(tmp_path: Path, share: float) -> None:
    space = fakes.space(tmp_path / "space")
    detector = make(tmp_path, texts(800, 1, 0.12), texts(800, 2), space)
    many = round(800 * share)
    rows = fakes.dataset([*texts(many, 3, 0.12), *texts(800 - many, 4)], tmp_path / "rows")
    found = run(rows, str(detector), space=space)
    assert values(found)["synthetic"] == pytest.approx(share, abs=0.06)
    score = found.columns["score"]
    assert share in (0.0, 1.0) or score[:many].mean() > score[many:].mean() + 0.4


def test_findings_are_the_rows_beyond_the_threshold(tmp_path: Path) -> None:
    space = fakes.space(tmp_path / "space")
    detector = make(tmp_path, texts(400, 1, 0.3), texts(400, 2), space)
    rows = fakes.dataset([*texts(100, 4), *texts(50, 3, 0.3)], tmp_path / "rows")
    around = Context(space=space)
    check = UndeclaredSynthetic(str(detector))
    found = check.run(rows, around, Local(1))
    (table,) = check.locate(rows, found, around)
    assert table.schema.equals(FINDING_SCHEMA)
    assert len(table) == round(values(found)["rate"] * 150) <= MOST
    assert np.mean(table.column("row").to_numpy() >= 100) > 0.95


def test_another_embedder_leaves_the_wording(tmp_path: Path) -> None:
    space = fakes.space(tmp_path / "space")
    detector = make(tmp_path, texts(400, 1, 0.3), texts(400, 2), space)
    rows = fakes.dataset([*texts(100, 4), *texts(100, 3, 0.3)], tmp_path / "rows")
    whole = run(rows, str(detector), space=space)
    wording = run(rows, str(detector))
    about = json.loads(detector.read_text())
    (tmp_path / "other.json").write_text(json.dumps({**about, "embedder": "other@1"}))
    assert "embedding and wording" in whole.notes[0]
    assert "wording alone" in wording.notes[0]
    assert wording.metrics == run(rows, str(tmp_path / "other.json"), space=space).metrics
    assert values(wording)["synthetic"] == pytest.approx(0.5, abs=0.08)


def test_nothing_to_do_is_said(tmp_path: Path) -> None:
    space = fakes.space(tmp_path / "space")
    rows = fakes.dataset(texts(300, 2), tmp_path / "rows")
    found = run(rows, space=space)
    assert not found.metrics
    assert "give a detector" in found.notes[0]
    detector = make(tmp_path, texts(300, 1, 0.3), texts(300, 2), space)
    itself = run(rows, str(detector), space=space)
    assert not itself.metrics
    assert "made with these very rows" in itself.notes[0]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_what_is_declared_generated_is_not_asked(tmp_path: Path, kind: Kind) -> None:
    space = fakes.space(tmp_path / "space")
    detector = make(tmp_path, texts(400, 1, 0.3), texts(400, 2), space)
    rows = fakes.dataset([*texts(60, 4), *texts(60, 3, 0.3)], tmp_path / "rows")
    card = tiny.pedigree("train@1", {"train@1": tiny.Made()})
    found = run(rows, str(detector), space=space, pedigree=replace(card, card=replace(card.card, kind=kind)))
    if kind in ("synthetic", "mixed"):
        assert not found.metrics
        assert f"declared {kind}" in found.notes[0]
    else:
        assert found.metrics == run(rows, str(detector), space=space).metrics
        assert values(found)["rate"] > 0.4


def test_a_file_that_is_no_detector_is_refused(tmp_path: Path) -> None:
    rows = fakes.dataset(texts(20, 1), tmp_path / "rows")
    for content in ("", "[1]", '{"detector": 1}'):
        (tmp_path / "file.json").write_text(content)
        with pytest.raises(InputError, match="detector"):
            run(rows, str(tmp_path / "file.json"))
    with pytest.raises(InputError, match="No such file"):
        run(rows, str(tmp_path / "absent.json"))


WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "scope": lambda made: "../../etc/passwd",
    "rows": lambda made: -5,
    "edges": lambda made: [[None] * len(edges) for edges in made["edges"]],
    "thresholds": lambda made: {"both": [1.0, -5.0], "features": [1.0, 7.0]},
    "meaning": lambda made: made["meaning"][:4],
    "wording": lambda made: [[weight] for weight in made["wording"]],
}


@pytest.mark.parametrize("part", [*WRONG, "order", "columns", "dimension"])
def test_a_detector_whose_parts_do_not_fit_is_refused(tmp_path: Path, part: str) -> None:
    space = fakes.space(tmp_path / "space")
    file = make(tmp_path, texts(200, 1, 0.3), texts(200, 2), space)
    made = json.loads(file.read_text())
    if part in WRONG:
        made[part] = WRONG[part](made)
    elif part == "order":
        made["edges"] = [edges[::-1] for edges in made["edges"]]
    elif part == "columns":
        made["centre"] = [[value] for value in made["centre"]]
    else:
        made |= {"centre": made["centre"][:3], "meaning": made["meaning"][:4]}
    file.write_text(json.dumps(made))
    with pytest.raises(InputError, match="detector"):
        run(fakes.dataset(texts(60, 3), tmp_path / "rows"), str(file), space=space)


def test_any_sharding_gives_the_same(tmp_path: Path) -> None:
    space = fakes.space(tmp_path / "space")
    detector = make(tmp_path, texts(200, 1, 0.3), texts(200, 2), space)
    records = [*texts(100, 3), *texts(30, 4, 0.3), {"text": ""}, {"text": "天空"}]
    shardings = [fakes.dataset(records, tmp_path / str(size), shard_rows=size) for size in (200, 37)]
    context = Context(space=space)
    program_laws(UndeclaredSynthetic(str(detector)), shardings, [Local(1), Local(3)], context)


@pytest.mark.data
@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_alpaca_among_dolly(tmp_path: Path, shared_data: Callable[[str], Path], share: float) -> None:
    alpaca, dolly = (
        random.Random(7).sample(json.loads(shared_data(file).read_text("utf-8")), 2900)
        for file in ("alpaca/random_9k.json", "alpaca/dolly_3k.json")
    )
    space = fakes.space(tmp_path / "space")
    detector = make(tmp_path, alpaca[:1450], dolly[:1450], space)
    many = round(share * 1400)
    keys = ("instruction", "input", "output")
    mixed = [{key: row[key] for key in keys} for row in (*alpaca[1450 : 1450 + many], *dolly[1450 + many : 2850])]
    found = run(fakes.dataset(mixed, tmp_path / "rows"), str(detector), space=space)
    assert values(found)["synthetic"] == pytest.approx(share, abs=0.06)
