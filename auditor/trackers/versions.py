"""A registered version as an MLflow run: every fact of its lineage as a tag, an input, and a line to read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from auditor.files import inside
from auditor.model.card import Card, Generator, Prompt, Registered, Source, digest_of
from auditor.model.errors import AuditorError
from auditor.model.graph import Edge, Graph, Role
from auditor.trackers.notes import cell, cut, head, made_from, row
from auditor.trackers.publication import LONGEST, Publication, entry, key

PAGE = "lineage.html"

MOST = 20
"""Lines of one role in a description; the page has them all."""

NEIGHBOURS = 100
"""Children that are linked when their source is told of after them. Others were linked when they were told of."""


def describe(
    card: Card, version: Registered, graph: Graph, root: Path, *, page: bool, fields: Mapping[str, str] | None = None
) -> Publication:
    """The version, its sources and what came of it. root: of the workspace, where its prompts lie. fields:
    of the records, as `Dataset.schema`."""
    ref, lineage = card.ref(version), version.lineage
    when = round(version.date.timestamp() * 1000)
    told = json.dumps([ref, version.digest, asdict(lineage)], sort_keys=True, default=str)
    node = f"dataset:{ref}"
    return Publication(
        digest=hashlib.sha256(told.encode()).hexdigest(),
        experiment=card.name,
        name=ref,
        started=when,
        ended=when,
        description=_description(card, version, graph),
        parameters=_parameters(version),
        metrics={"rows": float(version.rows)},
        tags=_tags(card, version),
        inputs=_inputs(card, version, graph, fields),
        artifacts={PAGE: ""} if page else {},
        kind="version",
        version=ref,
        sources=[_neighbour(edge.source, edge, graph) for edge in graph.into(node, _DATA) if _registered(edge.source)],
        children=[
            _neighbour(edge.target, edge, graph)
            for edge in graph.out_of(node, _DATA)[:NEIGHBOURS]
            if _registered(edge.target)
        ],
        prompts=[_prompt(prompt, root) for prompt in lineage.prompts],
        models=[
            {"name": g.model.name, "revision": g.model.revision, "theirs": (g.follows or "").startswith("mlflow:")}
            for g in lineage.generators
        ],
    )


_DATA: frozenset[Role] = frozenset(("seed", "parent", "eval"))


def _registered(node: str) -> bool:
    return node.startswith("dataset:")


def _neighbour(other: str, edge: Edge, graph: Graph) -> dict[str, Any]:
    """The dataset at the other end of an edge."""
    node = graph.nodes[other]
    return {
        "ref": other.removeprefix("dataset:"),
        "role": edge.role,
        "digest": node.digest,
        "rows": node.rows,
        "technique": node.technique,
    }


def _inputs(card: Card, version: Registered, graph: Graph, fields: Mapping[str, str] | None) -> list[dict[str, Any]]:
    """The version itself under its kind, then what it was made from and is measured by."""
    path, ref = {"path": version.path}, card.ref(version)
    found = [entry(card.name, version.digest, version.rows, card.kind, fields=fields, about=path, ref=ref)]
    roles = [*version.lineage.sources(), *(("eval", source) for source in version.lineage.evals)]
    for role, source in roles:
        if not source.digest:
            continue  # MLflow knows a dataset by its digest alone
        node = graph.nodes.get(f"dataset:{source.dataset}")
        context = role if role != "parent" else (node.data if node and node.data else role)
        rows = source.rows if source.rows is not None else (node.rows if node else None)
        name = source.dataset.rpartition("@")[0] if source.dataset else str(source)
        about = {"path": source.file} if source.file else {}
        found.append(entry(cut(name, LONGEST), source.digest, rows, context, about=about, ref=source.dataset))
    return found


def _prompt(prompt: Prompt, root: Path) -> dict[str, Any]:
    """With its text where the file still is what was registered."""
    said = {"name": prompt.name, "digest": prompt.digest, "version": prompt.version, "text": None}
    if prompt.file is not None:
        try:
            content = inside(root, Path(prompt.file)).read_bytes()
            if digest_of(content) == prompt.digest:
                said["text"] = content.decode("utf-8")
        except (OSError, ValueError, AuditorError):
            pass  # gone, or no text: its digest is told
    return said


def _tags(card: Card, version: Registered) -> dict[str, str]:
    """What runs are searched by. Lists are `;a;b;`, so that `LIKE '%;a;%'` finds a whole name; and so is what several
    generators were run with."""
    lineage = version.lineage
    decoding: dict[str, list[object]] = {}
    for each in lineage.generators:
        for name, value in each.decoding.items():
            if value is not None:
                decoding.setdefault(f"auditor.decoding.{name}", []).append(value)
    many: dict[str, Iterable[object]] = {
        "auditor.generators": [g.model for g in lineage.generators],
        "auditor.prompts": [p.digest for p in lineage.prompts],
        "auditor.prompt.names": [f"{p.name}@{p.version}" if p.version else p.name for p in lineage.prompts],
        "auditor.follows": [g.follows for g in lineage.generators if g.follows],
        "auditor.seeds": lineage.seeds,
        "auditor.parents": lineage.parents,
        "auditor.evals": lineage.evals,
        "auditor.judges": lineage.judges,
        "auditor.people": lineage.people,
    }
    one: dict[str, object] = {
        "auditor.dataset.version": version.version,
        "auditor.dataset.digest": version.digest,
        "auditor.dataset.kind": card.kind,
        "auditor.dataset.rows": version.rows,
        "auditor.technique": lineage.technique,
        "auditor.owner": card.owner,
        "auditor.licence": card.licence,
        "auditor.terms": card.terms,
        "auditor.purpose": card.purpose,
        "auditor.expires": card.refresh.expires,
        "auditor.refresh.every": card.refresh.every,
        "auditor.stage": card.stage,
        "auditor.status": version.status,
        "auditor.supersedes": version.supersedes,
        "auditor.verdict": version.verdict.status if version.verdict else None,
        "auditor.dvc.md5": version.dvc.md5 if version.dvc else None,
    }
    if len(lineage.generators) == 1:
        (generator,) = lineage.generators
        one |= {
            "auditor.generator": generator.model.name,
            "auditor.generator.revision": generator.model.revision,
            "auditor.generator.provider": generator.provider,
            "auditor.generator.system_prompt": generator.system_prompt,
            **{name: values[0] for name, values in decoding.items()},
        }
    else:
        many |= {name: list(dict.fromkeys(values)) for name, values in decoding.items()}
    one |= {f"auditor.field.{column}": technique for column, technique in lineage.fields.items()}
    one |= {f"auditor.fact.{name}": value for name, value in lineage.facts.items()}
    tags = {"auditor.run": "version", "auditor.dataset": card.name}
    tags |= {name: str(value) for name, value in one.items() if value is not None}
    tags |= {name: ";" + ";".join(map(str, values)) + ";" for name, values in many.items() if values}
    return {key(name): cut(text, LONGEST) for name, text in tags.items()}


def _parameters(version: Registered) -> dict[str, str]:
    """How the models were run: what runs are compared by."""
    given: dict[str, object] = {"technique": version.lineage.technique}
    several = len(version.lineage.generators) > 1
    for generator in version.lineage.generators:
        of = f"{generator.model.name}." if several else ""
        given |= {f"{of}generator": generator.model, f"{of}provider": generator.provider}
        given |= {f"{of}{name}": value for name, value in generator.decoding.items()}
    return {key(name): cut(str(value), LONGEST) for name, value in given.items() if value is not None}


def _description(card: Card, version: Registered, graph: Graph) -> str:
    """Markdown: what it is, then a line for everything it was made from, to be linked when it is sent."""
    lineage = version.lineage
    how = [card.kind, f"{version.rows:,} rows", lineage.technique or "technique not said", version.status]
    lines = [f"**{cell(card.ref(version))}**: " + ", ".join(map(cell, how))]
    if version.supersedes:
        lines[0] += f", supersedes {cell(f'{card.name}@{version.supersedes}')}"
    lines += ["", cell(cut(card.description, LONGEST))] if card.description else []
    facts = {"owner": card.owner, "purpose": card.purpose, "licence": card.licence, "expires": card.refresh.expires}
    said = [f"{name}: {cell(cut(str(value), 100))}" for name, value in facts.items() if value]
    lines += ["", "; ".join(said)] if said else []
    roles: list[tuple[str, list[tuple[str, str]]]] = [
        ("seed", [_source(s, graph) for s in lineage.seeds]),
        ("parent", [_source(s, graph) for s in lineage.parents]),
        ("generator", [(str(g.model), _how(g)) for g in lineage.generators]),
        ("prompt", [(p.name, p.digest[:19]) for p in lineage.prompts]),
        ("judge", [(str(model), "") for model in lineage.judges]),
        ("by", [(name, "") for name in lineage.people]),
        ("eval", [_source(s, graph) for s in lineage.evals]),
    ]
    if any(found for _, found in roles):
        lines += ["", *head("made from", "what", "how")]
    for role, found in roles:
        lines += [made_from(role, what, how) for what, how in found[:MOST]]
        if len(found) > MOST:
            lines.append(row(cell(role), f"… and {len(found) - MOST} more in `{PAGE}`", ""))
    return "\n".join(lines)


def _source(source: Source, graph: Graph) -> tuple[str, str]:
    node = graph.nodes.get(f"dataset:{source.dataset}")
    rows = source.rows if source.rows is not None else (node.rows if node else None)
    facts = [node.data if node else None, f"{rows:,} rows" if rows is not None else None]
    if node is None and source.digest:
        facts.append(source.digest[:19])
    return str(source), ", ".join(fact for fact in facts if fact)


def _how(generator: Generator) -> str:
    decoding: Mapping[str, object] = generator.decoding
    facts = [generator.provider, *(f"{name} {value}" for name, value in decoding.items() if value is not None)]
    return ", ".join(fact for fact in facts if fact)
