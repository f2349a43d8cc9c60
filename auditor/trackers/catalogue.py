"""Prompts and generators of a version in MLflow's registries, linked with its run.

What is registered already is not registered again: prompts are known by the hash of their text, models by
their name and revision. MLflow's registries keep prompts and models under one kind of name, without `/`
and `:`, so the true name stands in a tag.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from auditor.trackers.notes import Note
from auditor.trackers.publication import Publication

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

DIGEST, MODEL, REVISION = "auditor.digest", "auditor.model", "revision"

LINKED = "mlflow.linkedPrompts"
"""Prompts of a run. MLflow's own call writes the tag to the process's tracking server, which need not be ours."""

IS_PROMPT = "mlflow.prompt.is_prompt"

LONGEST = 100_000
"""Characters of a tag of the registry, and so of a prompt (mlflow/utils/validation.py)."""


def enter(client: MlflowClient, run: str, about: Publication, note: Note) -> None:
    """Register what is not there, and link the run and its description with all of it."""
    entered = []
    for prompt in about.prompts:
        if found := _prompt(client, prompt):
            entered.append({"name": found.name, "version": str(found.version)})
            note.link("prompt", prompt["name"], f"#/prompts/{found.name}?promptVersion={found.version}")
    if entered:
        client.set_tag(run, LINKED, json.dumps(entered))
    for model in about.models:
        if found := _model(client, model):
            name = f"{model['name']}@{model['revision']}" if model["revision"] else model["name"]
            note.link("generator", name, f"#/models/{found.name}/versions/{found.version}")


def safe(name: str) -> str:
    """A name that both registries and a link take: `acme/big model:7b` -> `acme-big-model-7b`."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[:200] or "unnamed"


def _prompt(client: MlflowClient, prompt: Mapping[str, Any]) -> ModelVersion | None:
    """Its version in the registry; None where neither it nor its text is at hand."""
    name = _free(client, safe(prompt["name"]), prompt=True)
    if name is None:
        return None
    known = {one.tags.get(DIGEST): one for one in _versions(client, name)}
    text = prompt["text"]
    if prompt["digest"] not in known and text and len(text) <= LONGEST:
        client.register_prompt(name, text, tags={DIGEST: prompt["digest"]})
        known = {one.tags.get(DIGEST): one for one in _versions(client, name)}
    return known.get(prompt["digest"]) or _theirs(client, name, prompt["version"])


def _theirs(client: MlflowClient, name: str, version: str | None) -> ModelVersion | None:
    """A prompt that was made in MLflow itself, under the version that the card names."""
    return next((one for one in _versions(client, name) if version is not None and str(one.version) == version), None)


def _model(client: MlflowClient, model: Mapping[str, Any]) -> ModelVersion | None:
    """The model at its revision; None where it is the user's own entry and not for us to touch."""
    if model["theirs"]:
        return None
    name = _free(client, safe(model["name"]), prompt=False)
    if name is None:
        return None
    revision = model["revision"] or ""
    for found in _versions(client, name):
        if found.tags.get(REVISION, "") == revision:
            return found
    tags = {MODEL: model["name"], **({REVISION: revision} if revision else {})}
    # An address that stands for the model: it lies with its provider, and https:// is refused.
    source = f"auditor://{name}/{safe(revision) if revision else 'unknown'}"
    about = "A generator of datasets, as they name it; it is not kept here."
    return client.create_model_version(name, source=source, tags=tags, description=about, await_creation_for=0)


def _free(client: MlflowClient, name: str, *, prompt: bool) -> str | None:
    """`name`, made where it is not; else with a suffix where the other kind has it. None where it is of
    somebody else's model."""
    from mlflow.exceptions import MlflowException

    for candidate in (name, f"{name}.{'prompt' if prompt else 'generator'}"):
        try:
            tags = client.get_registered_model(candidate)._tags  # noqa: SLF001  `tags` leaves out what we ask for
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            if not prompt:
                client.create_registered_model(candidate, tags={"auditor.generator": "true"})
            return candidate
        if (tags.get(IS_PROMPT) == "true") is prompt:
            return candidate if prompt or "auditor.generator" in tags else None
    return None


def _versions(client: MlflowClient, name: str) -> list[ModelVersion]:
    found = client.search_model_versions(f"name = '{name}'", max_results=1000)
    if not found:  # prompts are left out unless they are asked for
        found = client.search_model_versions(f"name = '{name}' and tags.`{IS_PROMPT}` = 'true'", max_results=1000)
    return list(found)
