"""The `pipeline.yaml` that distilabel writes beside what it made: tasks, their models, prompts and sources.

Format: https://github.com/argilla-io/distilabel, `src/distilabel/utils/serialization.py` (1.x): each step and
each model is a mapping of its attributes with a `type_info` that names its class. No class is loaded here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from auditor.core.documents import Entry
from auditor.model.card import Generator, Lineage, Model, Prompt, Scalar, Source
from auditor.registry.imports.declared import Declared, digest, each, mapping, plain, texts
from auditor.registry.imports.hub import HUB

_NAMES = ("model_id", "model", "repo_id", "model_path", "endpoint_name")
"""Attributes that name a model, by the classes of distilabel's `models.llms`; the first one given is it."""

_MOVING = frozenset(("main", "master", "latest"))
"""Branches: not a revision that anything could be found again by."""

_PROMPTS = ("template", "system_prompt", "task_description", "application_description", "rubric", "prompt_template")
_DEFAULT = "{{ instruction }}"

_JUDGES = frozenset(
    {"UltraFeedback", "PrometheusEval", "QualityScorer", "ComplexityScorer", "PairRM", "ArgillaLabeller",
     "InstructionBacktranslation", "APIGenSemanticChecker"}
)  # fmt: skip
"""Tasks that score or choose rows and write none."""

_TECHNIQUES = {
    "SelfInstruct": "self-instruct",
    "EvolInstruct": "self-revision",
    "EvolQuality": "self-revision",
    "Magpie": "distillation",
    "MagpieGenerator": "distillation",
    "TextGeneration": "distillation",
    "ChatGeneration": "distillation",
    "Genstruct": "retrieval-grounded",
    "APIGenGenerator": "code-pipeline",
}


def pipeline(document: Entry) -> Declared:
    """What a pipeline declares. Raises ConfigError with file and line where it has no list of steps."""
    top = document.mapping("a pipeline", required=("pipeline",))
    body = top["pipeline"].mapping("pipeline", required=("steps",))
    generators: list[Generator] = []
    judges: list[Model] = []
    prompts: list[Prompt] = []
    seeds: list[Source] = []
    tasks: list[str] = []
    notes: list[str] = []
    for item in body["steps"].items("steps"):
        entry = item.mapping("a step", required=("step",))["step"]
        entry.mapping("step")
        step = plain(entry)
        task = str(mapping(step.get("type_info")).get("name") or "")
        name = str(step.get("name") or task or "step")
        models = list(_models(step, notes, name))
        if models and task not in _JUDGES:
            tasks.append(task)
            generators += [one for one in models if one not in generators]
        judges += [one.model for one in models if task in _JUDGES and one.model not in judges]
        if models:
            prompts += _prompts(step, name)
        seeds += _sources(step, task, document.file)
    found = {_TECHNIQUES[task] for task in tasks if task in _TECHNIQUES}
    technique = next(iter(found)) if len(found) == 1 else None
    if judges and not generators:
        technique = "preference-labels"
    if len(found) > 1:
        notes.append(f"technique: open, because the tasks are several: {', '.join(dict.fromkeys(tasks))}")
    elif technique is None and tasks:
        notes.append(f"technique: open; tasks {', '.join(dict.fromkeys(tasks))}")
    version = mapping(plain(top["distilabel"])).get("version") if "distilabel" in top else None
    facts: dict[str, Scalar] = {"program": f"distilabel {version}"} if version else {}
    about = plain(body["description"]) if "description" in body else None
    return Declared(
        "a distilabel pipeline",
        Lineage(technique, tuple(generators), tuple(prompts), tuple(seeds), judges=tuple(judges), facts=facts),
        "synthetic" if generators else None,
        description=about if isinstance(about, str) and about else None,
        notes=tuple(notes),
    )


def _models(step: Mapping[str, Any], notes: list[str], name: str) -> Iterator[Generator]:
    """The models of a step: its own, several of them, or those inside a mixture."""
    waiting = [*each(step.get("llm")), *each(step.get("llms"))]
    if not waiting and mapping(step.get("type_info")).get("name") == "PairRM":
        waiting = [step]
    while waiting:
        llm = mapping(waiting.pop(0))
        inner = [*each(llm.get("proposers_llms")), *each(llm.get("aggregator_llm")), *each(llm.get("llms"))]
        if inner:
            waiting = inner + waiting
            continue
        called = next((llm[key] for key in _NAMES if isinstance(llm.get(key), str) and llm[key]), None)
        if called is None:
            notes.append(f"not understood: the model of step {name[:80]!r}")
            continue
        revision = llm.get("revision")
        if not isinstance(revision, str) or revision in _MOVING:
            revision = None
        maker = str(mapping(llm.get("type_info")).get("name") or "")
        decoding = {k: v for k, v in mapping(llm.get("generation_kwargs")).items() if _scalar(v)}
        system = step.get("system_prompt")
        yield Generator(
            Model(called, revision),
            (maker if maker == "vLLM" else maker.removesuffix("LLM")) or None,
            decoding,
            digest(system) if isinstance(system, str) and system else None,
        )


def _scalar(value: Any) -> bool:
    return value is not None and isinstance(value, str | int | float | bool)


def _prompts(step: Mapping[str, Any], name: str) -> list[Prompt]:
    """Prompt texts of a task; the template that is only its instruction is none."""
    found = []
    for key in _PROMPTS:
        for place, text in enumerate(texts(step.get(key))):
            if text != _DEFAULT:
                # The digest is of the text as given: `texts` strips it.
                given = step[key][place] if isinstance(step[key], list) else step[key]
                found.append(Prompt(f"{name}.{key}" + (f".{place + 1}" if place else ""), digest(given)))
    return found


def _sources(step: Mapping[str, Any], task: str, file: str) -> list[Source]:
    if task in ("LoadDataFromHub", "LoadHubDataset") and texts(step.get("repo_id")):
        return [Source(None, file=HUB + texts(step["repo_id"])[0])]
    if task == "LoadDataFromFileSystem":
        files = step.get("data_files")
        given = list(files.values()) if isinstance(files, dict) else files
        return [Source(None, file=one) for group in each(given) for one in texts(group)]
    if task == "LoadDataFromDicts" and isinstance(step.get("data"), list):
        return [Source(None, file=file, rows=len(step["data"]))]
    return []
