"""The largest likelihood of a mixture whose rows are ranges of ordered cells, over the probability simplex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.errors import EstimationRefused, NotConverged
from tendon_outcomes.estimators.interval_censored.mixture import RangeMixture
from tendon_outcomes.estimators.interval_censored.quadratic import CURVATURE_RIDGE, nonnegative_quadratic
from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse

__all__ = ["RangeMixture", "SimplexFit", "maximise", "refuse_empty_entries"]

BURN_IN_SWEEPS = 12  # EM sweeps before Newton; fewer leave too many cells to drop one by one, more cost without gain.
DENSE_CELLS = 200  # Up to here every cell starts with mass; above, a set of cells that touches every row.
SUPPORT_SLACK = 1e-6  # A cell keeps its mass only while |d_j/N - 1| is below this; otherwise it is still on its way to 0.
FAR_FEWER = 0.01
LONG_CLIMB = 20  # steps after which a climb that late entries make is looked at: most end within ten
NOBODY_LEFT = 1e-6  # Less mass than this after an entry: the curve ran out before somebody entered.


@dataclass(frozen=True, slots=True, eq=False)
class SimplexFit:
    """Masses at the maximum, what they reach, and how far the optimality conditions are from holding."""

    mass: FloatArray
    log_likelihood: float
    kkt_residual: float
    rises: tuple[float, ...]  # what each Newton step added to the log-likelihood; never negative


def maximise(
    mixture: RangeMixture,
    *,
    tolerance: float,
    max_iterations: int = 500,
    start: FloatArray | None = None,
    tilt: FloatArray | None = None,
) -> SimplexFit:
    """Masses that maximise the log-likelihood over the simplex, by EM and then a constrained Newton method.

    Each step maximises the quadratic expansion of sum_i w_i log(P_i) - N sum_j p_j over p >= 0 (that penalty is maximal at
    sum p = 1 by itself) on the present support plus, in every gap of it, the cell with the largest gradient above N (Wang
    2007, JRSS B 69:185, the constrained Newton method). A step that would lower the likelihood is halved. It ends when
    max_j d_j / N - 1 <= tolerance, which bounds the distance to the maximum by N * tolerance, and raises NotConverged otherwise.
    With late entries N becomes c_j = sum of w_i / B_i over the rows that had entered; then -sum_i w_i log(B_i) bends upwards,
    and where that leaves no downward curvature its tangent stands for it (an MM step, which cannot lower the likelihood).

    `tilt`, with `start`, asks for the maximum among all masses with the same sum_j tilt_j p_j / sum_j p_j as the answer has: the
    penalty is N sum_j tilt_j p_j. One call for each of a row of tilts draws a profile likelihood.
    """
    total = float(mixture.weight.sum())
    scale = np.ones(mixture.marked.size) if tilt is None else tilt
    mass = _start(mixture) if start is None else start / start.sum()
    if tilt is None:
        mass = _burn_in(mixture, mass)
    mass = mass / np.dot(scale, mass)
    rises: list[float] = []
    residual, polished = np.inf, False
    while len(rises) < max_iterations:
        if len(rises) % LONG_CLIMB == LONG_CLIMB - 1:
            _refuse_a_curve_running_out(mixture, mass)
        here = _Point.of(mixture, mass, scale, total)
        residual = max(float(here.slope.max()), 0.0)
        settled = residual <= tolerance and float(np.abs(here.slope[mass > 0.0]).max()) <= SUPPORT_SLACK
        step = None if settled and polished else _newton_step(mixture, here, scale, total)
        if step is None and residual <= tolerance:
            mass = mass / mass.sum()
            return SimplexFit(mass, mixture.log_likelihood(mass), residual, tuple(rises))
        if step is None:
            break
        mass, rise = step
        rises.append(rise)
        polished = settled  # One step beyond the tolerance: the convergence is quadratic, so it buys the last digits.
    refuse_empty_entries(mixture, mass)
    _refuse_a_curve_running_out(mixture, mass)
    raise NotConverged(
        f"the likelihood was not maximised: optimality residual {residual:.1e} where {tolerance:.1e} is asked",
        way_out="Coarsen the visit days to a grid, or raise `tolerance` knowingly.",
    )


def refuse_empty_entries(mixture: RangeMixture, mass: FloatArray) -> None:
    """Refuses a curve that has reached 1 before somebody enters: what that row says is then given what cannot be."""
    if mixture.entered is None or mixture.entered_weight is None:
        return
    empty = mixture.still_to_come(mass) <= NOBODY_LEFT * float(mass.sum())
    if empty.any():
        raise _ran_out(float(mixture.entered_weight[empty].sum()))


def _refuse_a_curve_running_out(mixture: RangeMixture, mass: FloatArray) -> None:
    """Refuses when a hundredth of the mass after some entry is better than what a long climb has reached.

    The likelihood then rises for ever towards a curve that reaches 1 before that entry, ever more slowly.
    """
    if mixture.entered is None or mixture.entered_weight is None:
        return
    reached = mixture.log_likelihood(mass)
    for place, first in enumerate(mixture.entered.tolist()):
        less = mass.copy()
        less[first:] *= FAR_FEWER
        if first > 0 and less[:first].any() and mixture.log_likelihood(less) > reached:
            raise _ran_out(float(mixture.entered_weight[place:].sum()))


def _ran_out(weight: float) -> EstimationRefused:
    return refuse(
        f"the incidence reaches 1 before rows of total weight {weight:g} enter",
        way_out="Start the clock at a later day, at which more have entered.",
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """Where a step begins: the masses, their rows, what follows each entry, and the slope per unit of weight."""

    mass: FloatArray
    rows: FloatArray
    behind: FloatArray | None
    slope: FloatArray

    @classmethod
    def of(cls, mixture: RangeMixture, mass: FloatArray, scale: FloatArray, total: float) -> _Point:
        rows = mixture.row_masses(mass)
        slope = mixture.gradient(rows) / total - scale
        if mixture.entered is None:
            return cls(mass, rows, None, slope)
        behind = mixture.still_to_come(mass)
        return cls(mass, rows, behind, slope - mixture.allowance(behind) / total + 1.0 / float(mass.sum()))


def _burn_in(mixture: RangeMixture, mass: FloatArray) -> FloatArray:
    """Sweeps of EM; with late entries p_j d_j / c_j, its counterpart in which those not seen are filled in as well."""
    for _ in range(BURN_IN_SWEEPS):
        pull = mixture.gradient(mixture.row_masses(mass))
        if mixture.entered is not None:
            allowed = mixture.allowance(mixture.still_to_come(mass))
            pull = np.divide(pull, allowed, out=np.zeros_like(pull), where=allowed > 0.0)
        mass = mass * pull
        mass /= mass.sum()
    return mass


def _start(mixture: RangeMixture) -> FloatArray:
    """Uniform masses: on every cell when there are few, else on unmarked cells, a thinned grid and one cell for every row."""
    m = mixture.marked.size
    if m <= DENSE_CELLS:
        return np.full(m, 1.0 / m)
    chosen = mixture.marked == 0.0
    chosen[:: max(1, m // (DENSE_CELLS // 4))] = True
    for restricted in (True, False):
        of_kind = mixture.restricted == restricted
        latest_first = np.full(m + 1, -1, dtype=np.int64)  # For each end, the latest beginning of a row that ends there.
        np.maximum.at(latest_first, mixture.last[of_kind], mixture.first[of_kind])
        allowed = np.flatnonzero(mixture.marked > 0.0) if restricted else np.arange(m)
        newest = -1
        for end in np.flatnonzero(latest_first >= 0):
            if latest_first[end] > newest:
                newest = int(allowed[np.searchsorted(allowed, end) - 1])
                chosen[newest] = True
    start: FloatArray = chosen / chosen.sum()
    return start


def _newton_step(mixture: RangeMixture, here: _Point, scale: FloatArray, total: float) -> tuple[FloatArray, float] | None:
    """One accepted step: the new masses and the rise of the log-likelihood; None when no step raises it any more."""
    mass, slope = here.mass, here.slope
    support = _support(mass, slope)
    present = mass[support]
    curvature = _curvature(mixture, here, support, total)
    target = np.zeros_like(mass)
    target[support] = nonnegative_quadratic(curvature, slope[support], present)
    target /= max(float(np.dot(scale, target)), 1e-300)
    promised = max(float(np.dot(slope, target - mass)), 0.0) * total
    share = 1.0
    while share > 1e-10:
        rise = _rise(mixture, here, share * (target - mass), scale, total)
        if rise >= 1e-4 * share * promised and rise > 0.0:
            return (target if share == 1.0 else mass + share * (target - mass)), rise
        share *= 0.5
    sweep = mass * np.maximum(slope / scale + 1.0, 0.0)
    sweep /= max(float(np.dot(scale, sweep)), 1e-300)
    rise = _rise(mixture, here, sweep - mass, scale, total)
    return (sweep, rise) if rise > 0.0 else None


def _curvature(mixture: RangeMixture, here: _Point, support: IntArray, total: float) -> FloatArray:
    """Minus the second derivatives on the support, per unit of weight; without the part of late entries where that spoils it."""
    curvature = mixture.information(support, mixture.weight / (total * here.rows**2))
    if here.behind is None or mixture.entered_weight is None:
        return curvature
    curvature += 1.0 / float(here.mass.sum()) ** 2
    bent = curvature - mixture.conditioning(support, mixture.entered_weight / (total * here.behind**2))
    size = 1.0 / np.sqrt(np.maximum(np.diagonal(curvature), 1e-300))
    try:
        np.linalg.cholesky(bent * np.outer(size, size) + CURVATURE_RIDGE * np.eye(size.size))
    except np.linalg.LinAlgError:
        return curvature
    return bent


def _rise(mixture: RangeMixture, here: _Point, move: FloatArray, scale: FloatArray, total: float) -> float:
    """Change of the log-likelihood along a move, exact to far below the rounding of the log-likelihood itself.

    Rounding leaves the moved masses with a sum of 1 + 1e-16; the likelihood of the normalised masses takes that out.
    """
    relative = mixture.row_masses(move) / here.rows
    if float(relative.min()) <= -1.0 + 1e-12:
        return -np.inf
    rise = np.log1p(relative)
    if here.behind is None or mixture.entered_weight is None:
        return float(np.dot(mixture.weight, rise - np.log1p(np.dot(scale, move))))
    later = mixture.still_to_come(move) / here.behind
    if float(later.min()) <= -1.0 + 1e-12:
        return -np.inf
    together = np.log1p(float(move.sum()) / float(here.mass.sum())) - np.log1p(np.dot(scale, move))
    return float(np.dot(mixture.weight, rise) - np.dot(mixture.entered_weight, np.log1p(later)) + total * together)


def _support(mass: FloatArray, slope: FloatArray) -> IntArray:
    """Cells with mass, and in each gap between them the cell whose gradient exceeds N the most."""
    held = mass > 0.0
    rising = np.flatnonzero((slope > 0.0) & ~held)
    if rising.size == 0:
        return np.flatnonzero(held)
    gap = np.cumsum(held)[rising]
    order = np.lexsort((slope[rising], gap))
    best = order[np.concatenate((gap[order][1:] != gap[order][:-1], [True]))]
    held[rising[best]] = True
    return np.flatnonzero(held)
