"""The straight line from a judge to its card.

probes -> both orders -> ask, keep -> families of them -> bounds -> what the judge can be used for

Asked as `auditor judge run` asks: every answer is kept, and none is paid for twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auditor import judging
from auditor.asking import STORE
from auditor.concluding import Progress
from auditor.core import check as checking
from auditor.core import policy as policies
from auditor.core import verdict as court
from auditor.core.check import Context
from auditor.core.intervals import rate
from auditor.core.judges.orders import Both, both
from auditor.engines.local import Local
from auditor.judging import judges, probes, prompts, recording, running
from auditor.judging.probes import FAMILIES
from auditor.judging.questions import Seat, each, settled
from auditor.judging.running import Estimate, Tally
from auditor.judging.store import Store
from auditor.model.errors import ConfigError
from auditor.model.lab import Card, Family
from auditor.model.result import Measured, Measurement, Metric, Status, Verdict
from auditor.model.verdicts import INVALID, TIE, A, B, Verdicts
from auditor.registry.workspace import Workspace

__all__ = ["card", "estimate", "probe", "seat"]

ROOM = "probes"

TITLES: Mapping[str, tuple[str, str]] = {
    "control": ("easy right and wrong answers", "telling a right answer from a wrong one"),
    "consistency": ("the same verdict in both orders, of all pairs", "verdicts asked for in one order"),
    "readable": ("answers in which a verdict can be read", "runs whose answers nobody checks"),
    "injected": ("a wrong answer that talks to the judge", "texts by strangers, who may talk to the judge"),
    "empty": ("an answer that says nothing", "data with empty or constant answers"),
    "own_family": ("a wrong answer that bears the judge's name", "answers of its own family"),
    "padded": ("the same answer, and padding", "answers of unlike length"),
    "formatted": ("the same answer with markup", "answers of unlike format"),
    "identical": ("the same answer twice", "telling that two answers are as good"),
    "swapped": ("two good answers, in both orders", "close calls"),
}
"""What is tried, and what a judge that passes can be used for; the first that matter first."""


@dataclass(frozen=True, slots=True)
class Tried:
    """card: of the judge. tally: how asking went."""

    card: Card
    tally: Tally


def seat(path: Path, only: str | None, prompt: str | None = None) -> Seat:
    """The one judge to try. Raises ConfigError where the file has several and none is named, where a panel is, or
    where its prompt does not compare two answers."""
    found = judges.read(path, only)
    if only in judges.panels(path):
        members = ", ".join(f"{path}#{judge.name}" for judge in found)
        raise ConfigError(f"{only!r} is a panel, and a card is of one judge", hint=f"name a member: {members}")
    if len(found) > 1:
        raise ConfigError(
            f"there are {len(found)} judges in the file", file=str(path), hint=f"name one: {path}#{found[0].name}"
        )
    asked = prompts.load(prompt or found[0].prompt or prompts.DEFAULTS["pairwise"])
    if asked.kind != "pairwise":
        raise ConfigError(f"prompt {asked.name!r} is {asked.kind}", wanted="pairwise", hint="--prompt pairwise")
    return Seat(found[0], asked, 1)


def estimate(one: Seat, workspace: Workspace) -> Estimate:
    """What is still to be asked, and costs at most; nobody is asked."""
    store = Store(workspace.answers / STORE)
    try:
        return running.estimate(probes.material(one.judge.model), one, store)
    finally:
        store.close()


def probe(
    one: Seat,
    workspace: Workspace,
    progress: Progress,
    *,
    policy: str | None = None,
    fail_on: str = "fail",
    budget: float | None = None,
    out: Path | None = None,
    say: Callable[[str], None] = lambda words: None,
) -> Tried:
    """Ask, and tell what the judge is good for. policy: a file of bounds; None is `probes.yaml` of the expectations.
    out: where the verdicts go, too, in our own format. Interrupted, it goes on where it was."""
    bounds = _policy(policy, workspace)
    material = probes.material(one.judge.model)
    tally = Tally()
    with workspace.lock("judging"):
        store = Store(workspace.answers / STORE)
        try:
            with progress.stage("judge") as advance:
                running.run(material, [one], store, budget=budget, advance=advance, say=say, tally=tally)
            said = list(recording.records(material, [one], store))
            # Two orders of identical answers are one question: it was paid for once.
            once = {ask.asked: store.get(ask.asked) for ask in each(material, [settled(one, store)])}
            if out is not None:
                recording.write(out, material, [one], store)
        finally:
            store.close()
    answers = [answer for answer in once.values() if answer is not None]
    read, written = sum(answer.tokens_in for answer in answers), sum(answer.tokens_out for answer in answers)
    verdicts = judging.from_records(said, name=one.judge.name)
    return Tried(card(verdicts, one, bounds, (len(answers), read, written), fail_on), tally)


def card(
    verdicts: Verdicts, one: Seat, bounds: policies.Policy, spent: tuple[int, int, int], fail_on: str = "fail"
) -> Card:
    """The card of the judge by its verdicts on the probes. spent: answers, tokens read, tokens written."""
    pairs = both(verdicts, verdicts.by_machine)
    rooms = {
        room: checking.build(room, {}).run(verdicts, Context(), Local(1))
        for room in ("position-inconsistency", "unparsable-verdicts")
    }
    counted = {name: _family(name, verdicts, pairs) for name in FAMILIES}
    counted["consistency"] = (0, 0, 0, 0)
    counted["readable"] = (0, 0, 0, int((verdicts.verdict == INVALID).sum()))
    metrics = {name: rate(f"{ROOM}.{name}", right, n) for name, (n, right, _, _) in counted.items()}
    metrics["consistency"] = _named(
        rooms["position-inconsistency"], "position_inconsistency.consistency", "consistency"
    )
    unreadable = _named(rooms["unparsable-verdicts"], "unparsable_verdicts.rate", "readable")
    metrics["readable"] = rate(
        unreadable.name, unreadable.n - round(float(unreadable.value or 0) * unreadable.n), unreadable.n
    )
    notes: list[str] = []
    if "tie" not in one.prompt.schema.get("verdict", {}).get("enum", ["tie"]):
        metrics["identical"] = Metric(f"{ROOM}.identical", None, "share", 0, "the prompt has no tie to say")
        notes.append("identical: not judged, since the prompt has no tie to say")
    opinions, status, code = court.judge(
        [Measured(ROOM, 1, {}, Measurement(tuple(metrics.values())))],
        bounds,
        today=dt.datetime.now(dt.UTC).date(),
        dataset=one.judge.name,
        fail_on=fail_on,
    )
    families = tuple(_told(name, counted[name], metrics[name], opinions) for name in TITLES)
    asked, *tokens = spent
    return Card(
        one.judge.name,
        one.judge.model,
        one.prompt.ref,
        asked,
        families,
        _named(rooms["position-inconsistency"], "position_inconsistency.first_rate", "first_rate"),
        sum(tokens),
        one.judge.cost(*tokens) if one.judge.priced else None,
        status,
        code,
        tuple(notes),
    )


def _policy(given: str | None, workspace: Workspace) -> policies.Policy:
    known = [f"{ROOM}.{name}" for name in TITLES]
    ours = next((str(f / "probes.yaml") for f in workspace.expectations if (f / "probes.yaml").is_file()), None)
    path = given or ours
    if path is None:
        raise ConfigError("the bounds of the probes are missing", wanted="expectations/probes.yaml")
    return policies.load(path, workspace.expectations, known, ())


def _family(name: str, verdicts: Verdicts, pairs: Both) -> tuple[int, int, int, int]:
    """(pairs, those as they should be, verdicts for what should not win, unreadable verdicts)."""
    of = np.array([probes.family(item) == name for item in verdicts.item.names])
    mine = of[verdicts.item.codes[pairs.rows_first]]
    one, other = pairs.shown_first[mine], pairs.shown_second[mine]
    readable = pairs.valid[mine]
    right = {
        "a": (one == A) & (other == A),
        "not b": readable & (one != B) & (other != B),
        "tie": (one == TIE) & (other == TIE),
        "same": readable & (one == other),
    }[FAMILIES[name]]
    said = verdicts.verdict[of[verdicts.item.codes]]
    fooled = 0 if FAMILIES[name] in ("same", "tie") else int((said == B).sum())
    return len(one), int(right.sum()), fooled, int((said == INVALID).sum())


def _named(measured: Measurement, full: str, name: str) -> Metric:
    found = next((one for one in measured.metrics if one.name == full), None)
    if found is None:
        return Metric(f"{ROOM}.{name}", None, "share", 0, "; ".join(measured.notes))
    return Metric(f"{ROOM}.{name}", found.value, "share", found.n, found.why, found.low, found.high)


def _told(name: str, counts: tuple[int, int, int, int], metric: Metric, opinions: Sequence[Verdict]) -> Family:
    pairs, right, fooled, unreadable = counts
    mine = [one for one in opinions if one.metric == metric.name]
    worst = max(mine, key=lambda one: one.status.gravity, default=None)
    status = worst.status if worst else Status.SKIPPED
    why = worst.expected or worst.why if worst else "no bound"
    title, use = TITLES[name]
    return Family(name, title, pairs, right, fooled, unreadable, metric, status, why, use)
