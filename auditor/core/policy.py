"""Policies: the bounds that turn numbers into verdicts, as data.

    name: strict
    extends: default                 # optional; one level
    metrics:
      near_duplicates.rate: {warn: "> 0.02", fail: "> 0.10"}
      preference_pairs.longer_wins: {warn: ["> 0.8", "< 0.2"]}    # any of them
      refusals_and_artifacts.no_input: null                       # drops an inherited bound
    size: 3700                       # rows (a side) that the bounds of this file were found at: see `core.sized`
    found_with:                      # and by what means: see `core.means`
      real: {name: people@2, rows: 7473, digest: "sha256:7b01…"}
      embedder: hashed@2f0c
      versions: {embedding-drift: 2}                 # of the checks
      checks: {embedding-drift: {scope: prompt}}     # parameters that are not the check's defaults
    required: [exact-duplicates]     # where one of these is skipped, the audit ends with exit code 3

A bound says when a metric is at fault; `warn` is never laxer than `fail`. It is held against the metric over
the whole dataset, never against a slice. An entry of an extending policy replaces the inherited entry of the
same metric whole, and `required` replaces `required`; `size` and `found_with` are of the file's own metrics, and
inherited bounds keep theirs. Nothing unknown is ever ignored, and a policy without any bound is refused: it would pass
everything.
"""

from __future__ import annotations

import hashlib
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import orjson

from auditor.core import documents, places
from auditor.core.documents import Entry
from auditor.core.means import Means, Real
from auditor.model.errors import ConfigError, suggest
from auditor.model.result import Number

_COMPARE: Mapping[str, Callable[[Number, Number], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_BOUND = re.compile(r"\s*(>=|<=|>|<)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class Bound:
    """`> 0.1`: at fault where the value is above 0.1."""

    sign: str
    limit: float

    def broken(self, value: Number) -> bool:
        return _COMPARE[self.sign](value, self.limit)

    def worse(self, value: Number, before: Number) -> bool:
        """Whether `value` lies further to the bad side than `before`; exact, without a tolerance."""
        return value > before if self.sign.startswith(">") else value < before

    @property
    def wanted(self) -> str:
        """What a value must be to keep the bound: `<= 0.1`."""
        return f"{_OPPOSITE[self.sign]} {self.limit:.12g}"

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:.12g}"


@dataclass(frozen=True, slots=True)
class Bounds:
    """A metric's bounds. Any broken one of `fail` fails; otherwise any broken one of `warn` warns. size: rows (a side)
    that they were found at, means: what they were found with, where the file that has them says so."""

    warn: tuple[Bound, ...] = ()
    fail: tuple[Bound, ...] = ()
    size: int | None = None
    means: Means | None = None

    @property
    def described(self) -> dict[str, Any]:
        """As JSON values."""
        sized = {} if self.size is None else {"size": self.size}
        by = {} if self.means is None else {"found_with": self.means.described}
        return {"warn": [str(b) for b in self.warn], "fail": [str(b) for b in self.fail], **sized, **by}


@dataclass(frozen=True, slots=True)
class Policy:
    """digest: SHA-256 (hex) of the canonical content: the same bounds, the same digest, however the
    file is written and wherever it lies. extends: the policy that it extends, as it names it; empty where it stands
    by itself."""

    name: str
    metrics: Mapping[str, Bounds]
    required: tuple[str, ...] = ()
    extends: str = ""

    @property
    def sizes(self) -> dict[str, int]:
        """Metric -> rows (a side) that its bounds were found at; those without a size are not in it."""
        return {metric: bounds.size for metric, bounds in self.metrics.items() if bounds.size is not None}

    @property
    def means(self) -> dict[str, Means]:
        """Metric -> what its bounds were found with; those of which nothing is said are not in it."""
        return {metric: bounds.means for metric, bounds in self.metrics.items() if bounds.means is not None}

    @property
    def digest(self) -> str:
        content = {
            "name": self.name,
            "metrics": {metric: bounds.described for metric, bounds in self.metrics.items()},
            "required": list(self.required),
        }
        return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def load(
    path_or_name: str,
    folders: Sequence[Path],
    known_metrics: Collection[str],
    known_checks: Collection[str],
    root: Path | None = None,
) -> Policy:
    """The policy in a file, or the first `policies/NAME.yaml` in `folders`.

    root: the workspace, out of which none of its policies may lead (see `core.places`): they come in pull requests,
    and what is wrong with a file is quoted. One that the user names elsewhere may extend whatever it says.
    Raises ConfigError, naming file and line, for anything that is unknown, doubled or malformed.
    """
    path = _find(path_or_name, folders, beside=None)
    policy, extends = _read(path, known_metrics, known_checks)
    if extends is None:
        return _bounded(policy, path)
    name = extends.text("extends")
    parent_path = _find(name, folders, beside=path)
    if root is not None and places.is_path(name) and path.resolve().is_relative_to(root.resolve()):
        try:
            places.confined(str(parent_path), root)
        except ConfigError as error:
            extends.refuse(f"extends: {error.message}", wanted=error.wanted, hint=error.hint)
    parent, further = _read(parent_path, known_metrics, known_checks)
    if further is not None:
        extends.refuse(
            f"{name!r} extends another policy itself", wanted="one level, so that every bound is found in two files"
        )
    return _bounded(_extended(path, parent, known_metrics, known_checks), path)


def _bounded(policy: Policy, path: Path) -> Policy:
    if not policy.metrics:
        raise ConfigError(
            "the policy sets no bound, so that everything would pass",
            file=str(path),
            wanted='metrics, such as near_duplicates.rate: {warn: "> 0.02", fail: "> 0.10"}',
            hint="or `extends: default` for the bounds that we ship",
        )
    return policy


def available(folders: Sequence[Path]) -> tuple[str, ...]:
    """Names of the policies in the folders."""
    return tuple(sorted({path.stem for folder in folders for path in (folder / "policies").glob("*.yaml")}))


def _find(path_or_name: str, folders: Sequence[Path], beside: Path | None) -> Path:
    """`beside`: the extending file; a policy may extend a shipped one of its own name."""
    if places.is_path(path_or_name):
        path = Path(path_or_name)
        if beside is not None and not path.is_absolute():
            path = beside.parent / path
        if not path.is_file():
            raise ConfigError("no such policy file", file=str(path), hint="or give the name of one, such as 'default'")
        return path
    for folder in folders:
        path = folder / "policies" / f"{path_or_name}.yaml"
        if path.is_file() and (beside is None or path.resolve() != beside.resolve()):
            return path
    names = available(folders)
    raise ConfigError(
        f"unknown policy {path_or_name!r}",
        wanted="a name, or a path ending in .yaml",
        hint=suggest(path_or_name, names) if names else None,
    )


KEYS = ("name", "extends", "metrics", "required", "size", "found_with")


def _read(path: Path, known_metrics: Collection[str], known_checks: Collection[str]) -> tuple[Policy, Entry | None]:
    top = documents.read(path).mapping("a policy", KEYS)
    own = _metrics(top, known_metrics, known_checks)
    metrics = {metric: bounds for metric, bounds in own.items() if bounds is not None}
    policy = Policy(_name(top, path), dict(sorted(metrics.items())), _required(top, known_checks) or ())
    return policy, top.get("extends")


def _extended(path: Path, parent: Policy, known_metrics: Collection[str], known_checks: Collection[str]) -> Policy:
    top = documents.read(path).mapping("a policy", KEYS)
    merged: dict[str, Bounds | None] = {**parent.metrics, **_metrics(top, known_metrics, known_checks)}
    kept = {metric: bounds for metric, bounds in sorted(merged.items()) if bounds is not None}
    required = _required(top, known_checks)
    extends = top["extends"].text("extends")
    return Policy(_name(top, path), kept, parent.required if required is None else required, extends)


def _name(top: Mapping[str, Entry], path: Path) -> str:
    return top["name"].text("name") if "name" in top else path.stem


def _required(top: Mapping[str, Entry], known_checks: Collection[str]) -> tuple[str, ...] | None:
    if "required" not in top:
        return None
    return tuple(sorted(set(top["required"].names("required", known_checks))))


def _size(top: Mapping[str, Entry]) -> int | None:
    return None if "size" not in top else _number(top["size"], "'size' is not a number of rows", "such as 3700")


def _number(entry: Entry, message: str, wanted: str) -> int:
    """A whole number from 1."""
    value = entry.value
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        entry.refuse(message, wanted=wanted)
    return value


def _means(top: Mapping[str, Entry], known_checks: Collection[str]) -> dict[str, Means] | None:
    """Check -> what the bounds of its metrics were found with."""
    if "found_with" not in top:
        return None
    said = top["found_with"].mapping("found_with", ("real", "embedder", "versions", "checks"))
    real = _real(said["real"]) if "real" in said else None
    embedder = said["embedder"].text("embedder") if "embedder" in said else ""
    versions = said["versions"].mapping("the versions of found_with", known_checks) if "versions" in said else {}
    found_by = {name: _number(entry, f"no version of {name}", "such as 2") for name, entry in versions.items()}
    own = said["checks"].mapping("the checks of found_with", known_checks) if "checks" in said else {}
    told = {check: entry.mapping(f"the parameters of {check}") for check, entry in own.items()}
    return {
        check: Means(
            embedder, {name: _plain(entry) for name, entry in told.get(check, {}).items()}, found_by.get(check, 0), real
        )
        for check in known_checks
    }


def _real(entry: Entry) -> Real:
    keys = ("name", "rows", "digest")
    said = entry.mapping("the real rows of found_with", keys, required=keys)
    rows = _number(said["rows"], "'rows' is not a number of rows", "such as 7473")
    digest = said["digest"].text("digest")
    if not _DIGEST.fullmatch(digest):
        said["digest"].refuse("'digest' is none", wanted="sha256: and 64 hexadecimal digits")
    return Real(said["name"].text("name"), rows, digest)


def _plain(entry: Entry) -> Any:
    """A parameter's value as JSON has it."""
    value = entry.value
    if isinstance(value, dict):
        entry.refuse("a parameter is a word, a number or a list of them")
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _metrics(
    top: Mapping[str, Entry], known_metrics: Collection[str], known_checks: Collection[str]
) -> dict[str, Bounds | None]:
    if "metrics" not in top:
        return {}
    found: dict[str, Bounds | None] = {}
    size, means = _size(top), _means(top, known_checks)
    owners = {check.replace("-", "_"): check for check in known_checks}
    for metric, entry in top["metrics"].mapping("metrics").items():
        if metric not in known_metrics:
            entry.refuse(f"unknown metric {metric!r}", hint=suggest(metric, known_metrics))
        if entry.value is None:
            found[metric] = None
            continue
        bounds = entry.mapping(f"the bounds of {metric}", ("warn", "fail"))
        if not bounds:
            entry.refuse(f"{metric} has no bound", wanted='{warn: "> 0.02", fail: "> 0.10"}, or null to drop it')
        by = means and means.get(owners.get(metric.partition(".")[0], ""))
        given = Bounds(**{level: _bounds(metric, level, v) for level, v in bounds.items()}, size=size, means=by or None)
        for warn, fail in product(given.warn, given.fail):
            if warn.sign[0] == fail.sign[0] and fail.worse(warn.limit, fail.limit):
                bounds["warn"].refuse(
                    f"{metric} fails ({fail}) before it warns ({warn})", wanted="warn at least as strict as fail"
                )
        found[metric] = given
    return found


def _bounds(metric: str, level: str, entry: Entry) -> tuple[Bound, ...]:
    entries = list(entry.value) if isinstance(entry.value, list) else [entry]
    if not entries:
        entry.refuse(f"{metric}: {level} is an empty list")
    return tuple(_bound(metric, level, each) for each in entries)


def _bound(metric: str, level: str, entry: Entry) -> Bound:
    match = _BOUND.fullmatch(entry.value) if isinstance(entry.value, str) else None
    if match is None or not math.isfinite(float(match[2])):
        entry.refuse(f"{metric}: {level} is not a bound", wanted='a sign and a number in quotes, such as "> 0.02"')
    return Bound(match[1], float(match[2]))
