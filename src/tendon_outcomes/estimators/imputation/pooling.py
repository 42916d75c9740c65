"""One answer from several completed samples: Rubin's rules with the degrees of freedom of Barnard and Rubin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.limits import probability_limits, two_sided_z
from tendon_outcomes.estimators.observations import FloatArray, checked_level, refuse
from tendon_outcomes.estimators.special_functions import student_t_quantile

ROUNDING = (
    1e-24  # a variance between imputations below this share of the squared estimate, or of the variance within, is rounding
)


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """k pooled estimates; arrays (k,). `within` and `between` are the two parts of the variance, before 1 + 1/m.

    `missing_information` is the share of the information that the imputed values do not have. `covariance` (k, k) when the
    covariances were given, for simultaneous bands; `band(critical)` has limits that many standard errors away.
    """

    names: tuple[str, ...]
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    df: FloatArray
    missing_information: FloatArray
    within: FloatArray
    between: FloatArray
    imputations: int
    conf_level: float
    interval: str
    band_low: FloatArray | None
    band_high: FloatArray | None
    covariance: FloatArray | None = field(default=None, repr=False)

    def band(self, critical: float) -> tuple[FloatArray, FloatArray]:
        """Limits `critical` standard errors away, on the scale of the interval."""
        return _limits(self.estimate, self.std_error, np.full(self.estimate.size, _checked_critical(critical)), self.interval)


def pooled(
    estimate: npt.ArrayLike,
    covariance: npt.ArrayLike,
    *,
    df_complete: npt.ArrayLike = np.inf,
    critical: float | None = None,
    interval: Literal["plain", "logit"] = "plain",
    conf_level: float = 0.95,
    names: Sequence[str] | None = None,
) -> Pooled:
    """Estimates from m completed samples as one, with what the imputed values leave open in its error.

    Estimand
        That of the completed-sample estimator, under the model that the values were drawn from.
    Estimator
        Q = mean of the estimates; U = mean of their variances; B = variance of the estimates between imputations (m - 1);
        T = U + (1 + 1/m) B.
    Interval
        Q +- t_df sqrt(T). With lambda = (1 + 1/m) B / T and c the degrees of freedom of a complete sample:
        1/df = lambda^2 / (m - 1) + (c + 3) / {(c + 1) c (1 - lambda)}. "logit": the same reach, on the logit scale of a share by
        the delta method, so that limits stay in [0, 1]. `critical` in place of the t quantile gives a band.
    Conventions
        Where the imputations agree entirely (B = 0) the numbers are those of the complete sample, with c degrees of freedom.
        A variance of 0 in every imputation, as of a contrast with itself, has limits at the estimate. The missing information is
        (r + 2/(v + 3)) / (r + 1), r = (1 + 1/m) B / U and v = (m - 1) / lambda^2.
    Assumes
        Proper imputations from a model that holds what the analysis holds; estimates near normal in every completed sample.
    Not for
        Values that are missing because of what they are, unless the imputation model says so. p-values, quantiles and other
        numbers without a normal sampling distribution. Fewer than 2 imputations (refused).
    Parameters
        estimate: (m, k) or (m,). covariance: (m, k, k) covariances, or (m, k) (or (m,)) variances. df_complete: c, one number or
        k. critical: of a simultaneous band, in standard errors. interval. conf_level in (0, 1). names: of the k estimates.
    Returns
        Pooled.
    References
        Rubin (1987) Multiple Imputation for Nonresponse in Surveys, eqs. 3.1.2-3.1.10; Barnard & Rubin (1999) Biometrika 86:948,
        eqs. 3-5.
    Checked
        Exact by hand, equal imputations = complete sample: tests/estimators/test_pooling.py; loops in fractions:
        tests/slow_reference/checks_imputation.py; reference: R mitools.
    """
    each, square = _checked(estimate, covariance)
    m, k = each.shape
    level, complete = checked_level(conf_level), _checked_df(df_complete, k)
    if interval not in ("plain", "logit"):
        raise refuse("`interval` is plain or logit")
    labels = tuple(f"estimate {j + 1}" for j in range(k)) if names is None else tuple(names)
    if len(labels) != k:
        raise refuse(f"{len(labels)} names for {k} estimates")
    centre = each.mean(axis=0)
    away = each - centre
    apart = away.T @ away / (m - 1)
    mean_square = square.mean(axis=0)
    within = np.diagonal(mean_square) if square.ndim == 3 else mean_square
    between = np.diagonal(apart)
    between = np.where(between <= ROUNDING * np.maximum(centre**2, within), 0.0, between)
    total = within + (1.0 + 1.0 / m) * between
    df, information = _degrees(between, total, m, complete)
    error = np.sqrt(total)
    reach = np.array([_quantile(level, one) for one in df])
    low, high = _limits(centre, error, reach, interval)
    whole = mean_square + (1.0 + 1.0 / m) * apart if square.ndim == 3 else None
    band_low, band_high = (
        (None, None) if critical is None else _limits(centre, error, np.full(k, _checked_critical(critical)), interval)
    )
    return Pooled(
        labels, centre, error, low, high, df, information, within, between, m, level, interval, band_low, band_high, whole
    )


def _checked(estimate: npt.ArrayLike, covariance: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    each, square = np.asarray(estimate, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    if each.ndim == 1:
        each = each[:, None]
        square = square[:, None] if square.ndim == 1 else square
    if each.ndim != 2 or each.size == 0:
        raise refuse(f"estimates have shape {each.shape} where (imputations, estimates) is expected")
    m, k = each.shape
    if m < 2:
        raise refuse("1 imputation has no variance between imputations", way_out="Draw at least 2, better 20.")
    if square.shape not in ((m, k), (m, k, k)):
        raise refuse(f"variances have shape {square.shape} for {m} imputations of {k} estimates")
    variance = np.diagonal(square, axis1=1, axis2=2) if square.ndim == 3 else square
    wrong = int(np.count_nonzero(~np.isfinite(each) | ~np.isfinite(variance) | (variance < 0.0)))
    if wrong:
        raise refuse(
            f"{wrong} of {each.size} estimates or variances are missing, not finite or negative",
            way_out="An estimate that one imputation does not have is not pooled over the others.",
        )
    if not np.isfinite(square).all():
        raise refuse("a covariance is missing or not finite")
    return each, square


def _checked_df(df_complete: npt.ArrayLike, k: int) -> FloatArray:
    complete = np.asarray(df_complete, dtype=np.float64)
    if complete.shape not in ((), (k,)) or not (complete > 0.0).all():
        raise refuse("`df_complete` is one positive number, or one an estimate")
    return np.broadcast_to(complete, (k,))


def _checked_critical(critical: float) -> float:
    if not (np.isfinite(critical) and critical > 0.0):
        raise refuse("`critical` is a positive number of standard errors")
    return float(critical)


def _degrees(between: FloatArray, total: FloatArray, m: int, complete: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Degrees of freedom and the share of missing information of each estimate."""
    df, information = complete.copy(), np.zeros(total.size)
    for j in np.flatnonzero(between > 0.0):
        share = float((1.0 + 1.0 / m) * between[j] / total[j])
        imputed = (m - 1) / share**2
        c = float(complete[j])
        observed = (c + 1.0) / (c + 3.0) * c * (1.0 - share) if np.isfinite(c) else np.inf
        df[j] = 1.0 / (1.0 / imputed + 1.0 / observed) if observed > 0.0 else 0.0
        information[j] = share + (1.0 - share) * 2.0 / (imputed + 3.0)
    if (df <= 0.0).any():
        raise refuse(
            f"{int(np.count_nonzero(df <= 0.0))} of {df.size} estimates differ between imputations but have no variance within",
            way_out="Give the variance that each completed sample has.",
        )
    return df, information


def _quantile(level: float, df: float) -> float:
    return student_t_quantile(0.5 + level / 2.0, df) if np.isfinite(df) else two_sided_z(level)


def _limits(centre: FloatArray, error: FloatArray, reach: FloatArray, interval: str) -> tuple[FloatArray, FloatArray]:
    if interval == "plain":
        return centre - reach * error, centre + reach * error
    outside = int(np.count_nonzero((centre <= 0.0) | (centre >= 1.0)))
    if outside:
        raise refuse(f"{outside} of {centre.size} pooled shares are not between 0 and 1", way_out="Use interval plain.")
    return probability_limits(centre, reach * error, conf_level=0.95, interval="logit", reach=1.0)
