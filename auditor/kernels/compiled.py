"""How every kernel is compiled: by Numba once a machine, without the GIL, and from then on run without it.

`@kernel` marks a function; Numba is imported only when there is something to compile. The first call with
arguments of new types looks for machine code on disk (`native`), else compiles and keeps it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import struct
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

_INTEGERS = range(-(1 << 63), 1 << 63)
EXCEPTION, RESULT = 0, 1
"""Slots of an entry that `native` makes: first the exception that Numba describes, then the result, then the
arguments."""

_DONE = (0, -2)  # numba.core.callconv: RETCODE_OK and RETCODE_NONE
_SINGLE = ("none", "bool")
_compiling = threading.Lock()
_free: Any = None
if os.name == "posix":
    _free = ctypes.CDLL(None).free  # of the malloc that `native` finds in the process
    _free.argtypes = (ctypes.c_void_p,)


class Kernel:
    """A function that is compiled for the types of its arguments, callable from Python and from kernels.

    Arguments: arrays of numbers, integers of 64 bits, floats, booleans. Results: None, one of these, or a
    tuple of arrays and numbers of 64 bits. Anything else works as well, by Numba itself and slower to load.
    """

    def __init__(self, function: Callable[..., Any], *, inline: bool = False) -> None:
        self.py_func = function  # the names that Numba looks for
        self.targetoptions: dict[str, Any] = {"inline": "always"} if inline else {}
        self.__doc__, self.__name__ = function.__doc__, function.__name__
        self._ready: dict[tuple[str, ...], Callable[..., Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        kinds = tuple(map(_kind, arguments))
        ready = self._ready.get(kinds)
        if ready is None:
            with _compiling:
                ready = self._ready.get(kinds) or self._prepare(kinds, arguments)
                self._ready[kinds] = ready
        return ready(*arguments)

    @cached_property
    def dispatcher(self) -> Any:
        """Numba's own object for this function."""
        from numba import njit

        return njit(nogil=True, **self.targetoptions)(self.py_func)

    @property
    def _numba_type_(self) -> Any:  # asked where a kernel calls this one
        return self.dispatcher._numba_type_

    def _prepare(self, kinds: tuple[str, ...], arguments: tuple[Any, ...]) -> Callable[..., Any]:
        from auditor.kernels import native  # LLVM takes 0.04 s to load, when there is something to call

        if "" in kinds or _free is None:
            return self._by_numba()
        name = self._file(kinds)
        kept = native.read(name) if name else None
        if kept is not None:
            found, code = kept
            address = native.load(code, found["needs"]) if code else 0
            return _entry(self.__name__, address, found["parts"], found["many"]) if address else self._by_numba()
        from numba import typeof

        types = tuple(map(typeof, arguments))
        self.dispatcher.compile(types)
        compiled = self.dispatcher.overloads[types]
        returned = compiled.signature.return_type
        parts, many = _parts(returned), hasattr(returned, "types")
        code, address = b"", 0
        needs: tuple[str, ...] = ()
        if parts is not None:
            with contextlib.suppress(RuntimeError):  # an LLVM of another language than `native` writes
                code, needs = native.export(compiled, _slots(parts))
                address = native.load(code, needs)
        if name:  # without code it says that this one is Numba's, who keeps it too
            native.write(name, {"parts": parts, "many": many, "needs": needs}, code if address else b"")
        return _entry(self.__name__, address, parts or [], many) if address else self._by_numba()

    def _by_numba(self) -> Callable[..., Any]:
        from numba import njit

        plain: Callable[..., Any] = njit(nogil=True, cache=True)(self.py_func)
        return plain

    def _file(self, kinds: tuple[str, ...]) -> str:
        """The name that code for these types is kept under; empty for a function that no file tells apart."""
        from auditor.kernels import native

        function, code = self.py_func, self.py_func.__code__
        if function.__closure__ or "<" in function.__qualname__ or not Path(code.co_filename).is_file():
            return ""
        seen = "\n".join([native.machine(), str(code.co_firstlineno), *kinds])
        types = blake2b(seen.encode(), digest_size=8).hexdigest()
        return f"{function.__module__}.{function.__qualname__}-{native.sources(code.co_filename)}-{types}.native"


def kernel(function: Any) -> Any:
    """Compile a function with Numba, cached on disk, without the GIL: threads over shards, never `prange`."""
    return Kernel(function)


def inlined(function: Any) -> Any:
    """A kernel that Numba writes out where it is called."""
    return Kernel(function, inline=True)


def _kind(value: Any) -> str:
    """What tells compiled versions apart; empty for what only Numba understands."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biuf" or not value.dtype.isnative or not value.flags.aligned:
            return ""
        layout = "C" if value.flags.c_contiguous else "F" if value.flags.f_contiguous else "A"
        return f"{value.dtype.char}{value.ndim}{layout}{'' if value.flags.writeable else 'r'}"
    if isinstance(value, bool | np.bool_):
        return "?"
    if isinstance(value, int):
        return "l" if value in _INTEGERS else ""
    if isinstance(value, float | np.int64 | np.uint64):
        return "d" if isinstance(value, float) else value.dtype.char
    return ""


def _parts(returned: Any) -> list[str] | None:
    """A Numba type as a list of "none", "bool", a dtype, or a dtype and how many dimensions; None for any other."""
    from numba import types

    if isinstance(returned, types.Tuple | types.UniTuple):
        parts = [_parts(part) for part in returned.types]
        # Only numbers of 64 bits lie in a tuple as they lie in slots.
        return [part[0] for part in parts if part] if all(p and p[0] not in _SINGLE for p in parts) else None
    if isinstance(returned, types.Array):
        return [f"{np.dtype(str(returned.dtype)).str}*{returned.ndim}"]
    known = {types.int64: "<i8", types.uint64: "<u8", types.float64: "<f8", types.none: "none", types.boolean: "bool"}
    return [known[returned]] if returned in known else None


def _slots(parts: Sequence[str]) -> int:
    """Slots of 64 bits that a result takes."""
    return sum(5 + 2 * int(part.partition("*")[2]) if "*" in part else 1 for part in parts)


def _entry(name: str, address: int, parts: Sequence[str], many: bool) -> Callable[..., Any]:
    """Machine code as a Python function: arguments laid into slots, results taken out of them."""
    call = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(address)  # ctypes lets go of the GIL
    room = RESULT + _slots(parts)

    def run(*arguments: Any) -> Any:
        given = [0] * room
        for value in arguments:
            if isinstance(value, np.ndarray):
                data = value.__array_interface__["data"][0]
                given += (0, 0, value.size, value.itemsize, data, *value.shape, *value.strides)
            elif isinstance(value, float):
                given += struct.unpack("q", struct.pack("d", value))
            else:
                given.append(int(value))
        slots = (ctypes.c_int64 * len(given))(*given)
        if call(slots) not in _DONE:
            raise _raised(name, slots[EXCEPTION])
        at, results = RESULT, []
        for part in parts:
            results.append(_result(part, slots, at, arguments))
            at += _slots((part,))
        return tuple(results) if many else results[0]

    return run


def _result(part: str, slots: Any, at: int, arguments: tuple[Any, ...]) -> Any:
    kind, _, dimensions = part.partition("*")
    if dimensions:
        middle, end = at + 5 + int(dimensions), at + 5 + 2 * int(dimensions)
        return np.asarray(_Memory(slots[at], slots[at + 4], kind, slots[at + 5 : middle], slots[middle:end], arguments))
    if kind in _SINGLE:
        return bool(slots[at] & 1) if kind == "bool" else None
    return slots[at] if kind == "<i8" else np.frombuffer(slots, kind)[at].item()


class _Memory:
    """An array that a kernel made, or was given: what NumPy keeps as its base."""

    def __init__(
        self, header: int, data: int, kind: str, shape: list[int], strides: list[int], arguments: tuple[Any, ...]
    ) -> None:
        self.__array_interface__ = {
            "version": 3,
            "typestr": kind,
            "shape": tuple(shape),
            "strides": tuple(strides),
            "data": (data, False),
        }
        self._header = header
        self._arguments = () if header else arguments

    def __del__(self, long: Any = ctypes.c_int64, free: Any = _free) -> None:
        if self._header:
            count = long.from_address(self._header)  # two arrays may share what a kernel made
            count.value -= 1
            if count.value == 0:
                free(self._header)


def _raised(name: str, told: int) -> BaseException:
    """The exception that Numba describes: a pickle that it compiled into the code."""
    try:
        data, size = ctypes.c_void_p.from_address(told), ctypes.c_int32.from_address(told + 8)
        kind, arguments, _ = pickle.loads(ctypes.string_at(data.value or 0, size.value))  # noqa: S301  our own code's
        raised: BaseException = kind(*arguments)
    except (TypeError, ValueError, pickle.UnpicklingError):
        return RuntimeError(f"the kernel {name} failed")
    return raised
