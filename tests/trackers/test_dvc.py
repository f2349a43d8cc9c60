"""DVC: its own commands are the oracle of every hash."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.core import objects
from auditor.model.card import Tracked
from auditor.model.errors import StorageError
from auditor.trackers.dvc import Dvc


def dvc(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=folder,
        env={**os.environ, "DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def fill(folder: Path, seed: int = 0) -> Path:
    """A folder of every kind of name and size."""
    rng = random.Random(seed)
    for name in ("a.jsonl", "b/c.jsonl", "b/d/é ü.jsonl", "b.jsonl", "b/.hidden", "z/empty", "A/x"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(rng.randbytes(rng.randint(1, 5000)) if "empty" not in name else b"")
    (folder / "nothing").mkdir()
    (folder / ".git").mkdir()
    (folder / ".git" / "x").write_text("not data")
    return folder


def test_hashes_are_those_of_dvc_for_files_and_folders(workspace: Path) -> None:
    mine = Dvc(workspace)
    data = workspace / "data"
    data.mkdir()
    (data / "a.jsonl").write_bytes(b"1\r\n2\n")
    folder = fill(data / "folder")
    md5 = hashlib.md5(b"1\r\n2\n").hexdigest()
    assert objects.content(data / "a.jsonl").md5 == md5
    tracked = mine.add(data / "a.jsonl")
    assert tracked == Tracked(md5, 5, "data/a.jsonl.dvc")
    assert mine.holds(tracked)
    assert yaml.safe_load((data / "a.jsonl.dvc").read_text())["outs"][0]["md5"] == md5

    (data / ".dvcignore").write_text("# not data\n*.tmp\nfolder/skip/\n!keep.tmp\n")
    for name in ("x.tmp", "keep.tmp", "b/y.tmp", "skip/z"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    whole = mine.add(folder)
    told = yaml.safe_load((data / "folder.dvc").read_text())["outs"][0]
    assert objects.content(folder).md5 == whole.md5
    assert (whole.md5, whole.size, whole.files) == (told["md5"], told["size"], told["nfiles"])
    assert whole.files == 8
    inner = mine.add(folder / "a.jsonl")
    assert (inner.md5, inner.file) == (objects.content(folder / "a.jsonl").md5, "data/folder.dvc")

    memory = workspace / "memory"
    assert objects.content(folder, memory) == objects.content(folder, memory) == objects.content(folder)
    os.utime(folder / "a.jsonl", ns=(10**18, 10**18))
    assert objects.content(folder, memory).md5 == whole.md5
    (folder / "a.jsonl").write_bytes(b"other")
    assert objects.content(folder, memory) == objects.content(folder)
    assert objects.content(folder).md5 != whole.md5
    config = (workspace / ".dvc" / "config").read_text()
    assert "no_scm = true" in config
    assert "analytics = false" in config
    assert set((workspace / ".dvc" / ".gitignore").read_text().split()) == {"/config.local", "/tmp", "/cache"}


def test_a_version_comes_back_from_cache_and_remote(workspace: Path) -> None:
    mine = Dvc(workspace)
    folder = fill(workspace / "shards")
    first = mine.add(folder)
    (folder / "new.jsonl").write_bytes(b"new")
    second = mine.add(folder)
    assert second.files == (first.files or 0) + 1
    shared = sum(1 for file in (workspace / ".dvc" / "cache" / "files").rglob("*") if file.is_file())
    assert shared == (second.files or 0) + 2, "shards that two versions share are stored once"

    mine.materialise(first, workspace / "back")
    assert objects.content(workspace / "back").md5 == first.md5
    mine.materialise(second, workspace / "back")
    assert objects.content(workspace / "back").md5 == second.md5
    assert not [file for file in workspace.iterdir() if file.name.startswith(".back")]

    with pytest.raises(StorageError, match="could not push") as raised:
        mine.push([folder])
    assert "no remote specified" in str(raised.value)
    assert "dvc remote add" in str(raised.value)
    remote = workspace.parent / f"{workspace.name}-remote"
    dvc(workspace, "remote", "add", "-d", "store", str(remote))
    mine.push([folder])
    shutil.rmtree(workspace / ".dvc" / "cache")
    assert not mine.holds(second)
    mine.materialise(second, workspace / "from-remote")
    assert objects.content(workspace / "from-remote").md5 == second.md5
    # The first version was never pushed.
    with pytest.raises(StorageError, match="neither DVC's cache nor its remote"):
        mine.materialise(first, workspace / "never")
    assert not (workspace / "never").exists()
    shutil.rmtree(workspace / ".dvc" / "cache")
    remote.rename(remote.with_suffix(".away"))
    with pytest.raises(StorageError, match="could not fetch") as gone:
        mine.materialise(second, workspace / "away")
    assert f"cannot be asked: there is no folder {remote}" in str(gone.value)
    # Nobody listens at that port: whether the bytes are there is not known, and nobody is sent to push them again.
    dvc(workspace, "remote", "modify", "store", "url", "http://127.0.0.1:9/x")
    with pytest.raises(StorageError, match="could not fetch") as silent:
        mine.materialise(second, workspace / "away")
    assert "the remote cannot be asked: http://127.0.0.1:9/x" in str(silent.value)
    assert "Connect" in str(silent.value)
    assert "--push" not in str(silent.value)
    assert not (workspace / "away").exists()


@pytest.mark.parametrize(("status", "told"), [(404, "neither DVC's cache nor its remote"), (403, "cannot be asked")])
def test_a_remote_that_refuses_is_not_one_without_the_bytes(workspace: Path, status: int, told: str) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(status)

        do_HEAD = do_GET  # noqa: N815  http.server's name

        def log_message(self, *_: Any) -> None:
            """Nothing on the screen."""

    mine = Dvc(workspace)
    mine.init()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            dvc(workspace, "remote", "add", "-d", "store", f"http://127.0.0.1:{server.server_port}/x")
            with pytest.raises(StorageError, match=r"fetch|neither") as raised:
                mine.materialise(Tracked("0123456789abcdef" * 2, 3, ""), workspace / "back")
        finally:
            server.shutdown()
            thread.join()
    assert told in str(raised.value)


def cached(folder: Path, content: bytes) -> str:
    """An object put in a cache by hand."""
    md5 = hashlib.md5(content).hexdigest()
    place = objects.place(md5, folder)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return md5


def test_a_damaged_cache_is_told_and_nothing_appears(workspace: Path) -> None:
    cache = workspace / ".dvc" / "cache"
    good = cached(cache, b"good")
    objects.place(good, cache).write_bytes(b"bad")
    with pytest.raises(StorageError, match="cache is damaged"):
        objects.lay(good, workspace / "x", cache)
    for listing in (
        b"[]x",
        b'{"a": 1}',
        b'[{"md5": "00", "relpath": "../../etc/passwd"}]',
        b'[{"md5": "00", "relpath": "/etc/passwd"}]',
        b'[{"md5": "../x", "relpath": "a"}]',
        b'[{"relpath": "a"}]',
    ):
        md5 = hashlib.md5(listing).hexdigest() + ".dir"
        place = objects.place(md5, cache)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(listing)
        with pytest.raises(StorageError, match="cache is damaged"):
            objects.lay(md5, workspace / "x", cache)
    with pytest.raises(StorageError, match="not in DVC's cache"):
        objects.lay("0" * 32, workspace / "x", cache)
    assert [file.name for file in workspace.iterdir()] == [".dvc"]


def test_links_share_the_cache_and_copies_do_not(workspace: Path) -> None:
    cache = workspace / ".dvc" / "cache"
    md5 = cached(cache, b"rows")
    objects.lay(md5, workspace / "linked", cache, link=True)
    objects.lay(md5, workspace / "copied", cache)
    assert (workspace / "linked").stat().st_ino == objects.place(md5, cache).stat().st_ino
    (workspace / "copied").write_bytes(b"mine")
    assert objects.place(md5, cache).read_bytes() == b"rows"


def test_the_cache_is_where_its_settings_say(workspace: Path) -> None:
    assert objects.cache(workspace) is None
    (workspace / ".dvc").mkdir()
    assert objects.cache(workspace / "deep") == workspace / ".dvc" / "cache"
    (workspace / ".dvc" / "config").write_text("[cache]\n    dir = ../shared\n")
    assert objects.cache(workspace) == workspace / ".dvc" / "../shared"
    (workspace / ".dvc" / "config.local").write_text("['cache']\ndir = /elsewhere\n[cache]\ndir = /local\n")
    assert objects.cache(workspace) == Path("/local")
    (workspace / ".dvc" / "config").write_text("nonsense")
    assert objects.cache(workspace) == Path("/local")


PIPELINE = """\
vars:
- echoed: &cmd 'echo 1 >> one.log && echo "{}" > one.jsonl && echo x > plot.csv'
stages:
  one:
    cmd: *cmd
    outs:
    - one.jsonl
    plots:
    - plot.csv: {cache: false}
  two:
    cmd: echo 2 >> two.log && cp one.jsonl two.jsonl
    deps:
    - one.jsonl
    outs:
    - two.jsonl
  each:
    foreach: [x, y]
    do:
      wdir: sub
      cmd: echo ${item} > ${item}.jsonl
      outs:
      - ${item}.jsonl
"""
"""With an anchor: refused in documents of ours, allowed in DVC's."""


def test_outputs_of_stages_are_hashed_and_not_added(workspace: Path) -> None:
    mine = Dvc(workspace)
    mine.init()
    (workspace / "sub").mkdir()
    (workspace / "dvc.yaml").write_text(PIPELINE)
    assert mine.stage(workspace / "one.jsonl") == mine.stage(workspace / "plot.csv") == "dvc.yaml:one"
    dvc(workspace, "repro")
    tracked = mine.add(workspace / "one.jsonl")
    told = yaml.safe_load((workspace / "dvc.lock").read_text())["stages"]["one"]["outs"][0]
    assert tracked == Tracked(told["md5"], told["size"], "dvc.yaml:one")
    assert mine.holds(tracked)
    assert mine.stage(workspace / "sub" / "x.jsonl") == "dvc.yaml:each@x"
    assert mine.stage(workspace / "other.jsonl") is None
    assert not (workspace / "one.jsonl.dvc").exists()
    (workspace / "one.jsonl").write_text("by hand")
    assert not mine.holds(mine.add(workspace / "one.jsonl"))
    assert "one" in mine.repro(["one"], dry_run=True)
    mine.repro(["two"], force=True)
    assert ((workspace / "one.log").read_text(), (workspace / "two.log").read_text()) == ("1\n", "2\n2\n")
    with pytest.raises(StorageError, match="could not repro"):
        mine.repro(["none"])


def test_in_git_and_below_it(workspace: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=workspace, check=True)
    inner = workspace / "team"
    inner.mkdir()
    assert Dvc(inner).init()
    assert (inner / ".dvc").is_dir()
    (inner / "a.jsonl").write_text("{}\n")
    assert Dvc(inner).add(inner / "a.jsonl").file == "a.jsonl.dvc"
    assert not Dvc(inner).init()
    staged = subprocess.run(["git", "diff", "--cached", "--name-only"], cwd=workspace, capture_output=True, text=True)
    assert "a.jsonl.dvc" not in staged.stdout


def test_what_dvc_refuses_is_told_with_its_reason(workspace: Path) -> None:
    mine = Dvc(workspace)
    with pytest.raises(StorageError, match="no DVC repository"):
        mine.materialise(Tracked("0" * 32, 1, "x.dvc"), workspace / "x")
    (workspace / "a.jsonl").write_text("{}\n")
    (workspace / "a.jsonl.dvc").write_text("outs: [\n")
    with pytest.raises(StorageError, match="could not add") as raised:
        mine.add(workspace / "a.jsonl")
    assert "a.jsonl.dvc" in str(raised.value)
    assert (workspace / "a.jsonl.dvc").read_text() == "outs: [\n"


@pytest.mark.parametrize(
    "text",
    [
        "stages: [1]\n",
        "- x\n",
        "stages: {a: {outs: 5}, b: {outs: {x: 1}}, c: {outs: [[1], {}], metrics: 3, wdir: [1]}, d: 7}\n",
    ],
)
def test_nonsense_in_a_pipeline_names_no_stage(workspace: Path, text: str) -> None:
    (workspace / "dvc.yaml").write_text(text)
    (workspace / "dvc.lock").write_text(text)
    assert Dvc(workspace).stage(workspace / "a.jsonl") is None
