"""What every way of evaluating the partial likelihood shares: scores of rows, sums over ties, the hazard that a row bears."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.blocks import times
from tendon_outcomes.estimators.regression.cox.sorted_rows import SortedRows, running_sums
from tendon_outcomes.estimators.regression.cox.tied_days import TiedSums, breslow_sums, efron_sums

SQUARABLE = 1e150

Ties = Literal["efron", "breslow", "exact"]


class Evaluation(NamedTuple):
    """Log partial likelihood at a value of the coefficients, with gradient (p,) and observed information (p, p)."""

    log_likelihood: float
    gradient: FloatArray
    information: FloatArray


def scores(rows: SortedRows, slope: FloatArray, begin: int, stop: int) -> FloatArray:
    """Weight times exp(linear predictor) of some rows; `slope` ends with what the column of ones is multiplied by."""
    eta = times(rows.x[begin:stop], slope)
    score: FloatArray = np.exp(eta, out=eta)
    if rows.signed_weight is not None:
        score *= rows.signed_weight[begin:stop]
    return score


def tied_sums(rows: SortedRows, at_risk: FloatArray, events: FloatArray, ties: str) -> TiedSums:
    """Sums over the events of each cell from the scores of its risk set and of its events.

    A risk set whose sum has no square counts as infinite: the log likelihood is then not finite, and scores must be scaled.
    """
    if not at_risk.max() < SQUARABLE:
        at_risk = np.where(at_risk < SQUARABLE, at_risk, np.inf)
    return efron_sums(rows, at_risk, events) if ties == "efron" else breslow_sums(at_risk, rows.n_events.astype(np.float64))


def hazard_borne(rows: SortedRows, step: FloatArray, spared: FloatArray) -> FloatArray:
    """(2 K,) cumulated hazard of those leaving at a cell, and of its events, who are spared a part of its last step."""
    borne = np.empty(2 * rows.n_cells)
    hazard = running_sums(rows, step)
    borne[0::2] = hazard
    np.subtract(hazard, spared, out=borne[1::2])
    return borne
