"""The likelihood of a mixture: a share that has the event, after a log-linear time, and a share that never has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.parametric.newton import Derivatives, Evaluation
from tendon_outcomes.estimators.regression.parametric.time_likelihood import TimeLikelihood, event_terms


@dataclass(frozen=True, slots=True, eq=False)
class MixtureTerms:
    """Rows' log-likelihoods with first and second derivatives in (logit of the share, m, v), stacked in the last axes."""

    value: FloatArray
    first: FloatArray  # (n, 3)
    second: FloatArray  # (n, 3, 3)


@dataclass(frozen=True, slots=True, eq=False)
class CureLikelihood:
    """Coefficients are those of the logit of Pr(ever has the event) and then those of the time.

    With `offset` given the logit is that number for everybody and has no coefficients.
    """

    z: FloatArray  # (n, q) columns of the logit
    time: TimeLikelihood
    offset: float | None = None

    @property
    def q(self) -> int:
        return 0 if self.offset is not None else self.z.shape[1]

    def terms(self, beta: FloatArray) -> MixtureTerms:
        rows, p = self.time.rows, self.time.x.shape[1]
        logit = np.full(rows.n, self.offset) if self.offset is not None else self.z @ beta[: self.q]
        m = self.time.x @ beta[self.q : self.q + p]
        v = self.time.scale_columns @ beta[self.q + p :]
        share = np.exp(-np.logaddexp(0.0, -logit))
        found = event_terms(self.time.law, rows.left, rows.right, m, v)
        n = rows.n
        first, second = np.stack((np.zeros(n), found.m, found.v), axis=-1), np.zeros((n, 3, 3))
        second[:, 1, 1], second[:, 1, 2], second[:, 2, 1], second[:, 2, 2] = found.mm, found.mv, found.mv, found.vv
        # Seen: log(share) + l. Never seen: log(1 - share + share e^l), l the log of S.
        seen = np.isfinite(rows.right)
        value = np.where(seen, -np.logaddexp(0.0, -logit) + found.value, 0.0)
        still = np.where(seen, 0.0, found.value)
        mixed = np.logaddexp(-np.logaddexp(0.0, logit), -np.logaddexp(0.0, -logit) + still)
        # Given no event so far, the probability that it will still come.
        later = np.exp(-np.logaddexp(0.0, -logit) + still - mixed)
        part = np.where(seen, 1.0, later)
        # log(e^0 + e^(logit + l)) - log(1 + e^logit): slopes `later` in logit + l, `share` in logit.
        inner = first + np.array([1.0, 0.0, 0.0])
        gradient = part[:, None] * inner
        gradient[:, 0] -= share
        curve = part[:, None, None] * second
        curve += np.where(seen, 0.0, later * (1.0 - later))[:, None, None] * inner[:, :, None] * inner[:, None, :]
        curve[:, 0, 0] -= share * (1.0 - share)
        return MixtureTerms(np.where(seen, value, mixed), gradient, curve)

    def evaluate(self, beta: FloatArray) -> Evaluation:
        """Weighted log-likelihood and, when asked, its gradient and information."""
        found = self.terms(beta)
        weight = self.time.rows.weight
        value = float(weight @ found.value)

        def derivatives() -> Derivatives:
            columns = self._columns()
            blocks = [
                [(a * (weight * found.second[:, i, j])[:, None]).T @ b for j, b in enumerate(columns)]
                for i, a in enumerate(columns)
            ]
            return np.asarray(weight @ self.scores_of(found)), -np.block(blocks)

        return value if np.isfinite(value) else -np.inf, derivatives

    def scores_of(self, found: MixtureTerms) -> FloatArray:
        """Derivatives of every row's log-likelihood, without weights."""
        return np.concatenate([x * found.first[:, i, None] for i, x in enumerate(self._columns())], axis=1)

    def _columns(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        logit = self.z if self.offset is None else self.z[:, :0]
        return logit, self.time.x, self.time.scale_columns
