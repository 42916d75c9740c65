"""Newton's method on a log partial likelihood, in units of standard errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.cox.evaluation import Evaluation

NOISE = 1e-12  # Share of the log likelihood by which two evaluations of it may differ through rounding.
HALVINGS = 40


class Optimum(NamedTuple):
    """Where the iterations ended: `distance` is sqrt(g' I^-1 g) before the last step, in standard errors."""

    beta: FloatArray
    evaluation: Evaluation
    iterations: int
    distance: float


def maximise(
    evaluate: Callable[[FloatArray], Evaluation],
    start: FloatArray,
    first: Evaluation,
    *,
    tolerance: float,
    max_iterations: int,
    refuse_separation: Callable[[FloatArray, float], None],
) -> Optimum:
    """Newton steps, halved while the likelihood falls, until the next step is shorter than `tolerance` standard errors.

    The last step is taken without another evaluation. `refuse_separation` sees every step with its squared length and may raise.
    """
    beta, now = start, first
    for iteration in range(max_iterations + 1):
        step = solved(now)
        squared = float(now.gradient @ step)
        if not (np.isfinite(step).all() and squared >= 0.0):
            raise not_converged(iteration)
        # A step that the likelihood cannot tell from no step any more is the end, too, whatever was asked for.
        last = squared <= tolerance * tolerance or (iteration > 0 and squared <= 1e-4 * NOISE * abs(now.log_likelihood))
        refuse_separation(step, squared)
        if last:
            gained = Evaluation(now.log_likelihood + squared / 2.0, now.gradient, now.information)
            return Optimum(beta + step, gained, iteration, float(np.sqrt(squared)))
        if iteration < max_iterations:
            beta, now = _uphill(evaluate, beta, step, now, iteration)
    raise not_converged(max_iterations)


def solved(now: Evaluation) -> FloatArray:
    """The Newton step; NaN when the information cannot be inverted."""
    scale = np.sqrt(np.maximum(np.diagonal(now.information), 1e-300))
    try:
        return np.asarray(np.linalg.solve(now.information / (scale[:, None] * scale), now.gradient / scale) / scale)
    except np.linalg.LinAlgError:
        return np.full(scale.size, np.nan)


def _uphill(
    evaluate: Callable[[FloatArray], Evaluation], beta: FloatArray, step: FloatArray, now: Evaluation, iteration: int
) -> tuple[FloatArray, Evaluation]:
    floor = now.log_likelihood - NOISE * abs(now.log_likelihood)
    for _ in range(HALVINGS):
        trial = evaluate(beta + step)
        if trial.log_likelihood >= floor:
            return beta + step, trial
        step = step / 2.0
    raise not_converged(iteration)


def not_converged(iterations: int) -> NotConverged:
    """The exception for iterations that led nowhere."""
    return NotConverged(
        f"the Cox model had not converged after {iterations} iterations",
        way_out="Look for covariates of very different scale or nearly without variation, or fit by on_separation='firth'.",
    )
