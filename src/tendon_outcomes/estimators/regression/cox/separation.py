"""Monotone likelihood: a direction of the coefficients along which the partial likelihood never falls has no estimate."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.cox.sample import CoxSample

SAME = 1e-6  # Linear predictors along a direction count as equal within this share of their range.
FLATTENED = 1e-3  # Information along the step, as a share of that at the start, below which a direction is looked at.


class Separated(EstimationRefused):
    """The partial likelihood rises for ever along some direction of the coefficients."""


class SeparationWatch:
    """Called with every Newton step; raises `Separated` once a step is certified to be a direction without a maximum.

    Along such a direction the information vanishes while steps keep their length, so the test is only made when the
    information along the step has fallen below a thousandth of what it was at the start; the certificate itself is a proof
    up to rounding, not a guess: no event has anybody at risk beside it with a larger linear predictor along the step.
    """

    def __init__(self, sample: CoxSample, information: FloatArray, ties: str) -> None:
        self.sample, self.information, self.ties = sample, information, ties

    def __call__(self, step: FloatArray, squared: float) -> None:
        if squared < FLATTENED * float(step @ self.information @ step) and never_falls(self.sample, step, self.ties):
            spread = np.abs(step) * self.sample.x.std(axis=0)
            named = [n for n, s in zip(self.sample.names, spread, strict=True) if s > 1e-3 * spread.max()]
            raise Separated(
                f"covariate {', '.join(named)}: the partial likelihood has no maximum; at every event this covariate (or a "
                "combination of them) is extreme among those at risk",
                way_out="Leave it out, merge its categories, or fit by penalised likelihood: on_separation='firth'.",
            )


def never_falls(sample: CoxSample, direction: FloatArray, ties: str = "efron") -> bool:
    """Whether the log partial likelihood never falls, and somewhere rises, along `direction` from every point.

    So it is exactly when at every event day of a stratum the events have the largest x'direction among those at risk (with the
    exact likelihood: no smaller one than any row at risk without the event), and not all at risk have the same.
    """
    value = sample.x @ direction
    low, high = float(value.min()), float(value.max())
    if not high > low:
        return False
    value = (value - low) / (high - low)
    largest, smallest = _extremes(sample, value)
    at = np.flatnonzero(sample.event)
    if ties == "exact":
        return _tops(sample, value, at)
    own = value[at]
    return bool((own >= largest - SAME).all() and (own > smallest + SAME).any())


def _extremes(sample: CoxSample, value: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Largest and smallest value among those at risk at each event row."""
    at = np.flatnonzero(sample.event)
    if sample.start is not None:
        return _scanned(sample, value, at)
    m, last = sample.time.size, len(sample.stratum_labels) - 1
    # Offsets that grow from the last stratum to the first keep the running extremes of one stratum out of the next.
    offset = 2.0 * (last - sample.stratum)
    key = sample.stratum * m + sample.stop
    order = np.argsort(key, kind="stable")[::-1]
    key_sorted = key[order]
    place = np.searchsorted(-key_sorted, -key[at], side="right") - 1  # the last row, going back, that is still at risk
    largest = np.maximum.accumulate((value + offset)[order])[place] - offset[at]
    smallest = np.minimum.accumulate((value - offset)[order])[place] + offset[at]
    return largest, smallest


def _scanned(sample: CoxSample, value: FloatArray, at: np.ndarray) -> tuple[FloatArray, FloatArray]:
    assert sample.start is not None
    cells, which = np.unique(np.stack([sample.stratum[at], sample.stop[at]]), axis=1, return_inverse=True)
    largest, smallest = np.empty(cells.shape[1]), np.empty(cells.shape[1])
    for k, (stratum, day) in enumerate(cells.T.tolist()):
        there = value[(sample.stratum == stratum) & (sample.start < day) & (sample.stop >= day)]
        largest[k], smallest[k] = there.max(), there.min()
    return largest[which.ravel()], smallest[which.ravel()]


def _tops(sample: CoxSample, value: FloatArray, at: np.ndarray) -> bool:
    """The exact likelihood's condition: on each day no row at risk without the event lies above one with it."""
    start = np.full(sample.n, -1) if sample.start is None else sample.start
    rises = False
    for stratum, day in np.unique(np.stack([sample.stratum[at], sample.stop[at]]), axis=1).T.tolist():
        there = (sample.stratum == stratum) & (start < day) & (sample.stop >= day)
        own = there & sample.event & (sample.stop == day)
        others = value[there & ~own]
        if others.size:
            if others.max() > value[own].min() + SAME:
                return False
            rises |= bool(others.min() < value[own].max() - SAME)
    return rises
