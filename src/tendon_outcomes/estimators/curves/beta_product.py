"""Limits of a survival probability that hold in small samples: products of beta variables in place of a normal approximation."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.special_functions import beta_quantile


def beta_product_limits(
    n_at_risk: FloatArray, n_events: FloatArray, n_censored: FloatArray, *, conf_level: float, first: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Limits of S on each day from whole counts of people followed from time 0.

    Estimand
        S(t) = Pr(T > t).
    Estimator
        After the i-th event day S has the distribution of W+ = prod_{j <= i} Beta(n_j - d_j + 1, d_j) (a product of order
        statistics of uniform variables), and it cannot fall below its value at the next event, W- = W+ Beta(n_after, 1), n_after
        those at risk after the day.
    Interval
        Lower: the (1 - level)/2 quantile of W-. Upper: the (1 + level)/2 quantile of W+. Each product is replaced by the one beta
        variable with its mean and variance (method of moments), which is exact while nobody is censored: then the limits are
        Clopper & Pearson's.
    Conventions
        Nobody left after the day: the lower limit is 0. No event yet: the upper limit is 1. Both are made to fall with time by
        widening (lower: the smallest so far; upper: the largest still to come).
    Assumes
        Whole counts; censoring independent; everybody followed from time 0.
    Not for
        Sampling weights, clusters, delayed entry: kaplan_meier refuses them here.
    Parameters
        n_at_risk, n_events, n_censored: one value a day, in order of time. conf_level in (0, 1). first: the number of
        the first day whose limits are wanted.
    Returns
        (low, high), one value for each day from `first` on.
    References
        Fay, Brittain & Proschan (2013) Biostatistics 14:723.
    Checked
        Exact (Clopper-Pearson without censoring; product of two betas by hand), reference (the same formulas with R's qbeta and
        bisection in pure Python), coverage by simulation: tests/estimators/test_beta_product.py, tests/reference.
    """
    half = (1.0 - conf_level) / 2.0
    kept = n_at_risk - n_events + 1.0
    some = n_events > 0.0
    spread = np.log1p(np.divide(n_events, kept * (n_at_risk + 2.0), out=np.zeros_like(kept), where=some))
    upper_mean = np.cumsum(np.where(some, np.log(kept / (n_at_risk + 1.0)), 0.0))
    upper_mean, upper_spread = upper_mean[first:], np.cumsum(spread)[first:]
    after = (n_at_risk - n_events - n_censored)[first:]
    left = after > 0.0
    n = np.where(left, after, 1.0)
    lower_mean, lower_spread = upper_mean + np.log(n / (n + 1.0)), upper_spread + np.log1p(1.0 / (n * (n + 2.0)))
    low = np.where(left, _quantile(half, lower_mean, lower_spread), 0.0)
    high = np.ones_like(low)
    begun = upper_spread > 0.0
    high[begun] = _quantile(1.0 - half, upper_mean[begun], upper_spread[begun])
    return falling(low, high)


def falling(low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both limits made non-increasing by widening: the smallest lower limit so far, the largest upper limit still to come."""
    return np.minimum.accumulate(low), np.maximum.accumulate(high[::-1])[::-1]


def _quantile(p: float, log_mean: FloatArray, log_spread: FloatArray) -> FloatArray:
    """Quantile of the beta variable with mean exp(log_mean) and E W^2 / (E W)^2 = exp(log_spread)."""
    mean, excess = np.exp(log_mean), np.expm1(log_spread)
    common = (1.0 - mean * (1.0 + excess)) / excess
    return beta_quantile(p, common, common * (1.0 - mean) / mean)
