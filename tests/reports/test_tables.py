"""Tables that fit a terminal, and numbers in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from auditor.model.result import Exhibit, Metric
from auditor.reports import exhibits, tables, wording
from auditor.reports.decisions import Decision

HEADER = ("feature", "data", "PSI", "rows")
ROWS = [("punctuation of the answers", "median 0.0198", "0.583", "9,229"), ("lines", "median 5", "0.341", "9,229")]


@pytest.mark.parametrize("room", range(8, 80))
def test_a_table_that_has_to_fit_cuts_texts_and_never_numbers(room: int) -> None:
    lines = tables.lines(HEADER, ROWS, right=(2, 3), room=room)
    whole = tables.lines(HEADER, ROWS, right=(2, 3))
    assert all(len(line) <= max(room, tables.LEAST) for line in lines)
    numbers = [word for line in lines[1:] for word in line.split() if word[0].isdigit()]
    assert set(numbers) <= {word for line in whole for word in line.split()}
    assert (lines == whole) == (room >= max(map(len, whole)))


def test_wide_characters_are_cut_by_the_columns_they_take() -> None:
    lines = tables.lines(("text", "n"), [("\u6f22" * 30, "7")], right=(1,), room=24)
    assert lines[1] == "\u6f22" * 10 + "\u2026  7"


def decided(value: float, n: int, unit: str = "share") -> Decision:
    return Decision(Metric("a.b", value, unit, n), None, None, "", "", "")


def test_rows_are_counted_where_a_share_is_of_rows() -> None:
    assert decided(1538 / 12400, 12400).rows_words == "1,538 of 12,400"
    assert decided(0.0, 12400).rows_words == "0 of 12,400"
    assert decided(0.97371, 5992).rows_words == ""  # an AUC
    assert decided(-0.5, 10).rows_words == ""  # a difference
    assert decided(1.0, 10, "ratio").rows_words == ""


def test_a_ratio_to_the_real_data_is_not_said_to_be_unmeasured_on_them() -> None:
    metric = Metric("few_patterns.ratio_to_real", 1.35, "ratio", 9)
    unmeasured = Metric(metric.name, None, "ratio", 0, why="needs 'real'")
    assert Decision(metric, None, None, "", "", "", (("real", unmeasured),)).reference_words == {}


def test_units_that_only_name_a_scale_are_left_unsaid() -> None:
    assert [wording.quantity(0.0571, unit) for unit in ("kernel", "ratio", "probability", "times")] == [
        "0.0571", "0.0571", "0.0571", "0.0571\u00d7"
    ]  # fmt: skip
    assert wording.quantity(1, "topics") == "1 topic"


def test_shares_are_per_cent_whichever_way_the_head_says_it() -> None:
    heads = ("label", "share", "real rows (share)", "share due", "z")
    _, cells, _ = exhibits.table(Exhibit("a.b", "A title", heads, (("x", 0.5, 0.409, 0.1, 0.2),)))
    assert cells == [("x", "50%", "40.9%", "10%", "0.2")]


@given(st.text("ab \u4e2d\u6587\uff0c\n", max_size=60), st.integers(8, 30), st.integers(8, 30))
def test_a_text_is_broken_by_the_columns_it_takes_and_keeps_every_letter(text: str, first: int, further: int) -> None:
    lines = [text[begin:end] for begin, end in tables.wrapped(text, first, further)]
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(cell_len(line.rstrip()) <= (further if nth else first) for nth, line in enumerate(lines))
    assert len(lines) > text.rstrip().count("\n")


def test_a_script_without_spaces_is_broken_once_and_between_any_two_letters() -> None:
    chinese = "\u4eba\u5de5\u667a\u80fd\u7684\u7814\u7a76\uff0c\u5f88\u5927"
    broken = [chinese[begin:end] for begin, end in tables.wrapped(chinese, 14, 6)]
    assert broken == [chinese[:6], chinese[6:9], chinese[9:]], "no line begins with a comma, and no space is put in"
    words = "one two three"
    assert [words[begin:end] for begin, end in tables.wrapped(words, 8, 8)] == ["one two", "three"]
    assert [words[begin:end] for begin, end in tables.wrapped("longestword", 5, 4)] == ["one t", "wo t", "hr"]


def test_a_count_of_nothing_has_no_unit_and_a_unit_is_said_once() -> None:
    def words(metric: Metric) -> str:
        decision = Decision(metric, None, "<= 0", "", "", "")
        return f"{decision.label} {decision.observed_words}, {decision.expected_words}"

    assert words(Metric("digest_mismatch.rows", 0, "digests", 1)) == "rows 0, at most 0"
    assert words(Metric("digest_mismatch.sources", 2, "digests", 1)) == "sources 2 digests, at most 0"
    assert words(Metric("a.rate", 0, "share", 9)) == "rate 0%, at most 0%"
    assert words(Metric("a.hedges_per_1000", 6.1, "per 1,000 words", 9)) == "hedges 6.1 per 1,000 words, at most 0"
    assert words(Metric("a.worst_slope", -0.27, "share a step", 9)) == "worst slope -27% a step, at most 0%"


def test_a_chance_of_nearly_nothing_is_notable() -> None:
    chance = Metric("tells_of_synthesis.p", 0.0, "probability", 9)
    assert Decision(chance, None, None, "", "", "").notable
    assert not Decision(Metric("a.rate", 0.0, "share", 9), None, None, "", "", "").notable


def test_metrics_are_told_as_people_write_them() -> None:
    assert wording.label("refusals_and_artifacts.ai_self_mention") == "AI self mention"
    assert wording.label("low_lexical_diversity.unique_ngram_product_to_real") == "unique n-gram product to real"
    assert wording.metric("few_patterns.vendi_2") == "few patterns: Vendi 2"
    assert wording.metric("templated_text.rate") == "templated text"
    assert wording.interval(-0.6, -0.107, "share a step") == "-60% to -10.7% a step"
    assert wording.interval(0.908, 0.966, "times") == "0.908\u20130.966\N{MULTIPLICATION SIGN}"


def test_a_column_of_units_goes_into_the_numbers_it_is_of() -> None:
    heads = ("measure", "unit", "this data", "ratio")
    made = Exhibit("a.b", "t", heads, (("distinct_2", "share", 0.5, 0.9), ("mtld", "words", 60.0, 1.0)), bar="ratio")
    assert exhibits.table(made) == (
        ("measure", "this data", "ratio"),
        [("distinct 2", "50%", "0.9"), ("MTLD", "60 words", "1")],
        (1, 2),
    )
