"""Pictures: the same bytes twice, nothing that a strict page would block, numbers that are the data's."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest

from auditor.model.result import Distribution
from auditor.reports import dashboards, figures

STYLE = dashboards.shipped() / "auditor.mplstyle"
SVG = "{http://www.w3.org/2000/svg}"
EVIL = '$x$ </title><script>alert(1)</script> style="a" url(#b) -->'


def drawn() -> dict[str, str]:
    d = Distribution("a.b", "Words in a row", "words", (0.0, 1.0, 2.0, 4.0), (3, 0, 9))
    log = Distribution("a.c", EVIL, EVIL, (1.0, 10.0, 100.0, 1000.0), (3, 1, 9), "log")
    beside = Distribution("a.d", EVIL, EVIL, (0.0, 1.0, 2.0), (3, 9), "linear", (5, 1))
    return {
        "distribution": figures.distribution(d, 1.5, STYLE, "d"),
        "log": figures.distribution(log, None, STYLE, "l"),
        "clusters": figures.clusters([9, 4, 2, 2], STYLE, "c"),
        "beside": figures.distribution(beside, None, STYLE, "b"),
    }


@pytest.fixture(scope="module")
def pictures() -> dict[str, str]:
    return drawn()


def test_same_data_same_bytes(pictures: dict[str, str]) -> None:
    assert drawn() == pictures


@pytest.mark.parametrize("name", ["distribution", "log", "clusters", "beside"])
def test_a_picture_is_well_formed_named_and_inert(pictures: dict[str, str], name: str) -> None:
    root = ET.fromstring(pictures[name])
    assert root.get("role") == "img"
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "defs", "g", "path", "use", "text", "tspan", "clipPath", "rect"}
    for element in root.iter():
        for key, value in element.attrib.items():
            assert key != "style"
            assert not key.lower().startswith("on")
            assert "http" not in value
            if key.endswith("href"):
                assert value.startswith("#")


def test_ids_of_two_pictures_do_not_meet(pictures: dict[str, str]) -> None:
    ids = [re.findall(r'\bid="([^"]+)"', svg) for svg in pictures.values()]
    flat = [one for some in ids for one in some]
    assert len(flat) == len(set(flat))
    for svg, own in zip(pictures.values(), ids, strict=True):
        values = [value for element in ET.fromstring(svg).iter() for value in element.attrib.values()]
        used = {match[1] for value in values if (match := re.match(r"(?:url\()?#([^)]+)\)?$", value))}
        assert used
        assert used <= set(own)


def test_colours_come_from_the_page_with_a_fallback(pictures: dict[str, str]) -> None:
    for svg in pictures.values():
        assert set(re.findall(r'(?:fill|stroke)="([^"]*)"', svg)) <= {"none", *figures.COLOURS.values()}


def bars(svg: str) -> list[float]:
    """Heights of the bars, as drawn."""
    found = re.findall(r'<path d="([^"]*)" clip-path=[^>]*fill="var\(--bar', svg)
    ys = [[float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", path)] for path in found]
    return [max(y) - min(y) for y in ys]


def test_bars_are_as_high_as_the_counts(pictures: dict[str, str]) -> None:
    low, none, high = bars(pictures["distribution"])
    assert none == pytest.approx(0)
    assert high / low == pytest.approx(3, rel=1e-3)
    sizes = bars(pictures["clusters"])
    assert [size / sizes[-1] for size in sizes] == pytest.approx([4.5, 2, 1, 1], rel=1e-3)


def test_the_bound_is_marked_where_it_lies_on_the_axis(pictures: dict[str, str]) -> None:
    assert "--mark" in pictures["distribution"]
    d = Distribution("a.b", "t", "u", (0.0, 1.0, 2.0), (3, 4))
    assert "--mark" not in figures.distribution(d, 7.0, STYLE, "d")


def test_a_workspace_s_own_style_stands_before_ours(tmp_path: Path) -> None:
    own = tmp_path / "dashboards"
    own.mkdir()
    assert dashboards.find("auditor.mplstyle", own) == STYLE
    (own / "auditor.mplstyle").write_text("figure.figsize: 8, 8\n")
    assert dashboards.find("auditor.mplstyle", own) == own / "auditor.mplstyle"


def test_words_in_any_script_are_texts_and_no_warnings() -> None:
    """Warnings are errors here; the fonts that we draw with lack these letters, and the reader's need not."""
    said = "ไปต่อ हिन्दी 日本語"
    picture = figures.distribution(Distribution("a.b", said, said, (0.0, 1.0, 2.0), (3, 9)), None, STYLE, "t")
    assert any(said in (element.text or "") for element in ET.fromstring(picture).iter(f"{SVG}text"))


TOLD = (
    (
        Distribution("a.b", "Rows in a cluster", "rows", (2.0, 3.0, 8.0, 2.0**30), (20, 2, 0), "log"),
        "Rows in a cluster: 22 values, drawn from 2 to 8 rows; the median from 2 to 3",
    ),
    (
        Distribution("a.b", "Copies of a row", "rows", (2.0, 2.0**30), (1,), "log"),
        "Copies of a row: 1 value, drawn from 2 to 1,073,741,824 rows; the median from 2 to 1,073,741,824",
    ),
    (
        Distribution("a.b", "words", "words", (18.5, 21.5, 26.5), (1, 3), "log", (2, 2)),
        "words: 4 values, drawn from 19 to 26; the median from 22 to 26",
    ),
    (
        Distribution("a.b", "Bytes", "share", (0.0, 0.05, 0.1), (0, 3)),
        "Bytes: 3 values, drawn from 0.05 to 0.1 share; the median from 0.05 to 0.1",
    ),
)


@pytest.mark.parametrize(("d", "told"), TOLD)
def test_a_title_tells_the_range_of_the_values_in_plain_numbers(d: Distribution, told: str) -> None:
    title = ET.fromstring(figures.distribution(d, None, STYLE, "k")).find(f"{SVG}title")
    assert title is not None
    assert title.text == told


def test_bars_of_uneven_bins_are_densities() -> None:
    """Log-uniform whole numbers: level bars at the places of a logarithmic axis, though bins hold 3, 5 or 4 numbers."""
    edges = (18.5, 21.5, 26.5, 30.5, 61.0)
    counts = tuple(round(100_000 * math.log(b / a)) for a, b in pairwise(edges))
    d = Distribution("a.b", "words", "words", edges, counts, "log", counts)
    svg = figures.distribution(d, None, STYLE, "k")
    heights = bars(svg)
    assert heights == pytest.approx([heights[0]] * 4, rel=1e-3)
    assert "% of rows per doubling" in svg
    assert [text.text for text in ET.fromstring(svg).iter(f"{SVG}text")][:2] == ["20", "50"]
    assert not any("e+" in figures._tick(10.0**power) for power in range(12))


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [figures.LIGHT, figures.DARK])
def test_the_sides_differ_in_lightness_and_both_from_the_ground(theme: dict[str, str]) -> None:
    """In grey print nothing else is left; 3 to 1 is what WCAG 2.2 asks of graphics (1.4.11), 4.5 of text (1.4.3)."""
    assert contrast(theme["bar"], theme["real"]) > 2.5
    assert contrast(theme["bar"], theme["mark"]) > 1.6
    assert min(contrast(theme[name], theme["surface"]) for name in ("bar", "real", "mark")) > 3
    assert min(contrast(theme[name], theme["surface"]) for name in ("ink", "muted", "mark")) > 4.5


def test_the_page_has_the_same_colours() -> None:
    sheet = (dashboards.shipped() / "report.css").read_text(encoding="utf-8")
    blocks = re.findall(r"\{([^{}]*--bar:[^{}]*)\}", sheet)
    assert len(blocks) == 3
    for block, theme in zip(blocks, (figures.LIGHT, figures.DARK, figures.DARK), strict=True):
        said = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block))
        assert {name: said[name] for name in theme} == theme
