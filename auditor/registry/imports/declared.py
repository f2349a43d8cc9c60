"""What a file of another tool declares of a dataset, as far as it was understood."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from auditor.core.documents import Entry
from auditor.model.card import Kind, Lineage, digest_of

LONGEST = 2_000
"""Characters of a description that are kept."""

_SPDX_URL = re.compile(
    r"^https?://(?:www\.)?(?:spdx\.org/licenses|opensource\.org/licenses?)/([A-Za-z0-9.+-]+?)(?:\.html)?/?$"
)
_CC_URL = re.compile(r"^https?://creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)(?:/.*)?$")
_CC0_URL = re.compile(r"^https?://creativecommons\.org/publicdomain/zero/1\.0(?:/.*)?$")


@dataclass(frozen=True, slots=True)
class Declared:
    """format: what the file is, in words. lineage: with sources as the file names them: URLs, paths, or
    URNs of datasets of ours; a digest only where the file has one. kind, licence, owner, description:
    None where it does not say. notes: what was taken for what, and what was not understood. file: where it was read."""

    format: str
    lineage: Lineage
    kind: Kind | None = None
    licence: str | None = None
    owner: str | None = None
    description: str | None = None
    notes: tuple[str, ...] = ()
    file: str = ""


def plain(entry: Entry) -> Any:
    """The value of a document without its places."""
    if isinstance(entry.value, dict):
        return {key: plain(value) for key, value in entry.value.items()}
    if isinstance(entry.value, list):
        return [plain(value) for value in entry.value]
    return entry.value


def each(value: Any) -> Iterator[Any]:
    """One value or a list of them, without nothings."""
    for one in value if isinstance(value, list) else [value]:
        if one not in (None, "", {}):
            yield one


def texts(value: Any) -> list[str]:
    """The texts among one value or a list of them."""
    return [one.strip() for one in each(value) if isinstance(one, str) and one.strip()]


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def licence(text: str) -> str:
    """An SPDX identifier for the URL of a well-known licence; any other text as it is."""
    if found := _SPDX_URL.match(text):
        return found[1]
    if found := _CC_URL.match(text):
        return f"CC-{found[1].upper()}-{found[2]}"
    return "CC0-1.0" if _CC0_URL.match(text) else text


def digest(text: str) -> str:
    """`sha256:HEX` of a text's UTF-8 bytes, as prompts are known by."""
    return digest_of(text.encode("utf-8", "surrogatepass"))
