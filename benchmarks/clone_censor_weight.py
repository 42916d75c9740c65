"""Clone-censor-weight beside base R: one fit of 100,000 patients with its memory, and 500 bootstrap replicates of 600.

26 weeks, two clones, pooled logistic models of departing (severity, pain, spline of the week), weighted curves; every week is
looked at, so that R needs no EM. Both fit the same columns and must find the same curves. `python
benchmarks/clone_censor_weight.py` runs this row alone.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
from measured import Figure, Line

from tendon_outcomes.estimators.causal.sustained.departure_designs import DepartureDesign, week_columns
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.weekly_bootstrap import CloneStatistic, clone_statistic
from tendon_outcomes.estimators.resampling.bootstrap import bootstrap

PEER = Path(__file__).with_name("clone_censor_weight_peer.R")
WEEKS, LARGE, SMALL, REPLICATES, LOOPED = 26, 100_000, 600, 500, 10
ALLOWED_MB = 100.0


def sample(n: int) -> LongitudinalSample:
    """Pain and severity decide the first choice, switching and recovery; weeks are known one by one."""
    rng = np.random.default_rng(12)
    severity, event = rng.normal(size=n), np.full(n, WEEKS + 1)
    pain, done = np.empty((n, WEEKS)), np.empty((n, WEEKS), dtype=np.int64)
    now = severity + rng.normal(size=n)
    for k in range(WEEKS):
        pain[:, k] = now
        u = rng.random((n, 2))
        if k == 0:
            done[:, 0] = u[:, 0] < 1.0 / (1.0 + np.exp(-0.2 + 0.5 * severity + 0.3 * now))
        else:
            done[:, k] = np.where(u[:, 0] < 1.0 / (1.0 + np.exp(4.2 - 0.6 * now)), 1 - done[:, k - 1], done[:, k - 1])
        event[(event > WEEKS) & (u[:, 1] < 1.0 / (1.0 + np.exp(3.2 + 0.5 * now - 0.4 * done[:, k])))] = k + 1
        now = 0.7 * now + 0.2 * severity - 0.2 * done[:, k] + 0.6 * rng.normal(size=n)
    week = np.arange(1, WEEKS + 1)
    deviates = np.stack([np.where((done != s).any(axis=1), (done != s).argmax(axis=1) + 1, WEEKS + 1) for s in (0, 1)])
    return LongitudinalSample(
        left=np.minimum(event - 1, WEEKS),
        right=np.where(event <= WEEKS, event, np.inf),
        cause=(event <= WEEKS).astype(np.int64),
        baseline=severity[:, None],
        varying=pain[:, :, None],
        state=done,
        deviates=deviates,
        phase=np.where(week <= deviates[:, :, None], np.where(week == 1, 2, 3), 0),
        patient=np.arange(n),
    )


def statistic(data: LongitudinalSample) -> CloneStatistic:
    """No loss, no truncation, every covariate: what the peer does too."""
    return clone_statistic(data, loss=False, truncate=None, per_parameter=0.0, initiation="by week")


def write(data: LongitudinalSample, folder: Path) -> None:
    """Columns as raw doubles, and the columns of the week that both sides use."""
    end = np.minimum(np.where(data.cause > 0, data.right, data.left), WEEKS)
    table = [data.cause, end, data.deviates[0], data.deviates[1], data.baseline[:, 0], *data.varying[:, :, 0].T]
    np.concatenate([np.asarray(column, dtype=np.float64) for column in table]).tofile(folder / "columns")
    splines = []
    for s in (0, 1):
        at_risk, departures = DepartureDesign.of(data, data.phase[s], (3,), data.deviates[s]).counted()
        columns = week_columns(at_risk, departures)
        splines.append(np.pad(columns, ((0, 0), (0, 3 - columns.shape[1]))))  # an empty column is aliased in R's fit
    np.concatenate([one.T.ravel() for one in splines]).tofile(folder / "splines")


def in_r(data: LongitudinalSample, replicates: int) -> tuple[float, float, float, np.ndarray]:
    """Seconds of one fit, seconds a replicate, megabytes added, and the curves."""
    with tempfile.TemporaryDirectory() as folder:
        write(data, Path(folder))
        done = subprocess.run(
            ["Rscript", str(PEER), folder, str(data.n), str(WEEKS), str(replicates)], check=True, capture_output=True, text=True
        )
    once, looped, megabytes, *curves = map(float, done.stdout.split())
    return once, looped, megabytes, np.array(curves)


def once(n: int) -> None:
    """In a process of its own: seconds of a fit, and the megabytes that it added to the sample's."""
    data = sample(n)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(3):
        started = time.perf_counter()
        statistic(data)(np.ones((1, n)))
        times.append(time.perf_counter() - started)
    print(median(times), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024.0)


def rows() -> Iterator[Line | Figure | str]:
    """The large fit with its memory, then the bootstrap of the small one."""
    alone = subprocess.run([sys.executable, __file__, "once", str(LARGE)], check=True, capture_output=True, text=True)
    ours, megabytes = map(float, alone.stdout.split())
    yield Figure("clone_censor_weight 100k memory", "100 MB", max(megabytes, 1e-3), ALLOWED_MB, "MB")
    if shutil.which("Rscript"):
        data = sample(LARGE)
        theirs, _, added, curves = in_r(data, 0)
        _agree(statistic(data)(np.ones((1, LARGE)))[0], curves)
        yield "clone_censor_weight 100k", "R glm.fit", ours, theirs
        yield Figure("clone_censor_weight 100k memory", "R glm.fit", max(megabytes, 1e-3), added, "MB")
    data = sample(SMALL)
    times = []
    for _ in range(3):
        started = time.perf_counter()
        bootstrap(statistic(data), cluster=SMALL, replicates=REPLICATES, seed=1, failures_allowed=0.5)
        times.append(time.perf_counter() - started)
    if shutil.which("Rscript"):
        _, looped, _, curves = in_r(data, LOOPED)
        _agree(statistic(data)(np.ones((1, SMALL)))[0], curves)
        yield f"clone_censor_weight n=600, {REPLICATES} replicates", "R glm.fit", median(times), looped * REPLICATES
    else:
        yield f"clone_censor_weight n=600: {REPLICATES} replicates in {median(times):.2f} s; no R here"


def _agree(mine: np.ndarray, theirs: np.ndarray) -> None:
    worst = float(np.abs(mine - theirs).max())
    if not worst <= 1e-7:
        raise AssertionError(f"R computes something else: {worst:.1e} apart")


if __name__ == "__main__":
    if sys.argv[1:2] == ["once"]:
        once(int(sys.argv[2]))
        sys.exit(0)
    for line in rows():
        print(line, flush=True)
    sys.exit(0)
