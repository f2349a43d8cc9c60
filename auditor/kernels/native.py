"""Machine code of kernels, kept on disk and run without importing Numba (0.25 s of every start).

`export` takes what Numba compiled for one tuple of argument types, puts a plain entry before it
(`int entry(int64 *slots)`) and memory from malloc behind it, and keeps the object file. `load` links it
with LLVM alone. A file is good for one machine and one state of the sources: all that it depends on is in
its name, its bytes are sealed by a digest, and it is renamed into place. Whatever does not fit is
compiled again.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from llvmlite import binding as llvm  # type: ignore[import-untyped]

from auditor.kernels.compiled import RESULT

ENTRY = "auditor_entry"

_STALE = 14 * 86_400
"""Seconds: another checkout or environment may share the folder."""

# The runtime that Numba links arrays to: a counted header of 64 bytes, the data behind it, on a cache line.
# (numba/core/runtime/nrt.cpp; lists and sets need more of it, and kernels use neither.)
_RUNTIME = """
declare ptr @malloc(i64)
declare void @free(ptr)
define ptr @NRT_Allocate(i64 %size) {
  %memory = call ptr @malloc(i64 %size)
  ret ptr %memory
}
define void @NRT_Free(ptr %memory) {
  call void @free(ptr %memory)
  ret void
}
define ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 %align) {
  %room = add i64 %size, 128
  %memory = call ptr @malloc(i64 %room)
  %none = icmp eq ptr %memory, null
  br i1 %none, label %failed, label %made
failed:
  ret ptr null
made:
  %address = ptrtoint ptr %memory to i64
  %past = add i64 %address, 127
  %at = and i64 %past, -64
  %data = inttoptr i64 %at to ptr
  store i64 1, ptr %memory
  %dtor = getelementptr i64, ptr %memory, i64 1
  store ptr null, ptr %dtor
  %info = getelementptr i64, ptr %memory, i64 2
  store ptr null, ptr %info
  %place = getelementptr i64, ptr %memory, i64 3
  store ptr %data, ptr %place
  %bytes = getelementptr i64, ptr %memory, i64 4
  store i64 %size, ptr %bytes
  ret ptr %memory
}
define void @NRT_MemInfo_call_dtor(ptr %memory) {
  call void @free(ptr %memory)
  ret void
}
"""


def export(compiled: Any, results: int) -> tuple[bytes, tuple[str, ...]]:
    """The object file of a Numba compile result, and the symbols that it needs of the process.

    results: slots that the result takes. Raises RuntimeError where LLVM refuses.
    """
    native = compiled.fndesc.llvm_func_name
    text = compiled.library.get_llvm_str()
    kinds = [str(a.type) for a in llvm.parse_assembly(text).get_function(native).arguments][2:]
    lines = [f"define i32 @{ENTRY}(ptr %slots) {{", f"  %result = getelementptr i64, ptr %slots, i64 {RESULT}"]
    for i, kind in enumerate(kinds):
        lines.append(f"  %at{i} = getelementptr i64, ptr %slots, i64 {RESULT + results + i}")
        lines.append(f"  %in{i} = load {kind}, ptr %at{i}")
    given = "".join(f", {kind} %in{i}" for i, kind in enumerate(kinds))
    lines += [f"  %status = call i32 @{native}(ptr %result, ptr %slots{given})", "  ret i32 %status", "}"]
    module = llvm.parse_assembly("\n".join([text, *lines]))
    head = f'target datalayout = "{module.data_layout}"\ntarget triple = "{module.triple}"\n'
    module.link_in(llvm.parse_assembly(head + _RUNTIME))
    for known in (*module.functions, *module.global_variables):
        if not known.is_declaration and known.name != ENTRY:
            known.linkage = "internal"
    machine = _machine()
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    needs = (f.name for f in (*module.functions, *module.global_variables) if f.is_declaration)
    return machine.emit_object(module), tuple(name for name in needs if not name.startswith("llvm."))


def load(code: bytes, needs: tuple[str, ...]) -> int:
    """Link an object file into this process: the address of its entry, or 0 where something is missing, or comes
    with Numba alone (of a runtime for lists, sets and strings)."""
    _process()
    if not all(llvm.address_of_symbol(name) and not name.startswith(("NRT_", "numba_")) for name in needs):
        return 0
    module = llvm.parse_assembly("")
    linker = llvm.create_mcjit_compiler(module, _machine())
    linker.add_object_file(llvm.ObjectFileRef.from_data(code))
    linker.finalize_object()
    _linked.append(linker)
    return int(linker.get_function_address(ENTRY))


_linked: list[Any] = []
"""Code stays where it is as long as the process lives."""


@cache
def _process() -> None:
    """LLVM finds the symbols of this process (malloc, log1p): it looks in no library that it was not told of."""
    with contextlib.suppress(RuntimeError):
        llvm.load_library_permanently("")


@cache
def _machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(cpu, features, opt=3, reloc="default", codemodel="jitdefault", jit=True)


@cache
def sources(file: str) -> str:
    """Digest of all that the kernels of a file are made from: it, the kernels that it imports and those that
    they do, what compiles them, and the releases of Python and Numba."""
    here = Path(__file__).parent
    todo, met = [Path(file), here / "instructions.py", here / "compiled.py", Path(__file__)], set[Path]()
    seen = hashlib.blake2b(_compilers(), digest_size=8)
    while todo:
        path = todo.pop()
        if path in met:
            continue
        met.add(path)
        text = _text(path)
        seen.update(text)
        todo += [here / f"{name.decode()}.py" for name in _IMPORTS.findall(text)]
    return seen.hexdigest()


_IMPORTS = re.compile(rb"^from auditor\.kernels\.(\w+) import", re.MULTILINE)


@cache
def _text(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _compilers() -> bytes:
    found = [importlib.util.find_spec(package) for package in ("numba", "llvmlite")]
    places = [Path(spec.origin).parent / "_version.py" for spec in found if spec and spec.origin]
    return b"".join([sys.version.encode(), *(place.read_bytes() for place in places)])


@cache
def machine() -> str:
    """Digest of the processor, and of what the environment tells Numba."""
    told = sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith("NUMBA_") and k != "NUMBA_CACHE_DIR")
    seen = "\n".join([llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), *told])
    return hashlib.blake2b(seen.encode(), digest_size=8).hexdigest()


@cache
def folder() -> Path | None:
    """Where code is kept: beside the sources, or in the user's cache where those are read-only."""
    kept = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    told = os.environ.get("NUMBA_CACHE_DIR")
    for place in (Path(told),) if told else (Path(__file__).parent / "__pycache__", Path(kept) / "auditor" / "kernels"):
        with contextlib.suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            if os.access(place, os.W_OK):
                return place
    return None


def read(name: str) -> tuple[Any, bytes] | None:
    """(description, object file) as written under this name; None where there is none, or it is damaged."""
    place = folder()
    try:
        content = (place / name).read_bytes() if place else b""
    except OSError:
        return None
    seal, rest = content[:32], content[32:]
    if hashlib.blake2b(rest, digest_size=32).digest() != seal:
        return None
    head, _, code = rest.partition(b"\n")
    return json.loads(head), code


def write(name: str, description: Any, code: bytes) -> None:
    """Keep code under a name, FUNCTION-SOURCES-TYPES.native; what other sources left weeks ago goes. A full
    disk is no error."""
    place = folder()
    if place is None:
        return
    rest = json.dumps(description).encode() + b"\n" + code
    function, made, _ = name.rsplit("-", 2)
    with contextlib.suppress(OSError):
        with tempfile.NamedTemporaryFile(dir=place, prefix=f"{name}.", delete=False) as file:
            file.write(hashlib.blake2b(rest, digest_size=32).digest() + rest)
        Path(file.name).replace(place / name)
        for other in place.glob(f"{function}-*"):
            if f"-{made}-" not in other.name and time.time() - other.stat().st_mtime > _STALE:
                other.unlink()
