"""Pictures of data beside real data, from tables as rooms give them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest

from auditor.model.result import Exhibit
from auditor.reports import charts, dashboards, exhibits
from tests.reports.made import ATTACKS as RAW

ATTACKS = [attack.encode("utf-8", "replace").decode() for attack in RAW]
STYLE = dashboards.find("auditor.mplstyle", None)
SVG = "{http://www.w3.org/2000/svg}"


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


def test_a_map_has_every_row_as_a_point_that_tells_its_text_and_nothing_runs() -> None:
    drawn = ET.fromstring(charts.scatter(points()))
    circles = drawn.findall(f"{SVG}circle")
    assert len(circles) == 120
    assert all(0 <= float(c.attrib["cx"]) <= 640 and 0 <= float(c.attrib["cy"]) <= 480 for c in circles)
    assert all((c.findtext(f"{SVG}title") or "").startswith(("synthetic row", "real row")) for c in circles)
    assert {element.tag.removeprefix(SVG) for element in drawn.iter()} == {"svg", "title", "circle", "polygon", "text"}
    assert len(drawn.findall(f"{SVG}polygon")) == 3


def test_an_outline_goes_around_its_points() -> None:
    square = np.array([[0, 0], [4, 0], [4, 4], [0, 4], [2, 2], [1, 2], [2, 1], [3, 2]], float)
    corners = charts._hull(square[:, 0] + 0.0, square[:, 1] + 0.0)
    inside = charts._core(square[:, 0], square[:, 1])
    assert set(corners) <= set(inside.tolist())
    assert len(charts._hull(np.arange(9.0), np.arange(9.0))) == 0, "points on a line have no outline"


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_a_map_of_next_to_nothing_is_drawn(rows: int) -> None:
    assert len(ET.fromstring(charts.scatter(points(3).slice(0, rows))).findall(f"{SVG}circle")) == rows


def test_every_picture_is_offered_where_its_data_is() -> None:
    sizes = pa.table({"side": ["synthetic"] * 3 + ["real"] * 2, "rank": [1, 2, 3, 1, 2], "size": [90, 5, 5, 6, 4]})
    regions = Exhibit("lost_tails.regions", "Lost", ("topic", "real rows", "synthetic rows"), (("$tax$ law", 4, 0),))
    series = Exhibit(
        "generation_trend.series",
        "Trend",
        ("metric", "version 1", "version 2"),
        (("vendi", 40.0, 20.0), ("odd", None, None)),
    )
    found = charts.of("few-patterns", {"map": points(), "sizes": sizes}, [], STYLE, "a")
    found += charts.of("lost-tails", {}, [regions], STYLE, "b") + charts.of(
        "generation-trend", {}, [series], STYLE, "c"
    )
    assert [caption.split(":")[0] for _, caption in found] == [
        "Map of the rows over real (ochre)",
        "Rows of each pattern, largest first",
        "The regions that miss most",
        "Metrics over the versions, as multiples of the first",
    ]
    for draw, _ in found:
        svg = draw()
        assert ET.fromstring(svg).findtext(f"{SVG}title")
        assert not re.search(r"<script|<[^>]*\b(style|on\w+)=", svg)
        assert draw() == svg, "same data, same bytes"


def test_an_exhibit_is_formatted_by_its_columns() -> None:
    made = Exhibit("x.y", "t", ("name", "rows", "share of rows"), (("a", 1200, 0.123), ("b", None, None)), bar="rows")
    header, cells, right = exhibits.table(made)
    assert header == made.columns
    assert cells == [("a", "1,200", "12.3%"), ("b", "–", "–")]
    assert right == (1, 2)
    assert exhibits.widths(made) == [100.0, None]
    assert exhibits.table(made, 1)[1] == cells[:1]


def test_outlined_clusters_lie_within_the_frame_and_strays_on_its_edge() -> None:
    """A cluster of 1 in 700 rows is beyond the outermost quantiles; three rows farther out are no cluster."""
    random = np.random.default_rng(1)
    sizes = ((4000, 0.0), (6, 40.0))
    x = np.concatenate([random.normal(at, 1, n) for n, at in sizes] + [np.full(3, 900.0)])
    pattern = np.repeat([0, 1, -1], [4000, 6, 3])
    table = pa.table({
        "x": x, "y": random.normal(0, 1, len(x)), "side": ["synthetic"] * len(x), "pattern": pattern,
        "row": np.arange(len(x)),
    })  # fmt: skip
    drawn = ET.fromstring(charts.scatter(table))
    outlines = [
        [float(corner.split(",")[0]) for corner in (polygon.get("points") or "").split()]
        for polygon in drawn.iter(f"{SVG}polygon")
    ]
    assert len(outlines) == 2
    for corners in outlines:
        assert min(corners) > 12
        assert max(corners) < charts.WIDTH - 12
        assert max(corners) > min(corners)
    places = [float(circle.get("cx") or 0) for circle in drawn.findall(f"{SVG}circle")]
    assert places[-3:] == [charts.WIDTH - 12] * 3
    title = drawn.find(f"{SVG}title")
    assert title is not None
    assert (title.text or "").endswith("rows farther out drawn on the edge")


def test_a_cluster_of_real_rows_beside_the_rest_is_not_cut() -> None:
    random = np.random.default_rng(2)
    x = np.concatenate([random.uniform(-2, 2, 4000), random.normal(2.8, 0.1, 60), [30.0]])
    placed, beyond = charts._fitted(x, np.zeros(0, np.intp), 640, 12)
    assert np.flatnonzero(beyond).tolist() == [4060]
    cluster = placed[4000:4060]
    assert len(np.unique(cluster)) == 60
    assert placed.max() == 628
    assert np.ptp(placed[:4000]) > 400, "and the rest has most of the map"


def test_overlays_are_shares_of_each_side(tmp_path: Path) -> None:
    from auditor.model.result import Distribution
    from auditor.reports import figures

    d = Distribution("a.b", "Length", "words", (0.0, 1.0, 2.0), (10, 30), "linear", (1, 1))
    assert "var(--real" in figures.distribution(d, None, STYLE, "k")
    assert "% of rows" in figures.distribution(d, None, STYLE, "k")


def test_writing_in_a_picture_is_of_the_pages_ink() -> None:
    sizes = pa.table({"side": ["synthetic"] * 2 + ["real"] * 2, "rank": [1, 2, 1, 2], "size": [90, 5, 6, 4]})
    regions = Exhibit("lost_tails.regions", "Lost", ("topic", "real rows", "synthetic rows"), (("tax law", 4, 0),))
    trend = Exhibit(
        "generation_trend.series",
        "Trend",
        ("metric", "version 1", "version 2"),
        (("low_lexical_diversity.distinct_2", 0.8, 0.2), ("a_room.rate", 0.1, 0.0), ("b_room.rate", 0.1, 0.4)),
    )
    drawn = [charts.sizes(sizes, STYLE, "a"), charts.regions(regions, STYLE, "b"), charts.series(trend, STYLE, "c")]
    for svg in drawn:
        texts = ET.fromstring(svg).iter(f"{SVG}text")
        assert {text.get("fill") for text in texts} == {"var(--muted, #57606a)"}, "black is not read on black"
    words = [text.text for text in ET.fromstring(drawn[2]).iter(f"{SVG}text")]
    assert [word for word in words if word in ("distinct 2", "a room rate", "b room rate")] == [
        "b room rate", "distinct 2", "a room rate"
    ], "named from the highest end to the lowest"  # fmt: skip
