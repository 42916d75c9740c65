"""2,000 bootstrap replicates of a weighted comparison, the propensity fitted anew in each, beside R and beside a loop in Python.

Risk difference and difference of restricted means at day 84, and the weighted log hazard ratio. The R peers are timed inside R;
peers that would take minutes run fewer replicates and are scaled. `python benchmarks/bootstrap.py` runs this row alone.
"""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np

from tendon_outcomes.estimators.resampling.bootstrap import Bootstrap
from tendon_outcomes.estimators.resampling.draws import clusters_of, generator_of
from tendon_outcomes.estimators.resampling.executors import SERIAL, Executor, Processes
from tendon_outcomes.estimators.resampling.iptw import iptw_contrasts

Line = tuple[str, str, float, float]
PEER = Path(__file__).with_name("bootstrap_peer.R")
REPLICATES, DAY = 2_000, 84.0
# Replicates that a peer runs, by sample size: (R tight, R formulas, Python loop).
RUN = {600: (400, 200, 12), 5_000: (100, 50, 5)}
BLOCK = {600: 32, 5_000: 16}

Found = TypeVar("Found")
Sample = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def sample(n: int) -> Sample:
    """Whole days 1 to 364, Weibull times with proportional hazards, treatment that depends on six covariates."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n, 6))
    x[:, 3:] = x[:, 3:] > 0.0
    treated = (rng.random(n) < 1.0 / (1.0 + np.exp(0.1 - x @ [0.4, -0.3, 0.2, 0.3, -0.2, 0.1]))).astype(float)
    rate = np.exp(-0.3 * treated + x @ [0.25, 0.15, -0.15, 0.1, 0.1, 0.0])
    event = 90.0 * rng.weibull(1.3, n) * rate ** (-1.0 / 1.3)
    censored = rng.uniform(30.0, 400.0, n)
    return np.minimum(np.ceil(np.minimum(event, censored)), 364.0), (event <= censored) & (event <= 364.0), treated, x


def ours(data: Sample, executor: Executor, *, hazard_ratio: bool = True) -> Bootstrap:
    """The whole of it: draws, fits, limits."""
    n = data[0].size
    return iptw_contrasts(
        *data, day=DAY, hazard_ratio=hazard_ratio, replicates=REPLICATES, seed=1, block=BLOCK[n], executor=executor
    )


def seconds(work: Callable[[], object], runs: int = 7) -> float:
    """Median of `runs` calls after one that is not counted."""
    work()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return median(times)


def draws_alone(n: int) -> None:
    """Only the counts of every replicate."""
    clusters = clusters_of(n, None, None)
    for block in range(-(-REPLICATES // BLOCK[n])):
        clusters.drawn(generator_of(1, block), BLOCK[n])


def in_r(path: Path, how: str, replicates: int, cores: int) -> tuple[float, list[float]]:
    """Seconds for REPLICATES replicates as R takes them, and R's numbers for the sample itself."""
    done = subprocess.run(
        ["Rscript", str(PEER), str(path), how, str(replicates), str(cores)], check=True, capture_output=True, text=True
    )
    taken, *numbers = map(float, done.stdout.split())
    return taken * REPLICATES / replicates, numbers


def python_loop(data: Sample, replicates: int) -> tuple[float, list[float]]:
    """statsmodels and lifelines, a data frame a replicate: seconds for REPLICATES, and their numbers for the sample itself."""
    import pandas as pd
    import statsmodels.api as sm
    from lifelines import CoxPHFitter, KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    day, event, treated, x = data
    frame = pd.DataFrame(x).assign(day=day, event=event, treated=treated)
    rng = np.random.default_rng(2)

    def one(rows: np.ndarray) -> list[float]:
        drawn = frame.iloc[rows].reset_index(drop=True)
        e = sm.Logit(drawn["treated"], sm.add_constant(drawn[[*range(6)]])).fit(disp=0).predict()
        share = drawn["treated"].mean()
        drawn["w"] = np.where(drawn["treated"] == 1, share / e, (1 - share) / (1 - e))
        curves = [KaplanMeierFitter().fit(d["day"], d["event"], weights=d["w"]) for _, d in drawn.groupby("treated")]
        at = [float(curve.predict(DAY)) for curve in curves]
        mean = [float(restricted_mean_survival_time(curve, t=DAY)) for curve in curves]
        cox = CoxPHFitter().fit(drawn[["day", "event", "treated", "w"]], "day", "event", weights_col="w")
        return [at[0] - at[1], mean[1] - mean[0], float(cox.params_["treated"])]

    numbers = one(np.arange(len(frame)))
    started = time.perf_counter()
    for _ in range(replicates):
        one(rng.integers(0, len(frame), len(frame)))
    return (time.perf_counter() - started) * REPLICATES / replicates, numbers


def write(data: Sample, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["time", "event", "treated", *(f"x{j + 1}" for j in range(data[3].shape[1]))])
        out.writerows([d, int(e), int(a), *map(repr, map(float, row))] for d, e, a, row in zip(*data, strict=True))


def rows() -> Iterator[Line]:
    """Each peer beside our time on as many cores; the loop in Python, which has one, beside both."""
    for n, (tight, formulas, loop) in RUN.items():
        data = sample(n)
        on = {1: partial(ours, data, SERIAL), 2: partial(ours, data, Processes(2))}
        one, two = in_turn(on[1], partial(seconds, on[2]))
        yield f"bootstrap n={n}, ours on 1 core", "on 2 cores", one, two
        one, floor = in_turn(on[1], partial(seconds, partial(draws_alone, n)))
        yield f"bootstrap n={n}, draws alone", "all, 1 core", floor, one
        if shutil.which("Rscript"):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "sample.csv"
                write(data, path)
                for how, count in (("tight", tight), ("formulas", formulas)):
                    for cores in (1, 2):
                        mine, (theirs, numbers) = in_turn(on[cores], partial(in_r, path, how, count, cores))
                        _agree(f"R {how}", ours_of(data), numbers, 1e-5)
                        yield f"bootstrap n={n}, {cores} core{'s' * (cores > 1)}", f"R {how}", mine, theirs
        one, (theirs, numbers) = in_turn(on[1], partial(python_loop, data, loop))
        _agree("the loop in Python", ours_of(data), numbers, 1e-4)
        yield f"bootstrap n={n}, 1 core", "Python loop", one, theirs
        yield f"bootstrap n={n}, 2 cores", "Python loop", seconds(on[2]), theirs


def in_turn(mine: Callable[[], object], peer: Callable[[], Found]) -> tuple[float, Found]:
    """Our seconds, the mean of those before and after the peer, so that a busy moment meets both; and what the peer found."""
    before, found = seconds(mine, 5), peer()
    return (before + seconds(mine, 5)) / 2.0, found


def ours_of(data: Sample) -> np.ndarray:
    """Our numbers for the sample itself."""
    return iptw_contrasts(*data, day=DAY, replicates=200, seed=1).estimate


def _agree(peer: str, mine: np.ndarray, theirs: list[float], tolerance: float) -> None:
    """The peer must do the same work: the same numbers, to what its own stopping rules leave (glm 1e-8 of the deviance)."""
    if not np.allclose(mine, theirs, rtol=0.0, atol=tolerance):
        raise AssertionError(f"{peer} computes something else: {theirs} where ours are {mine.tolist()}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for row, peer, mine, theirs in rows():
        print(f"{row:36} {peer:12} {1e3 * mine:10.1f} {1e3 * theirs:10.1f} {theirs / mine:8.1f}", flush=True)
    sys.exit(0)
