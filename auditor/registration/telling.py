"""What registering did, in words and for machines."""

from __future__ import annotations

from typing import Any

from auditor.registration.request import Registration
from auditor.registry import plain


def text(done: Registration, *, dry_run: bool = False) -> str:
    """A few lines for a person."""
    version, card = done.version, done.card
    lineage = version.lineage
    if not done.created:
        standing = "" if version.status == "current" else f", now {version.status}"
        return f"{done.ref} is registered already: the same rows, the same lineage{standing}"
    made = ", ".join(filter(None, (card.kind, lineage.technique)))
    lines = [f"{'would register' if dry_run else 'registered'} {done.ref}: {version.rows:,} rows, {made}"]
    if version.supersedes is not None:
        would = "would supersede" if version.status == "candidate" else "supersedes"
        lines[0] += f"; {would} {card.name}@{version.supersedes}"
    for role in ("generators", "prompts", "seeds", "parents", "evals", "judges", "people"):
        entries = [_entry(entry) for entry in getattr(lineage, role)]
        if entries:
            lines.append(f"  {role:<10} {', '.join(entries[:8])}{', …' if len(entries) > 8 else ''}")
    if version.dvc is not None:
        lines.append(f"  {'dvc':<10} {version.dvc.file} {version.dvc.md5}")
    if not dry_run:
        lines.append(f"  {'card':<10} datasets/{card.name}.yaml")
    return "\n".join(lines)


def described(done: Registration) -> dict[str, Any]:
    """For machines: the version as the card has it, and what was done."""
    return {
        "ref": done.ref,
        "created": done.created,
        "kind": done.card.kind,
        "card": f"datasets/{done.card.name}.yaml",
        **plain.of_version(done.version),
        "pushed": done.pushed,
        "notes": list(done.notes),
    }


def _entry(entry: Any) -> str:
    """A source, prompt, generator or model by the name that it goes by."""
    name = str(entry.model) if hasattr(entry, "model") else getattr(entry, "name", None) or str(entry)
    rows = getattr(entry, "rows", None)
    return f"{name} ({rows:,} rows)" if rows is not None else name
