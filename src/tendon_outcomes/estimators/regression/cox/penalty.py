"""Firth's penalty on the partial likelihood: half the log determinant of the information, with its gradient."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.cox.evaluation import Evaluation, scores
from tendon_outcomes.estimators.regression.cox.sorted_rows import SortedRows, at_risk_sums


class Penalty:
    """beta -> l + 1/2 log det I, its gradient, and I (not the Hessian of the penalised likelihood).

    For the l-th event of a day the risk set is a distribution over its rows: weights w r, those of the day's events times
    1 - l/d. I is the sum of the covariances of x, dI/dbeta_r the sum of third central moments with x_r. With V = I^-1 and
    q = x'V x, tr(V dI/dbeta_r) needs only the means m of x, C of x x', and those of q and q x:
    E[q x_r] - E[q] m_r - 2 (C V m)_r + 2 m_r m'V m.
    """

    def __init__(self, rows: SortedRows, ties: str) -> None:
        d = rows.n_events
        count = d if ties == "efron" else np.ones_like(d)
        self.rows = rows
        self.cell = np.repeat(np.arange(d.size), count)
        self.share = (np.arange(self.cell.size) - np.repeat(np.cumsum(count) - count, count)) / d[self.cell]
        self.weight = (rows.event_weight / count)[self.cell]

    def __call__(self, beta: FloatArray) -> Evaluation:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            found = self._evaluation(beta)
        if found is None or not (np.isfinite(found.log_likelihood) and np.isfinite(found.gradient).all()):
            return Evaluation(-np.inf, np.full(beta.size, np.nan), np.full((beta.size, beta.size), np.nan))
        return found

    def _evaluation(self, beta: FloatArray) -> Evaluation | None:
        rows, p = self.rows, beta.size
        x = rows.x
        shift = float((x[:, :p] @ beta).max())
        score = scores(rows, np.append(beta, -shift), 0, x.shape[0])
        first, second = self._means(score[:, None] * x), self._means(score[:, None, None] * (x[:, :, None] * x[:, None, :p]))
        whole = first[:, p]
        m, c = first[:, :p] / whole[:, None], second[:, :p] / whole[:, None, None]
        information = np.tensordot(self.weight, c - m[:, :, None] * m[:, None, :], axes=1)
        sign, log_determinant = np.linalg.slogdet(information)
        if not (sign > 0 and np.isfinite(log_determinant)):
            return None
        v = np.linalg.inv(information)
        q = np.einsum("ij,jk,ik->i", x[:, :p], v, x[:, :p])
        of_q = self._means((score * q)[:, None] * x) / whole[:, None]
        vm = m @ v
        third = of_q[:, :p] - of_q[:, p:] * m - 2.0 * np.einsum("ijk,ik->ij", c, vm) + 2.0 * m * np.sum(m * vm, axis=1)[:, None]
        value = float(rows.event_sum @ beta - self.weight @ (np.log(whole) + shift))
        gradient = rows.event_sum - self.weight @ m
        return Evaluation(value + 0.5 * float(log_determinant), gradient + 0.5 * (self.weight @ third), information)

    def _means(self, values: FloatArray) -> FloatArray:
        """Sums over the risk set of each event in turn."""
        kind = np.longdouble if self.rows.delayed else np.float64  # late entries are taken away again: keep what is left
        groups = np.zeros((2 * self.rows.n_cells, *values.shape[1:]), dtype=kind)
        groups[self.rows.group] = np.add.reduceat(values.astype(kind, copy=False), self.rows.group_start[:-1], axis=0)
        share = self.share.reshape(-1, *(1,) * (values.ndim - 1))
        return np.asarray(at_risk_sums(self.rows, groups)[self.cell] - share * groups[1::2][self.cell], dtype=np.float64)
