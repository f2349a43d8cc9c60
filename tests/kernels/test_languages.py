"""The language kernel against py3langid itself, text by text."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from auditor.annotators.language import load
from auditor.kernels.languages import classify
from auditor.model.rows import strings

SAID = [
    "She walked slowly along the river.", "Der Ausschuss trifft sich am Donnerstag.", "你好，世界", "Привет, мир", "",
    "12345", "Le comité se réunira jeudi.", "こんにちは世界", "مرحبا بالعالم", "Dobar dan, kako ste danas?", "x",
]  # fmt: skip


@pytest.fixture(scope="module")
def oracle() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def compare(texts: list[str], oracle: LanguageIdentifier) -> None:
    model = load()
    best, confidence = classify(strings(pa.array(texts, pa.large_string())), model)
    for i, text in enumerate(texts):
        wanted = dict(oracle.rank(text.encode()))
        top = max(wanted.values())
        assert confidence[i] == pytest.approx(top, rel=2e-3), text
        assert wanted[model.labels[best[i]]] == pytest.approx(top, rel=1e-4), text  # the same, or an equal


def test_known_sentences(oracle: LanguageIdentifier) -> None:
    compare(SAID, oracle)


@settings(max_examples=50, deadline=None)
@given(text=st.text(min_size=1, max_size=60).filter(lambda t: not t.isupper()))
def test_any_text(text: str, oracle: LanguageIdentifier) -> None:
    import unicodedata

    compare([unicodedata.normalize("NFC", text)], oracle)


@pytest.mark.data
def test_real_answers(shared_data: Callable[[str], Path], oracle: LanguageIdentifier) -> None:
    records = json.loads(shared_data("alpaca/random_9k.json").read_text())
    compare([r["output"] for r in records[:300] if not r["output"].isupper() and r["output"].isascii()], oracle)
