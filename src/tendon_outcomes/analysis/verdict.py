"""The declared decision rule of a claim: supported, refuted or inconclusive, what rides on it, and its second reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tendon_outcomes.analysis.rails import MIN_EPISODES, not_robust_to_loss
from tendon_outcomes.declarations import DecisionRule
from tendon_outcomes.results import Row
from tendon_outcomes.vocabulary import Verdict

DECIDED = (Verdict.SUPPORTED, Verdict.REFUTED)
Limits = tuple[float | None, float | None]


class Rider(StrEnum):
    """What has to be said with a verdict, by the code of the caution that says it."""

    LOSS = "not_robust_to_loss"
    DEFINITION = "not_robust_to_definition"
    IMMATURE = "not_mature"
    LOOKS = "not_at_every_look"


class Timing(StrEnum):
    """Where the middle runner's time lies beside the claimed weeks."""

    WITHIN = "within"
    EARLIER = "earlier"
    LATER = "later"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and its riders, in the order in which they are said."""

    verdict: Verdict
    riders: tuple[Rider, ...] = ()


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


def judge(
    limits: Limits,
    threshold: float,
    *,
    if_lost: Sequence[Limits] = (),
    definitions: Sequence[Verdict] = (),
    n_mature: int | None = None,
    every_look: Limits | None = None,
) -> Judgement:
    """The verdict with everything that rides on it.

    1. The verdict is that of the interval alone (`decide`). Riders never change it; an unanswered claim has none.
    2. Not robust to loss: decided, and in one of the extremes about those lost it would be another one.
    3. Not robust to definition: decided, and another definition that can be answered says something else.
    4. Not mature: of fewer than 10 runners it is certain that they have come to the week that is asked about.
    5. Not at every look: decided, and the limits that hold however often one looks do not decide the same.

    None for ``n_mature`` or ``every_look``: nothing is known of earlier looks, and nothing is said of them.
    """
    found = decide(*limits, threshold)
    if found is Verdict.NOT_ANSWERED:
        return Judgement(found)
    decided = found in DECIDED
    others = {one for one in definitions if one is not Verdict.NOT_ANSWERED}
    says = {
        Rider.LOSS: decided and any(decide(*one, threshold) is not found for one in if_lost),
        Rider.DEFINITION: decided and bool(others - {found}),
        Rider.IMMATURE: n_mature is not None and n_mature < MIN_EPISODES,
        Rider.LOOKS: decided and every_look is not None and decide(*every_look, threshold) is not found,
    }
    return Judgement(found, tuple(rider for rider, holds in says.items() if holds))


def timing(conf_low: float | None, conf_high: float | None, weeks: tuple[int, int]) -> Timing:
    """Whether the median lies within the weeks, both included: judged by its limits in days, of which either may be unknown.

    Within when both limits are; earlier when the upper one comes before them, later when the lower one comes after. A limit on
    the edge of the weeks is within them. Else the records leave it open.
    """
    first, last = 7 * weeks[0], 7 * weeks[1]
    if conf_low is not None and conf_high is not None and first <= conf_low and conf_high <= last:
        return Timing.WITHIN
    if conf_high is not None and conf_high < first:
        return Timing.EARLIER
    if conf_low is not None and conf_low > last:
        return Timing.LATER
    return Timing.UNDETERMINED


def standing(decided: Iterable[Verdict]) -> Iterator[Verdict]:
    """The verdicts of looks one after another: once supported or refuted it stands until a look decides the contrary."""
    now = Verdict.NOT_ANSWERED
    for one in decided:
        if one in DECIDED or now not in DECIDED:
            now = one
        yield now


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


def second_reading(medians: Iterable[Row], rule: DecisionRule | None) -> Iterator[Row]:
    """The other reading of "within": where the middle runner's time lies. One row for each median, none where none is asked."""
    if rule is None or rule.median_within_weeks is None:
        return
    first, last = rule.median_within_weeks
    for row in medians:
        yield Row(
            estimator="decision rule",
            statistic="median_verdict",
            stratum=row.stratum,
            term=timing(row.conf_low, row.conf_high, rule.median_within_weeks).value,
            estimate=row.estimate,
            bound_low=row.bound_low,
            bound_high=row.bound_high,
            conf_low=row.conf_low,
            conf_high=row.conf_high,
            n_at_risk=row.n_at_risk,
            n_events=row.n_events,
            warning=f"within if both limits of the median lie in weeks {first} to {last}",
        )


def robustness(verdicts: Iterable[Row], bounds: Iterable[Row], rule: DecisionRule | None) -> Iterator[Row]:
    """The caution that a verdict would be another one in one of the two extremes about those lost to follow-up."""
    if rule is None:
        return
    extremes = [row for row in bounds if row.day == 7 * rule.at_week]
    for row in verdicts:
        limits = [(one.conf_low, one.conf_high) for one in extremes if one.stratum == row.stratum]
        if Rider.LOSS in judge((row.conf_low, row.conf_high), rule.threshold, if_lost=limits).riders:
            yield not_robust_to_loss().caution(estimator="decision rule", stratum=row.stratum)
