"""Templates, style sheets and the matplotlib style, the workspace's own before ours, and the pages made of them.

A page is one self-contained file that asks the network for nothing. Jinja escapes every value, hostile characters are
made visible, and the Content-Security-Policy allows the page's own style and script by their hash and nothing else:
even a hole in the escaping then runs nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from auditor.model.errors import ConfigError
from auditor.reports import wording
from auditor.reports.escaping import one_line, visible

LONG = 24
"""Letters of a word from which on it may break anywhere."""

_BREAK = re.compile(r"(?<=\w[/_:@=-])(?=\w)|(?<=[^\W\d]\.)(?=[^\W\d])")
"""Where a name or a path may go on on the next line."""


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


def page(template: str, own: Path | None, *, style: str, script: str, **values: Any) -> str:
    """The template as one HTML document. own: the workspace's folder, before ours. style, script: names of files
    that go into it. values: what the template shows.

    Raises ConfigError where the style or the script could end its own element.
    """
    from jinja2 import FileSystemLoader
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from markupsafe import Markup

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([str(folder) for folder in folders(own)]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Any] = {
        "line": one_line,
        "shown": lambda text: visible(str(text), "\n\t"),
        "count": wording.count,
        "prose": _prose,
        "names": _names,
    }
    environment.filters |= filters
    look, moves = _inline(style, own), _inline(script, own)
    return environment.get_template(template).render(
        values,
        style=Markup(look),  # noqa: S704  our own file or the workspace's, checked by `_inline`
        script=Markup(moves),  # noqa: S704  as above
        policy=_policy(look, moves),
        marks={"pass": "✓", "warn": "!", "fail": "✕", "error": "⚡", "measured": "○", "skipped": "–"},
    )


def _prose(text: str) -> Any:
    """A sentence of ours, its `code` in a code element; everything is escaped."""
    from markupsafe import Markup, escape

    parts = one_line(text, 800).split("`")
    pieces = [Markup("<code>%s</code>") % part if i % 2 else escape(part) for i, part in enumerate(parts)]
    return Markup("").join(pieces)


def _names(text: str, length: int = 240) -> Any:
    """`line` of names and paths, which break between their parts and not within one, but where it is very long."""
    from markupsafe import Markup, escape

    long, gap = Markup('<span class="long">%s</span>'), Markup("<wbr>")
    words = (_BREAK.split(word) for word in one_line(text, length).split(" "))
    return escape(" ").join(gap.join(long % part if len(part) > LONG else part for part in word) for word in words)


def _inline(name: str, own: Path | None) -> str:
    """A style sheet or script as it goes into a page; line ends as the browser will hash them."""
    path = find(name, own)
    text = path.read_text(encoding="utf-8").replace("\r\n", "\n").replace("\r", "\n").strip()
    if "</style" in text.lower() or "</script" in text.lower() or "<!--" in text:
        raise ConfigError(f"{path.name} cannot hold a closing tag or an HTML comment", file=str(path))
    return text


def _policy(style: str, script: str) -> str:
    """A Content-Security-Policy that lets this style and script through by their hash (CSP level 3, section 2.3.1)."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
