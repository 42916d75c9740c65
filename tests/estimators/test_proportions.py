"""Proportions: published intervals and defining equations."""

from __future__ import annotations

from math import comb

import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import clopper_pearson, newcombe, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"), [(51, 66, 0.658, 0.857), (80, 90, 0.807, 0.939), (220, 254, 0.819, 0.903)]
)
def test_wilson_published(successes: int, n: int, low: float, high: float) -> None:
    # Published counts (LEAP, two PHT series), intervals recomputed in the project's domain notes, section 4b.
    fit = wilson(successes, n)
    assert (fit.conf_low, fit.conf_high) == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))


def test_wilson_newcombe_1998_table_1() -> None:
    # Published: Newcombe (1998) Stat Med 17:857, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    for (x, n), (low, high) in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        fit = wilson(x, n)
        assert (fit.conf_low, fit.conf_high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(
    ("one", "two", "difference", "low", "high"),
    [((17, 20), (2, 20), 0.75, 0.459, 0.871), ((51, 66), (20, 68), 0.479, 0.315, 0.606)],
)
def test_newcombe_published(one: tuple[int, int], two: tuple[int, int], difference: float, low: float, high: float) -> None:
    # Published counts (Cacchio 2011; LEAP), intervals in the project's domain notes, section 4b.
    fit = newcombe(*one, *two)
    assert fit.estimate == pytest.approx(difference, abs=5e-4)
    assert (fit.conf_low, fit.conf_high) == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))


def test_newcombe_1998_table_2() -> None:
    # Published: Newcombe (1998) Stat Med 17:873, table II, method 10: 56/70 - 48/80 and 9/10 - 3/10; 10/10 - 0/10.
    for (a, m, b, n), (low, high) in {
        (56, 70, 48, 80): (0.0524, 0.3339),
        (9, 10, 3, 10): (0.1705, 0.8090),
        (10, 10, 0, 10): (0.6075, 1.0),
    }.items():
        fit = newcombe(a, m, b, n)
        assert (fit.conf_low, fit.conf_high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(("x", "n"), [(0, 7), (1, 7), (3, 7), (7, 7), (1, 1), (13, 40)])
def test_clopper_pearson_solves_its_equation(x: int, n: int) -> None:
    # Exact: binomial tails at the limits are 2.5 %.
    fit = clopper_pearson(x, n)

    def tail(values: range, p: float) -> float:
        return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in values)

    if x < n:
        assert tail(range(x + 1), fit.conf_high) == pytest.approx(0.025, abs=1e-12)
    if x > 0:
        assert tail(range(x, n + 1), fit.conf_low) == pytest.approx(0.025, abs=1e-12)
    assert (fit.conf_low == 0.0) == (x == 0)
    assert (fit.conf_high == 1.0) == (x == n)


def test_agrees_with_statsmodels() -> None:
    # Reference, second opinion: statsmodels wilson, beta (Clopper-Pearson) and newcomb.
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for x, n in [(3, 11), (0, 9), (9, 9), (240, 1000)]:
        ours, theirs = wilson(x, n, conf_level=0.9), proportion.proportion_confint(x, n, 0.1, method="wilson")
        assert (ours.conf_low, ours.conf_high) == (pytest.approx(theirs[0], abs=1e-12), pytest.approx(theirs[1], abs=1e-12))
        exact, beta = clopper_pearson(x, n), proportion.proportion_confint(x, n, 0.05, method="beta")
        assert (exact.conf_low, exact.conf_high) == (pytest.approx(beta[0], abs=1e-10), pytest.approx(beta[1], abs=1e-10))
    low, high = proportion.confint_proportions_2indep(17, 20, 2, 20, method="newcomb", compare="diff")
    ours = newcombe(17, 20, 2, 20)
    assert (ours.conf_low, ours.conf_high) == (pytest.approx(low, abs=1e-12), pytest.approx(high, abs=1e-12))


@pytest.mark.parametrize(("x", "n"), [(1, 0), (-1, 5), (6, 5), (float("nan"), 5)])
def test_refuses_impossible_counts(x: float, n: float) -> None:
    # Exact.
    with pytest.raises(EstimationRefused):
        wilson(x, n)


def test_exact_limits_need_whole_numbers() -> None:
    # Exact.
    with pytest.raises(EstimationRefused, match="whole"):
        clopper_pearson(1.5, 5)  # type: ignore[arg-type]
