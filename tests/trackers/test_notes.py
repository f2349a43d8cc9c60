"""Descriptions of runs: what is added stays, what is hostile is text, and nothing grows past the limit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auditor.trackers.notes import AUDITS, CHILDREN, LONGEST, MEASURED, Note, cell, made_from

OWN = "\n".join(["**made@1**: synthetic", "", "| made from | what | how |", "| :--- | :--- | :--- |",
                 made_from("seed", "seeds@1", "175 rows"), made_from("judge", "seeds@1", "")])  # fmt: skip


def test_a_link_is_made_in_the_line_of_its_role_only() -> None:
    note = Note(OWN)
    note.link("seed", "seeds@1", "#/there")
    note.link("seed", "nobody@1", "#/nowhere")
    assert "| seed | [seeds@1](#/there) | 175 rows |" in str(note)
    assert "| judge | seeds@1 |  |" in str(note)
    assert str(note).splitlines()[:2] == ["Made from [seeds@1](#/there)", "**made@1**: synthetic"]


def test_what_is_written_is_read_back_and_added_to() -> None:
    note = Note(OWN)
    note.link("seed", "seeds@1", "#/there")
    note.add(CHILDREN, "grown@1", "#/a", ("parent", "paraphrase", "12,000"))
    note.add(CHILDREN, "grown@2", "#/b", ("parent", "paraphrase", "12,001"))
    note.add(MEASURED, "exam_1@1", "#/e", ("human", "40"))
    note.add(AUDITS, "2026-01-02 03:04 abcdef01", "#/c", ("FAIL", "default"))
    text = str(note)
    assert text.splitlines()[0] == "Made from [seeds@1](#/there) · Made into [grown@2](#/b), [grown@1](#/a)"
    again = Note.parse(text)
    assert str(again) == text
    again.add(CHILDREN, "grown@1", "#/new", ("seed", "", ""))
    again.add(MEASURED, "exam_1@1", "#/e", ("human", "40"))
    assert list(again.tables[CHILDREN]) == ["grown@1", "grown@2"]
    assert "| [grown@1](#/new) | seed |  |  |" in str(again)
    assert str(again).count("exam") == 1


def test_what_a_person_wrote_is_kept() -> None:
    note = Note(OWN)
    note.add(CHILDREN, "grown@1", "#/a", ("parent", "", ""))
    edited = str(note).replace("synthetic", "synthetic\n\nAsk Ann before you use it.")
    assert "Ask Ann" in str(Note.parse(edited))


@given(st.integers(0, 150), st.integers(0, 150), st.integers(0, 200))
def test_never_longer_than_a_tag(children: int, audits: int, sources: int) -> None:
    note = Note("\n".join([OWN, *(made_from("seed", "s" * 80 + str(i), "x" * 90) for i in range(sources))]))
    for index in range(children):
        note.add(CHILDREN, f"child{index}@1", "#/" + "u" * 60, ("parent", "t" * 20, "1"))
    for index in range(audits):
        note.add(AUDITS, f"audit {index}", "#/" + "u" * 60, ("PASS", "p"))
    text = str(note)
    assert len(text) <= LONGEST
    assert any(line.startswith("**made@1**") for line in text.splitlines()[:2])
    # The newest are there.
    if children:
        assert f"child{children - 1}@1" in text
    if audits:
        assert f"[audit {audits - 1}]" in text


@given(st.text(max_size=60), st.text(max_size=60))
def test_names_of_anyone_are_text(name: str, other: str) -> None:
    """However it is called, it is one cell of one line, and the tables are read back as they were."""
    note = Note(OWN)
    note.add(CHILDREN, name, "#/a", (other, "", ""))
    again = Note.parse(str(note))
    assert again.tables == note.tables
    (line,) = note.tables[CHILDREN].values()
    assert "\n" not in line
    for sign in "<>":
        assert sign not in line
    assert cell("](http://evil)") == "\\]\\(http://evil\\)"
