"""The straight line from recorded verdicts of judges to a verdict on the judges.

read -> verdicts -> measure -> locate -> judge -> record -> publish and report

The second half, from `locate` on, is `concluding`, as it is for rows.
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from auditor import concluding, judging
from auditor.concluding import Options, Progress, Report, Silent
from auditor.core import measure as measuring
from auditor.core.check import Context
from auditor.core.measure import Advance
from auditor.model.errors import ConfigError, suggest
from auditor.model.verdicts import Verdicts
from auditor.readers import accept, files
from auditor.registry import kinship
from auditor.registry.workspace import Workspace

__all__ = ["judge_audit", "read", "run"]


def judge_audit(sources: Any, *, form: str | None = None, progress: Progress | None = None, **options: Any) -> Report:
    """Audit recorded verdicts of judges and return the report; the files are in `.auditor/audits/NAME/`.

    sources: a file, folder, address or `-` (standard input), or several; or dicts in our own format. form: where it is
    not to be recognised, a name of `judging.FORMATS`. options: fields of `Options`; `mapping` names the fields of a
    flat file.

    Raises AuditorError where the input or the configuration is wrong. A failed gate is not an exception.
    """
    for name in ("only", "skip"):
        if isinstance(options.get(name), str):
            options[name] = (options[name],)
    unknown = set(options) - set(Options.__dataclass_fields__)
    if unknown:
        name = min(unknown)
        raise ConfigError(f"judge_audit() has no option {name!r}", hint=suggest(name, Options.__dataclass_fields__))
    return run(sources, Options(**options), workspace=Workspace.find(), progress=progress or Silent(), form=form)


def run(sources: Any, options: Options, *, workspace: Workspace, progress: Progress, form: str | None = None) -> Report:
    """The straight line."""
    plan = concluding.plan(options, workspace, progress, over="verdicts")
    options, checks, engine, clock = plan.options, plan.checks, plan.engine, plan.clock
    with workspace.lock(), tempfile.TemporaryDirectory(dir=workspace.scratch) as scratch:
        with clock.stage("read") as advance:
            # In the cache, which outlives a refusal that points to it.
            quarantine = workspace.cache / "verdicts" / "quarantine.jsonl"
            quarantine.parent.mkdir(parents=True, exist_ok=True)
            verdicts = read(sources, options, form, advance, quarantine=quarantine)
        context = Context(
            {},
            workspace.expectations,
            Path(scratch),
            options.memory,
            cache=workspace.cache / "traces",
            kinship=kinship.load(workspace),
        )
        measured = measuring.measure(
            checks, verdicts, context, engine, stage=lambda name: _given_back(clock.stage(name))
        )
        report = concluding.conclude(plan, verdicts, measured, context)
    concluding.publish(plan, report)
    return report


@contextmanager
def _given_back(stage: AbstractContextManager[Advance]) -> Iterator[Advance]:
    """The stage; what it has freed goes back to the system. glibc keeps arrays of up to 32 MB for later (mallopt(3),
    M_MMAP_THRESHOLD), which at ten million verdicts are hundreds of megabytes."""
    with stage as advance:
        yield advance
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def read(
    sources: Any,
    options: Options,
    form: str | None = None,
    advance: Advance = lambda done, total: None,
    *,
    quarantine: Path | None = None,
) -> Verdicts:
    """Verdicts of files (folders, addresses, `-` for standard input), of dicts in our own format, or as they are; bad
    records within `--max-bad-rows`, written to `quarantine`."""
    if isinstance(sources, Verdicts):
        return sources
    several: list[Any] = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    if several and isinstance(several[0], Mapping):
        return judging.from_records(several, name=options.name or "verdicts", mapping=options.mapping)
    with tempfile.TemporaryDirectory() as spool:
        verdicts = judging.open(
            [file for source in several for file in _brought(source, Path(spool))],
            form=form,
            mapping=options.mapping,
            name=options.name,
            progress=advance,
            quarantine=quarantine,
        )
    accept.bearable(verdicts, options.max_bad_rows)
    return verdicts


def _brought(source: str | os.PathLike[str], spool: Path) -> list[Any]:
    """The source, or the files that standard input or an address were fetched into."""
    address = os.fspath(source)
    if not files.elsewhere(address):
        return [source]
    folder = Path(tempfile.mkdtemp(dir=spool))
    return [judging.File(0, local.path, local.name) for local in files.find(address, folder)]
