"""What servers say of when to come back."""

from __future__ import annotations

import email.utils
import time
from functools import partial

import httpx2

from auditor.core import waiting


def test_when_to_come_back() -> None:
    after = partial(waiting.after, most=120.0)
    assert after(httpx2.Headers({"Retry-After": "2.5"})) == 2.5
    assert after(httpx2.Headers({"Retry-After": "999999"})) == 120.0
    soon = after(httpx2.Headers({"Retry-After": email.utils.formatdate(time.time() + 10, usegmt=True)}))
    assert soon is not None
    assert 8 < soon <= 10
    for nonsense in (b"", b"soon", b"-3", "²".encode("latin1")):
        assert after(httpx2.Headers({b"Retry-After": nonsense})) is None
    assert after(httpx2.Headers()) is None
