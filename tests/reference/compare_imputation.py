"""Pooling, the comparison of counts near and away from heaps, and the model of told values, beside R."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.imputation.heaping import compared_counts, more_than_expected
from tendon_outcomes.estimators.imputation.over_imputation import over_impute
from tendon_outcomes.estimators.imputation.pooling import pooled
from tests.reference.comparison import Comparison, columns, frozen, series

SCRIPTS: dict[str, str | None] = {"imputation": "resampling.csv"}
ITERATED = 1e-8


def comparisons() -> list[Comparison]:
    """Every frozen series of imputation.R beside ours."""
    numbers, data = frozen("imputation")["numbers"], columns("resampling.csv")
    found = [*_pooled(numbers["pooled"], data), *_told(numbers["told"], data)]
    for name, theirs in numbers.items():
        if name.startswith("counts"):
            observed, away, expected = map(float, name.split()[1:])
            near = compared_counts(int(observed), expected, 0.0, int(away), 0.95)
            ours = {
                "ratio": near.ratio,
                "conf_low": near.conf_low,
                "conf_high": near.conf_high,
                "p_value": more_than_expected(int(observed), expected, 0.0, int(away)),
            }
            found += series(name, theirs, ours, tolerance=ITERATED)
    return found


def _pooled(theirs: dict, data: dict[str, np.ndarray]) -> list[Comparison]:
    estimates, covariances = [], []
    place = np.arange(1, data["day"].size + 1)
    for k in range(1, 6):
        design = np.column_stack([np.ones(place.size), data["x1"] + np.sin(k * place) / 3, data["x2"]])
        inverse = np.linalg.inv(design.T @ design)
        estimates.append(inverse @ design.T @ data["day"])
        residual = data["day"] - design @ estimates[-1]
        covariances.append(inverse * (residual @ residual) / (place.size - 3))
    fit = pooled(estimates, covariances)
    ours = {key: getattr(fit, key) for key in ("estimate", "covariance", "df", "missing_information", "conf_low", "conf_high")}
    return series("pooled", theirs, ours, tolerance=ITERATED)


def _told(theirs: dict, data: dict[str, np.ndarray]) -> list[Comparison]:
    spread = 0.2 + 0.5 * (np.arange(1, data["day"].size + 1) % 3)
    fit = over_impute(np.log2(data["day"]), spread, np.column_stack([data["x1"], data["x2"]]), imputations=2, seed=1)
    ours = {"slope": fit.slope, "std_error": fit.std_error, "residual_variance": fit.residual_variance}
    return series("told", theirs, ours, tolerance=ITERATED)
