"""`judges.yaml`: who judges, where, how often, at which pace and price.

    judges:
      gpt-4o:                            # as verdicts name it
        endpoint: https://api.openai.com/v1
        model: gpt-4o-2024-11-20
        key: OPENAI_API_KEY              # the variable that holds the key; without it no key is sent
        prompt: pairwise                 # a name, or a file beside this one; --prompt stands before it
        temperature: 0                   # null: not sent, for models that take none
        seed: 1                          # repeat n is asked with seed + n; not sent where it is not set
        repeats: 1
        max_tokens: 1024                 # of the answer; or max_completion_tokens, where the model wants that
        structured: auto                 # a JSON schema goes along where the endpoint takes one; or yes, no
        rpm: 500                         # requests and
        tpm: 30000                       # tokens a minute; judges of one endpoint and model share them
        concurrency: 8                   # requests under way at a time
        timeout: 60                      # seconds
        price_in: 2.5                    # of a million tokens read
        price_out: 10                    # and written
      ours:
        callable: ours                   # an entry point of the group `auditor.judges`
        model: llama-3-tuned             # whose relatives it may not judge
    panel:                               # panels of these judges, by name: see `core.judges.juries`
      jury:
        members: [gpt-4o, ours]
        vote: weighted                   # or majority, which is the default
        weights: {gpt-4o: 2, ours: 1}    # without them: by how often each is right where people judged
        rule: strict                     # how a judge's two orders become one

A callable is given the body of a chat request (`model`, `messages`, …) and returns the answer's text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from auditor.core import documents
from auditor.core.documents import Entry
from auditor.core.judges import juries, rules
from auditor.core.judges.juries import Jury
from auditor.model.errors import ConfigError, suggest

__all__ = ["GROUP", "Judge", "called", "key_of", "panel", "panels", "read"]

GROUP = "auditor.judges"

STRUCTURED = ("auto", "yes", "no")

_KEYS = (
    "endpoint", "model", "key", "callable", "prompt", "temperature", "seed", "repeats", "max_tokens",
    "max_completion_tokens", "structured", "rpm", "tpm", "concurrency", "timeout", "price_in", "price_out",
)  # fmt: skip

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,79}")


@dataclass(frozen=True, slots=True)
class Judge:
    """One judge as the file says it. endpoint: URL up to /v1, or `callable:NAME`. key: name of a variable. limit: how
    the request calls max_tokens. prices: of a million tokens; None where nobody said."""

    name: str
    endpoint: str
    model: str
    key: str | None = None
    prompt: str | None = None
    temperature: float | None = 0.0
    seed: int | None = None
    repeats: int = 1
    max_tokens: int = 1024
    limit: str = "max_tokens"
    structured: str = "auto"
    rpm: float | None = None
    tpm: float | None = None
    concurrency: int = 8
    timeout: float = 60.0
    price_in: float | None = None
    price_out: float | None = None

    @property
    def entry_point(self) -> str | None:
        """The callable's name, where the judge is no endpoint."""
        return self.endpoint.removeprefix("callable:") if self.endpoint.startswith("callable:") else None

    @property
    def lane(self) -> tuple[str, str]:
        """What limits are counted by."""
        return self.endpoint, self.model

    @property
    def priced(self) -> bool:
        return self.price_in is not None and self.price_out is not None

    def cost(self, tokens_in: float, tokens_out: float) -> float:
        return (tokens_in * (self.price_in or 0.0) + tokens_out * (self.price_out or 0.0)) / 1e6


def read(path: Path, only: str | None = None) -> tuple[Judge, ...]:
    """The judges of a file, in its order; or the one of that name, or the members of the panel of that name.

    Raises ConfigError with file and line.
    """
    given, known = _sections(path)
    seated: tuple[str, ...] = tuple(given)
    if only is not None:
        if only not in given and only not in known:
            raise ConfigError(f"no judge {only!r}", file=str(path), hint=suggest(only, [*given, *known]))
        seated = known[only].members if only in known else (only,)
    return tuple(_judge(name, entry, path) for name, entry in given.items() if name in seated)


def panel(path: Path, name: str | None = None) -> Jury:
    """The panel of that name, or the only one of the file. Raises ConfigError with file and line."""
    found = panels(path)
    if name is None and len(found) == 1:
        return next(iter(found.values()))
    if name is None or name not in found:
        said = f"no panel {name!r}" if name else f"{len(found)} panels, and none is named"
        raise ConfigError(said, file=str(path), wanted=f"{path}#NAME, of {', '.join(found) or 'those in it'}",
                          hint=suggest(name or "", found))  # fmt: skip
    return found[name]


def panels(path: Path) -> Mapping[str, Jury]:
    """The panels of a file by name. Raises ConfigError with file and line."""
    return _sections(path)[1]


def _sections(path: Path) -> tuple[dict[str, Entry], dict[str, Jury]]:
    document = documents.read(path)
    whole = document.mapping("the file of judges", ("judges", "panel"), ("judges",))
    given = whole["judges"].mapping("'judges'")
    if not given:
        whole["judges"].refuse("there is no judge in 'judges'")
    declared = whole["panel"].mapping("'panel'") if "panel" in whole else {}
    return given, {name: _panel(name, entry, given) for name, entry in declared.items()}


def _panel(name: str, entry: Entry, known: Mapping[str, Entry]) -> Jury:
    what = f"panel {name!r}"
    if name in known:
        entry.refuse(f"{what} has the name of a judge")
    given = entry.mapping(what, ("members", "vote", "weights", "rule"), ("members",))
    members = given["members"].names(f"'members' of {what}", known)
    if not members or len(set(members)) < len(members):
        given["members"].refuse(f"'members' of {what} must be judges of the file, each once")
    vote = given["vote"].name(f"'vote' of {what}", juries.VOTES) if "vote" in given else "majority"
    weights = None
    if "weights" in given:
        if vote != "weighted":
            given["weights"].refuse(f"{what} has weights and no weighted vote", wanted="vote: weighted")
        section = given["weights"].mapping(f"'weights' of {what}", members)
        weights = {one: _number(section, one, f"'weights' of {what}", 0, juries.MOST) or 0.0 for one in section}
    rule = given["rule"].name(f"'rule' of {what}", tuple(rules.RULES)) if "rule" in given else rules.DEFAULT
    return Jury(name, members, "weighted" if vote == "weighted" else "majority", weights, rule)


def key_of(judge: Judge) -> str | None:
    """The key, from the environment. Raises ConfigError, naming the variable, where it is not set."""
    if judge.key is None:
        return None
    key = os.environ.get(judge.key, "").strip()
    if not key:
        raise ConfigError(f"{judge.key} is not set", seen=f"judge {judge.name}", hint=f"export {judge.key}=…")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigError(f"what {judge.key} holds is no key", seen=f"judge {judge.name}", wanted="printable ASCII")
    return key


def called(judge: Judge) -> Callable[[Mapping[str, Any]], str]:
    """The callable of a judge that is one. Raises ConfigError where no package offers it."""
    from importlib.metadata import entry_points

    offered = {point.name: point for point in entry_points(group=GROUP)}
    name = judge.entry_point or ""
    if name not in offered:
        raise ConfigError(f"no callable {name!r}", wanted=f"an entry point of {GROUP}", hint=suggest(name, offered))
    found: Callable[[Mapping[str, Any]], str] = offered[name].load()
    return found


def _judge(name: str, entry: Entry, path: Path) -> Judge:
    what = f"judge {name!r}"
    given = entry.mapping(what, _KEYS)
    if ("endpoint" in given) == ("callable" in given):
        entry.refuse(f"{what} is an endpoint or a callable", wanted="one of 'endpoint' and 'callable'")
    if "endpoint" in given and "model" not in given:
        entry.refuse(f"{what} has no 'model'", wanted="the model's name, as the endpoint knows it")
    text = {key: given[key].text(f"'{key}' of {what}") for key in ("model", "prompt", "callable") if key in given}
    endpoint = _address(given["endpoint"]) if "endpoint" in given else f"callable:{text['callable']}"
    prompt = text.get("prompt")
    if prompt and prompt.endswith((".yaml", ".yml")):
        prompt = str(path.parent / prompt)
    limit = "max_completion_tokens" if "max_completion_tokens" in given else "max_tokens"
    silent = "temperature" in given and given["temperature"].value is None
    return Judge(
        name,
        endpoint,
        text.get("model") or text["callable"],
        _variable(given["key"]) if "key" in given else None,
        prompt,
        None if silent else _number(given, "temperature", what, 0.0, 2.0) or 0.0,
        _whole(given, "seed", what, 0),
        _whole(given, "repeats", what, 1) or 1,
        _whole(given, limit, what, 1) or 1024,
        limit,
        _structured(given["structured"]) if "structured" in given else "auto",
        _number(given, "rpm", what, 0.1),
        _number(given, "tpm", what, 1),
        _whole(given, "concurrency", what, 1, 1000) or 8,
        _number(given, "timeout", what, 0.1, 3600) or 60.0,
        _number(given, "price_in", what, 0),
        _number(given, "price_out", what, 0),
    )


def _address(entry: Entry) -> str:
    url = entry.text("'endpoint'").rstrip("/")
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        # Not `entry.refuse`, which shows the value.
        raise ConfigError(
            "an endpoint's address holds no key", file=entry.file, line=entry.line, hint="name its variable in 'key'"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        entry.refuse("'endpoint' is no address", wanted="https://HOST/v1")
    return url.removesuffix("/chat/completions")


def _variable(entry: Entry) -> str:
    name = entry.value
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        # The value may be the key itself: it is not repeated.
        raise ConfigError(
            "'key' is the name of a variable, not a key",
            file=entry.file,
            line=entry.line,
            wanted="such as OPENAI_API_KEY",
            hint="if a key stood here, take it back: files are read by others",
        )
    return name


def _structured(entry: Entry) -> str:
    if isinstance(entry.value, bool):  # YAML's yes and no
        return "yes" if entry.value else "no"
    return entry.name("'structured'", STRUCTURED)


def _whole(given: Mapping[str, Entry], key: str, what: str, low: int, high: int | None = None) -> int | None:
    number = _number(given, key, what, low, high)
    if number is not None and number != int(number):
        given[key].refuse(f"'{key}' of {what} must be a whole number")
    return None if number is None else int(number)


def _number(given: Mapping[str, Entry], key: str, what: str, low: float, high: float | None = None) -> float | None:
    if key not in given:
        return None
    value = given[key].value
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= (high or float("inf")):
        given[key].refuse(
            f"'{key}' of {what} must be a number", wanted=f"from {low:g}" + (f" to {high:g}" if high else "")
        )
    return float(value)
