"""How many would do: the number with which a difference worth knowing would be seen with a declared power."""

from __future__ import annotations

from math import ceil, isfinite, sqrt

from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import checked_level, refuse


def share_sample_size(threshold: float, *, worth: float, power: float, conf_level: float = 0.95, below: bool = False) -> int:
    """Trials with which a share `worth` away from a threshold would be told from it.

    Estimand
        The least n whose two-sided score test of pi = threshold rejects with probability `power` at pi = threshold +- worth.
    Estimator
        n = ((z_a sqrt(p0 q0) + z_b sqrt(p1 q1)) / worth)^2, rounded up; z_a of conf_level, z_b of power.
    Interval
        None: it is a plan, not an estimate.
    Conventions
        The alternative lies above the threshold, or `below` it. No continuity correction.
    Assumes
        Independent trials; the normal approximation to the binomial.
    Not for
        Shares of which some are unknown: their number comes on top. Power from an observed effect.
    Parameters
        threshold, worth: in (0, 1), the alternative in [0, 1]. power in (0.5, 1). conf_level in (0, 1).
    Returns
        A whole number.
    References
        Fleiss, Levin & Paik (2003) Statistical Methods for Rates and Proportions, 3rd ed., section 2.4.
    Checked
        Exact by hand, and against the power of the exact binomial: tests/estimators/test_sample_size.py.
    """
    other = threshold - worth if below else threshold + worth
    if not (0.0 < threshold < 1.0 and worth > 0.0 and -1e-12 <= other <= 1.0 + 1e-12):
        raise refuse("a threshold and a share `worth` away from it must lie between 0 and 1")
    other = min(max(other, 0.0), 1.0)
    z_level, z_power = _quantiles(conf_level, power)
    root = z_level * sqrt(threshold * (1.0 - threshold)) + z_power * sqrt(other * (1.0 - other))
    return ceil((root / worth) ** 2 - 1e-9)


def difference_sample_size(
    *,
    worth: float,
    power: float,
    conf_level: float = 0.95,
    share_in_second: float = 0.5,
    shares: tuple[float, float] = (0.5, 0.5),
) -> int:
    """Trials in two groups together with which a difference of two shares would be told from none.

    Estimand
        The least n = n1 + n2 whose two-sided test of no difference rejects with probability `power` at a difference of `worth`.
    Estimator
        n = ((z_a + z_b) / worth)^2 (p1 q1 / (1 - r) + p2 q2 / r), rounded up; r the share in the second group.
    Interval
        None: it is a plan, not an estimate.
    Conventions
        The variances are those of `shares`, by default the largest there are. For a margin, `worth` is the margin.
    Assumes
        Independent trials; the normal approximation.
    Not for
        Adjusted or weighted differences: scale the standard error of one (`rescaled_sample_size`).
    Parameters
        worth > 0. power in (0.5, 1). share_in_second in (0, 1). shares: of the two groups.
    Returns
        A whole number.
    References
        Fleiss, Levin & Paik (2003) Statistical Methods for Rates and Proportions, 3rd ed., section 4.2 (without correction).
    Checked
        Exact by hand: tests/estimators/test_sample_size.py.
    """
    if not (0.0 < share_in_second < 1.0 and worth > 0.0 and all(0.0 <= share <= 1.0 for share in shares)):
        raise refuse("`share_in_second` and `shares` lie between 0 and 1, and `worth` above 0")
    z_level, z_power = _quantiles(conf_level, power)
    spread = shares[0] * (1.0 - shares[0]) / (1.0 - share_in_second) + shares[1] * (1.0 - shares[1]) / share_in_second
    return ceil(((z_level + z_power) / worth) ** 2 * spread - 1e-9)


def rescaled_sample_size(n: int, std_error: float, *, worth: float, power: float, conf_level: float = 0.95) -> int:
    """How many like these would give an estimate precise enough to see a difference of `worth`.

    Estimand
        The least n at which an estimate whose standard error falls with the root of n is told from a value `worth` away.
    Estimator
        n ((z_a + z_b) std_error / worth)^2, rounded up.
    Interval
        None: it is a plan, not an estimate.
    Conventions
        Any estimator, on the scale of its standard error. At least 1.
    Assumes
        More runners like these: the same follow-up, groups and spread. A normal estimate.
    Not for
        Reading a p-value again as power: `worth` is declared and not the difference that was seen.
    Parameters
        n: rows behind the standard error. std_error > 0. worth > 0. power in (0.5, 1). conf_level in (0, 1).
    Returns
        A whole number.
    References
        Cochran (1977) Sampling Techniques, 3rd ed., section 4.6; Hoenig & Heisey (2001) Am Stat 55:19 (why not observed power).
    Checked
        Exact: equals `difference_sample_size` for the standard error of two shares: tests/estimators/test_sample_size.py.
    """
    if not (n > 0 and isfinite(std_error) and std_error > 0.0 and worth > 0.0):
        raise refuse("a plan needs rows, a standard error and a difference above 0")
    z_level, z_power = _quantiles(conf_level, power)
    return max(ceil(n * ((z_level + z_power) * std_error / worth) ** 2 - 1e-9), 1)


def _quantiles(conf_level: float, power: float) -> tuple[float, float]:
    level = checked_level(conf_level)
    if not 0.5 < power < 1.0:
        raise refuse("`power` must lie between 0.5 and 1, for instance 0.8")
    return two_sided_z(level), two_sided_z(2.0 * power - 1.0)
