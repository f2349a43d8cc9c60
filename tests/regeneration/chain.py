"""A real workspace: seeds -> a -> b, and seeds -> c, made by small scripts under DVC.

Each stage writes a line to `runs.log` when it truly runs, so that what ran is known from the outside.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from auditor import registration
from auditor.auditing import Options
from auditor.model.card import Generator, Lineage, Model, Prompt, Refresh, Source
from auditor.regeneration import run
from auditor.regeneration.asked import Asked
from auditor.regeneration.plan import Done
from auditor.registry.workspace import Workspace

SCRIPT = """
import json, os, re, sys
name, source, key, prompt = sys.argv[1:]
model = dict(re.findall(r"^(\\w+): *\\"?([^\\"#\\n]*)", open("models.lock.yaml").read(), re.M))[key].strip()
ask = open(prompt).read().strip()
with open("runs.log", "a") as log:
    log.write(f"{name} {key}@{model}\\n")
if model == "broken":
    sys.exit("the model is not there")
rows = [json.loads(line) for line in open(source)]
with open(f"data/{name}.jsonl", "w") as out:
    if os.path.exists("down"):  # the provider answers with something else, once
        sys.exit(out.write("<html>503</html>\\n") and 0)
    for i, row in enumerate(rows):
        words = "As an AI language model, I cannot help with that." if model == "refuser" else (
            f"{name} by {key} {model}, asked to {ask}: the answer to number {i} is {i * i + len(row['response'])}, "
            f"for a reason that is written here in {chr(97 + i % 26) * 5} words.")
        out.write(json.dumps({"id": f"{name}-{i}", "prompt": row["prompt"] + f" ({name})", "response": words}) + "\\n")
"""

POLICY = """name: strict
metrics:
  refusals_and_artifacts.ai_self_mention: {fail: "> 0.5"}
"""

STAGES = {"a": ("data/seeds.jsonl", "writer"), "b": ("data/a.jsonl", "talker"), "c": ("data/seeds.jsonl", "talker")}


def lay(root: Path, *, rows: int = 30) -> Workspace:
    """The workspace with all four registered."""
    (root / "data").mkdir(parents=True)
    (root / "prompts").mkdir()
    (root / "expectations" / "policies").mkdir(parents=True)
    (root / "auditor.yaml").write_text("policy: strict\n")
    (root / "expectations" / "policies" / "strict.yaml").write_text(POLICY)
    (root / "make.py").write_text(SCRIPT)
    (root / "models.lock.yaml").write_text('# what is in use\nwriter: "1"\ntalker: "1"  # for b and c\n')
    stages = ["stages:"]
    for name, (source, key) in STAGES.items():
        (root / "prompts" / f"{name}.txt").write_text(f"write {name}\n")
        stages += [
            f"  {name}:",
            f"    cmd: {sys.executable} make.py {name} {source} {key} prompts/{name}.txt",
            f"    deps: [make.py, {source}, prompts/{name}.txt]",
            f"    params: [{{models.lock.yaml: [{key}]}}]",
            f"    outs: [data/{name}.jsonl]",
        ]
    (root / "dvc.yaml").write_text("\n".join(stages) + "\n")
    seeds(root, "first", rows)
    workspace = Workspace(root)
    dvc(root, "init", "--no-scm", "-q")
    registered = registration.register(
        registration.Request(
            "seeds", str(root / "data/seeds.jsonl"), Lineage(technique="human", people=("ada",)), "real"
        ),
        workspace,
    )
    assert registered.ref == "seeds@1"
    dvc(root, "repro", "-q")
    for name, (source, key) in STAGES.items():
        register(workspace, name, Path(source).stem, key)
    return workspace


def seeds(root: Path, word: str, rows: int = 30) -> None:
    lines = [
        f'{{"prompt": "{word} question {i}?", "response": "{word} answer {chr(120) * (i % 7)}"}}\n' for i in range(rows)
    ]
    (root / "data/seeds.jsonl").write_text("".join(lines))


def register(workspace: Workspace, name: str, source: str, key: str, **more: object) -> None:
    lineage = Lineage(
        technique="paraphrase",
        generators=(Generator(Model(key, "1")),),
        prompts=(Prompt(name, "", file=f"prompts/{name}.txt"),),
        seeds=(Source(None, "seeds@1"),) if source == "seeds" else (),
        parents=() if source == "seeds" else (Source(None, f"{source}@1"),),
    )
    path = str(workspace.root / f"data/{name}.jsonl")
    request = registration.Request(name, path, lineage, "synthetic", stage=name, refresh=Refresh(), **more)  # type: ignore[arg-type]
    registration.register(request, workspace)


def dvc(root: Path, *words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "dvc", *words], cwd=root, check=True, env={**os.environ, "DVC_NO_ANALYTICS": "1"}
    )


def ran(root: Path) -> list[str]:
    """What stages ran since this was last asked, in order."""
    log = root / "runs.log"
    lines = log.read_text().splitlines() if log.exists() else []
    log.write_text("")
    return lines


def lock(root: Path, key: str, revision: str) -> None:
    place = root / "models.lock.yaml"
    lines = [f'{key}: "{revision}"' if line.startswith(f"{key}:") else line for line in place.read_text().splitlines()]
    place.write_text("\n".join(lines) + "\n")


QUICK = Options(only=("refusals-and-artifacts",))
"""A gate of one check: what it measures is not what is tested here."""


def regenerate(workspace: Workspace, *names: str, **more: object) -> list[Done]:
    """All that is stale, or the named."""
    return run.regenerate(Asked(names=names, options=QUICK, **more), workspace)[1]  # type: ignore[arg-type]


def brief(done: list[Done]) -> list[tuple[str, str, int | None]]:
    return [(one.dataset, one.what, one.version) for one in done]


def said(root: Path, *words: str) -> str:
    """What a DVC command prints."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    return subprocess.check_output([sys.executable, "-m", "dvc", *words], cwd=root, env=environment, text=True)
