"""Resampling and batched estimators: what they will not answer."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.resampling.bootstrap import bootstrap
from tendon_outcomes.estimators.resampling.cox import batched_cox
from tendon_outcomes.estimators.resampling.curve_bootstrap import bootstrap_curve
from tendon_outcomes.estimators.resampling.curves import curve_statistic
from tendon_outcomes.estimators.resampling.executors import Processes
from tendon_outcomes.estimators.resampling.iptw import iptw_contrasts
from tendon_outcomes.estimators.resampling.jackknife import jackknife
from tendon_outcomes.estimators.resampling.logistic import batched_logistic
from tendon_outcomes.estimators.resampling.permutation import permutation_test
from tests.refusals.refusal import Refusal

TIME, EVENT = [2, 3, 5, 6, 8, 9], [1, 0, 1, 1, 0, 1]
ARM, X = [0, 1, 0, 1, 1, 0], [0.5, 0.2, 0.9, 0.4, 0.8, 0.1]
VALUES = np.array([1.0, 4.0, 2.0, 8.0])


def mean(weights: np.ndarray) -> np.ndarray:
    return (weights @ VALUES / weights.sum(axis=1))[:, None]


def constant(weights: np.ndarray) -> np.ndarray:
    return np.full((weights.shape[0], 1), 3.0) + (weights.max(axis=1, keepdims=True) > 1)


def beyond(weights: np.ndarray) -> np.ndarray:
    return np.full((weights.shape[0], 1), np.inf)


def study(**changed: object) -> object:
    given = {"time": TIME, "event": EVENT, "treated": ARM, "covariates": X, "day": 5.0, "replicates": 50, "seed": 1} | changed
    return iptw_contrasts(**given)  # type: ignore[arg-type]


REFUSALS: tuple[Refusal, ...] = (
    Refusal("bootstrap: number of rows unknown", lambda: bootstrap(mean, seed=1), "how many rows there are"),
    Refusal("bootstrap: no rows", lambda: bootstrap(mean, cluster=[], seed=1), "no rows"),
    Refusal("bootstrap: one cluster", lambda: bootstrap(mean, cluster=["a"] * 4, seed=1), "1 cluster"),
    Refusal(
        "bootstrap: cluster labels too short", lambda: bootstrap_curve(TIME, EVENT, days=[3], cluster=[1, 2], seed=1), "2 values"
    ),
    Refusal(
        "bootstrap: strata tear a cluster", lambda: bootstrap(mean, cluster=[0, 0, 1, 1], strata=[0, 1, 0, 0], seed=1), "1 of 2"
    ),
    Refusal(
        "bootstrap: stratum of one cluster", lambda: bootstrap(mean, cluster=4, strata=[0, 0, 0, 1], seed=1), "hold one cluster"
    ),
    Refusal("bootstrap: seed missing sense", lambda: bootstrap(mean, cluster=4, seed=-1), "seed"),
    Refusal("bootstrap: seed not whole", lambda: bootstrap(mean, cluster=4, seed=1.5), "seed"),  # type: ignore[arg-type]
    Refusal("bootstrap: level", lambda: bootstrap(mean, cluster=4, seed=1, conf_level=1.0), "conf_level"),
    Refusal("bootstrap: kind", lambda: bootstrap(mean, cluster=4, seed=1, kind="exact"), "percentile, bca"),  # type: ignore[arg-type]
    Refusal("bootstrap: one replicate", lambda: bootstrap(mean, cluster=4, seed=1, replicates=1), "at least 2"),
    Refusal("bootstrap: too few replicates", lambda: bootstrap(mean, cluster=4, seed=1, replicates=20), "have no 2.5 % quantile"),
    Refusal("bootstrap: studentised alone", lambda: bootstrap(mean, cluster=4, seed=1, kind="studentised"), "std_error"),
    Refusal(
        "bootstrap: standard errors of zero",
        lambda: bootstrap(mean, cluster=4, seed=1, kind="studentised", std_error=lambda w: 0.0 * mean(w)),
        "standard error of 0",
    ),
    Refusal("bootstrap: one-sided replicates", lambda: bootstrap(constant, cluster=40, seed=1, kind="bca"), "one side"),
    Refusal("bootstrap: infinite statistic", lambda: bootstrap(beyond, cluster=4, seed=1), "infinite"),
    Refusal(
        "bootstrap: statistic of a wrong shape", lambda: bootstrap(lambda w: np.ones((2, 3)), cluster=4, seed=1), "shape (2, 3)"
    ),
    Refusal(
        "bootstrap: no number in the sample", lambda: bootstrap(lambda w: np.nan * mean(w), cluster=4, seed=1), "do not exist"
    ),
    Refusal("bootstrap: share of failures", lambda: bootstrap(mean, cluster=4, seed=1, failures_allowed=1.0), "share"),
    Refusal(
        "bootstrap: influence of other clusters",
        lambda: bootstrap(mean, cluster=4, seed=1, kind="bca", influence=[1.0]),
        "4 finite",
    ),
    Refusal("executor: no workers", lambda: bootstrap(mean, cluster=4, seed=1, executor=Processes(0)), "at least 1"),
    Refusal(
        "jackknife: hangs on one cluster",
        lambda: jackknife(lambda w: np.where(w[:, :1] > 0, mean(w), np.nan), cluster=4),
        "without 1",
    ),
    Refusal("curve: beyond follow-up", lambda: curve_statistic(TIME, [1, 0, 1, 1, 0, 0], days=[10]), "nobody was followed"),
    Refusal("curve: nothing asked", lambda: curve_statistic(TIME, EVENT), "neither days nor horizons"),
    Refusal("curve: negative day", lambda: curve_statistic(TIME, EVENT, days=[-1]), "negative"),
    Refusal("curve: horizon of 0", lambda: curve_statistic(TIME, EVENT, horizons=[0]), "positive"),
    Refusal("curve: missing times", lambda: curve_statistic([1, np.nan], [1, 0], days=[1]), "1 of 2 times"),
    Refusal("curve: group labels too short", lambda: curve_statistic(TIME, EVENT, group=[1], days=[1]), "`group`"),
    Refusal("curve: entry after exit", lambda: curve_statistic([2, 3], [1, 0], entry=[2, 0], days=[1]), "enter at or after"),
    Refusal(
        "curve: negative weight", lambda: curve_statistic(TIME, EVENT, weight=[-1, 1, 1, 1, 1, 1], days=[2]), "1 of 6 weights"
    ),
    Refusal("logistic: separation", lambda: batched_logistic([0, 0, 1, 1], [1, 2, 3, 4]), "separate the outcomes"),
    Refusal("logistic: quasi-separation", lambda: batched_logistic([0, 0, 1, 0, 1], [1, 2, 3, 3, 4]), "separate the outcomes"),
    Refusal("logistic: one outcome", lambda: batched_logistic([1, 1], [1, 2]), "same outcome"),
    Refusal("logistic: outcome not 0 or 1", lambda: batched_logistic([0, 2, 1], [1, 2, 4]), "1 of 3 outcomes"),
    Refusal("logistic: constant column", lambda: batched_logistic([0, 1, 0], [1, 1, 1], names=["age"]), "age: one value"),
    Refusal(
        "logistic: collinear",
        lambda: batched_logistic([0, 1, 0, 1], [[1, 2], [3, 6], [2, 4], [1, 2]]),
        "x2: a linear combination",
    ),
    Refusal("Cox: no event", lambda: batched_cox(TIME, [0] * 6, X), "no row has the event"),
    Refusal("Cox: monotone likelihood", lambda: batched_cox([1, 2, 3, 4], [1, 1, 0, 0], [1, 1, 0, 0]), "no finite maximum"),
    Refusal("Cox: covariates missing", lambda: batched_cox(TIME, EVENT, [*X[:5], np.nan]), "x1: 1 of 6"),
    Refusal("Cox: rows of other number", lambda: batched_cox(TIME, EVENT, X[:5]), "5 rows for 6"),
    Refusal("contrasts: one arm", lambda: study(treated=[1] * 6), "every row has the same `treated`"),
    Refusal("contrasts: arm not 0 or 1", lambda: study(treated=[0, 1, 2, 0, 1, 0]), "1 of 6 rows"),
    Refusal("contrasts: separated arms", lambda: study(covariates=ARM), "separate the outcomes"),
    Refusal(
        "contrasts: arm not followed",
        lambda: study(time=[2, 3, 5, 4, 4, 9], event=[1, 0, 1, 1, 0, 1], day=6.0),
        "followed to day 6",
    ),
    Refusal("contrasts: day of 0", lambda: study(day=0.0), "`day` must be"),
    Refusal("contrasts: no event in an arm", lambda: study(event=[1, 0, 1, 0, 0, 1], day=2.0), "no finite log hazard ratio"),
    Refusal("contrasts: target", lambda: study(target="untreated"), "everyone, treated or overlap"),
    Refusal("permutation: one group", lambda: permutation_test(lambda g: g[:, 0], [1, 1, 1], seed=1), "two of them"),
    Refusal(
        "permutation: torn cluster", lambda: permutation_test(lambda g: g[:, 0], [0, 1, 1], cluster=[1, 1, 2], seed=1), "1 of 2"
    ),
    Refusal(
        "permutation: missing statistic",
        lambda: permutation_test(lambda g: np.nan * g[:, 0], [0, 1, 1], seed=1),
        "does not exist",
    ),
    Refusal(
        "permutation: alternative", lambda: permutation_test(lambda g: g[:, 0], [0, 1], seed=1, alternative="both"), "two-sided"
    ),  # type: ignore[arg-type]
)
