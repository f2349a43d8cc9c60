"""The power that the documents draw: measured again at points between the ends, and drawn from what was measured."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.stats import betabinom

import auditor
from auditor.core.check import registered

ROOT = Path(auditor.__file__).parent.parent
CSV, SVG = ROOT / "docs" / "power.csv", ROOT / "docs" / "power.svg"

pytestmark = pytest.mark.skipif(not CSV.exists(), reason="not a checkout: the documents stand beside the package")


@pytest.fixture(scope="module")
def power() -> ModuleType:
    spec = importlib.util.spec_from_file_location("power", ROOT / "benchmarks" / "power.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def curve(power: ModuleType, metric: str, rows: int) -> dict[float, dict[str, Any]]:
    return {one["share"]: one for one in power.read(CSV) if (one["metric"], one["rows"]) == (metric, rows)}


def test_the_picture_is_of_what_was_measured(power: ModuleType) -> None:
    points = power.read(CSV)
    assert SVG.read_text("utf-8") == power.drawing(points)
    drawn = ET.fromstring(SVG.read_text("utf-8"))
    assert len(drawn.findall(".//*[@class]")) > 2 * len(points)
    wanted = [(m, rows, share) for m, (sizes, shares) in power.CURVES.items() for rows in sizes for share in shares]
    assert [(one["metric"], one["rows"], one["share"]) for one in points] == wanted


def test_the_tables_say_the_same(power: ModuleType) -> None:
    """`| 400 | .02 (.50) | …` in the page of tells-of-synthesis, with the median AUC; elsewhere without."""

    def short(value: float) -> str:
        return "1" if round(value, 2) == 1 else f"{value:.2f}".removeprefix("0")

    for metric, name in (("mmd_p", "embedding-drift"), ("p", "tells-of-synthesis")):
        page = registered()[name].__doc__ or ""
        for rows in power.CURVES[metric][0]:
            cells = [
                short(one["alarms"] / one["draws"]) + (f" ({short(one['value'])})" if metric == "p" else "")
                for one in curve(power, metric, rows).values()
            ]
            assert f"| {rows:,} | {' | '.join(cells)} |" in page


@pytest.mark.data
@pytest.mark.parametrize(
    ("metric", "rows", "shares", "draws", "near"),
    [
        ("mmd_p", 200, (0.0, 0.05, 0.1, 0.2), 20, 0.01),
        ("mmd_p", 1_000, (0.05, 0.1), 10, 0.005),
        ("p", 400, (0.0, 0.1, 0.2, 0.4), 8, 0.03),
    ],
)
def test_other_draws_lie_on_the_curve(
    tmp_path: Path,
    shared_data: Callable[[str], Path],
    power: ModuleType,
    metric: str,
    rows: int,
    shares: tuple[float, ...],
    draws: int,
    near: float,
) -> None:
    """Alarms within what their number of draws and the curve's own make likely (beta-binomial, Jeffreys' prior)."""
    test, *sources = power.TESTS[metric]
    see = test(tmp_path, *(power.lines(shared_data(source)) for source in sources))
    found = []
    for share in shares:
        point = curve(power, metric, rows)[share]
        seen = np.array([see(1_000 + seed, rows, round(share * rows)) for seed in range(draws)])
        alarms = int((seen[:, 0] <= power.ALARM).sum())
        low, high = betabinom.interval(0.99, draws, point["alarms"] + 0.5, point["draws"] - point["alarms"] + 0.5)
        assert low <= alarms <= high, share
        found.append(float(np.median(seen[:, 1])))
        assert found[-1] == pytest.approx(point["value"], abs=near), share
    assert found == sorted(found)
