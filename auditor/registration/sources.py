"""From a lineage as it was declared to one that can be recorded: names and paths become digests."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from auditor.core.secrets import nameless
from auditor.model.card import URN, Generator, Lineage, Prompt, Source, digest_of
from auditor.model.errors import ConfigError, InputError, suggest
from auditor.model.rows import Dataset
from auditor.model.seen import Seen
from auditor.model.techniques import TECHNIQUES
from auditor.registry import cards, index, models, versions
from auditor.registry.workspace import Workspace
from auditor.trackers import present

_URL = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]+://|urn:)")


@dataclass(frozen=True, slots=True)
class Lookup:
    """Where names are looked up. read: canonical rows of a file. named: sources that a file of another tool
    names -> that file. notes: grows by what the user should know."""

    workspace: Workspace
    read: Callable[[Path], Dataset]
    named: Mapping[Source, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def lineage(self, declared: Lineage) -> Lineage:
        """Every source by digest, every prompt by content, every technique of the vocabulary.

        Raises ConfigError for a name that is none, InputError for a file that is not there.
        """
        for technique in filter(None, (declared.technique, *declared.fields.values())):
            if technique not in TECHNIQUES:
                raise ConfigError(f"unknown technique {technique!r}", hint=suggest(technique, TECHNIQUES))
        return replace(
            declared,
            generators=tuple(self._generator(generator) for generator in declared.generators),
            prompts=tuple(self._prompt(prompt) for prompt in declared.prompts),
            seeds=tuple(self._source(source, "seeds") for source in declared.seeds),
            parents=tuple(self._source(source, "parent") for source in declared.parents),
            evals=tuple(self._source(source, "eval") for source in declared.evals),
        )

    def _generator(self, generator: Generator) -> Generator:
        """With the revision that is in use now, where the declaration leaves it to what it follows."""
        model = generator.model
        if model.revision is not None:
            return generator
        how, _, where = (generator.follows or f"lock:{models.key(model.name)}").partition(":")
        seen = self._now(how, where)
        if seen.value is None and generator.follows:
            self.notes.append(f"the revision of {model.name} is not known: {seen.why}")
        return replace(generator, model=replace(model, revision=seen.value))

    def _now(self, how: str, where: str) -> Seen:
        if how == "mlflow":
            return self._mlflow().model(where)
        if how == "hub":
            return present.Hub().model(where)
        if how == "weights":
            hashes = present.Hashes(self.workspace.cache / "weights.json")
            seen = present.weights(where, self.workspace.root, hashes)
            hashes.save()
            return seen
        locked = models.locked(self.workspace)
        return Seen(locked[where]) if where in locked else Seen(None, f"{models.LOCK} has no key {where!r}")

    def _mlflow(self) -> present.Registry:
        return present.Registry(self.workspace.tracking_uri, self.workspace.home)

    def _prompt(self, prompt: Prompt) -> Prompt:
        if prompt.digest or prompt.file is None:
            return prompt
        named, _, given = prompt.file.rpartition("=")
        path = self._path(prompt.file)
        if path is None and named:
            path = self._path(given)
        elif path is not None:
            named = ""
        if path is None:
            return self._unread(prompt)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read the prompt: {error.strerror}", file=prompt.file) from error
        name, at, version = (named or ("" if prompt.name == prompt.file else prompt.name)).partition("@")
        return replace(
            prompt,
            name=name or path.stem,
            version=prompt.version or (version if at else None),
            digest=digest_of(content),
            file=self.relative(path),
        )

    def _unread(self, prompt: Prompt) -> Prompt:
        """A prompt of a prompt registry: its content where the registry can be asked for that version."""
        name, at, version = (prompt.file or "").rpartition("@")
        if not at or not name or "/" in name:
            raise InputError(
                f"no such prompt {(prompt.file or '')[:200]!r}",
                wanted="a file, NAME@VERSION of a prompt registry, or NAME@VERSION=FILE",
            )
        seen = self._mlflow().prompt(name, version)
        digest = seen.value if seen.value and (version in seen.also or not version.isdigit()) else ""
        if not digest:
            why = seen.why or f"MLflow has {name}@{', '.join(seen.also)} now"
            self.notes.append(f"the content of prompt {name}@{version} is not known: {why}")
        return Prompt(name, digest, version)

    def _source(self, source: Source, role: str) -> Source:
        try:
            return self._found(source, role)
        except (ConfigError, InputError) as error:
            if source not in self.named:
                raise
            kind = ConfigError if isinstance(error, ConfigError) else InputError
            raise kind(
                error.message, seen=error.seen, wanted=error.wanted, hint=error.hint, file=self.named[source]
            ) from error

    def _found(self, source: Source, role: str) -> Source:
        if source.file is not None and source.file.startswith(URN):
            return self._exported(source, role)
        if source.dataset is not None:
            return self._registered(source.dataset, source, role)
        if source.file is None or source.digest is not None:
            path = self._path(source.file) if source.file else None
            return self._same(replace(source, file=self.relative(path)) if path else source)
        if versions.is_registered(source.file, self.workspace):
            return self._registered(source.file, source, role)
        if _URL.match(source.file):
            return replace(source, file=nameless(source.file))
        path = self._path(source.file)
        if path is None:
            names = cards.names(self.workspace)
            known = suggest(source.file.partition("@")[0], names) if names else None
            raise InputError(
                f"{role}: nothing is called {source.file[:200]!r}",
                seen="neither a file nor a registered dataset",
                wanted="NAME@VERSION, or a path",
                hint=known or "register it first: auditor register NAME PATH",
            )
        return self._same(self._read(path, source))

    def _registered(self, ref: str, source: Source, role: str) -> Source:
        try:
            card, entry = index.find(ref, self.workspace)
        except ConfigError as error:
            raise ConfigError(
                f"{role} {ref!r}: {error.message}", wanted=error.wanted, hint=error.hint, file=error.file
            ) from error
        if source.digest not in (None, entry.digest):
            raise ConfigError(f"{role} {ref!r} has other rows", seen=source.digest, wanted=entry.digest)
        return Source(entry.digest, card.ref(entry), None, source.rows or entry.rows)

    def _exported(self, source: Source, role: str) -> Source:
        """What some workspace has as `NAME@VERSION`: the version here of that name and digest, or of that digest."""
        ref = (source.file or "").removeprefix(URN)
        name, _, number = ref.rpartition("@")
        if name in cards.names(self.workspace):
            entry = next((v for v in cards.load(name, self.workspace).versions if str(v.version) == number), None)
            if entry is not None and source.digest in (None, entry.digest):
                return self._registered(ref, source, role)
        found = self._same(source)
        if found.dataset is None:
            by = "by its digest" if source.digest else "by that name alone"
            self.notes.append(f"{role} {ref} is registered nowhere here: it is an unregistered source, known {by}")
        return found

    def _read(self, path: Path, source: Source) -> Source:
        """A file by the digest of its rows; one that holds none, by that of its bytes."""
        name = self.relative(path)
        try:
            rows = self.read(path)
        except InputError as error:
            if not path.is_file():
                raise
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self.notes.append(f"{name} is known by its bytes, not by rows: {error.message}")
            return replace(source, digest=f"sha256:{digest}", file=name)
        return replace(source, digest=rows.digest, file=name, rows=source.rows or rows.rows)

    def _same(self, source: Source) -> Source:
        """The registered version with these rows, where there is one: the one at that path, or else the oldest."""
        found = index.by_digest(source.digest, self.workspace) if source.digest else ()
        if not found:
            return source
        entries = {ref: index.find(ref, self.workspace)[1] for ref in found}
        ref = next((ref for ref, entry in entries.items() if entry.path == source.file), found[0])
        return Source(source.digest, ref, None, source.rows or entries[ref].rows)

    def _path(self, text: str) -> Path | None:
        """A path of the caller's, or of the workspace."""
        try:
            return next((path for path in (Path(text).absolute(), self.workspace.root / text) if path.exists()), None)
        except (OSError, ValueError):  # too long, or with a NUL
            return None

    def relative(self, path: Path) -> str:
        """As cards have it: relative to the workspace."""
        return os.path.relpath(path, self.workspace.root).replace(os.sep, "/")
