"""Cumulative incidence when recovery is only known to lie between two looks, and other causes compete."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import labelled_clusters
from tendon_outcomes.estimators.interval_censored.incidence import IntervalIncidence
from tendon_outcomes.estimators.interval_censored.rows import FittedRows
from tendon_outcomes.estimators.interval_censored.simplex import maximise, refuse_empty_entries
from tendon_outcomes.estimators.interval_censored.support import (
    IntervalSample,
    candidate_cells,
    checked_sample,
    mixture_of,
    off_grid,
)
from tendon_outcomes.estimators.observations import FloatArray, IntArray, are_copies, checked_level, refuse

HELD = 1e-11  # A mass below this is on its way to 0, and its cell is left out of the information.
RANK = 1e-9  # Squared pivot of the scaled information below which the masses are taken for not unique.


def interval_censored_incidence(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    grid: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    tolerance: float = 1e-8,
    robust: bool | None = None,
) -> IntervalIncidence:
    """The nonparametric maximum-likelihood cumulative incidences when cause 1 is interval-censored and causes 2.. are dated.

    Estimand
        F_k(t) = Pr(T <= t, cause k), were the visits and the end of follow-up independent of T and of the cause.
    Estimator
        Masses p on cells, maximising sum_i w_i log(sum of p over the cells that row i allows). Cause 1 in (left, right] allows
        the cause-1 cells inside; a dated competing event its own day; a censored row every cell after `left`, of every cause.
        Cells of cause 1 are the innermost intersections of half-open sets; a tail of no known cause is added when the last
        censoring lies at or after everything else. EM, then a constrained Newton method, to max_j d_j/N - 1 <= tolerance.
        With `entry` each row is given T > entry: sum_i w_i log(P_i / B_i), B_i the mass after entry i (of every cause).
    Interval
        Observed information on the cells with mass under sum p = 1: Cov = H^-1 - H^-1 11' H^-1 / (1' H^-1 1), H_jk = sum_i w_i
        A_ij A_ik / P_i^2 (less sum_i w_i B_ij B_ik / B_i^2 with `entry`); the sandwich C J C with J_jk = sum_i w_i^2 A_ij A_ik /
        P_i^2 when weights are not copies, and with the scores summed within clusters first when `cluster` is given (two sides of
        one patient). Limits are normal on log(-log(1 - F)). At F = 0 they are 0 and the Clopper-Pearson limit in which, of the
        rows still followed on that day, everybody of unknown status had the cause; at F = 1 the limit in which, of all rows,
        nobody of unknown status had it, and 1. Both hold whatever the unknown is (with `entry` the first counts only those
        followed from the start; the rows of one cluster count together as one row). Where the masses are not unique (`singular`)
        and the asked sum with them, and where all rows are one cluster, the standard error is inf and the limits are (0, 1). No
        limit is ever missing. On dated data this is Aalen-Johansen with the delta-method variance (Greenwood for one cause).
    Conventions
        (0, 14] and (14, 28] do not touch. A censored row is free of every cause through `left`. Whole-number weights are copies.
        Rows of weight 0 are left out. Ends within 1.5e-8 (absolutely or relatively) are one time. At risk is entry < T: who
        enters on day e is free of every cause through e, and `left` is raised to e. The curve begins at the first entry: where
        that is later than 0 it is a probability given T > first entry.
    Assumes
        Visits unrelated to the outcome given what was seen before; independent rows, or independent clusters; and for the
        interval, visits on a shared grid with fixed days, so that the number of cells does not grow with n. Pass `grid` to have
        that checked.
        A dated competing event is the row's first event: a recovery unseen since the last look is taken not to have happened.
    Not for
        The interval when visit times are continuous: the NPMLE at a point then converges at the cube-root rate, no normal limit
        applies and the ordinary bootstrap is not consistent; coarsen the visits to a grid first, or use a smooth curve. Few
        followed early on with `entry`: the likelihood then need not be concave and the early masses carry everything after them;
        a curve that reaches 1 before somebody enters is refused. A relapse after recovery. Many thousand distinct competing days
        (the Newton step is cubic in the cells with mass).
    Parameters
        left, right: n days each, 0 <= left < right; right = inf for censored rows. cause: 0 censored at `left`, 1 event in
        (left, right], k >= 2 on day `right` (`left` ignored, taken as right - 1: with such causes times are in days). entry: n
        days from which the rows are followed, 0 <= entry < right. weight: n non-negative numbers. grid: the shared visit days;
        rows with an end off it are refused. cluster: n labels of rows that belong together. conf_level in (0, 1). tolerance:
        optimality residual. robust: overrides what the weights say.
    Returns
        IntervalIncidence; times in the unit of the input (days).
    References
        Turnbull (1976) JRSS B 38:290 (truncation: section 3); Frydman (1994) JRSS B 56:71 (entries as ends); Hudgens, Satten &
        Longini (2001) Biometrics 57:74, section 2 (competing risks); Gentleman & Geyer (1994) Biometrika 81:618 (optimality
        conditions); Wang (2007) JRSS B 69:185 (constrained Newton); Groeneboom & Wellner (1992), ch. 5 (cube-root rate).
    Checked
        Exact (Turnbull's fixture, dated data = Kaplan-Meier and Aalen-Johansen with variances, delayed entry included),
        reference (R survfit interval2 where conventions agree), optimality conditions and a plain EM on random samples,
        simulation (coverage on a grid, gate row interval_coverage): tests/estimators/test_interval_censored.py and
        test_interval_entry.py, tests/slow_reference, tests/reference, tests/properties.
    """
    level = checked_level(conf_level)
    sample = checked_sample(left, right, cause, weight, entry)
    numbers = None if cluster is None else labelled_clusters(cluster, sample.n_given).number[sample.kept]
    if grid is not None and (away := off_grid(sample, grid)):
        raise refuse(f"{away} of {sample.left.size} rows have an end that is not a day of the visit grid")
    by_weight = not are_copies(sample.weight) if robust is None else bool(robust)
    return _fit(sample, numbers, level=level, tolerance=tolerance, robust=by_weight)


def _fit(sample: IntervalSample, cluster: IntArray | None, *, level: float, tolerance: float, robust: bool) -> IntervalIncidence:
    cells = candidate_cells(sample)
    mixture, pattern = mixture_of(sample, cells)
    fit = maximise(mixture, tolerance=tolerance)
    refuse_empty_entries(mixture, fit.mass)
    entered_at, behind = None, None
    if sample.entry is not None:
        entered_at = np.unique(np.searchsorted(cells.right, sample.entry, side="right"), return_inverse=True)[1].astype(np.int64)
        behind = mixture.still_to_come(fit.mass)
    rows = FittedRows(
        mixture=mixture,
        pattern=pattern,
        entered_at=entered_at,
        masses=mixture.row_masses(fit.mass),
        behind=behind,
        held=np.flatnonzero(fit.mass > HELD),
        weight=sample.weight,
        cluster=cluster,
        kept=sample.kept,
        n_given=sample.n_given,
    )
    inverse, no_information = constrained_inverse(rows.information())
    covariance = inverse
    if robust or cluster is not None:
        covariance = inverse @ rows.score_products() @ inverse
    return IntervalIncidence(
        support_left=cells.left,
        support_right=cells.right,
        support_cause=cells.cause,
        mass=fit.mass,
        log_likelihood=fit.log_likelihood,
        kkt_residual=fit.kkt_residual,
        n=sample.left.size,
        conf_level=level,
        robust=robust,
        singular=no_information.shape[1] > 0,
        iterations=len(fit.rises),
        _covariance=covariance,
        _inverse=inverse,
        _no_information=no_information,
        _sample=sample,
        _rows=rows,
    )


def turnbull(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    grid: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    tolerance: float = 1e-8,
    robust: bool | None = None,
) -> IntervalIncidence:
    """Turnbull's estimate: one event, known to lie in (left, right], or after `left` where right is inf.

    Estimand
        F(t) = Pr(T <= t), were the visits independent of T. The curve of interest is `.bounds(1, day)`.
    Estimator
        interval_censored_incidence with cause 1 where `right` is finite and 0 where it is inf.
    Interval
        As there.
    Conventions
        As there; an event seen on day d of a daily record is (d - 1, d].
    Assumes
        As there.
    Not for
        Competing causes as censorings (interval_censored_incidence). The rest as there.
    Parameters
        left, right: n times each, 0 <= left < right <= inf. The rest as there.
    Returns
        IntervalIncidence whose one cause is 1.
    References
        Turnbull (1976) JRSS B 38:290, eqs 3.1-3.4; Peto (1973) Applied Statistics 22:86.
    Checked
        Exact ({2}, {3} five times, (1, 3] five times: S(2) = 5/6), reference (R survfit interval2), properties.
    """
    end = np.asarray(right, dtype=np.float64)
    return interval_censored_incidence(
        left,
        end,
        np.where(np.isposinf(end), 0, 1),
        entry=entry,
        weight=weight,
        cluster=cluster,
        grid=grid,
        conf_level=conf_level,
        tolerance=tolerance,
        robust=robust,
    )


def constrained_inverse(information: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Covariance of masses that sum to 1, and an orthonormal basis of the sum-zero directions that carry no information."""
    size = 1.0 / np.sqrt(np.maximum(np.diagonal(information), 1e-300))
    scaled = information * np.outer(size, size)
    inverse = None
    try:
        if float(np.diagonal(np.linalg.cholesky(scaled)).min()) ** 2 > RANK:
            inverse = np.linalg.inv(scaled) * np.outer(size, size)
    except np.linalg.LinAlgError:
        inverse = None
    if inverse is None:
        return _constrained_generalised_inverse(information)
    reach = inverse.sum(axis=1)
    return inverse - np.outer(reach, reach) / reach.sum(), np.zeros((information.shape[0], 0))


def _constrained_generalised_inverse(information: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Z (Z' H Z)^+ Z' for Z an orthonormal basis of the directions of sum zero, and the part of Z that H maps to 0."""
    k = information.shape[0]
    basis = np.linalg.svd(np.ones((1, k)))[2][1:].T
    value, vector = np.linalg.eigh(basis.T @ information @ basis)
    seen = value > RANK * max(float(value.max(initial=0.0)), 1e-300)
    informed = basis @ vector[:, seen]
    return (informed / value[seen]) @ informed.T, basis @ vector[:, ~seen]
