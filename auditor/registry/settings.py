"""`auditor.yaml`: what a workspace sets for every audit in it. Unknown keys are refused where they stand.

    policy: strict                    # a policy of expectations/policies, or a file
    by: [generator]                   # columns that every rate is sliced by
    memory: 3GB                       # working memory of an audit
    max_bad_rows: 0.001               # rows that may be unreadable: a number or a share
    mlflow: {uri: "http://127.0.0.1:5000"}
    checks:
      near-duplicates: {threshold: 0.7}

The file is data and never code: plain YAML, no tags, no aliases (they can make a small file
huge), no key twice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from auditor.model.errors import ConfigError, StorageError, suggest

FILE = "auditor.yaml"

LARGEST = 1 << 20
"""Bytes. Settings are written by hand; a megabyte of them is another file by mistake."""

DEEPEST = 12
"""Levels of nesting. Settings have three; the parser recurses, so a file of brackets must not reach it."""

KEYS = ("by", "checks", "max_bad_rows", "memory", "mlflow", "policy")
_SIZE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file says; what it leaves out is None or empty. memory: bytes (powers of 1024).

    lines: "checks.near-duplicates.threshold" -> line in the file, for messages.
    """

    path: Path | None = None
    policy: str | None = None
    by: tuple[str, ...] = ()
    memory: int = 0
    max_bad_rows: str | None = None
    tracking_uri: str | None = None
    checks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    def error(self, message: str, key: str, *, hint: str | None = None, **said: str) -> ConfigError:
        """A ConfigError that points to `key` in the file."""
        return ConfigError(message, file=str(self.path), line=self.lines.get(key), hint=hint, **said)


def read(path: Path) -> Settings:
    """Settings of the file. Raises ConfigError with the file and line of the first thing that is wrong."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read the settings: {error.strerror}", file=str(path)) from error
    values, lines = _parse(raw, path)
    bare = Settings(path=path, lines=lines)
    for key in values:
        if key not in KEYS:
            raise bare.error(f"unknown setting {key!r}", key, hint=suggest(key, KEYS))
    return Settings(
        path=path,
        policy=_text(bare, values, "policy"),
        by=_names(bare, values, "by"),
        memory=_bytes(bare, values),
        max_bad_rows=_bad_rows(bare, values),
        tracking_uri=_tracking(bare, values),
        checks=_checks(bare, values),
        lines=lines,
    )


def _parse(raw: bytes, path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    if len(raw) > LARGEST:
        raise ConfigError("the settings file is too large", file=str(path), seen=f"{len(raw)} bytes")
    try:
        text = raw.decode("utf-8-sig")
        _refuse(text, path)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[str, int] = {}
        value = _plain(root, path, "", lines) if root is not None else {}
    except UnicodeDecodeError as error:
        raise ConfigError("the settings file is not UTF-8", file=str(path), seen=str(error)) from error
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"not YAML: {problem}", file=str(path), line=mark.line + 1 if mark else None) from error
    if value is None:
        return {}, lines
    if not isinstance(value, dict):
        raise ConfigError("settings are `key: value` lines", file=str(path), line=1, wanted=", ".join(KEYS))
    return value, lines


def _refuse(text: str, path: Path) -> None:
    """Aliases and bottomless nesting, seen in the event stream before anything is built from it."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError("aliases (`*name`) are not allowed in settings", file=str(path), line=_line(event))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise ConfigError("nested too deeply", file=str(path), line=_line(event))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _line(event: yaml.Event) -> int | None:
    return event.start_mark.line + 1 if event.start_mark else None


def _plain(node: yaml.Node, path: Path, prefix: str, lines: dict[str, int]) -> Any:
    """The node as plain Python values, with the line of every key."""
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError("a key must be a word", file=str(path), line=line)
            key = key_node.value
            if key in found:
                raise ConfigError(f"{key!r} is set twice", file=str(path), line=line)
            place = f"{prefix}.{key}" if prefix else key
            lines[place] = line
            found[key] = _plain(value_node, path, place, lines)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, path, prefix, lines) for child in node.value]
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    finally:
        loader.dispose()


def _text(settings: Settings, values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    if value is None or (isinstance(value, str) and value):
        return value
    raise settings.error(f"{key!r} must be a word", key, seen=repr(value))


def _names(settings: Settings, values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = values.get(key)
    given = [value] if isinstance(value, str) else value or []
    if isinstance(given, list) and all(isinstance(name, str) and name for name in given):
        return tuple(given)
    raise settings.error(f"{key!r} must be a column or a list of columns", key, seen=repr(value))


def _bytes(settings: Settings, values: Mapping[str, Any]) -> int:
    value = values.get("memory")
    if value is None:
        return 0
    match = None if isinstance(value, bool) else _SIZE.match(str(value))
    if not match or float(match[1]) <= 0:
        raise settings.error("'memory' must be a size", "memory", seen=repr(value), wanted="such as 3GB or 500MB")
    return int(float(match[1]) * 1024 ** " kmgt".index(match[2].lower() or " "))


def _bad_rows(settings: Settings, values: Mapping[str, Any]) -> str | None:
    value = values.get("max_bad_rows")
    if value is None:
        return None
    text = str(value).strip()
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number) or number < 0:
        wanted = "a number of rows (25) or a share (0.001 or 0.1%)"
        raise settings.error("'max_bad_rows' is not a number", "max_bad_rows", seen=repr(value), wanted=wanted)
    return text


def _tracking(settings: Settings, values: Mapping[str, Any]) -> str | None:
    block = values.get("mlflow")
    if block is None:
        return None
    if not isinstance(block, dict):
        raise settings.error("'mlflow' is a block", "mlflow", wanted="mlflow:\n          uri: http://…")
    for key in block:
        if key != "uri":
            raise settings.error(f"unknown setting 'mlflow.{key}'", f"mlflow.{key}", hint=suggest(key, ["uri"]))
    uri = block.get("uri")
    # The value is not shown: it may hold a password.
    if uri is not None and not (isinstance(uri, str) and uri):
        raise settings.error("'mlflow.uri' must be a URI", "mlflow.uri", wanted="such as http://127.0.0.1:5000")
    return uri


def _checks(settings: Settings, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    block = values.get("checks")
    if block is None:
        return {}
    if not isinstance(block, dict):
        raise settings.error(
            "'checks' is a block of checks", "checks", wanted="checks:\n          NAME: {PARAM: VALUE}"
        )
    for name, parameters in block.items():
        if parameters is not None and not isinstance(parameters, dict):
            place = f"checks.{name}"
            raise settings.error(f"'{place}' is a block of parameters", place, wanted=f"{name}: {{PARAM: VALUE}}")
    return {name: dict(parameters or {}) for name, parameters in block.items()}
