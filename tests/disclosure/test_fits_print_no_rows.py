"""What a fit prints of itself holds nothing with an entry a row: a fit may end up in a log or a notebook that is passed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass

import numpy as np
import pytest

import tendon_outcomes.estimators as e
from tests.estimators.clones_made import longitudinal, paths

N = 61  # No other length of these fits: 12 days, 3 covariates, 2 groups, 40 replicates.
RNG = np.random.default_rng(17)
TIME = RNG.integers(1, 13, N).astype(float)
EVENT = RNG.random(N) < 0.7
CAUSE = np.where(EVENT, RNG.integers(1, 3, N), 0)
X = RNG.normal(size=(N, 3))
GROUP = RNG.integers(0, 2, N)
LEFT = TIME - 1.0
RIGHT = np.where(EVENT, TIME, np.inf)
SEEN_FREE = np.where(np.arange(N) % 2, 12.0, 4 * (TIME // 4))
LOOKS = (np.where(EVENT, 4 * (LEFT // 4), SEEN_FREE), 4 * np.ceil(RIGHT / 4), EVENT.astype(int))
CLUSTER = np.arange(N) // 2
ARM = (np.arange(N) % 3 == 0).astype(int)
PROPENSITY = e.propensity(ARM, X)
WEIGHTS = e.balancing_weights(PROPENSITY, ARM)
PAIN = longitudinal(paths(np.random.default_rng(5), N, 8, forced=None), np.array([2, 4, 6, 8]))
COX = e.cox(TIME, EVENT, X, cluster=CLUSTER)

FITS: dict[str, Callable[[], object]] = {
    "kaplan_meier": lambda: e.kaplan_meier(TIME, EVENT, cluster=CLUSTER),
    "aalen_johansen": lambda: e.aalen_johansen(TIME, CAUSE),
    "survival_by_group": lambda: e.survival_by_group(TIME, EVENT, GROUP),
    "interval_censored_incidence": lambda: e.interval_censored_incidence(LEFT, RIGHT, EVENT.astype(int)),
    "interval_incidence_by_group": lambda: e.interval_incidence_by_group(LEFT, RIGHT, EVENT.astype(int), GROUP, cluster=CLUSTER),
    "mean_cumulative_count": lambda: e.mean_cumulative_count(np.arange(N), np.zeros(N), TIME, EVENT),
    "state_occupancy": lambda: e.state_occupancy(
        np.arange(N), np.zeros(N), TIME, np.zeros(N, int), EVENT.astype(int), n_states=2
    ),
    "log_rank": lambda: e.log_rank(TIME, EVENT, GROUP),
    "cox": lambda: COX,
    "firth_cox": lambda: e.firth_cox(TIME, EVENT, X),
    "proportional_hazards_test": lambda: e.proportional_hazards_test(COX),
    "schoenfeld_residuals": lambda: e.schoenfeld_residuals(COX),
    "cox_concordance": lambda: e.cox_concordance(COX),
    "concordance": lambda: e.concordance(TIME, EVENT, X[:, 0]),
    "cumulative_baseline_hazard": lambda: e.cumulative_baseline_hazard(COX),
    "fine_gray": lambda: e.fine_gray(TIME, CAUSE, X),
    "accelerated_failure_time": lambda: e.accelerated_failure_time(LEFT, RIGHT, X),
    "spline_incidence": lambda: e.spline_incidence(LEFT, RIGHT, EVENT.astype(int)),
    "pooled_cloglog": lambda: e.pooled_cloglog(*LOOKS, X, grid=[4, 8, 12]),
    "bootstrap_curve": lambda: e.bootstrap_curve(TIME, EVENT, days=[6.0], replicates=40, seed=1, kind="normal"),
    "logistic": lambda: e.logistic(ARM, X, cluster=CLUSTER),
    "multinomial": lambda: e.multinomial(np.arange(N) % 3, X),
    "propensity": lambda: PROPENSITY,
    "balancing_weights": lambda: WEIGHTS,
    "balance": lambda: e.balance(X, ARM, names=["a", "b", "c"], weight=WEIGHTS.weight),
    "overlap": lambda: e.overlap(PROPENSITY, ARM),
    "iptw_means": lambda: e.iptw_means(LEFT, RIGHT, EVENT.astype(int), ARM, WEIGHTS, PROPENSITY, days=[6.0], cluster=CLUSTER),
    "pseudo_values": lambda: e.pseudo_values(LEFT, RIGHT, EVENT.astype(int), group=ARM, days=[6.0]),
    "g_computation": lambda: e.g_computation(EVENT.astype(float), ARM, X),
    "censoring_weights": lambda: e.censoring_weights(PAIN, 0),
    "clone_censor_weight": lambda: e.clone_censor_weight(PAIN, weeks=(4,), horizon=4, groups=7, seed=1),
    "jackknife": lambda: e.jackknife(e.curve_statistic(TIME, EVENT, days=[6.0])),
}


def printed(value: object) -> Iterator[tuple[str, np.ndarray]]:
    """Every array that the value's own repr goes through."""
    if isinstance(value, np.ndarray):
        yield "", value
    elif is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            if one.repr:
                for place, array in printed(getattr(value, one.name)):
                    yield f".{one.name}{place}", array
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from printed(part)


@pytest.mark.parametrize("name", FITS)
def test_nothing_with_an_entry_a_row_is_printed(name: str) -> None:
    # Exact: 61 rows, and no printed array with an axis of 61 or, one an event, of as many as there are events.
    rowwise = {N, int(EVENT.sum()), int((CAUSE == 1).sum())}
    found = [place for place, array in printed(FITS[name]()) if rowwise & set(array.shape)]
    assert found == []


def test_a_row_that_is_printed_would_be_found() -> None:
    # Exact: the sample of a Cox fit has rows, and is hidden.
    assert [place for place, array in printed(COX.sample) if N in array.shape]
