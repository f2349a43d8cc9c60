"""The README of a dataset on the Hugging Face Hub: YAML front matter over Markdown.

https://github.com/huggingface/hub-docs/blob/main/datasetcard.md
"""

from __future__ import annotations

import re
from typing import Any

from auditor.model.card import Kind, Lineage, Source
from auditor.model.techniques import TECHNIQUES
from auditor.registry.imports.declared import LONGEST, Declared, each, licence, texts

HUB = "https://huggingface.co/datasets/"

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)?")
_MADE = frozenset(("synthetic", "distilabel", "synthetic-data", "synthetic data", "machine-generated", "llm-generated"))
_KNOWN = frozenset(
    ("license", "license_name", "tags", "source_datasets", "language_creators", "annotations_creators", "pretty_name")
)
_OF_THE_HUB = frozenset(
    {"annotations_creators", "config_names", "configs", "dataset_info", "extra_gated_fields", "extra_gated_prompt",
     "language", "license_link", "license_details", "multilinguality", "paperswithcode_id", "size_categories",
     "task_categories", "task_ids", "train-eval-index", "viewer", "arxiv", "library_name"}
)  # fmt: skip
"""Keys that say nothing of lineage."""


def card(front: dict[str, Any], body: str) -> Declared:
    """What the front matter and the first paragraph say."""
    notes: list[str] = []
    tags = {tag.lower() for tag in texts(front.get("tags"))}
    creators = {creator.lower() for creator in texts(front.get("language_creators"))}
    kind: Kind | None = None
    if tags & _MADE or "machine-generated" in creators:
        kind = "mixed" if creators - {"machine-generated"} else "synthetic"
        notes.append(f"kind {kind}: {', '.join(sorted((tags & _MADE) | creators))}")
    elif creators:
        kind = "real"
        notes.append(f"kind real: language creators {', '.join(sorted(creators))}")
    technique = next((name for name in TECHNIQUES if name in tags), None)
    if technique is None and kind == "real":
        technique = "collected" if "found" in creators else "human"
    parents = tuple(_sources(front.get("source_datasets"), notes))
    lineage = Lineage(technique=technique, parents=parents)
    notes += [f"not understood: {key}" for key in front if key not in _KNOWN | _OF_THE_HUB]
    name = front.get("pretty_name")
    return Declared(
        "a dataset card of the Hugging Face Hub",
        lineage,
        kind,
        _licence(front, notes),
        None,
        _paragraph(body) or (name if isinstance(name, str) else None),
        tuple(notes),
    )


def _licence(front: dict[str, Any], notes: list[str]) -> str | None:
    said = texts(front.get("license"))
    if said == ["other"]:
        said = texts(front.get("license_name"))
    if len(said) > 1:
        notes.append(f"several licences: {', '.join(said)}; joined by AND")
    return " AND ".join(licence(one) for one in said) or None


def _sources(given: Any, notes: list[str]) -> list[Source]:
    """`extended|squad` and repositories of the Hub; "original" says that there are none."""
    found = []
    for one in each(given):
        name = one.rpartition("|")[2].strip() if isinstance(one, str) else ""
        if name in ("original", "extended", "other"):
            notes.append(f"source_datasets: {one}")
        elif _REPOSITORY.fullmatch(name):
            found.append(Source(None, file=HUB + name))
        else:
            notes.append(f"not understood: a source dataset {str(one)[:80]!r}")
    return found


def _paragraph(body: str) -> str | None:
    """The first paragraph that is prose: no heading, picture, list, table, comment or template."""
    for part in re.split(r"\n\s*\n", body):
        text = " ".join(part.split())
        if text and not re.match(r"[#!<>|*\-\[`{+0-9]", text):
            return text[:LONGEST]
    return None
