"""The gate: audit registered datasets, write each verdict on its card, and say what CI should hear.

A gate audits the file that lies in its place, as the card's current version: data that was changed
and not registered again is caught by `digest-mismatch`, not passed by.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace

from auditor import auditing, registration, registry, reports
from auditor.auditing import Options, Progress, Report
from auditor.core import documents
from auditor.model.card import Card, Judged, Registered, Standing
from auditor.model.errors import ConfigError
from auditor.model.result import Record
from auditor.registry import index
from auditor.registry.versions import Version
from auditor.registry.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Outcome:
    """One dataset at the gate. card: as it stands afterwards, with the verdict on it where the rows were its own."""

    card: Card
    version: Registered
    report: Report

    @property
    def ref(self) -> str:
        return self.card.ref(self.version)

    @property
    def passed(self) -> bool:
        return self.report.exit_code == 0

    @property
    def own_rows(self) -> bool:
        """Whether the rows that were audited are those which the version was registered with."""
        return self.report.dataset.digest == self.version.digest


def gate(ref: str, options: Options, workspace: Workspace, progress: Progress) -> Outcome:
    """Audit `NAME[@VERSION]` and record the verdict on its card.

    A candidate that passes becomes the current version; one that does not is rejected, and the version
    that was current stays so. What the card says (policy, real reference, mapping) holds where the
    options say nothing. Rows that are not the version's are judged, but say nothing of the version: its
    card is left as it is.

    Raises ConfigError for an unknown dataset, InputError where its bytes are not at hand.
    """
    card, version = index.find(ref, workspace)
    report = auditing.run(
        _in_place(card, version, workspace),
        replace(
            options,
            name=card.name,
            policy=options.policy or card.policy,
            mapping={**card.mapping, **options.mapping},
        ),
        real=card.real,
        workspace=workspace,
        progress=progress,
    )
    unregistered = Outcome(card, version, report)
    if not unregistered.own_rows:
        return unregistered
    status: Standing = version.status
    if status == "candidate":
        status = "current" if report.exit_code == 0 else "rejected"
    verdict = judged(report.record)
    verdict = replace(verdict, digests={**verdict.digests, **_evals(version, workspace)})
    card = registration.record_verdict(card.ref(version), verdict, status, workspace)
    judged_one = card.version(version.version) or version
    if options.track or options.tracking_uri or workspace.tracking_uri:
        fields = report.dataset.fields
        registration.publish(card, judged_one, workspace, uri=options.tracking_uri, fields=fields)
    return Outcome(card, judged_one, report)


def judged(record: Record) -> Judged:
    """The verdict of a record as a card keeps it, with the digests of what it was judged by."""
    references = {role: str(beside["dataset"]["digest"]) for role, beside in record.references.items()}
    return Judged(
        status=str(record.verdict),
        policy=str(record.policy["name"]),
        date=dt.datetime.fromisoformat(record.run["started"]),
        record=f"sha256:{hashlib.sha256(reports.to_json(replace(record, run={}))).hexdigest()}",
        digests={"policy": str(record.policy["digest"]), **references},
    )


def _evals(version: Registered, workspace: Workspace) -> dict[str, str]:
    """What the eval sets of the version were at its verdict: `eval:NAME@V` -> digest of the current version."""
    known = index.cards(workspace) if version.lineage.evals else {}
    found = {}
    for source in version.lineage.evals:
        card = known.get((source.dataset or "").rpartition("@")[0])
        digest = card.current.digest if card is not None and card.current else source.digest
        if digest is not None:
            found[f"eval:{source}"] = digest
    return found


def _in_place(card: Card, version: Registered, workspace: Workspace) -> Version:
    """The file as it lies in the working tree for the newest version; older ones come from DVC's cache."""
    place = workspace.root / version.path
    newest = max(card.versions, key=lambda v: v.version)
    if version == newest and place.exists():
        return Version(card.name, str(place), card, version)
    return registry.resolve(card.ref(version), workspace)


def changed(base: str | None, workspace: Workspace) -> list[str]:
    """Names of the datasets that differ from `base`, in name order: their card, their `.dvc` file, their
    output in `dvc.lock`, or the data itself where git holds it. Committed or not.

    base: a git revision; None is the pull request's target (GITHUB_BASE_REF), or else the default
    branch of `origin`, or else `main`.

    Raises ConfigError where there is no git, or the base is not known to it.
    """
    since = _merge_base(base, workspace)
    names = set(_git(workspace, "diff", "--name-only", "-z", "--no-renames", "--relative", since).split("\0"))
    names |= set(_git(workspace, "ls-files", "-z", "--others", "--exclude-standard").split("\0"))
    outputs = set(_moved_outputs(since, workspace)) if "dvc.lock" in names else set()
    return [
        card.name
        for card in index.cards(workspace).values()
        if card.current or card.versions
        if _touched(card, names, outputs)
    ]


def _touched(card: Card, names: set[str], outputs: set[str]) -> bool:
    version = card.versions[-1]
    tracked = version.dvc.file if version.dvc else None
    own = {f"datasets/{card.name}.yaml", version.path, tracked}
    inside = f"{version.path}/"
    return bool(own & names) or version.path in outputs or any(name.startswith(inside) for name in names)


def _moved_outputs(since: str, workspace: Workspace) -> Iterator[str]:
    """Outputs of `dvc.lock` whose hash is another than at `since`."""
    before = _git(workspace, "show", f"{since}:./dvc.lock", missing="")
    old = dict(_outputs(documents.parse(before, f"{since}:dvc.lock"))) if before.strip() else {}
    lock = workspace.root / "dvc.lock"
    if lock.is_file():
        yield from (path for path, md5 in _outputs(documents.read(lock)) if old.get(path) != md5)


def _outputs(lock: documents.Entry) -> Iterator[tuple[str, str]]:
    stages = lock.mapping("dvc.lock").get("stages")
    for stage in stages.mapping("stages").values() if stages else ():
        outs = stage.mapping("a stage").get("outs")
        for out in outs.items("outs") if outs else ():
            about = out.mapping("an output")
            yield str(about["path"].value), str(about["md5"].value) if "md5" in about else ""


def _merge_base(base: str | None, workspace: Workspace) -> str:
    if not _git(workspace, "rev-parse", "--verify", "--quiet", "HEAD", missing=""):
        raise ConfigError(
            "nothing is committed here that the data could differ from",
            file=str(workspace.root),
            wanted="a git repository with a commit",
            hint="name the datasets instead of --changed",
        )
    asked = base or (f"origin/{target}" if (target := os.environ.get("GITHUB_BASE_REF")) else None)
    tried = [asked] if asked else ["origin/HEAD", "origin/main", "origin/master", "main", "master"]
    for name in tried:
        if _git(workspace, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", missing=""):
            return _git(workspace, "merge-base", "HEAD", name, missing=name).strip()
    raise ConfigError(
        "git does not know the base to compare with",
        seen=", ".join(tried),
        wanted="a branch, tag or commit: --base REF",
        hint="a shallow clone lacks it: fetch-depth: 0 in actions/checkout, or `git fetch origin BRANCH`",
    )


def _git(workspace: Workspace, *words: str, missing: str | None = None) -> str:
    """What git prints; `missing` where it ends with an error (None: the error is told)."""
    try:
        done = subprocess.run(  # noqa: S603  an argument vector; no shell reads it
            ["git", *words],  # noqa: S607  git of the PATH, as everywhere
            cwd=workspace.root,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError as error:
        raise ConfigError(
            "git is not installed", wanted="git, to see what changed", hint="name the datasets"
        ) from error
    if done.returncode == 0:
        return done.stdout
    if missing is not None:
        return missing
    raise ConfigError("git failed", seen=done.stderr.strip()[:300], hint="name the datasets instead of --changed")
