"""The terminal: progress while an audit runs, and its report as text."""

from __future__ import annotations

import io
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from auditor.model.result import AUDITED, LINEAGE, Status
from auditor.reports import exhibits, missing, tables, wording
from auditor.reports.escaping import one_line, visible
from auditor.reports.examples import Example
from auditor.reports.section import Section
from auditor.reports.view import View

if TYPE_CHECKING:
    from rich.console import Console as Terminal
    from rich.text import Text

EXAMPLES = 3
NARROW = 72
"""Below this many columns a check's name and its reason stand on two lines."""

WIDE = 96
"""Columns from which a bar has its full length beside a stage's name, its share, time, and what is left."""

_STYLES = {
    Status.PASS: "green",
    Status.WARN: "yellow",
    Status.FAIL: "bold red",
    Status.ERROR: "bold magenta",
    Status.MEASURED: "cyan",
    Status.SKIPPED: "dim",
}
STATUS = 1 + max(map(len, Status))
"""Columns of a status before a check's name."""


OFTEN = 60
"""Seconds between the lines of a long stage where there is no bar."""


class _Pace:
    """What is left of a stage, by how fast it went since it was first heard of: what an interrupted run had done
    before took no time."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None

    def left(self, done: int, total: int) -> str:
        """`3 min 20 s left`; empty for what nothing is known of, and for a few seconds."""
        now = time.perf_counter()
        self._first = self._first or (done, now)
        before, since = self._first
        seconds = (now - since) * (total - done) / (done - before) if done > before else 0.0
        return f"{wording.seconds(seconds)} left" if seconds >= 5 else ""


class Console:
    """Progress on a stream: a live bar a stage on a terminal, elsewhere a plain line a stage, and one a minute of those
    that take long."""

    def __init__(self, stream: TextIO, quiet: bool = False, color: bool = True) -> None:
        self._stream, self._quiet, self._color = stream, quiet, color
        self._terminal: Terminal | None = None
        self._moving = False

    @property
    def width(self) -> int:
        """Columns of the terminal, within reason."""
        return max(20, min(shutil.get_terminal_size((100, 24)).columns, 120))

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[int, int], None]]:
        """`with console.stage("read") as advance: advance(done, total)`; advance may be called from
        any thread. A stage that raises leaves no line."""
        if self._quiet:
            yield lambda done, total: None
            return
        begun = time.perf_counter()
        if self._live() and not self._moving:
            self._moving = True  # a stage inside a stage has no bar of its own
            try:
                with self._bar(name) as advance:
                    yield advance
            finally:
                self._moving = False
        else:
            yield self._lines(name)
        took = wording.seconds(time.perf_counter() - begun)
        self._say(f"{visible(name):<24} {took:>10}")

    def _lines(self, name: str) -> Callable[[int, int], None]:
        pace, lock, told = _Pace(), threading.Lock(), time.perf_counter()

        def advance(done: int, total: int) -> None:
            nonlocal told
            with lock:
                left = pace.left(done, total)
                if total and time.perf_counter() - told >= OFTEN:
                    told = time.perf_counter()
                    self._say(f"{visible(name):<24} {done / total:>10.0%}  {left}".rstrip())

        return advance

    def _say(self, line: str) -> None:
        """A line of its own, above the bar where there is one."""
        if self._moving and self._terminal is not None:
            self._terminal.print(line, soft_wrap=True)
        else:
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def _live(self) -> bool:
        if not self._stream.isatty():
            return False
        if self._terminal is None:
            from rich.console import Console as Terminal

            self._terminal = Terminal(file=self._stream, no_color=not self._color, highlight=False, markup=False)
        return not self._terminal.is_dumb_terminal

    @contextmanager
    def _bar(self, name: str) -> Iterator[Callable[[int, int], None]]:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None if self.width < WIDE else 32),
            TaskProgressColumn(text_format="{task.percentage:>3.0f}%", markup=False),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}", markup=False),
        )
        pace = _Pace()
        with Progress(*columns, console=self._terminal, transient=True, refresh_per_second=8) as progress:
            task = progress.add_task(
                f"{visible(name):<24}" if self.width >= NARROW else visible(name), total=None, left=""
            )
            yield lambda done, total: progress.update(
                task, completed=done, total=total or None, left=pace.left(done, total)
            )


def text(view: View, width: int = 100, color: bool = False, quiet: bool = False) -> str:
    """One line a check with the number that decided it, then who made the rows at fault, the worst
    examples and the remedy; a summary line, and where the files are. Ends in a line feed."""
    page = _Page(width, color)
    if not quiet:
        _heading(page, view)
        for sections in view.groups:
            if len(sections) == 1:
                _section(page, view, sections[0])
            else:
                _skipped(page, view, sections)
        page.blank()
    _summary(page, view)
    if not quiet and view.places:
        page.blank()
        _files(page, view)
    return page.text()


def _skipped(page: _Page, view: View, sections: Sequence[Section]) -> None:
    """Checks that want the same input, on one line."""
    name = max((len(s.name) for s in view.sections), default=0)
    words = one_line(sections[0].reason, 500)
    heading = f"{len(sections)} checks"
    page.line(
        (f"{Status.SKIPPED.value.upper():<{STATUS}}", _STYLES[Status.SKIPPED]),
        (f"{heading:<{name}}  ", "bold"),
        (words, ""),
        hang=2 if page.narrow else STATUS + name + 2,
    )


class _Page:
    """Lines wrapped to a width, with hanging indents; what it is given is data and never markup."""

    def __init__(self, width: int, color: bool) -> None:
        from rich.console import Console as Terminal

        self.width = max(20, width)
        self._out = io.StringIO()
        self._console = Terminal(
            file=self._out,
            width=self.width,
            force_terminal=color,
            color_system="standard" if color else None,
            no_color=not color,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
            _environ={},
        )

    @property
    def narrow(self) -> bool:
        return self.width < NARROW

    def line(self, *parts: tuple[str, str], indent: int = 0, hang: int = 0, whole: bool = False) -> None:
        """Styled parts on as many lines as they need. whole: never broken, for paths to be copied."""
        from rich.text import Text

        content = Text.assemble(*parts)
        if whole:
            self._print(Text(" " * indent) + content, soft=True)
            return
        room = max(8, self.width - indent)
        for nth, (begin, end) in enumerate(tables.wrapped(content.plain, room, max(8, room - hang))):
            self._print(Text(" " * (indent + hang if nth else indent)) + content[begin:end])

    def blank(self) -> None:
        self._out.write("\n")

    def text(self) -> str:
        return self._out.getvalue()

    def _print(self, line: Text, soft: bool = False) -> None:
        line.rstrip()
        self._console.print(line, soft_wrap=soft, overflow="ignore" if soft else "fold")


def _heading(page: _Page, view: View) -> None:
    about = view.record.dataset
    of = " of" if view.noun == "row" else ","
    facts = f"{wording.count(int(about['rows']), view.noun)}{of} {visible(str(about['format']))}"
    page.line((visible(str(about["name"])), "bold"), (f"  {facts}, {str(about['digest'])[:19]}", ""))
    if view.against:
        page.line((one_line(view.against, 200), ""))
    if view.made:
        page.line((one_line(view.made, 300), ""))
    if view.bought:
        page.line((one_line(view.bought, 200), ""))
    bad = about["quarantine"]["count"]
    if bad:
        page.line((f"{wording.count(bad, 'line')} could not be read and {'is' if bad == 1 else 'are'} left out", ""))
    for note in about["notes"]:
        page.line((one_line(str(note)), "dim"))
    if view.caution:
        page.line((one_line(view.caution, 300), _STYLES[Status.WARN]))
    page.blank()


def _section(page: _Page, view: View, section: Section) -> None:
    name = max((len(s.name) for s in view.sections), default=0)
    hang = STATUS + name + 2
    status = (f"{section.status.value.upper():<{STATUS}}", _STYLES[section.status])
    if page.narrow:
        page.line(status, (section.name, "bold"))
        page.line((visible(section.reason, "\n"), ""), indent=2)
    else:
        page.line(status, (f"{section.name:<{name}}  ", "bold"), (one_line(section.reason, 500), ""), hang=hang)
    if section.status not in (Status.FAIL, Status.WARN):
        return
    indent = 2 if page.narrow else STATUS
    if section.remarks:
        page.line((one_line(section.remarks, 500), "dim"), indent=indent)
    for aside in section.asides:
        page.line((one_line(aside, 500), _STYLES[Status.WARN]), indent=indent)
    for culprit in section.culprits[:2]:
        words = f"{one_line(culprit.name, 80)}: {culprit.words}"
        page.line(("from ", "dim"), (words, ""), indent=indent, hang=5)
    for exhibit in section.exhibits[:1]:
        header, cells, right = exhibits.table(exhibit, EXAMPLES)
        for line in tables.lines(header, cells, right, room=page.width - indent):
            page.line((line, "dim"), indent=indent)
    # A warning's rows are in the report; what is wrong with the lineage is a sentence, and told here; and so is one row
    # that the data has no like of.
    shown = section.examples[:EXAMPLES]
    if section.status is Status.WARN:
        shown = tuple(e for e in shown if e.whose == LINEAGE) or tuple(e for e in shown if e.whose != AUDITED)[:1]
    if shown:
        for example in shown:
            if section.whole:
                page.line((example.label, "bold"), (f"  {one_line(example.evidence)}", ""), indent=indent, hang=4)
            else:
                _example(page, example, indent)
        more = section.findings - len(shown)
        if section.examples and more > 0:
            page.line((f"and {more:,} more in findings.parquet", "dim"), indent=indent)
    if section.remedy:
        page.line(("fix  ", "dim"), (section.remedy, ""), indent=indent, hang=5)


def _example(page: _Page, example: Example, indent: int) -> None:
    label = "" if example.metric.endswith(".rate") else example.label
    score = f"score {example.score_words}" if example.score_words and example.row is not None else ""
    words = label if example.related is not None else ", ".join(w for w in (label, score) if w)
    parts = [(one_line(example.name, 80), "bold"), (f"  {visible(example.place)}  {words}".rstrip(), "")]
    if example.related is not None:
        where = f" of {one_line(example.related_dataset, 60)}" if example.related_dataset else ""
        place = f" ({visible(example.partner.place)})" if example.partner else ""
        alike = f", similarity {example.score_words}" if example.score_words else ""
        parts.append((f"  like {example.noun} {example.related}{where}{place}{alike}", ""))
    page.line(*parts, indent=indent, hang=4)
    room = max(60, 2 * (page.width - indent - 6))
    for seen in (example.seen, example.seen_of_partner):
        if seen:
            page.line((tables.cut(one_line(seen, room), room), "dim"), indent=indent + 4, hang=2)


def _summary(page: _Page, view: View) -> None:
    took = view.record.run.get("seconds")
    time_words = f" in {wording.seconds(took)}" if isinstance(took, int | float) else ""
    page.line(
        (f"{view.label}  ", _STYLES[view.tone]),
        (f"{view.headline}", "bold"),
        (f": {view.summary}{time_words}{f'. {view.advice}' if view.advice else ''}", ""),
        hang=2,
    )


def _files(page: _Page, view: View) -> None:
    places = {**view.places, **({} if view.gaps is None else {visible(view.gaps.name): view.gaps})}
    width = max(map(len, places))
    here = Path.cwd()
    for name, path in places.items():
        near = path.relative_to(here) if path.is_relative_to(here) else path
        page.line((f"{name:<{width}}  ", "dim"), (visible(str(near)), ""), whole=True)
    if view.gaps is not None and not missing.lines(view):
        page.line((f"{visible(view.gaps.name)} is empty: the data lacks no topic of the real data", ""))
