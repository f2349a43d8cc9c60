"""Ctrl-C ends a command, whatever it is doing."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LOST = """
import os, signal, time
from auditor import cli

class Gone:
    def __del__(self):  # an exception in here goes nowhere
        os.kill(os.getpid(), signal.SIGINT)
        sum(range(1000))

def command(standalone_mode):
    Gone()
    time.sleep(60)

cli.group.main = command
cli.main()
"""

BUSY = """
import os, signal, threading, time
from auditor import cli

def command(standalone_mode):
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with __import__("concurrent.futures").futures.ThreadPoolExecutor(1) as threads:
        threads.submit(time.sleep, 60)  # unwinding waits for it

cli.group.main = command
cli.main()
"""


@pytest.mark.parametrize("script", [LOST, BUSY], ids=["lost in a destructor", "held up by a thread"])
def test_an_interruption_that_does_not_unwind_ends_the_process(script: str) -> None:
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50)
    assert time.monotonic() - begun < 30
    assert done.returncode == 130
    assert "interrupted; nothing half-written" in done.stderr


def test_an_interruption_that_a_library_turns_into_its_own_failure() -> None:
    script = LOST.replace(
        "    Gone()\n    time.sleep(60)",
        "    Gone()\n    raise SystemError('returned NULL without setting an exception')",
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50)
    assert done.returncode == 130
    assert "interrupted" in done.stderr
    assert "internal error" not in done.stderr


def test_at_any_moment(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text('{"prompt": "What is it?", "response": "It is a word or two."}\n' * 50)
    code = "from auditor.cli import main; main()"
    command = [sys.executable, "-c", code, "audit", "data.jsonl", "-q", "--only", "repetition"]
    moments = random.Random(7)
    for _ in range(6):
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            time.sleep(moments.uniform(0.15, 1.0))
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
            assert process.returncode in (130, -signal.SIGINT, 0, 1)  # or it had finished its work
