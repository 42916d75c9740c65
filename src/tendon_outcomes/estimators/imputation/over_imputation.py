"""What a value that was told with error may have been: draws given the telling, its spread, and everything that goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.imputation.told_model import ToldModel, told_model
from tendon_outcomes.estimators.observations import FloatArray, one_dimensional, refuse, refuse_rows
from tendon_outcomes.estimators.regression.design_matrix import DesignMatrix, design_matrix
from tendon_outcomes.estimators.resampling.draws import checked_seed, clusters_of, generator_of
from tendon_outcomes.estimators.special_functions import truncated_normal_quantile

FEWEST_ROWS = 5  # rows a coefficient: below, a model is refused (statistics.md, rails)


@dataclass(frozen=True, slots=True, eq=False)
class OverImputed:
    """`value` (m, n): m completed columns. `reliability` is t^2 / (t^2 + mean spread^2), t^2 the `residual_variance`.

    `slope` (p,) of the true value on the predictors named `names`, with `std_error`: what the imputations lean on. `kept` values
    had no spread and stand as told; `unknown` ones had an infinite spread and were drawn from the predictors alone.
    """

    value: FloatArray = field(repr=False)
    names: tuple[str, ...]
    slope: FloatArray
    std_error: FloatArray
    residual_variance: float
    reliability: float
    kept: int
    unknown: int


def over_impute(
    told: npt.ArrayLike,
    spread: npt.ArrayLike,
    predictors: npt.ArrayLike | None = None,
    *,
    names: Sequence[str] | None = None,
    imputations: int = 20,
    seed: int,
    low: float | None = None,
    high: float | None = None,
    cluster: npt.ArrayLike | None = None,
) -> OverImputed:
    """Multiple over-imputation of values told with an error of known spread.

    Estimand
        The distribution of the true values x given what was told and the predictors.
    Estimator
        told_i = x_i + e_i, e_i ~ N(0, spread_i^2); x_i ~ N(g'z_i, t^2). Each completed sample draws from
        N(k told_i + (1 - k) g'z_i, k spread_i^2), k = t^2 / (t^2 + spread_i^2), with g and t^2 estimated anew on a bootstrap
        sample of patients (`told_model`: weighted least squares at the largest root of the restricted score of t^2).
    Interval
        None here: estimate on every completed sample and put the answers together by `pooled`.
    Conventions
        A spread of 0 keeps the value as told. An infinite spread is a missing value, told or not, drawn from the predictors
        alone. `low`, `high` cut the draws off, not the model. A value told at a heap has the spread of the rounding added to its
        own. `told` may lie outside `low`, `high`; with a spread of 0 it stays there.
    Assumes
        Errors unrelated to the true value, the outcome and the predictors; their spread known; the true value normal about a line
        in the predictors. The predictors hold the outcome and every covariate of the analysis: without the outcome, slopes come
        out as flat as before. A straight slope is found again; of a bend, what the telling hides stays hidden.
    Not for
        Spreads found from the same sample. Values told shorter or longer than true on average. A spread so wide that the values
        would have to vary more than they do (refused).
    Parameters
        told: n values, on a scale on which the error is additive and even (the logarithm of a duration). spread: n standard
        deviations on that scale, or one. predictors: (n, p), outcome and covariates. names: of them. imputations: m, at least 2.
        seed. low, high: limits of true values. cluster: n labels of patients; rows of one are drawn together.
    Returns
        OverImputed.
    References
        Blackwell, Honaker & King (2017) Sociol Methods Res 46:303 (sections 2-3) and 46:342; Rubin (1987) ch. 4 (proper
        imputations); Fuller (1987) Measurement Error Models, section 3.1 (known error variances).
    Checked
        Exact (no spread, one spread: closed forms), known truth by simulation: tests/estimators/test_over_imputation.py; a dense
        likelihood: tests/slow_reference/checks_imputation.py; gate row `heaping` (attenuation, coverage).
    """
    y, error = _checked(told, spread)
    n = y.size
    start = checked_seed(seed)
    if isinstance(imputations, bool) or not isinstance(imputations, (int, np.integer)) or imputations < 2:
        raise refuse("`imputations` must be a whole number, 2 or more", way_out="20 are usual.")
    least, most = -np.inf if low is None else float(low), np.inf if high is None else float(high)
    if not least < most:
        raise refuse("`low` must lie below `high`")
    z = DesignMatrix(np.zeros((n, 0)), ()) if predictors is None else design_matrix(predictors, names, n=n)
    x, labels = z.x, z.names
    known = np.isfinite(error)
    _refuse_few(int(known.sum()), x.shape[1] + 1)
    whole = told_model(y, error**2, x, np.ones((1, n)))
    _refuse_wide(whole, error)
    rng = generator_of(start)
    units = clusters_of(n if cluster is None else cluster, None, n)
    drawn = told_model(y, error**2, x, units.rows(units.drawn(rng, int(imputations))))
    value = _posterior_draws(drawn, y, error, x, rng, (least, most))
    spreads = error[known] ** 2
    t2 = float(whole.residual_variance[0])
    slope, spread_of_slope = whole.slopes()
    return OverImputed(
        value, labels, slope[0], spread_of_slope[0], t2, t2 / (t2 + float(spreads.mean())) if spreads.any() else 1.0,
        int(np.count_nonzero(error == 0.0)), int(np.count_nonzero(~known)),
    )  # fmt: skip


def _checked(told: npt.ArrayLike, spread: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    y = one_dimensional("told", told, truth_values=False)
    error = np.asarray(spread, dtype=np.float64)
    if error.ndim == 0:
        error = np.full(y.size, float(error))
    if error.shape != y.shape or y.size == 0:
        raise refuse(f"`spread` has shape {error.shape} for {y.size} told values")
    refuse_rows(np.isnan(error) | (error < 0.0), "have a `spread` that is negative or missing")
    refuse_rows(~np.isfinite(y) & np.isfinite(error), "have no told value (one that is missing has an infinite spread)")
    return np.where(np.isfinite(error), y, 0.0), error


def _refuse_few(known: int, coefficients: int) -> None:
    if known < FEWEST_ROWS * coefficients + 1:
        raise refuse(
            f"{known} told values for {coefficients} coefficients and a spread",
            way_out=f"A model of them needs at least {FEWEST_ROWS * coefficients + 1}.",
        )


def _refuse_wide(whole: ToldModel, error: FloatArray) -> None:
    if whole.residual_variance[0] <= 0.0 and (error > 0.0).any():
        raise refuse(
            "the told values vary less than errors of the declared spread alone would make them",
            way_out="Declare a smaller spread, or say that the values were not over-imputed.",
        )


def _posterior_draws(
    model: ToldModel, y: FloatArray, error: FloatArray, x: FloatArray, rng: np.random.Generator, limits: tuple[float, float]
) -> FloatArray:
    """One draw a row from each of the m models, (m, n)."""
    mean, t2 = model.predict(x), model.residual_variance[:, None]
    variance = np.where(np.isfinite(error), error, 1.0) ** 2
    trust = np.where(np.isfinite(error), np.divide(t2, t2 + variance, out=np.ones(mean.shape), where=t2 + variance > 0.0), 0.0)
    centre = mean + trust * (y - mean)
    deviation = np.sqrt(np.where(np.isfinite(error), trust * variance, t2))
    if np.isinf(limits).all():
        noise = rng.standard_normal(mean.shape)
    else:
        scale = np.where(deviation > 0.0, deviation, 1.0)
        noise = truncated_normal_quantile(rng.random(mean.shape), (limits[0] - centre) / scale, (limits[1] - centre) / scale)
    return np.asarray(np.where(error == 0.0, y, np.clip(centre + deviation * noise, *limits)), dtype=np.float64)
