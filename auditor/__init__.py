"""Audit synthetic training data before you train on it.

    from auditor import audit
    report = audit("data.jsonl")
    report.verdict, report.metrics["near_duplicates.rate"], report.findings

    from auditor import judge_audit
    judge_audit("verdicts.jsonl").metrics["position_inconsistency.consistency"]

    from auditor import register
    register("sft", "data/sft.jsonl", generators="gpt-4o@2024-08-06", prompts="sft.txt", seeds="seeds@1")

The map of the house, in the order a row walks through it:

    cli            words in, exit code out
    regeneration   what is stale, made again
    gating         the gate: audit, and the verdict on the card
    browsing       lineage, histories and differences, looked at
    registration   a version: read, who made it, DVC, the card
    auditing       the straight line: read, annotate, measure, judge, record, publish
    adjudicating   the straight line of recorded verdicts of judges
    readers        files and Python objects -> canonical rows, a snapshot on disk
    judging        files of recorded verdicts -> arrays
    annotators     a row -> more columns, cached by content
    checks         the rooms: one file, one question
    engines        how a scan runs
    registry       the workspace, cards and their index, references to data, the audit's files
    trackers       DVC, MLflow, OpenLineage, and the outbox for what could not be sent
    reports        console, HTML, JSON, JUnit, SARIF, GitHub, Markdown
    core           the contract of a check, measuring, policies, verdicts, laws
    kernels        Numba over Arrow buffers; sketches: mergeable summaries
    model, files   pure data and errors; atomic writes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.adjudicating import judge_audit
    from auditor.auditing import Options, Report, audit
    from auditor.registration import Registration
    from auditor.registration.calling import register

__version__ = "0.1.0"

__all__ = ["Options", "Registration", "Report", "__version__", "audit", "judge_audit", "register"]


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    # Late, so that `import auditor` and `auditor --help` load neither NumPy nor Arrow nor Numba.
    if name in {"Options", "Report", "audit"}:
        from auditor import auditing

        return getattr(auditing, name)
    if name == "judge_audit":
        from auditor import adjudicating

        return adjudicating.judge_audit
    if name in {"Registration", "register"}:
        from auditor.registration import calling

        return getattr(calling, name)
    raise AttributeError(f"module 'auditor' has no attribute {name!r}")
