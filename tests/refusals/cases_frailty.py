"""Selection by frailty and time since onset: what they will not answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from tendon_outcomes.estimators.regression.frailty.oracle import frailty_hazard_ratio
from tendon_outcomes.estimators.regression.frailty.selection import frailty_selection
from tendon_outcomes.estimators.regression.frailty.since_onset import since_onset
from tests.refusals.refusal import Refusal

INF = np.inf
N = 40
LEFT = np.where(np.arange(N) % 2, 28.0 * (np.arange(N) % 3), 84.0)
RIGHT = np.where(np.arange(N) % 2, LEFT + 28.0, INF)
CAUSE = np.arange(N) % 2
WEEKS = 1.0 + (7.0 * np.arange(N)) % 31
X = np.cos(3.0 * np.arange(N))
GRID = (28.0, 56.0, 84.0)


def put(values: Any, row: int, value: float) -> np.ndarray:
    """The values with one of them replaced."""
    changed = np.asarray(values, dtype=np.float64).copy()
    changed[row] = value
    return changed


def selection(left: Any = LEFT, right: Any = RIGHT, cause: Any = CAUSE, weeks: Any = WEEKS, x: Any = None, **options: Any) -> Any:
    return frailty_selection(left, right, cause, weeks, x, **{"pieces": (), **options})


def onset(left: Any = LEFT, right: Any = RIGHT, cause: Any = CAUSE, weeks: Any = WEEKS, **options: Any) -> Any:
    return since_onset(left, right, cause, weeks, **{"grid": GRID, **options})


SPLIT = np.where(CAUSE == 1, 1.0, 0.0)

REFUSALS: tuple[Refusal, ...] = (
    Refusal("oracle: variance negative", lambda: frailty_hazard_ratio(-1.0, 0.05, 6, 52), "0 or more"),
    Refusal("oracle: no hazard", lambda: frailty_hazard_ratio(1.0, 0.0, 6, 52), "the hazard above 0"),
    Refusal("oracle: missing", lambda: frailty_hazard_ratio(1.0, 0.05, float("nan"), 52), "finite"),
    Refusal("selection: no rows", lambda: selection([], [], [], []), "no rows"),
    Refusal("selection: lengths", lambda: selection(weeks=WEEKS[:5]), "`duration` has 5 values for 40 rows"),
    Refusal("selection: duration missing", lambda: selection(weeks=put(WEEKS, 3, np.nan)), "1 of 40 rows have a missing"),
    Refusal("selection: duration 0", lambda: selection(weeks=put(WEEKS, 3, 0.0)), "1 of 40 rows"),
    Refusal("selection: duration infinite", lambda: selection(weeks=put(WEEKS, 3, INF)), "1 of 40 rows"),
    Refusal("selection: one duration", lambda: selection(weeks=np.full(N, 6.0)), "log2(duration): one value in every row"),
    Refusal("selection: nobody recovers", lambda: selection(right=np.full(N, INF), cause=np.zeros(N)), "0 of 40 rows recovered"),
    Refusal("selection: few recoveries", lambda: selection(LEFT[:8], RIGHT[:8], CAUSE[:8], WEEKS[:8]), "4 of 8 rows recovered"),
    Refusal("selection: empty interval", lambda: selection(right=put(RIGHT, 1, LEFT[1])), "1 of 40 rows have an empty interval"),
    Refusal("selection: cause", lambda: selection(cause=put(CAUSE, 0, 0.5)), "1 of 40 rows have a cause"),
    Refusal(
        "selection: censored with a right end", lambda: selection(right=put(RIGHT, 0, 90.0)), "1 of 40 rows are right-censored"
    ),
    Refusal(
        "selection: competing before its look",
        lambda: selection(right=put(RIGHT, 0, 60.0), cause=put(CAUSE, 0, 2)),
        "1 of 40 rows have a competing event and a `left` beyond it",
    ),
    Refusal("selection: variance negative", lambda: selection(variances=(-0.5, 1.0)), "`variances` must be ascending"),
    Refusal("selection: variances fall", lambda: selection(variances=(1.0, 0.5)), "`variances` must be ascending"),
    Refusal("selection: no variances", lambda: selection(variances=()), "`variances` must be ascending"),
    Refusal("selection: variance infinite", lambda: selection(variances=(0.0, INF)), "`variances` must be ascending"),
    Refusal("selection: piece at 0", lambda: selection(pieces=(0.0, 28.0)), "ascending days above 0"),
    Refusal("selection: pieces fall", lambda: selection(pieces=(56.0, 28.0)), "ascending days above 0"),
    Refusal("selection: before", lambda: selection(before=0.0), "`before` is the rate"),
    Refusal("selection: before infinite", lambda: selection(before=INF), "`before` is the rate"),
    Refusal("selection: compared with itself", lambda: selection(compared=(6.0, 6.0)), "two different durations"),
    Refusal("selection: compared with 0", lambda: selection(compared=(0.0, 6.0)), "two different durations"),
    Refusal("selection: compared with three", lambda: selection(compared=(6.0, 12.0, 52.0)), "two different durations"),
    Refusal("selection: names without covariates", lambda: selection(names=("age",)), "1 names for no covariates"),
    Refusal("selection: names", lambda: selection(x=X, names=("age", "sex")), "2 names for 40 rows"),
    Refusal("selection: covariate rows", lambda: selection(x=X[:5]), "shape (5, 1)"),
    Refusal("selection: covariate missing", lambda: selection(x=put(X, 2, np.nan)), "covariate x1: 1 of 40 values are missing"),
    Refusal("selection: covariate is the duration", lambda: selection(x=np.log2(WEEKS), names=("w",)), "covariate w"),
    Refusal("selection: name of the duration", lambda: selection(x=X, names=("log2(duration)",)), "names"),
    Refusal("selection: separated", lambda: selection(x=SPLIT, names=("split",)), "split: no finite estimate"),
    Refusal("selection: level", lambda: selection(conf_level=1.0), "conf_level"),
    Refusal("selection: one cluster", lambda: selection(cluster=np.zeros(N)), "all rows belong to one cluster"),
    Refusal(
        "selection: cluster missing", lambda: selection(cluster=put(np.arange(N), 4, np.nan)), "1 of 40 rows have no `cluster`"
    ),
    Refusal("onset: no rows", lambda: onset([], [], [], []), "no rows"),
    Refusal("onset: duration missing", lambda: onset(weeks=put(WEEKS, 3, np.nan)), "1 of 40 rows have a missing"),
    Refusal("onset: grid", lambda: onset(grid=(0.0, 28.0)), "`grid` must be ascending"),
    Refusal("onset: week negative", lambda: onset(from_week=-1.0), "`from_week` must be"),
    Refusal("onset: week missing", lambda: onset(from_week=np.nan), "`from_week` must be"),
    Refusal("onset: last before first", lambda: onset(through_week=6.0), "later than `from_week`"),
    Refusal("onset: all too late", lambda: onset(from_week=500.0), "none of 0 rows followed from week 500"),
)
