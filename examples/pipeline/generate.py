"""The make-believe generators of this pipeline: seeded rules instead of models, so that it runs anywhere.

    python generate.py instructions | dialogues | preferences

Each plays a model whose revision stands in `models.lock.yaml`; another revision writes other rows.
In a pipeline of yours this file calls your models. What matters to Auditor is around it: `dvc.yaml`
names for each dataset the prompt, the sources and the key of the model that it depends on.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

Row = dict[str, Any]

PHRASES = yaml.safe_load(Path("phrases.yaml").read_text(encoding="utf-8"))


def slots(rng: random.Random) -> dict[str, str]:
    topic = rng.choice(sorted(PHRASES["topics"]))
    place, other = rng.sample(PHRASES["places"], 2)
    rider = rng.choice(PHRASES["riders"])
    return {
        "topic": topic,
        "topic_": topic[0].upper() + topic[1:],
        "step": PHRASES["topics"][topic][0],
        "reason": PHRASES["topics"][topic][1],
        "place": place,
        "other": other,
        "rider": rider,
        "rider_": rider.split()[1],
        "hour": str(rng.randint(6, 22)),
        "minutes": str(rng.randint(3, 58)),
        "bike": str(rng.randint(1000, 9999)),
        "error": f"{rng.choice('ABCDEFGH')}{rng.randint(100, 999)}",
        "euros": str(rng.randint(2, 40)),
    }


def say(rng: random.Random, given: dict[str, str], *kinds: str) -> str:
    return " ".join(rng.choice(PHRASES[kind]).format(**given) for kind in kinds)


def instructions(model: str) -> Iterator[Row]:
    """400 questions and answers, each started from a seed: the new question keeps a piece of the old one."""
    rng = random.Random(f"writer {model}")
    seeds = read("seeds/questions.jsonl")
    for number in range(400):
        given, seed = slots(rng), rng.choice(seeds)["prompt"]
        yield {
            "id": f"q{number}",
            "prompt": f"{say(rng, given, 'openings', 'wishes')} {seed}",
            "response": say(rng, given, "steps", "reasons", "contacts"),
            "seed": seed,
            "generator": f"writer@{model}",
        }


def dialogues(model: str) -> Iterator[Row]:
    """Each instruction gone on with, as turns."""
    rng = random.Random(f"talker {model}")
    for row in read("data/instructions.jsonl"):
        given = slots(rng)
        yield {
            "id": row["id"].replace("q", "d"),
            "messages": [
                {"role": "user", "content": row["prompt"]},
                {"role": "assistant", "content": row["response"]},
                {"role": "user", "content": say(rng, given, "doubts", "wishes")},
                {"role": "assistant", "content": say(rng, given, "steps", "reasons", "contacts")},
            ],
            "generator": f"talker@{model}",
        }


def preferences(model: str) -> Iterator[Row]:
    """A good answer and a vague one to questions near the seeds."""
    rng = random.Random(f"worsener {model}")
    seeds = read("seeds/questions.jsonl")
    for number in range(200):
        seed, given = rng.choice(seeds), slots(rng)
        good = say(rng, given, "steps", "reasons", *["contacts"] * rng.randint(1, 2))
        vague = say(rng, given, *["vague"] * rng.randint(1, 3))
        yield {
            "id": f"p{number}",
            "prompt": f"{seed['prompt']} {say(rng, given, 'openings', 'wishes')}",
            "chosen": good,
            "rejected": vague,
            "generator": f"worsener@{model}",
        }


MAKERS: dict[str, tuple[str, Callable[[str], Iterator[Row]]]] = {
    "instructions": ("writer", instructions),
    "dialogues": ("talker", dialogues),
    "preferences": ("worsener", preferences),
}


def read(path: str) -> list[Row]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def main() -> None:
    name = sys.argv[1]
    key, maker = MAKERS[name]
    revision = str(yaml.safe_load(Path("models.lock.yaml").read_text(encoding="utf-8"))[key])
    Path("data").mkdir(exist_ok=True)
    with Path(f"data/{name}.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in maker(revision))


if __name__ == "__main__":
    main()
