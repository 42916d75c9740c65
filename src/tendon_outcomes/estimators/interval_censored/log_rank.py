"""The log-rank test when events are only known to lie between two looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.group_tests.outcome import GroupTest
from tendon_outcomes.estimators.group_tests.quadratic_form import group_test
from tendon_outcomes.estimators.interval_censored.npmle import HELD, interval_censored_incidence
from tendon_outcomes.estimators.interval_censored.scores import Scores, row_scores
from tendon_outcomes.estimators.observations import FloatArray, IntArray, are_copies, checked_weights, refuse, summed_by

Method = Literal["permutation-variance", "permutation"]
BLOCK = 2_000_000  # entries of one block of permuted labels
SAME = 1e-9  # a permuted statistic this close to the observed one (relatively) is as large


@dataclass(frozen=True, slots=True, eq=False)
class _Stratum:
    """Rows of one stratum, one for every copy: group number and score, and the observed part of each score."""

    group: IntArray
    score: FloatArray
    observed: FloatArray


def interval_log_rank(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    cause: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    scores: Scores = "log-rank",
    method: Method = "permutation-variance",
    rng: np.random.Generator | None = None,
    replicates: int = 9_999,
) -> GroupTest:
    """Do the hazards of two or more groups differ, when the event is known to lie in (left, right]?

    Estimand
        The hypothesis that the hazard (with `cause`: that of cause 1) is the same in all groups at all times, not a quantity.
    Estimator
        U_g = sum of c_i over the rows of group g; c_i is the mean, over the cells that row i allows, weighted by the masses of
        the NPMLE of all groups of the stratum together, of z_j = W_j 1(cause 1) - sum_{l <= j} W_l h_l, h_l = p_l / S(l-) the
        hazard of cause 1 in the cells in order of their right ends. W = 1: log-rank, for one cause Sun's scores [S(L) log S*(L)
        - S(R) log S*(R)] / [S(L) - S(R)], log S* = -sum h. W = S(l-): "peto", for one cause S(L) + S(R) - 1. "finkelstein": the
        same brackets with log S itself (grouped proportional hazards), one cause only. The statistic is U' V^- U.
    Interval
        None. V_gh = s^2 (n_g 1(g = h) - n_g n_h / n), s^2 = sum_i (c_i - mean)^2 / (n - 1), summed over strata: the variance of
        U when groups are dealt anew at random within strata. "permutation-variance" refers the statistic to chi-square with
        G - 1 degrees of freedom; "permutation" deals `replicates` times: p = (1 + number as large) / (1 + replicates).
    Conventions
        Rows as in interval_censored_incidence; without `cause`, right = inf is censored. Whole-number weights are copies. z is
        positive when the second group (sorted labels) has more events than expected. `observed` is the sum of W over the events,
        `expected` what is left after U. On dated data U is the numerator of the ordinary log-rank test (rho = 1 for "peto").
    Assumes
        Visits and end of follow-up with one distribution in all groups (of a stratum): then groups can be dealt anew. This is
        more than the ordinary log-rank test needs.
    Not for
        Groups seen on different schedules: a difference of schedules is then found. Sampling weights, patients in two groups,
        delayed entry. How large a difference is.
    Parameters
        left, right, group, cause, strata, weight: one value a row. rng: needed by "permutation". replicates: at least 99.
    Returns
        GroupTest; `name` is the label of the p-value.
    References
        Sun (1996) Stat Med 15:1387, eq. 3; Finkelstein (1986) Biometrics 42:845, section 3; Fay (1999) Stat Med 18:273, eqs 3-6
        (one family, permutation variance); Peto & Peto (1972) JRSS A 135:185.
    Checked
        Exact (by hand in fractions; all divisions of six rows), dated data against log_rank and R's survdiff, permutation
        variance against R, simulation of size: tests/estimators/test_interval_log_rank.py, tests/reference,
        tests/slow_reference.
    """
    if method == "permutation" and (rng is None or replicates < 99):
        raise refuse("the permutation test needs `rng` and at least 99 replicates")
    if method not in ("permutation", "permutation-variance"):
        raise refuse("`method` is permutation-variance or permutation")
    ends, code, names, number = _checked(left, right, cause, group)
    copies = checked_weights(weight, number.size)
    if not are_copies(copies):
        raise refuse("weights that are not whole numbers have no permutation variance", way_out="Give numbers of copies.")
    layer = np.zeros(number.size, dtype=np.int64) if strata is None else _numbered("strata", strata, number.size)[1]
    parts = [
        _stratum(*(column[layer == one] for column in (*ends, code, number, copies)), scores=scores)
        for one in np.unique(layer[copies > 0])
    ]
    found = _test(parts, names, _name(scores, len(parts)))
    if method == "permutation-variance":
        return found
    assert rng is not None
    return replace(
        found,
        p_value=_dealt_anew(parts, found, rng, replicates),
        name=f"{found.name}, {replicates:,} permutations",
    )


def _checked(
    left: npt.ArrayLike, right: npt.ArrayLike, cause: npt.ArrayLike | None, group: npt.ArrayLike
) -> tuple[tuple[FloatArray, FloatArray], npt.NDArray[np.generic], tuple[object, ...], IntArray]:
    low, high = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if low.ndim != 1 or low.size == 0 or high.shape != low.shape:
        raise refuse(f"`left` and `right` have {low.size} and {high.size} values; one a row is needed")
    names, number = _numbered("group", group, low.size)
    if len(names) < 2:
        raise refuse("there is one group only", way_out="A test compares two or more.")
    code = np.where(np.isposinf(high), 0, 1) if cause is None else np.asarray(cause)
    if code.shape != low.shape:
        raise refuse(f"`cause` has {code.size} values for {low.size} rows")
    return (low, high), code, names, number


def _numbered(name: str, labels: npt.ArrayLike, n: int) -> tuple[tuple[object, ...], IntArray]:
    array = np.asarray(labels)
    if array.shape != (n,):
        raise refuse(f"`{name}` has {array.size} values for {n} rows")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise refuse(f"{int(np.isnan(array).sum())} of {n} rows have no label in `{name}`")
    try:
        names, number = np.unique(array, return_inverse=True)
    except TypeError:
        raise refuse(f"the labels of `{name}` cannot be sorted: some are missing, or they are of several kinds") from None
    return tuple(names.tolist()), number.astype(np.int64)


def _stratum(
    left: FloatArray, right: FloatArray, cause: IntArray, group: IntArray, copies: FloatArray, *, scores: Scores
) -> _Stratum:
    fit = interval_censored_incidence(left, right, cause, weight=copies)
    mass = np.where(fit.mass > HELD, fit.mass, 0.0)
    of_pattern, event_part = row_scores(mass, fit.support_right, fit.support_cause, fit._rows.mixture, scores)
    pattern, repeats = fit._rows.pattern, fit._rows.weight.astype(np.int64)
    score = np.repeat(of_pattern[pattern], repeats)
    happened = np.repeat(np.where(fit._sample.cause == 1, event_part[pattern], 0.0), repeats)
    return _Stratum(np.repeat(group[fit._rows.kept], repeats), score, happened)


def _test(parts: list[_Stratum], names: tuple[object, ...], name: str) -> GroupTest:
    size = len(names)
    n, observed, total = np.zeros(size), np.zeros(size), np.zeros(size)
    variance, together = np.zeros((size, size)), np.zeros((size, size), dtype=np.bool_)
    for part in parts:
        here = summed_by(part.group, None, size)
        spread = float(np.sum((part.score - part.score.mean()) ** 2)) / max(part.score.size - 1, 1)
        variance += spread * (np.diag(here) - np.outer(here, here) / part.score.size)
        if spread > 1e-20:
            together |= np.outer(here > 0.0, here > 0.0)
        n += here
        observed += summed_by(part.group, part.observed, size)
        total += summed_by(part.group, part.score, size)
    return group_test(
        name=name,
        groups=names,
        n=n,
        observed=observed,
        expected=observed - total,
        variance=variance,
        together=together,
        scores=None,
    )


def _dealt_anew(parts: list[_Stratum], found: GroupTest, rng: np.random.Generator, replicates: int) -> float:
    """Monte Carlo p-value of the same quadratic form with group labels dealt anew within strata."""
    size = len(found.groups)
    rows = max(part.score.size for part in parts)
    inverse = np.linalg.pinv(found.variance, rcond=1e-10, hermitian=True)
    as_large, done = 0, 0
    while done < replicates:
        block = min(replicates - done, max(1, BLOCK // rows))
        totals = np.zeros((block, size))
        for part in parts:
            dealt = rng.permuted(np.broadcast_to(part.score, (block, part.score.size)), axis=1)
            for g in range(size):
                totals[:, g] += dealt[:, part.group == g].sum(axis=1)
        statistic = np.einsum("bg,gh,bh->b", totals, inverse, totals)
        as_large += int(np.count_nonzero(statistic >= found.statistic * (1.0 - SAME)))
        done += block
    return (1 + as_large) / (1 + replicates)


def _name(scores: Scores, strata: int) -> str:
    kind = {"log-rank": "log-rank (Sun's scores)", "peto": "Peto-Peto Wilcoxon", "finkelstein": "log-rank (Finkelstein's scores)"}
    return f"{'stratified ' if strata > 1 else ''}interval-censored {kind[scores]}"
