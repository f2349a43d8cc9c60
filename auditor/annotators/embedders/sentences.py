"""Sentence encoders on disk: ONNX files run by onnxruntime, or a folder of sentence-transformers.

A folder with `model.onnx` (also under `onnx/`) and `tokenizer.json` is run by onnxruntime with mean pooling over
the tokens, as the models of sentence-transformers were trained (Reimers and Gurevych 2019, "Sentence-BERT");
a folder with `modules.json` and no ONNX file by sentence-transformers, on a GPU where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.annotators.embedders import dense
from auditor.annotators.embedders.dense import Dense
from auditor.model.errors import ConfigError, MissingPackage

TOKENS = 256
"""Of a text, where its folder does not say (the limit of the MiniLM family)."""

BATCH = 64


BLIND = "whatever stands behind the first few hundred tokens of a text; numbers and negation are told apart badly"


def onnx(model: Path, tokenizer: Path, name: str) -> Dense:
    """Raises MissingPackage without onnxruntime and tokenizers, ConfigError where the files are not what they
    should be."""
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingPackage(f"{error.name} is not installed", hint="pip install 'auditor[embed]'") from error
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=_providers(onnxruntime))
        cut = Tokenizer.from_file(str(tokenizer))
    except Exception as error:  # both raise types of their own, and bare ones
        raise ConfigError(f"not a sentence encoder: {error}", file=str(model)) from error
    cut.enable_truncation((cut.truncation or {}).get("max_length", TOKENS))
    cut.enable_padding()
    wanted = {one.name for one in session.get_inputs()}

    def encode(texts: Sequence[str], together: int = BATCH) -> npt.NDArray[np.floating]:
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # alike lengths: little padding
        batches = (order[at : at + together] for at in range(0, len(order), together))
        made = np.concatenate([_pooled(session, wanted, cut, [texts[i] for i in batch]) for batch in batches])
        back = np.empty_like(made)
        back[order] = made
        return back

    alone = encode(["dimension"])
    beside = encode(["dimension", "a longer text, of more words than the other has"])[:1]
    # Weights of 8 bits are scaled by a whole batch: a text's vector would depend on the texts it came with.
    own = encode if np.allclose(alone, beside, atol=1e-5) else partial(encode, together=1)
    return Dense(name, dense.fingerprint([model, tokenizer]), alone.shape[1], own, BLIND)


def transformers(folder: Path, name: str) -> Dense:
    """Raises MissingPackage without sentence-transformers, ConfigError where the folder is none of theirs."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingPackage(
            "sentence-transformers is not installed", hint="pip install sentence-transformers, or export to ONNX"
        ) from error
    try:
        model = SentenceTransformer(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"not a folder of sentence-transformers: {error}", file=str(folder)) from error

    def encode(texts: Sequence[str]) -> npt.NDArray[np.floating]:
        made: npt.NDArray[np.floating] = model.encode(list(texts), batch_size=BATCH, show_progress_bar=False)
        return made

    files = (file for file in folder.rglob("*") if file.is_file())
    return Dense(name, dense.fingerprint(files), encode(["dimension"]).shape[1], encode, BLIND)


def _pooled(session: Any, wanted: set[str], cut: Any, texts: list[str]) -> npt.NDArray[np.floating]:
    tokens = cut.encode_batch(texts)
    mask = np.array([one.attention_mask for one in tokens], np.int64)
    given = {
        "input_ids": np.array([one.ids for one in tokens], np.int64),
        "attention_mask": mask,
        "token_type_ids": np.array([one.type_ids for one in tokens], np.int64),
    }
    hidden = session.run(None, {key: value for key, value in given.items() if key in wanted})[0]
    if hidden.ndim == 2:  # already pooled
        return np.asarray(hidden, np.float32)
    weight = mask[..., None].astype(np.float32)
    return np.asarray((hidden * weight).sum(1) / np.maximum(weight.sum(1), 1e-9), np.float32)


def _providers(onnxruntime: Any) -> list[str]:
    """The GPU where this build has one, then the processor."""
    have = onnxruntime.get_available_providers()
    return [one for one in ("CUDAExecutionProvider", "CoreMLExecutionProvider", "CPUExecutionProvider") if one in have]
