"""A proportion that is looked at again and again: limits and p-values that hold at every look together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import BoolArray, FloatArray, checked_level, refuse
from tendon_outcomes.estimators.special_functions import beta_cdf, log_beta

HALVINGS = 60
Side = Literal["greater", "less"]


@dataclass(frozen=True, slots=True, eq=False)
class ConfidenceSequence:
    """Cumulative counts by look, (..., k), and limits of the proportion that hold at every look together.

    `estimate` is that of those whose outcome is known, NaN where there are none. `conf_low`, `conf_high`: of each look.
    `running_low`, `running_high`: what all looks so far leave together; where they have crossed, which happens with a
    probability of at most 1 - conf_level, `crossed` is True and the proportion has not been one and the same.
    """

    successes: FloatArray
    trials: FloatArray
    unknown: FloatArray
    estimate: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    running_low: FloatArray
    running_high: FloatArray
    crossed: BoolArray
    conf_level: float


def confidence_sequence(
    successes: npt.ArrayLike,
    trials: npt.ArrayLike,
    *,
    unknown: npt.ArrayLike | None = None,
    prior: tuple[float, float] = (0.5, 0.5),
    conf_level: float = 0.95,
) -> ConfidenceSequence:
    """Limits of a proportion that hold at every look together, however often and whenever one looks.

    Estimand
        pi = Pr(success), one and the same for everybody who enters.
    Estimator
        x / (n - unknown) at each look.
    Interval
        The pi with M_n(pi) < 1/alpha, M_n(pi) = B(a + x, b + n - x) / {B(a, b) pi^x (1 - pi)^(n - x)}: the likelihood mixed over
        Beta(a, b), a martingale when pi is true, so that the chance that it ever reaches 1/alpha is at most alpha (Ville). With
        outcomes unknown, the lower limit counts them as failures and the upper one as successes.
    Conventions
        x and n are cumulative. No trial yet: (0, 1). The limits of a look do not depend on earlier looks; the running ones do.
    Assumes
        Who enters, and when one looks, does not depend on outcomes still to come. An outcome that is corrected later is taken
        as it is known at the look.
    Not for
        Cohorts of which only the quick outcomes are known (wait until all of a cohort could have had theirs); clustered outcomes.
    Parameters
        successes, trials: (..., k) cumulative counts; trials hold the unknown. unknown: as many of the trials. prior: a, b > 0;
        it decides at which n the limits are tightest, never whether they hold. conf_level in (0, 1).
    Returns
        ConfidenceSequence.
    References
        Robbins (1970) Ann Math Stat 41:1397; Howard, Ramdas, McAuliffe & Sekhon (2021) Ann Stat 49:1055, section 4; Darling &
        Robbins (1967) PNAS 58:66.
    Checked
        Exact (the defining equation; one trial by hand), reference (confseq), simulation:
        tests/estimators/test_confidence_sequence.py, gate row `always_valid`.
    """
    x, n, open_ = _counts(successes, trials, unknown)
    a, b = _prior(prior)
    bar = -np.log(1.0 - checked_level(conf_level))
    low, high = _limit(x, n, a, b, bar, upper=False), _limit(x + open_, n, a, b, bar, upper=True)
    running_low, running_high = np.maximum.accumulate(low, axis=-1), np.minimum.accumulate(high, axis=-1)
    known = n - open_
    estimate = np.divide(x, known, out=np.full(x.shape, np.nan), where=known > 0.0)
    return ConfidenceSequence(
        x, n, open_, estimate, low, high, running_low, running_high, running_low > running_high, float(conf_level)
    )


def always_valid_p(
    successes: npt.ArrayLike,
    trials: npt.ArrayLike,
    *,
    threshold: float,
    side: Side = "greater",
    unknown: npt.ArrayLike | None = None,
    prior: tuple[float, float] = (0.5, 0.5),
) -> FloatArray:
    """p-values (..., k) against "the proportion is at most `threshold`" that may be looked at whenever one likes.

    Estimand
        Whether pi > threshold (`side` less: pi < threshold).
    Estimator
        p_k = min over looks so far of 1/E, E the likelihood mixed over Beta(a, b) cut off at the threshold over that of the
        threshold. For every pi at or below it E is a supermartingale, so Pr(any p_k <= alpha) <= alpha.
    Interval
        None; see `confidence_sequence`.
    Conventions
        At most 1, never rising. Outcomes that are unknown count against the claim.
    Assumes
        As `confidence_sequence`.
    Not for
        Combining with a p-value of one look only.
    Parameters
        As `confidence_sequence`; threshold in (0, 1).
    Returns
        (..., k).
    References
        Robbins (1970) Ann Math Stat 41:1397; Johari, Koomen, Pekelis & Walsh (2022) Oper Res 70:1806, section 3.
    Checked
        Exact (one trial by hand), reference (confseq), simulation: tests/estimators/test_confidence_sequence.py, gate row
        `always_valid`.
    """
    if not 0.0 < threshold < 1.0:
        raise refuse("the threshold of a proportion lies between 0 and 1")
    x, n, open_ = _counts(successes, trials, unknown)
    a, b = _prior(prior)
    failures = n - x
    at = float(threshold)
    if side == "less":
        x, failures, a, b, at = n - x - open_, x + open_, b, a, 1.0 - at
    elif side != "greater":
        raise refuse("`side` is greater or less")
    # A tail that underflows lies far on the other side of the threshold, where the evidence is below 1 whatever it is.
    with np.errstate(divide="ignore"):
        tail = np.log(beta_cdf(1.0 - at, b + failures, a + x)) - np.log(beta_cdf(1.0 - at, b, a))
    log_e = log_beta(a + x, b + failures) - log_beta(a, b) + tail
    log_e -= x * np.log(at) + failures * np.log1p(-at)
    return np.asarray(np.minimum(np.exp(-np.maximum.accumulate(np.maximum(log_e, 0.0), axis=-1)), 1.0))


def _limit(x: FloatArray, n: FloatArray, a: float, b: float, bar: float, *, upper: bool) -> FloatArray:
    """Where the log of the mixture ratio reaches `bar`; it falls towards x/n and rises beyond it."""
    mixed = log_beta(a + x, b + n - x) - log_beta(a, b)
    middle = np.divide(x, n, out=np.full(x.shape, 0.5), where=n > 0.0)
    inside, outside = middle.copy(), np.full(x.shape, 1.0 if upper else 0.0)
    for _ in range(HALVINGS):
        tried = 0.5 * (inside + outside)
        with np.errstate(divide="ignore", invalid="ignore"):
            spent = np.where(x > 0.0, x * np.log(tried), 0.0) + np.where(n > x, (n - x) * np.log1p(-tried), 0.0)
        within = mixed - spent < bar
        inside, outside = np.where(within, tried, inside), np.where(within, outside, tried)
    closed = (x >= n) if upper else (x <= 0.0)
    return np.where(closed, 1.0 if upper else 0.0, 0.5 * (inside + outside))


def _counts(
    successes: npt.ArrayLike, trials: npt.ArrayLike, unknown: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    x, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    open_ = np.zeros(x.shape) if unknown is None else np.asarray(unknown, dtype=np.float64)
    if x.ndim == 0 or x.shape != n.shape or x.shape != open_.shape:
        raise refuse("`successes`, `trials` and `unknown` need one cumulative count for each look")
    bad = int(np.count_nonzero(~((x >= 0.0) & (open_ >= 0.0) & (x + open_ <= n) & np.isfinite(n))))
    if bad:
        raise refuse(f"{bad} of {x.size} looks have counts below 0, or more successes and unknown outcomes than trials")
    return x, n, open_


def _prior(prior: tuple[float, float]) -> tuple[float, float]:
    a, b = (float(one) for one in prior)
    if not (a > 0.0 and b > 0.0 and np.isfinite(a + b)):
        raise refuse("the two numbers of the mixing distribution must be above 0")
    return a, b
