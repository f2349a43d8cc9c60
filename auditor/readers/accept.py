"""Whether what was read is a dataset at all: bad rows within bounds, something trainable in it."""

from __future__ import annotations

from collections.abc import Mapping

from auditor.model.errors import ConfigError, UnknownShape, UnreadableFile, suggest
from auditor.readers import quarantine
from auditor.readers.quarantine import EXAMPLES
from auditor.readers.snapshot import Reading


def accept(reading: Reading, mapping: Mapping[str, str], allowed: str | float | None, name: str) -> None:
    """Raises TooManyBadRows, UnknownShape, UnreadableFile (no records) or ConfigError (a mapped field
    that no row has)."""
    examples = [one for _, one in zip(range(EXAMPLES), reading.bad(), strict=False)]
    facts = reading.facts()
    quarantine.judge(examples, reading.reasons(), reading.rows, allowed)
    if not reading.rows:
        raise UnreadableFile(
            "there is no record in it",
            file=reading.files[0] if len(reading.files) == 1 else name,
            wanted='at least one record, such as {"prompt": "…", "response": "…"} on a line',
        )
    for canonical, field in mapping.items():
        if field not in facts.mapped:
            raise ConfigError(
                f"--map {canonical}={field}: no record has a field {field!r}", hint=suggest(field, facts.keys)
            )
    if not facts.textual:
        raise UnknownShape(
            "the records hold no text",
            file=reading.files[0],
            seen="keys "
            + ", ".join(quarantine.shown(str(key)) for key in facts.keys[:20])
            + (", …" if len(facts.keys) > 20 else ""),
            wanted="messages, conversations, instruction/output, prompt/response, chosen/rejected, text, or a record with text",
            hint="name the fields: --map prompt=KEY --map response=KEY (or --map text=KEY)",
        )
