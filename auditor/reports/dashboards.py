"""Where templates, style sheets and the matplotlib style lie: the workspace's own before ours."""

from __future__ import annotations

import base64
import hashlib
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


def inline(name: str, own: Path | None) -> str:
    """A style sheet or script as it goes into a page; line ends as the browser will hash them.

    Raises ConfigError where it could end its own element.
    """
    path = find(name, own)
    text = path.read_text(encoding="utf-8").replace("\r\n", "\n").replace("\r", "\n").strip()
    if "</style" in text.lower() or "</script" in text.lower() or "<!--" in text:
        raise ConfigError(f"{path.name} cannot hold a closing tag or an HTML comment", file=str(path))
    return text


def policy(style: str, script: str) -> str:
    """A Content-Security-Policy that lets this style and script through by their hash, and nothing else: even
    a hole in the escaping of a page then runs nothing (CSP level 3, section 2.3.1)."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
