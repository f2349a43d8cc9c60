"""Every card and the lineage graph at once, through an index that can be thrown away.

The cards in git are the truth. `.auditor/cache/registry.db` (SQLite) remembers each file by its size,
time and inode, so that only cards that changed are parsed; where it is damaged it is made again.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from auditor.model.card import Card, Model, ModelCard, Prompt, Registered, Source
from auditor.model.errors import ConfigError, suggest
from auditor.model.graph import Edge, Graph, Node
from auditor.registry import cards as _cards
from auditor.registry import models as _models
from auditor.registry import plain
from auditor.registry.workspace import Workspace

FILE = "registry.db"

VERSION = 2
"""Rises when what is remembered changes; another one's index is made again."""

SETTLED_NS = 100_000_000
"""A file younger than this when it was read is read again: within one tick of the clock that file systems
use (10 ms at most on Linux) a second change would not show, as git's index knows it."""

PATIENCE = 60.0
"""Seconds to wait for another process that is writing the index."""

_TABLES = """
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, size INTEGER, time INTEGER, inode INTEGER, seen INTEGER, card BLOB, graph BLOB
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS digests (digest TEXT, ref TEXT, date TEXT, path TEXT);
CREATE INDEX IF NOT EXISTS digests_of ON digests (digest);
CREATE INDEX IF NOT EXISTS digests_in ON digests (path);
"""

Facts = tuple[list[list[Any]], list[list[Any]]]
"""Nodes and edges of one card, their fields in order."""


def cards(workspace: Workspace) -> Mapping[str, Card]:
    """Every card by name, in name order. Raises ConfigError where one is broken."""
    with _fresh(workspace) as index:
        return _all(index)


def graph(workspace: Workspace) -> Graph:
    """Every dataset's versions, the models, prompts and files they were made of, and the models trained on them.

    Raises ConfigError where a card is broken.
    """
    with _fresh(workspace) as index:
        return _drawn(index)


def cards_and_graph(workspace: Workspace) -> tuple[Mapping[str, Card], Graph]:
    """Both of one moment, for one look at the files."""
    with _fresh(workspace) as index:
        return _all(index), _drawn(index)


def _all(index: sqlite3.Connection) -> Mapping[str, Card]:
    found = index.execute("SELECT card FROM files WHERE path LIKE ? ORDER BY path", (f"{_cards.FOLDER}/%",))
    read = (plain.card(orjson.loads(content)) for (content,) in found)
    return {card.name: card for card in sorted(read, key=lambda card: card.name)}


def _drawn(index: sqlite3.Connection) -> Graph:
    facts = [orjson.loads(content) for (content,) in index.execute("SELECT graph FROM files ORDER BY path")]
    registered = dict(index.execute("SELECT digest, ref FROM digests ORDER BY date DESC, ref DESC"))
    return _assembled(facts, registered)


def find(ref: str, workspace: Workspace) -> tuple[Card, Registered]:
    """What `NAME` (its current version, or else its newest) or `NAME@V` means.

    Raises ConfigError where there is no such dataset or version, naming those that there are.
    """
    name, at, number = ref.rpartition("@")
    card = _cards.load(name if at else ref, workspace)
    if not card.versions:
        raise ConfigError(f"{card.name!r} has no registered version", hint=f"auditor register {card.name} PATH")
    if not at:
        return card, card.current or card.versions[-1]
    version = card.version(int(number)) if number.isascii() and number.isdigit() else None
    if version is None:
        there = [str(version.version) for version in card.versions]
        raise ConfigError(
            f"{card.name!r} has no version {number[:40]!r}",
            wanted=f"one of {', '.join(there[-20:])}",
            hint=suggest(number, there) if len(there) > 20 else None,
        )
    return card, version


def by_digest(digest: str, workspace: Workspace) -> tuple[str, ...]:
    """`NAME@V` of every version with these rows (`sha256:HEX`), the oldest first."""
    with _fresh(workspace) as index:
        found = index.execute("SELECT ref FROM digests WHERE digest = ? ORDER BY date, ref", (digest,))
        return tuple(ref for (ref,) in found)


def dataset_node(ref: str) -> str:
    """The id of a version's node: `NAME@3` -> `dataset:NAME@3`."""
    return f"dataset:{ref}"


def model_node(model: Model) -> str:
    return f"model:{model}"


def prompt_node(prompt: Prompt) -> str:
    return f"prompt:{prompt.name}" + (f"@{_short(prompt.digest)}" if prompt.digest else "")


def source_node(source: Source) -> str:
    """The id of a source as its card has it; in the graph a file whose rows are registered is that version."""
    if source.dataset:
        return dataset_node(source.dataset)
    return f"file:{source.file or ''}" + (f"@{_short(source.digest)}" if source.digest else "")


def _short(digest: str) -> str:
    return digest.rpartition(":")[2][:12]


@contextlib.contextmanager
def _fresh(workspace: Workspace) -> Iterator[sqlite3.Connection]:
    """The index, brought up to date with the files. Damaged or of another version: made again."""
    place = workspace.cache / FILE
    try:
        connection = _opened(place)
        try:
            _refresh(connection, workspace)
        except sqlite3.DatabaseError:
            connection.close()
            raise
    except sqlite3.DatabaseError:
        connection = _renewed(place)
        _refresh(connection, workspace)
    with contextlib.closing(connection):
        yield connection


def _renewed(place: Path) -> sqlite3.Connection:
    """An empty index: in its place, or in memory where that cannot be written."""
    try:
        for leftover in (place, place.with_name(f"{FILE}-journal")):
            leftover.unlink(missing_ok=True)
        return _opened(place)
    except (OSError, sqlite3.DatabaseError):
        memory = sqlite3.connect(":memory:", isolation_level=None)
        memory.executescript(_TABLES)
        return memory


def _opened(place: Path) -> sqlite3.Connection:
    place.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(place, timeout=PATIENCE, isolation_level=None)
    try:
        # It can be made again at any time: no waiting for the disk.
        connection.execute("PRAGMA synchronous = OFF")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            connection.execute("BEGIN IMMEDIATE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                connection.execute("DROP TABLE IF EXISTS files")
                connection.execute("DROP TABLE IF EXISTS digests")
                for statement in filter(str.strip, _TABLES.split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute("COMMIT")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _refresh(index: sqlite3.Connection, workspace: Workspace) -> None:
    """Read the cards that are new or changed, forget those that are gone."""
    known = {path: stamp for path, *stamp in index.execute("SELECT path, size, time, inode, seen FROM files")}
    here: set[str] = set()
    changed: list[tuple[Any, ...]] = []
    digests: list[tuple[str, str, str, str]] = []
    for path, stamp, read in _files(workspace):
        here.add(path)
        before = known.get(path)
        if before and before[:3] == stamp and stamp[1] + SETTLED_NS < before[3]:
            continue
        seen = time.time_ns()
        content, facts, versions = read()
        changed.append((path, *stamp, seen, content, orjson.dumps(facts)))
        digests += [(digest, ref, date, path) for digest, ref, date in versions]
    gone = [path for path in known if path not in here]
    if not changed and not gone:
        return
    index.execute("BEGIN IMMEDIATE")
    try:
        stale = [(path,) for path in (*gone, *(row[0] for row in changed))]
        index.executemany("DELETE FROM files WHERE path = ?", stale)
        index.executemany("DELETE FROM digests WHERE path = ?", stale)
        index.executemany("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", changed)
        index.executemany("INSERT INTO digests VALUES (?, ?, ?, ?)", digests)
        index.execute("COMMIT")
    except BaseException:
        index.execute("ROLLBACK")
        raise


Read = Callable[[], tuple[bytes, Facts, list[tuple[str, str, str]]]]


def _files(workspace: Workspace) -> Iterator[tuple[str, list[int], Read]]:
    """(path in the workspace, stamp, how to read it) of every card."""
    # As texts: a Path for each of ten thousand took as long as looking at them.
    for name in _cards.names(workspace):
        path = f"{_cards.FOLDER}/{name}.yaml"
        place = f"{workspace.root}/{path}"
        if stamp := _stamp(place):
            yield path, stamp, lambda place=place: _of_card(_cards.read(Path(place)))  # type: ignore[misc]
    for file in _models.files(workspace):
        if stamp := _stamp(file):
            yield f"{_models.FOLDER}/{file.name}", stamp, lambda file=file: _of_model(_models.read(file))  # type: ignore[misc]


def _stamp(file: Path | str) -> list[int] | None:
    try:
        stat = os.stat(file)  # noqa: PTH116  ten thousand of them
    except FileNotFoundError:  # taken away since the folder was listed
        return None
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _of_card(card: Card) -> tuple[bytes, Facts, list[tuple[str, str, str]]]:
    nodes: list[list[Any]] = []
    edges = _Edges()
    for version in card.versions:
        ref, lineage = card.ref(version), version.lineage
        me = dataset_node(ref)
        nodes.append(
            _node(
                me,
                "dataset",
                card.name,
                str(version.version),
                data=card.kind,
                rows=version.rows,
                status=version.status,
                technique=lineage.technique,
                digest=version.digest,
            )
        )
        for generator in lineage.generators:
            nodes.append(_model(generator.model))
            edges.add(model_node(generator.model), me, "generator", generator.rows)
        for prompt in lineage.prompts:
            digest = prompt.digest or None
            nodes.append(_node(prompt_node(prompt), "prompt", prompt.name, _short(prompt.digest), digest=digest))
            edges.add(prompt_node(prompt), me, "prompt", prompt.rows)
        for role, sources in (("seed", lineage.seeds), ("parent", lineage.parents), ("eval", lineage.evals)):
            for source in sources:
                nodes.append(_source(source))
                edges.add(source_node(source), me, role, source.rows)
        for judge in lineage.judges:
            nodes.append(_model(judge))
            edges.add(model_node(judge), me, "judge")
    versions = [(one.digest, card.ref(one), one.date.astimezone(dt.UTC).isoformat()) for one in card.versions]
    return orjson.dumps(plain.of_card(card)), (nodes, edges.listed()), versions


def _of_model(card: ModelCard) -> tuple[bytes, Facts, list[tuple[str, str, str]]]:
    nodes: list[list[Any]] = []
    edges = _Edges()
    for revision in card.revisions:
        model = Model(card.name, revision.revision)
        me = model_node(model)
        nodes.append(_model(model, revision.withdrawn.why if revision.withdrawn else None))
        for ref in revision.trained_on:
            nodes.append(_source(Source(None, dataset=ref)))
            edges.add(dataset_node(ref), me, "trained_on")
        for role, models in (("base", filter(None, [revision.base])), ("distilled_from", revision.distilled_from)):
            for other in models:
                nodes.append(_model(other))
                edges.add(model_node(other), me, role)
    return orjson.dumps(plain.of_model(card)), (nodes, edges.listed()), []


class _Edges:
    """Edges of one card; two of the same ends and role (one model, run in two ways) are one, their rows summed."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], int | None] = {}

    def add(self, source: str, target: str, role: str, rows: int | None = None) -> None:
        before = self._rows.setdefault((source, target, role), 0)
        self._rows[source, target, role] = None if before is None or rows is None else before + rows

    def listed(self) -> list[list[Any]]:
        return [[*ends, rows] for ends, rows in self._rows.items()]


def _node(
    ident: str,
    kind: str,
    name: str,
    version: str | None,
    *,
    data: str | None = None,
    rows: int | None = None,
    status: str | None = None,
    technique: str | None = None,
    digest: str | None = None,
    withdrawn: str | None = None,
) -> list[Any]:
    """The fields of a `Node`, in their order."""
    return [ident, kind, name, version or None, data, rows, status, technique, digest, withdrawn]


def _model(model: Model, withdrawn: str | None = None) -> list[Any]:
    return _node(model_node(model), "model", model.name, model.revision, withdrawn=withdrawn)


def _source(source: Source) -> list[Any]:
    if source.dataset:
        name, _, number = source.dataset.rpartition("@")
        return _node(source_node(source), "dataset", name, number, rows=source.rows, digest=source.digest)
    version = _short(source.digest or "")
    return _node(source_node(source), "file", source.file or "", version, rows=source.rows, digest=source.digest)


def _assembled(facts: Iterable[Facts], registered: Mapping[str, str]) -> Graph:
    """One graph of all cards' parts: a dataset's own card knows it best, a file whose rows are registered is
    the version that has them, and a model withdrawn as a whole is withdrawn at each revision."""
    nodes: dict[str, Node] = {}
    edges: list[list[Any]] = []
    for mine, made in facts:
        for fields in mine:
            before = nodes.get(fields[0])
            # Only a version's own card gives a status, and only a model's own card withdraws it.
            if before is None or fields[6] is not None or fields[9] is not None:
                nodes[fields[0]] = Node(*fields)
        edges += made
    same = {
        node.id: dataset_node(registered[node.digest])
        for node in nodes.values()
        if node.kind == "file" and node.digest is not None and node.digest in registered
    }
    for ident in same:
        del nodes[ident]
    whole = {node.name: node.withdrawn for node in nodes.values() if node.withdrawn and node.version is None}
    for node in [node for node in nodes.values() if node.kind == "model" and node.name in whole]:
        nodes[node.id] = replace(node, withdrawn=node.withdrawn or whole[node.name])
    found = [Edge(same.get(source, source), target, role, rows) for source, target, role, rows in edges]
    return Graph(dict(sorted(nodes.items())), tuple(found))
