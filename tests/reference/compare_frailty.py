"""Selection by frailty beside R: glm without frailty, a likelihood written in R with it."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.regression.frailty.selection import frailty_selection
from tests.reference.comparison import Comparison, columns, frozen, series

SCRIPTS: dict[str, str | None] = {"frailty": "parametric.csv"}
ESTIMATE, ERROR = 1e-8, 1e-7


def comparisons() -> list[Comparison]:
    """Every frozen series of frailty.R beside ours."""
    numbers, data = frozen("frailty")["numbers"], columns("parametric.csv")
    weeks = 1.0 + (37.0 * np.arange(1, data["arm"].size + 1)) % 61.0
    x = np.column_stack((data["arm"], data["dose"]))
    found = []
    for name, theirs in numbers["frailty"].items():
        variance, before = map(float, name.split())
        rows = (data["seen_left"], data["seen_right"], np.isfinite(data["seen_right"]).astype(int), weeks, x)
        plain, clustered = (
            frailty_selection(*rows, variances=(variance,), before=before, pieces=(42, 126), cluster=cluster)
            for cluster in (None, data["person"])
        )
        ours = {
            "estimate": plain.coefficients[0].estimate,
            "std_error": plain.coefficients[0].std_error,
            "clustered_std_error": clustered.coefficients[0].std_error,
            "log_rate": np.log(plain.rate[0]),
            "log_likelihood": plain.log_likelihood[0],
            "ratio": plain.estimate[0],
        }
        errors = {key: values for key, values in theirs.items() if "error" in key}
        others = {key: values for key, values in theirs.items() if key not in errors}
        found += series(f"frailty {name}", others, ours, tolerance=ESTIMATE)
        found += series(f"frailty {name}", errors, ours, tolerance=ERROR)
    return [*found, *_limit(numbers["limit"], data, weeks, x), *_without_frailty(numbers["glm"], data, weeks, x)]


def _limit(theirs: dict, data: dict[str, np.ndarray], weeks: np.ndarray, x: np.ndarray) -> list[Comparison]:
    seen = np.isfinite(data["seen_right"]).astype(int)
    fit = frailty_selection(data["seen_left"], data["seen_right"], seen, weeks, x, variances=(1.0,), pieces=(42, 126))
    ours = {
        "estimate": fit.coefficients[0].estimate,
        "std_error": fit.coefficients[0].std_error,
        "log_likelihood": fit.log_likelihood[0] if fit.unbounded[0] else np.nan,
    }
    return series("frailty, unbounded rates", theirs, ours, tolerance=ERROR)


def _without_frailty(theirs: dict, data: dict[str, np.ndarray], weeks: np.ndarray, x: np.ndarray) -> list[Comparison]:
    edges = np.array([0.0, 42.0, 126.0, 260.0])
    place = np.searchsorted(edges, data["step_left"], side="right") - 1
    seen = np.isfinite(data["step_right"])
    right = np.where(seen, edges[np.minimum(place + 1, 3)], np.inf)
    fit = frailty_selection(edges[place], right, seen.astype(int), weeks, x, variances=(0.0,), pieces=(42, 126))
    ours = {"estimate": fit.coefficients[0].estimate, "log_likelihood": fit.log_likelihood[0]}
    return series("frailty without any, glm", theirs, ours, tolerance=ESTIMATE)
