"""Proportions and their difference, with score and exact limits."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, lgamma, log, sqrt

from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import checked_level, refuse


@dataclass(frozen=True, slots=True)
class Proportion:
    """A proportion, or a difference of two, with its limits."""

    estimate: float
    conf_low: float
    conf_high: float
    conf_level: float


def wilson(successes: float, n: float, *, conf_level: float = 0.95) -> Proportion:
    """A binomial proportion with Wilson's score interval.

    Estimand
        pi = Pr(success).
    Estimator
        p = x / n.
    Interval
        The pi not rejected by the score test: (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).
    Conventions
        No continuity correction; at x = 0 the lower limit is 0 and at x = n the upper is 1, exactly.
    Assumes
        n independent trials of one probability; everybody's outcome is known.
    Not for
        Censored or clustered outcomes (use a curve at that day, or a bootstrap by patient).
    Parameters
        successes: x, 0 <= x <= n. n: number of trials > 0. conf_level in (0, 1).
    Returns
        Proportion.
    References
        Wilson (1927) JASA 22:209; Newcombe (1998) Stat Med 17:857, method 3.
    Checked
        Published and exact: tests/estimators/test_proportions.py; reference: R prop.test(correct=FALSE).
    """
    _check_counts(successes, n)
    z = two_sided_z(checked_level(conf_level))
    p = successes / n
    centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n)
    reach = z * sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n)) / (1.0 + z * z / n)
    low = 0.0 if successes == 0 else max(0.0, centre - reach)
    high = 1.0 if successes == n else min(1.0, centre + reach)
    return Proportion(estimate=p, conf_low=low, conf_high=high, conf_level=conf_level)


def newcombe(successes_1: float, n_1: float, successes_2: float, n_2: float, *, conf_level: float = 0.95) -> Proportion:
    """The difference of two independent proportions with Newcombe's hybrid score interval.

    Estimand
        pi_1 - pi_2.
    Estimator
        p_1 - p_2.
    Interval
        With Wilson's limits (l, u) of each: low = d - sqrt((p_1 - l_1)^2 + (u_2 - p_2)^2), high = d + sqrt((u_1 - p_1)^2 +
        (p_2 - l_2)^2).
    Conventions
        No continuity correction; the limits lie in [-1, 1] by construction.
    Assumes
        Two independent groups of independent trials; everybody's outcome is known.
    Not for
        Paired sides of one patient; adjusted or weighted comparisons; causal statements by itself.
    Parameters
        successes_1, n_1, successes_2, n_2: counts. conf_level in (0, 1).
    Returns
        Proportion on the difference scale.
    References
        Newcombe (1998) Stat Med 17:873, method 10.
    Checked
        Published examples: tests/estimators/test_proportions.py.
    """
    one, two = wilson(successes_1, n_1, conf_level=conf_level), wilson(successes_2, n_2, conf_level=conf_level)
    difference = one.estimate - two.estimate
    low = difference - sqrt((one.estimate - one.conf_low) ** 2 + (two.conf_high - two.estimate) ** 2)
    high = difference + sqrt((one.conf_high - one.estimate) ** 2 + (two.estimate - two.conf_low) ** 2)
    return Proportion(estimate=difference, conf_low=low, conf_high=high, conf_level=conf_level)


def clopper_pearson(successes: int, n: int, *, conf_level: float = 0.95) -> Proportion:
    """A binomial proportion with the exact (Clopper-Pearson) interval.

    Estimand
        pi = Pr(success).
    Estimator
        p = x / n.
    Interval
        low solves Pr(X >= x | low) = alpha/2, high solves Pr(X <= x | high) = alpha/2, by bisection on the binomial sums.
    Conventions
        x = 0: (0, 1 - (alpha/2)^(1/n)); x = n: ((alpha/2)^(1/n), 1).
    Assumes
        n independent trials of one probability.
    Not for
        Censored or clustered outcomes. It is conservative; wilson is closer to its nominal level.
    Parameters
        successes: x, a whole number. n: number of trials. conf_level in (0, 1).
    Returns
        Proportion.
    References
        Clopper & Pearson (1934) Biometrika 26:404.
    Checked
        Exact (defining equation), reference: R binom.test.
    """
    _check_counts(successes, n)
    if successes != int(successes) or n != int(n):
        raise refuse("exact limits need whole numbers of successes and trials")
    half = (1.0 - checked_level(conf_level)) / 2.0
    x, size = int(successes), int(n)
    low = 0.0 if x == 0 else 1.0 - _upper_limit(size - x, size, half)
    high = 1.0 if x == size else _upper_limit(x, size, half)
    return Proportion(estimate=x / size, conf_low=low, conf_high=high, conf_level=conf_level)


def _upper_limit(x: int, n: int, half: float) -> float:
    """The p with Pr(X <= x | n, p) = half, for x < n."""
    choose = [lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) for i in range(x + 1)]
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if _lower_tail(choose, n, middle) > half:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _lower_tail(log_choose: list[float], n: int, p: float) -> float:
    success, failure = log(p), log(1.0 - p)
    return sum(exp(c + i * success + (n - i) * failure) for i, c in enumerate(log_choose))


def _check_counts(successes: float, n: float) -> None:
    if not (isfinite(n) and n > 0 and 0 <= successes <= n):
        raise refuse("a proportion needs 0 <= successes <= n and a finite n > 0")
