"""Which way of evaluating the partial likelihood a sample needs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.regression.cox.evaluation import Evaluation, Ties
from tendon_outcomes.estimators.regression.cox.exact import exact_evaluation
from tendon_outcomes.estimators.regression.cox.likelihood import evaluate
from tendon_outcomes.estimators.regression.cox.sample import CoxSample
from tendon_outcomes.estimators.regression.cox.scanned import scanned_evaluation
from tendon_outcomes.estimators.regression.cox.sorted_rows import SortedRows, sorted_rows

# With late entries and linear predictors further apart than this, running sums have lost seven digits; samples up to SMALL rows
# are then evaluated risk set by risk set.
WIDE, SMALL = 14.0, 20_000


def partial_likelihood(sample: CoxSample, ties: Ties) -> Callable[[FloatArray], Evaluation]:
    """The log partial likelihood of a sample, as a function of the coefficients."""
    if ties == "exact":
        return exact_evaluation(sample)
    rows = sorted_rows(sample)
    if sample.start is None and len(sample.stratum_labels) == 1:
        return lambda beta: evaluate(rows, beta, ties)
    return _careful(sample, rows, ties)


def _careful(sample: CoxSample, rows: SortedRows, ties: str) -> Callable[[FloatArray], Evaluation]:
    """The quick evaluation, and the one risk set by risk set where late entries or far strata would cost the quick one digits."""
    scanned: list[Callable[[FloatArray], Evaluation] | None] = []
    small = rows.delayed and sample.n <= SMALL

    def evaluation(beta: FloatArray) -> Evaluation:
        wide = small and float(np.ptp(rows.x[:, :-1] @ beta)) > WIDE
        if not wide:
            found = evaluate(rows, beta, ties)
            if np.isfinite(found.log_likelihood) or sample.n > SMALL:
                return found
        if not scanned:
            scanned.append(scanned_evaluation(sample, ties))
        return evaluate(rows, beta, ties) if scanned[0] is None else scanned[0](beta)

    return evaluation
