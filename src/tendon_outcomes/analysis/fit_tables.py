"""Fits as tables with the columns that figures draw. One fit is one group; the tables of several groups are put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from tendon_outcomes.estimators import (
    Coefficients,
    CumulativeIncidence,
    IntervalIncidence,
    ProportionalHazardsTest,
    RestrictedMean,
    SmoothIncidence,
    SurvivalCurve,
    schoenfeld_smooth,
)
from tendon_outcomes.estimators.limits import Pointwise
from tendon_outcomes.estimators.observations import FloatArray

Fit = SurvivalCurve | CumulativeIncidence | IntervalIncidence
NO_MASS = 1e-9  # A cell with less than this is no rise.


def stretches(fit: Fit, *, cause: int = 1, stratum: str = "all") -> pl.DataFrame:
    """The stretches of days on which the cumulative incidence is known and flat.

    Columns `stratum, day, until, estimate, conf_low, conf_high`.
    A curve of dated events is known throughout: each stretch ends where the next begins. Of an interval-censored one it is
    known outside the cells with mass; a rise within a cell is the gap between two stretches. The last stretch ends with the
    last day that the data speak of.
    """
    start, end, at = _stretches(fit, cause)
    return _table(stratum, day=start, until=end, estimate=at.estimate, conf_low=at.conf_low, conf_high=at.conf_high)


def counts(fit: Fit, days: Sequence[float], *, cause: int = 1, stratum: str = "all") -> pl.DataFrame:
    """Who is where on each of `days`: `stratum, day, n_at_risk, n_events, n_censored`.

    Events of the cause up to the day; left: follow-up ended before the day, or another cause came first by it; at risk: still
    followed without any event after the day. Without delayed entry the three add up to everybody.
    """
    asked = np.asarray(days, dtype=np.float64)
    events, left, at_risk = _counts(fit, cause, asked)
    return _table(stratum, day=asked, n_at_risk=at_risk, n_events=events, n_censored=left)


def milestones(fit: Fit, days: Sequence[float], *, cause: int = 1, stratum: str = "all") -> pl.DataFrame:
    """Cumulative incidence on each of `days`; where an interval-censored fit leaves a day open its bounds are given instead.

    Columns `stratum, day, estimate, bound_low, bound_high, conf_low, conf_high`; of an open day the limits hold for both bounds.
    """
    asked = np.asarray(days, dtype=np.float64)
    if isinstance(fit, IntervalIncidence):
        low, high = fit.lower(cause, asked), fit.upper(cause, asked)
        known = np.isclose(low.estimate, high.estimate, rtol=0.0, atol=NO_MASS)
        estimate = np.where(known, low.estimate, np.nan)
        bounds = {"bound_low": np.where(known, np.nan, low.estimate), "bound_high": np.where(known, np.nan, high.estimate)}
        return _table(stratum, day=asked, estimate=estimate, **bounds, conf_low=low.conf_low, conf_high=high.conf_high)
    at = _incidence_at(fit, cause, asked)
    open_end = np.full(asked.size, np.nan)
    bounds = {"bound_low": open_end, "bound_high": open_end}
    return _table(stratum, day=asked, estimate=at.estimate, **bounds, conf_low=at.conf_low, conf_high=at.conf_high)


def mean_marks(mean: RestrictedMean, *, stratum: str = "all") -> pl.DataFrame:
    """A restricted mean as `stratum, horizon, estimate, conf_low, conf_high`, in days."""
    values = {"horizon": mean.horizon, "estimate": mean.estimate, "conf_low": mean.conf_low, "conf_high": mean.conf_high}
    return _table(stratum, **{name: np.array([value]) for name, value in values.items()})


def smooth_curve(fit: SmoothIncidence, days: Sequence[float], *, cause: int = 1, stratum: str = "all") -> pl.DataFrame:
    """The smooth companion on each of `days`: `stratum, day, estimate, conf_low, conf_high`."""
    asked = np.asarray(days, dtype=np.float64)
    at = fit.at(cause, asked)
    return _table(stratum, day=asked, estimate=at.estimate, conf_low=at.conf_low, conf_high=at.conf_high)


def ratios(coefficients: Coefficients, *, n: int | None = None, group: str | None = None) -> pl.DataFrame:
    """Coefficients as ratios, for a forest: `label, estimate, conf_low, conf_high`, and `n` and `group` where given."""
    table = pl.DataFrame({"label": coefficients.names, "estimate": np.exp(coefficients.estimate)})
    limits = {"conf_low": np.exp(coefficients.conf_low), "conf_high": np.exp(coefficients.conf_high)}
    told = {"n": n, "group": group}
    return table.with_columns(
        *(pl.Series(name, values) for name, values in limits.items()),
        *(pl.lit(value).alias(name) for name, value in told.items() if value is not None),
    )


class SchoenfeldTables(NamedTuple):
    """What `schoenfeld_figure` draws; `residuals` has a row for each event, so it stays in the clinic."""

    residuals: pl.DataFrame
    smooth: pl.DataFrame
    tests: pl.DataFrame


def schoenfeld(test: ProportionalHazardsTest, *, df: int = 4, conf_level: float = 0.95) -> SchoenfeldTables:
    """Scaled Schoenfeld residuals, their smooth and the test, one term for each covariate of the model."""
    points, curves = [], []
    for j, name in enumerate(test.names):
        curve = schoenfeld_smooth(test, name, df=df, conf_level=conf_level)
        points.append(pl.DataFrame({"term": name, "day": test.time, "residual": test.scaled_residual[:, j]}))
        columns = {"day": curve.time, "estimate": curve.estimate, "conf_low": curve.conf_low, "conf_high": curve.conf_high}
        curves.append(pl.DataFrame({"term": name, **columns}))
    tests = {"term": test.terms, "statistic": test.statistic, "df": test.df, "p_value": test.p_value}
    return SchoenfeldTables(pl.concat(points), pl.concat(curves), pl.DataFrame(tests))


def _table(stratum: str, **columns: FloatArray) -> pl.DataFrame:
    table = pl.DataFrame({name: np.asarray(values, dtype=np.float64) for name, values in columns.items()})
    return table.select(pl.lit(stratum).alias("stratum"), *(pl.col(name).fill_nan(None) for name in columns))


def _stretches(fit: Fit, cause: int) -> tuple[FloatArray, FloatArray, Pointwise]:
    if not isinstance(fit, IntervalIncidence):
        start = fit.time if fit.time[0] == 0.0 else np.concatenate(([0.0], fit.time))
        return start, np.concatenate((start[1:], start[-1:])), _incidence_at(fit, cause, start)
    rising = ((fit.support_cause == cause) & (fit.mass > NO_MASS)) | (fit.support_cause == 0)
    begin, end = fit.support_left[rising], fit.support_right[rising]
    if cause != 1:  # a dated cause rises on its day
        begin = np.where(fit.support_cause[rising] == cause, end, begin)
    last = float(np.max(np.concatenate((fit.support_left, fit.support_right[np.isfinite(fit.support_right)]))))
    start = np.concatenate(([0.0], end[np.isfinite(end)]))
    until = np.concatenate((begin, [last]))[: start.size]
    return start, np.maximum(until, start), fit.lower(cause, start)


def _incidence_at(fit: SurvivalCurve | CumulativeIncidence, cause: int, days: FloatArray) -> Pointwise:
    if isinstance(fit, CumulativeIncidence):
        return fit.at(cause, days)
    at = fit.at(days)
    return Pointwise(1.0 - at.estimate, at.std_error, 1.0 - at.conf_high, 1.0 - at.conf_low)


def _counts(fit: Fit, cause: int, days: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    if isinstance(fit, SurvivalCurve):
        return _exits(fit.time, fit.n_events, np.zeros_like(fit.n_events), fit.n_censored, fit.n_at_risk, days)
    if isinstance(fit, CumulativeIncidence):
        own = fit.n_events[fit.row(cause)]
        return _exits(fit.time, own, fit.n_events.sum(axis=0) - own, fit.n_censored, fit.n_at_risk, days)
    reached, left = fit.counts(cause, days)
    return reached, left, fit.total_weight - reached - left


def _exits(
    time: FloatArray, own: FloatArray, other: FloatArray, censored: FloatArray, at_risk: FloatArray, days: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    through, before = np.searchsorted(time, days, side="right"), np.searchsorted(time, days, side="left")

    def total(values: FloatArray, position: np.ndarray) -> FloatArray:
        return np.asarray(np.concatenate(([0.0], np.cumsum(values)))[position], dtype=np.float64)

    left = total(other, through) + total(censored, before)
    # After the day's events; who is censored on the day is still followed on it.
    remaining = np.concatenate((at_risk, [0.0]))[before] - (total(own + other, through) - total(own + other, before))
    return total(own, through), left, np.asarray(remaining, dtype=np.float64)
