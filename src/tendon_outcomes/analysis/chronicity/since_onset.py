"""Recovery on the clock of the onset: everybody enters at the duration at which he was first seen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from tendon_outcomes.analysis.chronicity.assemble import Chronicity
from tendon_outcomes.analysis.chronicity.examine import Examined
from tendon_outcomes.analysis.chronicity.places import MILESTONE
from tendon_outcomes.analysis.rails import MIN_AT_RISK
from tendon_outcomes.analysis.strategies.rails_causal import not_estimated
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.interval_censored.incidence import IntervalIncidence
from tendon_outcomes.estimators.interval_censored.npmle import interval_censored_incidence
from tendon_outcomes.estimators.observations import refuse
from tendon_outcomes.estimators.regression.frailty.since_onset import SinceOnset, since_onset
from tendon_outcomes.results import Row, finite

DELAYED_ENTRY = "interval-censored NPMLE with delayed entry"
NO_MASS = 1e-9


def since_onset_curve(examined: Examined) -> Iterator[Row]:
    """Incidence by some weeks since the onset among those who had not recovered by the declared week.

    Who was first seen beyond the end of the curve over durations is left out: nobody was under observation up to then, and the
    likeliest curve would have everybody else recovered before the first of them comes. It ends where fewer than 10 are followed:
    where the last one recovers before another enters, no curve leads on.
    """
    if not examined.tells:
        return
    case = examined.case
    seen = case.weeks <= examined.where.high
    left, right, cause = (one[seen] for one in case.outcome)
    try:
        counted = partial(
            since_onset,
            left,
            right,
            cause,
            case.weeks[seen],
            grid=np.asarray(case.data.grid_days, dtype=np.float64),
            from_week=case.exposure.frailty.since_onset_from_week,
        )
        sample = counted(through_week=_followed_through(counted()))
        fit = interval_censored_incidence(
            sample.left,
            sample.right,
            sample.cause,
            entry=sample.entry,
            cluster=case.patient[seen][sample.kept],
            conf_level=case.estimand.conf_level,
        )
    except EstimationRefused as refused:
        yield not_estimated(refused.summary).refusal(estimator=DELAYED_ENTRY)
        return
    yield from _told(case, sample, fit)


def _followed_through(sample: SinceOnset) -> float:
    """The last of the first weeks on end in which at least 10 are followed."""
    weeks = np.arange(sample.from_week + 1.0, float(sample.time.max()) + 1.0)
    enough = ((sample.entry < weeks[:, None]) & (sample.time >= weeks[:, None])).sum(axis=1) >= MIN_AT_RISK
    first = int(np.argmax(enough))
    many = enough[first:]
    last = first + int(np.argmin(many)) - 1 if not many.all() else weeks.size - 1
    if not enough.any():
        raise refuse(f"in no week since onset are {MIN_AT_RISK} runners followed", way_out="Report counts.")
    return float(weeks[last])


def _told(case: Chronicity, sample: SinceOnset, fit: IntervalIncidence) -> Iterator[Row]:
    """The durations of the protocol at which enough were followed; where looks leave one open its bounds."""
    first = float(sample.entry.min())
    asked = [weeks for weeks in case.exposure.ask_weeks if max(first, sample.from_week) < weeks <= fit.last_follow_up]
    for weeks in asked:
        at_risk = int(np.count_nonzero((sample.entry < weeks) & (sample.time >= weeks)))
        if at_risk < MIN_AT_RISK:
            continue
        low, high = fit.lower(1, weeks), fit.upper(1, weeks)
        least, most = float(low.estimate), float(high.estimate)
        known = most - least <= NO_MASS
        yield Row(
            estimator=DELAYED_ENTRY,
            statistic="since_onset_incidence",
            term=MILESTONE,
            stratum=f"still in pain {sample.from_week:g} weeks after onset",
            at=weeks,
            estimate=least if known else None,
            bound_low=None if known else least,
            bound_high=None if known else most,
            std_error=finite(float(low.std_error)) if known else None,
            conf_low=finite(float(low.conf_low)),
            conf_high=finite(float(high.conf_high)),
            n_at_risk=at_risk,
            n_events=int(np.count_nonzero(sample.event & (sample.right <= weeks))),
        )
