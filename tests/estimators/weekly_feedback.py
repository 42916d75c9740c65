"""A clinic on arrays in which pain drives treatment and loss, treatment moves pain, and pain moves recovery; truth by holding."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample

WEEKS, GRACE, SUSTAIN = 26, 2, 12
VISITS = (2, 4, 8, 12, 26)
STRETCHING, LOADING, NEITHER = 0, 1, 3
EFFECT = 0.5  # of loading on the log odds of recovery in a week, and of less pain in it


def _chance(linear: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-linear)))


def histories(n: int, seed: int, *, held: int | None = None) -> tuple[np.ndarray, ...]:
    """Chronicity, pain before and treatment in each week, weeks of event, competing event and loss; `held` through SUSTAIN."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    pain = np.clip(np.rint(5.5 + x + 1.5 * rng.normal(size=n)), 0, 10)
    loads = rng.random(n) < _chance(-0.1 - 0.35 * (pain - 5.5) - 0.4 * x)
    current = np.where(rng.random(n) < 0.12, NEITHER, np.where(loads, LOADING, STRETCHING))
    start = np.where(rng.random(n) < 0.7, 1, 2)
    if held is not None:
        current, start = np.full(n, held), np.ones(n, dtype=int)
    event, other, lost = np.full((3, n), np.inf)
    pains, states = np.empty((n, WEEKS)), np.empty((n, WEEKS), dtype=np.int64)
    for week in range(1, WEEKS + 1):
        pains[:, week - 1] = pain
        if week > (GRACE if held is None else SUSTAIN):
            draw = rng.random(n)
            to_loading = (current == STRETCHING) & (draw < _chance(-5.0 + 0.45 * (pain - 3)))
            to_stretching = (current == LOADING) & (draw < _chance(-5.2 + 0.25 * (pain - 3)))
            current = np.where(to_loading, LOADING, np.where(to_stretching, STRETCHING, current))
        states[:, week - 1] = np.where(week >= start, current, NEITHER)
        loading = states[:, week - 1] == LOADING
        free, draw = np.isinf(event) & np.isinf(other), rng.random(n)
        hazard = _chance(-3.2 - 0.38 * (pain - 4) + EFFECT * loading - 0.3 * x)
        event = np.where(free & (draw < hazard), week, event)
        other = np.where(free & (draw >= hazard) & (draw < hazard + _chance(-5.0 + 0.1 * (pain - 4))), week, other)
        down, draw = _chance(-1.2 + EFFECT * loading + 0.1 * (pain - 5)), rng.random(n)
        up = (1.0 - down) * _chance(-1.6 - 0.1 * (pain - 5))
        fall = (draw < down) * (1 + (rng.random(n) < 0.3))
        pain = np.clip(pain - fall + ((draw >= down) & (draw < down + up)), 0, 10)
        lost = np.where(np.isinf(lost) & (rng.random(n) < _chance(-5.2 + 0.25 * (pain - 4))), week, lost)
    return x, pains, states, event, other, lost


def true_incidence(held: int, *, n: int = 300_000, seed: int = 99) -> np.ndarray:
    """Incidence by week when everyone is held to a treatment through week SUSTAIN."""
    event = histories(n, seed, held=held)[3]
    return np.array([np.mean(event <= week) for week in range(1, WEEKS + 1)])


def feedback_sample(n: int, seed: int) -> LongitudinalSample:
    """What visits at VISITS show of a clinic."""
    x, pains, states, event, other, lost = histories(n, seed)
    left, right, cause = np.zeros(n, dtype=np.int64), np.full(n, np.inf), np.zeros(n, dtype=np.int64)
    for visit in VISITS:
        seen = (visit <= lost) & (cause == 0) & (other > visit)
        reached = seen & (event <= visit)
        right[reached], cause[reached] = visit, 1
        left[seen & ~reached] = visit
    competed = (cause == 0) & np.isfinite(other) & (other <= lost)
    right[competed], cause[competed] = other[competed], 2
    left[competed] = other[competed].astype(np.int64) - 1
    deviates, phase = clones(states, grace=GRACE, sustain=SUSTAIN)
    return LongitudinalSample(
        left=left,
        right=right,
        cause=cause,
        baseline=np.column_stack([x, pains[:, 0]]),
        varying=pains[:, :, None],
        state=states,
        deviates=deviates,
        phase=phase,
        patient=np.arange(n),
        baseline_names=("chronicity", "pain on day 0"),
        varying_names=("pain",),
        strategy_names=("stretching_led", "loading_led"),
    )


def clones(states: np.ndarray, *, grace: int, sustain: int) -> tuple[np.ndarray, np.ndarray]:
    """Weeks of departure and phases under stretching and loading: any other state after the start departs."""
    n, weeks = states.shape
    deviates, phase = np.full((2, n), weeks + 1), np.zeros((2, n, weeks), dtype=np.int64)
    for strategy in (STRETCHING, LOADING):
        started, kept = np.zeros(n, dtype=bool), np.ones(n, dtype=bool)
        for week in range(1, sustain + 1):
            now = states[:, week - 1]
            waits = kept & ~started
            last = 2 if week == grace else 1
            phase[strategy, :, week - 1] = np.where(kept & started, 3, np.where(waits, last, 0))
            leaves = kept & started & (now != strategy)
            leaves |= waits & ((now == 1 - strategy) | ((week == grace) & (now != strategy)))
            deviates[strategy, leaves] = week
            started |= kept & (now == strategy)
            kept &= ~leaves
    return deviates, phase
