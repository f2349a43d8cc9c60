"""What every audit does but for its rows: what was asked for, and from measurements to a verdict on disk.

options -> planning, before a row is read; tables -> recording -> closing, once all is measured. Rows are those of a
dataset (`auditing`) or the recorded verdicts of judges (`adjudicating`); here is nothing that reads them from files.
"""

from auditor.concluding.closing import conclude, publish
from auditor.concluding.options import Options, settled
from auditor.concluding.planning import Plan, plan, policy, select, waivers
from auditor.concluding.progress import Clock, Progress, Silent
from auditor.concluding.recording import about, metrics
from auditor.concluding.report import Report

__all__ = [
    "Clock",
    "Options",
    "Plan",
    "Progress",
    "Report",
    "Silent",
    "about",
    "conclude",
    "metrics",
    "plan",
    "policy",
    "publish",
    "select",
    "settled",
    "waivers",
]
