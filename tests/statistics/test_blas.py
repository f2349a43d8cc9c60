"""One thread a product, whoever enters and leaves first."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import scipy.linalg  # noqa: F401  a second BLAS
import threadpoolctl

from auditor.statistics.blas import single


def limits() -> set[int]:
    return {one["num_threads"] for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        yield


def test_the_limit_is_given_back() -> None:
    assert limits() == {2}
    with single(), single():
        assert limits() == {1}
    assert limits() == {2}
    with pytest.raises(ZeroDivisionError), single():
        _ = 1 / 0
    assert limits() == {2}


def test_who_leaves_first_takes_nothing_from_who_stays() -> None:
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with single():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    with single():
        leave.set()
        thread.join()
        assert limits() == {1}
    assert limits() == {2}


def test_many_threads_at_once_never_see_another_limit() -> None:
    def often(_: int) -> set[int]:
        seen = set()
        for _ in range(20):
            with single():
                seen |= limits()
        return seen

    with ThreadPoolExecutor(8) as pool:
        assert set().union(*pool.map(often, range(8))) == {1}
    assert limits() == {2}


def test_a_library_loaded_within_is_told_by_the_next_to_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    # As one that has just come, by a module, with threads of its own.
    with single(), threadpoolctl.threadpool_limits(2, user_api="blas"):
        monkeypatch.setitem(sys.modules, "a_library", sys)
        with single():
            assert limits() == {1}
    assert limits() == {2}
