"""What must hold of every sequence, chart and funnel."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.estimators.monitoring.confidence_sequence import always_valid_p, confidence_sequence
from tendon_outcomes.estimators.monitoring.control_chart import ewma, p_chart
from tendon_outcomes.estimators.monitoring.cusum import bernoulli_cusum, grouped_cusum
from tendon_outcomes.estimators.monitoring.funnel import funnel_limits
from tendon_outcomes.estimators.monitoring.multiplicity import holm
from tendon_outcomes.estimators.monitoring.run_chart import run_chart
from tendon_outcomes.estimators.monitoring.shrinkage import beta_binomial_shrinkage

every = settings(max_examples=200, deadline=None, derandomize=True)
seeds = st.integers(0, 10**6)


def quarters(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Improved, unknown and all runners of 4 to 16 quarters."""
    rng = np.random.default_rng(seed)
    n = rng.integers(3, 41, rng.integers(4, 17))
    improved = rng.binomial(n, rng.random())
    return improved, rng.binomial(n - improved, 0.2), n


@every
@given(seeds)
def test_limits_of_a_sequence_hold_the_share_and_each_other(seed: int) -> None:
    # Exact: the mixture ratio is smallest at the observed share; a higher level asks for more.
    x, open_, n = (np.cumsum(one) for one in quarters(seed))
    wide, narrow = (confidence_sequence(x, n, unknown=open_, conf_level=level) for level in (0.99, 0.9))
    assert (narrow.conf_low <= x / n + 1e-12).all()
    assert ((x + open_) / n <= narrow.conf_high + 1e-12).all()
    assert (wide.conf_low <= narrow.conf_low).all()
    assert (narrow.conf_high <= wide.conf_high).all()
    assert ((wide.conf_low >= 0.0) & (wide.conf_high <= 1.0)).all()


@every
@given(seeds)
def test_a_sequence_is_wider_than_the_limits_of_one_look(seed: int) -> None:
    # Exact: a set that holds at every look holds at each, and is no narrower than the likelihood at the same bar.
    x, _, n = (np.cumsum(one) for one in quarters(seed))
    found = confidence_sequence(x, n, prior=(1.0, 1.0))
    assert (found.conf_high - found.conf_low > 1.2 * np.sqrt(x / n * (1 - x / n) / n) * 2).all()


@every
@given(seeds)
def test_success_and_failure_change_places(seed: int) -> None:
    # Exact: with a symmetric mixture; the p-values of the two sides change places too.
    x, _, n = (np.cumsum(one) for one in quarters(seed))
    one, other = confidence_sequence(x, n), confidence_sequence(n - x, n)
    np.testing.assert_allclose(one.conf_low, 1.0 - other.conf_high, atol=1e-9)
    above = always_valid_p(x, n, threshold=0.4)
    np.testing.assert_allclose(above, always_valid_p(n - x, n, threshold=0.6, side="less"), rtol=1e-9)
    assert (np.diff(above) <= 0.0).all()


@every
@given(seeds)
def test_what_becomes_known_never_takes_a_limit_beyond_what_was_told(seed: int) -> None:
    # Exact: with more known the two extreme samples come closer.
    x, open_, n = (np.cumsum(one) for one in quarters(seed))
    settled = np.random.default_rng(seed).binomial(open_, 0.5)
    before, after = confidence_sequence(x, n, unknown=open_), confidence_sequence(x + settled, n, unknown=0 * open_)
    assert (before.conf_low <= after.conf_low + 1e-12).all()
    assert (after.conf_high <= before.conf_high + 1e-12).all()


@every
@given(seeds)
def test_a_run_chart_knows_order_only(seed: int) -> None:
    # Exact: medians move with an increasing map of an odd number of values, sides do not; backwards counts the same.
    values = np.random.default_rng(seed).integers(0, 9, 2 * (seed % 12) + 9).astype(float)
    one, mapped, back = run_chart(values), run_chart(np.exp(values)), run_chart(values[::-1])
    counted = [(c.useful, c.longest_run, c.crossings) for c in (one, mapped, back)]
    assert counted[0] == counted[1] == counted[2]
    assert one.longest_run <= one.useful
    assert one.crossings <= max(one.useful - 1, 0)


@every
@given(seeds)
def test_a_later_quarter_never_moves_an_earlier_point_or_limit(seed: int) -> None:
    # Exact: the baseline is fixed.
    x, _, n = quarters(seed)
    for chart in (p_chart, ewma):
        whole, part = chart(x, n, baseline=3), chart(x[:-1], n[:-1], baseline=3)
        np.testing.assert_array_equal(whole.value[:-1], part.value)
        np.testing.assert_array_equal(whole.low[:-1], part.low)
        np.testing.assert_array_equal(whole.high[:-1], part.high)


@every
@given(seeds)
def test_order_within_a_quarter_does_not_move_its_sum(seed: int) -> None:
    # Exact: weights are added; runner by runner the sum of a quarter is the same where it never comes to 0.
    rng = np.random.default_rng(seed)
    risk = rng.uniform(0.1, 0.9, 20)
    outcome = (rng.random(20) < risk).astype(float)
    whole = grouped_cusum([outcome.sum()], [risk], odds_ratio=2.0, limit=50.0)
    order = rng.permutation(20)
    again = grouped_cusum([outcome.sum()], [risk[order]], odds_ratio=2.0, limit=50.0)
    steps = bernoulli_cusum(outcome, risk, odds_ratio=2.0, limit=50.0)
    np.testing.assert_allclose(whole.increment, again.increment, rtol=1e-12)
    np.testing.assert_allclose(whole.increment[0], steps.increment.sum(), atol=1e-12)
    assert steps.value[-1] >= whole.value[0] - 1e-12


@every
@given(seeds)
def test_funnels_turn_over_with_their_centre(seed: int) -> None:
    # Exact: failures have the limits of successes turned over, also with correlation.
    rng = np.random.default_rng(seed)
    n, centre, correlation = rng.integers(1, 60, 5), rng.uniform(0.05, 0.95), rng.choice([0.0, 0.05])
    one, other = funnel_limits(n, centre, correlation=correlation), funnel_limits(n, 1 - centre, correlation=correlation)
    np.testing.assert_allclose(one.low, 1.0 - other.high, atol=1e-12)
    assert (one.low <= centre + 1e-12).all()
    assert (centre - 1e-12 <= one.high).all()


@every
@given(seeds)
def test_shrunken_shares_lie_between_their_own_and_the_rest(seed: int) -> None:
    # Exact: each posterior mean of a beta prior lies between the prior mean and the own share; groups have no order.
    x, _, n = quarters(seed)
    found = beta_binomial_shrinkage(x, n)
    assert ((found.estimate > 0.0) & (found.estimate < 1.0)).all()
    assert ((found.conf_low <= found.estimate) & (found.estimate <= found.conf_high)).all()
    order = np.random.default_rng(seed).permutation(n.size)
    np.testing.assert_allclose(beta_binomial_shrinkage(x[order], n[order]).estimate, found.estimate[order], rtol=1e-9)
    assert np.ptp(found.estimate) <= np.ptp(found.observed) + 0.05


@every
@given(st.lists(st.floats(0.0, 1.0), max_size=12))
def test_adjusted_p_values_keep_their_order_and_never_fall(p: list[float]) -> None:
    # Exact: by definition of the steps; the smallest is Bonferroni's.
    adjusted = holm(p)
    assert all(a >= b for a, b in zip(adjusted, p, strict=True))
    if p:
        assert adjusted.min() == min(1.0, len(p) * min(p))
        order = np.argsort(p)
        assert (np.diff(adjusted[order]) >= 0.0).all()
