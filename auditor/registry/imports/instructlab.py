"""Leaves of an InstructLab taxonomy: `qna.yaml` with the seeds that a person wrote, and the documents behind.

https://github.com/instructlab/taxonomy, docs/KNOWLEDGE_GUIDE.md (version 3) and docs/SKILLS_GUIDE.md; the
licence and the authors stand in `attribution.txt` beside a leaf.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from auditor.core.documents import Entry
from auditor.model.card import Lineage, Source
from auditor.registry.imports.declared import Declared

LEAF, ATTRIBUTION = "qna.yaml", "attribution.txt"

_LINE = re.compile(r"^[ \t]*([^:\n]{1,40}):[ \t]*(.+?)[ \t]*$", re.MULTILINE)


def leaves(documents: Sequence[tuple[Path, Entry]], root: Path) -> Declared:
    """What a dataset declares that was generated from these leaves. root: the folder or leaf as it was named.

    Raises ConfigError with file and line where a leaf has no list of examples.
    """
    people: list[str] = []
    licences: list[str] = []
    sources: list[Source] = []
    notes: list[str] = []
    examples, bare = 0, 0
    for path, document in documents:
        leaf = document.mapping("a leaf", required=("seed_examples",))
        examples += sum(_pairs(item) for item in leaf["seed_examples"].items("seed_examples"))
        if "created_by" in leaf:
            people.append(leaf["created_by"].text("created_by"))
        if "document" in leaf:
            sources.append(_document(leaf["document"]))
        said = _attribution(path)
        licences += filter(None, [said.get("license of the work")])
        bare += not said
    if bare:
        notes.append(f"no {ATTRIBUTION} beside {bare} of {len(documents)} leaves: their licence is not known")
    written = sorted(set(licences))
    if len(written) > 1:
        notes.append(f"several licences: {', '.join(written)}; joined by AND")
    return Declared(
        f"an InstructLab taxonomy of {len(documents)} leaves"
        if len(documents) > 1
        else "a leaf of an InstructLab taxonomy",
        Lineage(
            "taxonomy",
            seeds=(Source(_digest(documents, root), file=root.as_posix(), rows=examples), *dict.fromkeys(sources)),
            people=tuple(dict.fromkeys(people)),
            facts={"taxonomy": root.as_posix()},
        ),
        "synthetic",
        " AND ".join(written) or None,
        notes=tuple(notes),
    )


def _digest(documents: Sequence[tuple[Path, Entry]], root: Path) -> str:
    """Of the leaves as they lie: the hashes of their places and bytes. Leaves are no rows that could be read."""
    whole = hashlib.sha256()
    for path, _ in documents:
        place = path.relative_to(root).as_posix() if path != root else path.name
        whole.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()} {place}\n".encode("utf-8", "surrogateescape"))
    return f"sha256:{whole.hexdigest()}"


def _pairs(example: Entry) -> int:
    """Questions of one example: knowledge has several to a context, a skill has one."""
    inside = example.mapping("a seed example")
    if "questions_and_answers" not in inside:
        for key in ("question", "answer"):
            if key not in inside:
                example.refuse(f"a seed example has no {key!r}", wanted="question and answer, or questions_and_answers")
        return 1
    pairs = list(inside["questions_and_answers"].items("questions_and_answers"))
    for pair in pairs:
        pair.mapping("a question", required=("question", "answer"))
    return len(pairs)


def _document(entry: Entry) -> Source:
    """The repository of the documents at its commit, `URL#COMMIT` as npm and Docker write it: before an `@` in a URL
    stands a password, which is masked."""
    inside = entry.mapping("document", required=("repo",))
    repository = inside["repo"].text("repo")
    commit = str(inside["commit"].value) if "commit" in inside else ""
    return Source(None, file=f"{repository}#{commit}" if commit else repository)


def _attribution(leaf: Path) -> dict[str, str]:
    """`Key: value` lines of the file beside a leaf; empty where there is none."""
    try:
        text = (leaf.parent / ATTRIBUTION).read_text("utf-8", errors="replace")[:65_536]
    except OSError:
        return {}
    return {key.strip().lower(): value for key, value in _LINE.findall(text)}
