"""Recovery on the clock of the onset: everybody enters at the duration at which he was first seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tendon_outcomes.analysis.chronicity import rails
from tendon_outcomes.analysis.chronicity.assemble import Chronicity
from tendon_outcomes.analysis.chronicity.examine import Examined
from tendon_outcomes.analysis.chronicity.places import MILESTONE
from tendon_outcomes.analysis.rails import MIN_AT_RISK
from tendon_outcomes.analysis.strategies.rails_causal import not_estimated
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.interval_censored.incidence import IntervalIncidence
from tendon_outcomes.estimators.interval_censored.npmle import interval_censored_incidence
from tendon_outcomes.estimators.regression.frailty.since_onset import SinceOnset, since_onset
from tendon_outcomes.results import Row, finite

DELAYED_ENTRY = "interval-censored NPMLE with delayed entry"
NO_MASS = 1e-9


def since_onset_curve(examined: Examined) -> Iterator[Row]:
    """Incidence by some weeks since the onset among those who had not recovered by the declared week.

    Everybody is followed through the longest duration asked about at which enough are at risk, and no further: beyond it the last
    one at risk may recover before the next is first seen, and the likeliest curve would have everybody recovered by then.
    """
    if not examined.tells:
        return
    case = examined.case
    try:
        whole = _sample(case, None)
        asked = [weeks for weeks in case.exposure.ask_weeks if weeks > whole.from_week]
        at_risk = {weeks: _at_risk(whole, weeks) for weeks in asked}
        enough = [weeks for weeks in asked if at_risk[weeks] >= MIN_AT_RISK]
        if not enough:
            thin = rails.few_since_onset(case.n, max(at_risk.values(), default=0), MIN_AT_RISK)
            yield thin.refusal(estimator=DELAYED_ENTRY)
            return
        sample = _sample(case, enough[-1])
        fit = interval_censored_incidence(
            sample.left,
            sample.right,
            sample.cause,
            entry=sample.entry,
            cluster=case.patient[sample.kept],
            conf_level=case.estimand.conf_level,
        )
    except EstimationRefused as refused:
        yield not_estimated(refused.summary).refusal(estimator=DELAYED_ENTRY)
        return
    yield from _told(case, sample, fit)


def _sample(case: Chronicity, through_week: float | None) -> SinceOnset:
    return since_onset(
        *case.outcome,
        case.weeks,
        grid=np.asarray(case.data.grid_days, dtype=np.float64),
        from_week=case.exposure.frailty.since_onset_from_week,
        through_week=through_week,
    )


def _at_risk(sample: SinceOnset, weeks: float) -> int:
    return int(np.count_nonzero((sample.entry < weeks) & (sample.time >= weeks)))


def _told(case: Chronicity, sample: SinceOnset, fit: IntervalIncidence) -> Iterator[Row]:
    """The durations of the protocol at which enough were followed; where looks leave one open its bounds."""
    first = float(sample.entry.min())
    asked = [weeks for weeks in case.exposure.ask_weeks if max(first, sample.from_week) < weeks <= fit.last_follow_up]
    for weeks in asked:
        at_risk = _at_risk(sample, weeks)
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
