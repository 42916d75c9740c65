"""Curves over an exposure, and two treatments along one, beside their slow versions."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
from scipy import stats

from tendon_outcomes.estimators.causal.exposure.effect_by_exposure import effect_by_exposure
from tendon_outcomes.estimators.causal.exposure.exposure_curve import exposure_curve
from tests.slow_reference.check import REFUSALS, Check, Deviation, deviations
from tests.slow_reference.slow_exposure import Model, Runners, logit_limits, variance

CLOSE = 1e-7


def draw(rng: np.random.Generator, *, arms: int = 1) -> Runners:
    """A few dozen rows, some of them second sides; tied exposures; no covariate or one; straight, or bent at three knots."""
    n = int(rng.integers(24, 36)) * arms
    patient = np.unique(np.sort(rng.integers(0, n, n)), return_inverse=True)[1] if rng.random() < 0.5 else np.arange(n)
    a = np.round(rng.normal(4.0, 1.5, n), 1)
    x = rng.integers(0, 4, (n, int(rng.integers(0, 2)))).astype(float)
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(0.5 * (a - 4.0)))).astype(float) if rng.random() < 0.7 else rng.random(n).round(2)
    arm = np.arange(n) % arms
    inside = [np.quantile(a[arm == one], (0.0, 1.0)) for one in range(arms)]
    low, high = max(one[0] for one in inside), min(one[1] for one in inside)
    knots = np.unique(np.quantile(a, (0.1, 0.5, 0.9))).tolist() if rng.random() < 0.6 else []
    at = (low + (high - low) * rng.random(3)).tolist()
    linear = arms == 1 and rng.random() < 0.3
    return Runners(y.tolist(), a.tolist(), x.tolist(), patient.tolist(), knots, at, bool(linear), arm.tolist())


def asked(sample: Runners) -> dict[str, object]:
    """What both estimators are given."""
    x = np.array(sample.x).reshape(sample.n, -1)
    return {
        "covariates": x if x.shape[1] else None,
        "at": sample.at,
        "knots": sample.knots or 0,
        "cluster": sample.patient,
        "seed": 1,
    }


def compare_curve(sample: Runners) -> list[Deviation]:
    """Means, their errors and limits, and differences from the first place."""
    try:
        link = "linear" if sample.linear else "logit"
        found = exposure_curve(sample.y, sample.a, reference=sample.at[0], link=link, **asked(sample))  # type: ignore[arg-type]
    except REFUSALS:
        return []
    model = Model(sample, list(range(sample.n)))
    slow = [model.at(place, sample.x) for place in sample.at]
    size = [sample.patient.count(one) for one in set(sample.patient)]
    df = max(sum(size) ** 2 / sum(s * s for s in size) - len(model.beta), 1.0)
    reach = float(stats.t.ppf(0.975, df))
    wrong = deviations("df", found.df, df)
    for g, (mean, moved) in enumerate(slow):
        if not all(1e-6 < one < 1 - 1e-6 for one in (mean, slow[0][0])):  # a line that leaves the range of shares is cut off
            continue
        error = sqrt(variance(moved, sample.patient))
        low, high = logit_limits(mean, error, reach)
        apart = [u - v for u, v in zip(moved, slow[0][1], strict=True)]
        wrong += deviations(f"mean {g}", found.estimate[0, g], mean, CLOSE)
        wrong += deviations(f"error {g}", found.std_error[0, g], error, CLOSE)
        wrong += deviations(f"limits {g}", [found.conf_low[0, g], found.conf_high[0, g]], [low, high], CLOSE)
        wrong += deviations(f"difference {g}", found.difference.estimate[0, g], mean - slow[0][0], CLOSE)
        wrong += deviations(f"its error {g}", found.difference.std_error[0, g], sqrt(variance(apart, sample.patient)), CLOSE)
    return wrong


def compare_effect(sample: Runners) -> list[Deviation]:
    """Of both treatments means, their difference and their ratio, standardised over all rows."""
    try:
        found = effect_by_exposure(sample.y, sample.arm, sample.a, **asked(sample))  # type: ignore[arg-type]
    except REFUSALS:
        return []
    rows = [[i for i in range(sample.n) if sample.arm[i] == arm] for arm in (0, 1)]
    models = [Model(sample, own) for own in rows]
    reach = float(stats.t.ppf(0.975, found.df))
    wrong: list[Deviation] = []
    for g, place in enumerate(sample.at):
        (zero, moved_zero), (one, moved_one) = (model.at(place, sample.x) for model in models)
        if min(zero, one) < 1e-6:
            continue
        apart = [v - u for u, v in zip(moved_zero, moved_one, strict=True)]
        relative = [v / one - u / zero for u, v in zip(moved_zero, moved_one, strict=True)]
        error = sqrt(variance(relative, sample.patient))
        limits = [exp(log(one / zero) + sign * reach * error) for sign in (-1, 1)]
        wrong += deviations(f"means {g}", found.mean[:, 0, g], [zero, one], CLOSE)
        wrong += deviations(f"difference {g}", found.difference.estimate[0, g], one - zero, CLOSE)
        wrong += deviations(f"its error {g}", found.difference.std_error[0, g], sqrt(variance(apart, sample.patient)), CLOSE)
        wrong += deviations(f"ratio {g}", found.ratio.estimate[0, g], one / zero, CLOSE)
        wrong += deviations(f"its limits {g}", [found.ratio.conf_low[0, g], found.ratio.conf_high[0, g]], limits, CLOSE)
    return wrong


CHECKS: tuple[Check, ...] = (
    Check("curve over an exposure: means, errors, limits", draw, compare_curve, share=0.2),
    Check("two treatments along an exposure", lambda rng: draw(rng, arms=2), compare_effect, share=0.1),
)
