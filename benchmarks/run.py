"""Speed beside peers: one process, the same data, in turn; medians and the ratio. `python make.py bench [ROW ...]`.

A row prints `ROW ours peer ratio` for each peer. Times are of one machine and one moment: quote the ratios.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np

from tendon_outcomes.estimators import kaplan_meier, restricted_mean, turnbull

Line = tuple[str, str, float, float]


def seconds(work: Callable[[], object], runs: int) -> float:
    """Median time of `runs` calls after one that is not counted."""
    work()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return median(times)


def interval_npmle() -> Iterator[Line]:
    """Turnbull's estimate on visits 10 to 40 days apart, beside lifelines' fit_interval_censoring."""
    from lifelines import KaplanMeierFitter

    rng = np.random.default_rng(11)
    for n, runs in ((300, 5), (1_000, 3)):
        visits = np.cumsum(rng.integers(10, 41, size=(n, 12)), axis=1).astype(float)
        onset = 150.0 * rng.weibull(1.3, n)
        after = (visits < onset[:, None]).sum(axis=1)
        edges = np.column_stack([np.zeros(n), visits, np.full(n, np.inf)])
        left, right = edges[np.arange(n), after], edges[np.arange(n), after + 1]
        ours = seconds(lambda left=left, right=right: turnbull(left, right), 15)
        peer = seconds(lambda left=left, right=right: KaplanMeierFitter().fit_interval_censoring(left, right), runs)
        yield f"interval_npmle n={n}", "lifelines", ours, peer


def kaplan_meier_and_restricted_mean() -> Iterator[Line]:
    """Curve with log-log limits and the mean to day 84, beside lifelines (without its variance of the mean) and statsmodels."""
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time
    from statsmodels.duration.survfunc import SurvfuncRight

    rng = np.random.default_rng(12)
    for n in (1_000, 100_000):
        day = np.minimum(np.ceil(150.0 * rng.weibull(1.3, n)), 364.0)
        event = rng.random(n) < 0.75

        def ours(day: object = day, event: object = event) -> object:
            return restricted_mean(kaplan_meier(day, event), horizon=84.0)

        def lifelines(day: object = day, event: object = event) -> object:
            return restricted_mean_survival_time(KaplanMeierFitter().fit(day, event), t=84.0)

        mine = seconds(ours, 15)
        yield f"kaplan_meier n={n}", "lifelines", mine, seconds(lifelines, 3)
        yield f"kaplan_meier n={n}", "statsmodels", mine, seconds(lambda d=day, e=event: SurvfuncRight(d, e), 5)


def derivation() -> Iterator[Line]:
    """Visits and sessions to endpoints, week states and strategies, beside polars sorting the same rows by episode and day."""
    from derivation import SESSIONS, VISITS, timed

    for share in (0.25, 0.5, 1.0):
        found = timed(share)
        rows = f"{share * VISITS / 1e6:g}M+{share * SESSIONS / 1e6:g}M rows, {found['peak_gb']:.1f} GB"
        yield f"derivation {rows}", "polars sort", found["seconds"], found["sort_seconds"]


ROWS = {"derivation": derivation, "interval_npmle": interval_npmle, "kaplan_meier": kaplan_meier_and_restricted_mean}


def main(arguments: list[str]) -> int:
    if unknown := set(arguments) - set(ROWS):
        print(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}", file=sys.stderr)
        return 2
    warnings.simplefilter("ignore")
    print(f"{'row':28} {'peer':12} {'ours, ms':>10} {'peer, ms':>10} {'ratio':>8}")
    for name in arguments or ROWS:
        for row, peer, ours, theirs in ROWS[name]():
            print(f"{row:28} {peer:12} {1e3 * ours:10.2f} {1e3 * theirs:10.2f} {theirs / ours:8.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
