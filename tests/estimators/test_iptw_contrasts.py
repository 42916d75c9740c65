"""Weighted contrasts with the propensity fitted anew: by hand, against loops, and with and without confounding."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.estimators import kaplan_meier, restricted_mean
from tendon_outcomes.estimators.resampling.executors import Processes
from tendon_outcomes.estimators.resampling.iptw import iptw_contrasts, iptw_statistic


def confounded(n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(6)
    x = rng.integers(0, 3, n)
    treated = (rng.random(n) < np.array([0.2, 0.5, 0.8])[x]).astype(int)
    time = np.minimum(np.ceil(rng.exponential(40.0 / (1 + x))), 90)
    return time, time < 90, treated, np.column_stack([x == 1, x == 2]).astype(float)


def test_saturated_propensity_is_standardisation() -> None:
    # Exact: with a coefficient for every covariate pattern, weighting by 1/e averages the patterns' risks (nobody is censored).
    time, event, treated, x = confounded()
    found = iptw_contrasts(time, event, treated, x, day=30.0, replicates=40, seed=1)
    pattern = x @ [1, 2]
    risk = [sum(np.mean(pattern == p) * np.mean(time[(pattern == p) & (treated == a)] <= 30) for p in (0, 1, 2)) for a in (0, 1)]
    assert found.estimate[0] == pytest.approx(risk[1] - risk[0], abs=1e-12)
    assert found.names == ("risk difference", "restricted mean difference", "log hazard ratio")


def test_a_covariate_that_says_nothing_leaves_the_crude_contrast() -> None:
    # Exact: balanced covariate, constant propensity: the unadjusted curves; every target alike.
    time = np.array([2, 4, 5, 7, 8, 9, 2, 3, 5, 6, 9, 9])
    event = np.array([1, 1, 0, 1, 0, 0, 1, 1, 1, 1, 0, 0])
    treated, x = np.repeat([0, 1], 6), np.tile([0.0, 1.0], 6)
    curves = [kaplan_meier(time[treated == a], event[treated == a]) for a in (0, 1)]
    at = [float(curve.at(6).estimate) for curve in curves]
    means = [restricted_mean(curve, horizon=6).estimate for curve in curves]
    for target in ("everyone", "treated", "overlap"):
        found = iptw_statistic(time, event, treated, x, day=6.0, target=target)(np.ones((1, 12)))[0]  # type: ignore[arg-type]
        np.testing.assert_allclose(found[:2], [at[0] - at[1], means[1] - means[0]], atol=1e-10)


def test_workers_and_clusters_change_no_replicate() -> None:
    # Exact property: rows as their own clusters, one or two processes.
    data = confounded(120)
    one = iptw_contrasts(*data, day=30.0, replicates=64, seed=3)
    two = iptw_contrasts(*data, day=30.0, replicates=64, seed=3, cluster=np.arange(120), executor=Processes(2))
    assert one.replicates.tobytes() == two.replicates.tobytes()


def test_sampling_weights_as_copies() -> None:
    # Exact: whole sampling weights and repeated rows give the same risks and means.
    time, event, treated, x = confounded(80)
    copies = 1 + np.arange(80) % 3
    weighted = iptw_statistic(time, event, treated, x, day=30.0, weight=copies, hazard_ratio=False)(np.ones((1, 80)))
    repeated = [np.repeat(one, copies, axis=0) for one in (time, event, treated, x)]
    n = repeated[0].size
    again = iptw_statistic(*repeated, day=30.0, hazard_ratio=False)(np.ones((1, n)))
    np.testing.assert_allclose(weighted, again, atol=1e-11)


def test_the_propensity_is_fitted_anew() -> None:
    # Exact: with a coefficient for every covariate pattern the risks of a replicate are those of its own patterns, standardised
    # to its own rows (nobody is censored before the day). With the sample's propensity held they would be other numbers.
    time, event, treated, x = confounded(600)
    pattern, statistic = x @ [1, 2], iptw_statistic(time, event, treated, x, day=30.0)
    copies = np.random.default_rng(1).multinomial(600, np.full(600, 1 / 600), size=20)
    held = np.array([0.2, 0.5, 0.8])[pattern.astype(int)]
    weighted = copies * np.where(treated == 1, 1 / held, 1 / (1 - held))
    for row, other, found in zip(copies, weighted, statistic(copies.astype(float)), strict=True):
        risks, crude = [], []
        for arm in (0, 1):
            cells = [(pattern == p) & (treated == arm) for p in (0, 1, 2)]
            by_pattern = [np.average(time[one] <= 30, weights=row[one]) for one in cells]
            risks.append(sum(r * row[pattern == p].sum() for p, r in zip((0, 1, 2), by_pattern, strict=True)) / 600)
            crude.append(np.average(time[treated == arm] <= 30, weights=other[treated == arm]))
        assert found[0] == pytest.approx(risks[1] - risks[0], abs=1e-11)
        assert abs(found[0] - (crude[1] - crude[0])) > 1e-6
