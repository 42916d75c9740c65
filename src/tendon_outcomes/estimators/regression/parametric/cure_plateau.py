"""Whether follow-up was long enough to tell never from later: of those who will have the event, how many had it by its end."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import FloatArray, refuse
from tendon_outcomes.estimators.regression.parametric.cure_likelihood import CureLikelihood
from tendon_outcomes.estimators.regression.parametric.interval_rows import IntervalRows
from tendon_outcomes.estimators.regression.parametric.newton import Maximum
from tendon_outcomes.estimators.regression.parametric.time_likelihood import event_terms

PLATEAU = 0.80  # Of those who will have the event, the share that must have had it by the end of the plateau.
FOLLOWED = 0.1  # The plateau ends where fewer than this share of those without the event are still followed.
CERTAIN = 0.60  # The lower limit of that share: a fit that overstates the never also overstates the share.
ROUNDING = 1e-14  # A share this close to 1 is 1.


def refuse_short_follow_up(seen: float, enough: float, rows: IntervalRows, perhaps: str) -> None:
    if not seen >= enough:
        raise refuse(
            f"by the fit {perhaps}{100 * seen:.0f} % of those who will have the event have had it by day {_plateau_end(rows):g}, "
            "to which a tenth of the others were followed: the fraction that never has it is not identified "
            f"(it takes {100 * enough:.0f} %)",
            way_out="Follow longer, or report the incidence within follow-up (accelerated_failure_time, spline_incidence).",
        )


def share_seen(likelihood: CureLikelihood, top: Maximum, rows: IntervalRows) -> tuple[float, float]:
    """Mean over the rows of F(end of the plateau | x), and its lower 95 % limit (one-sided, normal on the logit)."""
    p, q = likelihood.time.x.shape[1], likelihood.q
    x, strata = likelihood.time.x, likelihood.time.scale_columns
    m, v = x @ top.at[q : q + p], strata @ top.at[q + p :]
    end = np.full(rows.n, _plateau_end(rows))
    terms = event_terms(likelihood.time.law, np.zeros(rows.n), end, m, v)
    risen: FloatArray = np.exp(terms.value)
    share = float(np.average(risen, weights=rows.weight))
    moved = np.concatenate((x * (risen * terms.m)[:, None], strata * (risen * terms.v)[:, None]), axis=1)
    slope = np.average(moved, axis=0, weights=rows.weight)
    with np.errstate(invalid="ignore", over="ignore"):
        error = float(np.sqrt(slope @ top.covariance[q:, q:] @ slope))
    if share >= 1.0 - ROUNDING:
        return share, share
    odds = share / (1.0 - share) * float(np.exp(-two_sided_z(0.90) * error / (share * (1.0 - share))))
    return share, odds / (1.0 + odds)


def _plateau_end(rows: IntervalRows) -> float:
    """The day to which a tenth of the rows without the event were followed at least: one long row shows no plateau."""
    never = np.isposinf(rows.right)
    order = np.argsort(-rows.left[never], kind="stable")
    reached = np.cumsum(rows.weight[never][order])
    return float(rows.left[never][order][np.searchsorted(reached, FOLLOWED * reached[-1])])
