"""The declared decision rule of a claim: supported, refuted or inconclusive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tendon_outcomes.analysis.rails import not_robust_to_loss
from tendon_outcomes.declarations import DecisionRule
from tendon_outcomes.results import Row
from tendon_outcomes.vocabulary import Verdict


def decide(conf_low: float | None, conf_high: float | None, threshold: float) -> Verdict:
    """Supported when the whole interval lies above the threshold, refuted when it lies below, else inconclusive.

    A limit that equals the threshold decides nothing. Without an interval the claim is not answered.
    Source: the rule of claim H1, domain.md §1e.
    """
    if conf_low is None or conf_high is None:
        return Verdict.NOT_ANSWERED
    if conf_low > threshold:
        return Verdict.SUPPORTED
    if conf_high < threshold:
        return Verdict.REFUTED
    return Verdict.INCONCLUSIVE


def verdict(incidence: Iterable[Row], rule: DecisionRule | None) -> Iterator[Row]:
    """One verdict row a stratum, resting on the milestone row of the rule's week; none where no rule was declared."""
    if rule is None:
        return
    rows = tuple(incidence)
    strata = dict.fromkeys(row.stratum for row in rows)
    for stratum in strata:
        at_week = [row for row in rows if row.stratum == stratum and row.term == "milestone" and row.day == 7 * rule.at_week]
        low, high = (at_week[0].conf_low, at_week[0].conf_high) if at_week else (None, None)
        yield Row(
            estimator="decision rule",
            statistic="verdict",
            stratum=stratum,
            term=decide(low, high, rule.threshold).value,
            day=7 * rule.at_week,
            estimate=at_week[0].estimate if at_week else None,
            conf_low=low,
            conf_high=high,
            n_at_risk=at_week[0].n_at_risk if at_week else None,
            n_events=at_week[0].n_events if at_week else None,
            warning=f"supported if the lower limit is above {rule.threshold:.2f}, refuted if the upper limit is below it",
        )


def robustness(verdicts: Iterable[Row], bounds: Iterable[Row], rule: DecisionRule | None) -> Iterator[Row]:
    """The caution that a verdict would be another one in one of the two extremes about those lost to follow-up."""
    if rule is None:
        return
    extremes = [row for row in bounds if row.day == 7 * rule.at_week]
    for row in verdicts:
        others = {decide(one.conf_low, one.conf_high, rule.threshold) for one in extremes if one.stratum == row.stratum}
        if row.term in (Verdict.SUPPORTED, Verdict.REFUTED) and others - {Verdict(row.term)}:
            yield not_robust_to_loss().caution(estimator="decision rule", stratum=row.stratum)
