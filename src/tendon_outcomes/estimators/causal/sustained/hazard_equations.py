"""The equations of the weekly hazards, for many rows of weights at once: weighted events less weighted risk times hazard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]

SWEEPS, CYCLE = 4, 15  # of EM before Newton's steps; a fresh start after so many
STEPS, LAST = 90, 3000  # with Newton's steps among them; of EM alone after these, which one sample in sixty needs
ACCEPTED = 1e-4  # left of the equations per unit at risk: a hazard that sinks to 0 slowly; far below any standard error
RIDGE = 1e-4  # of the diagonal: keeps still what the data leave open
FARTHEST = (-0.9, 4.0)  # relative change of a chance in one step; a longer step is shortened as a whole, so that mass is kept
SMALL = 1e-3  # a hazard below this may be on its way to 0
SINKING, SUNK = -0.8, -6.0  # Newton's step on the log of such a hazard is near -1; then go further
FLOOR, BACK = 1e-13, 1e-6  # a chance below BACK that EM would raise was taken down wrongly
SHARES = (1.0, 0.5, 0.125)  # of the plain step that are tried before a sweep


@dataclass(frozen=True, slots=True, eq=False)
class WeekTotals:
    """Sums over rows for b rows of weights: at risk, events and competing events by week that are certain, (b, K) and (b, K, C);
    and the weight of every interval of several weeks in each of its weeks, (b, P, K). `inside` (P, K) says which these are, and
    `stretch` (K, M) which weeks no row tells apart: whoever has the event in such a stretch is as likely to in each of its weeks.
    `passed` (K,) is the share of its stretch that is over when a week begins.
    """

    at_risk: FloatArray
    events: FloatArray
    competing: FloatArray
    spread: FloatArray
    inside: FloatArray = field(repr=False)
    stretch: FloatArray = field(repr=False)
    passed: FloatArray = field(repr=False)

    @classmethod
    def empty(cls, b: int, n_competing: int, spans: IntArray, stretch: IntArray) -> WeekTotals:
        cells = stretch.size
        week = np.arange(1, cells + 1)
        inside = ((spans[:, :1] < week) & (week <= spans[:, 1:])).astype(np.float64)
        first, length = np.unique(stretch, return_index=True, return_counts=True)[1:]
        return cls(
            np.zeros((b, cells)),
            np.zeros((b, cells)),
            np.zeros((b, cells, n_competing)),
            np.zeros((b, spans.shape[0], cells)),
            inside,
            np.eye(int(stretch.max()) + 1)[stretch],
            (np.arange(cells) - first[stretch]) / length[stretch],
        )

    def of(self, rows: IntArray) -> WeekTotals:
        """The same for some of the rows of weights, without the intervals that have no weight in any of them."""
        spread = self.spread[rows]
        used = spread.any(axis=(0, 2))
        at_risk, events, competing = self.at_risk[rows], self.events[rows], self.competing[rows]
        return WeekTotals(at_risk, events, competing, spread[:, used], self.inside[used], self.stretch, self.passed)

    def hazards(self, chance: FloatArray) -> FloatArray:
        """Weekly hazards (b, K) when the stretches have these chances (b, M) of an event to whoever is free at their start."""
        by_week = chance @ self.stretch.T
        left = np.maximum(1.0 - by_week * self.passed, 1e-12)
        return np.asarray(np.minimum(by_week * (self.stretch / self.stretch.sum(axis=0)).sum(axis=1) / left, 1.0))


class Hazards(NamedTuple):
    """Hazards of cause 1 and of the competing causes together, expected weight at risk, (b, K); what is left of the equations."""

    hazard: FloatArray
    competing_hazard: FloatArray
    at_risk: FloatArray
    residual: FloatArray
    converged: BoolArray
    iterations: int


class _Expected(NamedTuple):
    """What the hazards make of the intervals: shares of each (b, P, K), events and weight at risk by week (b, K)."""

    share: FloatArray
    after: FloatArray  # share of the week and of those after it
    events: FloatArray
    at_risk: FloatArray


def solved(totals: WeekTotals, *, tolerance: float) -> Hazards:
    """Hazards by week for every row of weights; `converged` is False where more than `ACCEPTED` is left of the equations."""
    b, k = totals.at_risk.shape
    others = totals.competing.sum(axis=2)
    if totals.spread.shape[1] == 0 or not totals.spread.any():
        hazard, competing = _ratio(totals.events, totals.at_risk), _ratio(others, totals.at_risk)
        return Hazards(hazard, competing, totals.at_risk, np.zeros(b), np.ones(b, dtype=np.bool_), 0)
    hazard, at_risk = np.zeros((b, k)), np.zeros((b, k))
    residual, converged = np.full(b, np.inf), np.zeros(b, dtype=np.bool_)
    open_rows = np.arange(b)
    state = _Iterate.begun(totals.of(open_rows))
    steps = 0
    for steps in range(1, LAST + 1):
        state.advance(newton=steps <= STEPS and steps % CYCLE > SWEEPS, slack=tolerance / 10.0)
        done = state.settled(tolerance, by_sweeps=steps > STEPS)
        if done.any() or steps == LAST:
            out = done if steps < LAST else np.ones(open_rows.size, dtype=np.bool_)
            at = open_rows[out]
            hazard[at], at_risk[at], residual[at] = state.hazard[out], state.expected.at_risk[out], state.residual[out]
            converged[at] = state.residual[out] <= max(tolerance, ACCEPTED)
            open_rows = open_rows[~out]
            if open_rows.size == 0:
                break
            state = state.only(~out)
    return Hazards(hazard, _ratio(others, at_risk), at_risk, residual, converged, steps)


@dataclass(slots=True)
class _Iterate:
    """Where the rows of weights that have not settled stand, with what the equations are there."""

    totals: WeekTotals
    others: FloatArray
    scale: FloatArray
    chance: FloatArray  # of an event in each stretch, (b, M)
    hazard: FloatArray
    expected: _Expected
    residual: FloatArray
    moved: FloatArray  # largest change of a chance by the last Newton step
    careful: BoolArray  # a chance was taken down wrongly before

    @classmethod
    def begun(cls, totals: WeekTotals) -> _Iterate:
        even = totals.inside / np.maximum(totals.inside.sum(axis=1, keepdims=True), 1.0)
        first = _expected_of(totals, np.broadcast_to(even, totals.spread.shape))
        scale = np.maximum(first.at_risk.max(axis=1), 1e-300)
        far = np.full(scale.size, np.inf)
        chance = np.minimum(_ratio(first.events @ totals.stretch, (first.at_risk * (totals.passed == 0.0)) @ totals.stretch), 1.0)
        start = cls(totals, totals.competing.sum(axis=2), scale, chance, totals.hazards(chance), first, far, far, far < 0.0)
        return start.evaluated(chance)

    def evaluated(self, chance: FloatArray) -> _Iterate:
        """The equations at other chances; one that an interval may need never sinks to 0."""
        room = np.maximum(1.0 - _ratio(self.others, self.expected.at_risk), 0.0)
        needed = (self.expected.events @ self.totals.stretch) > 0.0
        chance = np.clip(chance, np.where(needed, FLOOR, 0.0), 1.0)
        hazard = np.minimum(self.totals.hazards(chance), room)
        expected = _expected_of(self.totals, _shares(self.totals.inside, _masses(hazard, 1.0 - room)))
        left_over = (expected.events - hazard * expected.at_risk) @ self.totals.stretch
        residual = np.abs(left_over).sum(axis=1) / self.scale
        far = np.full(self.scale.size, np.inf)
        return _Iterate(self.totals, self.others, self.scale, chance, hazard, expected, residual, far, self.careful)

    def swept(self) -> FloatArray:
        """The chances after a sweep of EM."""
        stretch = self.totals.stretch
        return self.chance * _ratio(self.expected.events @ stretch, (self.expected.at_risk * self.hazard) @ stretch)

    def advance(self, *, newton: bool, slack: float) -> None:
        """One step of every row of weights: Newton's where it leaves the residual lower or within `slack`, else a sweep of EM."""
        swept = self.swept()
        if not newton:
            self._take(self.evaluated(swept), self.moved)
            return
        wrong = (self.chance < BACK) & (swept > self.chance * (1.0 + 1e-9)) & (self.chance > 0.0)
        fast, plain = self._newton_steps(swept)
        lifted = np.where(wrong, SMALL, self.chance)
        moved: FloatArray = np.asarray(np.abs(self.chance * fast).max(axis=1))
        bound = np.maximum(self.residual, slack)
        tried = self.evaluated(self._along(fast))
        for other in (*(self._along(plain * share) for share in SHARES), swept):
            worse = np.flatnonzero(~(tried.residual <= bound))
            if worse.size == 0:
                break
            chance = tried.chance.copy()
            chance[worse] = other[worse]
            tried = self.evaluated(chance)
            moved[worse] = np.inf
        again = np.asarray(wrong.any(axis=1), dtype=np.bool_)
        if again.any():
            tried = self.evaluated(np.where(again[:, None], lifted, tried.chance))
            moved[again] = np.inf
            self.careful |= again
        self._take(tried, moved)

    def _along(self, step: FloatArray) -> FloatArray:
        """The chances after relative changes; small ones that fall far do so on the log scale, each for itself."""
        small = (self.chance < SMALL) & (step < -0.5)
        rest = np.where(small, 0.0, step)
        low, high = rest.min(axis=1, keepdims=True), rest.max(axis=1, keepdims=True)
        share = np.minimum(
            1.0, np.minimum(FARTHEST[0] / np.minimum(low, FARTHEST[0]), FARTHEST[1] / np.maximum(high, FARTHEST[1]))
        )
        return np.asarray(self.chance * np.where(small, np.exp(np.clip(step, SUNK, 0.0)), 1.0 + share * rest))

    def _take(self, other: _Iterate, moved: FloatArray) -> None:
        self.chance, self.hazard, self.expected = other.chance, other.hazard, other.expected
        self.residual, self.moved = other.residual, moved

    def settled(self, tolerance: float, *, by_sweeps: bool) -> BoolArray:
        """Equations and the last Newton step both below the tolerance; after sweeps the equations."""
        return np.asarray((self.residual <= tolerance) & (by_sweeps | (self.moved <= tolerance)))

    def only(self, kept: BoolArray) -> _Iterate:
        rows = np.flatnonzero(kept)
        used = self.totals.spread[rows].any(axis=(0, 2))
        share, after = self.expected.share[rows][:, used], self.expected.after[rows][:, used]
        expected = _Expected(share, after, self.expected.events[rows], self.expected.at_risk[rows])
        return _Iterate(
            self.totals.of(rows),
            self.others[rows],
            self.scale[rows],
            self.chance[rows],
            self.hazard[rows],
            expected,
            self.residual[rows],
            self.moved[rows],
            self.careful[rows],
        )

    def _newton_steps(self, swept: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Changes of the log chances that make the linearised equations 0, the competing hazards held; a fast and a plain one.

        On the log scale 0 is always a root. A small chance that EM would raise is raised as EM does; the fast step takes one that
        sinks down at once.
        """
        stretch, chance = self.totals.stretch, self.chance
        own = (self.expected.at_risk * self.hazard) @ stretch
        equations = self.expected.events @ stretch - own
        faster = 1.0 / np.maximum(1.0 - (chance @ stretch.T) * self.totals.passed, 1e-9)  # d log hazard / d log chance
        slope = np.matmul(stretch.T, np.matmul(self._slope() * faster[:, None, :], stretch))
        place = np.arange(stretch.shape[1])
        slope[:, place, place] -= own * RIDGE + np.where(own > 0.0, 0.0, 1.0)
        try:
            step = np.linalg.solve(slope, -equations[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            step = np.zeros_like(own)
        step = np.nan_to_num(step)
        with np.errstate(divide="ignore", invalid="ignore"):
            by_sweep = np.nan_to_num(np.log(swept / chance), posinf=0.0, neginf=0.0)
        small = chance < SMALL
        step = np.where(small & (by_sweep > 0.0) & (step < 0.0), 2.0 * by_sweep, step)
        step = np.where((chance <= FLOOR) & (step < 0.0), 0.0, step)
        sinks = small & (by_sweep < 0.0) & (step < SINKING) & ~self.careful[:, None]
        fast = np.where(sinks, SUNK, step)
        return np.asarray(fast, dtype=np.float64), np.asarray(step, dtype=np.float64)

    def _slope(self) -> FloatArray:
        """Derivatives (b, K, K) of the weekly equations by the log hazards."""
        h, part, w = self.hazard, self.expected, self.totals.spread
        week = np.arange(h.shape[1])
        pull = w * (part.share - h[:, None, :] * part.after)
        by_mass = -np.matmul(pull.transpose(0, 2, 1), part.share)
        by_mass -= h[:, :, None] * np.triu(np.matmul(w.transpose(0, 2, 1), part.share))
        by_mass[:, week, week] += (w * part.share).sum(axis=1)
        # A log hazard moves its own log mass by 1, and all later ones by what it takes from those still free.
        free = np.maximum(1.0 - h - _ratio(self.others, part.at_risk), 1e-9)
        later = np.cumsum(by_mass[:, :, ::-1], axis=2)[:, :, ::-1] - by_mass
        by_mass -= (h / free)[:, None, :] * later
        by_mass[:, week, week] -= part.at_risk * h
        return np.asarray(by_mass, dtype=np.float64)


def _expected_of(totals: WeekTotals, share: FloatArray) -> _Expected:
    after = np.cumsum(share[:, :, ::-1], axis=2)[:, :, ::-1]
    events = totals.events + (totals.spread * share).sum(axis=1)
    at_risk = totals.at_risk + (totals.spread * after).sum(axis=1)
    return _Expected(np.asarray(share), after, events, at_risk)


def _masses(hazard: FloatArray, competing: FloatArray) -> FloatArray:
    free = np.cumprod(np.maximum(1.0 - hazard - competing, 0.0), axis=1)
    return np.asarray(hazard * np.concatenate([np.ones((hazard.shape[0], 1)), free[:, :-1]], axis=1))


def _shares(inside: FloatArray, mass: FloatArray) -> FloatArray:
    """The shares of an interval's weeks; even where the masses of all of them have vanished."""
    share = inside * mass[:, None, :]
    total = share.sum(axis=2, keepdims=True)
    even = inside / np.maximum(inside.sum(axis=1, keepdims=True), 1.0)
    return np.where(total > 0.0, share / np.where(total > 0.0, total, 1.0), even)


def _ratio(events: FloatArray, at_risk: FloatArray) -> FloatArray:
    return np.divide(events, at_risk, out=np.zeros_like(events), where=at_risk > 0.0)
