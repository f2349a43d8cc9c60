"""`auditor judge compare`: against plain Python, scikit-learn and the counts that LLMBar published."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sklearn.metrics import cohen_kappa_score

from auditor import comparing_judges, fakes, judging
from auditor.cli import group
from auditor.core.intervals import wilson
from auditor.model.errors import ConfigError, InputError
from auditor.model.lab import COLUMNS, NOBODY, OTHERS, PEOPLE, Comparison, Judged
from auditor.reports import lineup

HOSTILE = "<img src=x onerror=alert(1)>|\x1b[31m"


def drawn(seed: int, *, items: int = 40, labels: bool = True, judges: int = 3) -> list[dict[str, Any]]:
    """Verdicts of judges of unlike skill, each in both orders; the last one judged only the first half."""
    chance = random.Random(seed)
    found = []
    for number in range(items):
        texts = ["word " * chance.randint(1, 30) for _ in range(2)]
        truth = chance.choice("ab")
        common = {"item": f"q{number}", "a": "x", "b": "y", "output_a": texts[0], "output_b": texts[1]}
        if labels:
            found.append({**common, "verdict": truth, "judge": "a person", "human": True})
        for judge in range(judges):
            if judge == judges - 1 and number >= items // 2:
                continue
            for first in "ab":
                said = truth if chance.random() < 0.9 - 0.2 * judge else chance.choice(["a", "b", "tie", "invalid"])
                spent = {"tokens_in": 100 + number, "tokens_out": 5, "cost": 0.001 * (judge + 1)}
                found.append({**common, "first": first, "verdict": said, "judge": f"j{judge}", "prompt": "p", **spent})
    return found


def of(compared: Comparison, judge: str) -> Judged:
    return next(one for one in compared.judged if one.judge == judge)


def value(one: Judged, column: str) -> float:
    found = one.metrics[column].value
    assert found is not None
    return float(found)


def test_numbers_against_plain_python() -> None:
    given = drawn(1)
    compared = comparing_judges.compare(fakes.verdicts(given))
    assert (compared.items, compared.pairs, compared.every_pair, compared.against) == (20, 20, 40, PEOPLE)
    shared = {f"q{number}" for number in range(20)}
    truth = {one["item"]: one["verdict"] for one in given if one.get("human")}
    for judge in ("j0", "j1", "j2"):
        mine = [one for one in given if one["judge"] == judge and one["item"] in shared]
        one = of(compared, judge)
        assert one.verdicts == len(mine) == 40
        right = sum(verdict["verdict"] == truth[verdict["item"]] for verdict in mine)
        assert value(one, "accuracy") == right / 40
        assert (one.metrics["accuracy"].low, one.metrics["accuracy"].high) == pytest.approx(wilson(right, 40))
        kappa = cohen_kappa_score([v["verdict"] for v in mine], [truth[v["item"]] for v in mine])
        assert value(one, "kappa") == pytest.approx(kappa)
        pairs: dict[str, list[str]] = {}
        for verdict in mine:
            pairs.setdefault(verdict["item"], []).append(verdict["verdict"])
        assert value(one, "consistency") == sum(left == right for left, right in pairs.values()) / 20
        decided = [v for v in mine if v["verdict"] in "ab"]
        assert value(one, "first_rate") == sum(v["verdict"] == v["first"] for v in decided) / len(decided)
        assert value(one, "parsed") == sum(v["verdict"] != "invalid" for v in mine) / 40
        apart = [v for v in decided if v["output_a"] != v["output_b"]]
        longer = sum((len(v["output_a"]) > len(v["output_b"])) == (v["verdict"] == "a") for v in apart)
        assert value(one, "longer_wins") == pytest.approx(longer / len(apart))
        accepted = sum(left == right != "invalid" for left, right in pairs.values())
        assert value(one, "accepted") == accepted / 20
        assert value(one, "cost") == pytest.approx(sum(v["cost"] for v in mine) / accepted)
        assert value(one, "tokens") == pytest.approx(sum(v["tokens_in"] + 5 for v in mine) / accepted)
    assert [one.judge for one in compared.judged] == sorted(
        ("j0", "j1", "j2"), key=lambda judge: -value(of(compared, judge), "accuracy")
    )


def test_without_people_each_is_held_against_the_majority_of_the_others() -> None:
    given = drawn(2, labels=False, judges=4)
    compared = comparing_judges.compare(fakes.verdicts(given))
    assert compared.against == OTHERS
    opinion: dict[tuple[str, str], str] = {}
    for judge in ("j0", "j1", "j2", "j3"):
        for item in {one["item"] for one in given}:
            said = [one["verdict"] for one in given if (one["judge"], one["item"]) == (judge, item)]
            opinion[judge, item] = majority(said)
    for judge in ("j0", "j3"):
        hits = n = 0
        for one in given:
            if one["judge"] == judge and int(one["item"][1:]) < 20:
                others = majority([opinion[other, one["item"]] for other in ("j0", "j1", "j2", "j3") if other != judge])
                n += others != "invalid"
                hits += others != "invalid" and one["verdict"] == others
        assert of(compared, judge).metrics["accuracy"].n == n
        assert value(of(compared, judge), "accuracy") == pytest.approx(hits / n)


def majority(said: list[str]) -> str:
    counts = Counter(one for one in said if one != "invalid").most_common()
    if not counts:
        return "invalid"
    return counts[0][0] if len(counts) == 1 or counts[0][1] > counts[1][1] else "tie"


def test_the_order_of_the_file_does_not_matter() -> None:
    given = drawn(3)
    one = lineup.render(comparing_judges.compare(fakes.verdicts(given)), "json")
    random.Random(4).shuffle(given)
    assert lineup.render(comparing_judges.compare(fakes.verdicts(given)), "json") == one


def test_rules_and_those_to_compare() -> None:
    verdicts = fakes.verdicts(drawn(5))
    strict, tie = (comparing_judges.compare(verdicts, rule=rule) for rule in ("strict", "tie"))
    for left, right in zip(strict.judged, tie.judged, strict=True):
        assert value(right, "accepted") >= value(left, "accepted")
        assert value(left, "consistency") == value(right, "consistency")
    alone = comparing_judges.compare(verdicts, judges=["j0"])
    assert (alone.pairs, len(alone.judged)) == (40, 1)
    with pytest.raises(ConfigError, match="no judge 'j9'"):
        comparing_judges.compare(verdicts, judges=["j9"])
    with pytest.raises(ConfigError, match="unknown rule"):
        comparing_judges.compare(verdicts, rule="none")
    with pytest.raises(InputError, match="no verdict of a machine judge"):
        comparing_judges.compare(fakes.verdicts([one for one in drawn(5) if one.get("human")]))


def test_judges_of_unlike_items_are_not_compared() -> None:
    given = [
        {"item": f"{judge}{n}", "judge": judge, "first": "a", "verdict": "a"} for judge in ("x", "y") for n in range(5)
    ]
    with pytest.raises(InputError, match="no pair was judged by all of them"):
        comparing_judges.compare(fakes.verdicts(given))


def test_one_judge_without_people_and_in_one_order() -> None:
    given = [{"item": f"q{n}", "judge": "x", "first": "a", "verdict": "a"} for n in range(5)]
    compared = comparing_judges.compare(fakes.verdicts(given))
    one = compared.judged[0]
    assert compared.against == NOBODY
    assert one.metrics["accuracy"].why == "no person judged these pairs, nor another judge"
    assert one.metrics["consistency"].value is None
    assert value(one, "accepted") == 0
    assert one.metrics["cost"].why
    for form in lineup.FORMATS:
        told = lineup.render(compared, form)
        assert told.endswith("\n")
        assert "nobody" in told


@pytest.fixture(scope="module")
def compared() -> Comparison:
    given = drawn(6)
    for one in given:
        one["judge"] = {"j0": HOSTILE, "j1": "$x^2$ {{ 7 * 7 }}"}.get(one["judge"], one["judge"])
    return comparing_judges.compare(fakes.verdicts(given))


def test_a_page_with_four_pictures_and_no_markup_of_strangers(compared: Comparison) -> None:
    page = lineup.render(compared, "html")
    assert page.count("<svg") == 4
    assert "<img" not in page
    assert "\x1b" not in page
    assert "49" not in page.partition("<h1")[2].partition("</h1>")[0]
    assert not re.search(r'(?:src|href)="(?!#|data:)', page), "it asks the network for nothing"
    assert "#060606" not in page
    assert "Content-Security-Policy" in page
    assert page.count("<title>") == 5, "every picture tells what it shows"


def test_a_table_fits_the_terminal_and_loses_no_column(compared: Comparison) -> None:
    narrow, wide = (lineup.render(compared, "text", width=width) for width in (60, None))
    heads = [head for column, head in lineup.HEADS.items() if column != "tokens"]
    assert max(map(len, narrow.partition("\n\n")[2].split("\naccurate: ")[0].splitlines())) <= 60
    for text in (narrow, wide):
        assert all(head in text for head in heads)
        assert "\x1b" not in text
    assert "<img" not in lineup.render(compared, "markdown")


def test_json_has_every_number_with_its_interval(compared: Comparison) -> None:
    told = json.loads(lineup.render(compared, "json"))
    assert (told["pairs"], told["rule"], len(told["judges"])) == (20, "strict", 3)
    for one in told["judges"]:
        assert set(one["metrics"]) == set(COLUMNS)
        assert all(m["low"] <= m["value"] <= m["high"] for m in one["metrics"].values() if m["low"] is not None)
    kappa = told["agreement"]["kappa"]
    assert len(kappa) == len(told["agreement"]["raters"]) == 4
    assert all(kappa[i][j] == kappa[j][i] for i in range(4) for j in range(4))


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "v.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in drawn(7)))
    words = ["judge", "compare", str(file), "-q", "--output", "html=out.html", "--output", "markdown=out.md"]
    done = CliRunner().invoke(group, words)
    assert done.exit_code == 0, done.output
    assert "3 judges on the 20 pairs of 20 items that all of them judged (20 more pairs" in done.output
    assert Path("out.md").read_text().startswith("3 judges on the")
    assert "<!doctype html>" in Path("out.html").read_text()
    refused = CliRunner().invoke(group, ["judge", "compare", str(file), "--output", f"json={file}"])
    assert refused.exit_code == 2
    assert "would write over" in refused.output


@pytest.mark.data
def test_llmbar_as_published(shared_data: Callable[[str], Path]) -> None:
    """Accuracy is the mean of correct_False and correct_True, consistency is `equal`, of all 65 judges and prompts."""
    folder = shared_data("llmbar/Natural")
    compared = comparing_judges.compare(judging.open([folder]))
    assert (len(compared.judged), compared.items, compared.pairs) == (65, 100, 100)
    for one in compared.judged:
        told = json.loads((folder / "evaluators" / one.judge / one.prompt / "statistics.json").read_text())
        right = sum(int(told[key].split(" / ")[0]) for key in ("correct_False", "correct_True"))
        assert round(value(one, "accuracy") * one.verdicts) == right, one.name
        assert value(one, "consistency") == pytest.approx(int(told["equal"].split(" / ")[0]) / 100), one.name
    assert {name.split(" / ")[0] for name in compared.raters[:-1]} == {one.judge for one in compared.judged}
    assert lineup.render(compared, "text").startswith("6 judges with 15 prompts, 65 in all, on the 100 pairs")
    best = compared.judged[0]
    assert (best.name, value(best, "accuracy")) == ("GPT-4 / Metrics_Reference", 0.96)
