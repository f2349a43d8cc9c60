"""The outbox: a folder an item, whole or not there, sent at least once and never twice seen.

outbox/20261121T051500.123456-1f0c2a7b9d3e/
    item.json             what to say, to which service, and the hashes of what goes along (no password is in it)
    target                where to: a URI without credentials, or empty for the workspace's own
    asked                 there where the call named the target, and not the settings, which may change
    audit.json …          copies of the files that go along
outbox/set-aside/         items that could not be read, for a person to look at

An audit that an earlier version left has `publication.json` instead of `item.json`, and is sent like any other.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from auditor.core.secrets import bare, redact
from auditor.files import write_text
from auditor.model.errors import StorageError
from auditor.trackers.publication import RECORD, Publication

_log = logging.getLogger("auditor.trackers")

ABOUT, TARGET, ASKED, SET_ASIDE = "item.json", "target", "asked", "set-aside"

BEFORE = "publication.json"
"""What `item.json` was when only audits were sent: the body alone."""

SERVICES = ("mlflow", "openlineage")


class Unsent(Exception):
    """A tracker did not take an item; the text has no secret in it. silent: it gave no answer, so that
    others need not be sent to it now."""

    def __init__(self, why: str, *, silent: bool) -> None:
        super().__init__(why)
        self.silent = silent


@dataclass(frozen=True, slots=True)
class Item:
    """What is to be said, and once.

    service: who is told, of SERVICES. name: for messages. body: the fields of a Publication, or
    {"events": RunEvents}. files: name -> SHA-256 of what goes along.
    """

    service: str
    name: str
    body: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> Item:
        """Raises ValueError where the text is not what `to_json` writes."""
        try:
            made = cls(**_object(text))
        except TypeError as error:
            raise ValueError(f"not an item: {error}") from error
        whole = (
            made.service in SERVICES
            and isinstance(made.name, str)
            and isinstance(made.body, dict)
            and isinstance(made.files, dict)
            and all(Path(name).name == name for name in made.files)
        )
        if not whole:
            raise ValueError("not an item: a field is of the wrong kind")
        return made


def put(item: Item, files: Mapping[str, Path], target: str | None, outbox: Path, *, asked: bool = True) -> Path:
    """Keep an item and copies of `files` (those it names); returns its folder. Kept already, it is kept once.

    asked: whether the call named the target, so that later settings do not change it.

    Raises StorageError where it cannot be written.
    """
    digest = item.digest
    try:
        for kept in _folders(outbox):
            if kept.name.endswith(digest[:12]) and (kept / TARGET).read_text() == bare(target or ""):
                return kept
        outbox.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(dir=outbox, prefix=".putting-"))
        try:
            for name in item.files:
                shutil.copyfile(files[name], staged / name)
            write_text(staged / TARGET, bare(target or ""))
            if asked:
                write_text(staged / ASKED, "")
            write_text(staged / ABOUT, item.to_json())
            now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S.%f")
            folder = outbox / f"{now}-{digest[:12]}"
            staged.rename(folder)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
    except OSError as error:
        raise StorageError(f"cannot write to the outbox: {error.strerror}", file=str(outbox)) from error
    return folder


def send(folder: Path, target: str | None, home: Path) -> str:
    """Send one item and take it out; returns the run's id. `target` may hold credentials.

    Raises Unsent where the service did not take it, and leaves it in place.
    """
    item = _read(folder)
    try:
        run = _deliver(item, folder, target, home)
    except Exception as error:  # noqa: BLE001  whatever a client library, a proxy or a server comes up with
        # MLflow's RestException is an answer, as is what our own code says; all else may be a dead line.
        answered = type(error).__name__ in {"RestException", "RuntimeError", "ValueError"}
        raise Unsent(_reason(error, target), silent=not answered) from None
    _remove(folder)
    return run


def _deliver(item: Item, folder: Path, target: str | None, home: Path) -> str:
    if item.service == "openlineage":
        from auditor.trackers import transport

        return transport.emit(item.body["events"], target, home)
    from auditor.trackers import mlflow

    paths = {name: folder / name for name in item.files}
    return mlflow.send(Publication.from_dict(item.body), paths, target, home)


def drain(
    outbox: Path,
    home: Path,
    credentials: Sequence[str],
    present: Mapping[str, str | None] | None = None,
    to: str | None = None,
    tell: Callable[[str], None] = lambda place: None,
) -> tuple[int, int]:
    """Send every item, oldest first; returns (sent, left). The caller holds the outbox's lock.

    present: service -> where the settings have it now; None is wherever it is by default. Items whose target was
    asked for go there, all others to the present one. to: where MLflow's go instead, all of them.
    tell: called with the place of each that was sent. A target that did not answer is not asked again in this round.
    """
    sent = left = 0
    silent: set[tuple[str, str]] = set()
    known = {bare(uri): uri for uri in credentials}
    for folder in _folders(outbox):
        try:
            kept = (folder / TARGET).read_text()
            item = _read(folder)
            if item.service == "mlflow" and to is not None:
                kept = bare(to)
            elif not (folder / ASKED).exists() and not (folder / BEFORE).exists():
                kept = bare((present or {}).get(item.service) or "")
        except (OSError, ValueError) as error:
            left += _set_aside(folder, str(error))
            continue
        if (item.service, kept) in silent:
            left += 1
            continue
        try:
            send(folder, known.get(kept, kept) or None, home)
            sent += 1
            tell(place(item.service, kept, home))
        except Unsent as error:
            left += 1
            if error.silent:
                silent.add((item.service, kept))
            _log.warning("%s stays in the outbox: %s", item.name, error)
    _sweep(outbox)
    return sent, left


def place(service: str, target: str, home: Path) -> str:
    """Where a service is, for people: its address without a password, or what it is where none is set."""
    if target:
        return bare(target)
    return str(home / "mlflow.db") if service == "mlflow" else "OpenLineage, by OPENLINEAGE_* or the defaults"


def _folders(outbox: Path) -> list[Path]:
    """Names begin with the time, so name order is the order in which things were to be said."""
    if not outbox.is_dir():
        return []
    return sorted(
        path for path in outbox.iterdir() if path.is_dir() and not path.name.startswith(".") and path.name != SET_ASIDE
    )


def _read(folder: Path) -> Item:
    """Raises OSError or ValueError where the item is not whole."""
    if (folder / BEFORE).is_file():
        about = Publication.from_dict(_object((folder / BEFORE).read_text("utf-8")))
        files = dict.fromkeys(about.artifacts, "")
        item = Item("mlflow", about.name, asdict(about), files | {RECORD: about.digest})
    else:
        item = Item.from_json((folder / ABOUT).read_text("utf-8"))
        if not folder.name.endswith(item.digest[:12]):
            raise ValueError(f"{ABOUT} is not what was kept")
        if item.service == "mlflow":
            Publication.from_dict(item.body)
    for name, digest in item.files.items():
        if not (folder / name).is_file():
            raise ValueError(f"{name} is missing")
        if digest and hashed(folder / name) != digest:
            raise ValueError(f"{name} is not the file that was kept")
    return item


def _object(text: str) -> dict[str, Any]:
    try:
        seen = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(seen, dict):
        raise ValueError("not an object")  # noqa: TRY004  what is wrong is the file
    return seen


def hashed(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _set_aside(folder: Path, why: str) -> int:
    aside = folder.parent / SET_ASIDE
    aside.mkdir(exist_ok=True)
    place = aside / folder.name
    if place.exists():
        place = Path(tempfile.mkdtemp(dir=aside, prefix=f"{folder.name}-"))
    os.replace(folder, place)  # noqa: PTH105  over the empty folder just made
    _log.warning("an item of the outbox cannot be read (%s): set aside in %s", redact(why), place)
    return 1


def _remove(folder: Path) -> None:
    """First out of sight in one step, then deleted: a kill in between leaves no half item."""
    gone = folder.with_name(f".sent-{folder.name}")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _sweep(outbox: Path) -> None:
    """What killed processes left: items that were sent, and items never finished an hour ago."""
    if not outbox.is_dir():
        return
    old = dt.datetime.now(dt.UTC).timestamp() - 3600
    for path in outbox.iterdir():
        if path.name.startswith(".sent-") or (path.name.startswith(".putting-") and path.stat().st_mtime < old):
            shutil.rmtree(path, ignore_errors=True)


def _reason(error: Exception, target: str | None) -> str:
    """One line of what went wrong, fit to be shown."""
    text = redact(f"{type(error).__name__}: {error}", target)
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= 300 else flat[:299] + "…"
