"""Critical values that hold along a whole curve: the largest of many correlated t statistics."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.special_functions import student_t_quantile

DRAWS = 20_000
KEPT = 1e-10  # share of the largest eigenvalue below which a direction is rounding


def largest_t(covariance: FloatArray, df: float, *, conf_level: float, seed: int) -> float:
    """The c with Pr(max_j |T_j| <= c) = conf_level, T multivariate t of `df` with the correlations of `covariance` (g, g).

    From DRAWS seeded draws (standard error of the level 0.15 points at 95 %). Places of variance 0 are certain and left out;
    never below the quantile of one t. Hothorn, Bretz & Westfall (2008) Biometrical J 50:346, section 3.
    """
    pointwise = student_t_quantile(0.5 + conf_level / 2.0, df)
    size = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    varies = np.flatnonzero(size > 1e-12 * max(float(size.max(initial=0.0)), 1e-300))
    if varies.size < 2:
        return pointwise
    correlation = covariance[np.ix_(varies, varies)] / np.outer(size[varies], size[varies])
    value, vector = np.linalg.eigh((correlation + correlation.T) / 2.0)
    kept = value > KEPT * float(value[-1])
    # A decomposition leaves the sign of each vector open and the draws would follow it: the largest element is made positive.
    towards = np.sign(np.take_along_axis(vector, np.abs(vector).argmax(axis=0)[None, :], axis=0))
    root = (vector * towards)[:, kept] * np.sqrt(value[kept])
    rng = np.random.default_rng(seed)
    largest = np.abs(rng.standard_normal((DRAWS, int(kept.sum()))) @ root.T).max(axis=1)
    if np.isfinite(df):
        largest /= np.sqrt(rng.chisquare(df, DRAWS) / df)
    return max(pointwise, float(np.quantile(largest, conf_level)))
