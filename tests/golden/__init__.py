"""Golden outputs of every face for one made-up audit. `python -m tests.golden` writes them again:
review the difference, and never edit one by hand."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from auditor import reports
from tests.reports import made

FOLDER = Path(__file__).parent
NAMES = {
    "report.txt": "text",
    "report-narrow.txt": "text",
    "audit.json": "json",
    "report.html": "html",
    "junit.xml": "junit",
    "audit.sarif": "sarif",
    "github.txt": "github",
    "comment.md": "markdown",
}


def outputs(folder: Path) -> dict[str, str]:
    """Every golden output as it is now."""
    view = made.view(folder, top=4)
    found = {name: reports.render(format_, view) for name, format_ in NAMES.items()}
    found["report-narrow.txt"] = reports.text(view, width=40)
    # Pictures are matplotlib's: their own test holds them, and a new version of it is not a difference here.
    found["report.html"] = re.sub(r"<svg xmlns=.*?</svg>", "<svg>…</svg>", found["report.html"], flags=re.DOTALL)
    return found


def write() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in outputs(Path(folder)).items():
            (FOLDER / name).write_text(content, encoding="utf-8")
