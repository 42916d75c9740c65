"""Climbing a penalised likelihood with some coefficients held, and the limits where its profile has fallen by a quantile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.cox.evaluation import Evaluation
from tendon_outcomes.estimators.regression.cox.newton import not_converged
from tendon_outcomes.estimators.regression.cox.sample import BoolArray

Likelihood = Callable[[FloatArray], Evaluation]

MOST_STEPS = 100
DIFFERENCE = 1e-4  # in standard errors, to differentiate the score
FLAT = 1e-6  # distance in standard errors that the log likelihood cannot tell from none
LONGEST_STEP = 5.0  # in standard errors at the start: the surface is far from quadratic beyond
FURTHEST = 200  # searches outward for a limit
EXACT = 1e-10  # of the square root of the deviance


def climb(
    likelihood: Likelihood, start: FloatArray, free: BoolArray, tolerance: float
) -> tuple[FloatArray, Evaluation, int, float]:
    """(beta, evaluation, steps, last distance in standard errors): the maximum over the free coefficients.

    Newton steps with the derivative of the penalised score by differences, since the information is not the Hessian of the
    penalised likelihood; steps by the information where the surface does not bend down. Halved while the likelihood falls.
    """
    beta, now = start.copy(), likelihood(start)
    if not free.any():
        return beta, now, 0, 0.0
    for iteration in range(MOST_STEPS):
        gradient, information = now.gradient[free], now.information[np.ix_(free, free)]
        by_information = np.asarray(np.linalg.solve(information, gradient), dtype=np.float64)
        distance = float(np.sqrt(max(float(gradient @ by_information), 0.0)))
        if distance <= tolerance:
            return beta, now, iteration, distance
        by_information *= min(1.0, LONGEST_STEP / distance)
        trial = _best(likelihood, beta, free, now, _steps(likelihood, beta, free, now, by_information))
        if trial is None:
            if distance < FLAT:  # rounding of the log likelihood hides the rest
                return beta, now, iteration, distance
            raise not_converged(iteration)
        beta, now = trial
    raise not_converged(MOST_STEPS)


def _steps(
    likelihood: Likelihood, beta: FloatArray, free: BoolArray, now: Evaluation, by_information: FloatArray
) -> list[FloatArray]:
    """Steps to try, best first: Newton's and its halves where the surface bends down, then the information's."""
    places = np.flatnonzero(free)
    bend = np.empty((places.size, places.size))
    for column, j in enumerate(places.tolist()):
        moved = beta.copy()
        h = DIFFERENCE / float(np.sqrt(now.information[j, j]))
        moved[j] = beta[j] + h
        up = likelihood(moved).gradient[free]
        moved[j] = beta[j] - h
        bend[:, column] = (likelihood(moved).gradient[free] - up) / (2.0 * h)
    bend = (bend + bend.T) / 2.0
    steps = []
    if np.isfinite(bend).all() and np.linalg.eigvalsh(bend)[0] > 0.0:
        steps = [np.asarray(np.linalg.solve(bend, now.gradient[free])) * 0.5**k for k in range(6)]
    return [*steps, *(by_information * 0.5**k for k in range(30))]


def _best(
    likelihood: Likelihood, beta: FloatArray, free: BoolArray, now: Evaluation, steps: list[FloatArray]
) -> tuple[FloatArray, Evaluation] | None:
    floor = now.log_likelihood - 1e-13 * abs(now.log_likelihood)
    for step in steps:
        moved = beta.copy()
        moved[free] += step
        trial = likelihood(moved)
        if trial.log_likelihood >= floor:
            return moved, trial
    return None


def deviance_at(likelihood: Likelihood, beta: FloatArray, best: Evaluation, j: int, value: float) -> float:
    """Twice the fall of the log likelihood when coefficient j is held at a value and the others are free."""
    return _held(likelihood, beta, best, j, value)[0]


def _held(likelihood: Likelihood, beta: FloatArray, best: Evaluation, j: int, value: float) -> tuple[float, float, FloatArray]:
    free = np.ones(beta.size, dtype=np.bool_)
    free[j] = False
    start = beta.copy()
    start[j] = value
    at, there, _, _ = climb(likelihood, start, free, 1e-8)
    return 2.0 * (best.log_likelihood - there.log_likelihood), float(there.gradient[j]), at


def profile_limits(
    likelihood: Likelihood,
    beta: FloatArray,
    best: Evaluation,
    covariance: FloatArray,
    conf_level: float,
    *,
    places: Sequence[int] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Where the square root of the deviance reaches the normal quantile, to both sides of the coefficients at `places` (all)."""
    z = two_sided_z(conf_level)
    error = np.sqrt(np.diagonal(covariance))
    asked = range(beta.size) if places is None else places
    sides = [[_limit(likelihood, beta, best, j, side * float(error[j]), z) for j in asked] for side in (-1.0, 1.0)]
    return np.array(sides[0]), np.array(sides[1])


def _limit(likelihood: Likelihood, beta: FloatArray, best: Evaluation, j: int, unit: float, z: float) -> float:
    """Newton's method on the root of the deviance, whose slope is known: only the held coefficient's score is left."""
    inside, outside = float(beta[j]), np.inf * np.sign(unit)
    value, warm = inside + z * unit, beta
    for _ in range(FURTHEST):
        try:
            deviance, slope, found = _held(likelihood, warm, best, j, value)
        except NotConverged:
            break
        root = float(np.sqrt(max(deviance, 0.0)))
        if abs(root - z) <= EXACT * z:
            return value
        warm = found
        if root < z:
            inside = value
        else:
            outside = value
        derivative = -slope / root if root > 0.0 else 0.0
        target = value + (z - root) / derivative if derivative * np.sign(unit) > 0.0 else np.nan
        value = _between(target, inside, outside, unit)
        if abs(outside - inside) <= 1e-13 * max(1.0, abs(value)):
            return value
    raise NotConverged(
        f"no profile limit was found for coefficient {j + 1} of {beta.size}",
        way_out="There are too few events for these covariates: report the counts, or fit fewer.",
    )


def _between(target: float, inside: float, outside: float, unit: float) -> float:
    """The Newton step where it stays within what is known; otherwise the middle, or further out when nothing is known there."""
    if np.isinf(outside):
        ahead = (target - inside) * np.sign(unit)
        return target if 0.0 < ahead <= 4.0 * abs(unit) else inside + 2.0 * unit  # also when the target is NaN
    low, high = min(inside, outside), max(inside, outside)
    return target if low < target < high else (low + high) / 2.0
