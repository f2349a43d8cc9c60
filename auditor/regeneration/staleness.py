"""Which datasets no longer agree with what they were made from, and why: pure, from cards and graph.

A dataset's current version is stale where a model, prompt or dataset that it names is not what it
was, where anything upstream is stale itself or withdrawn, and where its day has come. The looking-up
is somebody else's (`Present`); what could not be looked up is told as unknown, never as fresh.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from auditor.model.card import Card, Generator, Model, Prompt, Registered, Source
from auditor.model.graph import Edge, Graph, Role
from auditor.model.seen import Seen

Cause = Literal["model", "withdrawn", "prompt", "source", "ancestor", "expired", "due", "policy", "eval", "real"]

_MADE_BY: frozenset[Role] = frozenset(("seed", "parent", "generator", "judge", "trained_on", "base", "distilled_from"))
"""Roles along which staleness travels. Prompts have nothing upstream."""


class Present(Protocol):
    """Where things stand now. Answers never raise for a server's sake: they say why they do not know."""

    def model(self, generator: Generator) -> Seen: ...
    def judge(self, model: Model) -> Seen | None:
        """None where nothing is said about this model: a judge need not be followed."""

    def prompt(self, prompt: Prompt) -> Seen: ...
    def file(self, source: Source) -> Seen:
        """The digest of an unregistered source as it lies there now."""

    def grounds(self, card: Card, version: Registered) -> Mapping[str, Seen]:
        """Digests of what `version.verdict` was judged with, under the same keys."""

    def save(self) -> None:
        """Keep what was costly to find out."""


@dataclass(frozen=True, slots=True)
class Reason:
    """cause: what kind of source. subject: which; of an ancestor its node. recorded, present: what it was
    and what it is."""

    cause: Cause
    subject: str
    recorded: str | None = None
    present: str | None = None
    note: str = ""

    def __str__(self) -> str:
        if self.cause == "ancestor":
            return self.note
        what = {"due": "refresh", "expired": "expired"}.get(self.cause, f"{self.cause} {self.subject}")
        moved = f": {self.recorded} -> {self.present}" if self.recorded and self.present else ""
        return f"{what}{moved}" + (f": {self.note}" if self.note else "")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A source that could not be looked up, and why not."""

    subject: str
    why: str


@dataclass(frozen=True, slots=True)
class Stale:
    """What is to be told of a dataset's current version.

    reasons: why its rows are stale; empty where they are not. verdict: why its verdict is, though the
    rows may stand. unknown: what nobody could look up.
    """

    dataset: str
    version: int
    node: str
    rows: int
    reasons: tuple[Reason, ...] = ()
    verdict: tuple[Reason, ...] = ()
    unknown: tuple[Unknown, ...] = ()

    @property
    def ref(self) -> str:
        return f"{self.dataset}@{self.version}"


def stale(
    cards: Mapping[str, Card],
    graph: Graph,
    present: Present,
    today: dt.date,
    *,
    names: Collection[str] = (),
    remade: Mapping[str, dt.date] | None = None,
) -> list[Stale]:
    """Every dataset with something to tell, causes before effects.

    names: only these (their ancestors are looked at all the same). remade: the day on which a dataset
    was last made again and came out the same, so that a refresh counts from there.
    """
    lines = Lines(cards, graph)
    behind: dict[str, str] = {}
    found = []
    for node in lines.order(names):
        if node not in lines.held:
            if why := _model_behind(node, lines, behind):
                behind[node] = why
            continue
        card, version = lines.held[node]
        since = max(version.date.date(), (remade or {}).get(card.name, dt.date.min))
        unknown: list[Unknown] = []
        reasons = [
            *_makers(node, version, lines, present, unknown),
            *lines.withdrawn.get(node, ()),
            *_sources(node, lines, present, unknown),
            *_ancestors(node, lines, behind),
            *_days(card, since, today),
        ]
        told = Stale(
            dataset=card.name,
            version=version.version,
            node=node,
            rows=version.rows,
            reasons=tuple(dict.fromkeys(reasons)),
            verdict=tuple(grounds_moved(card, version, present, unknown)),
            unknown=tuple(dict.fromkeys(unknown)),
        )
        if told.reasons:
            behind[node] = f"{told.ref} is stale"
        if (told.reasons or told.verdict or told.unknown) and (not names or card.name in names):
            found.append(told)
    return found


class Lines:
    """The lines of descent as they would be drawn today: from the current version of each source.

    held: node of each card's current version -> card and version. withdrawn: reasons by node, along
    what was truly used.
    """

    def __init__(self, cards: Mapping[str, Card], graph: Graph) -> None:
        self.cards, self.recorded = cards, graph
        self.held: dict[str, tuple[Card, Registered]] = {}
        for card in cards.values():
            if (version := card.current) is not None:
                self.held[node_of(card.ref(version))] = (card, version)
        self._current = {card.name: node for node, (card, _) in self.held.items()}
        self.present = Graph(graph.nodes, tuple(self._edges(loops=frozenset())))
        loops = frozenset(node for part in self.present.components() if len(part) > 1 for node in part)
        if loops:
            self.present = Graph(graph.nodes, tuple(self._edges(loops)))
        self.withdrawn = self._withdrawn()
        self._learnt: dict[str, frozenset[str]] = {}

    def order(self, names: Collection[str]) -> list[str]:
        """Current versions and the models between them, causes before effects: of `names` and their ancestors."""
        if names:
            roots = [node for node, (card, _) in self.held.items() if card.name in names]
            wanted = set(roots).union(*(self.present.upstream(root) for root in roots))
        else:
            wanted = set(self.recorded.nodes)
        return [node for part in self.present.components(wanted) for node in part if self.stands(node)]

    def stands(self, node: str) -> bool:
        return node in self.held or self.recorded.nodes[node].kind == "model"

    def current(self, name: str) -> str | None:
        """The node of the current version of a dataset."""
        return self._current.get(name)

    def into(self, node: str) -> list[Edge]:
        """What `node` was truly made of: edges from recorded versions and models."""
        return self.recorded.into(node, _MADE_BY)

    def newer(self, source: str, target: str) -> str | None:
        """The current version that has taken the place of the recorded `source`, where using it would
        change `target`: not where it has the same bytes, and not where it was made from `target` (the
        next round of an iteration is no news to the last one)."""
        node = self._current.get(self.recorded.nodes[source].name)
        if node is None or node == source or not self._feeds(node, target):
            return None
        was, now = self.recorded.nodes[source].digest, self.held[node][1].digest
        return None if was is not None and was == now else node

    def next_round(self, model: Model, seen: Seen, target: str) -> bool:
        """Whether the revision that was seen learnt from `target` and nobody said that it is in use: made again
        with it, `target` would be the data of the round after, and that round's model make it stale once more."""
        if not seen.by_itself:
            return False
        taught = f"model:{model.name}@{seen.value}"
        if taught not in self._learnt:
            self._learnt[taught] = frozenset(self.recorded.upstream(taught))
        return target in self._learnt[taught]

    def _feeds(self, current: str, target: str) -> bool:
        return any(edge.source == current for edge in self.present.into(target, _MADE_BY))

    def _edges(self, loops: frozenset[str]) -> Iterator[Edge]:
        """Edges between what stands now. Within `loops` those that lead back in time are left out."""
        for edge in self.recorded.edges:
            if edge.role not in _MADE_BY or not self.stands(edge.target):
                continue
            kind, name = self.recorded.nodes[edge.source].kind, self.recorded.nodes[edge.source].name
            if kind == "model":
                yield edge
            elif kind == "dataset" and (now := self._current.get(name)) is not None:
                if name == self.recorded.nodes[edge.target].name:
                    continue  # a version made from its own predecessor is not stale for having been made
                moved = now != edge.source and now in loops and edge.target in loops
                if moved and edge.target in self.recorded.upstream(now):
                    continue
                yield Edge(now, edge.target, edge.role)

    def _withdrawn(self) -> dict[str, list[Reason]]:
        found: dict[str, list[Reason]] = {}
        for model in sorted(node for node, about in self.recorded.nodes.items() if about.withdrawn is not None):
            about = self.recorded.nodes[model]
            for node, steps in self.recorded.downstream(model).items():
                if node in self.held:
                    far = "" if steps == 1 else f" ({steps} steps upstream)"
                    reason = Reason("withdrawn", str(about), note=f"{about.withdrawn}{far}")
                    found.setdefault(node, []).append(reason)
        return found


def node_of(ref: str) -> str:
    """`sft@3` -> the id of its node."""
    return f"dataset:{ref}"


def _makers(node: str, version: Registered, lines: Lines, present: Present, unknown: list[Unknown]) -> Iterator[Reason]:
    """Models and prompts that are not what they were."""
    for generator in version.lineage.generators:
        seen = present.model(generator)
        if not lines.next_round(generator.model, seen, node):
            yield from _moved(generator.model, seen, unknown)
    for judge in version.lineage.judges:
        found = present.judge(judge)
        if found is not None and not lines.next_round(judge, found, node):
            yield from _moved(judge, found, unknown)
    for prompt in version.lineage.prompts:
        seen = present.prompt(prompt)
        if seen.value is None:
            unknown.append(Unknown(f"prompt {prompt.name}", seen.why))
        elif not prompt.digest and not prompt.version:
            unknown.append(Unknown(f"prompt {prompt.name}", "its content was not recorded"))
        elif not seen.agrees(prompt.digest or prompt.version or ""):
            yield Reason("prompt", prompt.file or prompt.name, prompt.digest or prompt.version, seen.value)


def _moved(model: Model, seen: Seen, unknown: list[Unknown]) -> Iterator[Reason]:
    if seen.value is None:
        unknown.append(Unknown(f"model {model.name}", seen.why))
    elif model.revision is None:
        unknown.append(Unknown(f"model {model.name}", f"its revision was not recorded; it is {seen.value} now"))
    elif not seen.agrees(model.revision):
        yield Reason("model", model.name, model.revision, seen.value)


def _sources(node: str, lines: Lines, present: Present, unknown: list[Unknown]) -> Iterator[Reason]:
    """Seeds and parents with a newer current version, and unregistered ones whose content changed."""
    _, version = lines.held[node]
    made_of = [lines.recorded.nodes[edge.source] for edge in lines.into(node)]
    registered = {one.digest: str(one) for one in made_of if one.kind == "dataset"}
    for _, source in version.lineage.sources():
        ref = source.dataset
        if ref is None and source.digest in registered:  # registered since, and in the graph as what it is
            ref = registered[source.digest]
        if ref is None:
            seen = present.file(source)
            if seen.value is None or source.digest is None:
                unknown.append(Unknown(str(source), seen.why or "its digest was not recorded"))
            elif not seen.agrees(source.digest):
                yield Reason("source", str(source), source.digest, seen.value)
            continue
        name = ref.rpartition("@")[0]
        if lines.current(name) is None:
            there = "no version of it is current" if name in lines.cards else "there is no card of that name"
            unknown.append(Unknown(ref, there))
        elif now := lines.newer(node_of(ref), node):
            yield Reason("source", name, ref, str(lines.recorded.nodes[now]))


def _ancestors(node: str, lines: Lines, behind: Mapping[str, str]) -> Iterator[Reason]:
    for edge in lines.present.into(node, _MADE_BY):
        if edge.source in behind:
            yield Reason("ancestor", edge.source, note=behind[edge.source])


def _model_behind(node: str, lines: Lines, behind: Mapping[str, str]) -> str | None:
    """Why a model is not what training it today would give; None where it is."""
    model = lines.recorded.nodes[node]
    for edge in lines.into(node):
        source = lines.recorded.nodes[edge.source]
        if source.kind == "dataset" and (now := lines.newer(edge.source, node)):
            return f"the model {model} was trained on {source}, and {lines.recorded.nodes[now]} is current"
    for edge in lines.present.into(node, _MADE_BY):
        if edge.source in behind:
            return f"{behind[edge.source]}, and the model {model} learnt from it"
    return None


def _days(card: Card, since: dt.date, today: dt.date) -> Iterator[Reason]:
    expires, every = card.refresh.expires, card.refresh.every
    if expires is not None and today >= expires:
        yield Reason("expired", card.name, note=f"on {expires.isoformat()}")
    if every is not None and since + dt.timedelta(days=every) <= today:
        yield Reason("due", card.name, note=f"every {every} days, last made on {since.isoformat()}")


def grounds_moved(card: Card, version: Registered, present: Present, unknown: list[Unknown]) -> Iterator[Reason]:
    """What the verdict was reached with and is not the same any more."""
    if version.verdict is None:
        return
    evals = {f"eval:{source}": source.digest for source in version.lineage.evals if source.digest}
    grounds = {**evals, **version.verdict.digests}
    seen_now = present.grounds(card, version) if grounds else {}
    for key, recorded in grounds.items():
        seen = seen_now.get(key, Seen(None, "nothing says what it was"))
        kind, _, subject = key.partition(":")
        if seen.value is None:
            unknown.append(Unknown(key, seen.why))
        elif not seen.agrees(recorded):
            said: dict[str, tuple[Cause, str]] = {
                "policy": ("policy", version.verdict.policy),
                "real": ("real", card.real or kind),
            }
            cause, name = said.get(kind, ("eval", subject or kind))
            yield Reason(cause, name, recorded, seen.value, note="the verdict was reached with another")
