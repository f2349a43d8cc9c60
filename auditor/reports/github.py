"""GitHub Actions: annotations by workflow commands. (The page of the run is the Markdown face.)"""

from __future__ import annotations

from auditor.model.result import Status
from auditor.reports.escaping import command_property, command_value, one_line
from auditor.reports.examples import Example
from auditor.reports.section import Section
from auditor.reports.view import View

SHOWN = 10
"""Annotations of a level that GitHub shows for one step (docs.github.com, "Workflow commands", limits)."""

_LEVELS = {Status.FAIL: "error", Status.ERROR: "error", Status.WARN: "warning"}


def commands(view: View) -> str:
    """Workflow commands: first one a check, then the findings in turn while a level has room; the
    last line, plain, says the verdict and how many findings there are."""
    room = {"error": SHOWN, "warning": SHOWN}
    lines = []
    if view.advice:
        room["error"] -= 1
        lines.append(_command("error", "auditor", f"{view.headline}: {view.summary}\n{view.advice}", None))
    for section in view.bad:
        level = _LEVELS[section.status]
        if room[level]:
            room[level] -= 1
            example = section.examples[0] if section.examples else None
            lines.append(_command(level, f"auditor: {section.name}", _told(section), example))
    for turn in range(1, SHOWN):
        for section in view.bad:
            level = _LEVELS[section.status]
            if room[level] and turn < len(section.examples):
                room[level] -= 1
                example = section.examples[turn]
                words = f"{example.label}: {one_line(example.seen)}"
                lines.append(_command(level, f"auditor: {section.name}, {one_line(example.name, 80)}", words, example))
    found = sum(section.findings for section in view.sections)
    verdict = f"{view.label} {view.headline}: {view.summary}; {found:,} findings"
    return "\n".join([*lines, verdict]) + "\n"


def _told(section: Section) -> str:
    parts = [one_line(section.reason, 500)]
    parts += [f"from {one_line(c.name, 80)}: {c.words}" for c in section.culprits[:1]]
    parts += [f"fix: {section.remedy}"] if section.remedy else []
    parts += [f"{section.findings:,} findings in findings.parquet"] if section.findings else []
    return "\n".join(parts)


def _command(level: str, title: str, message: str, example: Example | None) -> str:
    properties = [f"title={command_property(title)}"]
    if example is not None and example.file:
        properties.insert(0, f"file={command_property(one_line(example.file, 1000))}")
        if example.line is not None:
            properties.insert(1, f"line={example.line}")
    return f"::{level} {','.join(properties)}::{command_value(message)}"
