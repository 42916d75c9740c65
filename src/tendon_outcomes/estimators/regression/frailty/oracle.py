"""What selection by frailty alone makes of the hazards of two durations, in closed form."""

from __future__ import annotations

from math import isfinite

from tendon_outcomes.estimators.observations import refuse


def frailty_hazard_ratio(variance: float, hazard: float, low: float, high: float) -> float:
    """Ratio of the hazards of those still ill after `high` and after `low`, when the duration itself does nothing.

    Estimand
        h(high) / h(low) of a population with hazards Z * hazard, Z gamma of mean 1.
    Estimator
        (1 + variance * hazard * low) / (1 + variance * hazard * high): of those still ill after s the mean frailty is
        1 / (1 + variance * hazard * s).
    Interval
        None: an exact number.
    Conventions
        Variance 0 gives 1.
    Assumes
        Gamma frailty, one constant hazard before and after.
    Not for
        Telling a prognosis: it is the ratio that no effect at all would show.
    Parameters
        variance: of the frailty, 0 or more. hazard: of a person of frailty 1, above 0. low, high: durations in the unit of time
        of the hazard, 0 or more.
    Returns
        The ratio.
    References
        Vaupel, Manton & Stallard (1979) Demography 16:439 (mean frailty of survivors).
    Checked
        Exact (0.361 for variance 1, a hazard of 1 in 20 weeks, 52 against 6 weeks): tests/estimators/test_frailty_selection.py.
    """
    given = (variance, hazard, low, high)
    if not (all(isfinite(one) for one in given) and min(variance, low, high) >= 0.0 and hazard > 0.0):
        raise refuse("variance and durations are finite and 0 or more, the hazard above 0")
    return (1.0 + variance * hazard * low) / (1.0 + variance * hazard * high)
