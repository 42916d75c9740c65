"""Newton's method on a log partial likelihood, in units of standard errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.cox.evaluation import Evaluation

NOISE = 1e-12  # Share of the log likelihood by which two evaluations of it may differ through rounding.
HALVINGS = 40
# A step has gone where rounding is all that is seen when less than this share of the information along it is left after it, or
# when the next step would be so many times as long, squared, in standard errors.
COLLAPSED, ERUPTED = 1e-4, 10.0


class Optimum(NamedTuple):
    """Where the iterations ended: `distance` is sqrt(g' I^-1 g) before the last step, in standard errors."""

    beta: FloatArray
    evaluation: Evaluation
    iterations: int
    distance: float


class Watch(Protocol):
    """Sees every step, its squared length in standard errors and whether it is the last; may raise."""

    def __call__(self, step: FloatArray, squared: float, *, last: bool) -> None: ...


def maximise(
    evaluate: Callable[[FloatArray], Evaluation],
    start: FloatArray,
    first: Evaluation,
    *,
    tolerance: float,
    max_iterations: int,
    watch: Watch,
) -> Optimum:
    """Newton steps, halved while the likelihood falls, until the next step is shorter than `tolerance` standard errors.

    A step after which hardly any information is left along it is halved, too. The last step is taken without another evaluation,
    unless it is long beside the information at the start.
    """
    now = _state(start, first)
    for iteration in range(max_iterations + 1):
        if not now.squared >= 0.0:  # also when it is NaN
            raise not_converged(iteration)
        # A step that the likelihood cannot tell from no step any more is the end, too, whatever was asked for.
        noise = 1e-4 * NOISE * abs(now.evaluation.log_likelihood)
        last = now.squared <= tolerance * tolerance or (iteration > 0 and now.squared <= noise)
        watch(now.step, now.squared, last=last)
        if last:
            reached = now.beta + now.step
            # Near separation a step that is short in standard errors is long in the covariates, and the information still moves.
            if float(now.step @ first.information @ now.step) > tolerance * tolerance:
                ended = evaluate(reached)
            else:
                ended = now.evaluation._replace(log_likelihood=now.evaluation.log_likelihood + now.squared / 2.0)
            return Optimum(reached, ended, iteration, float(np.sqrt(now.squared)))
        if iteration < max_iterations:
            now = _uphill(evaluate, now, iteration)
    raise not_converged(max_iterations)


class _State(NamedTuple):
    """Where the iterations are, and the next step with its squared length in standard errors (NaN when there is none)."""

    beta: FloatArray
    evaluation: Evaluation
    step: FloatArray
    squared: float


def _state(beta: FloatArray, evaluation: Evaluation) -> _State:
    step = solved(evaluation)
    return _State(beta, evaluation, step, float(evaluation.gradient @ step))


def solved(now: Evaluation) -> FloatArray:
    """The Newton step; NaN when the information cannot be inverted."""
    scale = np.sqrt(np.maximum(np.diagonal(now.information), 1e-300))
    try:
        return np.asarray(np.linalg.solve(now.information / (scale[:, None] * scale), now.gradient / scale) / scale)
    except np.linalg.LinAlgError:
        return np.full(scale.size, np.nan)


def _uphill(evaluate: Callable[[FloatArray], Evaluation], now: _State, iteration: int) -> _State:
    """The state after the step, halved while the likelihood falls or the step has gone where only rounding is seen."""
    floor = now.evaluation.log_likelihood - NOISE * abs(now.evaluation.log_likelihood)
    step, squared = now.step, now.squared
    for _ in range(HALVINGS):
        trial = evaluate(now.beta + step)
        if trial.log_likelihood >= floor and float(step @ trial.information @ step) >= COLLAPSED * squared:
            after = _state(now.beta + step, trial)
            if 0.0 <= after.squared <= ERUPTED * max(now.squared, 1.0):
                return after
        step, squared = step / 2.0, squared / 4.0
    raise not_converged(iteration)


def not_converged(iterations: int) -> NotConverged:
    """The exception for iterations that led nowhere."""
    return NotConverged(
        f"the Cox model had not converged after {iterations} iterations",
        way_out="Look for covariates of very different scale or nearly without variation, or fit by on_separation='firth'.",
    )
