"""YAML that people write by hand, read so that every mistake can be shown where it stands.

Only plain data: a key given twice, an anchor or an alias (a few lines of which can stand for
gigabytes), a tag and a second document are refused.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from auditor.core.secrets import redact
from auditor.model.errors import ConfigError, suggest

LARGEST = 16 << 20
"""Bytes of the largest settings file that is read: word lists are kilobytes, so more is a mistake."""

_TAGS = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")
)

Scalar = str | int | float | bool | dt.date | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A value with the place where it stands. line: 1-based. Every reader below raises ConfigError
    naming file and line where the value is of another kind."""

    value: Scalar | dict[str, Entry] | list[Entry]
    file: str
    line: int

    def mapping(
        self, what: str, known: Collection[str] | None = None, required: Collection[str] = ()
    ) -> dict[str, Entry]:
        """The entries by key; `known` are the only keys allowed (None: any)."""
        if not isinstance(self.value, dict):
            self.refuse(f"{what} must be a mapping of keys to values")
        for key, entry in self.value.items():
            if known is not None and key not in known:
                entry.refuse(f"{what} has an unknown key {key!r}", hint=suggest(key, known))
        for key in required:
            if key not in self.value:
                self.refuse(f"{what} has no {key!r}", wanted=f"keys {', '.join(required)}")
        return self.value

    def items(self, what: str) -> Iterator[Entry]:
        if not isinstance(self.value, list):
            self.refuse(f"{what} must be a list")
        return iter(self.value)

    def text(self, what: str) -> str:
        if not isinstance(self.value, str) or not self.value.strip():
            self.refuse(f"{what} must be a text that is not empty")
        return self.value

    def pattern(self, what: str) -> str:
        """A regular expression, for Python and for Arrow (RE2) alike."""
        import pyarrow as pa
        import pyarrow.compute as pc  # 0.03 s, for the few files that have any

        text = self.text(what)
        try:
            re.compile(text)
            pc.match_substring_regex(pa.array([""]), text)
        except (re.error, pa.ArrowInvalid) as error:
            raise ConfigError(
                "not a regular expression", file=self.file, line=self.line, seen=str(error)[:200]
            ) from error
        return text

    def names(self, what: str, known: Collection[str]) -> tuple[str, ...]:
        """A list of known names."""
        return tuple(entry.name(what, known) for entry in self.items(what))

    def name(self, what: str, known: Collection[str]) -> str:
        name = self.text(what)
        if name not in known:
            self.refuse(f"{what}: unknown name {name!r}", hint=suggest(name, known))
        return name

    def date(self, what: str) -> dt.date:
        value = self.value
        if isinstance(value, str):
            try:
                value = dt.date.fromisoformat(value)
            except ValueError:
                self.refuse(f"{what} is not a date", wanted="a day such as 2027-01-31")
        if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
            self.refuse(f"{what} must be a date", wanted="a day such as 2027-01-31")
        return value

    def refuse(self, message: str, *, wanted: str | None = None, hint: str | None = None) -> NoReturn:
        seen = None if isinstance(self.value, dict | list) else redact(repr(self.value))[:120]
        raise ConfigError(message, file=self.file, line=self.line, seen=seen, wanted=wanted, hint=hint)


def first(folders: Sequence[Path], place: Path, what: str) -> Path:
    """The file at `place` in the first of these folders of expectations. Raises ConfigError where none has it."""
    found = next((path for folder in folders if (path := folder / place).is_file()), None)
    if found is None:
        raise ConfigError(
            f"no {what}",
            seen=", ".join(str((folder / place).parent) for folder in folders) or "no folder of expectations",
            hint=f"put {place} into your own expectations/",
        )
    return found


def read(path: Path) -> Entry:
    """The document in a YAML file.

    Raises ConfigError where it is missing, too large, not UTF-8, empty, not YAML or not plain data.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError("the file is too large for settings", file=str(path), wanted="at most 16 MiB")
        content = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError("the file is not UTF-8", file=str(path), seen=str(error)) from error
    return parse(content, str(path))


def parse(content: str, file: str) -> Entry:
    """The document in a text; `file` names it in errors."""
    try:
        loader = _LOADER(content)
        try:
            return _document(loader, file)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        if line and (conflict := _CONFLICT.search(content)):
            line = content.count("\n", 0, conflict.start()) + 1
            raise ConfigError(
                "the file is in the middle of a merge", file=file, line=line, seen=conflict[0], hint=_MERGE
            ) from error
        raise ConfigError(f"not plain YAML: {error.problem}", file=file, line=line) from error
    except yaml.YAMLError as error:
        raise ConfigError("not YAML", file=file, seen=str(error)[:200]) from error
    except RecursionError:
        raise ConfigError("the values are nested too deeply", file=file) from None


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML has it (its wheels do): ten times as fast, and cards come by the thousand."""

_CONFLICT = re.compile(r"^(?:<{7}|>{7}) .*$", re.MULTILINE)
_MERGE = "settle the lines between <<<<<<< and >>>>>>>, then run it again"


def _document(loader: Any, file: str) -> Entry:
    """Built from the events themselves: nothing is composed, so nothing can be multiplied, and libyaml's
    own recursion, which no limit guards, is never entered."""
    loader.get_event()  # the stream starts
    if loader.check_event(yaml.StreamEndEvent):
        raise ConfigError("the file is empty", file=file)
    loader.get_event()  # the document starts
    entry = _entry(loader, loader.get_event(), file)
    loader.get_event()  # the document ends
    if not loader.check_event(yaml.StreamEndEvent):
        line = loader.get_event().start_mark.line + 1
        raise ConfigError("not plain YAML: a second document in the file", file=file, line=line)
    return entry


def _entry(loader: Any, event: Any, file: str) -> Entry:
    line = event.start_mark.line + 1
    if event.anchor is not None:  # an alias, too, is an event with one
        raise ConfigError("not plain YAML: anchors and aliases are not allowed here", file=file, line=line)
    if isinstance(event, yaml.ScalarEvent):
        return Entry(_scalar(loader, event, file, line), file, line)
    wanted = "tag:yaml.org,2002:map" if isinstance(event, yaml.MappingStartEvent) else "tag:yaml.org,2002:seq"
    if event.tag not in (None, "!", wanted):
        _refuse_tag(event.tag, file, line)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Entry] = []
        while not isinstance(item := loader.get_event(), yaml.SequenceEndEvent):
            items.append(_entry(loader, item, file))
        return Entry(items, file, line)
    mapping: dict[str, Entry] = {}
    while not isinstance(key := loader.get_event(), yaml.MappingEndEvent):
        at = key.start_mark.line + 1
        if key.anchor is not None:
            raise ConfigError("not plain YAML: anchors and aliases are not allowed here", file=file, line=at)
        if not isinstance(key, yaml.ScalarEvent):
            raise ConfigError("a key must be a word", file=file, line=at)
        if key.value in mapping:
            raise ConfigError(f"the key {key.value!r} is given twice", file=file, line=at)
        mapping[key.value] = _entry(loader, loader.get_event(), file)
    return Entry(mapping, file, line)


def _scalar(loader: Any, event: Any, file: str, line: int) -> Scalar:
    tag = event.tag
    if tag is None or tag == "!":
        tag = loader.resolve(yaml.ScalarNode, event.value, event.implicit)
    if tag not in _TAGS:
        _refuse_tag(tag, file, line)
    if tag == "tag:yaml.org,2002:str":
        text: str = event.value
        return text
    try:
        value: Scalar = loader.construct_object(yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark))
    except ValueError as error:  # 2027-02-30: YAML takes it for a date, and it is none
        raise ConfigError(f"not a value: {error}", file=file, line=line, seen=str(event.value)[:120]) from error
    return value


def _refuse_tag(tag: str, file: str, line: int) -> NoReturn:
    raise ConfigError("not plain YAML: tags are not allowed here", file=file, line=line, seen=tag[:120])
