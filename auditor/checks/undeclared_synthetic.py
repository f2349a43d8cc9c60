"""Data declared real, or for evaluation, that a detector takes for generated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import orjson
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content import detector as detectors
from auditor.core.content.detector import Detector
from auditor.core.intervals import rate
from auditor.core.rowwise import findings, gather_groups, sliced_rates
from auditor.kernels.marks import NAMES
from auditor.model.errors import InputError
from auditor.model.result import EVIDENCE_CHARACTERS, Measurement, Metric
from auditor.model.rows import Dataset
from auditor.statistics.classify import probability

SEES = 0.05
"""Share of synthetic rows that a detector must find at its threshold for an estimate to be made by it."""

DECLARED = ("synthetic", "mixed")
"""Kinds of a registered dataset that have generated rows by their own word."""

MAKE = "an audit of generated data of the same task with --real leaves its detector.json"


def _shouting() -> str:
    """A detector for the cases: whatever has an exclamation mark is synthetic."""
    edges: list[list[float]] = [[] for _ in detectors.NUMBERS]
    edges[detectors.NUMBERS.index("! in 1,000 bytes")] = [0.0]
    weights = [0.0] * (len(edges) + 1)
    weights[detectors.NUMBERS.index("! in 1,000 bytes") + 1] = 10.0 * len(NAMES)
    about = {
        "detector": detectors.VERSION, "scope": "text", "embedder": "", "real": "sha256:0", "synthetic": "sha256:1",
        "rows": 1000, "thresholds": {"both": [1.0, 1.0], "features": [1.0, 1.0]}, "said": ["!"], "meaning": [0.0],
        "centre": [], "edges": edges, "words": [], "wording": [*weights, -1.0],
    }  # fmt: skip
    return orjson.dumps(about).decode()


@check
@dataclass(frozen=True)
class UndeclaredSynthetic:
    """Data declared `real` or `eval` in which rows look generated.

    What: every audit of generated data against real data leaves a detector (`tells-of-synthesis`, detector.json).
    Here the one that the parameter `detector` names is run over data that is said to be real: registered as `real` or
    `eval`, or not registered. `rate` is the share of rows beyond the threshold that 1 % of the detector's own real rows
    exceed; `synthetic` is the share of synthetic rows that this means, given how many the detector finds (Rogan and
    Gladen 1978).

    Why it matters: what is called real is what everything else is measured by. Crowd workers answer with language
    models (33 to 46 % of them in Veselovsky et al. 2023), web text is full of them, and a reference that is
    partly generated makes collapse look like coverage.

    Example: a detector of Alpaca against one half of Dolly finds 68 % of its own synthetic rows; of the other half of
    Dolly it flags 1.3 % (estimate .005), and with 20 % of new Alpaca rows mixed in 15.4 % (estimate .21, .19 to .24).

    Remedy: read the rows of highest score; ask whoever delivered them; declare the version `mixed` with its generator.

    Limits: a detector knows the generators, the task and the embedder that it was made with. Real data of another
    task is taken for synthetic where its words are; another generator may pass unseen, so 0 proves nothing. A
    detector is not run over the data that it was made with. With another embedder than the detector's, wording alone
    is used. `synthetic` is not given where the detector finds fewer than 5 % of its own synthetic rows.

    Reference: Rogan and Gladen 1978, "Estimating prevalence from the results of a screening test", American Journal
    of Epidemiology 107; Veselovsky, Ribeiro and West 2023, "Artificial artificial artificial intelligence".
    """

    detector: str = ""

    spec: ClassVar[Spec] = Spec(
        "undeclared-synthetic",
        "Synthetic rows declared real",
        (
            Measure(
                "rate",
                "share",
                "rows that a detector takes for synthetic, at 1 % false alarms",
                "read the rows of highest score; declare the version as mixed, or drop them",
            ),
            Measure("synthetic", "share", "synthetic rows, estimated from the rate and what the detector misses"),
        ),
        reads=("text",),
        fires=(
            Case(
                ({"text": "What a day!"}, {"text": "It rained."}),
                "undeclared_synthetic.rate",
                {"detector": _shouting()},
            ),
        ),
        quiet=(
            Case(({"text": "A day."}, {"text": "It rained."}), "undeclared_synthetic.rate", {"detector": _shouting()}),
        ),
    )

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        kind = context.pedigree.card.kind if context.pedigree else None
        if kind in DECLARED:
            return Measurement((), notes=(f"declared {kind}: what is generated in it is no secret",))
        if not self.detector:
            return Measurement((), notes=(f"give a detector: --set undeclared-synthetic.detector=FILE; {MAKE}",))
        made = _given(self.detector)
        if rows.digest in (made.real, made.synthetic):
            return Measurement((), notes=("the detector was made with these very rows: give one of other data",))
        space = context.space
        same = space is not None and f"{space.embedder.name}@{space.embedder.revision}" == made.embedder
        if space is not None and same and len(made.centre) != space.embedder.dimension:
            raise InputError(
                "the detector is for vectors of another dimension than its embedder's",
                file=self.detector[:200],
                seen=f"{len(made.centre)}",
                wanted=f"{space.embedder.dimension}",
            )
        vectors = space.vectors(rows, made.scope) if space is not None and same else None
        at, finds = made.thresholds["both" if vectors is not None else "features"]
        odds = detectors.odds(rows, vectors, made, engine)
        lengths = np.concatenate([np.diff(shard.strings(made.scope).offsets) for shard in rows])
        odds[lengths == 0] = np.nan
        n = int(np.count_nonzero(lengths))
        if not n:
            return Measurement((), notes=(f"no row has a {made.scope} to look at",))
        hits = odds > at
        measured = rate(self.spec.metric("rate"), int(np.count_nonzero(hits)), n)
        seen = "embedding and wording" if vectors is not None else "wording alone, as its embedder is another"
        said = f"; goes by {', '.join(made.said[:5])}" if made.said else ""
        sides = f"real {_short(made.real)} and synthetic {_short(made.synthetic)}"
        note = (
            f"detector of {made.rows:,} rows a side, {sides}; {seen}; finds {finds:.0%} of its own synthetic rows{said}"
        )
        groups = {by: (labels, codes[lengths > 0]) for by, (labels, codes) in gather_groups(rows).items()}
        return Measurement(
            (measured, self._estimate(measured, finds)),
            sliced_rates(self.spec.metric("rate"), hits[lengths > 0], groups),
            notes=(note,),
            tables={"highest": detectors.highest(odds, min(detectors.MOST, int(np.count_nonzero(hits))))},
            columns={"score": probability(odds).astype(np.float32)},
        )

    def _estimate(self, measured: Metric, finds: float) -> Metric:
        name = self.spec.metric("synthetic")
        if finds < SEES:
            return Metric(
                name, None, "share", measured.n, why=f"the detector finds {finds:.1%} of its own synthetic rows"
            )

        def share(seen: float | None) -> float:
            return min(1.0, max(0.0, ((seen or 0.0) - detectors.FALSE_ALARMS) / (finds - detectors.FALSE_ALARMS)))

        return Metric(
            name, share(measured.value), "share", measured.n, low=share(measured.low), high=share(measured.high)
        )

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        import pyarrow.compute as pc  # 0.03 s, when there is something to locate

        highest = measurement.tables["highest"]
        at = highest.column("row").to_numpy()
        if len(at):
            seen = pc.utf8_slice_codeunits(rows.take(at, ["text"]).column(0), 0, EVIDENCE_CHARACTERS + 1)
            score = highest.column("score").to_numpy()
            yield findings(at, self.spec.metric("rate"), seen.to_pylist(), score=score)


def _given(detector: str) -> Detector:
    """The detector in a file, or written out."""
    if detector.lstrip().startswith("{"):
        return Detector.from_json(detector.encode(), "the parameter detector")
    try:
        with Path(detector).open("rb") as file:
            return Detector.from_json(file.read(detectors.LARGEST), detector)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=detector, hint=MAKE) from error


def _short(digest: str) -> str:
    return digest.rpartition(":")[2][:12]
