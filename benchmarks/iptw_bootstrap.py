"""2,000 bootstrap replicates of weighted interval-censored incidences, the propensity fitted anew in each, beside R and Python.

Six looks that are missed now and then; incidence differences at days 56 and 84. The R peers run fewer replicates and are
scaled: "tight" fits glm.fit and an EM over the distinct intervals as matrix products, "formulas" glm and survfit on
interval2; the loop in Python is statsmodels and the same EM in NumPy. The right-censored pipeline is the row `bootstrap`.
`python benchmarks/iptw_bootstrap.py` runs this row alone.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from bootstrap import in_turn, seconds
from measured import Line

from tendon_outcomes.estimators.causal.sustained.iptw_weekly import iptw_weekly, iptw_weekly_bootstrap
from tendon_outcomes.estimators.resampling.bootstrap import Bootstrap
from tendon_outcomes.estimators.resampling.executors import SERIAL, Executor, Processes

PEER = Path(__file__).with_name("iptw_bootstrap_peer.R")
REPLICATES, ROWS, DAYS = 2_000, 600, (56.0, 84.0)
LOOKS = np.array([14.0, 28.0, 56.0, 84.0, 126.0, 182.0])
RUN = {"tight": 40, "formulas": 20}
LOOPED = 10
EM_STEPS, EM_TOLERANCE = 5_000, 1e-9

Sample = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def sample() -> Sample:
    """Weibull recovery, treatment that depends on six covariates, looks kept with probability 0.85, drop-out."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(ROWS, 6))
    treated = (rng.random(ROWS) < 1.0 / (1.0 + np.exp(0.1 - x @ [0.4, -0.3, 0.2, 0.3, -0.2, 0.1]))).astype(float)
    event = 90.0 * rng.weibull(1.3, ROWS) * np.exp(-0.3 * treated + x @ [0.25, 0.15, -0.15, 0.1, 0.1, 0.0])
    seen = (rng.random((ROWS, LOOKS.size)) < 0.85) & (rng.exponential(500.0, ROWS)[:, None] > LOOKS)
    left = np.where(seen & (event[:, None] > LOOKS), LOOKS, 0.0).max(axis=1)
    right = np.where(seen & (event[:, None] <= LOOKS), LOOKS, np.inf).min(axis=1)
    return left, right, np.isfinite(right).astype(np.int64), treated, x


def ours(data: Sample, executor: Executor) -> Bootstrap:
    """The whole of it: draws, fits, limits."""
    return iptw_weekly_bootstrap(*data, days=DAYS, replicates=REPLICATES, seed=1, executor=executor)


def in_r(data: Sample, how: str, replicates: int) -> tuple[float, np.ndarray]:
    """Seconds for REPLICATES replicates on one core, and R's differences for the sample itself."""
    left, right, _, treated, x = data
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "columns"
        np.concatenate([left, np.where(np.isfinite(right), right, 1e6), treated, x.T.ravel()]).tofile(path)
        arguments = ["Rscript", str(PEER), str(path), str(ROWS), how, str(replicates)]
        done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    taken, *numbers = map(float, done.stdout.split())
    return taken * REPLICATES / replicates, np.array(numbers)


def python_loop(data: Sample, replicates: int) -> tuple[float, np.ndarray]:
    """statsmodels' Logit and an EM over the intervals: seconds for REPLICATES, and the differences for the sample itself."""
    import statsmodels.api as sm

    left, right, _, treated, x = data
    ends = np.append(LOOKS, np.inf)

    def one(rows: np.ndarray) -> np.ndarray:
        lo, hi, a = left[rows], right[rows], treated[rows]
        e = sm.Logit(a, sm.add_constant(x[rows])).fit(disp=0).predict()
        curves = []
        for arm, chance in ((0.0, 1.0 - e), (1.0, e)):
            own = a == arm
            covers = (lo[own][:, None] < ends) & (ends <= hi[own][:, None])
            weight, mass = 1.0 / chance[own], np.full(ends.size, 1.0 / ends.size)
            for _ in range(EM_STEPS):
                share = covers * mass
                new = weight @ (share / share.sum(axis=1, keepdims=True)) / weight.sum()
                moved, mass = np.abs(new - mass).max(), new
                if moved < EM_TOLERANCE:
                    break
            curves.append([mass[ends <= day].sum() for day in DAYS])
        return np.subtract(curves[1], curves[0])

    numbers, rng = one(np.arange(ROWS)), np.random.default_rng(2)
    started = time.perf_counter()
    for _ in range(replicates):
        one(rng.integers(0, ROWS, ROWS))
    return (time.perf_counter() - started) * REPLICATES / replicates, numbers


def rows() -> Iterator[Line | str]:
    """Ours on one core beside each peer, then on two."""
    data = sample()
    mine = iptw_weekly(*data, days=DAYS)(np.ones((1, ROWS)))[0, -len(DAYS) :]
    one, two = in_turn(partial(ours, data, SERIAL), partial(seconds, partial(ours, data, Processes(2)), 3))
    yield f"iptw_bootstrap n={ROWS}, ours on 1 core", "on 2 cores", one, two
    if shutil.which("Rscript"):
        for how, replicates in RUN.items():
            one, (theirs, numbers) = in_turn(partial(ours, data, SERIAL), partial(in_r, data, how, replicates))
            _agree(f"R {how}", mine, numbers, 1e-6 if how == "tight" else 1e-3)
            yield f"iptw_bootstrap n={ROWS}, 1 core", f"R {how}", one, theirs
    one, (theirs, numbers) = in_turn(partial(ours, data, SERIAL), partial(python_loop, data, LOOPED))
    _agree("the loop in Python", mine, numbers, 1e-6)
    yield f"iptw_bootstrap n={ROWS}, 1 core", "Python loop", one, theirs


def _agree(peer: str, mine: np.ndarray, theirs: np.ndarray, tolerance: float) -> None:
    worst = float(np.abs(mine - theirs).max())
    if not worst <= tolerance:
        raise AssertionError(f"{peer} computes something else: {worst:.1e} apart")


if __name__ == "__main__":
    for line in rows():
        print(line, flush=True)
    sys.exit(0)
