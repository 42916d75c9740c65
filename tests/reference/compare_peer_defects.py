"""Cox fits beside R on the samples where Python peers give other numbers (tests/estimators/test_lifelines_defects.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.reference.comparison import Comparison, columns, frozen, series

SCRIPTS: dict[str, str | None] = {"peer_defects": "right_censored.csv"}
COEFFICIENTS, ERRORS = 1e-8, 1e-7


def sample() -> dict[str, np.ndarray]:
    """The right-censored sample with an event of cause 1, a group of every fortieth row, and late entry as a covariate."""
    data = columns("right_censored.csv")
    n = data["day"].size
    return data | {"event": data["cause"] == 1, "group": np.arange(n) % 40, "late": (data["entry"] > 0).astype(float)}


def options(name: str, data: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What a fit of that name is given beside time, event and covariates."""
    words = name.split()
    chosen: dict[str, Any] = {"ties": words[0], "entry": data["entry"] if "entry" in words else None}
    chosen["weight"] = data["weight"] if "weighted" in words else None
    chosen["cluster"] = data["group"] if "clustered" in words else None
    chosen["names"] = ("copies",) if "entry" in words else ("copies", "late")
    return chosen


def comparisons() -> list[Comparison]:
    from tendon_outcomes.estimators.regression.cox.fit import cox

    data = sample()
    found = []
    for name, theirs in frozen("peer_defects")["numbers"].items():
        chosen = options(name, data)
        fit = cox(data["day"], data["event"], np.column_stack([data[one] for one in chosen["names"]]), **chosen)
        naive = np.sqrt(np.diag(fit.naive_covariance))
        ours = {"estimate": fit.coefficients.estimate, "std_error": fit.coefficients.std_error, "naive_std_error": naive}
        first = {"estimate": theirs["estimate"], "log_likelihood": theirs["log_likelihood"]}
        found += series(f"{name} cox", first, ours | {"log_likelihood": fit.log_likelihood}, tolerance=COEFFICIENTS)
        errors = {key: theirs[key] for key in ("std_error", "naive_std_error")}
        found += series(f"{name} cox", errors, ours, tolerance=ERRORS)
    return found
