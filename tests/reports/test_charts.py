"""Pictures of data beside real data, from tables as rooms give them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pyarrow as pa
import pytest

from auditor import reports
from auditor.model.result import Exhibit
from auditor.reports import charts, dashboards, exhibits, figures, plates
from auditor.reports.view import View
from tests.reports.test_maps import points

STYLE = dashboards.find("auditor.mplstyle", None)
SVG = "{http://www.w3.org/2000/svg}"


def test_every_picture_is_offered_where_its_data_is() -> None:
    sizes = pa.table({"side": ["synthetic"] * 3 + ["real"] * 2, "rank": [1, 2, 3, 1, 2], "size": [90, 5, 5, 6, 4]})
    regions = Exhibit("lost_tails.regions", "Lost", ("topic", "real rows", "synthetic rows"), (("$tax$ law", 4, 0),))
    series = Exhibit(
        "generation_trend.series",
        "Trend",
        ("metric", "version 1", "version 2"),
        (("vendi", 40.0, 20.0), ("odd", None, None)),
    )
    found = charts.of("few-patterns", {"map": points(), "sizes": sizes}, [], STYLE, "a", {"synthetic": 900})
    found += charts.of("lost-tails", {}, [regions], STYLE, "b", {})
    found += charts.of("generation-trend", {}, [series], STYLE, "c", {})
    assert [(one.name, one.title) for one in found] == [
        ("map", "Map of the rows over real ones"),
        ("sizes", "Rows of each pattern"),
        ("regions", "Topics of the real data that are missing most"),
        ("versions", "Diversity and tails over the versions"),
    ]
    assert found[0].caption.startswith("60 of 900 synthetic rows (filled dots) and 60 real rows (rings). ")
    assert found[1].caption.startswith("3 patterns in 100 synthetic rows and 2 patterns in 10 real rows. ")
    for one in found:
        svg = one.draw()
        assert ET.fromstring(svg).findtext(f"{SVG}title")
        assert not re.search(r"<script|<[^>]*\b(style|on\w+)=", svg)
        assert one.draw() == svg, "same data, same bytes"


def test_an_exhibit_is_formatted_by_its_columns() -> None:
    made = Exhibit("x.y", "t", ("name", "rows", "share of rows"), (("a", 1200, 0.123), ("b", None, None)), bar="rows")
    header, cells, right = exhibits.table(made)
    assert header == made.columns
    assert cells == [("a", "1,200", "12.3%"), ("b", "–", "–")]
    assert right == (1, 2)
    assert exhibits.widths(made) == [100.0, None]
    assert exhibits.table(made, 1)[1] == cells[:1]


def test_overlays_are_shares_of_each_side(tmp_path: Path) -> None:
    from auditor.model.result import Distribution
    from auditor.reports import figures

    d = Distribution("a.b", "Length", "words", (0.0, 1.0, 2.0), (10, 30), "linear", (1, 1))
    assert "var(--real" in figures.distribution(d, None, STYLE, "k")
    assert "% of rows" in figures.distribution(d, None, STYLE, "k")


TREND = Exhibit(
    "generation_trend.series",
    "Trend",
    ("metric", "better", "version 1", "version 2", "verdict"),
    (
        ("low_lexical_diversity.distinct_2", "more", 0.8, 0.2, "worse than before"),
        ("a_room.rate", "less", 0.1, 0.0, ""),
        ("b_room.rate", "less", 0.1, 0.4, ""),
    ),
)


def words(svg: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(svg).iter(f"{SVG}text")]


def test_writing_in_a_picture_is_of_the_pages_ink() -> None:
    sizes = pa.table({"side": ["synthetic"] * 2 + ["real"] * 2, "rank": [1, 2, 1, 2], "size": [90, 5, 6, 4]})
    regions = Exhibit("lost_tails.regions", "Lost", ("topic", "real rows", "synthetic rows"), (("tax law", 4, 0),))
    bars = Exhibit(
        "x.y", "t", ("name", "data", "real", "rows"), (("a", "1", "2", 1200), ("b", None, "x", None)), "", "rows"
    )
    drawn = [
        charts.sizes(sizes, STYLE, "a"), charts.regions(regions, STYLE, "b"), charts.series(TREND, STYLE, "c"),
        charts.table(bars, STYLE, "d"),
    ]  # fmt: skip
    inks = {figures.COLOURS[ink] for ink in (figures.INK, figures.STRONG, figures.MARK)}
    for svg in drawn:
        texts = ET.fromstring(svg).iter(f"{SVG}text")
        assert {text.get("fill") for text in texts} <= inks, "black is not read on black"


def test_a_strip_tells_which_way_is_worse_and_how_far_it_went() -> None:
    told = words(charts.series(TREND, STYLE, "c"))
    first, second, third = (told.index(name) for name in ("distinct 2", "a room", "b room"))
    assert told[first + 1 : first + 4] == ["more is better", "\N{MINUS SIGN}75%", "worse than before"]
    assert told[second + 1 : second + 3] == ["less is better", "\N{MINUS SIGN}100%"]
    assert told[third + 1 : third + 3] == ["less is better", "+300%"]


def test_what_starts_at_nought_is_drawn_and_told_so() -> None:
    rows = (
        ("semantic_duplicates.rate", "less", 0, 0.47, 0.94, "worse than before"),
        ("a_room.mtld", "more", 60.0, None, 30.0, ""),
        ("a_room.odd", "more", None, None, 3.0, ""),
    )
    heads = ("metric", "better", "round 1", "round 2", "round 3", "verdict")
    made = Exhibit("generation_trend.by_round", "t", heads, rows)
    (found,) = charts.of("generation-trend", {}, [made], STYLE, "a", {})
    assert "What starts at 0 is drawn from there to its greatest." in found.caption
    assert "1 metric without two values is not drawn." in found.caption
    told = words(found.draw())
    assert told[told.index("semantic duplicates") : told.index("semantic duplicates") + 4] == [
        "semantic duplicates", "less is better", "0 to 0.94", "worse than before",
    ]  # fmt: skip
    assert "\N{MINUS SIGN}50%" in told
    assert "odd" not in told
    heights = [float(y) for y in re.findall(r'<use [^>]*?y="([\d.]+)"', found.draw())][:3]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.01), "a scale of its own, from 0"


def test_points_at_the_edges_are_whole_and_long_names_are_on_two_lines() -> None:
    rows = (
        ("semantic_duplicates.effective_share", "more", 1.0, 40.0),
        ("near_duplicates.effective_share", "more", 1.0, 0.5),
        ("low_lexical_diversity.unique_ngram_product_to_real", "more", 1.0, 0.5),
    )
    svg = charts.series(
        Exhibit("generation_trend.series", "t", ("metric", "better", "version 1", "version 2"), rows), STYLE, "a"
    )
    assert not re.search(r"<g clip-path[^>]*>\s*<use", svg), "no point is cut by its panel"
    assert min(float(y) for y in re.findall(r'<use [^>]*?y="([\d.]+)"', svg)) > 2.4, "nor by the edge of the picture"
    told = words(svg)
    assert not [text for text in told if text.endswith("\u2026")]
    assert told[told.index("semantic duplicates") + 1] == "effective share"


def test_rounds_are_drawn_as_versions_are() -> None:
    heads = ("metric", "better", "Round 1", "Round 2", "change a step", "p", "verdict")
    rounds = Exhibit("generation_trend.by_Round", "t", heads, (("a.mtld", "more", 10.0, 9.0, -0.1, None, None),))
    (found,) = charts.of("generation-trend", {}, [rounds], STYLE, "a", {})
    assert (found.name, found.title) == ("rounds", "Diversity and tails over the rounds")
    assert {"MTLD", "\N{MINUS SIGN}10%", "1", "2", "round"} <= set(words(found.draw()))


def test_counts_have_whole_ticks_and_the_largest_of_a_line_is_told() -> None:
    told = words(figures.clusters([1], STYLE, "a"))
    assert [text for text in told if text[0].isdigit()] == ["1", "0", "1"]
    sizes = pa.table({"side": ["synthetic"] * 2, "rank": [1, 2], "size": [847, 5]})
    assert "847" in words(charts.sizes(sizes, STYLE, "a"))


def test_a_table_has_its_bars_and_both_sides_beside_them() -> None:
    made = Exhibit(
        "feature_drift.features", "t", ("feature", "effect", "real", "data"),
        (("prompt_chars", 0.5, "median 9", "median 3"), ("a field", 0.25, None, "x")), bar="effect",
    )  # fmt: skip
    svg = charts.table(made, STYLE, "t")
    assert {"Characters of the prompt", "a field", "0.5", "0.25", "median 9", "median 3", "real", "data"} <= set(
        words(svg)
    )
    paths = re.findall(r'<path d="([^"]*)"[^>]*fill="var\(--bar', svg)
    xs = [[float(x) for x in re.findall(r"[ML] ([\d.]+)", path)] for path in paths]
    long, short = (max(x) - min(x) for x in xs)
    assert long / short == pytest.approx(2, rel=1e-3)


def test_a_plate_stands_alone_in_light_and_dark() -> None:
    evil = "</text><script>alert(1)</script>\x1b"
    svg = charts.series(TREND, STYLE, "c")
    plate = plates.plate(svg, f"Title {evil}", "many words " * 40, f"data {evil}")
    assert plate == plates.plate(svg, f"Title {evil}", "many words " * 40, f"data {evil}")
    root = ET.fromstring(plate)
    assert "var(" not in plate
    assert root.findtext(f"{SVG}title") == "Title </text><script>alert(1)</script>\\x1b"
    assert not [one for one in root.iter() if one.tag.removeprefix(SVG) == "script"]
    ground = root.find(f"{SVG}rect")
    assert ground is not None
    assert ground.get("fill") == figures.LIGHT["surface"]
    used = set(re.findall(r'(?:fill|stroke)="(#\w+)"', plate))
    assert used <= set(figures.LIGHT.values())
    style = root.findtext(f"{SVG}style") or ""
    for name, colour in figures.LIGHT.items():
        assert f'[fill="{colour}"] {{ fill: {figures.DARK[name]} }}' in style
    width = float((root.get("viewBox") or "").split()[2])
    lines = [text for text in root.findall(f"{SVG}text") if (text.text or "").startswith(("Many", "many"))]
    assert len(lines) > 3
    assert all(len(line.text or "") * 12.5 * 0.55 < width for line in lines)


def test_files_are_called_what_they_show_and_nothing_in_them_runs(view: View, hostile: View) -> None:
    for one in (view, hostile):
        found = reports.pictures(one)
        assert found
        for name, plate in found.items():
            assert re.fullmatch(r"[a-z-]+-[A-Za-z0-9._-]+\.svg", name)
            tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(plate).iter()}
            assert not tags & {"script", "image", "a", "foreignObject", "animate", "set"}
            assert not re.search(r"<[^>]*\b(?:style|on\w+)=", plate)
    assert {"near-duplicates-jaccard.svg", "record-integrity-words.svg"} <= set(reports.pictures(view))
