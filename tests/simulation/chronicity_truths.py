"""Runners whose recovery goes with the time it has hurt in a known way: the truth, samples of it, and the best spline of it.

log2 of the weeks is normal (domain.md, first-line clinic) and higher with a standardised covariate (think of age) that also slows
recovery and makes loss likelier. Recovery is Weibull among those who ever recover, its log hazard moved by one of four shapes of
log2 weeks. A competing event ends it. Looks are weekly; some are missed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.causal.point_treatment.outcome_model import outcome_model
from tendon_outcomes.estimators.regression.natural_spline import natural_spline
from tendon_outcomes.estimators.regression.spline_columns import KNOT_QUANTILES

FloatArray = npt.NDArray[np.float64]
WEEKS = (8, 12, 26)
LOOKS = WEEKS[-1]  # the last: follow-up ends with the question
REFERENCE = float(np.log2(12.0))

CENTRE = float(np.log2(4.5 * 365.25 / 84))  # a median of 4.5 months, in weeks
SPREAD = 1.05 / float(np.log(2.0))  # from the natural logarithm to doublings
SHARED = 0.4  # doublings a standard deviation of the covariate
OWN = float(np.sqrt(SPREAD**2 - SHARED**2))
SLOWS = -0.3  # log hazard ratio a standard deviation of the covariate
SHAPE, SCALE, NEVER = 1.3, 21.2, 0.15  # pain-free running under loading, domain.md section 4c
COMPETING, LOSS, LOSS_RISES = 0.004, 0.01, 0.5  # events a week, losses a week, log ratio
MISSED, MISSED_VISITS = 0.3, 0.1  # shares of weekly looks, and of those in the weeks asked for, which are visits

STEP = float(np.log2(26.0))
TRUTHS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "linear": lambda x: -0.15 * (x - CENTRE),
    "U-shaped": lambda x: 0.4 * (np.hypot(1.0, x - CENTRE) - 1.0),  # straight far out: 1.5 times the hazard at either 5 %
    "threshold": lambda x: np.where(x >= STEP, -0.6, 0.0),
    "null": np.zeros_like,
}
"""Log hazard ratio of recovery over log2 weeks."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One clinic: log2 weeks it has hurt, the covariate, and recovery as weekly looks tell it, in days."""

    log2_weeks: FloatArray = field(repr=False)
    covariate: FloatArray = field(repr=False)
    left: FloatArray = field(repr=False)
    right: FloatArray = field(repr=False)
    cause: npt.NDArray[np.int64] = field(repr=False)
    recovered: FloatArray = field(repr=False)
    """(n, 3): whether recovery came first by 8, 12 and 26 weeks, which nobody sees."""


def durations(rng: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray]:
    """log2 weeks and the covariate."""
    covariate = rng.standard_normal(n)
    return CENTRE + SHARED * covariate + OWN * rng.standard_normal(n), covariate


def sample(truth: str, n: int, rng: np.random.Generator) -> Sample:
    """A clinic of n runners under one of the truths."""
    x, z = durations(rng, n)
    log_ratio = TRUTHS[truth](x) + SLOWS * z
    week = SCALE * (rng.exponential(size=n) * np.exp(-log_ratio)) ** (1.0 / SHAPE)
    week = np.where(rng.random(n) < NEVER, np.inf, week)
    other = rng.exponential(1.0 / COMPETING, n)
    lost = rng.exponential(1.0 / (LOSS * np.exp(LOSS_RISES * z)))
    first = np.array([(week <= one) & (week < other) for one in WEEKS], dtype=np.float64).T
    return Sample(x, z, *_seen(rng, week, other, lost), first)


def _seen(
    rng: np.random.Generator, week: FloatArray, other: FloatArray, lost: FloatArray
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
    """Ends in days, and cause. A competing event comes with a look in its week, which also finds an earlier recovery."""
    looks = np.arange(LOOKS + 1.0)
    looked = rng.random((week.size, looks.size)) >= np.where(np.isin(looks, WEEKS), MISSED_VISITS, MISSED)
    looked[:, 0] = True
    looked &= looks <= np.minimum(lost, other)[:, None]
    after = looked & (looks >= week[:, None])
    left = np.max(np.where(looked & ~after, looks, 0.0), axis=1)
    right = np.where(after.any(axis=1), np.argmax(after, axis=1), np.inf)
    competing = (other <= np.minimum(lost, LOOKS)) & np.isinf(right)
    told = np.ceil(other)
    right = np.where(competing, told, right)
    cause = np.where(np.isinf(right), 0, np.where(competing & (other < week), 2, 1))
    return 7.0 * np.where(cause == 2, told, left), 7.0 * right, cause


def incidence(log_ratio: npt.ArrayLike) -> FloatArray:
    """(..., 3): true incidence of recovery by 8, 12 and 26 weeks of runners with this log hazard ratio."""
    node, weight = np.polynomial.legendre.leggauss(48)
    root = 0.5 * (node + 1.0)  # of the share of the time gone by: the hazard is not smooth at 0
    ratio = np.exp(np.asarray(log_ratio, dtype=np.float64))[..., None]
    found = []
    for week in WEEKS:
        time, width = week * root**2, week * root * weight
        hazard = SHAPE / SCALE * (time / SCALE) ** (SHAPE - 1.0) * ratio
        found.append((hazard * np.exp(-ratio * (time / SCALE) ** SHAPE - COMPETING * time)) @ width)
    return np.asarray((1.0 - NEVER) * np.stack(found, axis=-1))


def true_curve(truth: str, at: FloatArray) -> FloatArray:
    """(3, g): incidence at each log2 weeks, had everybody's covariate the spread it has over all runners."""
    node, weight = np.polynomial.hermite_e.hermegauss(40)
    each = incidence(TRUTHS[truth](at)[:, None] + SLOWS * node)
    return np.asarray(np.einsum("gzk,z->kg", each, weight / weight.sum()))


@lru_cache(maxsize=8)
def _everybody(durations_each: int = 401, covariates: int = 200) -> tuple[FloatArray, FloatArray]:
    """log2 weeks and covariate of equally likely runners."""
    normal = NormalDist()
    own, shared = (np.array([normal.inv_cdf((i + 0.5) / count) for i in range(count)]) for count in (durations_each, covariates))
    z = np.repeat(shared, own.size)
    return CENTRE + SHARED * z + OWN * np.tile(own, shared.size), z


def best_spline(truth: str, at: FloatArray, knots: int = 4) -> FloatArray:
    """(3, g): what a logistic model with a spline at Harrell's knots and a straight covariate comes to with endless runners.

    The truth projected on the model: its quasi-likelihood equations solved with true incidences for outcomes.
    """
    x, z = _everybody()
    normal = NormalDist(CENTRE, SPREAD)
    places = np.array([normal.inv_cdf(share) for share in KNOT_QUANTILES[knots]])
    design = np.column_stack([natural_spline(x, places)[:, 1:], z])
    model = outcome_model(design, incidence(TRUTHS[truth](x) + SLOWS * z), low=np.zeros(3), high=np.ones(3), ridge=0.0)
    everyone = np.unique(z)
    asked = natural_spline(at, places)[:, 1:]
    rows = np.column_stack([np.repeat(asked, everyone.size, axis=0), np.tile(everyone, at.size)])
    return np.asarray(model.predict(rows).reshape(at.size, everyone.size, 3).mean(axis=1).T)
