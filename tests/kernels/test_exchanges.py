"""Echoes against plain Python, turns by example."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.kernels import exchanges
from tests.kernels.in_python import column


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.text("ab \n"), st.text("ab \n")), max_size=6), st.integers(0, 4))
def test_echoes_equal_plain_python(pairs: list[tuple[str, str]], least: int) -> None:
    wanted = [len(p.strip()) >= least and r.lstrip().startswith(p.strip()) for p, r in pairs]
    seen = exchanges.echoes(column([p for p, _ in pairs]), column([r for _, r in pairs]), least)
    assert seen.tolist() == wanted


SYSTEM, USER, ASSISTANT, TOOL = range(4)


@pytest.mark.parametrize(
    ("roles", "broken"),
    [
        ([SYSTEM, USER, ASSISTANT], False), ([USER, ASSISTANT, USER, ASSISTANT], False), ([USER], False), ([], False),
        ([USER, ASSISTANT, TOOL, ASSISTANT], False), ([SYSTEM, SYSTEM, USER, ASSISTANT], False),
        ([USER, USER, ASSISTANT], True), ([ASSISTANT, USER], True), ([USER, ASSISTANT, ASSISTANT], True),
        ([USER, SYSTEM, ASSISTANT], True), ([TOOL, USER], True), ([USER, 4, ASSISTANT], False),
    ],
)  # fmt: skip
def test_turns(roles: list[int], broken: bool) -> None:
    offsets = np.array([0, len(roles), len(roles)], np.int64)
    said = np.ones(len(roles), np.bool_)
    assert exchanges.broken_turns(offsets, np.array(roles, np.int8), said).tolist() == [broken, False]


def test_an_assistant_that_calls_a_tool_first_and_then_speaks() -> None:
    offsets = np.array([0, 3], np.int64)
    assert not exchanges.broken_turns(offsets, np.array([1, 2, 2], np.int8), np.array([True, False, True]))[0]
