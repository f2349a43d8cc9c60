"""Pictures: the same bytes twice, nothing that a strict page would block, numbers that are the data's."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from auditor.core.intervals import rate
from auditor.model.result import Distribution, Slice
from auditor.reports import dashboards, figures, wording

STYLE = dashboards.shipped() / "auditor.mplstyle"
SVG = "{http://www.w3.org/2000/svg}"
EVIL = '$x$ </title><script>alert(1)</script> style="a" url(#b) -->'


def drawn() -> dict[str, str]:
    d = Distribution("a.b", "Words in a row", "words", (0.0, 1.0, 2.0, 4.0), (3, 0, 9))
    log = Distribution("a.c", EVIL, EVIL, (1.0, 10.0, 100.0, 1000.0), (3, 1, 9), "log")
    slices = [Slice("by", group, rate("a.rate", hits, 40)) for group, hits in (("x", 3), (EVIL, 30), ("", 0))]
    return {
        "distribution": figures.distribution(d, 1.5, STYLE, "d"),
        "log": figures.distribution(log, None, STYLE, "l"),
        "clusters": figures.clusters([9, 4, 2, 2], STYLE, "c"),
        "groups": figures.groups(slices, wording.Bound("<=", 0.2), STYLE, "g"),
    }


@pytest.fixture(scope="module")
def pictures() -> dict[str, str]:
    return drawn()


def test_same_data_same_bytes(pictures: dict[str, str]) -> None:
    assert drawn() == pictures


@pytest.mark.parametrize("name", ["distribution", "log", "clusters", "groups"])
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
        assert set(re.findall(r'(?:fill|stroke)="([^"]*)"', svg)) <= {"none", *figures._PALETTE.values()}


def bars(svg: str) -> list[float]:
    """Heights of the bars, as drawn."""
    found = re.findall(r'<path d="([^"]*)"[^>]*fill="var\(--bar', svg)
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
