"""Our metrics of two samples of vectors beside the packages that define them: values, their difference, seconds.

    python benchmarks/metrics.py --rows 2000 --dimension 256 --repeats 3

Seeded unit vectors around 40 centres, of which the second sample leaves ten out; the same float32 arrays for both
contenders, which run in turn. Seconds and CPU seconds are medians. MAUVE is not here: ours is the package `mauve-text`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from auditor.engines.local import Local
from auditor.statistics import frechet, mmd, prdc, vendi

Floats = npt.NDArray[np.float32]
Values = Mapping[str, float]
CENTRES, LEFT_OUT = 40, 10


def sample(n: int, dimension: int, centres: int, seed: int) -> Floats:
    """float32 [n, dimension], rows of length 1."""
    middles = np.random.default_rng(0).standard_normal((CENTRES, dimension))
    draw = np.random.default_rng(seed)
    made = middles[draw.integers(0, centres, n)] + 0.7 * draw.standard_normal((n, dimension))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made.astype(np.float32, copy=False)


def pairs(real: Floats, synthetic: Floats) -> Iterator[tuple[str, Callable[[], Values], Callable[[], Values]]]:
    """(the reference, ours, theirs)."""
    engine = Local(0)

    def our_vendi() -> Values:
        values = vendi.spectrum(synthetic)
        return {"Vendi score": vendi.score(values), "of order 2": vendi.score(values, 2)}

    def their_vendi() -> Values:
        from vendi_score import vendi as package  # type: ignore[import-untyped]

        wide = synthetic.astype(np.float64)
        return {"Vendi score": package.score_dual(wide), "of order 2": package.score_dual(wide, q=2)}

    yield "vendi-score, score_dual", our_vendi, their_vendi

    def our_prdc() -> Values:
        found = prdc.overlap(real, synthetic, engine.map)
        return {
            "precision": found.precise.mean(),
            "recall": found.recalled.mean(),
            "density": found.balls.mean() / prdc.K,
            "coverage": found.covered.mean(),
        }

    def their_prdc() -> Values:
        import prdc as package  # type: ignore[import-untyped]

        with contextlib.redirect_stdout(io.StringIO()):
            found: Values = package.compute_prdc(real.astype(np.float64), synthetic.astype(np.float64), prdc.K)
        return found

    yield "prdc", our_prdc, their_prdc

    width = mmd.discrepancy(real, synthetic, engine.map, permutations=2).width

    def our_mmd() -> Values:
        return {"MMD, squared": mmd.discrepancy(real, synthetic, engine.map).squared}

    def their_mmd() -> Values:
        from sklearn.metrics.pairwise import rbf_kernel

        n, gamma = len(real), 1 / (2 * width**2)
        left, right = real.astype(np.float64), synthetic.astype(np.float64)
        within = sum(rbf_kernel(one, gamma=gamma).sum() - n for one in (left, right))
        return {"MMD, squared": within / (n * (n - 1)) - 2 * rbf_kernel(left, right, gamma=gamma).mean()}

    yield "scikit-learn's rbf_kernel", our_mmd, their_mmd

    def our_frechet() -> Values:
        sides = [frechet.Moments.of(side) for side in (real, synthetic)]
        (left, right) = ((side.mean, side.covariance) for side in sides)
        return {"Fréchet distance": frechet.of_gaussians(*left, *right)}

    def their_frechet() -> Values:
        from scipy.linalg import sqrtm

        left, right = (side.astype(np.float64) for side in (real, synthetic))
        one, other = np.cov(left.T), np.cov(right.T)
        apart = left.mean(0) - right.mean(0)
        shared = np.trace(sqrtm(one @ other).real)
        return {"Fréchet distance": apart @ apart + np.trace(one) + np.trace(other) - 2 * shared}

    yield "scipy's sqrtm", our_frechet, their_frechet


def timed(run: Callable[[], Values], repeats: int) -> tuple[Values, float, float]:
    """(values, seconds, CPU seconds), after a first run that pays for imports."""
    values, wall, cpu = run(), [], []
    for _ in range(repeats):
        begun, busy = time.perf_counter(), time.process_time()
        run()
        wall.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - busy)
    return values, statistics.median(wall), statistics.median(cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    real = sample(asked.rows, asked.dimension, CENTRES, 1)
    synthetic = sample(asked.rows, asked.dimension, CENTRES - LEFT_OUT, 2)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}; {asked.rows:,} rows a side, {asked.dimension} dimensions\n")
    print("| metric | reference | ours | theirs | difference | ours s | theirs s | ours CPU s | theirs CPU s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, ours, theirs in pairs(real, synthetic):
        mine, wall, cpu = timed(ours, asked.repeats)
        given, their_wall, their_cpu = timed(theirs, asked.repeats)
        spent = f"{wall:.3f} | {their_wall:.3f} | {cpu:.3f} | {their_cpu:.3f}"
        for place, (metric, value) in enumerate(mine.items()):
            wanted = float(given[metric])
            compared = f"{value:.6g} | {wanted:.6g} | {abs(value - wanted):.1e}"
            once = (name, spent) if place == 0 else ("", " | | | ")  # a pair has one time for all its metrics
            print(f"| {metric} | {once[0]} | {compared} | {once[1]} |")


if __name__ == "__main__":
    main()
