"""What turns a text into a vector: by name, by folder or by address; each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditor.core.content.space import Embedder
from auditor.core.secrets import redact
from auditor.model.errors import ConfigError, suggest

__all__ = ["DEFAULT", "NAMES", "bought", "load"]

DEFAULT = "hashed"
NAMES = ("hashed", "wordllama")


def load(name: str, answers: Path) -> Embedder:
    """The embedder of that name, in that folder, or at that address; see docs/embedders.md for what each sees.

    answers: the folder where vectors that were paid for are kept. Raises ConfigError where there is no such
    embedder, MissingPackage for a package that it needs.
    """
    if name == "hashed":
        from auditor.annotators.embedders.hashed import Hashed

        return Hashed()
    if name.startswith(("https://", "http://")):
        from auditor.annotators.embedders.endpoint import Address, Endpoint

        return Endpoint(Address.parse(name), answers / "embeddings.db")
    if name == "wordllama":
        from auditor.annotators.embedders.static import wordllama

        return wordllama()
    folder = Path(name)
    if folder.is_dir():
        return _of_folder(folder, name)
    wanted = f"one of {', '.join(NAMES)}, a folder of weights, or https://HOST/v1#MODEL"
    raise ConfigError(f"unknown embedder {redact(name)!r}", wanted=wanted, hint=suggest(name, NAMES))


def bought(embedder: Embedder) -> Mapping[str, Any] | None:
    """What an endpoint was asked for since it was loaded (texts, tokens, cost where its price is known), kept up to
    date; None for an embedder that runs here."""
    return getattr(embedder, "bought", None)


def _of_folder(folder: Path, name: str) -> Embedder:
    from auditor.annotators.embedders import sentences, static

    model = next((path for path in (folder / "model.onnx", folder / "onnx" / "model.onnx") if path.is_file()), None)
    if model is not None:
        tokenizer = folder / "tokenizer.json"
        if not tokenizer.is_file():
            raise ConfigError("the ONNX model has no tokenizer", file=str(folder), wanted="tokenizer.json beside it")
        return sentences.onnx(model, tokenizer, name)
    if (folder / "modules.json").is_file() and not _is_static(folder):
        return sentences.transformers(folder, name)
    return static.model2vec(folder, name)


def _is_static(folder: Path) -> bool:
    """model2vec writes modules.json as well, for sentence-transformers to load it."""
    return "StaticEmbedding" in (folder / "modules.json").read_text("utf-8", "replace")
