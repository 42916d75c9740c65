"""Comparisons of curves: by hand, against published intervals, and with patients in both groups."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.contrasts import independent_contrasts, square_and_add
from tendon_outcomes.estimators.curves.aalen_johansen import aalen_johansen
from tendon_outcomes.estimators.curves.by_group import incidence_by_group, survival_by_group
from tendon_outcomes.estimators.curves.compare import (
    milestone_difference,
    milestone_ratio,
    restricted_mean_difference,
    restricted_mean_ratio,
    time_lost_difference,
    time_lost_ratio,
)
from tendon_outcomes.estimators.curves.kaplan_meier import kaplan_meier
from tendon_outcomes.estimators.curves.recurrent import mean_cumulative_count
from tendon_outcomes.estimators.curves.restricted_mean import restricted_mean
from tendon_outcomes.estimators.limits import Pointwise
from tendon_outcomes.estimators.proportions import newcombe, wilson

Z = 1.959963984540054
LIFTED = {"at_least": 0.0, "share": 0.0}


def binomial(events: int, n: int) -> tuple[list[int], list[int]]:
    """`events` events on day 1, the rest followed to day 10."""
    return [1] * events + [10] * (n - events), [1] * events + [0] * (n - events)


def test_with_wilson_limits_it_is_newcombe() -> None:
    # Published: 17/20 against 2/20: 0.75, Newcombe's interval 0.459 to 0.871 (method 10).
    def as_pointwise(x: int, n: int) -> Pointwise:
        limits = wilson(x, n)
        return Pointwise(*(np.array(v) for v in (x / n, sqrt(x * (n - x) / n**3), limits.conf_low, limits.conf_high)))

    ours = square_and_add(as_pointwise(17, 20), as_pointwise(2, 20), scale="difference", conf_level=0.95)
    other = newcombe(17, 20, 2, 20)
    assert (ours.conf_low, ours.conf_high) == (
        pytest.approx(other.conf_low, abs=1e-12),
        pytest.approx(other.conf_high, abs=1e-12),
    )
    assert (round(ours.conf_low, 3), round(ours.conf_high, 3)) == (0.459, 0.871)


def test_a_milestone_by_hand() -> None:
    # Exact: 3/10 and 6/10 had the event on day 1: survival 0.7 and 0.4, binomial variances 0.021 and 0.024.
    one, two = kaplan_meier(*binomial(3, 10)), kaplan_meier(*binomial(6, 10))
    found = milestone_difference(one, two, day=5, limits="normal")
    assert found.estimate == pytest.approx(0.3, abs=1e-14)
    assert found.std_error == pytest.approx(sqrt(0.045), abs=1e-14)
    assert found.conf_low == pytest.approx(0.3 - Z * sqrt(0.045), abs=1e-13)
    ratio = milestone_ratio(one, two, day=5, limits="normal")
    error = sqrt(0.021 / 0.49 + 0.024 / 0.16)
    assert ratio.estimate == pytest.approx(1.75, abs=1e-14)
    assert ratio.conf_high == pytest.approx(exp(log(1.75) + Z * error), abs=1e-12)
    joined = milestone_difference(one, two, day=5)
    (low1, high1), (low2, high2) = ((float(c.at(5).conf_low), float(c.at(5).conf_high)) for c in (one, two))
    assert joined.conf_low == pytest.approx(0.3 - sqrt((0.7 - low1) ** 2 + (high2 - 0.4) ** 2), abs=1e-13)
    assert joined.conf_high == pytest.approx(0.3 + sqrt((high1 - 0.7) ** 2 + (0.4 - low2) ** 2), abs=1e-13)


def test_nobody_with_the_event_is_not_certainty() -> None:
    # Exact: 0 of 10 has standard error 0, so a normal interval would carry the other group's alone.
    one, two = kaplan_meier(*binomial(0, 10)), kaplan_meier(*binomial(6, 10))
    normal, joined = (milestone_difference(one, two, day=5, limits=kind) for kind in ("normal", "square-and-add"))
    assert normal.std_error == joined.std_error
    assert joined.conf_low < normal.conf_low
    assert joined.conf_low == pytest.approx(0.6 - sqrt((1 - 0.025**0.1) ** 2 + (two.at(5).conf_high - 0.4) ** 2), abs=1e-12)
    assert milestone_ratio(two, one, day=5).conf_high > float(two.at(5).conf_high)


def test_both_sides_of_the_same_patients_by_hand() -> None:
    # Exact: 10 patients with the same outcome on both sides: the difference is 0 with variance 0; with opposite outcomes in
    # 5 and 5 the correlation is -1 and the variance (0.5 + 0.5)^2/10 = 0.1; forgetting the pairs it would be 0.05.
    time, event = binomial(5, 10)
    patient, side = list(range(10)) * 2, [0] * 10 + [1] * 10
    same = survival_by_group(time * 2, event * 2, side, cluster=patient)
    assert milestone_difference(same[1], same[0], day=5).std_error == pytest.approx(0.0, abs=1e-12)
    assert milestone_difference(same[1], same[0], day=5).conf_low == pytest.approx(-abs_gap(same), abs=1e-9)
    opposite = survival_by_group(time + time[::-1], event + event[::-1], side, cluster=patient)
    assert milestone_difference(opposite[1], opposite[0], day=5).std_error ** 2 == pytest.approx(0.1, abs=1e-14)
    apart = survival_by_group(time + time[::-1], event + event[::-1], side, cluster=list(range(20)))
    assert milestone_difference(apart[1], apart[0], day=5).std_error ** 2 == pytest.approx(0.05, abs=1e-14)


def abs_gap(curves: object) -> float:
    """With correlation 1 the joined distance is |(p - l) - (u - p)|: the asymmetry of the curve's own limits."""
    at = curves[0].at(5)  # type: ignore[index]
    return abs(float((at.estimate - at.conf_low) - (at.conf_high - at.estimate)))


def test_fits_made_apart_find_their_shared_patients_by_label() -> None:
    # Exact: the same numbers as from one call, though each fit numbers its patients for itself.
    rng = np.random.default_rng(3)
    time, cause, side = rng.integers(1, 9, 60), rng.integers(0, 3, 60), rng.integers(0, 2, 60)
    patient = np.array([f"p{k}" for k in rng.integers(0, 35, 60)])
    together = incidence_by_group(time, cause, side, cluster=patient)
    apart = [aalen_johansen(time[side == g], cause[side == g], cluster=patient[side == g], n_causes=2) for g in (0, 1)]
    for contrast in (
        lambda a, b: milestone_difference(a, b, day=5, cause=1),
        lambda a, b: milestone_ratio(a, b, day=5, cause=2),
        lambda a, b: time_lost_difference(a, b, cause=1, horizon=6, **LIFTED),
        lambda a, b: time_lost_ratio(a, b, cause=2, horizon=6, **LIFTED),
    ):
        one, two = contrast(together[1], together[0]), contrast(apart[1], apart[0])
        assert (one.estimate, one.std_error) == (pytest.approx(two.estimate), pytest.approx(two.std_error, abs=1e-14))


def test_restricted_means_without_censoring_are_means() -> None:
    # Exact: mean and population variance over n of min(T, 4), for 1, 2, 5, 6 and for 1, 1, 3, 9.
    one, two = kaplan_meier([1, 2, 5, 6], [1] * 4), kaplan_meier([1, 1, 3, 9], [1] * 4)
    short, other = np.array([1, 2, 4, 4]), np.array([1, 1, 3, 4])
    found = restricted_mean_difference(one, two, horizon=4, **LIFTED)
    assert found.estimate == pytest.approx(short.mean() - other.mean(), abs=1e-14)
    assert found.std_error**2 == pytest.approx(short.var() / 4 + other.var() / 4, abs=1e-14)
    ratio = restricted_mean_ratio(one, two, horizon=4, **LIFTED)
    assert ratio.estimate == pytest.approx(short.mean() / other.mean(), abs=1e-14)
    expected = short.var() / 4 / short.mean() ** 2 + other.var() / 4 / other.mean() ** 2
    assert ratio.std_error**2 == pytest.approx(expected, abs=1e-14)


def test_swapping_the_groups_negates() -> None:
    # Exact: antisymmetry of difference and ratio, limits included.
    one, two = kaplan_meier(*binomial(3, 10)), kaplan_meier(*binomial(6, 11))
    ahead, back = milestone_difference(one, two, day=4), milestone_difference(two, one, day=4)
    assert (ahead.estimate, ahead.conf_low) == (pytest.approx(-back.estimate), pytest.approx(-back.conf_high))
    over, under = milestone_ratio(one, two, day=4), milestone_ratio(two, one, day=4)
    assert (over.estimate, over.conf_low) == (pytest.approx(1 / under.estimate), pytest.approx(1 / under.conf_high))


def test_the_rule_for_horizons() -> None:
    # Exact: 12 a group, one leaves a day: 10 at risk until day 3; a tenth of 12 at risk until day 11.
    one = kaplan_meier(np.arange(1, 13), [1, 0] * 6)
    assert restricted_mean_difference(one, one, horizon=3).estimate == 0.0
    with pytest.raises(EstimationRefused, match="allows is 3"):
        restricted_mean_difference(one, one, horizon=3.5)
    assert restricted_mean_difference(one, one, horizon=11, at_least=0).estimate == 0.0
    with pytest.raises(EstimationRefused, match="beyond the last follow-up"):
        restricted_mean_difference(one, one, horizon=12.5, **LIFTED)
    ended = kaplan_meier([1, 2, 3], [1, 1, 1])
    assert restricted_mean_difference(ended, ended, horizon=9).estimate == 0.0  # at 0: known for ever


def test_refuses_what_cannot_be_compared() -> None:
    # Exact: one breach each.
    time, event = binomial(5, 10)
    plain, wide = kaplan_meier(time, event), kaplan_meier(time, event, conf_level=0.9)
    fit, paired = aalen_johansen(time, event), kaplan_meier(time, event, cluster=list(range(10)))
    text = kaplan_meier(time, event, cluster=[str(i) for i in range(10)])
    for call, says in (
        (lambda: milestone_difference(plain, wide, day=3), "confidence levels"),
        (lambda: milestone_difference(plain, fit, day=3), "one kind"),
        (lambda: milestone_difference(plain, paired, day=3), "one of the two curves has clusters"),
        (lambda: milestone_difference(text, paired, day=3), "different kinds"),
        (lambda: milestone_difference(plain, plain, day=11), "beyond the last follow-up"),
        (lambda: milestone_difference(fit, fit, day=3), "needs `cause`"),
        (lambda: milestone_difference(plain, plain, day=3, cause=1), "has none"),
        (lambda: milestone_difference(plain, plain, day=3, limits="exact"), "square-and-add or normal"),
        (lambda: milestone_ratio(fit, fit, day=0.5, cause=1), "above 0"),
        (lambda: time_lost_difference(fit, fit, cause=3, horizon=5, **LIFTED), "cause 3"),
    ):
        with pytest.raises(EstimationRefused, match=says):
            call()


def test_independent_contrasts_of_anything_with_limits() -> None:
    # Exact: day by day what square_and_add and the plain normal formula give; the same as the contrast of two curves.
    fits = [kaplan_meier(*binomial(events, n), interval="log-log") for events, n in ((17, 20), (5, 20))]
    one, other = (fit.at([0.5, 5.0]) for fit in fits)
    found = independent_contrasts(one, other)
    assert len(found) == 2
    assert found[1] == square_and_add(
        *(Pointwise(*(v[1] for v in part)) for part in (one, other)), scale="difference", conf_level=0.95
    )
    normal = independent_contrasts(one, other, limits="normal")[1]
    assert normal.conf_high - normal.estimate == pytest.approx(Z * sqrt(0.15 * 0.85 / 20 + 0.25 * 0.75 / 20), abs=1e-12)
    means = [restricted_mean(fit, horizon=10.0) for fit in fits]
    (mean,) = independent_contrasts(*means, limits="normal")
    assert mean.estimate == pytest.approx(means[0].estimate - means[1].estimate)
    counts = [mean_cumulative_count([1, 1, 2, 3], [0, 4, 0, 0], [4, 9, 9, 9], [e, 1, 0, 1]) for e in (0, 1)]
    (ratio,) = independent_contrasts(counts[1].at([9.0]), counts[0].at([9.0]), scale="ratio")
    assert ratio.estimate == pytest.approx(3 / 2)
    with pytest.raises(EstimationRefused, match="2 values are compared with 1"):
        independent_contrasts(one, other._replace(**{k: v[:1] for k, v in other._asdict().items()}))
    with pytest.raises(EstimationRefused, match="square-and-add or normal"):
        independent_contrasts(one, other, limits="wald")  # type: ignore[arg-type]
