"""What turns a text into a vector: by name, by folder or by address; each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.core import places
from auditor.core.content.space import Embedder
from auditor.core.secrets import redact
from auditor.files import slug
from auditor.model.errors import ConfigError, suggest

if TYPE_CHECKING:
    from auditor.annotators.embedders.dense import Dense

__all__ = ["DEFAULT", "NAMES", "bought", "load"]

DEFAULT = "hashed"
NAMES = ("hashed", "wordllama")


def load(name: str, answers: Path, cache: Path | None = None) -> Embedder:
    """The embedder of that name, in that folder, or at that address; see docs/embedders.md for what each sees.

    answers: the folder where vectors that were paid for are kept. cache: where those of a slow model that runs here
    are, by text; None keeps none. Raises ConfigError where there is no such embedder, MissingPackage for a package
    that it needs.
    """
    if name == "hashed":
        from auditor.annotators.embedders.hashed import Hashed

        return Hashed()
    if name.startswith(("https://", "http://")):
        from auditor.annotators.embedders.address import Address
        from auditor.annotators.embedders.endpoint import Endpoint

        return Endpoint(Address.parse(name), answers / "embeddings")
    if name == "wordllama":
        from auditor.annotators.embedders.static import wordllama

        return wordllama()
    folder = Path(name)
    if folder.is_dir():
        return _of_folder(folder, name, cache)
    if places.is_path(name) or folder.exists():
        what = "that is a file" if folder.exists() else "there is no such folder"
        raise ConfigError(f"no embedder: {what}", seen=redact(name), wanted="a folder of weights")
    wanted = f"one of {', '.join(NAMES)}, a folder of weights, or https://HOST/v1#MODEL"
    raise ConfigError(f"unknown embedder {redact(name)!r}", wanted=wanted, hint=suggest(name, NAMES))


def bought(embedder: Embedder) -> Mapping[str, Any] | None:
    """What an endpoint was asked for since it was loaded (texts, tokens, cost where its price is known), kept up to
    date; None for an embedder that runs here."""
    return getattr(embedder, "bought", None)


def _of_folder(folder: Path, name: str, cache: Path | None) -> Embedder:
    from auditor.annotators.embedders import sentences, static

    model = next((path for path in (folder / "model.onnx", folder / "onnx" / "model.onnx") if path.is_file()), None)
    if model is not None:
        tokenizer = folder / "tokenizer.json"
        if not tokenizer.is_file():
            raise ConfigError("the ONNX model has no tokenizer", file=str(folder), wanted="tokenizer.json beside it")
        return _by_text(sentences.onnx(model, tokenizer, name), cache)
    if (folder / "modules.json").is_file() and not _is_static(folder):
        return _by_text(sentences.transformers(folder, name), cache)
    return static.model2vec(folder, name)


def _by_text(made: Dense, cache: Path | None) -> Embedder:
    """A slow model, each of whose vectors is kept: a text is encoded once, in whatever dataset and place it stands.
    (Static tables make thousands a second, and are kept by shard alone, as every vector is.)"""
    if cache is None:
        return made
    from auditor.annotators.embedders.dense import Dense
    from auditor.annotators.embedders.kept import Kept, remembered

    kept = Kept(cache / "vectors" / f"{slug(Path(made.name).name)}-{made.revision}.db", paid=False)
    return Dense(made.name, made.revision, made.dimension, remembered(made.encode, kept), made.blind)


def _is_static(folder: Path) -> bool:
    """model2vec writes modules.json as well, for sentence-transformers to load it."""
    return "StaticEmbedding" in (folder / "modules.json").read_text("utf-8", "replace")
