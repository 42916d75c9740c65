"""Search for a direction of the coefficients along which a partial likelihood never falls, by linear inequalities."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, IntArray
from tendon_outcomes.estimators.regression.cox.sample import BoolArray, CoxSample

SAME = 1e-9  # Sine of the angle below which a difference of covariates counts as at right angles to a direction.
EQUAL = 1e-12  # Difference of covariates, in standard deviations, that is rounding.
ROUNDS = 200
CUTS_A_ROUND = 200


class RiskSets:
    """Who is at risk beside each event; found once, asked for many directions."""

    def __init__(self, sample: CoxSample, ties: str) -> None:
        self.sample, self.exact = sample, ties == "exact"
        self.at = np.flatnonzero(sample.event)
        self.scanned = sample.start is not None or self.exact
        if not self.scanned:
            key = sample.stratum * sample.time.size + sample.stop
            self.order = np.argsort(key, kind="stable")[::-1]
            # The last row, going back in time, that is still at risk at each event.
            self.place = np.searchsorted(-key[self.order], -key[self.at], side="right") - 1

    def highest(self, value: FloatArray) -> IntArray:
        """For each event the row at risk beside it with the largest value (itself, when nobody is).

        With the exact likelihood only rows without an event on the day count.
        """
        if self.scanned:
            return self._scan(value)
        span = float(np.ptp(value)) or 1.0
        # Offsets that grow from the last stratum to the first keep the running maximum of one stratum out of the next.
        offset = 2.0 * span * (len(self.sample.stratum_labels) - 1 - self.sample.stratum)
        ordered = (value - value.min() + offset)[self.order]
        is_highest = ordered == np.maximum.accumulate(ordered)
        best = np.maximum.accumulate(np.where(is_highest, np.arange(ordered.size), 0))
        return np.asarray(self.order[best[self.place]], dtype=np.int64)

    def _scan(self, value: FloatArray) -> IntArray:
        s = self.sample
        start = np.full(s.n, -1) if s.start is None else s.start
        cells, which = np.unique(np.stack([s.stratum[self.at], s.stop[self.at]]), axis=1, return_inverse=True)
        found = self.at.astype(np.int64)
        for k, (stratum, day) in enumerate(cells.T.tolist()):
            there: BoolArray = (s.stratum == stratum) & (start < day) & (s.stop >= day)
            if self.exact:
                there &= ~(s.event & (s.stop == day))
            rows = np.flatnonzero(there)
            if rows.size:
                found[which.ravel() == k] = rows[np.argmax(value[rows])]
        return found


def monotone_direction(sample: CoxSample, ties: str, columns: IntArray, start: FloatArray) -> FloatArray | None:
    """A direction of the coefficients `columns` that no row at risk beside an event exceeds the event in, or None.

    Along it the log partial likelihood rises for ever, provided that the covariates vary within risk sets. Cutting planes: a
    direction is tried (`start` first), the rows that exceed an event become inequalities, and the next one meets all of them;
    when none does there is no such direction at all.
    """
    scale = sample.x.std(axis=0)[columns]
    sets, x = RiskSets(sample, ties), sample.x[:, columns] / scale
    cuts = np.zeros((0, columns.size))
    direction: FloatArray | None = start * scale
    for _ in range(ROUNDS):
        if direction is None or not np.isfinite(direction).all() or not direction.any():
            return None
        direction = direction / np.sqrt(direction @ direction)
        exceeded = _exceeded(sets, x, direction)
        if not exceeded.size:
            return np.asarray(direction / scale)
        cuts = np.vstack([cuts, exceeded])
        direction = _within(cuts)
    return None


def never_falls(sample: CoxSample, direction: FloatArray, ties: str = "efron") -> bool:
    """Whether the log partial likelihood never falls along `direction`, from any point.

    So it is exactly when at every event day of a stratum the events have the largest x'direction among those at risk (with the
    exact likelihood: no smaller one than any row at risk without the event).
    """
    scale = sample.x.std(axis=0)
    return not _exceeded(RiskSets(sample, ties), sample.x / scale, direction * scale / np.linalg.norm(direction * scale)).size


def _exceeded(sets: RiskSets, x: FloatArray, direction: FloatArray) -> FloatArray:
    """Covariates of events less those of the rows that exceed them, as unit vectors; the worst first, not more than fit."""
    difference = x[sets.at] - x[sets.highest(x @ direction)]
    length = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    difference = difference[length > EQUAL] / length[length > EQUAL, None]
    short = difference @ direction
    worst = np.argsort(short, kind="stable")[: min(CUTS_A_ROUND, int(np.count_nonzero(short < -SAME)))]
    return np.asarray(difference[worst])


def _within(cuts: FloatArray) -> FloatArray | None:
    """A direction with cuts @ direction >= 0 that is not 0; None when only 0 is.

    The mean of the cuts less its nearest point in the cone of their negatives meets all of them (Stiemke's alternative). Where
    that is 0, only what is at right angles to every cut is left.
    """
    left = _beside_cone(cuts)
    if float(np.sqrt(left @ left)) > SAME:
        return left
    _, size, rows = np.linalg.svd(cuts, full_matrices=True)
    rank = int(np.count_nonzero(size > SAME * size[0]))
    return None if rank == cuts.shape[1] else np.asarray(rows[-1])


def _beside_cone(cuts: FloatArray) -> FloatArray:
    """mean(cuts) + cuts' z with z >= 0 that makes it shortest (least squares by active sets, Lawson & Hanson 1974, ch. 23)."""
    mean = cuts.mean(axis=0)
    z, used, left = np.zeros(cuts.shape[0]), np.zeros(cuts.shape[0], dtype=np.bool_), mean
    for _ in range(3 * cuts.shape[0]):
        slack = np.where(used, np.inf, cuts @ left)
        if float(slack.min()) >= -SAME / 10.0 * float(np.sqrt(left @ left)):
            break
        used[int(np.argmin(slack))] = True
        while used.any():
            target = np.zeros(z.size)
            target[used] = np.linalg.lstsq(cuts[used].T, -mean, rcond=None)[0]
            falling = used & (target <= 0.0)
            if not falling.any():
                z = target
                break
            share = float(np.min(z[falling] / (z[falling] - target[falling]))) if (z[falling] > target[falling]).all() else 0.0
            z = z + share * (target - z)
            used &= z > 1e-15
            z = np.where(used, z, 0.0)
        left = mean + cuts.T @ z
    return np.asarray(left)
