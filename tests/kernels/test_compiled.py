"""Kernels run from kept machine code without Numba, and are what Python says; what does not fit is compiled again."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.kernels import native
from auditor.kernels.compiled import Kernel, kernel
from auditor.kernels.components import roots

LOAD = """
import sys
import numpy as np
from auditor.kernels.banding import radix_sort
from auditor.kernels.components import roots
keyed = np.array([5, 6, 4], np.uint64) << np.uint64(32)
ordered = radix_sort(keyed) >> np.uint64(32)  # the first to be loaded asks the process for malloc
parent = np.array([0, 0, 1, 3])
roots(parent)
print(parent.tolist(), ordered.tolist(), "numba" in sys.modules)
"""

MIXED = """
import numpy as np
from auditor.kernels.components import roots
roots(np.arange(3))
from numba import njit
print(njit(lambda values: np.sort(values).sum())(np.arange(4)))
"""

MODULE = """
from auditor.kernels.compiled import kernel

@kernel
def change(values):
    for i in range(len(values)):
        values[i] += STEP
"""

STEP = """
import sys
import numpy as np
sys.path.insert(0, {folder!r})
from steps import change
values = np.zeros(2, np.int64)
change(values)
print(values.tolist(), "numba" in sys.modules)
"""


def fresh(code: str, cache: Path) -> str:
    told = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=told).stdout


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the machine code that LOAD needs."""
    folder = tmp_path_factory.mktemp("code")
    assert fresh(LOAD, folder) == "[0, 0, 0, 3] [4, 5, 6] True\n"
    return folder


def test_a_kernel_that_is_kept_runs_without_numba(kept: Path) -> None:
    assert fresh(LOAD, kept) == "[0, 0, 0, 3] [4, 5, 6] False\n"


def test_numba_compiles_for_others_beside_kept_code(kept: Path) -> None:
    assert fresh(MIXED, kept) == "6\n"


@pytest.mark.parametrize("keep", [0, 40, -1])
def test_damaged_code_is_made_again(kept: Path, tmp_path: Path, keep: int) -> None:
    for path in kept.glob("*.native"):
        content = bytearray(path.read_bytes()[:keep])
        if keep == -1:
            content[len(content) // 2] ^= 1
        (tmp_path / path.name).write_bytes(content)
    assert fresh(LOAD, tmp_path) == "[0, 0, 0, 3] [4, 5, 6] True\n"
    assert fresh(LOAD, tmp_path) == "[0, 0, 0, 3] [4, 5, 6] False\n"


def test_code_for_another_processor_is_left_alone(kept: Path, tmp_path: Path) -> None:
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    other = f"import os; os.environ['NUMBA_CPU_NAME'] = 'x86-64-v2'\n{LOAD}"
    assert fresh(other, tmp_path).endswith("True\n")
    assert fresh(LOAD, tmp_path).endswith("False\n")


def test_a_changed_source_is_compiled_and_the_stale_code_removed(tmp_path: Path) -> None:
    source, code = tmp_path / "steps.py", STEP.format(folder=str(tmp_path))
    for step in (1, 2):
        source.write_text(MODULE.replace("STEP", str(step)))
        assert fresh(code, tmp_path / "cache") == f"[{step}, {step}] True\n"
        assert fresh(code, tmp_path / "cache") == f"[{step}, {step}] False\n"
        (kept,) = (tmp_path / "cache").iterdir()
        os.utime(kept, (0, 0))  # long ago


def test_processes_at_once_compile_and_load_the_same_code(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda _: fresh(LOAD, tmp_path), range(4)))
    assert {words.rsplit(" ", 1)[0] for words in said} == {"[0, 0, 0, 3] [4, 5, 6]"}
    assert len(list(tmp_path.iterdir())) == 2


def test_without_a_folder_to_write_kernels_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert fresh(LOAD, tmp_path / "file") == "[0, 0, 0, 3] [4, 5, 6] True\n"


def double(number: Any) -> Any:
    return number * 2


def halves(values: Any, scale: Any, loud: Any) -> Any:
    made = np.empty(len(values), np.float64)
    total = 0.0
    for i in range(len(values)):
        made[i] = values[i] * scale if loud else values[i]
        total += made[i]
    return made[::2], made[1::2], total, np.uint64(len(values))


def given_back(values: Any) -> Any:
    return values[1:]


def grid(rows: Any, columns: Any) -> Any:
    made = np.zeros((rows, columns), np.int32)
    for row in range(rows):
        for column in range(columns):
            made[row, column] = row - column
    return made


def positive(number: Any) -> Any:
    return number > 0


@pytest.mark.parametrize("number", [21, -3, 1 << 40, 1.25, np.uint64(1 << 60), True])
def test_numbers_are_what_python_says(number: Any) -> None:
    assert kernel(double)(number) == double(number)


def test_results_of_several_arrays_and_numbers() -> None:
    values, made = np.arange(7, dtype=np.float32)[::-1], Kernel(halves)
    for scale, loud in ((2.5, True), (-1.0, False)):
        for got, wanted in zip(made(values, scale, loud), halves(values, scale, loud), strict=True):
            np.testing.assert_array_equal(got, wanted)
    even, odd, *_ = made(values, 1.0, True)
    assert even.dtype == np.float64
    del odd  # both lie in one piece of memory, which stays as long as either
    np.testing.assert_array_equal(even, values[::2])


def test_an_argument_that_is_given_back_stays_alive() -> None:
    tail = kernel(given_back)(np.arange(100_000))
    np.arange(100_000) * 7  # would lie where the argument lay
    np.testing.assert_array_equal(tail, np.arange(1, 100_000))


def test_two_dimensions_and_truth() -> None:
    np.testing.assert_array_equal(kernel(grid)(3, 5), grid(3, 5))
    assert kernel(grid)(0, 5).shape == (0, 5)
    assert [kernel(positive)(n) for n in (-1, 0, 1)] == [False, False, True]


def test_numba_takes_what_only_numba_understands() -> None:
    assert kernel(lambda pair: pair[0] + pair[1])((1, 2.5)) == 3.5


def in_order(values: Any) -> Any:
    values.sort()  # by way of a list, of which our runtime knows nothing
    return len(values)


def test_numba_runs_what_needs_its_runtime() -> None:
    values = np.array([3, 1, 2])
    assert kernel(in_order)(values) == 3
    assert values.tolist() == [1, 2, 3]


def test_an_exception_comes_out_as_python_raises_it() -> None:
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        kernel(lambda number: 1 // number)(0)
    with pytest.raises(MemoryError):
        kernel(lambda size: np.empty(size, np.float64))(1 << 58)


def test_memory_of_results_is_given_back() -> None:
    make = kernel(grid)
    make(1, 1)
    before = resident()
    for _ in range(200):
        make(1000, 1000)
    assert resident() - before < 64 << 20  # 200 arrays of 4 MB


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_kernels_run_in_threads_without_the_interpreter() -> None:
    parents = [np.maximum(np.arange(1000) - 1, 0) for _ in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(roots, parents))
    assert not any(parent.any() for parent in parents)


def test_names_tell_sources_and_machine() -> None:
    assert len(native.sources(__file__)) == len(native.machine()) == 16
