"""Cox models beside R's coxph."""

from __future__ import annotations

from typing import Any

import numpy as np

from tendon_outcomes.estimators.regression.cox.cox_fit import CoxFit
from tendon_outcomes.estimators.regression.cox.fit import cox
from tests.reference.comparison import Comparison, columns, frozen, series

SCRIPTS: dict[str, str | None] = {"cox": "cox.csv"}
ITERATED, STANDARD_ERRORS = 1e-8, 1e-7
LOOSER = ("std_error", "covariance", "naive_covariance", "conf_low", "conf_high", "wald_test")


def comparisons() -> list[Comparison]:
    """Every fit of cox.R; estimates and likelihoods to 1e-8, covariances and what is made of them to 1e-7."""
    data = columns("cox.csv")
    found = []
    for name, theirs in frozen("cox")["numbers"].items():
        ours = described(fitted(data, name))
        close = {key: values for key, values in theirs.items() if key not in LOOSER}
        loose = {key: values for key, values in theirs.items() if key in LOOSER}
        found += series(name, close, ours, tolerance=ITERATED) + series(name, loose, ours, tolerance=STANDARD_ERRORS)
    return found


def fitted(data: dict[str, np.ndarray], name: str) -> CoxFit:
    """The fit that a name like "efron/entry strata weight cluster" stands for."""
    ties, _, words = name.partition("/")
    plan = words.split()
    divisor = float(plan[-1]) if "over" in plan else 1.0
    weight = "copies" if "copies" in plan else "weight" if "weight" in plan else None
    return cox(
        data["day"] / divisor,
        data["event"],
        np.column_stack([data["arm"], data["age"], data["weeks"]]),
        names=["arm", "age", "weeks"],
        entry=data["entry"] / divisor if "entry" in plan else None,
        weight=None if weight is None else data[weight],
        strata=data["stratum"] if "strata" in plan else None,
        cluster=data["patient"] if "cluster" in plan else None,
        ties=ties,  # type: ignore[arg-type]
    )


def described(fit: CoxFit) -> dict[str, Any]:
    """The numbers of a fit under the names of the R script."""
    c = fit.coefficients
    return {
        "estimate": c.estimate,
        "std_error": c.std_error,
        "covariance": c.covariance.ravel(),
        "naive_covariance": fit.naive_covariance.ravel(),
        "conf_low": c.conf_low,
        "conf_high": c.conf_high,
        "log_likelihood": fit.log_likelihood,
        "null_log_likelihood": fit.null_log_likelihood,
        "score_test": fit.score_test.statistic,
        "wald_test": fit.wald_test.statistic,
    }
