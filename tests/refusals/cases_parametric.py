"""Bad inputs of the parametric models of time, and the words that each is refused with."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.regression.parametric.accelerated_failure_time import accelerated_failure_time
from tendon_outcomes.estimators.regression.parametric.mixture_cure import mixture_cure
from tendon_outcomes.estimators.regression.parametric.spline_incidence import spline_incidence
from tendon_outcomes.estimators.regression.pooled_cloglog import pooled_cloglog
from tests.refusals.refusal import Refusal

INF = np.inf
TIME = np.array([1.0, 2.0, 3.0, 5.0, 8.0, 13.0])
END = np.array([1.0, 2.0, 3.0, INF, 8.0, INF])
ARM = np.array([0, 1, 0, 1, 0, 1])
LOOKS = (np.array([0.0, 0, 14, 14, 28, 28]), np.array([14.0, 14, 28, 28, INF, INF]), np.array([1, 1, 1, 1, 0, 0]))
GRID = [14, 28]


def _changed(values: np.ndarray, place: int, value: float) -> np.ndarray:
    copy = values.astype(np.float64)
    copy[place] = value
    return copy


def _spline(**options: object) -> object:
    return spline_incidence(*LOOKS, **options)  # type: ignore[arg-type]


def _aft(**options: object) -> object:
    return accelerated_failure_time(TIME, END, ARM, **options)  # type: ignore[arg-type]


REFUSALS: tuple[Refusal, ...] = (
    Refusal("spline: no rows", lambda: spline_incidence([], [], []), "no rows"),
    Refusal("spline: no recovery", lambda: spline_incidence([7.0, 9.0], [INF, INF], [0, 0]), "cause 1"),
    Refusal("spline: only competing", lambda: spline_incidence([7.0, 9.0], [8.0, 10.0], [2, 2]), "cause 1"),
    Refusal("spline: missing left", lambda: spline_incidence(_changed(LOOKS[0], 0, np.nan), *LOOKS[1:]), "missing"),
    Refusal("spline: negative left", lambda: spline_incidence(_changed(LOOKS[0], 0, -1.0), *LOOKS[1:]), "negative"),
    Refusal("spline: lengths", lambda: spline_incidence(LOOKS[0][:3], *LOOKS[1:]), "values"),
    Refusal("spline: empty interval", lambda: spline_incidence(_changed(LOOKS[0], 0, 14.0), *LOOKS[1:]), "empty interval"),
    Refusal("spline: weights", lambda: _spline(weight=_changed(TIME, 0, -1.0)), "weights"),
    Refusal("spline: no weight", lambda: _spline(weight=np.zeros(6)), "zero"),
    Refusal("spline: late entry", lambda: _spline(entry=np.full(6, 20.0)), "entry"),
    Refusal("spline: level", lambda: _spline(conf_level=1.0), "conf_level"),
    Refusal("spline: df", lambda: _spline(df=1.5), "`df`"),
    Refusal("spline: knots", lambda: _spline(knots=[5.0, 500.0]), "knots"),
    Refusal("spline: beyond", lambda: spline_incidence(*LOOKS).at(1, 29.0), "last follow-up"),
    Refusal("spline: hazard beyond", lambda: spline_incidence(*LOOKS).hazard(1, 29.0), "last follow-up"),
    Refusal("spline: time lost beyond", lambda: spline_incidence(*LOOKS).restricted_mean_time_lost(1, 29.0), "last follow-up"),
    Refusal("spline: unseen cause", lambda: spline_incidence(*LOOKS).at(2, 9.0), "not among the causes"),
    Refusal("time: no event", lambda: accelerated_failure_time(TIME, np.full(6, INF)), "right-censored"),
    Refusal("time: reversed", lambda: accelerated_failure_time([5.0, 6.0], [4.0, 7.0]), "below"),
    Refusal("time: missing right", lambda: accelerated_failure_time([5.0, 6.0], [np.nan, 7.0]), "missing"),
    Refusal("time: day 0", lambda: accelerated_failure_time([0.0, 6.0], [0.0, 7.0]), "day 0"),
    Refusal("time: constant", lambda: accelerated_failure_time(TIME, END, np.ones(6), names=["arm"]), "covariate arm: one value"),
    Refusal(
        "time: collinear",
        lambda: accelerated_failure_time(TIME, END, np.column_stack((ARM, 1 - ARM))),
        "covariate x2: a linear combination",
    ),
    Refusal(
        "time: missing covariate", lambda: accelerated_failure_time(TIME, END, _changed(ARM, 0, np.nan)), "covariate x1: 1 of"
    ),
    Refusal("time: covariate rows", lambda: accelerated_failure_time(TIME, END, ARM[:4]), "rows"),
    Refusal(
        "time: separation",
        lambda: accelerated_failure_time(TIME, [1.0, 2.0, 3.0, INF, INF, INF], TIME > 4, names=["arm"]),
        "arm: no finite estimate",
    ),
    Refusal("time: one time", lambda: accelerated_failure_time(np.full(4, 3.0), np.full(4, 3.0)), "remainder"),
    Refusal("time: empty stratum", lambda: _aft(strata=["a", "a", "a", "b", "a", "b"]), "stratum b"),
    Refusal("time: strata of exponential", lambda: _aft(strata=ARM, distribution="exponential"), "strata"),
    Refusal("time: distribution", lambda: _aft(distribution="gamma"), "distribution"),
    Refusal("time: names", lambda: _aft(names=["a", "b"]), "names"),
    Refusal("time: entry", lambda: _aft(entry=TIME + 1), "entry"),
    Refusal("time: weights", lambda: _aft(weight=_changed(TIME, 0, np.inf)), "weights"),
    Refusal("time: beyond", lambda: accelerated_failure_time(TIME, END).incidence(14.0), "last follow-up"),
    Refusal("time: late quantile", lambda: accelerated_failure_time(TIME, END).quantile(0.999), "last follow-up"),
    Refusal("time: quantile", lambda: accelerated_failure_time(TIME, END).quantile(1.0), "between 0 and 1"),
    Refusal("cloglog: no event", lambda: pooled_cloglog([14.0, 28.0], [INF, INF], [0, 0], grid=GRID), "cause 1"),
    Refusal("cloglog: beyond the grid", lambda: pooled_cloglog(*LOOKS, grid=[14]), "extend"),
    Refusal("cloglog: grid", lambda: pooled_cloglog(*LOOKS, grid=[28, 14]), "ascending"),
    Refusal("cloglog: nobody left", lambda: pooled_cloglog([0.0, 0.0], [14.0, 14.0], [1, 1], grid=[14]), "day 14"),
    Refusal("cloglog: cells alike", lambda: pooled_cloglog([0.0, 28.0], [28.0, INF], [1, 0], grid=GRID), "no row tells"),
    Refusal("cloglog: separation", lambda: pooled_cloglog(*LOOKS, LOOKS[2], grid=GRID, names=["arm"]), "no finite estimate"),
    Refusal("cloglog: constant", lambda: pooled_cloglog(*LOOKS, np.ones(6), grid=GRID), "covariate x1: one value"),
    Refusal("cloglog: off the grid", lambda: pooled_cloglog(*LOOKS, grid=GRID).incidence(20), "visit grid"),
    Refusal("cloglog: entry", lambda: pooled_cloglog(*LOOKS, grid=GRID, entry=np.full(6, 20.0)), "never at risk"),
    Refusal("cure: all recover", lambda: mixture_cure(TIME, TIME), "every row has the event"),
    Refusal("cure: nobody recovers", lambda: mixture_cure(TIME, np.full(6, INF)), "right-censored"),
    Refusal(
        "cure: no plateau",
        lambda: mixture_cure(np.arange(1.0, 11), np.where(np.arange(10) % 2, np.arange(1.0, 11), INF)),
        "never",
    ),
    Refusal("cure: constant", lambda: mixture_cure(TIME, END, np.ones(6), names_cured=["arm"]), "covariate arm: one value"),
)
