"""What a row known to an interval contributes to a rank test: the mean, over where it may lie, of the score of a dated row."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tendon_outcomes.estimators.interval_censored.mixture import RangeMixture
from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse

Scores = Literal["log-rank", "peto", "finkelstein"]


def row_scores(
    mass: FloatArray, right: FloatArray, cause: IntArray, mixture: RangeMixture, scores: Scores
) -> tuple[FloatArray, FloatArray]:
    """Score of every pattern of rows of the mixture, and the part of it that belongs to events of cause 1."""
    if scores == "finkelstein":
        if (cause > 1).any():
            raise refuse("Finkelstein's scores are for one cause", way_out='Take the scores "log-rank" or "peto".')
        of_cell, event = _grouped_hazards(mass)
    elif scores in ("log-rank", "peto"):
        of_cell, event = _weighted_hazards(mass, right, cause, early=scores == "peto")
    else:
        raise refuse("`scores` is log-rank, peto or finkelstein")
    rows = mixture.row_masses(mass)
    return mixture.row_masses(mass * of_cell) / rows, mixture.row_masses(mass * event) / rows


def _weighted_hazards(mass: FloatArray, right: FloatArray, cause: IntArray, *, early: bool) -> tuple[FloatArray, FloatArray]:
    """W 1(cause 1) - cumulated W h over cells in order of their right ends; cells that end together share a risk set."""
    _, day = np.unique(right, return_inverse=True)
    size = int(day.max()) + 1
    before = 1.0 - np.concatenate(([0.0], np.cumsum(np.bincount(day, weights=mass, minlength=size))[:-1]))
    events = np.bincount(day, weights=np.where(cause == 1, mass, 0.0), minlength=size)
    importance = np.maximum(before, 0.0) if early else np.ones(size)
    hazard = np.divide(events, before, out=np.zeros(size), where=events > 0.0)
    event = np.where(cause == 1, importance[day], 0.0)
    return event - np.cumsum(importance * hazard)[day], event


def _grouped_hazards(mass: FloatArray) -> tuple[FloatArray, FloatArray]:
    """d log p_j / d beta at 0 when S(t) becomes S(t)^exp(beta)."""
    after = np.maximum(1.0 - np.cumsum(mass), 0.0)
    after[after < 1e-12] = 0.0
    before = np.concatenate(([1.0], after[:-1]))
    bent = [np.where(s > 0.0, s * np.log(np.where(s > 0.0, s, 1.0)), 0.0) for s in (before, after)]
    of_cell = np.divide(bent[0] - bent[1], mass, out=np.zeros_like(mass), where=mass > 0.0)
    return of_cell, np.ones_like(mass)
