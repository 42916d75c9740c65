"""How long a cumulative sum runs before it signals, and the limit that gives it a run length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, refuse

STATES = 400
DAYS_A_QUARTER = 91.0
HALVINGS = 40
Distribution = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class RunLength:
    """Mean number of steps to the first signal, with its Monte-Carlo error; `unfinished` runs had none by the last step."""

    mean: float
    std_error: float
    limit: float
    replicates: int
    unfinished: int


def markov_run_length(distribution: Distribution, *, limit: float, states: int = STATES) -> float:
    """Mean steps from 0 to the first S >= limit of S = max(0, S + W), W independent with this distribution function.

    Estimand
        E(N), N the first step with S >= limit.
    Estimator
        Brook & Evans: [0, limit) in `states` cells, chances between their middles from the distribution function, solution of
        (I - Q) m = 1.
    Interval
        None.
    Conventions
        The cell of 0 holds what would fall below. The error falls with the square of the cells.
    Assumes
        Independent increments of one distribution.
    Not for
        Increments of few values beside a limit that is a sum of them: the answer then jumps with the cells.
    Parameters
        distribution: vectorised Pr(W <= w). limit above 0. states: at least 10.
    Returns
        float.
    References
        Brook & Evans (1972) Biometrika 59:539.
    Checked
        Published (normal increments): tests/estimators/test_run_length.py, gate row `run_length`.
    """
    if not limit > 0.0 or states < 10:
        raise refuse("a run length needs a limit above 0 and 10 states or more")
    width = 2.0 * limit / (2.0 * states - 1.0)
    here = width * np.arange(states)
    upper = distribution(here[None, :] - here[:, None] + width / 2.0)
    lower = distribution(here[None, :] - here[:, None] - width / 2.0)
    moves = upper - np.where(np.arange(states)[None, :] == 0, 0.0, lower)
    return float(np.linalg.solve(np.eye(states) - moves, np.ones(states))[0])


def bernoulli_run_length(chance: float, expected: float, *, odds_ratio: float, limit: float, states: int = STATES) -> float:
    """Mean runners to a signal of `bernoulli_cusum` when all have the chance `expected` and the true one is `chance`.

    Estimand
        As `markov_run_length`.
    Estimator
        The same, on a grid so fine that both weights fall on middles of cells nearly exactly.
    Interval
        None.
    Conventions
        As there.
    Assumes
        One chance for all.
    Not for
        Mixed risks (simulate).
    Parameters
        chance, expected in (0, 1). odds_ratio, limit: as `bernoulli_cusum`.
    Returns
        float.
    References
        Reynolds & Stoumbos (1999) J Qual Technol 31:87.
    Checked
        Simulation: tests/estimators/test_run_length.py.
    """
    if not (0.0 < chance < 1.0 and 0.0 < expected < 1.0):
        raise refuse("both chances lie between 0 and 1")
    fail = -float(np.log1p((odds_ratio - 1.0) * expected))
    hit = float(np.log(odds_ratio)) + fail
    pairs = sorted([(fail, 1.0 - chance), (hit, chance)])
    (first, mass), (second, _) = pairs
    return markov_run_length(
        lambda w: np.where(w >= second, 1.0, np.where(w >= first, mass, 0.0)), limit=limit, states=max(states, 1_000)
    )


def simulated_run_length(increments: npt.ArrayLike, *, limit: float) -> RunLength:
    """Mean steps to the first signal over simulated series of increments (r, k).

    Estimand
        E(N) as long as the series go on.
    Estimator
        All steps before a signal, of every series, over the number of series that signalled: runs that end without one count
        with their steps, as waiting times of a constant chance would.
    Interval
        Standard error of the mean by the series: mean / sqrt(signals).
    Conventions
        A series is followed to its first signal only, as it began at 0.
    Assumes
        Series long beside the run length: half of them signal, else it is refused.
    Not for
        Series of which most do not signal.
    Parameters
        increments: (r, k). limit above 0.
    Returns
        RunLength.
    References
        Epstein & Sobel (1953) JASA 48:486 (waiting times cut off).
    Checked
        Exact against the Markov chain: tests/estimators/test_run_length.py.
    """
    steps = np.asarray(increments, dtype=np.float64)
    if steps.ndim != 2 or not steps.size or not limit > 0.0:
        raise refuse("a run length needs series of increments (r, k) and a limit above 0")
    first = _first_signal(steps, limit)
    signalled = int(np.count_nonzero(first > 0))
    if 2 * signalled < steps.shape[0]:
        raise refuse(
            f"{steps.shape[0] - signalled} of {steps.shape[0]} series ended without a signal", way_out="Simulate longer series."
        )
    mean = float(np.where(first > 0, first, steps.shape[1]).sum()) / signalled
    return RunLength(mean, mean / signalled**0.5, float(limit), steps.shape[0], steps.shape[0] - signalled)


def limit_for_run_length(increments: npt.ArrayLike, *, design: float) -> RunLength:
    """The limit with which series in control run `design` steps on average, and what they then run.

    Estimand
        The limit h with E(N) = design.
    Estimator
        Bisection of h over the same simulated series (r, k).
    Interval
        As `simulated_run_length`, for the run length.
    Conventions
        The smallest limit found whose run length is not below the design.
    Assumes
        As `simulated_run_length`.
    Not for
        As there.
    Parameters
        increments: (r, k) in control; k some five times the design. design: steps above 1.
    Returns
        RunLength; its `limit` is what is wanted.
    References
        Steiner, Cook, Farewell & Treasure (2000) Biostatistics 1:441, section 3.
    Checked
        Published (normal increments: limit 4 for 335 steps): tests/estimators/test_run_length.py.
    """
    steps = np.asarray(increments, dtype=np.float64)
    if steps.ndim != 2 or not 1.0 < design <= steps.shape[1] / 2.0:
        raise refuse(f"a run length of {design:g} needs series at least twice as long", way_out="Simulate longer series.")
    low, high = 0.0, 1.0
    while _mean(steps, high) < design:
        low, high = high, 2.0 * high
        if high > 1e6:
            raise refuse("no limit gives that run length")
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _mean(steps, middle) < design else (low, middle)
    return simulated_run_length(steps, limit=high)


def staggered_looks(
    sizes: npt.ArrayLike,
    weekly_hazard: npt.ArrayLike,
    *,
    looks: int,
    replicates: int,
    hazard_ratio: float = 1.0,
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    """Events and expected hazard (r, looks) between quarterly looks when runners enter all through the quarters.

    Estimand
        What `time_to_event_cusum` is given, in control (hazard ratio 1) or out of it.
    Estimator
        Each quarter has a size drawn from `sizes`; entries even over its 91 days; events by the weekly hazards, followed for as
        many weeks as there are; what falls between two looks counts at the later one.
    Interval
        None.
    Conventions
        Series begin where runners of earlier quarters are under observation already.
    Assumes
        Hazards constant within weeks; every event known at the next look.
    Not for
        Loss and late reports.
    Parameters
        sizes: whole numbers from 0. weekly_hazard: (w,) from 0. looks, replicates: whole numbers. seed.
    Returns
        events, expected.
    References
        Biswas & Kalbfleisch (2008) Stat Med 27:3382, section 4 (staggered entry).
    Checked
        Exact (the expectation of both in control), simulation: tests/estimators/test_run_length.py, gate row `run_length`.
    """
    size, hazard = np.asarray(sizes, dtype=np.int64).ravel(), np.asarray(weekly_hazard, dtype=np.float64).ravel()
    if not size.size or size.min() < 0 or not size.sum() or not hazard.size or not (hazard >= 0.0).all() or looks < 1:
        raise refuse("staggered entry needs sizes of quarters, weekly hazards from 0 and a look")
    rng = np.random.default_rng(seed)
    cumulative = np.concatenate(([0.0], np.cumsum(hazard)))
    days = 7.0 * np.arange(cumulative.size)
    earlier = int(np.ceil(days[-1] / DAYS_A_QUARTER))
    drawn = size[rng.integers(0, size.size, (replicates, looks + earlier))]
    series = np.repeat(np.arange(replicates), drawn.sum(axis=1))
    quarter = np.repeat(np.tile(np.arange(looks + earlier), replicates), drawn.ravel())
    start = DAYS_A_QUARTER * quarter + rng.random(series.size) * DAYS_A_QUARTER
    event = np.interp(rng.exponential(size=series.size) / hazard_ratio, cumulative, days, right=np.inf)
    events, expected = np.zeros((replicates, looks + earlier)), np.zeros((replicates, looks + earlier))
    for ahead in range(earlier + 1):
        at = quarter + ahead
        seen = at < looks + earlier
        low = np.maximum(DAYS_A_QUARTER * at - start, 0.0)
        high = np.minimum(DAYS_A_QUARTER * (at + 1.0) - start, event)
        gathered = np.interp(high, days, cumulative) - np.interp(np.minimum(low, high), days, cumulative)
        came = (event > low) & (event <= DAYS_A_QUARTER * (at + 1.0) - start)
        np.add.at(events, (series[seen], at[seen]), came[seen])
        np.add.at(expected, (series[seen], at[seen]), gathered[seen])
    return events[:, earlier:], expected[:, earlier:]


def _first_signal(steps: FloatArray, limit: float) -> npt.NDArray[np.int64]:
    """The step (from 1) of the first signal of each series, 0 where there is none."""
    total, first = np.zeros(steps.shape[0]), np.zeros(steps.shape[0], dtype=np.int64)
    for k in range(steps.shape[1]):
        total = np.maximum(total + steps[:, k], 0.0)
        first[(first == 0) & (total >= limit)] = k + 1
        if first.all():
            break
    return first


def _mean(steps: FloatArray, limit: float) -> float:
    first = _first_signal(steps, limit)
    signalled = np.count_nonzero(first)
    return float(np.where(first > 0, first, steps.shape[1]).sum()) / signalled if signalled else np.inf
