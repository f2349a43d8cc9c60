"""Everything that can be wrong with what an audit is asked, settled before a row is read: checks, policy, waivers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from auditor import registry, reports
from auditor.concluding.options import Options, settled
from auditor.concluding.progress import Clock, Progress
from auditor.core import check as checking
from auditor.core import places
from auditor.core import policy as policies
from auditor.core import verdict as judging
from auditor.core.check import Engine
from auditor.engines.local import Local
from auditor.model.errors import ConfigError, suggest
from auditor.model.result import Record
from auditor.registry.workspace import Workspace


@dataclass(frozen=True)
class Plan:
    """What one audit is going to do. asked: as the call gave it; options: with what it left open filled in. left_out:
    checks that --only and --skip keep from running."""

    asked: Options
    options: Options
    workspace: Workspace
    checks: Sequence[Any]
    policy: policies.Policy
    baseline: Record | None
    waivers: judging.Waivers
    engine: Engine
    clock: Clock
    left_out: tuple[str, ...]


def plan(asked: Options, workspace: Workspace, progress: Progress, over: str = "rows") -> Plan:
    """Settle everything that can be wrong before a row is read. Raises ConfigError."""
    clock = Clock(progress)
    options = settled(asked, workspace)
    checks, bounds = select(options, workspace, over), policy(options, workspace)
    if options.gaps is not None:  # a file that was asked for and cannot be written is no pass
        if not any(check.spec.name == reports.GAPS for check in checks):
            raise ConfigError("gaps are asked for without the check that finds them", wanted=f"{reports.GAPS} to run")
        bounds = replace(bounds, required=tuple(sorted({*bounds.required, reports.GAPS})))
    return Plan(
        asked,
        options,
        workspace,
        checks,
        bounds,
        reports.from_json(registry.load(options.baseline)) if options.baseline else None,
        waivers(options, workspace),
        Local(options.threads),
        clock,
        _left_out(checks, over),
    )


def select(options: Options, workspace: Workspace, over: str = "rows") -> list[Any]:
    """Instances of the checks of rows (or of verdicts) to run, in name order, with settings overridden by the call."""
    known = checking.registered()
    for name in (*options.only, *options.skip, *options.checks, *workspace.checks):
        if name not in known:
            alike = [one for one, cls in known.items() if cls.spec.over == over]
            several = "," in name and name in (*options.only, *options.skip)
            hint = "for several, repeat the option: --only A --only B" if several else suggest(name, alike)
            raise ConfigError(f"unknown check {name!r}", hint=hint)
    names = [
        name
        for name, cls in known.items()
        if cls.spec.over == over and (not options.only or name in options.only) and name not in options.skip
    ]
    if options.only and all(known[name].spec.over != over for name in options.only):
        theirs, ours = ("verdicts", "datasets") if over == "rows" else ("datasets", "verdicts")
        command = "auditor judge audit" if over == "rows" else "auditor audit"
        raise ConfigError(
            f"{', '.join(options.only)}: of {theirs}, and {ours} are audited here", hint=f"`{command}` asks that"
        )
    if not names:
        raise ConfigError("no check is left to run", hint="see `auditor checks` and give fewer --skip")
    lists = tuple(str(path) for path in sorted((workspace.root / "expectations" / "words").glob("*.yaml")))
    found = {"refusals-and-artifacts": {"words": lists}} if lists and len(workspace.expectations) > 1 else {}
    return [
        checking.build(name, {**found.get(name, {}), **workspace.checks.get(name, {}), **options.checks.get(name, {})})
        for name in names
    ]


def _left_out(checks: Sequence[Any], over: str) -> tuple[str, ...]:
    ran = {check.spec.name for check in checks}
    return tuple(name for name, cls in checking.registered().items() if cls.spec.over == over and name not in ran)


def policy(options: Options, workspace: Workspace) -> policies.Policy:
    """The bounds that an audit with these options is judged by. Raises ConfigError."""
    known = list(checking.registered())
    if not isinstance(options.policy, str | os.PathLike | None):
        raise ConfigError(
            "a policy is a name or a file", seen=type(options.policy).__name__, wanted="'default', or a path to YAML"
        )
    wanted = os.fspath(options.policy or "default")
    return policies.load(wanted, workspace.expectations, _known_metrics(), known, workspace.root)


def _known_metrics() -> list[str]:
    checks = checking.registered().values()
    return [cls.spec.metric(measure.name) for cls in checks for measure in cls.spec.measures]


def waivers(options: Options, workspace: Workspace) -> judging.Waivers:
    """Those that an audit with these options may use. Raises ConfigError."""
    path = options.waivers or workspace.root / "waivers.yaml"
    if options.waivers is None and not path.exists():
        return judging.Waivers()
    if options.waivers is None:
        places.kept(path, workspace.root)
    return judging.load_waivers(path, list(checking.registered()), _known_metrics())
