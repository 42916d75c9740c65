"""Interval-censored recovery of those who were still ill on day 0, when people differ by a gamma frailty."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tendon_outcomes.estimators.observations import BoolArray, FloatArray
from tendon_outcomes.estimators.regression.parametric.newton import Derivatives, Evaluation


@dataclass(frozen=True, slots=True, eq=False)
class FrailtyTerms:
    """Hazards summed before day 0 (`early`), to the last look (`free`) and to the look at recovery (`seen`), (n, K) by piece.

    `value` (n,) is every row's log-likelihood; `first` (3, n) its derivatives in the sums over the pieces of early, free and
    seen; `second` (3, 3, n) the second ones.
    """

    value: FloatArray
    early: FloatArray
    free: FloatArray
    seen: FloatArray
    first: FloatArray
    second: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class FrailtyLikelihood:
    """log [S(left) - S(right)] or log S(left), S(t) = [(c + v P) / (c + v (P + H(t)))]^(1/v), in (log rates of the pieces, b).

    P = early @ a and H = days @ a exp(z'b), a the rates and v the `variance`. c is 1; with `unbounded` it is 0, the limit of
    rates that all grow together, and the first log rate is held at 0.
    """

    variance: float
    early: FloatArray  # (n, K) days before day 0, spread over the pieces
    free: FloatArray  # (n, K) days of each piece before `left`
    seen: FloatArray  # (n, K) days of each piece before `right`; those of `free` where nobody saw a recovery
    recovered: BoolArray
    z: FloatArray  # (n, q), standardised
    unbounded: bool = False

    @property
    def pieces(self) -> int:
        return int(self.early.shape[1])

    @property
    def without_bound(self) -> FrailtyLikelihood:
        return replace(self, unbounded=True)

    def whole(self, beta: FloatArray) -> FloatArray:
        """The parameters with the log rate that is held."""
        return np.concatenate((np.zeros(1), beta)) if self.unbounded else beta

    def terms(self, beta: FloatArray) -> FrailtyTerms:
        """Every row's log-likelihood with its derivatives in the three cumulative hazards."""
        at = self.whole(beta)
        rate, slope = np.exp(at[: self.pieces]), at[self.pieces :]
        after = np.exp(self.z @ slope)
        early, free, seen = self.early * rate, self.free * rate * after[:, None], self.seen * rate * after[:, None]
        # Summed from the days between, so that a short interval far from day 0 keeps its digits.
        between = ((self.seen - self.free) * rate).sum(axis=1) * after
        value, first, second = self._by_sums(early.sum(axis=1), free.sum(axis=1), between)
        return FrailtyTerms(value, early, free, seen, first, second)

    def _by_sums(self, early: FloatArray, free: FloatArray, between: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """log S(left | s) + log(1 - exp(-gap)), gap the fall of log S between the looks; derivatives in (P, H_left, H_right)."""
        v, c = self.variance, 0.0 if self.unbounded else 1.0
        r0, r1, r2 = (1.0 / (c + v * u) for u in (early, early + free, early + free + between))
        gone, gap = (free, between) if v == 0.0 else (np.log1p(v * free * r0) / v, np.log1p(v * between * r1) / v)
        gap = np.where(self.recovered, gap, 1.0)
        fell: FloatArray = -np.expm1(-gap)
        one = np.where(self.recovered, np.exp(-gap) / fell, 0.0)  # first derivative of log(1 - exp(-gap))
        two = np.where(self.recovered, -one / fell, 0.0)
        value = -gone + np.where(self.recovered, np.log(fell), 0.0)
        by_left, by_right = -r1 * (1.0 + one), one * r2
        first = np.stack((r0 + by_left + by_right, by_left, by_right))
        left, cross, right = r1 * r1 * (v * (1.0 + one) + two), -two * r1 * r2, r2 * r2 * (two - v * one)
        second = np.stack(
            (
                np.stack((left + right + 2.0 * cross - v * r0 * r0, left + cross, right + cross)),
                np.stack((left + cross, left, cross)),
                np.stack((right + cross, cross, right)),
            )
        )
        return value, first, second

    def evaluate(self, beta: FloatArray) -> Evaluation:
        """Log-likelihood and, when asked, its gradient and information."""
        found = self.terms(beta)
        value = float(found.value.sum())

        def derivatives() -> Derivatives:
            slopes = self._slopes(found)
            flat = slopes.reshape(-1, slopes.shape[2])
            gradient = found.first.ravel() @ flat
            crossed = np.einsum("jkn,knp->jnp", found.second, slopes).reshape(flat.shape)
            hessian = flat.T @ crossed + self._curvature(found)
            held = slice(1 if self.unbounded else 0, None)
            return np.asarray(gradient[held]), -hessian[held, held]

        return value if np.isfinite(value) else -np.inf, derivatives

    def scores_of(self, found: FrailtyTerms) -> FloatArray:
        """Derivatives of every row's log-likelihood, (n, size)."""
        scores = np.einsum("jn,jnp->np", found.first, self._slopes(found))
        return np.asarray(scores[:, 1:] if self.unbounded else scores)

    def slope_of_constant(self, found: FrailtyTerms) -> float:
        """The derivative in c: where it is not above 0 at c = 0, no finite rates are likelier than unbounded ones.

        c and v P only occur as c + v P.
        """
        return float(found.first[0].sum()) / self.variance

    @property
    def _columns(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The columns on which each of the three cumulative hazards depends: the past on none."""
        return np.zeros_like(self.z), self.z, self.z

    def _slopes(self, found: FrailtyTerms) -> FloatArray:
        """(3, n, K + q) derivatives of the three cumulative hazards in (log rates, b)."""
        parts = (found.early, found.free, found.seen)
        return np.stack([np.hstack((part, part.sum(axis=1)[:, None] * z)) for part, z in zip(parts, self._columns, strict=True)])

    def _curvature(self, found: FrailtyTerms) -> FloatArray:
        """Sum over rows and the three cumulative hazards of the derivative in the hazard times its second derivatives."""
        k = self.pieces
        size = k + self.z.shape[1]
        total = np.zeros((size, size))
        parts = (found.early, found.free, found.seen)
        for weight, part, z in zip(found.first, parts, self._columns, strict=True):
            weighted = part * weight[:, None]
            total[:k, :k] += np.diag(weighted.sum(axis=0))
            cross = weighted.T @ z
            total[:k, k:] += cross
            total[k:, :k] += cross.T
            total[k:, k:] += (z * weighted.sum(axis=1)[:, None]).T @ z
        return total
