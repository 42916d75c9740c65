"""From observed minus expected and its covariance to a chi-square statistic, with the degrees of freedom that the data have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.group_tests.outcome import GroupTest
from tendon_outcomes.estimators.observations import FloatArray, IntArray, one_dimensional, refuse
from tendon_outcomes.estimators.special_functions import chi_square_p


def compared_groups(together: npt.NDArray[np.bool_]) -> IntArray:
    """Number of the connected set that each group belongs to, given which pairs meet in a risk set (G, G).

    Groups that never meet, directly or through others, are not compared: the degrees of freedom are G less the number of sets.
    """
    n_groups = together.shape[0]
    reach = together | np.eye(n_groups, dtype=np.bool_)
    for _ in range(max(1, n_groups.bit_length())):
        reach = (reach.astype(np.float64) @ reach.astype(np.float64)) > 0.0
    return np.asarray(np.argmax(reach, axis=1), dtype=np.int64)


def checked_scores(scores: Sequence[float] | npt.ArrayLike | None, n_groups: int) -> FloatArray | None:
    """One finite number a group, not all the same."""
    if scores is None:
        return None
    array = one_dimensional("scores", scores)
    if array.size != n_groups:
        raise refuse(f"`scores` has {array.size} values for {n_groups} groups")
    if not np.isfinite(array).all() or np.ptp(array) == 0.0:
        raise refuse("`scores` must be finite and not all the same")
    return array


def group_test(
    *,
    name: str,
    groups: tuple[object, ...],
    n: FloatArray,
    observed: FloatArray,
    expected: FloatArray,
    variance: FloatArray,
    together: npt.NDArray[np.bool_],
    scores: FloatArray | None,
) -> GroupTest:
    """The test with all groups, or, given `scores`, the one with the single linear combination of them."""
    difference, member = observed - expected, compared_groups(together)
    leaders = np.unique(member)
    df = len(groups) - leaders.size
    if df == 0:
        raise refuse("no two groups are at risk together on a day that could tell them apart")
    z = None
    if scores is not None:
        centred = scores - float(scores.mean())  # changes nothing but rounding: differences add up to 0
        spread = float(centred @ variance @ centred)
        if spread <= 1e-12 * float(np.sum(centred**2 * np.diag(variance))):
            raise refuse("the trend has no variance: the groups that meet have the same score")
        df, z = 1, float(centred @ difference) / spread**0.5
        statistic = z * z
    else:
        kept = np.setdiff1d(np.arange(len(groups)), leaders)
        statistic = _quadratic_form(difference[kept], variance[np.ix_(kept, kept)])
        if len(groups) == 2:
            z = float(difference[1] / variance[1, 1] ** 0.5)
    return GroupTest(
        name=name,
        statistic=statistic,
        df=df,
        p_value=chi_square_p(statistic, df),
        groups=groups,
        n=n,
        observed=observed,
        expected=expected,
        variance=variance,
        z=z,
    )


def _quadratic_form(difference: FloatArray, variance: FloatArray) -> float:
    """d' V^-1 d; refuses a variance that is not of full rank."""
    spread = np.sqrt(np.maximum(np.diag(variance), 0.0))
    if (spread > 0.0).all():
        scaled = variance / np.outer(spread, spread)
        if float(np.linalg.eigvalsh(scaled)[0]) > 1e-10:
            standard = difference / spread
            return float(standard @ np.linalg.solve(scaled, standard))
    raise refuse(
        "the variance of observed minus expected has fewer directions than the test has degrees of freedom",
        way_out="Too few rows, or clusters, have events for this many groups; merge groups.",
    )
