"""YAML by hand: what is refused, and that the fast way reads what PyYAML reads."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from auditor.core import documents
from auditor.core.documents import Entry
from auditor.model.errors import ConfigError

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), inner),
    max_leaves=20,
)


def bare(entry: Entry) -> object:
    if isinstance(entry.value, dict):
        return {key: bare(value) for key, value in entry.value.items()}
    if isinstance(entry.value, list):
        return [bare(item) for item in entry.value]
    return entry.value


@given(st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), VALUES, min_size=1), st.booleans())
def test_what_pyyaml_writes_is_read_as_pyyaml_reads_it(value: dict[str, object], flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    # A dump of the same list twice would be an alias; our values are trees.
    if "&id" in text:
        return
    assert bare(documents.parse(text, "f")) == yaml.safe_load(text)


def test_lines_are_those_of_the_file() -> None:
    top = documents.parse("# one\na: 1\nb:\n  - x\n  -\n    c: 2\n", "f").mapping("top")
    assert top["a"].line == 2
    assert [item.line for item in top["b"].items("b")] == [4, 6]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", None, "empty"),
        ("# nothing\n", None, "empty"),
        ("a: 1\n\tb: 2\n", 2, "not plain YAML"),
        ("a: &x [1]\nb: *x\n", 1, "anchors"),
        ("a: 1\nb: *x\n", 2, "anchors"),
        ("&k a: 1\n", 1, "anchors"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "tags"),
        ("a: !mine b\n", 1, "tags"),
        ("a: 1\nb: 2\na: 3\n", 3, "given twice"),
        ("? [1, 2]\n: 3\n", 1, "key must be a word"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("a: 2027-02-30\n", 1, "not a value"),
        ("a: b: c\n", 1, "not plain YAML"),
        ("[" * 10_000, None, "nested too deeply"),
        ("a: 1\n<<<<<<< ours\nb: 1\n=======\nb: 2\n>>>>>>> theirs\n", 2, "middle of a merge"),
        ("a: [1, 2\n", None, "not plain YAML"),
        ("a: \x07\n", None, "not YAML"),
    ],
)
def test_what_is_not_plain_data_is_told_with_its_line(text: str, line: int | None, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        documents.parse(text, "card.yaml")
    assert raised.value.file == "card.yaml"
    if line is not None:
        assert raised.value.line == line


def test_a_bomb_of_anchors_costs_nothing() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40)]
    with pytest.raises(ConfigError, match="anchors"):
        documents.parse("\n".join(lines), "bomb.yaml")


def test_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        documents.read(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("a: é".encode("latin-1"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        documents.read(tmp_path / "latin.yaml")
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert bare(documents.read(tmp_path / "bom.yaml")) == {"a": 1}


def test_patterns_are_for_python_and_arrow_alike() -> None:
    entry = documents.parse("- a+b\n- '(?<=a)b'\n- '('\n", "patterns.yaml")
    good, *bad = entry.items("patterns")
    assert good.pattern("a pattern") == "a+b"
    for line, one in enumerate(bad, 2):  # RE2 looks at nothing before; nobody closes the bracket
        with pytest.raises(ConfigError, match="not a regular expression") as caught:
            one.pattern("a pattern")
        assert f"patterns.yaml:{line}" in str(caught.value)
