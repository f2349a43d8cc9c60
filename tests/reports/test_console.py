"""The terminal: widths, colours, silence, and nothing of the data's own making."""

from __future__ import annotations

import io
import re
import threading
from dataclasses import replace

import pytest
from rich.cells import cell_len

from auditor.model.result import Status
from auditor.reports import text
from auditor.reports.console import Console
from auditor.reports.view import View

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("which", ["view", "hostile"])
@pytest.mark.parametrize("width", [20, 40, 72, 100, 160])
def test_no_line_is_wider_than_the_terminal(which: str, width: int, request: pytest.FixtureRequest) -> None:
    view: View = request.getfixturevalue(which)
    written = text(replace(view, places={}), width=width)
    assert max(cell_len(line) for line in written.splitlines()) <= width
    assert written.endswith("\n")


def test_one_line_a_check_with_its_status(view: View) -> None:
    lines = text(view, width=100).splitlines()
    heads = [line.split()[:2] for line in lines if re.match(r"(PASS|WARN|FAIL|MEASURED|SKIPPED|ERROR) +[a-z-]+ ", line)]
    assert sorted((status.lower(), name) for status, name in heads) == sorted(
        (section.status.value, section.name) for section in view.sections
    )
    assert "FAIL     near-duplicates         rate 11.5% (69 of 600), at most 5%" in lines
    assert "         from generator=small-model-v2: 67% (57.4–75.3%), against 11.5% overall" in lines


def test_three_examples_of_what_failed_then_the_rest_is_counted(view: View) -> None:
    written = text(view, width=100)
    near = written[written.index("near-duplicates ") : written.index("record-integrity ")]
    assert len(re.findall(r"^ +row \d+", near, re.MULTILINE)) == 3
    assert "and 83 more in findings.parquet" in near
    assert "fix  Keep one row of each cluster" in near


def test_quiet_is_one_line(view: View) -> None:
    assert text(view, width=220, quiet=True) == (
        "FAIL  Do not train on this: 3 failed, 1 warned, 3 kept their bounds, 1 measured but not judged, 1 skipped "
        "of 9 checks on 600 rows in 3.21 s\n"
    )


def test_paths_are_never_broken(view: View) -> None:
    written = text(view, width=30)
    assert all(any(line.endswith(str(path)) for line in written.splitlines()) for path in view.places.values())


def test_colour_only_when_asked_and_never_instead_of_words(view: View) -> None:
    plain, coloured = text(view, width=90), text(view, width=90, color=True)
    assert "\x1b" not in plain
    assert ANSI.search(coloured)
    assert ANSI.sub("", coloured) == plain


def test_hostile_rows_cannot_drive_the_terminal(hostile: View) -> None:
    written = text(hostile, width=100)
    assert all(c == "\n" or c.isprintable() for c in written)
    assert "\\x1b[31m" in written
    assert "\\u202e" in written


def test_each_verdict_has_its_words(view: View) -> None:
    heads = {
        text(replace(view, record=replace(view.record, verdict=status)), width=200, quiet=True).split(":")[0]
        for status in Status
    }
    assert len(heads) == len(Status)


def test_progress_elsewhere_is_a_plain_line_a_stage() -> None:
    stream = io.StringIO()
    console = Console(stream)
    with console.stage("near-duplicates") as advance:
        advance(1, 2)
    assert re.fullmatch(r"near-duplicates +\d\.\d\d s\n", stream.getvalue())


def test_a_long_stage_says_once_a_minute_how_much_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten splits four were there already: they took no time."""
    now = [0.0]
    monkeypatch.setattr("auditor.reports.console.time.perf_counter", lambda: now[0])
    stream = io.StringIO()
    with Console(stream).stage("10 splits") as advance:
        for second, done in ((1, 4), (31, 5), (61, 6), (91, 7), (121, 8), (181, 10)):
            now[0] = second
            advance(done, 10)
    lines = [line.split(maxsplit=2)[2].split("  ") for line in stream.getvalue().splitlines()]
    told = [[word.strip() for word in line if word.strip()] for line in lines]
    assert told == [["60%", "2 min 0 s left"], ["80%", "60.0 s left"], ["100%"], ["3 min 1 s"]]


def test_a_stage_within_a_stage_is_told_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Tty()
    console = Console(stream, color=False)
    with console.stage("splits") as advance:
        with console.stage("embed text"):
            advance(1, 2)
        advance(2, 2)
    assert re.search(r"embed text +\d\.\d\d s *\n", stream.getvalue())
    assert re.search(r"splits +\d\.\d\d s\n\Z", stream.getvalue())


def test_progress_on_a_terminal_is_live_and_leaves_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Tty()
    console = Console(stream, color=True)
    with console.stage("scan") as advance:
        threads = [threading.Thread(target=advance, args=(i, 8)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        advance(8, 8)
    assert "\x1b[?25l" in stream.getvalue()  # the cursor is hidden while the bar lives,
    assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l")  # and shown again
    assert re.search(r"scan +\d\.\d\d s\n\Z", stream.getvalue())


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Tty()
    with Console(stream).stage("scan"):
        pass
    assert "\x1b" not in stream.getvalue()


def test_no_color_keeps_the_bar_and_drops_the_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Tty()
    with Console(stream, color=False).stage("scan") as advance:
        advance(1, 2)
    assert not re.search(r"\x1b\[(3|4|9)\d", stream.getvalue())


def test_quiet_says_nothing_and_a_failed_stage_leaves_no_line() -> None:
    stream = io.StringIO()
    with Console(stream, quiet=True).stage("scan") as advance:
        advance(1, 1)

    def fail() -> None:
        with Console(stream).stage("scan"):
            raise OSError("no")

    with pytest.raises(OSError, match="no"):
        fail()
    assert stream.getvalue() == ""
