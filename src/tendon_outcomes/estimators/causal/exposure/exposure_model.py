"""Outcomes as functions of a numeric exposure and covariates, and their means were everybody at one exposure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tendon_outcomes.estimators.causal.point_treatment.outcome_model import OutcomeModel, outcome_model
from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse
from tendon_outcomes.estimators.regression.design_matrix import design_matrix
from tendon_outcomes.estimators.regression.spline_columns import SplineColumns, harrell_knots

EXPOSURE = "exposure"
SUPPORTED = (0.05, 0.95)  # quantiles of the exposure beyond which a curve is flagged
MOST_LEVERAGE = 0.9  # a row that nearly determines its own fit is not blown up without end
PER_PARAMETER = 5  # rows a parameter below which a model is refused


class AtExposure(NamedTuple):
    """Means (k,) had everybody one exposure, and what each row moves them by (n, k)."""

    mean: FloatArray
    influence: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ExposureModel:
    """A fitted model of k outcomes on the bent exposure and covariates, of some rows of a sample.

    `turn` (p', p') takes the columns to those fitted, of which the ones of the exposure are uncorrelated in the rows.
    """

    columns: SplineColumns
    turn: FloatArray = field(repr=False)
    model: OutcomeModel = field(repr=False)
    rows: IntArray = field(repr=False)

    @property
    def parameters(self) -> int:
        return len(self.columns.column_names) + 1

    def at(self, exposure: float, covariates: FloatArray) -> AtExposure:
        """The mean over the rows of `covariates` (n, p), everybody at this exposure."""
        n = covariates.shape[0]
        x = self.columns.columns(np.concatenate([np.full((n, 1), exposure), covariates], axis=1)) @ self.turn
        predicted, share = self.model.predict(x), np.full(n, 1.0 / n)
        mean = predicted.mean(axis=0)
        influence = (predicted - mean) / n
        along = np.linalg.solve(self.model.information, self.model.mean_slope(x, share)[:, :, None])[:, :, 0]
        held = np.sqrt(1.0 - np.minimum(self.model.leverage, MOST_LEVERAGE))
        influence[self.rows] += np.einsum("mkq,kq->mk", self.model.row_score, along) / held
        return AtExposure(mean, influence)


def knots_of(exposure: FloatArray, knots: int | Sequence[float]) -> tuple[float, ...]:
    """Knots as given, or Harrell's; none for a straight exposure (0)."""
    if not isinstance(knots, int):
        placed = tuple(float(knot) for knot in knots)
        if len(placed) < 3 or any(b <= a for a, b in pairwise(placed)):
            raise refuse("knots must be three or more rising numbers")
        return placed
    if knots == 0:
        return ()
    placed = harrell_knots(exposure, knots)
    if len(placed) < 3:
        raise refuse(
            f"the exposure has too few different values for {knots} knots: {len(placed)} fall apart",
            way_out="Leave it straight: knots 0.",
        )
    return placed


def exposure_model(
    value: FloatArray,
    exposure: FloatArray,
    covariates: FloatArray,
    *,
    rows: IntArray,
    names: Sequence[str],
    knots: tuple[float, ...],
    low: FloatArray,
    high: FloatArray,
    ridge: float,
    linear: bool,
    of: str = "",
) -> ExposureModel:
    """Fit the outcomes (n, k) of some rows; refused with fewer than PER_PARAMETER rows a parameter."""
    columns = SplineColumns((EXPOSURE, *names), {EXPOSURE: knots} if knots else {})
    x = columns.columns(np.concatenate([exposure[rows, None], covariates[rows]], axis=1))
    parameters = x.shape[1] + 1
    if rows.size < PER_PARAMETER * parameters:
        raise refuse(
            f"{rows.size} rows{of} for {parameters} parameters",
            way_out=f"A model of {parameters} parameters needs {PER_PARAMETER * parameters} rows or more; or ask for fewer.",
        )
    design_matrix(x, columns.column_names, n=rows.size)
    turn = _uncorrelated(x, max(1, len(knots) - 1))
    model = outcome_model(x @ turn, value[rows], low=low, high=high, ridge=ridge, linear=linear)
    return ExposureModel(columns, turn, model, rows)


def _uncorrelated(x: FloatArray, bent: int) -> FloatArray:
    """The (p', p') matrix that leaves all columns but makes the first `bent` ones uncorrelated, each with what is new in it.

    Columns of a spline say nearly the same, and a bend is a difference of large coefficients, which a penalty on them would not
    let come about.
    """
    turn = np.eye(x.shape[1])
    spread = np.atleast_2d(np.cov(x[:, :bent], rowvar=False))
    turn[:bent, :bent] = np.linalg.inv(np.linalg.cholesky(spread)).T
    return turn


def checked_places(at: FloatArray, exposure: FloatArray) -> None:
    """Refuse places beyond the smallest and the largest exposure."""
    outside = int(np.count_nonzero((at < exposure.min()) | (at > exposure.max())))
    if outside or not np.isfinite(at).all():
        low, high = np.quantile(exposure, SUPPORTED)
        raise refuse(
            f"{max(outside, 1)} of {at.size} places lie outside the exposures of these rows",
            way_out=f"Nine tenths of the exposures lie between {low:.3g} and {high:.3g}: ask for places there.",
        )
