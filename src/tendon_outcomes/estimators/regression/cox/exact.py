"""The exact partial likelihood of tied days: the probability that, of all sets of d at risk, this one had the event."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, IntArray
from tendon_outcomes.estimators.regression.cox.evaluation import Evaluation
from tendon_outcomes.estimators.regression.cox.sample import CoxSample


def exact_evaluation(sample: CoxSample) -> Callable[[FloatArray], Evaluation]:
    """The log exact partial likelihood with its derivatives, as a function of the coefficients.

    log L = sum over event days of (sum of x'beta over the d events - log e_d(risk set)), e_d the sum over all sets of d rows at
    risk of the product of their exp(x'beta). e_d with its derivatives is built up row by row; without delayed entry a day's
    polynomial is the later day's with more rows, so each stratum is gone through once.
    """
    centre = sample.x.mean(axis=0)
    x = sample.x - centre
    days = _days(sample)
    event_sum = x[sample.event].sum(axis=0)

    def evaluation(beta: FloatArray) -> Evaluation:
        eta = x @ beta
        value, gradient = float(event_sum @ beta), event_sum.copy()
        information = np.zeros((beta.size, beta.size))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for stratum in days:
                for log_e, mean, spread in _polynomials(stratum, x, eta):
                    value -= log_e
                    gradient -= mean
                    information += spread
        if not (np.isfinite(value) and np.isfinite(information).all()):
            return Evaluation(-np.inf, np.full(beta.size, np.nan), np.full((beta.size, beta.size), np.nan))
        return Evaluation(value, gradient, (information + information.T) / 2.0)

    return evaluation


# Of one stratum, from its last event day to its first: (events, rows that join the risk set, whether it starts anew).
Days = list[tuple[int, IntArray, bool]]


def _days(sample: CoxSample) -> list[Days]:
    found = []
    for s in range(len(sample.stratum_labels)):
        own = np.flatnonzero(sample.stratum == s)
        stop, event = sample.stop[own], sample.event[own]
        start = None if sample.start is None else sample.start[own]
        stratum: Days = []
        later = np.iinfo(np.int64).max
        for day in np.unique(stop[event])[::-1].tolist():
            if start is None:
                joining, anew = own[(stop >= day) & (stop < later)], not stratum
            else:
                joining, anew = own[(stop >= day) & (start < day)], True
            stratum.append((int(np.count_nonzero(event & (stop == day))), joining, anew))
            later = day
        if stratum:
            found.append(stratum)
    return found


def _polynomials(stratum: Days, x: FloatArray, eta: FloatArray) -> list[tuple[float, FloatArray, FloatArray]]:
    """For each day log e_d, and gradient and Hessian of it.

    The polynomial is kept as means over sets, e_l / binomial(n, l), with scores divided by their mean, so that neither numbers of
    sets nor products overflow: with one more row of score r, m_l becomes ((n + 1 - l) m_l + l r m_(l-1)) / (n + 1).
    """
    everybody = np.concatenate([joining for _, joining, _ in stratum])
    shift = float(eta[everybody].max())
    shift += float(np.log(np.mean(np.exp(eta[everybody] - shift))))
    score = np.exp(eta - shift)
    most, p = max(d for d, _, _ in stratum), x.shape[1]
    found = []
    state = _empty(most, p)
    n = 0
    for d, joining, anew in stratum:
        if anew:
            state, n = _empty(most, p), 0
        for row in joining.tolist():
            _join(state, n, float(score[row]), x[row])
            n += 1
        e, e1, e2 = (float(state[0][d]), state[1][d], state[2][d])
        mean = e1 / e
        sets = np.log(np.arange(n - d + 1, n + 1)).sum() - np.log(np.arange(1, d + 1)).sum()
        found.append((float(np.log(e) + sets + d * shift), mean, e2 / e - np.outer(mean, mean)))
    return found


State = tuple[FloatArray, FloatArray, FloatArray]


def _empty(most: int, p: int) -> State:
    state = np.zeros(most + 1), np.zeros((most + 1, p)), np.zeros((most + 1, p, p))
    state[0][0] = 1.0
    return state


def _join(state: State, n: int, r: float, x: FloatArray) -> None:
    """One more row: its score r and its covariates enter the polynomial and its first and second derivatives."""
    e, e1, e2 = state
    top = min(n + 1, e.size - 1)
    size = np.arange(1, top + 1)
    stay, take = (n + 1.0 - size) / (n + 1.0), size * (r / (n + 1.0))
    before, before1, before2 = e[:top].copy(), e1[:top].copy(), e2[:top].copy()
    shifted = before1 + before[:, None] * x
    cross = before1[:, :, None] * x
    e2[1 : top + 1] *= stay[:, None, None]
    e2[1 : top + 1] += take[:, None, None] * (
        before2 + cross + cross.transpose(0, 2, 1) + before[:, None, None] * (x[:, None] * x)
    )
    e1[1 : top + 1] *= stay[:, None]
    e1[1 : top + 1] += take[:, None] * shifted
    e[1 : top + 1] *= stay
    e[1 : top + 1] += take * before
