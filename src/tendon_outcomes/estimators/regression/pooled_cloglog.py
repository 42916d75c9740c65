"""Complementary log-log regression on a visit grid: grouped proportional hazards with skipped visits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import labelled_clusters
from tendon_outcomes.estimators.limits import Pointwise
from tendon_outcomes.estimators.observations import (
    TIE_TOLERANCE,
    FloatArray,
    IntArray,
    are_copies,
    checked_level,
    checked_weights,
    refuse,
)
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.design_matrix import design_matrix
from tendon_outcomes.estimators.regression.parametric.cloglog_likelihood import CloglogLikelihood, maximise
from tendon_outcomes.estimators.regression.parametric.grid_rows import GridRows, checked_grid, grid_rows
from tendon_outcomes.estimators.regression.parametric.log_cumulative_limits import log_cumulative_limits
from tendon_outcomes.estimators.regression.parametric.newton import refuse_runaway, sandwich
from tendon_outcomes.estimators.regression.parametric.parametric_fit import Ratios
from tendon_outcomes.estimators.regression.parametric.standardised import standardised


@dataclass(frozen=True, slots=True, eq=False)
class CloglogFit:
    """log(-log(1 - hazard of cell j)) = baseline_j + x'b. `coefficients` holds b; `baseline` one value a cell, -inf where
    nobody can have recovered.

    `covariance` belongs to the finite baselines in order, then b.
    """

    coefficients: Coefficients
    grid: FloatArray
    baseline: FloatArray
    log_likelihood: float
    n: int
    n_events: float
    iterations: int
    gradient_norm: float
    covariance: FloatArray = field(repr=False)

    def hazard_ratios(self) -> Ratios:
        """exp of the coefficients, with limits."""
        c = self.coefficients
        return Ratios(c.names, np.exp(c.estimate), np.exp(c.conf_low), np.exp(c.conf_high))

    def incidence(self, day: npt.ArrayLike, covariates: npt.ArrayLike | None = None) -> Pointwise:
        """1 - exp(-cumulative hazard) of cause 1 on days of the grid, limits normal on log(-log); for one row of covariates.

        With competing causes this is the incidence if they did not exist, not the cumulative incidence. Refused on days before
        anybody can have recovered.
        """
        days = np.asarray(day, dtype=np.float64)
        place = self._places(np.ravel(days))
        self._refuse_untouched(place)
        x = np.zeros(0) if covariates is None else np.atleast_1d(np.asarray(covariates, dtype=np.float64))
        if x.shape != self.coefficients.estimate.shape or not np.isfinite(x).all():
            raise refuse(f"one row of {self.coefficients.estimate.size} finite covariates is expected")
        held = np.isfinite(self.baseline)
        step: FloatArray = np.exp(self.baseline + float(x @ self.coefficients.estimate))
        total = np.cumsum(step)[place]
        within = (np.arange(step.size) <= place[:, None]) * step
        slope: FloatArray = np.concatenate((within[:, held], total[:, None] * x), axis=1)
        error = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", slope, self.covariance, slope), 0.0))
        limits = log_cumulative_limits(np.log(total), error / total, conf_level=self.coefficients.conf_level)
        columns = (-np.expm1(-total), error * np.exp(-total), *limits)
        return Pointwise(*(column.reshape(days.shape) for column in columns))

    def _refuse_untouched(self, place: IntArray) -> None:
        first = int(np.flatnonzero(np.isfinite(self.baseline))[0])
        if (place < first).any():
            raise refuse(
                f"nobody can have recovered before the cell that ends on day {self.grid[first]:g}: 0 would have no limits",
                way_out="interval_censored_incidence gives exact limits for an incidence of 0.",
            )

    def _places(self, days: FloatArray) -> IntArray:
        place = np.minimum(np.searchsorted(self.grid * (1.0 - TIE_TOLERANCE), days, side="right") - 1, self.grid.size - 1)
        away = ~(np.abs(self.grid[place] - days) <= TIE_TOLERANCE * np.maximum(1.0, self.grid[place])) | (place < 0)
        if away.any():
            raise refuse(f"{int(away.sum())} of the days asked for are not days of the visit grid")
        return place.astype(np.int64)


def pooled_cloglog(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    covariates: npt.ArrayLike | None = None,
    *,
    grid: npt.ArrayLike,
    names: Sequence[str] | None = None,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    robust: bool | None = None,
) -> CloglogFit:
    """Grouped proportional hazards of cause 1, seen on a visit grid, when some visits are skipped.

    Estimand
        b in h_1(t | x) = h_0(t) exp(x'b), the hazard of cause 1 among those free of every cause.
    Estimator
        With a_j the log of the cumulative baseline hazard over cell j, C_i and D_i the sums of exp(a_j + x_i'b) over the cells in
        which row i is free and in which it may have recovered: maximum of sum_i w_i [-C_i + log(1 - exp(-D_i))]. Where every
        recovered row has one cell this is the binomial complementary log-log regression of the person-cells.
    Interval
        Wald with the inverse observed information C; C J C with J the summed squares of weighted scores, of rows when weights are
        not copies or `robust`, of clusters when `cluster` is given.
    Conventions
        Cells (grid[j-1], grid[j]], the first from 0. `left` between two grid days counts as the earlier, `right` as the later. A
        competing row is free through its `left` (its last look; NaN: the last grid day before the event) and then leaves. A cell
        whose hazard is 0 at the maximum (no recovery can lie there) has baseline -inf and no standard error. Whole-number weights
        are copies.
    Assumes
        Proportional hazards; visits unrelated to the outcome given what was seen; competing events would be seen also between
        an unseen recovery and its visit, so that their hazards cancel; independent rows or clusters.
    Not for
        A cumulative incidence beside competing causes (spline_incidence, interval_censored_incidence). Grids of many hundred
        days. Days off the grid.
    Parameters
        left, right, cause: as in interval_censored_incidence. covariates: (n, p) or None. grid: visit days. names: p words.
        entry: n days; at risk from the first grid day at or after it. weight: n non-negative numbers. cluster: n labels.
        conf_level in (0, 1). robust: overrides what the weights say.
    Returns
        CloglogFit; coefficients are log hazard ratios.
    References
        Prentice & Gloeckler (1978) Biometrics 34:57, eqs 1-3; Finkelstein (1986) Biometrics 42:845, section 2 (intervals of
        several cells).
    Checked
        Exact (one cell, two groups), reference (R glm; skipped visits: a likelihood written in R), properties, a slow second
        implementation: tests/estimators/test_pooled_cloglog.py, tests/reference/parametric.R, tests/properties,
        tests/slow_reference.
    """
    level, days = checked_level(conf_level), checked_grid(grid)
    n = int(np.size(left))
    weights = checked_weights(weight, n)
    by_weight = not are_copies(weights) if robust is None else bool(robust)
    placed = grid_rows(left, right, cause, entry, days)
    kept = weights > 0.0
    rows = GridRows(placed.start[kept], placed.free[kept], placed.seen[kept])
    if not (rows.seen > rows.free).any():
        raise refuse(f"none of {int(kept.sum())} rows has an event of cause 1")
    groups = None if cluster is None else labelled_clusters(cluster, n).number[kept]
    given, labels = np.zeros((int(kept.sum()), 0)), tuple[str, ...]()
    if covariates is not None:
        columns = np.asarray(covariates, dtype=np.float64)
        if columns.shape[:1] != (n,):
            raise refuse(f"covariates have shape {columns.shape} for {n} rows")
        design = design_matrix(columns[kept], names)
        given, labels = design.x, design.names
    x, centre, size = standardised(given, weights[kept], intercept=False)
    placed_rows = CloglogLikelihood.of(rows, x, weights[kept], days.size)
    if (alike := placed_rows.alike()).size:
        raise refuse(
            f"no row tells the cells that end on day {', '.join(f'{days[j]:g}' for j in alike)} from the ones before",
            way_out="Leave the grid days out at which these cells begin.",
        )
    likelihood, top = maximise(placed_rows)
    covariance, held = top.covariance, likelihood.held
    # A hazard near 0 has an uncertain logarithm and is no runaway; one that rises without end is.
    spread = np.concatenate((np.where(top.at[: held.size] > 0.0, 1.0, 0.0), np.ptp(x, axis=0)))
    cells = tuple(f"the cell that ends on day {days[j]:g}" for j in held)
    refuse_runaway((*cells, *labels), covariance, spread)
    if by_weight or groups is not None:
        covariance = sandwich(covariance, likelihood.scores(top.at), weights[kept], groups)
    # Back from standardised covariates: b = b* / size, a_j = a*_j - centre'b.
    back = np.diag(np.concatenate((np.ones(held.size), 1.0 / size)))
    back[: held.size, held.size :] = -centre / size
    beta, covariance = back @ top.at, back @ covariance @ back.T
    baseline = np.full(days.size, -np.inf)
    baseline[held] = beta[: held.size]
    own = covariance[held.size :, held.size :]
    return CloglogFit(
        coefficients=Coefficients(labels, beta[held.size :], own, level, by_weight or groups is not None),
        grid=days,
        baseline=baseline,
        log_likelihood=top.value,
        n=int(kept.sum()),
        n_events=float(weights[kept][rows.seen > rows.free].sum()),
        iterations=top.iterations,
        gradient_norm=top.gradient_norm,
        covariance=covariance,
    )
