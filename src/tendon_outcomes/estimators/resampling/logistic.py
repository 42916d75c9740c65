"""Logistic regression fitted to many weight rows at once, each fit started at the fit of the whole sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import FloatArray, IntArray, checked_weights, one_dimensional, refuse
from tendon_outcomes.estimators.regression.design_matrix import design_matrix
from tendon_outcomes.estimators.resampling.sums import (
    cross_products,
    independent_columns,
    linear_predictors,
    solve_each,
    times_columns,
    triangle_places,
)

BoolArray = npt.NDArray[np.bool_]

# A Newton step below this leaves an error of its square: the fit is exact to rounding after it.
_LAST_STEP = 1e-7
_TOGETHER = 9  # steps taken by the whole batch; who needs more is fitted alone
_ALONE = 60
_SEPARATED = 1e-6
_COLLINEAR = 1e-9


class LogisticFits(NamedTuple):
    """Coefficients (b, p), intercept first; a row of NaN where the weights separate the outcomes or no step settled."""

    estimate: FloatArray
    converged: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class BatchedLogistic:
    """Prepared by `batched_logistic`. The design is centred and scaled inside; `scale` brings coefficients back."""

    against: FloatArray  # (p, n): minus the sign of the outcome times the standardised covariates
    toward: FloatArray  # (n, p): the same with the outcome's own sign
    cross: FloatArray  # (n, p (p + 1) / 2)
    start: FloatArray  # (p,) fit of the whole sample, on the standardised scale
    first_score: FloatArray  # (n, p) score contributions at `start`
    first_cross: FloatArray  # (n, p (p + 1) / 2) information contributions at `start`
    scale: FloatArray  # (p, p)
    places: IntArray
    n: int

    def fit(self, weights: FloatArray) -> LogisticFits:
        """Fits for the weight rows (b, n)."""
        beta, converged, whole = self.standardised(weights)
        converged = converged & whole
        return LogisticFits(np.where(converged[:, None], beta @ self.scale, np.nan), converged)

    def standardised(self, weights: FloatArray) -> tuple[FloatArray, BoolArray, BoolArray]:
        """Coefficients on the inner scale, which rows settled, and which have the whole model.

        Where the weights leave a column constant or a combination of those before it, it is left out (0), as R's glm does: the
        fitted probabilities are those of the others, but there are no coefficients to report.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # far steps overflow; such rows are fitted alone
            return self._fitted(weights)

    def _fitted(self, weights: FloatArray) -> tuple[FloatArray, BoolArray, BoolArray]:
        # The first step needs no exponential: its pieces at `start` are columns, weighted like any sum.
        information = times_columns(weights, self.first_cross)[:, self.places]
        step = solve_each(information, times_columns(weights, self.first_score))
        beta = self.start + step
        largest = np.abs(step).max(axis=1)
        for _ in range(_TOGETHER):
            if not (largest > _LAST_STEP).any():
                break
            step = self._step(weights, beta)
            beta = beta + step
            largest = np.abs(step).max(axis=1)
        whole = _independent(information)
        settled = (largest <= _LAST_STEP) & whole
        for i in np.flatnonzero(~settled):
            columns = None if whole[i] else self._columns(weights[i : i + 1])
            alone = self._alone(weights[i : i + 1], columns)
            if alone is not None:
                beta[i], settled[i] = alone, True
        return beta, settled, whole

    def _columns(self, weights: FloatArray) -> IntArray:
        """The columns that are no combination of those before them among the rows with weight."""
        gram = times_columns(weights, self.cross)[0][self.places]
        return independent_columns(gram, _COLLINEAR)

    def odds_against(self, beta: FloatArray) -> FloatArray:
        """(b, n): the odds of the outcome that each observation did not have; 1 + odds = 1 / probability of its own."""
        odds = linear_predictors(beta, self.against)
        np.exp(odds, out=odds)
        return odds

    def _step(self, weights: FloatArray, beta: FloatArray, columns: IntArray | None = None) -> FloatArray:
        odds = self.odds_against(beta)
        own = 1.0 + odds
        np.divide(1.0, own, out=own)
        odds *= own  # probability of the other outcome, now
        odds *= weights
        score = times_columns(odds, self.toward)
        odds *= own
        information = times_columns(odds, self.cross)[:, self.places]
        if columns is None:
            return solve_each(information, score)
        step = np.zeros_like(beta)
        step[:, columns] = solve_each(information[:, columns[:, None], columns], score[:, columns])
        return step

    def _log_likelihood(self, weights: FloatArray, beta: FloatArray) -> float:
        return -float(np.sum(weights * np.logaddexp(0.0, linear_predictors(beta, self.against))))

    def _alone(self, weights: FloatArray, columns: IntArray | None = None) -> FloatArray | None:
        """Newton steps halved until the likelihood rises, from the null fit; None when the outcomes are separated."""
        beta = np.zeros((1, self.start.size))
        value = self._log_likelihood(weights, beta)
        for _ in range(_ALONE):
            step = self._step(weights, beta, columns)
            if not np.isfinite(step).all() or self.separates(weights, step):
                return None
            if np.abs(step).max() <= _LAST_STEP:
                return np.asarray((beta + step)[0])
            for _ in range(30):
                tried = self._log_likelihood(weights, beta + step)
                if tried >= value - 1e-12 * abs(value):
                    break
                step = step / 2.0
            beta, value = beta + step, tried
        return None

    def separates(self, weights: FloatArray, direction: FloatArray) -> bool:
        """Whether going along `direction` makes no observation less likely: the likelihood then has no maximum.

        Newton's steps turn into such a direction when there is one, the rest of them vanishing like the odds it leaves.
        """
        reach = linear_predictors(direction, self.against)[0, weights[0] > 0.0]
        farthest = float(np.abs(reach).max(initial=0.0))
        return farthest > 1e-3 and float(reach.max(initial=0.0)) <= _SEPARATED * farthest


def _independent(information: FloatArray) -> BoolArray:
    """Whether no column is a combination of others: the determinant is no vanishing share of the product of the diagonal."""
    diagonal = np.prod(np.diagonal(information, axis1=1, axis2=2), axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.linalg.det(information) > _COLLINEAR * diagonal)


def batched_logistic(
    outcome: npt.ArrayLike, covariates: npt.ArrayLike, *, names: list[str] | None = None, weight: npt.ArrayLike | None = None
) -> BatchedLogistic:
    """Logistic regressions of one outcome on one design under many weight rows.

    Estimand
        The log odds of the outcome as an affine function of the covariates, once for every row of weights.
    Estimator
        Maximum of sum_i w_i [y_i eta_i - log(1 + exp(eta_i))], eta = b0 + b'x, by Newton steps. The first step from the fit of
        the whole sample is two matrix products; the p (p + 1) / 2 products of covariates are formed once.
    Interval
        None: the spread of the fits is the answer of whoever made the weights.
    Conventions
        A fit has settled when a step is below 1e-7 on standardised covariates (its error is then the square of that). Rows that
        have not settled after nine steps are fitted alone with halved steps. Separated rows have no fit: NaN, converged False.
    Assumes
        Nothing beyond the model.
    Not for
        A sample that is itself separated: refused.
    Parameters
        outcome: n values 0 or 1. covariates: (n, p), without an intercept. names: of the covariates. weight: n weights of the
        sample whose fit is the start (ones by default).
    Returns
        BatchedLogistic; `.fit(weights)` gives (b, p + 1) coefficients, intercept first.
    References
        McCullagh & Nelder (1989) Generalized Linear Models, 2nd ed., 2.5 and 4.4.2; Albert & Anderson (1984) Biometrika 71:1
        (separation).
    Checked
        Exact (2 x 2 table), reference (R glm), properties: tests/estimators/test_batched_regressions.py, tests/reference.
    """
    y = one_dimensional("outcome", outcome)
    design = design_matrix(covariates, names, intercept=True, n=y.size)
    wrong = int(np.count_nonzero((y != 0.0) & (y != 1.0)))
    if wrong:
        raise refuse(f"{wrong} of {y.size} outcomes are not 0 or 1")
    if not 0.0 < y.mean() < 1.0:
        raise refuse("every row has the same outcome", way_out="A propensity needs both groups.")
    weights = checked_weights(weight, y.size)[None, :]
    centre, spread = design.x[:, 1:].mean(axis=0), design.x[:, 1:].std(axis=0)
    z = np.column_stack([np.ones(y.size), (design.x[:, 1:] - centre) / spread])
    against = np.ascontiguousarray((np.where(y == 1.0, -1.0, 1.0)[:, None] * z).T)
    # b on z is b @ scale on x: slopes divide by the spread, the intercept gives back the centre.
    scale = np.diag(np.concatenate(([1.0], 1.0 / spread)))
    scale[1:, 0] = -centre / spread
    p = z.shape[1]
    blank = BatchedLogistic(
        against,
        np.ascontiguousarray(-against.T),
        cross_products(z),
        np.zeros(p),
        np.empty((0, p)),
        np.empty((0, 0)),
        scale,
        triangle_places(p),
        y.size,
    )
    start = blank._alone(weights)
    if start is None:
        raise NotConverged(
            "the logistic regression has no finite fit: the covariates separate the outcomes",
            way_out="Leave out or coarsen the covariates that decide the outcome.",
        )
    odds = blank.odds_against(start[None, :])[0]
    other = odds / (1.0 + odds)
    return BatchedLogistic(
        against=against,
        toward=blank.toward,
        cross=blank.cross,
        start=start,
        first_score=np.ascontiguousarray(blank.toward * other[:, None]),
        first_cross=np.ascontiguousarray(blank.cross * (other / (1.0 + odds))[:, None]),
        scale=scale,
        places=blank.places,
        n=y.size,
    )
