"""Limits of an incidence by the likelihood ratio: the values that the data do not contradict by more than a critical amount."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.interval_censored.simplex import RangeMixture, SimplexFit, maximise
from tendon_outcomes.estimators.interval_censored.support import IntervalSample, candidate_cells, mixture_of
from tendon_outcomes.estimators.observations import TIE_TOLERANCE, FloatArray, refuse

TOLERANCE = 1e-9  # optimality residual of every point of the profile
CLOSE = 1e-9  # the root of the likelihood ratio is met to this share of a standard error
NARROW = 1e-12  # a bracket of the log of the tilt that is narrower than this share of it is a point
FURTHEST = 16.0  # log of the largest tilt: what is possible at all has happened by then
STEPS = 60


def profile_limits(sample: IntervalSample, cause: int, day: float, *, critical: float, first_step: float) -> tuple[float, float]:
    """The lowest and the highest incidence of `cause` at `day` whose 2 (l_max - l) is at most `critical`.

    `first_step` is a guess of the log of the tilt at the limits.
    """
    cells = candidate_cells(sample, split=(cause, day))
    mixture, _ = mixture_of(sample, cells)
    best = maximise(mixture, tolerance=TOLERANCE)
    by_then = (cells.cause == cause) & (cells.right <= day + TIE_TOLERANCE * max(1.0, abs(day)))
    low = _lowest(mixture, best, by_then.astype(np.float64), critical=critical, first_step=first_step)
    high = 1.0 - _lowest(mixture, best, 1.0 - by_then, critical=critical, first_step=first_step)
    return low, high


def _lowest(mixture: RangeMixture, best: SimplexFit, chosen: FloatArray, *, critical: float, first_step: float) -> float:
    """The smallest mass of the chosen cells that the likelihood ratio allows.

    Their price is raised by a factor e^u until the square root of the likelihood ratio, nearly a line in u, meets that of the
    critical value: secant steps inside a bracket (the Illinois rule).
    """
    goal = sqrt(critical)
    mass, share = best.mass, float(np.dot(chosen, best.mass))
    if share <= 0.0:
        return 0.0
    left, below, right, above = 0.0, -goal, np.inf, np.inf
    step, side = min(max(first_step, 1e-3), FURTHEST / 2.0), 0
    for _ in range(STEPS):
        fit = maximise(mixture, tolerance=TOLERANCE, start=mass, tilt=1.0 + (exp(step) - 1.0) * chosen)
        mass, share = fit.mass, float(np.dot(chosen, fit.mass))
        height = sqrt(max(2.0 * (best.log_likelihood - fit.log_likelihood), 0.0)) - goal
        if abs(height) <= CLOSE or right - left <= NARROW * step:
            return share
        if height < 0.0:
            if share <= 0.0 or step >= FURTHEST:
                return 0.0
            above = above / 2.0 if side < 0 else above
            left, below, side = step, height, -1
        else:
            below = below / 2.0 if side > 0 else below
            right, above, side = step, height, 1
        step = left - below * (right - left) / (above - below) if np.isfinite(right) else min(2.0 * left, FURTHEST)
    raise NotConverged(
        "the profile likelihood was not followed to its limit", way_out="Ask for the limits of `lower` and `upper`."
    )


def refuse_without_information(std_error: float) -> None:
    """Refuses a likelihood ratio with sampling weights or clusters where their variance is not known."""
    if not np.isfinite(std_error):
        raise refuse(
            "the weights or clusters need a variance that these data do not determine on this day",
            way_out="Ask for the limits of `lower` and `upper`.",
        )
