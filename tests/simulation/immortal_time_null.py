"""Gate row `immortal_time_null`: exercise without any effect, and what the label "ever exercised" makes of it.

Aims: is the size of the immortal-time bias the one derived, and is clone-censor-weight free of it? Data: T ~ Exp(lambda),
start of exercise U ~ Exp(mu), independent; exercise does nothing; everybody is followed to week 26. Estimands: the rate ratio
of those who ever exercised (U < T) against those who never did, whose limit is lambda / (2 lambda + mu); and the incidence
difference at the end of week 8 between starting within the grace and never starting, which is 0, and its ratio, which is 1.
Methods: the naive rates; rates with the time split at the start (beside); clone-censor-weight on person-weeks, delete-a-group
jackknife. A start counts from the week after it, so that in no week exercise and event race each other. Performance: the
pooled naive ratio lies within z of its own Monte-Carlo errors of the derived one; limits cover 0 (difference) and 1 (ratio,
limits on the log scale) in 95 % of clinics, and the mean difference is 0, all within z Monte-Carlo errors, z Bonferroni at 1
% over all cells.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from statistics import NormalDist

os.environ |= {"OPENBLAS_NUM_THREADS": "1"}  # two workers share two cores; read when NumPy loads

import numpy as np

from tendon_outcomes.estimators.causal.sustained.clone_censor_weight import clone_censor_weight
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.special_functions import student_t_quantile

RATES = ((1 / 14, 1 / 4), (1 / 14, 1 / 12), (1 / 8, 1 / 4))  # lambda, mu a week; the first is that of domain.md
RUNNERS, WEEKS, GRACE, GROUPS, ASKED = 300, 26, 4, 30, 8
FULL, QUICK, CELLS = 2_000, 300, 5


def drawn(rng: np.random.Generator, n: int, event_rate: float, start_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Weeks to the event and to the start of exercise."""
    return rng.exponential(1.0 / event_rate, n), rng.exponential(1.0 / start_rate, n)


def person_weeks(time: np.ndarray, start: np.ndarray) -> LongitudinalSample:
    """Strategy 0: never start. Strategy 1: exercise in week GRACE at the latest."""
    n, week = time.size, np.arange(1, WEEKS + 1)
    seen = time <= WEEKS
    event_week = np.ceil(time)
    exercises = np.where(start < time, np.ceil(start) + 1, np.inf)  # first week in which exercise counts
    left = np.where(seen, event_week - 1, WEEKS).astype(np.int64)
    never = np.where(exercises <= WEEKS, exercises, WEEKS + 1)
    late = np.where(exercises > GRACE, GRACE, WEEKS + 1)
    started = exercises[:, None] <= week
    waiting = np.where(week < GRACE, 0, np.where(week == GRACE, 2, 0))
    phase = np.stack([np.where(exercises[:, None] >= week, 3, 0), np.where(exercises[:, None] < week, 0, waiting[None, :])])
    return LongitudinalSample(
        left=left,
        right=np.where(seen, event_week, np.inf),
        cause=seen.astype(np.int64),
        baseline=np.zeros((n, 0)),
        varying=np.zeros((n, WEEKS, 0)),
        state=started.astype(np.int64),
        deviates=np.stack([never, late]).astype(np.int64),
        phase=phase.astype(np.int64),
        patient=np.arange(n),
        strategy_names=("never start", "start within the grace"),
    )


def clinic(task: tuple[int, int]) -> np.ndarray:
    """Events and weeks by label, the same with time split, the difference, and whether limits of it and of the ratio cover."""
    cell, number = task
    rng = np.random.default_rng([5, cell, number])
    event_rate, start_rate = RATES[cell]
    time, start = drawn(rng, RUNNERS, event_rate, start_rate)
    ever = start < time
    naive = [ever.sum(), time[ever].sum(), (~ever).sum(), time[~ever].sum()]
    split = [ever.sum(), (time - start)[ever].sum(), (~ever).sum(), np.minimum(time, start).sum()]
    fit = clone_censor_weight(
        person_weeks(time, start), weeks=(ASKED,), horizon=ASKED, truncate=None, loss=False, seed=number, groups=GROUPS
    ).contrast
    found, curve = fit.difference[0], fit.incidence[:, ASKED - 1]
    error = fit.incidence_std_error[:, ASKED - 1]
    covariance = (np.sum(error**2) - found.std_error**2) / 2.0
    of_log_ratio = np.sqrt(np.sum((error / curve) ** 2) - 2.0 * covariance / np.prod(curve))
    reach = student_t_quantile(0.975, fit.df)
    ratio = float(np.log(curve[1] / curve[0]))
    covers = (found.conf_low <= 0.0 <= found.conf_high, abs(ratio) <= reach * of_log_ratio)
    return np.array([*naive, *split, found.estimate, *covers])


def cells_of(found: np.ndarray, cell: int, z: float) -> list[tuple[str, float, float, float, bool]]:
    """Name, figure, target, allowed distance, whether it holds; the time-split ratio is among them."""
    event_rate, start_rate = RATES[cell]
    target = event_rate / (2.0 * event_rate + start_rate)
    rows = []
    for name, columns, truth in (("naive rate ratio", found[:, 0:4], target), ("time-split rate ratio", found[:, 4:8], 1.0)):
        totals = columns.sum(axis=0)
        ratio = (totals[0] / totals[1]) / (totals[2] / totals[3])
        # Linearised: what each clinic moves the log of the pooled ratio by.
        moved = columns[:, 0] / totals[0] - columns[:, 1] / totals[1] - columns[:, 2] / totals[2] + columns[:, 3] / totals[3]
        allowed = z * ratio * float(np.sqrt(np.sum((moved - moved.mean()) ** 2)))
        rows.append((name, float(ratio), truth, allowed, abs(ratio - truth) <= allowed))
    band = z * float(np.sqrt(0.95 * 0.05 / found.shape[0]))
    rows.append(("weighted difference: mean", *_mean(found[:, 8], z)))
    for name, covered in (("difference: covers 0", found[:, 9]), ("ratio: covers 1", found[:, 10])):
        share = float(np.mean(covered))
        rows.append((f"weighted {name}", share, 0.95, band, abs(share - 0.95) <= band))
    return rows


def _mean(values: np.ndarray, z: float) -> tuple[float, float, float, bool]:
    allowed = z * float(values.std(ddof=1) / np.sqrt(values.size))
    mean = float(values.mean())
    return mean, 0.0, allowed, abs(mean) <= allowed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} clinics instead of {FULL}, same seeds")
    clinics = QUICK if parser.parse_args().quick else FULL
    z = NormalDist().inv_cdf(1.0 - 0.01 / (2 * CELLS * len(RATES)))
    failed = 0
    print(f"{clinics} clinics of {RUNNERS}, z = {z:.2f}")
    print(f"{'lambda':>7} {'mu':>7}  {'what':30} {'found':>9} {'target':>9} {'allowed':>9}")
    with ProcessPoolExecutor(2) as pool:
        for cell, (event_rate, start_rate) in enumerate(RATES):
            found = np.stack(list(pool.map(clinic, [(cell, number) for number in range(clinics)], chunksize=25)))
            for name, figure, target, allowed, holds in cells_of(found, cell, z):
                failed += not holds
                sign = "" if holds else "  OUTSIDE"
                print(f"{event_rate:7.4f} {start_rate:7.4f}  {name:30} {figure:9.4f} {target:9.4f} {allowed:9.4f}{sign}")
    print(f"{CELLS * len(RATES) - failed} of {CELLS * len(RATES)} within their bands")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
