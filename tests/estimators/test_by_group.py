"""One curve a group: the same as fits of the groups alone, from one pass."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.curves.aalen_johansen import aalen_johansen
from tendon_outcomes.estimators.curves.by_group import incidence_by_group, survival_by_group
from tendon_outcomes.estimators.curves.kaplan_meier import kaplan_meier

FIELDS = ("time", "n_at_risk", "n_events", "n_censored", "std_error", "conf_low", "conf_high", "n")
TIME = np.array([1, 2, 2, 3, 5, 5, 5, 8, 9, 4])
CAUSE = np.array([1, 2, 0, 1, 0, 1, 1, 0, 1, 2])
GROUP = np.array([0, 1, 0, 1, 2, 0, 1, 0, 2, 2])


@pytest.mark.parametrize("weight", [None, np.array([1, 2, 1, 1, 3, 1, 1, 2, 1, 1]), np.linspace(0.5, 2.3, 10)])
@pytest.mark.parametrize("entry", [None, np.array([0, 0, 1, 2, 0, 0, 4, 1, 0, 3])])
@pytest.mark.parametrize("divisor", [1.0, 7.0])
def test_equals_fits_of_the_groups_alone(weight: np.ndarray | None, entry: np.ndarray | None, divisor: float) -> None:
    # Exact: strata are separate fits, whichever way the rows are counted.
    late = None if entry is None else entry / divisor
    curves = survival_by_group(TIME / divisor, CAUSE > 0, GROUP, weight=weight, entry=late)
    causes = incidence_by_group(TIME / divisor, CAUSE, GROUP, weight=weight, entry=late)
    for g in (0, 1, 2):
        rows = g == GROUP
        how = {
            "weight": None if weight is None else weight[rows],
            "entry": None if late is None else late[rows],
            "robust": curves[g].robust,
        }
        alone = kaplan_meier(TIME[rows] / divisor, CAUSE[rows] > 0, **how)
        fit = aalen_johansen(TIME[rows] / divisor, CAUSE[rows], n_causes=2, **how)
        for field in FIELDS:
            np.testing.assert_allclose(getattr(curves[g], field), getattr(alone, field), rtol=0, atol=1e-14)
            np.testing.assert_allclose(getattr(causes[g], field), getattr(fit, field), rtol=0, atol=1e-14)
        influence = curves[g].influence_at([2 / divisor])
        assert influence.shape == (10, 1)
        np.testing.assert_allclose(influence[rows], alone.influence_at([2 / divisor]), rtol=0, atol=1e-14)
        assert not influence[~rows].any()


def test_labels_are_sorted_and_of_any_one_kind() -> None:
    # Exact: a mapping in sorted order of text, numbers or booleans.
    for labels, order in (
        (np.array(["loading", "both"])[GROUP % 2], ("both", "loading")),
        (GROUP % 2 * 10 - 5, (-5, 5)),
        (GROUP % 2 == 0, (False, True)),
        ((GROUP % 2) / 2, (0.0, 0.5)),
        (GROUP % 2 * 10_000_000, (0, 10_000_000)),
    ):
        curves = survival_by_group(TIME, CAUSE > 0, labels)
        assert tuple(curves) == order == curves.labels
        assert len(curves) == 2
        assert sum(curve.n for curve in curves.values()) == 10
        assert order[0] in curves
        assert "nobody" not in curves


def test_the_weight_kind_is_decided_once() -> None:
    # Exact: one fractional weight anywhere makes every group's variance robust.
    weight = np.ones(10)
    weight[0] = 0.5
    curves = survival_by_group(TIME, CAUSE > 0, GROUP, weight=weight)
    assert all(curve.robust for curve in curves.values())


def test_the_largest_comparable_horizon() -> None:
    # Exact: 12 and 20 rows, one leaving a day: 10 at risk until day 3 in the first, day 11 in the second; a tenth is less.
    time = np.concatenate([np.arange(1, 13), np.arange(1, 21)])
    curves = survival_by_group(time, np.ones(32), np.repeat([0, 1], [12, 20]))
    assert curves.largest_horizon() == 3.0
    assert curves.largest_horizon(at_least=0, share=0.5) == 7.0
    assert curves.largest_horizon(at_least=13) == 0.0


@pytest.mark.parametrize(
    ("group", "how", "says"),
    [
        ([0, 1], {}, "`group` has 2 values for 10 rows"),
        (np.zeros((5, 2)), {}, "dimensions"),
        ([np.nan] + [1.0] * 9, {}, "1 of 10 rows have no `group`"),
        (np.array(["a", None] * 5, dtype=object), {}, "5 of 10 rows have no `group`"),
        (GROUP, {"weight": (GROUP > 0) * 1.0}, "1 of 3 groups have no row"),
        (GROUP, {"cluster": [1]}, "`cluster` has 1"),
        ([], {}, "no rows"),
    ],
)
def test_refuses_groups_that_are_none(group: object, how: dict[str, object], says: str) -> None:
    # Exact: one breach each.
    with pytest.raises(EstimationRefused, match=says):
        survival_by_group(TIME, CAUSE > 0, group, **how)  # type: ignore[arg-type]


def test_refuses_an_unknown_label() -> None:
    # Exact.
    with pytest.raises(EstimationRefused, match="no group 7"):
        survival_by_group(TIME, CAUSE > 0, GROUP)[7]


def test_fits_by_group_answer_as_a_dict_does() -> None:
    # Exact.
    from tendon_outcomes.estimators import interval_incidence_by_group

    curves = survival_by_group([1, 2, 3, 4], [1, 1, 0, 1], ["a", "a", "b", "b"])
    fits = interval_incidence_by_group([0.0] * 4, [1.0, 2.0, 1.0, 2.0], [1] * 4, ["a", "a", "b", "b"])
    for grouped in (curves, fits):
        assert "a" in grouped
        assert "c" not in grouped
        assert grouped.get("c") is None
        with pytest.raises(EstimationRefused, match=r"no group 'c'.*\n.*Groups: a, b"):
            grouped["c"]
