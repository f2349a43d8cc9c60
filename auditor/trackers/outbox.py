"""The outbox: a folder an item, whole or not there, sent at least once and never twice seen.

outbox/20261121T051500.123456-1f0c2a7b9d3e/
    publication.json      what to say (no password is in it)
    target                where to: a URI without credentials, or empty for the workspace's own
    audit.json …          copies of the files that go along
outbox/set-aside/         items that could not be read, for a person to look at
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from auditor.files import write_text
from auditor.model.errors import StorageError
from auditor.trackers.publication import Publication
from auditor.trackers.secrets import bare, redact

_log = logging.getLogger("auditor.trackers")

ABOUT, TARGET, SET_ASIDE = "publication.json", "target", "set-aside"


class Unsent(Exception):
    """A tracker did not take an item; the text has no secret in it."""


def put(about: Publication, files: Mapping[str, Path], target: str | None, outbox: Path) -> Path:
    """Keep a publication and copies of its files; returns its folder. Kept already, it is kept once.

    Raises StorageError where it cannot be written.
    """
    try:
        for kept in _items(outbox):
            if kept.name.endswith(about.digest[:12]) and (kept / TARGET).read_text() == bare(target or ""):
                return kept
        outbox.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(dir=outbox, prefix=".putting-"))
        try:
            for name in about.artifacts:
                shutil.copyfile(files[name], staged / name)
            write_text(staged / TARGET, bare(target or ""))
            write_text(staged / ABOUT, about.to_json())
            now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S.%f")
            item = outbox / f"{now}-{about.digest[:12]}"
            staged.rename(item)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
    except OSError as error:
        raise StorageError(f"cannot write to the outbox: {error.strerror}", file=str(outbox)) from error
    return item


def send(item: Path, target: str | None, home: Path) -> str:
    """Send one item and take it out; returns the run's id. `target` may hold credentials.

    Raises Unsent where the tracker did not take it, and leaves it in place.
    """
    from auditor.trackers import mlflow

    about = _read(item)
    paths = {name: item / name for name in about.artifacts}
    try:
        run = mlflow.send(about, paths, target, home)
    except Exception as error:  # noqa: BLE001  whatever a client library, a proxy or a server comes up with
        raise Unsent(_reason(error, target)) from None
    _remove(item)
    return run


def drain(outbox: Path, home: Path, credentials: Sequence[str]) -> tuple[int, int]:
    """Send every item, oldest first; returns (sent, left). The caller holds the outbox's lock.

    A target that did not answer is not asked again in this round.
    """
    sent = left = 0
    silent: set[str] = set()
    known = {bare(uri): uri for uri in credentials}
    for item in _items(outbox):
        try:
            kept = (item / TARGET).read_text()
            about = _read(item)
        except (OSError, ValueError) as error:
            left += _set_aside(item, str(error))
            continue
        if kept in silent:
            left += 1
            continue
        target = known.get(kept, kept) or None
        try:
            send(item, target, home)
            sent += 1
        except Unsent as error:
            silent.add(kept)
            left += 1
            _log.warning("%s stays in the outbox: %s", about.name, error)
    _sweep(outbox)
    return sent, left


def _items(outbox: Path) -> list[Path]:
    """Names begin with the time, so name order is the order of the audits."""
    if not outbox.is_dir():
        return []
    return sorted(
        path for path in outbox.iterdir() if path.is_dir() and not path.name.startswith(".") and path.name != SET_ASIDE
    )


def _read(item: Path) -> Publication:
    """Raises OSError or ValueError where the item is not whole."""
    about = Publication.from_json((item / ABOUT).read_text("utf-8"))
    for name in about.artifacts:
        if not (item / name).is_file():
            raise ValueError(f"{name} is missing")
    if "audit.json" in about.artifacts:
        seen = hashlib.sha256((item / "audit.json").read_bytes()).hexdigest()
        if seen != about.digest:
            raise ValueError("audit.json is not the record that was kept")
    return about


def _set_aside(item: Path, why: str) -> int:
    aside = item.parent / SET_ASIDE
    aside.mkdir(exist_ok=True)
    place = aside / item.name
    if place.exists():
        place = Path(tempfile.mkdtemp(dir=aside, prefix=f"{item.name}-"))
    os.replace(item, place)  # noqa: PTH105  over the empty folder just made
    _log.warning("an item of the outbox cannot be read (%s): set aside in %s", redact(why), place)
    return 1


def _remove(item: Path) -> None:
    """First out of sight in one step, then deleted: a kill in between leaves no half item."""
    gone = item.with_name(f".sent-{item.name}")
    item.rename(gone)
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
