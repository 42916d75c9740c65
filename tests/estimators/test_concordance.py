"""Harrell's concordance."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.regression.cox.concordance import concordance
from tendon_outcomes.estimators.regression.cox.diagnostics import cox_concordance
from tendon_outcomes.estimators.regression.cox.fit import cox
from tendon_outcomes.estimators.regression.cox.ordered_sums import rank_sums


def test_five_rows_by_hand() -> None:
    # Exact. Day 1 event score 3 against 2, 2, 1, 4: 3 right, 1 wrong. Day 2 event score 2 against the one censored that day (2: a
    # tie), and 1, 4: 1 right, 1 wrong. Day 3 event score 1 against 4: wrong. C = 4, D = 3, T = 1: 4.5/8.
    found = concordance([1, 2, 2, 3, 4], [1, 1, 0, 1, 0], [3, 2, 2, 1, 4])
    assert (found.concordant, found.discordant, found.tied_score) == (4, 3, 1)
    assert found.estimate == pytest.approx(4.5 / 8, abs=1e-12)
    # Row by row right + half tied, and pairs: (3, 4), (2.5, 4), (1.5, 2), (2, 3), (0, 3).
    influence = (np.array([3, 2.5, 1.5, 2, 0]) - 4.5 / 8 * np.array([4, 4, 2, 3, 3])) / 8
    np.testing.assert_allclose(found.influence, influence, atol=1e-12)
    assert found.std_error == pytest.approx(np.sqrt((influence**2).sum()), abs=1e-12)


def test_ties_of_time_strata_and_entry_by_hand() -> None:
    # Exact: events of one day are no pair; rows of another stratum, or not yet entered, are not compared.
    tied = concordance([1, 1, 1, 2], [1, 1, 1, 0], [1, 1, 2, 0])
    assert (tied.concordant, tied.tied_time, tied.tied_both) == (3, 2, 1)
    apart = concordance([1, 2, 1, 2], [1, 0, 1, 0], [2, 1, 1, 2], strata=["a", "a", "b", "b"])
    assert (apart.concordant, apart.discordant, apart.estimate) == (1, 1, 0.5)
    entered = concordance([2, 3, 5], [1, 1, 0], [1, 2, 0], entry=[0, 2, 0])
    assert (entered.concordant, entered.discordant) == (2, 0)


def test_weights_are_copies_or_sampling_weights() -> None:
    # Exact: whole-number weights repeat the row; robust squares them instead.
    time, event, score, copies = [1, 2, 2, 3, 4], [1, 1, 0, 1, 0], [3, 2, 2, 1, 4], [1, 3, 2, 1, 2]
    weighted = concordance(time, event, score, weight=copies)
    repeated = concordance(*(np.repeat(values, copies) for values in (time, event, score)))
    assert weighted.estimate == pytest.approx(repeated.estimate, abs=1e-12)
    assert weighted.std_error == pytest.approx(repeated.std_error, abs=1e-12)
    robust = concordance(time, event, score, weight=copies, robust=True)
    assert robust.std_error == pytest.approx(np.linalg.norm(copies * weighted.influence), abs=1e-12)
    clustered = concordance(time, event, score, weight=copies, cluster=[0, 0, 1, 1, 2])
    moved = copies * weighted.influence
    assert clustered.std_error == pytest.approx(
        np.sqrt((moved[:2].sum()) ** 2 + moved[2:4].sum() ** 2 + moved[4] ** 2), abs=1e-12
    )


def test_a_perfect_order_leaves_the_limits_open() -> None:
    # Exact: the jackknife sees no spread at 1; limits that say nothing are given, not limits of width 0.
    found = concordance([1, 2, 3], [1, 1, 1], [3, 2, 1])
    assert (found.estimate, found.conf_low, found.conf_high) == (1.0, 0.0, 1.0)


def test_limits_contain_the_estimate_and_widen_with_the_level() -> None:
    # Exact property.
    rng = np.random.default_rng(3)
    data = rng.integers(1, 30, 60), rng.random(60) < 0.7, rng.normal(size=60)
    narrow, wide = concordance(*data, conf_level=0.8), concordance(*data, conf_level=0.99)
    assert wide.conf_low < narrow.conf_low < narrow.estimate < narrow.conf_high < wide.conf_high


def test_concordance_of_a_fit_takes_its_linear_predictor() -> None:
    # Exact: the order of the predictor is that of the one covariate, or its reverse.
    rng = np.random.default_rng(3)
    time, event, x = rng.integers(1, 30, 60), rng.random(60) < 0.7, rng.integers(0, 3, 60).astype(float)
    fit = cox(time, event, x, cluster=np.repeat(np.arange(30), 2), conf_level=0.9)
    sign = float(np.sign(fit.coefficients.estimate[0]))
    direct = concordance(time, event, sign * x, cluster=np.repeat(np.arange(30), 2), conf_level=0.9)
    found = cox_concordance(fit)
    for field in ("estimate", "std_error", "conf_low", "conf_high", "tied_score"):
        assert getattr(found, field) == pytest.approx(getattr(direct, field), abs=1e-12)


def test_rank_sums_by_hand() -> None:
    # Exact: stretches of the list 2, 0, 1, 2 with weights 1, 2, 4, 8.
    found = rank_sums(
        np.array([2, 0, 1, 2]),
        np.array([1.0, 2, 4, 8]),
        low=np.array([0, 1, 2, 3]),
        high=np.array([4, 3, 2, 4]),
        query_rank=np.array([1, 1, 0, 3]),
    )
    np.testing.assert_array_equal(found.below, [2, 2, 0, 8])
    np.testing.assert_array_equal(found.equal, [4, 4, 0, 0])
    np.testing.assert_array_equal(found.above, [9, 0, 0, 0])


def test_a_large_sample_agrees_with_counting_events_by_day() -> None:
    # Exact: binary score, so the pairs are products of numbers at risk.
    rng = np.random.default_rng(12)
    time, event, score = rng.integers(1, 50, 20_000), rng.random(20_000) < 0.6, rng.integers(0, 2, 20_000)
    found = concordance(time, event, score)
    right = wrong = tied = 0
    for day in range(1, 50):
        events = [int(np.sum((time == day) & event & (score == k))) for k in (0, 1)]
        later = [int(np.sum(((time > day) | ((time == day) & ~event)) & (score == k))) for k in (0, 1)]
        right, wrong = right + events[1] * later[0], wrong + events[0] * later[1]
        tied += events[0] * later[0] + events[1] * later[1]
    assert (found.concordant, found.discordant, found.tied_score) == (right, wrong, tied)


def test_refusals_name_the_reason() -> None:
    # Exact: what each message must say.
    for call, says in (
        (lambda: concordance([1, 2], [0, 1], [1, 2]), "no two rows can be compared"),
        (lambda: concordance([1, 2], [0, 0], [1, 2]), "no two rows can be compared"),
        (lambda: concordance([1, 2], [1, 1], [1, 1]), "score: one value"),
        (lambda: concordance([1, 2], [1, 1], [1, np.nan]), "score: 1 of 2"),
        (lambda: concordance([1, 2], [1, 1], [[1, 2], [2, 1]]), "2 dimensions"),
        (lambda: concordance([1, 2], [1, 1], [1, 2, 3]), "3 rows for 2"),
        (lambda: concordance([1, 2], [1, 1], [1, 2], conf_level=1.0), "conf_level"),
    ):
        with pytest.raises(EstimationRefused) as refused:
            call()
        assert says in str(refused.value)
