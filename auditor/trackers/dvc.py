"""Versions of data files in DVC: its own commands for what changes anything, its formats for the rest.

Commands run as `python -m dvc` of this environment, never through a shell, one at a time: DVC's own lock
is waited for. None runs on files that would hang it (`dvcfiles`). What DVC says on failure is passed on with
the passwords in addresses masked.
"""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from auditor.core import objects
from auditor.core.secrets import environment, redact
from auditor.model.card import Tracked
from auditor.model.errors import StorageError
from auditor.trackers import dvcfiles

_PULL = """
import os, sys
from dvc.repo import Repo
from dvc_data.hashfile.hash_info import HashInfo
md5s = sys.stdin.read().split()
with Repo() as repo:
    done = repo.cloud.pull([HashInfo("md5", md5) for md5 in md5s])
    lost = next((md5 for md5 in md5s if not repo.cache.local.exists(md5)), None)
    if lost is not None:
        remote = repo.cloud.get_remote_odb()
        why = None
        try:
            remote.fs.info(remote.oid_to_path(lost))
        except Exception as error:
            why = error
            while why.__cause__ or why.__context__:
                why = why.__cause__ or why.__context__
        root = repo.cloud.get_remote().path
        if remote.fs.protocol == "local" and not os.path.isdir(root):
            sys.exit(f"ERROR: the remote cannot be asked: there is no folder {root}")
        if why is not None and not isinstance(why, FileNotFoundError) and getattr(why, "status", None) != 404:
            sys.exit(f"ERROR: the remote cannot be asked: {root}: {why or type(why).__name__}")
    sys.exit("ERROR: the remote did not give all of it" if done.failed else 0)
"""
"""A process of its own: DVC sets up logging, an event loop and threads that we do not want in ours.

DVC takes a remote that does not answer for one that does not have it: what is missing is asked for once more.
"""

_HINTS = (
    ("no remote specified", "add one: dvc remote add -d NAME URL"),
    ("config file error", "look at .dvc/config"),
    ("is git-ignored", "let git see .dvc files: take them out of .gitignore"),
    ("the remote cannot be asked", "is it there, and may you read it? dvc remote list"),
    ("overlaps", "run the pipeline, or `dvc commit`"),
    ("No space left", "free some space, or move the cache: dvc cache dir"),
)
"""What to try, by a word of DVC's message."""


PATIENCE = 600.0
"""Seconds that a command may take which runs no stage, beside a second for each SLOWEST bytes."""

SLOWEST = 1_000_000
"""Bytes in a second that the slowest disk reads, hashes and copies."""

_UNSEEN = "/config.local\n/tmp\n/cache\n"
"""What git must not see of `.dvc`, as `dvc init` has it: the cache is data, the local settings may be passwords."""


@dataclass(frozen=True, slots=True)
class Dvc:
    """DVC in the folder `root`: a workspace, in a DVC repository or to become one."""

    root: Path

    def init(self) -> bool:
        """Make a repository where there is none, with git or without; returns whether it was made.

        In a repository of our making nothing is reported home and nothing is staged in git.
        """
        if objects.home(self.root) is not None:
            return False
        git = any((folder / ".git").exists() for folder in (self.root, *self.root.parents))
        cache = self.root / ".auditor" / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        # DVC makes a repository file by file, and a half-made one is refused for ever: ours appears whole.
        with tempfile.TemporaryDirectory(dir=cache) as beside:
            self._run("init", "--no-scm", folder=Path(beside), patience=PATIENCE)
            settings = Path(beside) / ".dvc" / "config"
            config = configparser.ConfigParser(interpolation=None)
            core = {"analytics": "false", "autostage": "false"}
            config["core"] = core if git else {**core, "no_scm": "true"}
            with settings.open("w", encoding="utf-8") as file:
                config.write(file)
            (Path(beside) / ".dvc" / ".gitignore").write_text(_UNSEEN, "utf-8")
            ignore = self.root / ".dvcignore"
            if not ignore.exists():
                (Path(beside) / ".dvcignore").rename(ignore)
            try:
                (Path(beside) / ".dvc").rename(self.root / ".dvc")
            except OSError as error:
                if objects.home(self.root) is None:
                    raise StorageError(f"cannot make .dvc: {error.strerror}", file=str(self.root)) from error
                return False  # another process was faster
        return True

    def holds(self, tracked: Tracked) -> bool:
        """Whether the cache of this machine has all of a version's bytes."""
        cache = objects.cache(self.root)
        return cache is not None and objects.whole(tracked.md5, cache)

    def add(self, path: Path) -> Tracked:
        """Version a file or folder of the workspace, and say where DVC keeps it.

        An output of a stage is DVC's already: it is hashed, and not added.

        Raises StorageError where DVC refuses, with its reason.
        """
        stage = self.stage(path)
        if stage is not None:
            found = objects.content(path)
            return Tracked(found.md5, found.size, stage, found.files)
        self.init()
        self._run("add", "--", self._named(path), patience=PATIENCE + _size(path) / SLOWEST)
        own = path.with_name(f"{path.name}.dvc")
        if own.is_file():
            return self._pointed(own)
        # A file below a folder that DVC tracks as a whole: the folder's pointer has taken it in.
        around = next((folder for folder in path.parents if folder.with_name(f"{folder.name}.dvc").is_file()), None)
        if around is None:
            raise StorageError("DVC added the data and left no .dvc file", file=str(path))
        found = objects.content(path)
        return Tracked(found.md5, found.size, self._named(around.with_name(f"{around.name}.dvc")), found.files)

    def stage(self, path: Path) -> str | None:
        """`dvc.yaml:STAGE` of the stage that has `path` as an output; None where no stage has."""
        for folder in self._folders(path):
            for name, place in _outputs(folder):
                if place == path.absolute():
                    return f"{self._named(folder / 'dvc.yaml')}:{name}"
        return None

    def push(self, paths: Iterable[Path]) -> None:
        """Send tracked files to the default remote. Raises StorageError where it is away or there is none."""
        self._run("push", "--", *(self._named(path) for path in paths))

    def materialise(self, tracked: Tracked, target: Path) -> None:
        """Bring a version's bytes to `target`, whole or not at all: from the cache, else from the remote.

        Raises StorageError where neither has them, and with what was said where the remote cannot be asked.
        """
        cache = objects.cache(self.root)
        if cache is None:
            raise StorageError("there is no DVC repository here", file=str(self.root), hint="dvc init, then dvc pull")
        if not objects.whole(tracked.md5, cache):
            self._fetch([tracked.md5])
            if tracked.md5.endswith(".dir") and objects.place(tracked.md5, cache).is_file():
                self._fetch([md5 for _, md5 in objects.listed(tracked.md5, cache)])
            if not objects.whole(tracked.md5, cache):
                raise StorageError(
                    "neither DVC's cache nor its remote has these bytes",
                    file=str(objects.place(tracked.md5, cache)),
                    hint="look at `dvc remote list`, or ask who registered it for `auditor register … --push`",
                )
        objects.lay(tracked.md5, target, cache)

    def repro(
        self,
        stages: Sequence[str],
        *,
        dry_run: bool = False,
        force: bool = False,
        output: IO[Any] | None = None,
        holding: Sequence[int] = (),
    ) -> str:
        """Run exactly these stages (not those upstream), in DVC's order, where they are not up to date.

        stages: names of `dvc.yaml`, or `path/dvc.yaml:NAME`. output: where what they print goes, a file with
        a descriptor; None collects it. holding: descriptors that stay open for as long as DVC runs, should this
        process be killed. Returns what was collected. Raises StorageError where one fails.
        """
        flags = [*(["--dry"] if dry_run else []), *(["--force"] if force else [])]
        return self._run("repro", "--single-item", *flags, "--", *stages, output=output, holding=holding)

    def _fetch(self, md5s: Sequence[str]) -> None:
        """Ask the default remote for objects, which no command of DVC's can do for a version of the past."""
        self._call([sys.executable, "-c", _PULL], "fetch", None, "\n".join(md5s))

    def _run(
        self,
        command: str,
        *words: str,
        output: IO[Any] | None = None,
        holding: Sequence[int] = (),
        folder: Path | None = None,
        patience: float | None = None,
    ) -> str:
        dvcfiles.refuse_bombs(self.root)
        whole = [sys.executable, "-m", "dvc", "--wait-for-lock", command, *words]
        return self._call(whole, command, output, holding=holding, folder=folder, patience=patience)

    def _call(
        self,
        words: Sequence[str],
        command: str,
        output: IO[Any] | None,
        given: str = "",
        holding: Sequence[int] = (),
        folder: Path | None = None,
        patience: float | None = None,
    ) -> str:
        try:
            done = subprocess.run(  # noqa: S603  our own words, and paths behind `--`
                words,
                cwd=folder or self.root,
                env=environment(DVC_NO_ANALYTICS="1"),
                input=given,
                stdout=output or subprocess.PIPE,
                stderr=subprocess.PIPE,
                check=False,
                pass_fds=holding,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=patience,
            )
        except subprocess.TimeoutExpired as error:
            raise StorageError(
                f"DVC did not {command} in time",
                file=str(self.root),
                seen=f"nothing after {error.timeout:.0f} seconds",
                hint="another DVC command may hold its lock; or try it by hand: dvc status",
            ) from error
        if done.returncode == 0:
            return done.stdout or ""
        said = redact(done.stderr.strip() or (done.stdout or "").strip())
        lines = [line for line in said.splitlines() if line.startswith(("ERROR", "Error"))] or said.splitlines()
        reason = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", " ".join(lines)).split())[:600]
        hint = next((hint for word, hint in _HINTS if word in said), None)
        raise StorageError(f"DVC could not {command}", file=str(self.root), seen=reason, hint=hint)

    def _named(self, path: Path) -> str:
        """Relative to the workspace where it lies in it, as DVC's files and our cards have it."""
        absolute = path if path.is_absolute() else self.root / path
        return os.path.relpath(absolute, self.root).replace(os.sep, "/")

    def _pointed(self, file: Path) -> Tracked:
        """What a `.dvc` file says of its one output."""
        try:
            (out,) = dvcfiles.document(file)["outs"]
            return Tracked(out["md5"], out["size"], self._named(file), out.get("nfiles"))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError("not a .dvc file of one output with its hash", file=str(file)) from error

    def _folders(self, path: Path) -> list[Path]:
        """Where a `dvc.yaml` could name `path`: its folder and those above, up to the repository's."""
        dvc = objects.home(self.root)
        top = dvc.parent if dvc else self.root
        folders = [path.absolute().parent, *path.absolute().parent.parents]
        within = [folder for folder in folders if folder == top or top in folder.parents]
        return [folder for folder in dict.fromkeys([*within, self.root]) if (folder / "dvc.yaml").is_file()]


def _outputs(folder: Path) -> Iterator[tuple[str, Path]]:
    """(stage, output) of a folder's `dvc.yaml`; of stages made from a template, as `dvc.lock` has them."""
    declared = dvcfiles.stages(folder / "dvc.yaml")
    for name, stage in declared.items():
        for out in [one for key in ("outs", "metrics", "plots") for one in _list(stage.get(key))]:
            path = next(iter(out), "") if isinstance(out, dict) else out
            yield name, _below(folder, stage, path)
    for name, stage in dvcfiles.stages(folder / "dvc.lock").items():
        made = declared.get(name.partition("@")[0])
        if made is not None and name not in declared:
            do = made.get("do", made)
            for out in _list(stage.get("outs")):
                if isinstance(out, dict) and isinstance(do, dict) and "path" in out:
                    yield name, _below(folder, do, out["path"])


def _size(path: Path) -> int:
    """Bytes of a file or folder, links in it followed once."""
    if not path.is_dir():
        return path.stat().st_size
    files = (Path(at, name) for at, _, names in os.walk(path) for name in names)
    return sum(file.stat().st_size for file in files if file.is_file())


def _list(value: object) -> list[Any]:
    """What is no list names no output: DVC itself says what is wrong with its file."""
    return value if isinstance(value, list) else []


def _below(folder: Path, stage: Mapping[str, Any], path: object) -> Path:
    return Path(os.path.abspath(folder / str(stage.get("wdir", ".")) / str(path)))  # noqa: PTH100  links stay
