"""The workspace: the folder an audit belongs to, its settings, and `.auditor/` with what audits leave."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from auditor.core import places
from auditor.files import write_text
from auditor.model.errors import ConfigError, StorageError
from auditor.registry import settings
from auditor.registry.settings import Settings

_log = logging.getLogger("auditor.workspace")

HOME = ".auditor"

PATIENCE = 3600.0
"""Seconds to wait for another audit in the same workspace: longer than any audit of a machine's own
data, short enough that a forgotten one is told. A killed audit's lock is gone with its process."""


@dataclass(frozen=True)
class Workspace:
    """A folder with an `auditor.yaml` or an `.auditor/`, or else the current folder.

    `.auditor/` is made by the first use of anything in it, with a `.gitignore` that keeps all of it
    out of version control.
    """

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """The nearest workspace upwards from `start` (the current folder), or `start` itself."""
        begin = (start or Path.cwd()).resolve()
        for folder in (begin, *begin.parents):
            if (folder / settings.FILE).is_file() or (folder / HOME).is_dir():
                return cls(folder)
        return cls(begin)

    @cached_property
    def settings(self) -> Settings:
        """`auditor.yaml`, or nothing set where there is none. Raises ConfigError with file and line."""
        path = self.root / settings.FILE
        return settings.read(places.kept(path, self.root)) if path.is_file() else Settings()

    @cached_property
    def checks(self) -> Mapping[str, Mapping[str, Any]]:
        """Parameters by check, each tried on its check: ConfigError says the line of a wrong one."""
        from auditor.core import check

        for name, parameters in self.settings.checks.items():
            # First the name alone, then each parameter by itself, so that the line is the wrong one's.
            for given in ({}, *({key: value} for key, value in parameters.items())):
                place = ".".join(["checks", name, *given])
                try:
                    check.build(name, given)
                except ConfigError as error:
                    raise self.settings.refused(place, error) from error
        return self.settings.checks

    @property
    def policy(self) -> str | None:
        """A name, or the path of a file of the workspace. Raises ConfigError where it leads out of it."""
        said = self.settings.policy
        if said is None or not places.is_path(said):
            return said
        try:
            return str(places.confined(said, self.root))
        except ConfigError as error:
            raise self.settings.refused("policy", error) from error

    @property
    def by(self) -> tuple[str, ...]:
        return self.settings.by

    @property
    def memory(self) -> int:
        """Bytes; 0 where nothing is set."""
        return self.settings.memory

    @property
    def max_bad_rows(self) -> str | None:
        return self.settings.max_bad_rows

    @property
    def embedder(self) -> str | None:
        """A name or an address; or a folder, from the current one, that the file names from its own."""
        said = self.settings.embedder
        path = said is not None and "://" not in said and (places.is_path(said) or (self.root / said).is_dir())
        if said is None or not path or self.root == Path.cwd():
            return said
        return os.path.relpath(self.root / said)

    @property
    def tracking_uri(self) -> str | None:
        """`mlflow.uri`. It may hold a password: show it only through `trackers.redact`."""
        return self.settings.tracking_uri

    @property
    def openlineage_url(self) -> str | None:
        """`openlineage.url`: where events go, beside what OPENLINEAGE_* say."""
        return self.settings.openlineage_url

    @property
    def expectations(self) -> tuple[Path, ...]:
        """Folders of policies, suites and word lists: the user's before ours; the first file of a name wins."""
        package = Path(__file__).resolve().parent.parent
        # In a wheel the folder lies inside the package, in a checkout beside it.
        inside, beside = package / "_expectations", package.parent / "expectations"
        ours = inside if inside.is_dir() else beside
        theirs = self._own("expectations")
        return (theirs, ours) if theirs is not None and theirs.resolve() != ours.resolve() else (ours,)

    @property
    def dashboards(self) -> Path | None:
        """The user's own folder of templates and styles, whose files come before ours."""
        return self._own("dashboards")

    def _own(self, name: str) -> Path | None:
        """A folder of the workspace whose files are quoted and shown. Raises ConfigError where a link in it leads out
        (see `core.places`)."""
        folder = self.root / name
        return places.kept(folder, self.root) if folder.is_dir() else None

    @cached_property
    def home(self) -> Path:
        """`.auditor/`, made where it is not. Raises StorageError where the folder cannot be written."""
        home = self.root / HOME
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"cannot make the workspace: {error.strerror}",
                file=str(home),
                hint="run in a folder that you may write to; audits keep their cache and records there",
            ) from error
        if not (home / ".gitignore").exists():
            write_text(home / ".gitignore", "*\n")
        return home

    @property
    def cache(self) -> Path:
        """Snapshots and states: only what can be made again."""
        return self.home / "cache"

    @property
    def answers(self) -> Path:
        """What models were paid for: not a cache, for making it again costs money."""
        return self.home / "answers"

    @property
    def audits(self) -> Path:
        """The files of each audit, in NAME/DIGEST12/ (see `registry.folder`)."""
        return self.home / "audits"

    @property
    def outbox(self) -> Path:
        """What could not be published yet."""
        return self.home / "outbox"

    @property
    def scratch(self) -> Path:
        """For files that live as long as one audit."""
        scratch = self.home / "scratch"
        scratch.mkdir(exist_ok=True)
        return scratch

    @contextlib.contextmanager
    def lock(self, name: str = "workspace", patience: float = PATIENCE) -> Iterator[None]:
        """Alone in this workspace while inside; others wait, and say so.

        The lock is the operating system's: it goes with the process that holds it, however that ends.
        Whoever holds "workspace" finds the scratch folder empty: leftovers are of killed audits.

        Raises StorageError after `patience` seconds. Not to be entered twice by one thread.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.home / f"{name}.lock", thread_local=False)
        try:
            try:
                lock.acquire(timeout=0)
            except Timeout:
                _log.warning("another process is at work in %s: waiting for it", self.root)
                lock.acquire(timeout=patience)
        except Timeout as error:
            raise StorageError(
                "the workspace is locked by another process",
                file=str(self.home),
                seen=f"waited {patience:g} seconds",
                hint="wait for it or end it; a lock never outlives its process",
            ) from error
        except OSError as error:
            raise StorageError(f"cannot lock the workspace: {error.strerror}", file=str(self.home)) from error
        try:
            if name == "workspace":
                for leftover in self.scratch.iterdir():
                    shutil.rmtree(leftover, ignore_errors=True)
            yield
        finally:
            lock.release()
