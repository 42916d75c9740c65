"""Limits of an incidence that is estimated as 0 or 1, where a standard error says nothing."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.interval_censored.support import IntervalSample
from tendon_outcomes.estimators.observations import IntArray, summed_by
from tendon_outcomes.estimators.proportions import clopper_pearson

ROUNDING = 1e-12  # A sum of masses this close to 0 or 1 is 0 or 1.


def exact_limits(
    sample: IntervalSample,
    cause: int,
    day: float,
    certain: bool,
    *,
    cluster: IntArray | None,
    robust: bool,
    conf_level: float,
) -> tuple[float, float]:
    """Binomial limits beside 0 or 1 that count everybody whose status on the day is unknown as evidence against the estimate.

    Beside 0: of the rows still followed on the day, those that may have had the cause. Beside 1: of all rows, those that may
    not have had it. Either count is at least the true one, so the Clopper-Pearson limit holds at its level. Sampling weights
    count as their effective number, and the rows of one cluster together as one row.
    """
    left, right, code, weight = sample.left, sample.right, sample.cause, sample.weight
    is_cause = code == cause
    if certain:
        counted, against = np.ones(code.size, dtype=np.bool_), ~(is_cause & (right <= day))
    else:
        against = is_cause & (left < day) & (right > day)
        still_free = np.where(code >= 2, right > day, left >= day)
        counted = still_free | against
        if sample.entry is not None:
            counted &= sample.entry <= float(sample.entry.min())
    total = float(weight[counted].sum())
    if total <= 0.0:
        return 0.0, 1.0
    size = max(1, int(np.rint(total)))
    if robust or cluster is not None:
        alike = weight[counted] if cluster is None else summed_by(cluster[counted], weight[counted], int(cluster.max()) + 1)
        size = max(1, int(total**2 / float(np.dot(alike, alike)) + ROUNDING))
    count = min(size, int(np.ceil(size * float(weight[counted & against].sum()) / total - ROUNDING)))
    limit = clopper_pearson(count, size, conf_level=conf_level).conf_high
    return (1.0 - limit, 1.0) if certain else (0.0, limit)
