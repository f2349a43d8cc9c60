"""Where the sources of a workspace's datasets stand now: `staleness.Present`, answered from the real things.

Each distinct question is asked once. Where a generator's present revision is looked up: what its card
says it `follows`; else `models.lock.yaml` where that names the model; else, for a model that was
trained here, its newest revision that is not withdrawn (`Seen.by_itself`: it says nothing against the
data that this revision itself was trained on).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from auditor.core import places
from auditor.model.card import URN, Card, Generator, Model, Prompt, Registered, Source
from auditor.model.errors import AuditorError, ConfigError, InputError
from auditor.model.seen import Seen
from auditor.registry import models
from auditor.registry.versions import is_url
from auditor.registry.workspace import Workspace
from auditor.trackers.present import Followed, Hashes, Registry, file_digest, prompt_file

UNFOLLOWED = "nothing says which revision is in use: name it in models.lock.yaml, or register with --follows"


class _Anything(Collection[str]):
    """Every name there could be."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class Now:
    """uri: where MLflow is; None is `mlflow.uri` of the settings, MLFLOW_TRACKING_URI, or the workspace's own."""

    def __init__(self, workspace: Workspace, cards: Mapping[str, Card], uri: str | None = None) -> None:
        self._workspace, self.cards = workspace, cards
        self._hashes = Hashes(workspace.cache / "hashes.json")
        registry = Registry(uri or workspace.tracking_uri, workspace.home)
        self._followed = Followed(workspace.root, registry, self._hashes)
        self._seen: dict[tuple[str, ...], Seen] = {}

    @cached_property
    def locked(self) -> Mapping[str, str]:
        """`models.lock.yaml`, as it was when it was first asked for."""
        return models.locked(self._workspace)

    @cached_property
    def _trained(self) -> Mapping[str, str]:
        """Models trained here -> their newest revision in use."""
        found = {}
        for card in models.all(self._workspace).values():
            for revision in card.revisions:
                if revision.revision and revision.trained_on and revision.withdrawn is None:
                    found[card.name] = revision.revision
        return found

    def model(self, generator: Generator) -> Seen:
        follows, name = generator.follows, generator.model.name
        if follows is None:
            return self._named(name) or Seen(None, UNFOLLOWED)
        if not follows.startswith("lock:"):
            return self._followed.model(follows)
        key = follows.removeprefix("lock:")
        revision = self.locked.get(key)
        return Seen(revision) if revision else Seen(None, f"{models.LOCK} has no key {key!r}")

    def judge(self, model: Model) -> Seen | None:
        return self._named(model.name)

    def _named(self, name: str) -> Seen | None:
        if locked := self.locked.get(models.key(name)):
            return Seen(locked)
        trained = self._trained.get(name)
        return Seen(trained, by_itself=True) if trained else None

    def prompt(self, prompt: Prompt) -> Seen:
        key = ("prompt", prompt.file or "", prompt.name, prompt.version or "")
        if key not in self._seen:
            if prompt.file:
                self._seen[key] = self._at(prompt.file, prompt_file)
            elif prompt.version:
                self._seen[key] = self._followed.registry.prompt(prompt.name, prompt.version)
            else:
                self._seen[key] = Seen(None, "nothing says where its text is kept")
        return self._seen[key]

    def file(self, source: Source) -> Seen:
        if source.file is None:
            return Seen(None, "nothing says where it is kept")
        if source.file.startswith(URN):
            return Seen(None, "it is registered in another workspace")
        if is_url(source.file):
            return Seen(None, "it lies behind a URL, which is not fetched for a look")
        return self._at(source.file, self._content)

    def _at(self, given: str, look: Callable[[Path], Seen]) -> Seen:
        """What a look at a path of a card sees; nothing where it leads out of the workspace."""
        try:
            path = places.confined(given, self._workspace.root)
        except ConfigError as error:
            return Seen(None, error.message + (f" ({error.hint})" if error.hint else ""))
        return look(path)

    def grounds(self, card: Card, version: Registered) -> Mapping[str, Seen]:
        """Of the policy, the real reference and the eval sets as a gate would take them now."""
        judged = version.verdict
        found = {f"eval:{source}": self._eval(source) for source in version.lineage.evals}
        if judged is not None:
            if card.policy and places.is_path(card.policy):
                found["policy"] = self._at(card.policy, lambda path: self._policy(str(path)))
            else:
                found["policy"] = self._policy(card.policy, judged.policy)
            if "real" in judged.digests:
                found["real"] = self._real(card)
        return found

    def _real(self, card: Card) -> Seen:
        """The real reference of a card as a gate would read it: with the mapping of the card."""
        if card.real is None:
            return Seen(None, "the card names no real reference any more")
        name, at, number = card.real.rpartition("@")
        other = self.cards.get(name if at else card.real)
        if other is None:
            return self._at(card.real, lambda path: self._content(path, card.mapping))
        if card.mapping:
            return self._content(card.real, card.mapping)
        version = other.version(int(number)) if at and number.isdigit() else other.current
        return Seen(version.digest) if version else Seen(None, f"{card.real} is no version that is current")

    def _eval(self, source: Source) -> Seen:
        """An eval set as it is now: the current version of a registered one, or the file there."""
        if source.dataset is None:
            return self.file(source)
        other = self.cards.get(source.dataset.rpartition("@")[0])
        if other is None or other.current is None:
            return Seen(None, "no version of it is current")
        return Seen(other.current.digest)

    def _policy(self, name: str | None, before: str = "default") -> Seen:
        """By name or file; where the card has none that of the workspace, or else the one of the verdict."""
        key = ("policy", name or "", before)
        if key not in self._seen:
            from auditor.core import policy

            try:
                name = name or self._workspace.policy or before
                # Names in it are checked where it is used: importing every check costs more than the rest here.
                loaded = policy.load(name, self._workspace.expectations, _Anything(), _Anything(), self._workspace.root)
                self._seen[key] = Seen(loaded.digest)
            except AuditorError as error:
                self._seen[key] = Seen(None, error.message)
        return self._seen[key]

    def _content(self, source: Path | str, mapping: Mapping[str, str] | None = None) -> Seen:
        """Digest of the canonical rows of a file or folder, or of a registered version by its name."""
        key = ("content", str(source), *(f"{column}={field}" for column, field in (mapping or {}).items()))

        def rows(path: Path | str) -> str:
            return self._rows(path, mapping or {})

        if key not in self._seen:
            try:
                kept = isinstance(source, Path) and source.is_file()
                self._seen[key] = Seen(
                    self._hashes.of(Path(source), rows, " ".join(("rows", *key[2:]))) if kept else rows(source)
                )
            except AuditorError as error:
                self._seen[key] = Seen(None, error.message)
            except OSError as error:
                self._seen[key] = Seen(None, f"it cannot be read: {error.strerror}")
        return self._seen[key]

    def _rows(self, source: Path | str, mapping: Mapping[str, str]) -> str:
        """As registration records it: of canonical rows, or of the bytes of a file that holds none."""
        from auditor import auditing

        try:
            return auditing.read(source, auditing.Options(mapping=mapping), self._workspace).digest
        except InputError:
            if isinstance(source, str) or not source.is_file():
                raise
            return f"sha256:{file_digest(source)}"

    def save(self) -> None:
        """Keep the hashes of what was read, for the next look."""
        self._hashes.save()
