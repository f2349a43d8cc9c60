"""Kernels load from the cache without preparing a compiler, and give what they gave before."""

import subprocess
import sys

from numba.core.caching import FunctionCache

from auditor.kernels.compiled import Ready, kernel
from auditor.kernels.components import roots

LOAD = """
import sys
import numpy as np
from auditor.kernels.components import roots
parent = np.array([0, 0, 1, 3])
roots(parent)
print(parent.tolist(), sum(roots.stats.cache_hits.values()), "numba.np.arraymath" in sys.modules)
"""

MIXED = """
import numpy as np
from auditor.kernels.compiled import kernel
from auditor.kernels.components import roots
roots(np.arange(3))
from numba import njit
print(njit(lambda values: np.sort(values).sum())(np.arange(4)))
"""


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_a_kernel_that_is_cached_loads_without_the_compiler() -> None:
    fresh(LOAD)  # compiles, where nobody has yet
    assert fresh(LOAD) == "[0, 0, 0, 3] 1 False"


def test_a_loaded_kernel_leaves_numba_able_to_compile_for_others() -> None:
    assert fresh(MIXED) == "6"


def test_the_quick_cache_is_in_its_place_in_this_version_of_numba() -> None:
    assert type(roots._cache) is Ready
    assert issubclass(Ready, FunctionCache)


def test_a_kernel_is_what_python_says() -> None:
    def double(number):  # type: ignore[no-untyped-def]
        return number * 2

    assert kernel(double)(21) == double(21)
