"""Every shape of the table in `readers.shapes`, with the canonical fields written out by hand."""

import json
from typing import Any

import pytest

from auditor import fakes
from auditor.model.errors import ConfigError
from auditor.readers.recognisers import BadRecord
from auditor.readers.shapes import Shapes

USER, BOT = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}

CASES = [
    # record, shape, prompt, response, rejected, text
    ({"messages": [USER, BOT]}, "messages", "Q", "A", None, "Q\n\nA"),
    ({"messages": json.dumps([USER, BOT])}, "messages", "Q", "A", None, "Q\n\nA"),
    ({"messages": [{"role": "system", "content": "S"}, USER, BOT]}, "messages", "S\n\nQ", "A", None, "S\n\nQ\n\nA"),
    ({"messages": [USER, BOT, USER]}, "messages", "Q", "A", None, "Q\n\nA\n\nQ"),
    ({"messages": [USER]}, "messages", "Q", None, None, "Q"),
    ({"messages": []}, "messages", None, None, None, ""),
    (
        {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}], "system": "S"},
        "sharegpt", "S\n\nQ", "A", None, "S\n\nQ\n\nA",
    ),
    ({"instruction": "I", "input": "X", "output": "O"}, "alpaca", "I\n\nX", "O", None, "I\n\nX\n\nO"),
    ({"instruction": "I", "input": "", "output": "O", "text": "T"}, "alpaca", "I", "O", None, "I\n\nO"),
    ({"instruction": "I", "context": "C", "response": "R"}, "alpaca", "I\n\nC", "R", None, "I\n\nC\n\nR"),
    (
        {"instruction": "I", "output": "O", "history": [["q", "a"]]},
        "alpaca", "q\n\na\n\nI", "O", None, "q\n\na\n\nI\n\nO",
    ),
    ({"prompt": "P", "completion": "C"}, "prompt-completion", "P", "C", None, "P\n\nC"),
    ({"prompt": "P", "completion": "C", "response": "R"}, "prompt-completion", "P", "C", None, "P\n\nC"),
    ({"prompt": "P", "completion": None}, "prompt-completion", "P", None, None, "P"),
    ({"prompt": [USER], "completion": [BOT]}, "prompt-completion", "Q", "A", None, "Q\n\nA"),
    ({"prompt": "P", "completion": "C", "label": True}, "kto", "P", "C", None, "P\n\nC"),
    ({"prompt": "P", "response": "R"}, "prompt-response", "P", "R", None, "P\n\nR"),
    ({"prompt": "P"}, "prompt-response", "P", None, None, "P"),
    ({"query": "Q", "response": "R"}, "query-response", "Q", "R", None, "Q\n\nR"),
    ({"question": "Q", "answer": "A"}, "question-answer", "Q", "A", None, "Q\n\nA"),
    ({"system_prompt": "S", "question": "Q", "response": "R"}, "question-answer", "S\n\nQ", "R", None, "S\n\nQ\n\nR"),
    ({"prompt": "P", "chosen": "W", "rejected": "L"}, "preference", "P", "W", "L", "P\n\nW\n\nL"),
    ({"chosen": [USER, BOT], "rejected": [USER, {"role": "assistant", "content": "B"}]},
     "preference", "Q", "A", "B", "Q\n\nA\n\nB"),
    ({"prompt": [USER], "chosen": [BOT], "rejected": [{"role": "assistant", "content": "B"}]},
     "preference", "Q", "A", "B", "Q\n\nA\n\nB"),
    ({"text": "T", "label": 1}, "text", None, None, None, "T"),
    ({"turns": ["Q1", "Q2"], "category": "x"}, "turns", "Q1\n\nQ2", None, None, "Q1\n\nQ2"),
    ({"turns": [USER, BOT]}, "messages", "Q", "A", None, "Q\n\nA"),
    ({"prompt": ["Q1", "Q2"]}, "turns", "Q1\n\nQ2", None, None, "Q1\n\nQ2"),
    ({"prompt": ["Q1"], "completion": "C"}, "record", None, None, None, 'prompt: ["Q1"]\ncompletion: C'),
    ({"instruction": "I", "instances": [{"input": "", "output": "O"}]}, "instances", "I", "O", None, "I\n\nO"),
    ({"instruction": "I", "instances": [{"input": "X", "output": "O"}, {"input": "Y", "output": "U"}]},
     "instances", "I\n\nX", "O", None, "I\n\nX\n\nO\n\nY\n\nU"),
    ({"instruction": "I", "completions": [{"response": "A", "score": 5.0}, {"response": "B", "score": 7}]},
     "completions", "I", "B", None, "I\n\nA\n\nB"),
    ({"prompt": "P", "responses": ["A", "B"]}, "completions", "P", "A", None, "P\n\nA\n\nB"),
    ({"prompt": "P", "response": "R", "completions": ["A"]}, "prompt-response", "P", "R", None, "P\n\nR"),
    ({"amount": 5, "note": "N", "nothing": None}, "record", None, None, None, "amount: 5\nnote: N"),
    ({"text": 5, "note": "N"}, "record", None, None, None, "text: 5\nnote: N"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[1]}: {','.join(case[0])}")
def test_recognition(case) -> None:
    record, shape, prompt, response, rejected, text = case
    row = Shapes().canonical(record)
    assert row[:6] == (shape, None, prompt, response, rejected, text)


def test_what_a_shape_does_not_use_is_kept() -> None:
    record = {"id": "u1", "prompt": "P", "completion": "C", "response": "R", "idx": 3, "score": 0.5, "label": False}
    row = Shapes().canonical(record)
    assert row.id == "u1"
    assert row.meta == {"response": "R", "idx": 3, "score": 0.5, "label": False}


def test_instances_and_completions_are_used_up_only_where_the_row_has_all_of_them() -> None:
    one = {"instruction": "I", "name": "n", "instances": [{"input": "X", "output": "O"}]}
    assert Shapes().canonical(one).meta == {"name": "n"}
    several = {"instruction": "I", "instances": one["instances"] * 2}
    assert Shapes().canonical(several).meta == {"instances": several["instances"]}
    assert Shapes().canonical({"prompt": "P", "outputs": ["A"]}).meta == {"outputs": ["A"]}


def test_a_loser_that_took_another_path_is_kept_whole() -> None:
    other = [{"role": "user", "content": "other"}, BOT]
    row = Shapes().canonical({"chosen": [USER, BOT], "rejected": other})
    assert row.meta == {"rejected": other}


@pytest.mark.parametrize(
    ("record", "given"),
    [({"_id": 7}, 7), ({"uuid": "x", "row_id": "y"}, "x"), ({"id": True}, None), ({"idx": 1}, None)],
)
def test_ids(record, given) -> None:
    assert Shapes().canonical({**record, "text": "t"}).id == given


def test_tool_calls_reasoning_names_and_parts_are_kept_and_are_text() -> None:
    call = [{"type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}]
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": "x"}]},
        {"role": "assistant", "content": None, "tool_calls": call, "reasoning_content": "hmm"},
        {"role": "tool", "name": "add", "content": "2"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "easy"}, {"type": "text", "text": "Two"}]},
    ]
    rows = fakes.rows([{"messages": messages}])
    row = rows.batch.to_pylist()[0]
    assert row["text"] == 'look\n\nhmm\n\nadd({"a":1})\n\nadd: 2\n\neasy\n\nTwo'
    assert row["prompt"] == "look"
    assert row["response"] == "Two"
    kept = [json.loads(turn["extra"]) for turn in row["messages"]]
    assert kept == [
        {"content": messages[0]["content"]},
        {"tool_calls": call, "reasoning_content": "hmm"},
        {"name": "add"},
        {"content": messages[3]["content"]},
    ]


def test_a_list_that_is_no_conversation_is_a_damaged_row() -> None:
    with pytest.raises(BadRecord, match="messages: not a list of turns"):
        Shapes().canonical({"messages": [{"role": "user", "content": "a"}, 5]})


def test_mapping_comes_before_recognition() -> None:
    shapes = Shapes({"prompt": "q", "response": "prompt", "source": "seed", "id": "key"})
    row = shapes.canonical({"q": "Q", "prompt": "A", "seed": "S", "key": 9, "rest": 1})
    assert row[:6] == ("mapped", 9, "Q", "A", None, "Q\n\nA")
    assert (row.source, row.meta) == ("S", {"rest": 1})
    recognised = Shapes({"source": "seed"}).canonical({"prompt": "P", "response": "R", "seed": {"a": 1}})
    assert (recognised.shape, recognised.source, recognised.meta) == ("prompt-response", '{"a":1}', {})


def test_an_unknown_canonical_name_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="did you mean 'prompt'"):
        Shapes({"promt": "q"})


@pytest.mark.parametrize(
    ("record", "shape", "prompt", "response"),
    [
        ({"input": "2 + 2", "output": "4"}, "input-output", "2 + 2", "4"),
        ({"problem": "2 + 2", "solution": "4"}, "problem-solution", "2 + 2", "4"),
        ({"question": "2 + 2", "solution": "4"}, "question-answer", "2 + 2", "4"),
        ({"prompt": "2 + 2", "output": "4"}, "prompt-response", "2 + 2", "4"),
        ({"input": 3, "output": 4.5}, "record", None, None),
        ({"instruction": "Choose.", "category": "open"}, "alpaca", "Choose.", None),
        ({"instruction": "Choose.", "output_1": "a long answer " * 4, "output_2": "b"}, "record", None, None),
        ({"prompt": "def f():", "canonical_solution": "return 1"}, "prompt-response", "def f():", "return 1"),
    ],
)
def test_answers_under_other_names_are_not_left_unread(
    record: dict[str, Any], shape: str, prompt: str | None, response: str | None
) -> None:
    said = Shapes().canonical(record)
    assert (said.shape, said.prompt, said.response) == (shape, prompt, response)
    if shape == "record":
        assert all(str(key) in said.text for key in record)


def test_a_pair_of_transcripts_is_a_conversation() -> None:
    opening = "\n\nHuman: Name a prime.\n\nAssistant: 7\n\nHuman: Another."
    said = Shapes().canonical(
        {"chosen": f"{opening}\n\nAssistant: 11 is one.", "rejected": f"{opening}\n\nAssistant: 12 is one."}
    )
    assert said.shape == "preference"
    assert said.response == "11 is one."
    assert said.rejected == "12 is one."
    assert said.prompt is not None
    assert "Another." in said.prompt
    assert "Human:" not in said.text
