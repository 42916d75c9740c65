"""Covariates that separate the categories of an outcome: the likelihood rises for ever along some direction."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.observations import FloatArray, IntArray
from tendon_outcomes.estimators.special_functions import feasible_direction

SEEN = 1e-5  # Separated log odds, in units of standardised covariates; below is the solver's tolerance.
MET = 1e-8
ROUNDS = 200
CUTS_A_ROUND = 300


class SeparatedOutcomes(EstimationRefused):
    """The likelihood of the categories rises for ever along some direction of the coefficients."""


def refuse_separated(z: FloatArray, category: IntArray, names: tuple[str, ...], *, way_out: str) -> None:
    """Refuse, by name, the covariates that separate the categories together and not without any one of them.

    z: (n, 1 + p) columns of one size, the first of ones; category 0 to K - 1; names of the p covariates.
    """
    named = separating(z, category, names)
    if named:
        raise SeparatedOutcomes(
            f"covariate {', '.join(named)}: separates the outcomes (alone or, where several are named, together), so that the "
            "likelihood has no maximum",
            way_out=way_out,
        )


def separating(z: FloatArray, category: IntArray, names: tuple[str, ...]) -> list[str]:
    """Names of covariates that separate; empty when none do, which is certain up to the solver's tolerance."""
    kept = list(range(1, z.shape[1]))
    direction = separating_direction(z, category)
    if direction is None:
        return []
    size = np.abs(direction).max(axis=0)[1:]
    for j in (np.argsort(size) + 1).tolist():
        fewer = [column for column in kept if column != j]
        if fewer and separating_direction(z[:, [0, *fewer]], category) is not None:
            kept = fewer
    return [names[j - 1] for j in kept]


def separating_direction(z: FloatArray, category: IntArray) -> FloatArray | None:
    """Directions (K - 1, q) in which no row's own category ever loses against another, and some row's gains; or None.

    They exist exactly when the likelihood has no maximum (Albert & Anderson 1984). Found by linear programmes with those of the
    n (K - 1) inequalities that an earlier direction broke; one that breaks none, and moves something, separates.
    """
    cuts = _own_against_others(z, category)
    total = cuts.mean(axis=0)
    used = np.zeros(cuts.shape[0], dtype=np.bool_)
    for _ in range(ROUNDS):
        direction = feasible_direction(cuts[used], total)
        margin = cuts @ direction
        if float(total @ direction) <= SEEN * MET or float(margin.max()) <= SEEN:
            return None
        broken = np.flatnonzero((margin < -MET) & ~used)
        if not broken.size:
            return np.asarray(direction.reshape(-1, z.shape[1]))
        used[broken[np.argsort(margin[broken], kind="stable")[:CUTS_A_ROUND]]] = True
    return None


def _own_against_others(z: FloatArray, category: IntArray) -> FloatArray:
    """(n (K - 1), (K - 1) q): what the coefficients are multiplied by in the log odds of a row's own category against another."""
    k, (n, q) = int(category.max()), z.shape
    cuts = np.zeros((n, k, k, q))
    rows = np.arange(n)
    for place in range(k):  # the other categories of a row, in order
        other = np.where(place < category, place, place + 1)
        with_own, with_other = category > 0, other > 0
        cuts[rows[with_own], place, category[with_own] - 1] += z[with_own]
        cuts[rows[with_other], place, other[with_other] - 1] -= z[with_other]
    return cuts.reshape(n * k, k * q)
