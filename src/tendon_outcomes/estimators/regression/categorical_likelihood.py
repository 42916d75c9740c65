"""Likelihood of categories given covariates: log odds of each category against the first are affine in the covariates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.blocks import times, weighted_cross, weighted_sum

SETTLED = 1e-8  # The last step moves no row's log odds by more; what is left is the square of that.
PATIENCE = 15  # Where there is a maximum, steps are short long before; along a separating direction each is about 1.
MOST_STEPS = 100
HALVINGS = 40
ROUNDING = 1e-13

Look = Callable[[FloatArray], None]


class Evaluated(NamedTuple):
    """Log likelihood at coefficients, with gradient, information (minus the Hessian) and probabilities (n, K - 1)."""

    value: float
    gradient: FloatArray
    information: FloatArray
    probability: FloatArray


class Optimum(NamedTuple):
    """Where the iterations ended."""

    beta: FloatArray
    there: Evaluated
    iterations: int


@dataclass(frozen=True, slots=True, eq=False)
class CategoricalLikelihood:
    """sum_i w_i [sum_k y_ik eta_ik - log(1 + sum_k exp(eta_ik))] with eta_ik = z_i'b_k + offset_i, k = 1 to K - 1.

    `y` (n, K - 1) is 1 in the column of the row's category; a fraction, of any size, makes the same equations a quasi-score.
    Coefficients are one vector, category by category.
    """

    z: FloatArray  # (n, q)
    y: FloatArray
    weight: FloatArray
    offset: FloatArray | None = None

    @property
    def size(self) -> int:
        return int(self.y.shape[1] * self.z.shape[1])

    def linear(self, beta: FloatArray) -> FloatArray:
        """(n, K - 1) log odds, without the offset."""
        return np.column_stack([times(self.z, b) for b in beta.reshape(self.y.shape[1], self.z.shape[1])])

    def probability(self, beta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(n, K - 1) probabilities of the categories from 1 on, with log odds and the log of the sum of odds."""
        eta = self.linear(beta)
        if self.offset is not None:
            eta += self.offset[:, None]
        top = np.maximum(eta.max(axis=1), 0.0)
        odds = np.exp(eta - top[:, None])
        total = np.exp(-top) + odds.sum(axis=1)
        return odds / total[:, None], eta, top + np.log(total)

    def every_probability(self, beta: FloatArray) -> FloatArray:
        """(n, K) probabilities, the first category's to full precision however small it is."""
        p, _, log_sum = self.probability(beta)
        return np.column_stack([np.exp(-log_sum), p])

    def __call__(self, beta: FloatArray) -> Evaluated:
        p, eta, log_sum = self.probability(beta)
        value = float(np.sum(self.weight * (np.einsum("ik,ik->i", self.y, eta) - log_sum)))
        gradient = np.concatenate([weighted_sum(column, self.z) for column in (self.weight[:, None] * (self.y - p)).T])
        return Evaluated(value, gradient, self.information(p, self.z), p)

    def information(self, p: FloatArray, z: FloatArray) -> FloatArray:
        """Blocks z' diag(w p_a (1[a = b] - p_b)) z at the probabilities p, for the rows' columns z."""
        k, q = p.shape[1], z.shape[1]
        whole = np.empty((k * q, k * q))
        for a in range(k):
            for b in range(a + 1):
                block = weighted_cross(z, self.weight * p[:, a] * (float(a == b) - p[:, b]), z)
                whole[a * q : (a + 1) * q, b * q : (b + 1) * q] = block
                whole[b * q : (b + 1) * q, a * q : (a + 1) * q] = block.T
        return whole

    def reach(self, step: FloatArray) -> float:
        """The furthest that a step moves any row's log odds."""
        return float(np.abs(self.linear(step)).max())

    def recedes(self, direction: FloatArray) -> bool:
        """Whether the objective does not fall for ever along a direction, so that it has no maximum that is alone.

        Its slope far out is sum_i w_i [sum_k y_ik d_ik - max(0, d_i1, ..., d_iK-1)], d the change of log odds.
        """
        d = self.linear(direction)
        gain = np.einsum("ik,ik->i", self.y, d)
        slope = float(np.sum(self.weight * (gain - np.maximum(d.max(axis=1), 0.0))))
        return slope >= -1e-7 * float(np.sum(self.weight * np.abs(d).max(axis=1)))


def ascend(likelihood: CategoricalLikelihood, start: FloatArray, *, look: Look, what: str) -> Optimum:
    """Newton's steps, halved while the likelihood falls, until a step moves no row's log odds by more than 1e-8.

    `look` is called with the step when that takes long, with the way gone when the information cannot be inverted: it raises when
    there is no maximum.
    """
    beta, now = start, likelihood(start)
    for iteration in range(MOST_STEPS):
        step = _newton_step(now)
        if not np.isfinite(step).all():
            look(beta - start)
            break
        if iteration == PATIENCE:
            look(step)
        reach = likelihood.reach(step)
        if reach <= SETTLED:
            return Optimum(beta + step, likelihood(beta + step), iteration + 1)
        after = _uphill(likelihood, beta, now, step)
        if after is None and reach <= 1e3 * SETTLED:  # rounding hides the rest of the way
            return Optimum(beta, now, iteration + 1)
        if after is None:
            look(step)
            break
        beta, now = after
    raise NotConverged(
        f"the {what} had not converged after {iteration + 1} iterations",
        way_out="Look for covariates that say nearly the same or nearly decide the outcome.",
    )


def _newton_step(now: Evaluated) -> FloatArray:
    """The Newton step; NaN when the information cannot be inverted."""
    with np.errstate(all="ignore"):
        scale = np.sqrt(np.maximum(np.diagonal(now.information), 1e-300))
        try:
            return np.asarray(np.linalg.solve(now.information / (scale[:, None] * scale), now.gradient / scale) / scale)
        except np.linalg.LinAlgError:
            return np.full(scale.size, np.nan)


def _uphill(
    likelihood: CategoricalLikelihood, beta: FloatArray, now: Evaluated, step: FloatArray
) -> tuple[FloatArray, Evaluated] | None:
    floor = now.value - ROUNDING * max(1.0, abs(now.value))
    for _ in range(HALVINGS):
        trial = likelihood(beta + step)
        if trial.value >= floor:
            return beta + step, trial
        step = step / 2.0
    return None
