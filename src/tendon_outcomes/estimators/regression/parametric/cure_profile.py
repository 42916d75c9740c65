"""Profile-likelihood limits of the fraction that never has the event."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.proportions import Proportion
from tendon_outcomes.estimators.regression.parametric.cure_likelihood import CureLikelihood
from tendon_outcomes.estimators.regression.parametric.newton import Maximum, climb
from tendon_outcomes.estimators.special_functions import chi_square_quantile

FARTHEST = 30.0  # A logit this large is a fraction of 0 or 1.


def profile_limits(likelihood: CureLikelihood, top: Maximum, without: float, conf_level: float) -> Proportion:
    """The fraction with the values that the likelihood ratio does not reject; `without` is the maximum at a fraction of 0."""
    allowed = top.value - 0.5 * chi_square_quantile(conf_level, 1)
    logit = float(top.at[0])
    step = 0.5 * float(np.sqrt(top.covariance[0, 0]))
    # The larger the logit of ever, the smaller the fraction that never has the event.
    low = 0.0 if without >= allowed else _never(_crossing(likelihood, top.at, logit, step, allowed))
    high = _never(_crossing(likelihood, top.at, logit, -step, allowed))
    return Proportion(estimate=_never(logit), conf_low=low, conf_high=high, conf_level=conf_level)


def _crossing(likelihood: CureLikelihood, at: FloatArray, logit: float, step: float, allowed: float) -> float:
    """The logit away from the maximum, in the direction of `step`, at which the profile falls to `allowed`."""
    profile = _profile(likelihood, at[1:])
    inside, outside, above, below = logit, logit + step, 0.0, 0.0
    while (below := profile(outside) - allowed) >= 0.0:
        inside, outside, above, step = outside, outside + step, below, 1.5 * step
        if abs(outside) > FARTHEST:
            return float(np.copysign(np.inf, step))
    above = above if inside != logit else profile(logit) - allowed
    return _root(lambda x: profile(x) - allowed, inside, above, outside, below)


def _root(f: Callable[[float], float], a: float, fa: float, b: float, fb: float) -> float:
    """Where f is 0 between a and b (f(a) >= 0 > f(b)), by false position with halved weights (the Illinois rule)."""
    for _ in range(100):
        x = (a * fb - b * fa) / (fb - fa)
        fx = f(x)
        if abs(fx) <= 1e-12 or abs(b - a) <= 1e-12 * max(1.0, abs(x)):
            return x
        if fx < 0.0:
            b, fb, fa = x, fx, fa / 2.0
        else:
            a, fa, fb = x, fx, fb / 2.0
    return 0.5 * (a + b)


def _profile(likelihood: CureLikelihood, start: FloatArray) -> Callable[[float], float]:
    """The highest log-likelihood for a fixed logit; each climb starts where the last one ended."""
    last = start

    def at(logit: float) -> float:
        nonlocal last
        fixed = CureLikelihood(z=likelihood.z, time=likelihood.time, offset=logit)
        found: Maximum | None = None
        for begin in (last, start):
            try:
                found = climb(fixed.evaluate, begin, what="the profile of the fraction")
                break
            except NotConverged:
                continue
        if found is None:
            raise NotConverged("the profile likelihood of the fraction that never has the event did not converge")
        last = found.at
        return found.value

    return at


def _never(logit: float) -> float:
    return float(1.0 / (1.0 + np.exp(logit))) if np.isfinite(logit) else float(logit < 0.0)
