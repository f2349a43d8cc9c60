"""The index: what the cards say, and no trace of what they said before."""

import datetime as dt
import multiprocessing
import os
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.model.card import Card, Lineage, Model, ModelCard, Registered, Revision, Source, Withdrawal
from auditor.model.errors import ConfigError
from auditor.model.graph import Graph
from auditor.registry import Workspace, cards, index, models
from tests.registry.any_cards import CARDS, MODEL_CARDS

NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def card(name: str, *lineages: Lineage, digest: str = "") -> Card:
    versions = [
        Registered(number, NOW + dt.timedelta(number), "a", digest or hexed(f"{name}@{number}"), 5, lineage)
        for number, lineage in enumerate(lineages, 1)
    ]
    versions = [replace(v, status="superseded") for v in versions[:-1]] + versions[-1:]
    return Card(name, "synthetic", tuple(versions))


def hexed(name: str) -> str:
    return f"sha256:{name.encode().hex():0>64}"


def straight(everything: list[Card], told: list[ModelCard]) -> set[tuple[str, str, str, int | None]]:
    """Edges by reading the cards one by one, the slow way."""
    named = {}
    for one in sorted(everything, key=lambda c: c.name):
        for version in one.versions:
            key = (version.date, one.ref(version))
            named[version.digest] = min(named.get(version.digest, key), key)

    def source(of: Source) -> str:
        if of.dataset:
            return f"dataset:{of.dataset}"
        if of.digest in named:
            return f"dataset:{named[of.digest][1]}"
        return f"file:{of.file or ''}" + (f"@{of.digest[7:19]}" if of.digest else "")

    found: dict[tuple[str, str, str], list[int | None]] = {}
    raw: dict[tuple[str, str, str], str] = {}

    def add(origin: str, target: str, role: str, rows: int | None, unmapped: str = "") -> None:
        key = (unmapped or origin, target, role)
        raw[key] = origin
        found.setdefault(key, []).append(rows)

    for one in everything:
        for version in one.versions:
            me, of = f"dataset:{one.name}@{version.version}", version.lineage
            for generator in of.generators:
                add(f"model:{generator.model}", me, "generator", generator.rows)
            for prompt in of.prompts:
                add(
                    f"prompt:{prompt.name}" + (f"@{prompt.digest[7:19]}" if prompt.digest else ""),
                    me,
                    "prompt",
                    prompt.rows,
                )
            for role, sources in (("seed", of.seeds), ("parent", of.parents), ("eval", of.evals)):
                for each in sources:
                    add(source(each), me, role, each.rows, index.source_node(each))
            for judge in of.judges:
                add(f"model:{judge}", me, "judge", None)
    for model in told:
        for revision in model.revisions:
            me = f"model:{Model(model.name, revision.revision)}"
            for ref in revision.trained_on:
                add(f"dataset:{ref}", me, "trained_on", None)
            if revision.base:
                add(f"model:{revision.base}", me, "base", None)
            for other in revision.distilled_from:
                add(f"model:{other}", me, "distilled_from", None)
    return {
        (raw[key], key[1], key[2], None if None in rows else sum(n for n in rows if n is not None))
        for key, rows in found.items()
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=20)
@given(
    st.lists(CARDS, max_size=5, unique_by=lambda c: c.name.lower()),
    st.lists(MODEL_CARDS, max_size=2, unique_by=lambda m: m.name.lower()),
)
def test_the_graph_is_what_the_cards_say(tmp_path: Path, everything: list[Card], told: list[ModelCard]) -> None:
    ws = Workspace(tmp_path)
    for folder in ("datasets", "models"):
        for file in (tmp_path / folder).glob("*"):
            file.unlink()
    for one in everything:
        cards.save(one, ws)
    kept = {}
    for model in told:
        try:
            kept[models.path(model.name, ws)] = model
        except ConfigError:
            continue
    for model in kept.values():
        models.path(model.name, ws).unlink(missing_ok=True)
        models.save(model, ws)
    assert index.cards(ws) == {one.name: one for one in sorted(everything, key=lambda c: c.name)}
    graph = index.graph(ws)
    assert {(e.source, e.target, e.role, e.rows) for e in graph.edges} == straight(everything, list(kept.values()))
    assert {end for edge in graph.edges for end in (edge.source, edge.target)} <= graph.nodes.keys()
    for one in everything:
        for version in one.versions:
            node = graph.nodes[f"dataset:{one.ref(version)}"]
            assert (node.rows, node.status, node.digest, node.data) == (
                version.rows,
                version.status,
                version.digest,
                one.kind,
            )
            assert one.ref(version) in index.by_digest(version.digest, ws)


def test_cards_and_graph_of_one_moment_are_the_same_two(workspace: Path) -> None:
    ws = Workspace(workspace)
    for one in (card("a", Lineage()), card("b", Lineage(seeds=(Source(None, "a@1"),)))):
        cards.save(one, ws)
    assert index.cards_and_graph(ws) == (index.cards(ws), index.graph(ws))
    assert [edge.role for edge in index.cards_and_graph(ws)[1].edges] == ["seed"]


def test_changes_are_seen_and_what_is_gone_is_forgotten(workspace: Path) -> None:
    ws = Workspace(workspace)
    cards.save(card("a", Lineage("human")), ws)
    cards.save(card("b", Lineage("human", parents=(Source(None, "a@1"),))), ws)
    assert set(index.graph(ws).nodes) == {"dataset:a@1", "dataset:b@1"}
    place = cards.path("a", ws)
    for turn in range(20):  # as fast as the clock of the file system, of one length, in one inode
        with place.open("r+") as file:
            text = file.read()
            file.seek(0)
            file.write(text.replace(f"rows: {(turn + 9) % 10}", "rows: 5").replace("rows: 5", f"rows: {turn % 10}"))
        assert index.graph(ws).nodes["dataset:a@1"].rows == turn % 10
    place.unlink()
    assert list(index.cards(ws)) == ["b"]
    graph = index.graph(ws)
    assert graph.nodes["dataset:a@1"].status is None, "still named by b, known by nobody"
    assert index.by_digest(card("a", Lineage()).versions[0].digest, ws) == ()


def test_a_file_whose_rows_are_registered_is_that_version(workspace: Path) -> None:
    ws = Workspace(workspace)
    digest = hexed("seeds")
    cards.save(card("sft", Lineage("paraphrase", seeds=(Source(digest, None, "seeds.jsonl", 5),))), ws)
    assert {edge.source for edge in index.graph(ws).edges} == {f"file:seeds.jsonl@{digest[7:19]}"}
    cards.save(card("seeds", Lineage("human"), digest=digest), ws)
    graph = index.graph(ws)
    assert {edge.source for edge in graph.edges} == {"dataset:seeds@1"}
    assert not any(node.kind == "file" for node in graph.nodes.values())


def test_a_model_withdrawn_as_a_whole_is_withdrawn_at_every_revision(workspace: Path) -> None:
    ws = Workspace(workspace)
    gone = Withdrawal(NOW.date(), "terms changed")
    models.save(ModelCard("m", revisions=(Revision(None, withdrawn=gone), Revision("2", base=Model("other", "1")))), ws)
    models.save(
        ModelCard("other", revisions=(Revision("1", withdrawn=Withdrawal(NOW.date(), "leak")), Revision("3"))), ws
    )
    withdrawn = {node.id: node.withdrawn for node in index.graph(ws).nodes.values()}
    assert withdrawn == {
        "model:m": "terms changed",
        "model:m@2": "terms changed",
        "model:other@1": "leak",
        "model:other@3": None,
    }


def test_find(workspace: Path) -> None:
    ws = Workspace(workspace)
    one = card("a", Lineage("human"), Lineage("human"), Lineage("human"))
    states = ("current", "rejected", "candidate")
    one = replace(one, versions=tuple(replace(v, status=s) for v, s in zip(one.versions, states, strict=True)))  # type: ignore[arg-type]
    cards.save(one, ws)
    assert index.find("a", ws)[1].version == 1
    assert index.find("a@3", ws)[1].version == 3
    cards.save(Card("empty", "real"), ws)
    for ref, said in (
        ("a@9", "no version '9'"),
        ("a@x", "no version 'x'"),
        ("a@", "no version ''"),
        ("a@²", "no version"),
        ("aa", "did you mean 'a'"),
        ("empty", "no registered version"),
        ("../a", "not a name"),
    ):
        with pytest.raises(ConfigError, match=said):
            index.find(ref, ws)


@pytest.mark.parametrize("damage", [b"", b"garbage" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_index_is_made_again(workspace: Path, damage: bytes) -> None:
    ws = Workspace(workspace)
    cards.save(card("a", Lineage("human")), ws)
    before = index.graph(ws)
    (ws.cache / index.FILE).write_bytes(damage)
    assert index.graph(ws) == before
    with sqlite3.connect(ws.cache / index.FILE) as other:
        other.execute("PRAGMA user_version = 99")
        other.execute("DROP TABLE files")
    other.close()
    assert index.graph(ws) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_index_that_cannot_be_written_is_kept_in_memory(workspace: Path) -> None:
    ws = Workspace(workspace)
    cards.save(card("a", Lineage("human")), ws)
    ws.cache.mkdir()
    ws.cache.chmod(0o555)
    try:
        assert list(index.cards(ws)) == ["a"]
    finally:
        ws.cache.chmod(0o755)


def test_a_folder_in_the_place_of_the_index(workspace: Path) -> None:
    ws = Workspace(workspace)
    cards.save(card("a", Lineage("human")), ws)
    (ws.cache / index.FILE).mkdir(parents=True)
    assert list(index.cards(ws)) == ["a"]


def test_a_broken_card_is_named(workspace: Path) -> None:
    ws = Workspace(workspace)
    cards.save(card("a", Lineage("human")), ws)
    index.graph(ws)
    cards.path("b", ws).write_text("name: b\n<<<<<<< HEAD\nkind: real\n")
    with pytest.raises(ConfigError, match="middle of a merge") as raised:
        index.graph(ws)
    assert (raised.value.file, raised.value.line) == (str(cards.path("b", ws)), 2)
    cards.path("b", ws).unlink()
    assert list(index.cards(ws)) == ["a"]


def _read(root: Path, start: float, answers: "multiprocessing.Queue[tuple[int, int]]") -> None:
    time.sleep(max(0.0, start - time.time()))
    graph: Graph = index.graph(Workspace(root))
    answers.put((len(graph.nodes), len(graph.edges)))


def test_many_read_while_one_writes(workspace: Path) -> None:
    ws = Workspace(workspace)
    names = [f"d{number:03}" for number in range(60)]
    for before, name in zip(["", *names], names, strict=False):
        parents = (Source(None, f"{before}@1"),) if before else ()
        cards.save(card(name, Lineage("human", parents=parents)), ws)
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.Queue()
    start = time.time() + 1.5
    readers = [spawn.Process(target=_read, args=(workspace, start, answers)) for _ in range(4)]
    for reader in readers:
        reader.start()
    found = {answers.get(timeout=60) for _ in readers}
    for reader in readers:
        reader.join()
    assert found == {(60, 59)}
