"""How strong confounding that nobody measured would have to be, and how strong the measured confounders are."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, sqrt

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, checked_weights, one_dimensional, refuse


@dataclass(frozen=True, slots=True)
class EValue:
    """Strengths on the scale of risk ratios, each 1 or above: to explain the estimate away, and the limit nearer to no effect."""

    estimate: float
    limit: float
    risk_ratio: float
    null: float


def e_value(risk_ratio: float, *, conf_low: float, conf_high: float, null: float = 1.0) -> EValue:
    """The least strength of unmeasured confounding that could explain a risk ratio away.

    Estimand
        The least risk ratio that an unmeasured confounder would need with the treatment and with the outcome, both beyond the
        measured covariates, for the true risk ratio to be `null`.
    Estimator
        E = r + sqrt(r (r - 1)) with r = RR/null, or null/RR where RR is below null; of the limit the same with the limit nearer
        to null, and 1 when the limits hold null.
    Interval
        None: the E-value of the limit is what an interval would say.
    Conventions
        One strength for both associations; where one is weaker the other must be stronger (`bias_factor`).
    Assumes
        Nothing of the confounder: bias of that strength can explain the estimate away, and weaker bias cannot.
    Not for
        A hazard ratio or an odds ratio of a common outcome: they are further from 1 than the risk ratio at a day. Selection and
        measurement. A small E-value proves no confounding, a large one excludes none.
    Parameters
        risk_ratio, conf_low, conf_high: the ratio of two risks on one day and its limits. null: the ratio to be explained.
    Returns
        EValue.
    References
        VanderWeele & Ding (2017) Ann Intern Med 167:268; Ding & VanderWeele (2016) Epidemiology 27:368 (bounding factor).
    Checked
        Published (RR 3.9, 1.8 to 8.7: 7.26 and 3.0); exact (inverse, the bounding factor): tests/estimators/test_e_value.py.
    """
    if not (isfinite(risk_ratio) and risk_ratio > 0.0 and isfinite(null) and null > 0.0):
        raise refuse(
            "an E-value needs a positive risk ratio", way_out="With nobody reaching the outcome in an arm, say so instead."
        )
    if not 0.0 <= conf_low <= risk_ratio <= conf_high:
        raise refuse("the limits of the risk ratio do not hold it")
    nearer = conf_low if conf_low > null else conf_high
    limit = 1.0 if conf_low <= null <= conf_high else _strength(nearer / null)
    return EValue(_strength(risk_ratio / null), limit, risk_ratio, null)


def bias_factor(with_treatment: float, with_outcome: float) -> float:
    """The most by which a confounder can multiply a risk ratio: ab / (a + b - 1) for its risk ratios a and b, each taken above 1.

    Ding & VanderWeele (2016) Epidemiology 27:368, eq. 1. With a = b the inverse of `e_value`.
    """
    if not (with_treatment > 0.0 and with_outcome > 0.0):
        raise refuse("a bounding factor needs two positive risk ratios")
    a, b = _above_one(with_treatment), _above_one(with_outcome)
    if not isfinite(a) or not isfinite(b):
        return min(a, b)
    return a * b / (a + b - 1.0)


@dataclass(frozen=True, slots=True)
class ConfounderStrength:
    """A measured confounder's risk ratios, each above 1, and the one strength that biases as much: to lay beside an E-value."""

    with_treatment: float
    with_outcome: float
    joint: float


def confounder_strength(
    value: npt.ArrayLike, treatment: npt.ArrayLike, covariate: npt.ArrayLike, *, weight: npt.ArrayLike | None = None
) -> ConfounderStrength:
    """How strong one measured confounder is, on the scale of the E-value.

    Estimand
        The risk ratios of high against low values of the covariate with the treatment and, within an arm, with the outcome; and
        the single strength e that has their bounding factor.
    Estimator
        High is above the median (of two values: the larger). With the treatment: Pr(high | 1) / Pr(high | 0) or the same of low,
        the larger above 1. With the outcome: the larger of the arms' mean(value | high) / mean(value | low), above 1.
        e = B + sqrt(B (B - 1)), B the `bias_factor` of the two.
    Interval
        None: it is a ruler, and noise makes it a long one (each ratio is turned above 1).
    Conventions
        Rows with weight 0 do not count. An arm without both kinds has no ratio with the outcome and leaves it to the other arm.
    Assumes
        That the covariate split at its median says how strong it is.
    Not for
        Its effect: the ratios are crude. A covariate that does not vary (refused).
    Parameters
        value: (n,) outcomes or their pseudo-values. treatment: 0 or 1. covariate: (n,). weight: sampling weights.
    Returns
        ConfounderStrength; inf where a kind has nobody in an arm or no outcome.
    References
        VanderWeele & Ding (2017) Ann Intern Med 167:268, appendix; Cornfield et al. (1959) JNCI 22:173.
    Checked
        Exact by hand: tests/estimators/test_e_value.py.
    """
    y, arm, x = (one_dimensional(n, v) for n, v in (("value", value), ("treatment", treatment), ("covariate", covariate)))
    if not y.size == arm.size == x.size:
        raise refuse(f"{y.size} values, {arm.size} treatments and {x.size} covariate values are not one a row each")
    w = checked_weights(weight, y.size)
    if np.count_nonzero((arm != 0.0) & (arm != 1.0) & (w > 0.0)):
        raise refuse("`treatment` is 0 or 1")
    y, arm, x, w = (column[w > 0.0] for column in (y, arm, x, w))
    missing = int(np.count_nonzero(~np.isfinite(y)))
    if missing:
        raise refuse(f"{missing} of {y.size} values are missing or not finite", way_out="Leave these rows out.")
    high = _high(x)
    shares = [_mean(w[arm == a], high[arm == a].astype(np.float64)) for a in (0.0, 1.0)]
    if any(share is None for share in shares):
        raise refuse("an arm has nobody", way_out="A comparison needs two arms.")
    one, other = (float(share) for share in shares if share is not None)
    with_treatment = max(_above_one(_ratio(other, one)), _above_one(_ratio(1.0 - other, 1.0 - one)))
    with_outcome = [_outcome_ratio(y, w, high, arm == a) for a in (0.0, 1.0)]
    known = [ratio for ratio in with_outcome if ratio is not None]
    if not known:
        raise refuse("no arm has both high and low values of the covariate")
    factor = bias_factor(with_treatment, max(known))
    return ConfounderStrength(with_treatment, max(known), _strength(factor))


def _high(x: FloatArray) -> npt.NDArray[np.bool_]:
    values = np.unique(x)
    if values.size < 2 or not np.isfinite(x).all():
        raise refuse("the covariate does not vary or has missing values", way_out="Leave it out of the ruler.")
    middle = float(np.median(x))
    high = x > middle if values.size > 2 and middle < values[-1] else x == values[-1]
    return np.asarray(high)


def _mean(weight: FloatArray, value: FloatArray) -> float | None:
    total = float(weight.sum())
    return float(weight @ value) / total if total > 0.0 else None


def _outcome_ratio(y: FloatArray, w: FloatArray, high: npt.NDArray[np.bool_], arm: npt.NDArray[np.bool_]) -> float | None:
    means = [_mean(w[arm & kind], y[arm & kind]) for kind in (high, ~high)]
    if means[0] is None or means[1] is None:
        return None
    return _above_one(_ratio(max(means[0], 0.0), max(means[1], 0.0)))


def _ratio(one: float, other: float) -> float:
    if other > 0.0:
        return one / other
    return inf if one > 0.0 else 1.0


def _above_one(ratio: float) -> float:
    return ratio if ratio >= 1.0 else 1.0 / ratio if ratio > 0.0 else inf


def _strength(ratio: float) -> float:
    above = _above_one(ratio)
    return above + sqrt(above * (above - 1.0)) if isfinite(above) else inf
