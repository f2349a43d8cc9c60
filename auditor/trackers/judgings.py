"""What judges were asked and said in sum: as plain data, and as an MLflow run of the dataset's experiment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.trackers.notes import cell, cut, head, made_from, row
from auditor.trackers.publication import LONGEST, Publication, entry, key, milliseconds

SHOWN = 25
"""Judges in the description of a run; its parameters have more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One judge as it was asked. prompt: its name; prompt_digest: `sha256:…` of all that it says; text: that."""

    judge: str
    model: str
    endpoint: str
    prompt: str
    prompt_digest: str
    text: str
    repeats: int
    temperature: float | None
    seed: int | None


@dataclass(frozen=True, slots=True)
class Judging:
    """One run of judges over a dataset. name, digest, rows, fields (as `Dataset.schema`): of the dataset;
    version: `NAME@VERSION` where it is registered. file: where the verdicts are, within the workspace; verdicts:
    `sha256:…` of it; counts: how many of each verdict. rule: by which two orders are one. panel: what votes, where a
    panel does. metrics: by name. started, ended: ISO times. self_judged: by what a judge was let judge its own
    words or its relatives'."""

    name: str
    digest: str
    rows: int
    fields: Mapping[str, str]
    version: str | None
    judges: tuple[Asked, ...]
    file: str
    verdicts: str
    counts: Mapping[str, int]
    rule: str
    started: str
    ended: str
    panel: Mapping[str, Any] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    self_judged: str | None = None

    @property
    def prompts(self) -> list[Asked]:
        """One judge of each prompt."""
        return list({asked.prompt_digest: asked for asked in reversed(self.judges)}.values())[::-1]

    @property
    def identity(self) -> str:
        """Hex: the same questions with the same answers are one run, however often they are put."""
        said = [self.name, self.digest, self.verdicts, [(one.judge, one.prompt_digest) for one in self.judges]]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def describe(judging: Judging, experiment: str) -> Publication:
    """As parameters, metrics, tags and words; prompts go to the prompt registry, and are linked."""
    many = {
        "auditor.judges": [one.model for one in judging.judges],
        "auditor.prompts": [one.prompt_digest for one in judging.prompts],
    }
    tags = {
        "auditor.run": "judging",
        "auditor.dataset": judging.name,
        "auditor.dataset.digest": judging.digest,
        "auditor.verdicts": judging.verdicts,
        "auditor.verdicts.file": judging.file,
        **{name: ";" + ";".join(dict.fromkeys(values)) + ";" for name, values in many.items()},
    }
    if judging.version:
        tags["auditor.dataset.version"] = judging.version.rpartition("@")[2]
    if judging.self_judged:
        tags["auditor.self_judged"] = judging.self_judged
    return Publication(
        digest=judging.identity,
        experiment=experiment,
        name=f"judging {judging.verdicts.rpartition(':')[2][:12]}",
        started=milliseconds(judging.started),
        ended=milliseconds(judging.ended),
        description=_description(judging),
        parameters=_parameters(judging),
        metrics={key(name): float(value) for name, value in sorted(judging.metrics.items())},
        tags={key(name): cut(text, LONGEST) for name, text in tags.items()},
        inputs=[
            entry(judging.name, judging.digest, judging.rows, "judged", fields=judging.fields, ref=judging.version)
        ],
        artifacts={},
        kind="judging",
        version=judging.version,
        prompts=[
            {"name": one.prompt, "digest": one.prompt_digest, "version": None, "text": one.text}
            for one in judging.prompts
        ],
    )


def _parameters(judging: Judging) -> dict[str, str]:
    given: dict[str, object] = {"rule": judging.rule, "self_judged": judging.self_judged}
    if judging.panel:
        given |= {f"panel.{name}": value for name, value in judging.panel.items()}
    several = len(judging.judges) > 1
    for one in judging.judges:
        of = f"{one.judge}." if several else ""
        given |= {
            f"{of}judge": one.model if several else one.judge,
            f"{of}model": one.model,
            f"{of}endpoint": one.endpoint,
            f"{of}prompt": f"{one.prompt}@{one.prompt_digest.rpartition(':')[2][:12]}",
            f"{of}repeats": one.repeats,
            f"{of}temperature": one.temperature,
            f"{of}seed": one.seed,
        }
    return {key(name): cut(_word(value), LONGEST) for name, value in given.items() if value is not None}


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _description(judging: Judging) -> str:
    """Markdown: what came of it, then a line for each prompt, to be linked when it is sent, and for each judge."""
    said = ", ".join(f"{count:,} {word}" for word, count in sorted(judging.counts.items()))
    lines = [
        f"**{cell(judging.version or judging.name)}** was judged: {sum(judging.counts.values()):,} verdicts ({said})"
    ]
    lines += ["", *head("asked with", "what", "how")]
    lines += [made_from("prompt", one.prompt, one.prompt_digest[:19]) for one in judging.prompts[:SHOWN]]
    lines += ["", *head("judge", "model", "prompt")]
    for one in judging.judges[:SHOWN]:
        lines.append(row(*(cell(cut(text, 150)) for text in (one.judge, one.model, one.prompt))))
    if len(judging.judges) > SHOWN:
        lines.append(f"\n… and {len(judging.judges) - SHOWN} more.")
    return "\n".join(lines)
