"""The partial likelihood risk set by risk set: slow, and without any difference of large sums.

The quick evaluation takes late entries away from running sums and scales all strata alike. Where scores of one sample differ by
many powers of ten that costs digits; here every risk set is summed for itself, scaled by its own largest score.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, IntArray
from tendon_outcomes.estimators.regression.cox.evaluation import Evaluation
from tendon_outcomes.estimators.regression.cox.sample import CoxSample

MOST_AT_RISK = 2_000_000  # Sum of the sizes of all risk sets up to which this is worth its time.


class _Day(NamedTuple):
    events: IntArray
    others: IntArray


def scanned_evaluation(sample: CoxSample, ties: str) -> Callable[[FloatArray], Evaluation] | None:
    """Log partial likelihood (Efron or Breslow) with derivatives, as a function of the coefficients; None when too large."""
    days = _days(sample)
    if days is None:
        return None
    weight = sample.weights

    def evaluation(beta: FloatArray) -> Evaluation:
        p = beta.size
        value, gradient, information = 0.0, np.zeros(p), np.zeros((p, p))
        for events, others in days:
            rows = np.concatenate([events, others])
            x = sample.x[rows] - sample.x[events[0]]
            eta = x @ beta
            shift = float(eta.max())
            score = weight[rows] * np.exp(eta - shift)
            d, mean_weight = events.size, float(weight[events].mean())
            share = np.arange(d) / d if ties == "efron" else np.zeros(d)
            part = np.ones((d, rows.size))
            part[:, :d] -= share[:, None]
            part *= score
            total = part.sum(axis=1)
            mean = (part @ x) / total[:, None]
            borne = (part / total[:, None]).sum(axis=0)
            value += float(weight[events] @ eta[:d]) - mean_weight * float(np.log(total).sum() + d * shift)
            gradient += weight[events] @ x[:d] - mean_weight * mean.sum(axis=0)
            about = mean.mean(axis=0)  # a centre of its own for each day: nothing cancels
            x, mean = x - about, mean - about
            information += mean_weight * (x.T @ (borne[:, None] * x) - mean.T @ mean)
        if not (np.isfinite(value) and np.isfinite(information).all()):
            return Evaluation(-np.inf, np.full(p, np.nan), np.full((p, p), np.nan))
        return Evaluation(value, gradient, (information + information.T) / 2.0)

    return evaluation


def _days(sample: CoxSample) -> list[_Day] | None:
    """The rows of each risk set with an event; None when they are too many in all."""
    found: list[_Day] = []
    size = 0
    for s in range(len(sample.stratum_labels)):
        own = np.flatnonzero(sample.stratum == s)
        stop, event = sample.stop[own], sample.event[own]
        start = np.full(own.size, -1) if sample.start is None else sample.start[own]
        for day in np.unique(stop[event]).tolist():
            there = (start < day) & (stop >= day)
            happened = there & event & (stop == day)
            # Efron's shares take a row for each event of the day.
            size += int(np.count_nonzero(there)) * int(np.count_nonzero(happened))
            if size > MOST_AT_RISK:
                return None
            found.append(_Day(own[happened], own[there & ~happened]))
    return found
