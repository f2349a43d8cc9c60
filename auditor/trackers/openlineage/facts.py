"""Generators, prompts, sources and judges as the plain data of our own facets; what is not known is left out."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from auditor.model.card import Generator, Lineage, Model, Prompt, Source
from auditor.trackers.judgings import Asked


def model(given: Model) -> dict[str, Any]:
    return _present(model=given.name, revision=given.revision)


def asked(given: Asked) -> dict[str, Any]:
    return {
        "name": given.judge,
        **model(Model.parse(given.model)),
        "prompt": given.prompt,
        "promptDigest": given.prompt_digest,
        "repeats": given.repeats,
        "decoding": _present(temperature=given.temperature, seed=given.seed),
    }


def generator(given: Generator) -> dict[str, Any]:
    return _present(
        **model(given.model),
        provider=given.provider,
        decoding={key: value for key, value in given.decoding.items() if value is not None},
        systemPrompt=given.system_prompt,
        rows=given.rows,
    )


def prompt(given: Prompt) -> dict[str, Any]:
    return _present(name=given.name, digest=given.digest, version=given.version, rows=given.rows)


def source(given: Source) -> dict[str, Any]:
    return _present(name=str(given), digest=given.digest, rows=given.rows)


def _present(**facts: Any) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def said(value: Lineage) -> str:
    """The same words for the same lineage, in any process."""
    return json.dumps(asdict(value), sort_keys=True, default=str)
