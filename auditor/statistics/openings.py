"""How texts begin: their first words, and of instructions the verb and what it asks for.

Self-Instruct (Wang et al. 2023, arXiv 2212.10560, figure 2) parses each instruction and takes its root verb and
the verb's direct object. Here is no parser: the verb is the first word that is in a list of verbs people
instruct with, the object the next word that carries meaning. It is a heuristic: "Write a short story" is
write + story, and "Classify either as" is classify + either.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.kernels.openings import first_words
from auditor.kernels.skeletons import MASK, first_tokens
from auditor.kernels.texts import spans
from auditor.model.rows import strings

Hashes = npt.NDArray[np.uint64]

HEAD = 240
"""Characters that a beginning is looked for in."""

WORDS = 16
"""Words of an instruction in which its verb and object are looked for; tokens of an answer's opening."""

SHARED = 0.9
"""Share of the texts of one opening that what is shown of it stands in."""

VERBS = (  # noqa: SIM905  one word a line would fill three pages
    "add analyze answer arrange arrive assess brainstorm build calculate categorize change check choose cite "
    "classify clean combine come compare complete compose compute conclude construct continue contrast convert "
    "correct count create debate decide decode define delete describe design detect determine develop devise "
    "differentiate discuss distinguish divide draft draw edit elaborate eliminate encode estimate evaluate examine "
    "execute expand explain explore express extract fill find fix form format formulate gather generate get give "
    "guess help hypothesize identify illustrate imagine implement improve include infer insert interpret introduce "
    "invent judge justify label list look make mark match measure model modify name offer order organize outline "
    "output paraphrase parse perform pick plan point predict prepare present print produce pronounce proofread "
    "propose prove provide pull put query rank rate read rearrange recall recommend rectify reduce remove rephrase "
    "replace report represent research respond restate return reverse review revise rewrite say search select send "
    "shorten show simplify simulate solve sort speculate spell split state suggest summarise summarize supply "
    "support synthesize take talk tell tokenize transform translate turn update use verify visualize write "
    "analyse apply ask assemble assign collect connect deduce diagnose discover enumerate group highlight mention "
    "multiply recognize reconstruct render resolve retrieve reword specify suppose think trace"
).split()
"""Verbs of instructions, drawn up by hand. 91 % of the human seeds of Self-Instruct and 92 % of Alpaca's instructions
have one with an object; of Dolly's, which are questions, 43 %."""

EMPTY = (  # noqa: SIM905  as above
    "a an the this that these those some any each every all both one two three four five six ten following given "
    "below above next my your his her its our their me us you it them him i we he she they of for to in on at by "
    "from with about into out up as is are was were be and or but if what which who how when where why whether "
    "can could would should will please not no new short long brief simple single detailed"
).split()
"""Words between a verb and its object that carry no meaning of their own."""


def heads(texts: pa.Array, words: int) -> Hashes:
    """uint64 [n, words]: hashes of each text's first words (NFC, case folded); 0 where it has none left."""
    import pyarrow.compute as pc

    view = strings(pc.fill_null(pc.utf8_slice_codeunits(texts, 0, HEAD), ""))
    return first_words(spans(view.offsets, view.data, fold=True), words)


def beginnings(texts: pa.Array, most: int) -> tuple[Hashes, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """`kernels.skeletons.first_tokens` of texts, of which HEAD characters are read: numbers and names are masked."""
    import pyarrow.compute as pc

    view = strings(pc.fill_null(pc.utf8_slice_codeunits(texts, 0, HEAD), ""))
    return first_tokens(spans(view.offsets, view.data, fold=False), most)


def worded(head: Hashes, words: int) -> npt.NDArray[np.bool_]:
    """Whether more than half of each text's first `words` tokens are words, and no masks: bool [n]."""
    masks = np.count_nonzero(head[:, :words] == MASK, axis=1)
    kept: npt.NDArray[np.bool_] = 2 * masks < words
    return kept


def longest(texts: pa.Array, least: int) -> str:
    """How texts begin that share their first `least` tokens: as far as SHARED of them are the same, masks as `⟨…⟩`."""
    head, begin, end = beginnings(texts, WORDS)
    same = np.arange(len(head))
    length = least
    while length < WORDS:
        found, counts = np.unique(head[same, length], return_counts=True)
        most = int(counts.argmax())
        if not found[most] or counts[most] < SHARED * len(head):
            break
        same = same[head[same, length] == found[most]]
        length += 1
    row = int(same[0])
    content = texts[row].as_py().encode()
    parts, at = [], int(begin[row, 0])
    for token, low, high in zip(head[row, :length], begin[row, :length], end[row, :length], strict=True):
        parts += [
            content[at:low].decode("utf-8", "replace"),
            "⟨…⟩" if token == MASK else content[low:high].decode("utf-8", "replace"),
        ]
        at = high
    return "".join(parts)


def openings(head: Hashes, words: int) -> Hashes:
    """uint64 [n]: one hash for the first `words` words; 0 where there are fewer."""
    state = np.zeros(len(head), np.uint64)
    for place in range(words):
        state = (state ^ head[:, place]) * np.uint64(0xD6E8FEB86659FD93)
        state ^= state >> np.uint64(32)
    return np.where(head[:, words - 1] != 0, state, np.uint64(0))


def instructions(head: Hashes) -> tuple[Hashes, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(uint64 [n], a hash of verb and object, 0 without; int64 [n], place of the verb; int64 [n], of the object)."""
    verbs, empty = _hashed()
    verb = np.isin(head, verbs)
    at = verb.argmax(axis=1)
    place = np.arange(head.shape[1])
    full = (head != 0) & ~np.isin(head, empty) & (place[None, :] > at[:, None])
    to = full.argmax(axis=1)
    present = verb.any(axis=1) & full.any(axis=1)
    row = np.arange(len(head))
    both = head[row, at] * np.uint64(0xD6E8FEB86659FD93) ^ head[row, to]
    return np.where(present, both, np.uint64(0)), at, to


@cache
def _hashed() -> tuple[Hashes, Hashes]:
    return heads(pa.array(VERBS), 1)[:, 0], heads(pa.array(EMPTY), 1)[:, 0]
