"""A difference between two groups at equal covariates, and limits that hold where few carry it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sensitivity.adjusted_difference import adjusted_difference

NONE = np.zeros((8, 0))
VALUE = np.array([3.0, 5.0, 4.0, 8.0, 1.0, 2.0, 0.0, 3.0])
ARM = np.array([1, 1, 1, 1, 0, 0, 0, 0])


def ordinary(y: np.ndarray, columns: np.ndarray, weight: np.ndarray) -> float:
    """The first coefficient of weighted least squares, from the normal equations."""
    return float(np.linalg.solve((columns * weight[:, None]).T @ columns, (columns * weight[:, None]).T @ y)[0])


def test_two_means_by_hand() -> None:
    # Exact: 5 - 1.5; leaving a row out of four changes a mean by (x - mean)/3: variance 7/8 (14 + 5)/9; at equal variances
    # Satterthwaite's degrees of freedom for two equal groups are 6, Student's.
    found = adjusted_difference(VALUE, ARM, NONE)
    assert found.estimate == pytest.approx(3.5, abs=1e-12)
    assert found.std_error == pytest.approx(np.sqrt(7 / 8 * 19 / 9), abs=1e-12)
    assert found.df == pytest.approx(6.0, abs=1e-10)
    assert found.conf_high - found.estimate == pytest.approx(stats.t.ppf(0.975, 6) * found.std_error, abs=1e-10)
    assert found.p_value == pytest.approx(2 * stats.t.sf(3.5 / found.std_error, 6), abs=1e-12)
    assert (found.n, found.n_exposed, found.clusters) == (8, 4, 8)


@pytest.mark.parametrize("clustered", [False, True])
def test_every_cluster_left_out_in_a_loop(clustered: bool) -> None:
    # Exact: the coefficient and its CR3 variance from the normal equations, fitted anew without each cluster.
    rng = np.random.default_rng(2)
    n = 30
    x, arm, w = rng.normal(size=(n, 3)), rng.integers(0, 2, n), rng.uniform(0.5, 4.0, n)
    y = x @ [1.0, 2.0, -1.0] + arm + rng.normal(size=n)
    cluster = np.arange(n) // 2 if clustered else np.arange(n)
    columns = np.column_stack([arm, np.ones(n), x]).astype(float)
    found = adjusted_difference(y, arm, x, weight=w, cluster=cluster)
    whole = ordinary(y, columns, w)
    without = [ordinary(y[k], columns[k], w[k]) for k in (cluster != g for g in np.unique(cluster))]
    count = len(without)
    assert found.estimate == pytest.approx(whole, abs=1e-10)
    assert found.std_error**2 == pytest.approx((count - 1) / count * np.sum((np.array(without) - whole) ** 2), rel=1e-9)


def test_satterthwaite_by_its_definition() -> None:
    # Exact: E = tr B, Var = 2 tr B^2 of the quadratic form e'Be with e of unit variance; B from the loop's linear maps.
    rng = np.random.default_rng(3)
    n = 12
    x, arm = rng.normal(size=(n, 1)), np.repeat([0, 1], [9, 3])
    columns = np.column_stack([arm, np.ones(n), x]).astype(float)
    maps = []
    for i in range(n):
        whole, kept = np.eye(n), np.arange(n) != i
        maps.append([ordinary(e[kept], columns[kept], np.ones(n - 1)) - ordinary(e, columns, np.ones(n)) for e in whole])
    form = np.array(maps).T @ np.array(maps)
    found = adjusted_difference(rng.normal(size=n), arm, x)
    assert found.df == pytest.approx(np.trace(form) ** 2 / np.trace(form @ form), rel=1e-9)


def test_rows_without_weight_and_needless_columns_change_nothing() -> None:
    # Exact property.
    rng = np.random.default_rng(5)
    x, arm, y = rng.normal(size=(40, 2)), rng.integers(0, 2, 40), rng.normal(size=40)
    w = np.r_[np.ones(30), np.zeros(10)]
    one = adjusted_difference(y[:30], arm[:30], x[:30])
    other = adjusted_difference(np.where(w > 0, y, np.nan), arm, np.column_stack([x, x[:, 0], np.full(40, 7.0)]), weight=w)
    assert (other.n, other.clusters) == (30, 30)
    for name in ("estimate", "std_error", "df", "p_value"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-9)


def test_scales_and_labels() -> None:
    # Exact property: flipped labels negate, affine maps of covariates change nothing, weights need no scale.
    rng = np.random.default_rng(6)
    x, arm, y, w = rng.normal(size=(40, 2)), rng.integers(0, 2, 40), rng.normal(size=40), rng.uniform(1, 3, 40)
    one = adjusted_difference(y, arm, x, weight=w)
    other = adjusted_difference(y, 1 - arm, 100.0 * x @ [[1, 2], [0, 3]] + 5.0, weight=7.0 * w)
    assert (other.estimate, other.conf_low) == (pytest.approx(-one.estimate), pytest.approx(-one.conf_high))


def test_its_size_with_uneven_weights_and_few_exposed() -> None:
    # Simulation: 2,000 samples of 60, 15 exposed, 6 covariates, weights of 1 to 12 that go with the spread: 5 % or less within
    # four Monte-Carlo errors (1.9 points), and not below 2 %.
    rng = np.random.default_rng(9)
    found = 0
    for _ in range(2000):
        x = rng.normal(size=(60, 6))
        arm = np.zeros(60)
        arm[rng.choice(60, 15, replace=False)] = 1
        w = np.exp(rng.uniform(0, 2.5, 60))
        y = x[:, 0] + rng.normal(size=60) * (1 + 0.5 * arm)
        found += adjusted_difference(y, arm, x, weight=w).p_value < 0.05
    assert 0.02 < found / 2000 < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 2000)


def test_what_it_will_not_answer() -> None:
    # Exact: refusals with counts.
    rng = np.random.default_rng(1)
    for call, words in (
        (lambda: adjusted_difference(VALUE, np.ones(8), NONE), "hold both"),
        (lambda: adjusted_difference(VALUE, ARM[:7], NONE), "7 values for 8 rows"),
        (lambda: adjusted_difference(VALUE, ARM, np.zeros((7, 1))), r"shape \(7, 1\) for 8 rows"),
        (lambda: adjusted_difference(np.where(ARM, VALUE, np.nan), ARM, NONE), "4 of 8 rows have a missing value"),
        (lambda: adjusted_difference(VALUE, ARM, 2.0 - ARM), "explain the exposure entirely"),
        (lambda: adjusted_difference(VALUE, ARM, rng.normal(size=(8, 6))), "8 clusters for 8 coefficients"),
        (lambda: adjusted_difference(VALUE, [1, 0, 0, 0, 0, 0, 0, 0], NONE), "one cluster alone"),
    ):
        with pytest.raises(EstimationRefused, match=words):
            call()
