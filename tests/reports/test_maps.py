"""The map of the rows: outlines around what lies together, and around nothing else."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from auditor.reports import maps
from tests.reports.made import ATTACKS as RAW

ATTACKS = [attack.encode("utf-8", "replace").decode() for attack in RAW]
SVG = "{http://www.w3.org/2000/svg}"
Doubles = npt.NDArray[np.float64]


def points(n: int = 60) -> pa.Table:
    """Three tight groups of synthetic rows, real rows all over."""
    places = np.arange(n) % 3
    spread = np.linspace(0, 1, n)
    return pa.table(
        {
            "x": np.concatenate((places * 10 + spread, spread * 30)).astype(np.float32),
            "y": np.concatenate((places * 5 + spread[::-1] ** 2, spread * 9)).astype(np.float32),
            "side": ["synthetic"] * n + ["real"] * n,
            "pattern": pa.array([*places.tolist(), *[-1] * n], pa.int64()),
            "row": [*range(n), *range(n)],
            "text": [ATTACKS[i % len(ATTACKS)] for i in range(2 * n)],
            "name": [ATTACKS[i % 3] for i in range(2 * n)],
        }
    )


def of_groups(*groups: tuple[int, float, float, float, int], side: str = "synthetic") -> pa.Table:
    """Rows about places: (rows, x, y, spread, pattern)."""
    random = np.random.default_rng(1)
    n = sum(group[0] for group in groups)
    spread = np.repeat([group[3] for group in groups], [group[0] for group in groups])
    at = [np.repeat([group[place] for group in groups], [group[0] for group in groups]) for place in (1, 2, 4)]
    return pa.table({
        "x": at[0] + random.normal(0, 1, n) * spread, "y": at[1] + random.normal(0, 1, n) * spread,
        "side": [side] * n, "pattern": at[2].astype(np.int64), "row": np.arange(n), "text": [""] * n,
        "name": [f"name {int(one)}" for one in at[2]],
    })  # fmt: skip


def test_a_map_has_every_row_as_a_point_that_tells_its_text_and_nothing_runs() -> None:
    drawn = ET.fromstring(maps.scatter(points()))
    circles = [circle for circle in drawn.iter(f"{SVG}circle") if circle.find(f"{SVG}title") is not None]
    assert len(circles) == 120
    assert all(0 <= float(c.attrib["cx"]) <= 640 and 0 <= float(c.attrib["cy"]) <= 480 for c in circles)
    assert all((c.findtext(f"{SVG}title") or "").startswith(("synthetic row", "real row")) for c in circles)
    tags = {element.tag.removeprefix(SVG) for element in drawn.iter()}
    assert tags == {"svg", "g", "title", "circle", "polygon", "rect", "text"}
    assert len(drawn.findall(f"{SVG}polygon")) == 3


def test_sides_differ_in_more_than_colour() -> None:
    drawn = maps.scatter(points())
    title, of = f"{SVG}circle/{SVG}title", ET.fromstring(drawn).findall(f"{SVG}g")
    groups = {group.findtext(title, "").partition(" ")[0]: group for group in of}
    assert groups["real"].get("fill") == "none"
    assert groups["synthetic"].get("stroke") is None


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_a_map_of_next_to_nothing_is_drawn(rows: int) -> None:
    drawn = ET.fromstring(maps.scatter(points(3).slice(0, rows)))
    assert len([circle for circle in drawn.iter(f"{SVG}circle") if circle.find(f"{SVG}title") is not None]) == rows


def test_an_outline_holds_all_its_points_with_air_around_them() -> None:
    random = np.random.default_rng(3)
    for x, y in (random.normal(0, 20, (2, 40)), np.zeros((2, 5)), np.stack((np.arange(9.0), np.arange(9.0)))):
        corners = maps.hull(x, y, 7.0)
        away = np.hypot(corners[:, None, 0] - x, corners[:, None, 1] - y)
        assert away.min() > 7 * np.cos(np.pi / 12) - 0.01
        assert maps._inside(corners, x, y).all()
        edges = np.roll(corners, -1, axis=0) - corners
        following = np.roll(edges, -1, axis=0)
        turns = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
        assert (turns > 0).all(), "convex"


def test_a_pattern_that_is_torn_apart_has_an_outline_for_each_dense_part_and_one_name() -> None:
    torn = of_groups((200, 0, 0, 0.1, 0), (100, 10, 0, 0.1, 0), (3, 5, 5, 0.1, 0), (150, 5, 2, 0.1, 1))
    found = [(part.name, len(part.at), part.size) for part in maps.parts(torn)]
    assert found == [("name 0", 200, 303), ("name 0", 100, 303), ("name 1", 150, 150)]
    drawn = ET.fromstring(maps.scatter(torn))
    assert [text.text for text in drawn.findall(f"{SVG}text")] == ["name 0", "name 1"]


def test_a_pattern_among_others_has_no_outline() -> None:
    among = of_groups((600, 0, 0, 1.0, -1), (60, 0, 0, 1.0, 0), (80, 9, 0, 0.2, 1))
    assert [part.name for part in maps.parts(among)] == ["name 1"]
    assert "no pattern is large and dense enough" in maps.told(of_groups((600, 0, 0, 1.0, -1)), {})[1]


def test_real_patterns_are_outlined_in_their_own_line() -> None:
    both = pa.concat_tables([of_groups((90, 0, 0, 0.2, 0)), of_groups((90, 9, 9, 0.2, 0), side="real")])
    drawn = ET.fromstring(maps.scatter(both))
    dashes = [polygon.get("stroke-dasharray") for polygon in drawn.findall(f"{SVG}polygon")]
    assert dashes == [None, "4 3"]
    legend = [text.text for text in drawn.findall(f"{SVG}g")[-1].iter(f"{SVG}text")]
    assert legend == ["synthetic", "real", "pattern of synthetic", "pattern of real"]


def test_names_lie_beside_their_outlines_and_on_no_other() -> None:
    found = maps.parts(of_groups(*((40, 10.0 * (n % 4), 4.0 * (n // 4), 0.15, n) for n in range(8))))
    assert len(found) == 8
    drawn = ET.fromstring(maps.scatter(of_groups(*((40, 10.0 * (n % 4), 4.0 * (n // 4), 0.15, n) for n in range(8)))))
    outlines = [
        np.array([[float(at) for at in corner.split(",")] for corner in (one.get("points") or "").split()])
        for one in drawn.findall(f"{SVG}polygon")
    ]
    names = drawn.findall(f"{SVG}text")
    assert len(names) == 8
    for name in names:
        at = np.array([float(name.get("x") or 0), float(name.get("y") or 0)])
        away = [np.hypot(*(outline - at).T).min() for outline in outlines]
        assert min(away) < 60
        title = drawn.findall(f"{SVG}polygon")[int(np.argmin(away))].findtext(f"{SVG}title") or ""
        assert title.endswith(str(name.text))


def test_outlined_parts_lie_within_the_frame_and_strays_on_its_edge() -> None:
    """A pattern of 1 in 700 rows is beyond the outermost quantiles; three rows farther out are no pattern."""
    table = of_groups((4000, 0, 0, 1.0, 0), (6, 40, 0, 0.05, 1), (3, 900, 0, 0.0, -1))
    drawn = ET.fromstring(maps.scatter(table))
    outlines = [
        [float(corner.split(",")[0]) for corner in (polygon.get("points") or "").split()]
        for polygon in drawn.iter(f"{SVG}polygon")
    ]
    assert len(outlines) == 2
    for corners in outlines:
        assert min(corners) > 0
        assert max(corners) < maps.WIDTH
        assert max(corners) > min(corners)
    places = [float(circle.get("cx") or 0) for circle in drawn.findall(f"{SVG}g")[0].findall(f"{SVG}circle")]
    assert places[-3:] == [maps.WIDTH - maps.MARGIN] * 3
    assert (drawn.findtext(f"{SVG}title") or "").endswith("rows farther out drawn on the edge")


def test_a_cluster_of_real_rows_beside_the_rest_is_not_cut() -> None:
    random = np.random.default_rng(2)
    x = np.concatenate([random.uniform(-2, 2, 4000), random.normal(2.8, 0.1, 60), [30.0]])
    placed, beyond = maps.fitted(x, np.zeros(0, np.intp), 640)
    assert np.flatnonzero(beyond).tolist() == [4060]
    cluster = placed[4000:4060]
    assert len(np.unique(cluster)) == 60
    assert placed.max() == 640 - maps.MARGIN
    assert np.ptp(placed[:4000]) > 400, "and the rest has most of the map"
