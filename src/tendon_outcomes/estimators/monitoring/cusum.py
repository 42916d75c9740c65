"""Cumulative sums of evidence that outcomes have become better or worse than expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import BoolArray, FloatArray, one_dimensional, refuse, refuse_rows


@dataclass(frozen=True, slots=True, eq=False)
class Cusum:
    """The sum after each step, with what was seen and expected in the step. `signal`: it has reached `limit`.

    After a signal the sum begins again at 0 with the next step.
    """

    value: FloatArray
    increment: FloatArray
    observed: FloatArray
    expected: FloatArray
    signal: BoolArray
    limit: float


def bernoulli_cusum(outcome: npt.ArrayLike, risk: npt.ArrayLike, *, odds_ratio: float, limit: float) -> Cusum:
    """Evidence, runner by runner, that the odds of the outcome have changed by `odds_ratio`, whatever each one's chance was.

    Estimand
        Whether the odds of the outcome are those expected, or `odds_ratio` times these.
    Estimator
        S_i = max(0, S_{i-1} + y_i log(OR) - log(1 - p_i + OR p_i)): the log likelihood ratio.
    Interval
        None; the limit is chosen for a run length in control (`run_length`).
    Conventions
        A sum that reaches the limit signals and begins again at 0.
    Assumes
        Runners in the order in which their outcomes came; chances p_i that hold in control.
    Not for
        Outcomes of which the quick ones come first; runners whose order is unknown (`grouped_cusum`).
    Parameters
        outcome: n values 0 or 1. risk: n chances in (0, 1), or one. odds_ratio above 0, not 1. limit above 0.
    Returns
        Cusum with n steps.
    References
        Steiner, Cook, Farewell & Treasure (2000) Biostatistics 1:441, equation 2.3.
    Checked
        Exact (by hand): tests/estimators/test_cusum.py; run length: Markov chain and simulation.
    """
    y = one_dimensional("outcome", outcome)
    p = np.broadcast_to(np.asarray(risk, dtype=np.float64), y.shape)
    refuse_rows((y != 0.0) & (y != 1.0), "have an outcome that is not 0 or 1")
    return _summed(y * _log(odds_ratio) - _expected_weight(p, odds_ratio), y, p, limit)


def grouped_cusum(observed: npt.ArrayLike, risk: Sequence[npt.ArrayLike], *, odds_ratio: float, limit: float) -> Cusum:
    """`bernoulli_cusum` in steps of whole groups, whose inner order nobody knows: a quarter's runners at a time.

    Estimand
        As `bernoulli_cusum`.
    Estimator
        S_q = max(0, S_{q-1} + sum over the group of the weights of `bernoulli_cusum`).
    Interval
        None; the limit is chosen by simulation of such groups (`run_length`).
    Conventions
        An empty group leaves the sum where it is.
    Assumes
        Chances that hold in control.
    Not for
        Groups of which only the quick outcomes are known.
    Parameters
        observed: k counts of outcomes. risk: for each group the chances of its runners. odds_ratio, limit: as there.
    Returns
        Cusum with k steps.
    References
        Steiner, Cook, Farewell & Treasure (2000) Biostatistics 1:441, equation 2.3, summed.
    Checked
        Exact (by hand): tests/estimators/test_cusum.py.
    """
    x = one_dimensional("observed", observed)
    if x.size != len(risk):
        raise refuse(f"{x.size} counts and the chances of {len(risk)} groups")
    chances = [np.atleast_1d(np.asarray(one, dtype=np.float64)) for one in risk]
    sizes = np.array([one.size for one in chances], dtype=np.float64)
    refuse_rows(~((x >= 0.0) & (x <= sizes)), "have more outcomes than runners")
    weight = np.array([_expected_weight(one, odds_ratio).sum() for one in chances])
    return _summed(x * _log(odds_ratio) - weight, x, np.array([one.sum() for one in chances]), limit)


def time_to_event_cusum(events: npt.ArrayLike, expected: npt.ArrayLike, *, hazard_ratio: float, limit: float) -> Cusum:
    """Evidence, look by look, that events come `hazard_ratio` times as fast as expected.

    Estimand
        Whether the hazard is that expected, or `hazard_ratio` times it.
    Estimator
        S_k = max(0, S_{k-1} + O_k log(HR) - (HR - 1) E_k), O_k the events between two looks and E_k the cumulative hazard that
        all under observation gathered between them, whenever each of them entered.
    Interval
        None; the limit is chosen by simulation with staggered entry (`run_length`).
    Conventions
        Read at looks only: what rose and fell between them is not seen, and the run length has to be that of looks.
    Assumes
        Expected hazards that hold in control; events known at the look.
    Not for
        Events that are reported late (give each look what it knew).
    Parameters
        events, expected: k values from 0. hazard_ratio above 0, not 1. limit above 0.
    Returns
        Cusum with k steps.
    References
        Biswas & Kalbfleisch (2008) Stat Med 27:3382, section 3; Sego, Reynolds & Woodall (2009) Stat Med 28:1386.
    Checked
        Exact (by hand): tests/estimators/test_cusum.py; run length: gate row `run_length`.
    """
    seen, foreseen = one_dimensional("events", events), one_dimensional("expected", expected)
    if seen.size != foreseen.size:
        raise refuse(f"`events` and `expected` have {seen.size} and {foreseen.size} values")
    refuse_rows(~((seen >= 0.0) & (foreseen >= 0.0) & np.isfinite(seen + foreseen)), "have a count or an expectation below 0")
    return _summed(seen * _log(hazard_ratio) - (hazard_ratio - 1.0) * foreseen, seen, foreseen, limit)


def _summed(increment: FloatArray, observed: FloatArray, expected: FloatArray, limit: float) -> Cusum:
    if not limit > 0.0:
        raise refuse("the limit of a cumulative sum lies above 0")
    value, total = np.empty(increment.size), 0.0
    for i, step in enumerate(increment.tolist()):
        total = max(0.0, (0.0 if total >= limit else total) + step)
        value[i] = total
    return Cusum(value, increment, observed, np.asarray(expected, dtype=np.float64), value >= limit, float(limit))


def _log(ratio: float) -> float:
    if not (ratio > 0.0 and np.isfinite(ratio) and ratio != 1.0):
        raise refuse("the ratio that is watched for lies above 0 and is not 1")
    return float(np.log(ratio))


def _expected_weight(risk: FloatArray, odds_ratio: float) -> FloatArray:
    refuse_rows(~((risk > 0.0) & (risk < 1.0)), "have a chance that does not lie between 0 and 1")
    return np.asarray(np.log1p((odds_ratio - 1.0) * risk))
