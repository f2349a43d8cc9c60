"""Where templates, style sheets and the matplotlib style lie: the workspace's own before ours."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from auditor.model.errors import ConfigError


@cache
def shipped() -> Path:
    """Our folder: `auditor/_dashboards` in an installed wheel, `dashboards/` in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_dashboards", package.parent / "dashboards"):
        if (folder / "report.html.j2").is_file():
            return folder
    raise ConfigError(
        "the templates of the report are missing", wanted=str(package / "_dashboards"), hint="install auditor again"
    )


def folders(own: Path | None) -> tuple[Path, ...]:
    """Folders to look in, the workspace's own first where there is one."""
    return (own, shipped()) if own is not None and own.is_dir() else (shipped(),)


def find(name: str, own: Path | None) -> Path:
    """The file of that name: the workspace's, else ours."""
    return next(folder / name for folder in folders(own) if (folder / name).is_file())
