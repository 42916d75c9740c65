"""Newton's method for log-likelihoods of a few coefficients, and the sandwich that follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse, summed_by

SMALL_GAIN = 1e-20  # The last full Newton step promises less than this in log-likelihood, relatively to it or to 1.
ROUNDING = 1e-13  # Where rounding hides whether a step leads up, such a gain is none.
FLAT_STEPS = 20  # So many steps of such gains are a ridge without a summit, on which the information is next to singular.
MAX_STEPS = 200
LONGEST = 2.0  # No coefficient moves further in one step.
RUNAWAY = 100.0  # A standardised coefficient less certain than this has no finite estimate.

Derivatives = tuple[FloatArray, FloatArray]  # gradient, information
Evaluation = tuple[float, Callable[[], Derivatives]]


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """Where the objective is highest, its value and the information (minus the second derivatives) there."""

    at: FloatArray
    value: float
    information: FloatArray
    gradient_norm: float
    iterations: int

    @property
    def covariance(self) -> FloatArray:
        """The inverse information, scaled first so that units of covariates do not matter; inf where it has none."""
        with np.errstate(all="ignore"):
            size = 1.0 / np.sqrt(np.diagonal(self.information))
            try:
                inverse = np.linalg.inv(self.information * np.outer(size, size)) * np.outer(size, size)
            except np.linalg.LinAlgError:
                return np.full_like(self.information, np.inf)
        return np.asarray((inverse + inverse.T) / 2.0)


def climb(evaluate: Callable[[FloatArray], Evaluation], start: FloatArray, *, what: str, way_out: str = "") -> Maximum:
    """Newton's method: full steps where they lead up and the information is positive, damped ones elsewhere."""
    with np.errstate(all="ignore"):
        found = _climb(evaluate, np.asarray(start, dtype=np.float64))
    if found is None:
        raise NotConverged(f"{what} did not converge in {MAX_STEPS} steps", way_out=way_out)
    return found


def _climb(evaluate: Callable[[FloatArray], Evaluation], beta: FloatArray) -> Maximum | None:
    damping, flat = 0.0, 0
    value, derivatives = evaluate(beta)
    for step in range(MAX_STEPS):
        gradient, information = derivatives()
        if not (np.isfinite(gradient).all() and np.isfinite(information).all()):
            return None
        move, positive = _step(information, gradient, damping)
        gain, size = float(gradient @ move), max(1.0, abs(value))
        here = Maximum(beta, value, information, float(np.sqrt(max(gain, 0.0))), step)
        if positive and damping == 0.0 and gain <= SMALL_GAIN * size:
            return _last(here, move, evaluate)
        flat += gain <= ROUNDING * size
        if flat > FLAT_STEPS:
            return here
        move *= min(1.0, LONGEST / max(float(np.abs(move).max()), 1e-300))
        tried, tried_derivatives = evaluate(beta + move)
        # A step within rounding of the summit may seem to go down by an ulp.
        if tried >= value - 1e-13 * abs(value):
            beta, value, derivatives = beta + move, tried, tried_derivatives
            damping = 0.0 if damping < 1e-3 else damping / 10.0
        elif positive and damping == 0.0 and gain <= ROUNDING * size:
            return here
        else:
            damping = max(10.0 * damping, 1e-2)
            if damping > 1e12:
                return None
    return here if positive and gain <= ROUNDING * size else None


def _last(here: Maximum, move: FloatArray, evaluate: Callable[[FloatArray], Evaluation]) -> Maximum:
    """The maximum after one step more, which squares what is left; where that leads off the likelihood, as it is."""
    value, derivatives = evaluate(here.at + move)
    gradient, information = derivatives()
    if not (np.isfinite(value) and np.isfinite(gradient).all() and np.isfinite(information).all()):
        return here
    return replace(here, at=here.at + move, value=value, information=information)


def _step(information: FloatArray, gradient: FloatArray, damping: float) -> tuple[FloatArray, bool]:
    """The (damped) Newton step and whether the information was positive definite; where it was not, a step uphill."""
    scale = np.maximum(np.abs(np.diagonal(information)), 1e-12)
    root = np.sqrt(scale)
    correlation = information / np.outer(root, root)
    try:
        np.linalg.cholesky(correlation)
        solved = np.linalg.solve(correlation + damping * np.eye(root.size), gradient / root)
        return np.asarray(solved / root, dtype=np.float64), True
    except np.linalg.LinAlgError:
        value, vector = np.linalg.eigh(correlation)
        turned = vector.T @ (gradient / root)
        return np.asarray(vector @ (turned / (np.maximum(np.abs(value), 1e-3) + damping)) / root), False


def sandwich(inverse: FloatArray, scores: FloatArray, weight: FloatArray, cluster: IntArray | None) -> FloatArray:
    """C J C, C the inverse information, J the squared weighted scores of rows, or of clusters."""
    summed = scores * weight[:, None]
    if cluster is not None:
        if (cluster == cluster[0]).all():
            raise refuse("all rows belong to one cluster, so nothing says how much clusters vary")
        summed = np.column_stack([summed_by(cluster, column, int(cluster.max()) + 1) for column in summed.T])
    return np.asarray(inverse @ (summed.T @ summed) @ inverse)


def refuse_runaway(names: tuple[str, ...], covariance: FloatArray, spread: FloatArray) -> None:
    """Refuse coefficients that the likelihood pushes to infinity: their standardised error is beyond any that data leave."""
    with np.errstate(invalid="ignore"):
        std_error = np.sqrt(np.diagonal(covariance)) * spread
    away = [name for name, s in zip(names, std_error, strict=True) if not s < RUNAWAY]
    if away:
        raise refuse(
            f"{', '.join(away)}: no finite estimate, the likelihood rises for ever (separation)",
            way_out="Join levels in which nobody, or everybody, has the event, or leave the covariate out.",
        )
