"""What a reader of the report should know about how the rows were read."""

from __future__ import annotations

from collections.abc import Mapping

from auditor.readers.quarantine import shown
from auditor.readers.recognisers import ASKED
from auditor.readers.rows import Facts

READ = {
    "turns": "the user's turns are the prompt, without answers",
    "instances": "the first instance is prompt and response, the text holds all of them",
    "completions": "the best scored answer (the first of equals) is the response, the text holds all of them",
}
"""What is not obvious of a shape."""

NAMED = 8
"""Fields that a note names."""


def of(facts: Facts, fields: Mapping[str, str], left_out: int) -> list[str]:
    """Notes on what was read. fields: those with a column; left_out: how many have none."""
    notes = []
    if left_out:
        notes.append(
            f"{left_out} of {left_out + len(fields)} fields are in meta only: the most frequent "
            f"{len(fields)} have columns"
        )
    asked = next((key for key in ASKED if "record" in facts.shapes and key in fields), None)
    if asked is not None:
        notes.append(
            f"rows with a {asked!r} and no answer under a known name are read whole, as records: "
            f"name the answer with --map prompt={asked} --map response=FIELD"
        )
    if facts.nested:
        keys = ", ".join(shown(str(key)) for key in facts.keys[:NAMED]) + (", …" if len(facts.keys) > NAMED else "")
        notes.insert(
            0,
            f"no shape was recognised in {facts.nested} rows that have text in nested fields alone (keys {keys}): they "
            "are read whole, as JSON; bring the fields of the text to the top, or name one with --map text=KEY",
        )
    notes += [f"{shape}: {READ[shape]}" for shape in sorted(READ.keys() & facts.shapes.keys())]
    if facts.unread:
        names = sorted(facts.unread, key=lambda name: (-facts.unread[name], name))
        told = ", ".join(shown(str(name)) for name in names[:NAMED]) + (", …" if len(names) > NAMED else "")
        notes.append(f"lists of texts that no check reads, kept in meta: {told}; --map COLUMN=FIELD reads one")
    if facts.mended:
        notes.append(f"{facts.mended} rows held NaN, Infinity or half a surrogate pair: read as null and U+FFFD")
    return notes
