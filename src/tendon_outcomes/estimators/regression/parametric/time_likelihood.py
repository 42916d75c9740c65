"""The likelihood of log T = x'b + s W in its coefficients (b, log s), with scores of rows and information."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.parametric.error_distributions import (
    ErrorDistribution,
    density_terms,
    interval_terms,
)
from tendon_outcomes.estimators.regression.parametric.interval_rows import IntervalRows
from tendon_outcomes.estimators.regression.parametric.newton import Derivatives, Evaluation


@dataclass(frozen=True, slots=True, eq=False)
class PredictorTerms:
    """Every row's log-likelihood with its derivatives in m = x'b and v = log s."""

    value: FloatArray
    m: FloatArray
    v: FloatArray
    mm: FloatArray
    mv: FloatArray
    vv: FloatArray


def standardised(time: FloatArray, m: FloatArray, v: FloatArray) -> FloatArray:
    """(log t - m) / s; -inf for t = 0, inf for t = inf."""
    with np.errstate(divide="ignore"):
        return np.asarray((np.log(time) - m) * np.exp(-v))


def event_terms(law: ErrorDistribution, left: FloatArray, right: FloatArray, m: FloatArray, v: FloatArray) -> PredictorTerms:
    """log Pr(left < T <= right), or the log density where left = right.

    With a = (log left - m)/s: da/dm = -1/s, da/dv = -a, and the second derivatives 0, 1/s, a; likewise b.
    """
    exact = left == right
    a, b = standardised(left, m, v), standardised(right, m, v)
    t = interval_terms(law, a, np.where(exact, np.inf, b))
    a, b = np.where(np.isfinite(a), a, 0.0), np.where(np.isfinite(b), b, 0.0)
    dated = density_terms(law, np.where(exact, a, 0.0))
    value, la, lb, laa, lab, lbb = (
        np.where(exact, getattr(dated, k), getattr(t, k)) for k in ("value", "a", "b", "aa", "ab", "bb")
    )
    value = value - np.where(exact, v + np.log(np.where(exact, left, 1.0)), 0.0)
    r = np.exp(-v)
    return PredictorTerms(
        value=value,
        m=-r * (la + lb),
        v=-(a * la + b * lb) - exact,
        mm=r * r * (laa + 2.0 * lab + lbb),
        mv=r * (a * laa + (a + b) * lab + b * lbb + la + lb),
        vv=a * a * laa + 2.0 * a * b * lab + b * b * lbb + a * la + b * lb,
    )


def less_entry(law: ErrorDistribution, terms: PredictorTerms, entry: FloatArray, m: FloatArray, v: FloatArray) -> PredictorTerms:
    """The same given T > entry."""
    gone = event_terms(law, entry, np.full(entry.size, np.inf), m, v)
    return PredictorTerms(*(getattr(terms, k) - getattr(gone, k) for k in ("value", "m", "v", "mm", "mv", "vv")))


@dataclass(frozen=True, slots=True, eq=False)
class TimeLikelihood:
    """Rows, their columns and the error distribution; with `fixed_scale` the scale is 1 and no coefficient."""

    rows: IntervalRows
    x: FloatArray
    law: ErrorDistribution
    fixed_scale: bool

    @property
    def scale_columns(self) -> FloatArray:
        """(n, S) membership of the strata; no column when the scale is fixed."""
        strata = 0 if self.fixed_scale else len(self.rows.stratum_labels)
        return np.asarray(self.rows.stratum[:, None] == np.arange(strata), dtype=np.float64)

    def terms(self, beta: FloatArray) -> PredictorTerms:
        p = self.x.shape[1]
        m, v = self.x @ beta[:p], self.scale_columns @ beta[p:]
        found = event_terms(self.law, self.rows.left, self.rows.right, m, v)
        return found if self.rows.entry is None else less_entry(self.law, found, self.rows.entry, m, v)

    def evaluate(self, beta: FloatArray) -> Evaluation:
        """Weighted log-likelihood and, when asked, its gradient and information."""
        found = self.terms(beta)
        value = float(self.rows.weight @ found.value)

        def derivatives() -> Derivatives:
            w, x, z = self.rows.weight[:, None], self.x, self.scale_columns
            mv = (x * w * found.mv[:, None]).T @ z
            hessian = np.block(
                [[(x * w * found.mm[:, None]).T @ x, mv], [mv.T, (z * w * found.vv[:, None]).T @ z]],
            )
            return np.asarray(self.rows.weight @ self.scores_of(found)), -hessian

        return value if np.isfinite(value) else -np.inf, derivatives

    def scores_of(self, found: PredictorTerms) -> FloatArray:
        """Derivatives of every row's log-likelihood, (n, size), without weights."""
        return np.concatenate((self.x * found.m[:, None], self.scale_columns * found.v[:, None]), axis=1)
