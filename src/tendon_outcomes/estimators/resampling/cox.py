"""Cox regression with Efron's ties, fitted to many weight rows at once: copies of rows are rows, weights weigh them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import FloatArray, IntArray, checked_weights, refuse
from tendon_outcomes.estimators.regression.design_matrix import DesignMatrix, design_matrix
from tendon_outcomes.estimators.resampling.day_tables import DayGrid, day_grid
from tendon_outcomes.estimators.resampling.sums import (
    ColumnSums,
    cross_products,
    linear_predictors,
    solve_each,
    sums_from_the_end,
    times_columns,
    triangle_places,
)
from tendon_outcomes.estimators.resampling.tied_sums import TieNodes, rules_that_hold, tie_terms
from tendon_outcomes.estimators.resampling.two_group_cox import (
    LARGEST_STEP,
    LAST_STEP,
    MONOTONE,
    STEPS,
    BoolArray,
    CoxFits,
    shortened,
)


@dataclass(frozen=True, slots=True, eq=False)
class BatchedCox:
    """Prepared by `batched_cox`."""

    grid: DayGrid
    names: tuple[str, ...]
    x: FloatArray  # (n, p) centred and scaled
    x_columns: FloatArray  # (p, n)
    cross: FloatArray
    scale: FloatArray  # (p,)
    place: IntArray  # last grid day on which the row is at risk; -1 = none
    event: FloatArray  # (n,) 1 for an event
    event_days: ColumnSums
    exit_days: ColumnSums
    nodes: TieNodes
    places: IntArray
    start: FloatArray

    @property
    def n(self) -> int:
        return int(self.event.size)

    def __call__(self, copies: FloatArray) -> FloatArray:
        """Log hazard ratios for copies of the rows (b, n): a statistic to be resampled."""
        return self.fit(copies).estimate

    def fit(self, copies: FloatArray, weight: FloatArray | None = None) -> CoxFits:
        """Row i stands `copies[b, i]` times in replicate b, each copy with `weight[b, i]` (1 by default)."""
        weighted = copies if weight is None else copies * weight
        n_events = self.event_days(copies)
        event_weight = self.event_days(weighted)
        beta = np.repeat(self.start[None, :], copies.shape[0], axis=0)
        settled = np.zeros(copies.shape[0], dtype=np.bool_)
        taken = np.zeros_like(beta)
        mean_weight = np.divide(event_weight, n_events, out=np.zeros_like(event_weight), where=n_events > 0.0)
        if n_events.any():
            for _ in range(STEPS):
                step, known = self._step(weighted, beta, n_events, mean_weight)
                lost = np.asarray(~(np.isfinite(step).all(axis=1) & known), dtype=np.bool_)
                step = np.clip(np.where(lost[:, None], 0.0, step), -LARGEST_STEP, LARGEST_STEP)
                small = np.asarray(np.abs(step).max(axis=1) <= LAST_STEP)
                taken = shortened(step, taken)
                beta = beta + taken
                settled = small & ~lost
                if small.all():
                    break
        settled &= (np.abs(beta) <= MONOTONE).all(axis=1) & (n_events.sum(axis=1) > 0.0) & self._informed(weighted, beta)
        return CoxFits(np.where(settled[:, None], beta / self.scale, np.nan), settled)

    def _informed(self, weighted: FloatArray, beta: FloatArray) -> BoolArray:
        """Whether every covariate varies among the rows of the replicate."""
        total = np.maximum(weighted.sum(axis=1, keepdims=True), 1e-300)
        mean = times_columns(weighted, self.x) / total
        spread = times_columns(weighted, self.x**2) / total - mean**2
        return np.asarray((spread > 1e-12).all(axis=1) & np.isfinite(beta).all(axis=1))

    def _step(
        self, weighted: FloatArray, beta: FloatArray, n_events: FloatArray, mean_weight: FloatArray
    ) -> tuple[FloatArray, BoolArray]:
        """One Newton step: score X'(d - a) and information X'diag(a)X less the squares of the risk sets' means.

        Also whether the information is one: a direction in which it is below 1e-10 of what was subtracted from is rounding.
        """
        risk = linear_predictors(beta, self.x_columns)
        risk -= risk.max(axis=1, keepdims=True)
        np.exp(risk, out=risk)
        risk *= weighted
        sums = self._tied(risk, n_events, mean_weight)
        hazard = np.cumsum(sums[0], axis=1)
        cumulated = np.concatenate([hazard, np.zeros((risk.shape[0], 1))], axis=1)[:, self.place]  # place -1: nothing
        cumulated[:, self.event > 0.0] -= sums[1][:, self.place[self.event > 0.0]]
        expected = risk * cumulated
        score = times_columns(weighted * self.event - expected, self.x)
        information = times_columns(expected, self.cross)[:, self.places]
        size = np.trace(information, axis1=1, axis2=2)
        information -= self._squared_means(risk, sums)
        broken = ~np.isfinite(information).all(axis=(1, 2))
        information[broken] = 0.0
        known = np.linalg.eigvalsh(information)[:, 0] > 1e-10 * size
        return solve_each(information, score), np.asarray(known & ~broken)

    def _tied(self, risk: FloatArray, n_events: FloatArray, mean_weight: FloatArray) -> FloatArray:
        """By day, with f = l/d and D = S - f E: the sums over l of w/D, w f/D, w/D^2, w f/D^2 and w f^2/D^2, (5, b, m)."""
        b, m = n_events.shape
        at_risk, of_events = sums_from_the_end(self.exit_days(risk)), self.event_days(risk)
        terms = tie_terms(n_events, rules_that_hold(at_risk[:, None], of_events[:, None]), self.nodes)
        padded = np.zeros((3, b, m + 1))
        padded[0, :, :m], padded[1, :, :m], padded[2, :, :m] = at_risk, of_events, mean_weight
        padded[0, :, m] = 1.0
        total, events, weight = (np.take(one.ravel(), terms.day) for one in padded)
        inverse = 1.0 / np.maximum(total - terms.fraction * events, 1e-300)
        first = weight * terms.share * inverse
        second = first * inverse
        pieces = (first, first * terms.fraction, second, second * terms.fraction, second * terms.fraction**2)
        day = terms.day.ravel()
        sums = [np.bincount(day, weights=one.ravel(), minlength=b * (m + 1)).reshape(b, m + 1)[:, :m] for one in pieces]
        return np.stack(sums)

    def _squared_means(self, risk: FloatArray, sums: FloatArray) -> FloatArray:
        """What Efron's information subtracts: squares of (sum of x over the risk set - f that over the events) / D."""
        columns = range(self.x.shape[1])
        whole = np.stack([sums_from_the_end(self.exit_days(risk * self.x_columns[j])) for j in columns], axis=1)
        tied = np.stack([self.event_days(risk * self.x_columns[j]) for j in columns], axis=1)
        alpha, mixed, gamma = sums[2:, :, None]
        cross = (whole * mixed) @ tied.transpose(0, 2, 1)
        squares = (whole * alpha) @ whole.transpose(0, 2, 1) + (tied * gamma) @ tied.transpose(0, 2, 1)
        return np.asarray(squares - cross - cross.transpose(0, 2, 1))


def batched_cox(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    names: list[str] | None = None,
    weight: npt.ArrayLike | None = None,
) -> BatchedCox:
    """Efron's Cox regressions of one sample under many weight rows.

    Estimand
        Log hazard ratios for a unit of each covariate, once for every row of weights.
    Estimator
        Maximum of sum_events c w b'x - sum_days wbar_j sum_{l<d_j} log(S_j - (l/d_j) E_j), where a row that is drawn c times
        stands c times: d_j counts drawn event rows, wbar_j is their mean weight, S_j and E_j sum c w exp(b'x) over the risk set
        and over the day's events.
    Interval
        None: the spread of the fits is the answer of whoever made the weights.
    Conventions
        Times within the tie tolerance are one day. Sums over l run over Gauss nodes where these leave less than 1e-14. Newton
        steps from the fit of the whole sample, at most 2 on standardised covariates; settled below 1e-7. A replicate without a
        finite maximum has no fit: NaN, converged False.
    Assumes
        Proportional hazards; no delayed entry, no strata.
    Not for
        One fit with standard errors and diagnostics (cox).
    Parameters
        time, event: n rows. covariates: (n, p). names: of the covariates. weight: of the sample whose fit is the start.
    Returns
        BatchedCox; `.fit(copies, weight)` gives (b, p) log hazard ratios, and calling it does with copies alone.
    References
        Efron (1977) JASA 72:557; Therneau & Grambsch (2000) Modeling Survival Data, 3.3.
    Checked
        Exact (data of two days), against a plain loop over copied rows, reference (R coxph on resampled rows):
        tests/estimators/test_batched_regressions.py, tests/slow_reference, tests/reference.
    """
    grid = day_grid(time, event, n_causes=1)
    had = np.asarray(event).astype(np.float64)
    if not had.any():
        raise refuse("no row has the event")
    design = design_matrix(covariates, names, n=grid.n)
    fitted = _prepared(grid, had, design)
    sample = fitted.fit(np.ones((1, grid.n)), checked_weights(weight, grid.n)[None, :])
    if not sample.converged[0]:
        raise NotConverged(
            f"the Cox regression on {', '.join(design.names)} has no finite maximum",
            way_out="A covariate decides who has the event first; leave it out or use a penalised fit.",
        )
    return replace(fitted, start=sample.estimate[0] * fitted.scale)


def _prepared(grid: DayGrid, had: FloatArray, design: DesignMatrix) -> BatchedCox:
    """Standardised covariates and the sums over them, fits starting at no effect."""
    spread = design.x.std(axis=0)
    x = np.ascontiguousarray((design.x - design.x.mean(axis=0)) / spread)
    place, m, p = grid.last_days(), grid.time.size, x.shape[1]
    return BatchedCox(
        grid=grid,
        names=design.names,
        x=x,
        x_columns=np.ascontiguousarray(x.T),
        cross=cross_products(x),
        scale=spread,
        place=place,
        event=had,
        event_days=ColumnSums.by(np.where(had > 0.0, place, -1), m),
        exit_days=ColumnSums.by(place, m),
        nodes=TieNodes(),
        places=triangle_places(p),
        start=np.zeros(p),
    )
