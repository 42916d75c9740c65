"""Curves, clusters, groups and comparisons beside their definitions in fractions, on small samples full of ties."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from tendon_outcomes.estimators.curves.aalen_johansen import aalen_johansen
from tendon_outcomes.estimators.curves.by_group import incidence_by_group, survival_by_group
from tendon_outcomes.estimators.curves.compare import (
    milestone_difference,
    restricted_mean_difference,
    time_lost_difference,
)
from tendon_outcomes.estimators.curves.kaplan_meier import kaplan_meier
from tendon_outcomes.estimators.curves.restricted_mean import (
    restricted_mean,
    restricted_mean_influence,
    restricted_mean_time_lost,
)
from tests.slow_reference import slow_curves as slow
from tests.slow_reference.check import Check, Deviation, deviations
from tests.slow_reference.slow_curves import Sample

N_CAUSES = 2


def draw(rng: np.random.Generator) -> Sample:
    """2 to 9 rows on few days; sometimes all censored or one event; weights whole, fractional or zero; sometimes entry."""
    n, last = int(rng.integers(2, 10)), int(rng.integers(1, 7))
    late = rng.random() < 0.4
    time = rng.integers(1 if late or rng.random() < 0.8 else 0, last + 1, n)
    time[0] = last  # so that there is a day after 0
    cause = rng.choice([0, 1, 1, 2], n)
    style = rng.integers(0, 6)
    if style == 0:
        cause[:] = 0
    elif style == 1:
        cause[1:] = 0
    entry = np.minimum(rng.integers(0, last, n), time - 1) if late else np.full(n, -1)
    weights = [Fraction(int(k), 4) for k in rng.integers(1, 13, n)] if rng.random() < 0.5 else [Fraction(1)] * n
    if rng.random() < 0.3:
        weights[int(rng.integers(n))] = Fraction(0)
    if rng.random() < 0.3:
        weights = [Fraction(int(np.ceil(w))) for w in weights]
    return Sample(
        time=tuple(time.tolist()),
        cause=tuple(cause.tolist()),
        entry=tuple(entry.tolist()),
        weight=tuple(weights),
        cluster=tuple(rng.integers(0, max(2, n // 2), n).tolist()),
        group=tuple((np.arange(n) % 2).tolist()),
    )


def arrays(sample: Sample, *, weighted: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = {"time": sample.time, "entry": None if max(sample.entry) < 0 else sample.entry}
    return found | {"weight": [float(w) for w in sample.weight]} if weighted else found


def weights_of(sample: Sample) -> list[Fraction]:
    return list(sample.weight)


def had(sample: Sample) -> list[bool]:
    return [c > 0 for c in sample.cause]


def clustered_survival(sample: Sample) -> list[Deviation]:
    """Kaplan-Meier with clusters: estimate, standard error, influence of each row."""
    fit = kaplan_meier(**arrays(sample), event=had(sample), cluster=sample.cluster)
    days, weights, found = sample.days(), weights_of(sample), []
    influence = fit.influence_at(days)
    for j, day in enumerate(days):
        estimate = slow.incidence(sample, weights, 0, Fraction(day))
        found += deviations(f"S({day})", fit.survival[j], estimate)
        if estimate == 0:  # at 0 the standard error is 0 by convention
            found += deviations(f"se({day})", fit.std_error[j], 0.0)
            continue
        slopes = slow.slopes(lambda w, day=day: slow.incidence(sample, w, 0, Fraction(day)), weights)
        found += deviations(f"influence({day})", influence[:, j], slopes)
        found += deviations(
            f"variance({day})", fit.std_error[j] ** 2, slow.clustered_product(slopes, slopes, weights, sample.cluster)
        )
    return found


def clustered_incidence(sample: Sample) -> list[Deviation]:
    """Aalen-Johansen with clusters, both causes; time lost with its standard error."""
    fit = aalen_johansen(**arrays(sample), cause=sample.cause, cluster=sample.cluster, n_causes=N_CAUSES)
    days, weights, found = sample.days(), weights_of(sample), []
    for cause in (1, 2):
        influence = fit.influence_at(cause, days)
        for j, day in enumerate(days):
            found += deviations(
                f"F{cause}({day})", fit.incidence[cause - 1, j], slow.incidence(sample, weights, cause, Fraction(day))
            )
            slopes = slow.slopes(lambda w, c=cause, day=day: slow.incidence(sample, w, c, Fraction(day)), weights)
            found += deviations(f"influence{cause}({day})", influence[:, j], slopes)
            exact = slow.clustered_product(slopes, slopes, weights, sample.cluster)
            found += deviations(f"variance{cause}({day})", fit.std_error[cause - 1, j] ** 2, exact)
        horizon = Fraction(days[-1]) - Fraction(1, 4)
        if horizon < 0:
            continue
        lost = restricted_mean_time_lost(fit, cause, horizon=float(horizon))
        slopes = slow.slopes(lambda w, c=cause, h=horizon: slow.area(sample, w, c, h), weights)
        found += deviations(f"time lost {cause}", lost.estimate, slow.area(sample, weights, cause, horizon))
        exact = slow.clustered_product(slopes, slopes, weights, sample.cluster)
        found += deviations(f"time lost variance {cause}", lost.std_error**2, exact)
    return found


def clustered_mean(sample: Sample) -> list[Deviation]:
    """The restricted mean of a clustered Kaplan-Meier curve."""
    fit = kaplan_meier(**arrays(sample), event=had(sample), cluster=sample.cluster)
    horizon, weights = Fraction(sample.days()[-1]) - Fraction(1, 4), weights_of(sample)
    if horizon < 0:
        return []
    mean = restricted_mean(fit, horizon=float(horizon))
    found = deviations("mean", mean.estimate, slow.area(sample, weights, 0, horizon))
    if any(slow.incidence(sample, weights, 0, Fraction(day)) == 0 for day in sample.days()):
        return found  # where the curve meets 0 the derivative is one-sided and the convention counts
    slopes = slow.slopes(lambda w: slow.area(sample, w, 0, horizon), weights)
    found += deviations("influence", restricted_mean_influence(fit, horizon=float(horizon)), slopes)
    exact = slow.clustered_product(slopes, slopes, weights, sample.cluster)
    return found + deviations("variance", mean.std_error**2, exact)


def plain_survival(sample: Sample) -> list[Deviation]:
    """Greenwood's variance and beta-product limits, rows counted once."""
    once = Sample(sample.time, sample.cause, (-1,) * sample.n, (Fraction(1),) * sample.n, sample.cluster, sample.group)
    fit = kaplan_meier(once.time, had(once), interval="beta-product")
    limits = slow.beta_product(once, 0.95)
    found = []
    for j, day in enumerate(once.days()):
        found += deviations(f"variance({day})", fit.std_error[j] ** 2, slow.greenwood(once, once.weight, day))
        found += deviations(f"low({day})", fit.conf_low[j], min(low for low, _ in limits[: j + 1]))
        found += deviations(f"high({day})", fit.conf_high[j], max(high for _, high in limits[j:]))
    return found


def aalen_kind(sample: Sample) -> list[Deviation]:
    """The counting-process variance, with delayed entry."""
    once = Sample(sample.time, sample.cause, sample.entry, (Fraction(1),) * sample.n, sample.cluster, sample.group)
    fit = aalen_johansen(**arrays(once, weighted=False), cause=once.cause, n_causes=N_CAUSES, variance="aalen")
    found = []
    for cause in (1, 2):
        for j, day in enumerate(once.days()):
            found += deviations(f"{cause}({day})", fit.std_error[cause - 1, j] ** 2, slow.aalen_variance(once, cause, day))
    return found


def part(sample: Sample, group: int) -> Sample:
    """The sample with the weights of the other groups at 0."""
    weights = tuple(w if g == group else Fraction(0) for w, g in zip(sample.weight, sample.group, strict=True))
    return Sample(sample.time, sample.cause, sample.entry, weights, sample.cluster, sample.group)


def comparisons(sample: Sample) -> list[Deviation]:
    """Differences between two groups that share clusters: milestone, restricted mean, time lost."""
    parts = [part(sample, g) for g in (0, 1)]
    if any(not any(one.weight) for one in parts):
        return []
    curves = survival_by_group(**arrays(sample), event=had(sample), group=sample.group, cluster=sample.cluster)
    causes = incidence_by_group(
        **arrays(sample), cause=sample.cause, group=sample.group, cluster=sample.cluster, n_causes=N_CAUSES
    )
    end = min(one.days()[-1] for one in parts)
    # A day on which a curve is at 0 is left out: the derivative is one-sided there.
    clear = [
        d for d in sample.days() if 0 < d <= end and all(slow.incidence(one, one.weight, 0, Fraction(d)) > 0 for one in parts)
    ]
    if not clear:
        return []
    last = clear[-1]
    found = []
    horizon = Fraction(last) - Fraction(1, 4)
    lifted = {"at_least": 0.0, "share": 0.0}
    pairs = (
        (
            lambda s, w: slow.incidence(s, w, 0, Fraction(last)),
            milestone_difference(curves[1], curves[0], day=last, limits="normal"),
        ),
        (
            lambda s, w: slow.incidence(s, w, 1, Fraction(last)),
            milestone_difference(causes[1], causes[0], day=last, cause=1, limits="normal"),
        ),
        (
            lambda s, w: slow.area(s, w, 0, horizon),
            restricted_mean_difference(curves[1], curves[0], horizon=float(horizon), **lifted),
        ),
        (
            lambda s, w: slow.area(s, w, 2, horizon),
            time_lost_difference(causes[1], causes[0], cause=2, horizon=float(horizon), **lifted),
        ),
    )
    for k, (statistic, ours) in enumerate(pairs):
        one, other = (slow.slopes(lambda w, s=s: statistic(s, w), s.weight) for s in parts)  # noqa: B023
        joint = [b - a for a, b in zip(one, other, strict=True)]
        exact = statistic(parts[1], parts[1].weight) - statistic(parts[0], parts[0].weight)
        found += deviations(f"comparison {k}", ours.estimate, exact)
        variance = slow.clustered_product(joint, joint, sample.weight, sample.cluster)
        found += deviations(f"variance of comparison {k}", ours.std_error**2, variance)
    return found


CHECKS: tuple[Check[Sample], ...] = (
    Check("Kaplan-Meier in clusters", draw, clustered_survival, share=0.5),
    Check("Aalen-Johansen in clusters", draw, clustered_incidence, share=0.2),
    Check("restricted mean in clusters", draw, clustered_mean, share=0.5),
    Check("Greenwood and beta-product limits", draw, plain_survival),
    Check("Aalen's variance", draw, aalen_kind),
    Check("comparisons of groups that share patients", draw, comparisons, share=0.2),
)
