"""Differences within a person: t limits, sign flips, blocks of time."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sensitivity.within_person import within_person_difference

CROSSED = [188, 96, 168, 176, 153, 172, 177, 163, 146, 173, 186, 168, 177, 184, 96]
SELFED = [139, 163, 160, 160, 147, 149, 149, 122, 132, 144, 130, 144, 102, 124, 144]


def maize(**changed: object) -> object:
    pairs = len(CROSSED)
    given = {"seed": 1} | changed
    return within_person_difference([*CROSSED, *SELFED], [1] * pairs + [0] * pairs, [*range(pairs)] * 2, **given)  # type: ignore[arg-type]


def test_darwins_maize() -> None:
    # Published: Fisher (1935) The Design of Experiments, ch. 3, eighths of an inch: sum 314, t = 2.148, two-sided 4.970 %;
    # of the 2^15 sign patterns 1726 are as far out, 5.267 %.
    found = maize(replicates=2**15)
    assert found.estimate == pytest.approx(314 / 15, abs=1e-12)
    assert found.estimate / found.std_error == pytest.approx(2.148, abs=5e-4)
    assert found.p_value == pytest.approx(0.0497, abs=5e-5)
    assert found.exact
    assert found.flip_p_value == 1726 / 2**15
    assert found.conf_low == pytest.approx(found.estimate - stats.t.ppf(0.975, 14) * found.std_error, abs=1e-10)


def test_random_flips_come_near() -> None:
    # Known truth 0.05267 within four Monte-Carlo errors of 20,000 patterns; never 0; the seed decides.
    found = maize(replicates=20_000)
    assert not found.exact
    assert found.flip_p_value == pytest.approx(1726 / 2**15, abs=4 * np.sqrt(0.0527 * 0.9473 / 20_000))
    assert found.flip_p_value == maize(replicates=20_000).flip_p_value
    assert maize(replicates=20_000, seed=2).flip_p_value != found.flip_p_value


def test_persons_with_one_kind_of_day_say_nothing() -> None:
    # Exact: persons 1 (d = 2), 2 (d = 4), person 3 has exposed days only, 4 the others: mean 3, sd sqrt 2, error 1.
    value = [3, 1, 6, 4, 1, 9, 9, 0]
    found = within_person_difference(value, [1, 0, 1, 1, 0, 1, 1, 0], [1, 1, 2, 2, 2, 3, 3, 4], seed=1)
    assert (found.estimate, found.std_error) == (3.0, pytest.approx(1.0))
    assert (found.persons, found.one_kind_only, found.rows) == (2, 2, 5)
    assert (found.flip_p_value, found.exact) == (0.5, True)
    assert found.p_value == pytest.approx(2 * stats.t.sf(3.0, 1), abs=1e-12)


def test_blocks_take_out_a_trend() -> None:
    # Exact: value = 10 - week + 1 on exposed days, which are early; within weeks the difference is 1, without them it is not.
    person = np.repeat([1, 2], 8)
    week = np.tile(np.repeat([0, 1], 4), 2)
    exposed = np.tile([1, 1, 1, 0, 1, 0, 0, 0], 2)
    value = 10.0 - 3.0 * week + exposed + 0.1 * person
    assert within_person_difference(value, exposed, person, block=week, seed=1).estimate == pytest.approx(1.0, abs=1e-12)
    assert within_person_difference(value, exposed, person, seed=1).estimate == pytest.approx(2.5, abs=1e-12)


def test_blocks_are_weighted_by_what_they_say() -> None:
    # Exact: n1 n0/(n1+n0) is 1/2 and 3/4 (1 against 3); differences 1 and 6: (0.5 + 4.5) / 1.25 = 4, as least squares has it.
    value, exposed, block = [1, 0, 6, 0, 0, 0], [1, 0, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1]
    found = within_person_difference(value * 2, exposed * 2, [1] * 6 + [2] * 6, block=block * 2, seed=1)
    dummies = np.column_stack([exposed, np.equal(block, 0), np.equal(block, 1)]).astype(float)
    assert found.estimate == pytest.approx(4.0, abs=1e-12)
    assert found.estimate == pytest.approx(np.linalg.lstsq(dummies, np.array(value, float), rcond=None)[0][0], abs=1e-10)


def test_no_difference_at_all() -> None:
    # Exact: every difference 0: no error, p 1; every difference 1: no error, p 0 by t and 2/4 by flips.
    none = within_person_difference([2, 2, 5, 5], [1, 0, 1, 0], [1, 1, 2, 2], seed=1)
    assert (none.estimate, none.p_value, none.flip_p_value) == (0.0, 1.0, 1.0)
    same = within_person_difference([3, 2, 6, 5], [1, 0, 1, 0], [1, 1, 2, 2], seed=1)
    assert (same.estimate, same.std_error, same.p_value, same.flip_p_value) == (1.0, 0.0, 0.0, 0.5)


def test_sign_flips_beside_all_patterns() -> None:
    # Exact: seven differences, all 128 patterns by a loop.
    rng = np.random.default_rng(8)
    d = rng.integers(-4, 7, 7).astype(float)
    found = within_person_difference(np.r_[d, np.zeros(7)], np.repeat([1, 0], 7), np.tile(np.arange(7), 2), seed=1)
    far = sum(
        abs(sum(s * v for s, v in zip(signs, d, strict=True))) >= abs(d.sum()) - 1e-9 for signs in product((-1, 1), repeat=7)
    )
    assert found.flip_p_value == far / 128


def test_the_limits_hold() -> None:
    # Simulation: 1,500 samples of 12 persons with skewed differences around 0.5; 95 % within 4 Monte-Carlo errors (2.3 points).
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(1500):
        days = rng.integers(2, 9, 12)
        person = np.repeat(np.arange(12), days)
        exposed = rng.random(person.size) < 0.5
        value = np.round(
            4 + rng.normal(0, 1.5, 12)[person] + (0.5 + rng.normal(0, 0.5, 12)[person]) * exposed + rng.normal(0, 1, person.size)
        )
        try:
            found = within_person_difference(value, exposed, person, replicates=1, seed=1)
        except EstimationRefused:
            continue
        covered += found.conf_low <= 0.5 <= found.conf_high
    assert abs(covered / 1500 - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 1500)


def test_what_it_will_not_answer() -> None:
    # Exact: refusals with counts.
    for values, exposed, person, words in (
        ([1, 2], [1, 0], [1, 1], "1 of 1 persons"),
        ([1, 2], [1, 0], [1, 2], "0 of 2 persons"),
        ([1, np.nan], [1, 0], [1, 1], "1 of 2 values are missing"),
        ([1, 2], [1, 2], [1, 1], "1 of 2 rows have `exposed`"),
        ([1, 2], [1], [1, 1], "1 values for 2 rows"),
        ([], [], [], "no rows"),
    ):
        with pytest.raises(EstimationRefused, match=words):
            within_person_difference(values, exposed, person, seed=1)
