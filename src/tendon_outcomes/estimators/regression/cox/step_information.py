"""The information matrix of the partial likelihood, also with a factor for each step."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, refuse
from tendon_outcomes.estimators.regression.cox.hazard_steps import HazardSteps

# A covariate whose variance within risk sets is below this share of its mean square varies by rounding only.
FLAT = 1e-11


def information_of(steps: HazardSteps, factor: FloatArray | None = None) -> FloatArray:
    """Sum over the steps of `factor` (K,) (1 by default) times the covariance of the covariates in the risk set.

    The sum over steps is taken inside the sum over rows: X' diag(a) X, a the weighted score times the hazard borne, minus
    products of the steps' sums. It costs one product of n by p by p, whatever the number of steps.
    """
    of_step = np.ones(steps.day.size) if factor is None else factor
    s1, s1_events = steps.s1, steps.s1_events
    borne = steps.weighted_score * borne_hazard(steps, of_step)
    square, square_once, square_twice = (of_step * steps.mean_weight * row for row in steps.sums[2:])
    cross = (s1 * square_once[:, None]).T @ s1_events
    total = steps.x.T @ (borne[:, None] * steps.x) - (s1 * square[:, None]).T @ s1 + cross + cross.T
    total -= (s1_events * square_twice[:, None]).T @ s1_events
    symmetric: FloatArray = (total + total.T) / 2.0
    return symmetric


def borne_hazard(steps: HazardSteps, factor: FloatArray | None = None) -> FloatArray:
    """(n,) cumulative hazard of a score of 1 over each row's time at risk, each step times `factor`."""
    of_step = np.ones(steps.day.size) if factor is None else factor
    borne = steps.passed(of_step * steps.hazard)
    at = steps.own >= 0
    borne[at] -= (of_step * steps.spared)[steps.own[at]]
    return borne


def covariance_of(steps: HazardSteps, names: tuple[str, ...]) -> FloatArray:
    """Inverse of the information; refuses by name a covariate that does not vary inside any risk set."""
    information = information_of(steps)
    spread = np.diagonal(information)
    size = np.einsum("ij,ij,i->j", steps.x, steps.x, steps.weighted_score * borne_hazard(steps))
    flat = [name for name, own, whole in zip(names, spread, size, strict=True) if own <= FLAT * max(whole, 1e-300)]
    if flat:
        raise refuse(f"covariate {', '.join(flat)}: does not vary among those at risk at any event")
    scale = 1.0 / np.sqrt(spread)
    scaled = information * scale[:, None] * scale
    if float(np.linalg.eigvalsh(scaled)[0]) <= FLAT:
        raise refuse("the information matrix is singular: the covariates say the same at every event")
    inverse: FloatArray = np.linalg.inv(scaled) * scale[:, None] * scale
    return np.asarray((inverse + inverse.T) / 2.0, dtype=np.float64)
