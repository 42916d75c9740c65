"""What must hold of propensities, balancing weights and balance on every sample."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.weighting.balance import balance
from tendon_outcomes.estimators.causal.weighting.balancing_weights import (
    BalancingWeights,
    balancing_weights,
    effective_sample_size,
)
from tendon_outcomes.estimators.causal.weighting.propensity import Propensity, propensity
from tendon_outcomes.estimators.regression.logistic import logistic
from tendon_outcomes.estimators.regression.multinomial import multinomial

CLOSE = {"rtol": 0.0, "atol": 1e-8}
every = settings(max_examples=200, deadline=None, derandomize=True)

row = st.tuples(st.integers(-3, 3), st.integers(0, 1), st.integers(0, 2), st.integers(0, 9), st.integers(1, 3))
samples = st.lists(row, min_size=15, max_size=40)
TARGETS = st.sampled_from(["everyone", "treated", "overlap", "matching"])


def split(sample: list[tuple[int, ...]]) -> list[np.ndarray]:
    """Two covariates, a code, an outcome, copies."""
    return [np.array(column) for column in zip(*sample, strict=True)]


def fitted(codes: np.ndarray, x: np.ndarray, **how: object) -> Propensity:
    """The propensity; samples without one are passed over."""
    try:
        return propensity(codes, x, **how)  # type: ignore[arg-type]
    except EstimationRefused:
        assume(False)
        raise


def arm_means(values: np.ndarray, codes: np.ndarray, made: BalancingWeights) -> list[np.ndarray]:
    return [np.average(values[codes == k], axis=0, weights=made.weight[codes == k]) for k in made.compared]


@every
@given(samples)
def test_overlap_weights_balance_means_exactly(sample: list[tuple[int, ...]]) -> None:
    # Exact property: Li, Morgan & Zaslavsky (2018), theorem 3.
    a, b, codes, _, copies = split(sample)
    x, arm = np.column_stack([a, b]), (codes > 0).astype(int)
    made = balancing_weights(fitted(arm, x, weight=copies), arm, target="overlap")
    one, other = arm_means(x, arm, made)
    np.testing.assert_allclose(one, other, **CLOSE)


@every
@given(samples)
def test_saturated_weights_are_standardisation(sample: list[tuple[int, ...]]) -> None:
    # Exact property: the weighted mean of an arm is the mean over cells, weighted by everybody's cells.
    _, cell, codes, outcome, _ = split(sample)
    assume(min(np.count_nonzero((cell == c) & (codes == k)) for c in (0, 1) for k in (0, 1, 2)) > 0)
    made = balancing_weights(fitted(codes, cell), codes)
    for k, mean in zip((0, 1), arm_means(outcome, codes, made), strict=True):
        standard = sum(outcome[(cell == c) & (codes == k)].mean() * np.mean(cell == c) for c in (0, 1))
        np.testing.assert_allclose(mean, standard, **CLOSE)


@every
@given(samples)
def test_swapping_labels_swaps_weights(sample: list[tuple[int, ...]]) -> None:
    # Exact property: everyone, overlap and matching do not know which treatment is the reference; the difference turns its sign.
    a, b, codes, outcome, _ = split(sample)
    x, arm = np.column_stack([a, b]), (codes > 0).astype(int)
    one, other = fitted(arm, x), fitted(1 - arm, x)
    for target in ("everyone", "overlap", "matching"):
        first = balancing_weights(one, arm, target=target)  # type: ignore[arg-type]
        second = balancing_weights(other, 1 - arm, target=target)  # type: ignore[arg-type]
        np.testing.assert_allclose(first.weight, second.weight, **CLOSE)
        np.testing.assert_allclose(first.effective_n, second.effective_n[::-1], atol=1e-6)
        means = arm_means(outcome, arm, first), arm_means(outcome, 1 - arm, second)
        np.testing.assert_allclose(means[0][1] - means[0][0], means[1][0] - means[1][1], **CLOSE)


@every
@given(samples, TARGETS)
def test_any_code_may_be_the_reference(sample: list[tuple[int, ...]], target: str) -> None:
    # Exact property: three treatments, renumbered; the same pair has the same weights.
    a, _, codes, _, _ = split(sample)
    assume(np.unique(codes).size == 3)
    moved = (codes + 1) % 3
    one = balancing_weights(fitted(codes, a), codes, target=target, compared=(0, 1))  # type: ignore[arg-type]
    two = balancing_weights(fitted(moved, a), moved, target=target, compared=(1, 2))  # type: ignore[arg-type]
    np.testing.assert_allclose(one.weight, two.weight, **CLOSE)


@every
@given(samples, TARGETS, st.integers(-50, 50), st.sampled_from([-8.0, -0.25, 0.5, 30.0]))
def test_affine_maps_of_covariates_change_nothing(sample: list[tuple[int, ...]], target: str, origin: int, unit: float) -> None:
    # Exact property: of weights, and of distances up to the sign of the unit.
    a, b, codes, _, _ = split(sample)
    x, arm = np.column_stack([a, b]).astype(float), (codes > 0).astype(int)
    mapped = np.column_stack([origin + unit * a, b + 0.5 * a])
    one = balancing_weights(fitted(arm, x), arm, target=target)  # type: ignore[arg-type]
    two = balancing_weights(fitted(arm, mapped), arm, target=target)  # type: ignore[arg-type]
    np.testing.assert_allclose(one.weight, two.weight, rtol=1e-8, atol=1e-8)
    assume(min(np.bincount(arm, minlength=2)) > 1)
    assume(not set(a.tolist()) <= {0, 1} and not set((origin + unit * a).tolist()) <= {0, 1})
    plain, moved = balance(a, arm, names=["a"], weight=one.weight), balance(mapped[:, 0], arm, names=["a"], weight=one.weight)
    np.testing.assert_allclose(moved.smd, np.sign(unit) * plain.smd, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(moved.ks_distance, plain.ks_distance, **CLOSE)


@every
@given(samples, TARGETS)
def test_constant_propensity_is_no_weighting(sample: list[tuple[int, ...]], target: str) -> None:
    # Exact property: every row twice, once in each arm, so that the covariate tells nothing: one weight in each arm, mean 1.
    a, _, _, _, _ = split(sample)
    assume(np.unique(a).size > 1)
    x, arm = np.concatenate([a, a]), np.repeat([0, 1], a.size)
    made = balancing_weights(propensity(arm, x), arm, target=target)  # type: ignore[arg-type]
    np.testing.assert_allclose(made.weight, 1.0, **CLOSE)
    np.testing.assert_allclose(made.effective_n, a.size, atol=1e-6)
    assert balance(x, arm, names=["a"]).worst == 0.0


@every
@given(samples, TARGETS)
def test_copies_are_rows(sample: list[tuple[int, ...]], target: str) -> None:
    # Exact property: weights as numbers of copies against rows written out.
    a, b, codes, _, copies = split(sample)
    x, out = np.column_stack([a, b]), np.repeat(np.arange(a.size), copies)
    arm = (codes > 0).astype(int)
    counted = balancing_weights(fitted(arm, x, weight=copies), arm, target=target)  # type: ignore[arg-type]
    written = balancing_weights(propensity(arm[out], x[out]), arm[out], target=target)  # type: ignore[arg-type]
    np.testing.assert_allclose(np.repeat(counted.weight / copies, copies), written.weight, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(counted.effective_n, written.effective_n, rtol=1e-7)


@every
@given(samples, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(sample: list[tuple[int, ...]], random: object) -> None:
    # Exact property.
    order = list(range(len(sample)))
    random.shuffle(order)  # type: ignore[attr-defined]
    a, b, codes, _, _ = split(sample)
    x, arm = np.column_stack([a, b]), (codes > 0).astype(int)
    one, two = fitted(arm, x), fitted(arm[order], x[order])
    np.testing.assert_allclose(one.probability[order], two.probability, **CLOSE)
    made = balancing_weights(one, arm), balancing_weights(two, arm[order])
    np.testing.assert_allclose(made[0].derivative[order], made[1].derivative, rtol=1e-6, atol=1e-7)


@every
@given(samples, TARGETS)
def test_truncation_never_widens_and_sizes_stay_within_rows(sample: list[tuple[int, ...]], target: str) -> None:
    # Exact property: weights within their old range; 1 <= ESS <= n of the arm; equal weights only give n.
    a, b, codes, _, _ = split(sample)
    arm = (codes > 0).astype(int)
    fit = fitted(arm, np.column_stack([a, b]))
    whole = balancing_weights(fit, arm, target=target)  # type: ignore[arg-type]
    cut = balancing_weights(fit, arm, target=target, truncate=(0.05, 0.95))  # type: ignore[arg-type]
    assert cut.largest <= whole.largest + 1e-12
    assert cut.weight.min() >= whole.weight.min() - 1e-12
    for made in (whole, cut):
        assert (made.effective_n >= 1 - 1e-9).all()
        assert (made.effective_n <= made.n_by_arm + 1e-9).all()
    np.testing.assert_allclose(effective_sample_size(whole.weight, arm), whole.effective_n, rtol=1e-9)


@every
@given(samples)
def test_logistic_scores_sum_to_nothing_and_flip_with_the_outcome(sample: list[tuple[int, ...]]) -> None:
    # Exact property: the equations hold; no and yes exchanged turn every sign; penalised fits too.
    a, b, codes, _, copies = split(sample)
    x, y = np.column_stack([a, b]), (codes > 0).astype(int)
    for fit_of in (logistic, lambda *given, **how: multinomial(*given, **how, firth=True)):
        try:
            fit = fit_of(y, x, weight=copies)
        except EstimationRefused:
            continue
        other = fit_of(1 - y, x, weight=copies)
        np.testing.assert_allclose(fit.score.sum(axis=0), 0.0, atol=1e-6)
        np.testing.assert_allclose(other.coefficients.estimate, -fit.coefficients.estimate, rtol=1e-6, atol=1e-7)
        assert ((fit.probability > 0) & (fit.probability < 1)).all()
