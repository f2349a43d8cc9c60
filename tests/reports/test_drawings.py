"""The lineage drawn: each form read back by another reader, or held against the graph."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model.errors import ConfigError
from auditor.model.graph import Edge, Graph, Node, NodeKind, Role
from auditor.reports import lineage
from auditor.reports.drawings import LARGEST, parts
from auditor.reports.drawings.layout import HEIGHT, WIDTH, layout

NASTY = "<script>alert(1)</script>\"'&|`${x}`\x1b[31m\u202e]({[--> end;#quot;"


def graph(*edges: tuple[str, str, Role], rows: dict[str, int] | None = None, **facts: Any) -> Graph:
    nodes = {}
    for ident in sorted({end for edge in edges for end in edge[:2]}):
        kind, _, name = ident.partition(":")
        assert kind in ("dataset", "model", "prompt", "file")
        named, _, version = name.rpartition("@")
        held = {"rows": (rows or {}).get(ident), "data": "synthetic" if kind == "dataset" else None}
        nodes[ident] = Node(ident, kind, named or name, version or None, **held)  # type: ignore[arg-type]
    return Graph(nodes, tuple(Edge(*edge) for edge in edges))


CHAIN = graph(
    ("dataset:seeds@1", "dataset:made@1", "seed"),
    ("model:gpt@1", "dataset:made@1", "generator"),
    ("model:gpt@1", "dataset:more@1", "generator"),
    ("dataset:made@1", "dataset:more@1", "parent"),
    ("dataset:test@1", "dataset:more@1", "eval"),
    ("dataset:more@1", "model:student@1", "trained_on"),
    rows={"dataset:seeds@1": 175, "dataset:made@1": 1000},
)


def test_the_tree() -> None:
    assert lineage(CHAIN, "dataset:more@1", "text") == (
        "more@1  synthetic\n"
        "├── made from\n"
        "│   ├── gpt@1  generator\n"
        "│   ├── made@1  parent · synthetic · 1,000 rows\n"
        "│   │   ├── gpt@1  generator · see above\n"
        "│   │   └── seeds@1  seed · synthetic · 175 rows\n"
        "│   └── test@1  eval · synthetic\n"
        "└── went into\n"
        "    └── student@1  trained on it\n"
    )


def of(ident: str, **facts: Any) -> Node:
    kind, _, name = ident.partition(":")
    assert kind in ("dataset", "file")
    return Node(ident, kind, *name.split("@"), **facts)  # type: ignore[arg-type]


def test_what_has_the_same_rows_is_followed_downstream() -> None:
    """Two publishers, one content: a recall by one's name reaches what was made under the other's."""
    seeds, wang = (of(f"dataset:{name}@1", data="real", rows=175, digest="sha256:a") for name in ("seeds", "wang"))
    third = of("file:copy@a", rows=175, digest="sha256:a")
    empty = [of(f"dataset:{name}@1", data="real", rows=0, digest="sha256:e") for name in ("none", "nothing")]
    made = of("dataset:alpaca@1", data="synthetic", rows=9, digest="sha256:b")
    nodes = {node.id: node for node in (seeds, wang, third, made, *empty)}
    found = Graph(nodes, (Edge(seeds.id, made.id, "seed"),))
    assert lineage(found, wang.id, "text") == (
        "wang@1  real · 175 rows\n"
        "└── went into\n"
        "    ├── seeds@1  the same rows · real · 175 rows\n"
        "    │   └── alpaca@1  seeded by it · synthetic · 9 rows\n"
        "    └── copy@a  the same rows · unregistered file · 175 rows\n"
    )
    assert "wang" not in lineage(found, made.id, "text"), "what it was made from is what its card says"
    assert "nothing is recorded" in lineage(found, empty[0].id, "text")
    edges = json.loads(lineage(found, wang.id, "json"))["edges"]
    assert [(e["source"], e["target"]) for e in edges if e["role"] == "same"] == [
        (wang.id, seeds.id),
        (wang.id, third.id),
    ]
    for form in ("mermaid", "dot", "html"):
        assert "the same rows" in lineage(found, wang.id, form)


def test_an_eval_set_that_is_a_parent_says_so_and_so_does_a_missing_card() -> None:
    test, gone = of("dataset:gsm-test@1", data="eval", rows=1319), of("dataset:seeds@1", rows=175)
    made = of("dataset:made@1", data="synthetic")
    nodes = {node.id: node for node in (test, gone, made)}
    found = Graph(nodes, (Edge(test.id, made.id, "parent"), Edge(gone.id, made.id, "seed")))
    assert lineage(found, made.id, "text") == (
        "made@1  synthetic\n"
        "└── made from\n"
        "    ├── seeds@1  seed · dataset, on no card here · 175 rows\n"
        "    └── gsm-test@1  parent · eval · 1,319 rows\n"
    )


def test_directions_and_depth() -> None:
    assert "student" not in lineage(CHAIN, "dataset:more@1", "text", downstream=False)
    assert "seeds" not in lineage(CHAIN, "dataset:more@1", "text", upstream=False)
    cut = lineage(CHAIN, "dataset:more@1", "text", depth=1)
    assert "seeds" not in cut
    assert cut.endswith("1 more node beyond depth 1\n")
    alone = Graph({"dataset:a@1": Node("dataset:a@1", "dataset", "a", "1")})
    assert "nothing is recorded" in lineage(alone, "dataset:a@1", "text")


def test_cycles_and_long_chains_end() -> None:
    loop = graph(("dataset:a@1", "model:m@1", "trained_on"), ("model:m@1", "dataset:a@1", "generator"))
    assert lineage(loop, "dataset:a@1", "text").count("see above") == 2
    long = graph(*((f"dataset:d{n}@1", f"dataset:d{n + 1}@1", "parent") for n in range(3_000)))
    assert lineage(long, "dataset:d3000@1", "text").count("\n") == 3_002


def test_colours_are_only_colours() -> None:
    plain, coloured = (lineage(CHAIN, "dataset:more@1", "text", color=c) for c in (False, True))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_unknown_nodes_and_formats_are_told() -> None:
    with pytest.raises(ConfigError, match="did you mean 'dataset:more@1'"):
        lineage(CHAIN, "dataset:more@2", "text")
    with pytest.raises(ConfigError, match="did you mean 'mermaid'"):
        lineage(CHAIN, "dataset:more@1", "mermade")


def test_mermaid_holds_the_graph() -> None:
    lines = lineage(CHAIN, "dataset:more@1", "mermaid").splitlines()
    assert lines[0] == "flowchart LR"
    labels = dict(re.findall(r'^ +(n\d+)[\[({/]+"(.*?)<br/>', "\n".join(lines), re.MULTILINE))
    arrows = re.findall(r"^ +(n\d+) (-->|-\.->)\|(.*?)\| (n\d+)$", "\n".join(lines), re.MULTILINE)
    told = {(labels[a], labels[b], role) for a, _, role, b in arrows}
    names = {node.id: str(node) for node in CHAIN.nodes.values()}
    assert told == {(names[e.source], names[e.target], parts.ROLES[e.role]) for e in CHAIN.edges}
    assert sum(arrow == "-.->" for _, arrow, _, _ in arrows) == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pydot's own calls
def test_dot_is_read_by_pydot() -> None:
    pydot = pytest.importorskip("pydot")  # DVC brings it
    (read,) = pydot.graph_from_dot_data(lineage(hostile(), "dataset:bad", "dot"))
    assert len(read.get_nodes()) == 2 + 2  # and the defaults of nodes and edges
    assert len(read.get_edges()) == 1


def test_json_is_the_graph() -> None:
    told = json.loads(lineage(CHAIN, "dataset:more@1", "json"))
    assert {node["id"]: node["distance"] for node in told["nodes"]} == {
        "dataset:more@1": 0,
        "dataset:made@1": -1,
        "model:gpt@1": -1,
        "dataset:test@1": -1,
        "dataset:seeds@1": -2,
        "model:student@1": 1,
    }
    assert {(e["source"], e["target"], e["role"]) for e in told["edges"]} == {
        (e.source, e.target, e.role) for e in CHAIN.edges
    }


def hostile() -> Graph:
    nodes = [
        Node("dataset:bad", "dataset", NASTY, data="synthetic", technique=NASTY, status=NASTY, digest=NASTY),
        Node(f"model:{NASTY}", "model", NASTY, NASTY, withdrawn=NASTY),
    ]
    return Graph({node.id: node for node in nodes}, (Edge(nodes[1].id, nodes[0].id, "generator"),))


class Tags(HTMLParser):
    """Elements and attributes of a page, in a parser that is not the one that wrote it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


@pytest.mark.parametrize("form", ["text", "mermaid", "dot", "html", "json"])
def test_hostile_names_drive_nothing(form: str) -> None:
    drawn = lineage(hostile(), "dataset:bad", form)
    assert "\x1b" not in drawn
    assert "\u202e" not in drawn
    if form == "mermaid":
        assert all(set('<>"`;') & set(label) == set() or "#" in label for label in re.findall(r'"(.*?)<br/>', drawn))
        assert "<script" not in drawn
    if form == "html":
        page = Tags()
        page.feed(drawn)
        assert page.tags.count("script") == 2
        assert not [name for name, _ in page.attributes if name.startswith("on")]
        assert "style" not in [name for name, _ in page.attributes]
        assert not [value for name, value in page.attributes if name in ("src", "href") and value != "data:,"]


def test_the_page_knows_the_graph_and_asks_nothing_of_the_network() -> None:
    page = lineage(CHAIN, "dataset:more@1", "html")
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    names = [node["id"] for node in data["nodes"]]
    told = {(names[s], names[t], role) for s, t, role, _ in data["edges"]}
    assert told == {(e.source, e.target, parts.ROLES[e.role]) for e in CHAIN.edges}
    assert names[data["start"]] == "dataset:more@1"
    assert "default-src &#39;none&#39;" in page
    assert not re.search(r"https?://", page)
    assert page.count('class="node ') == len(CHAIN.nodes)


def test_too_much_is_cut_and_told() -> None:
    star = graph(
        *((f"dataset:d{n}@1", f"dataset:e{n}@1", "parent") for n in range(400)),
        *(("model:m@1", f"dataset:d{n}@1", "generator") for n in range(400)),
    )
    page = lineage(star, "model:m@1", "html")
    assert page.count('class="node ') == 401
    assert "400 more nodes beyond depth 1 not shown" in page
    wide = graph(*(("model:m@1", f"dataset:d{n:04}@1", "generator") for n in range(700)))
    page = lineage(wide, "model:m@1", "html")
    assert page.count('class="node ') == LARGEST
    assert "201 more nodes" in page


@st.composite
def pictures(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    names = [f"n{n}" for n in range(draw(st.integers(1, 40)))]
    ends = st.sampled_from(names)
    return names, draw(st.lists(st.tuples(ends, ends).filter(lambda e: e[0] != e[1]), max_size=80, unique=True))


@given(pictures())
def test_boxes_stand_apart_and_edges_run_from_cause_to_effect(picture: tuple[list[str], list[tuple[str, str]]]) -> None:
    names, edges = picture
    placed = layout(names, edges)
    boxes = [placed.places[name] for name in names]
    for n, (x, y) in enumerate(boxes):
        assert 0 <= x <= placed.width - WIDTH
        assert -0.001 <= y <= placed.height - HEIGHT + 0.001
        for a, b in boxes[:n]:
            assert abs(x - a) >= WIDTH or abs(y - b) >= HEIGHT
    for n, (source, target) in enumerate(edges):
        (left, _), (right, _) = placed.places[source], placed.places[target]
        assert left > right if n in placed.backward else left < right
        assert placed.paths[n].startswith("M")
    assert layout(names, edges) == placed


def test_a_graph_without_cycles_has_no_backward_edge() -> None:
    placed = layout([f"n{n}" for n in range(30)], [(f"n{a}", f"n{b}") for a in range(30) for b in range(a + 1, 30, 7)])
    assert not placed.backward


def test_a_small_tree_is_drawn_without_crossings() -> None:
    edges = [("r", "a"), ("r", "b"), ("a", "c"), ("b", "d"), ("a", "e"), ("b", "f")]
    placed = layout(["f", "c", "d", "e", "a", "b", "r"], edges)
    height = {name: y for name, (_, y) in placed.places.items()}
    assert (height["a"] < height["b"]) == (max(height["c"], height["e"]) < min(height["d"], height["f"]))


NODE_KINDS: tuple[NodeKind, ...] = ("dataset", "model", "prompt", "file")


def test_every_kind_is_drawn_in_every_form() -> None:
    nodes = {f"{kind}:x@1": Node(f"{kind}:x@1", kind, "x", "1") for kind in NODE_KINDS}
    edges = tuple(Edge(f"{kind}:x@1", "dataset:y@1", "parent") for kind in NODE_KINDS)
    every = Graph({**nodes, "dataset:y@1": Node("dataset:y@1", "dataset", "y", "1")}, edges)
    for form in ("text", "mermaid", "dot", "json", "html"):
        assert lineage(every, "dataset:y@1", form).count("x@1") >= 4
