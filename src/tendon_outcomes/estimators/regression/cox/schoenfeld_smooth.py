"""How a coefficient moves over time: a smooth through its scaled Schoenfeld residuals, for the eye."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import FloatArray, checked_level, refuse
from tendon_outcomes.estimators.regression.cox.proportionality import ProportionalHazardsTest
from tendon_outcomes.estimators.regression.natural_spline import natural_spline


@dataclass(frozen=True, slots=True, eq=False)
class SchoenfeldSmooth:
    """The smooth of one covariate at `time`, in order of time, with pointwise limits; the scale is the log hazard ratio."""

    name: str
    time: FloatArray
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray


def schoenfeld_smooth(
    test: ProportionalHazardsTest, covariate: str, *, df: int = 4, points: int = 40, conf_level: float = 0.95
) -> SchoenfeldSmooth:
    """A natural cubic spline with `df` degrees of freedom through the scaled Schoenfeld residuals of one covariate.

    Estimand
        beta(t), the log hazard ratio as a function of time, roughly.
    Estimator
        Least squares of the scaled residuals on a natural spline (with intercept) of the transformed time of the test, knots at
        equally spaced quantiles of it, inner and outer.
    Interval
        Pointwise normal: var = v b'(B'B)^-1 b, v the variance of one scaled residual under proportional hazards.
    Conventions
        `points` places equally spaced on the transformed scale, told in the unit of time.
    Assumes
        What the test assumes; the variance is that under proportional hazards.
    Not for
        A test (there is one), or an estimate of a hazard ratio at a day: it is drawn to be looked at.
    Parameters
        test: from proportional_hazards_test. covariate: one of `test.names`. df: at least 2. points: at least 2.
    Returns
        SchoenfeldSmooth. Fewer distinct event times than `df` are refused.
    References
        Grambsch & Therneau (1994) Biometrika 81:515; Therneau & Grambsch (2000) Modeling Survival Data, 6.4.
    Checked
        Exact (with df = 2 the straight line of least squares; a straight line is found again with any df):
        tests/estimators/test_proportionality.py. R's plot.cox.zph has its knots elsewhere.
    """
    level = checked_level(conf_level)
    if covariate not in test.names:
        raise refuse(f"no covariate is called {covariate}", way_out=f"The model has {', '.join(test.names)}.")
    if df < 2 or points < 2:
        raise refuse("a smooth has at least 2 degrees of freedom and 2 points")
    x = test.transformed_time
    if np.unique(x).size < df:
        raise refuse(f"{np.unique(x).size} event times for a smooth with {df} degrees of freedom", way_out="Ask for fewer.")
    column = test.names.index(covariate)
    knots = np.unique(np.quantile(x, np.linspace(0.0, 1.0, df)))
    design = natural_spline(x, knots)
    at = np.linspace(x.min(), x.max(), points)
    shown = natural_spline(at, knots)
    inverse = np.linalg.inv(design.T @ design)
    estimate = shown @ (inverse @ (design.T @ test.scaled_residual[:, column]))
    std_error = np.sqrt(test.event_covariance[column, column] * np.einsum("ij,jk,ik->i", shown, inverse, shown))
    order = np.argsort(x, kind="stable")
    reach = two_sided_z(level) * std_error
    time = np.interp(at, x[order], test.time[order])
    return SchoenfeldSmooth(covariate, time, estimate, std_error, estimate - reach, estimate + reach)
