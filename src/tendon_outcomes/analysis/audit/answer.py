"""The audit of one claim, step by step, as rows of results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from tendon_outcomes.analysis.audit.charts import charts
from tendon_outcomes.analysis.audit.cohorts import CohortCounts, audit_day, counter
from tendon_outcomes.analysis.audit.definitions import definitions
from tendon_outcomes.analysis.audit.groups import group_incidence
from tendon_outcomes.analysis.audit.looks import Told, cohort_rows, every_look_limits, look_rows, read_looks
from tendon_outcomes.analysis.audit.lost import tipping_point
from tendon_outcomes.analysis.audit.process import process
from tendon_outcomes.analysis.audit.regression_to_mean import benchmarks, gains
from tendon_outcomes.analysis.audit.restatement import restated
from tendon_outcomes.analysis.audit.spread import funnel
from tendon_outcomes.analysis.rails import Rail
from tendon_outcomes.analysis.recovery import Stratum
from tendon_outcomes.analysis.verdict import Limits, Rider, judge, second_reading
from tendon_outcomes.cohort import Cohort, FollowUp
from tendon_outcomes.declarations import Estimand, Protocol
from tendon_outcomes.declarations.audit import Audit
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.results import Row
from tendon_outcomes.snapshots import History
from tendon_outcomes.vocabulary import Verdict

ESTIMATOR = "audit"
_RIDERS = {
    Rider.DEFINITION: "The verdict is not robust to the definition: under another declared one it is another.",
    Rider.IMMATURE: "Of fewer than 10 runners it is certain that 12 weeks have passed: the verdict is an early one.",
    Rider.LOOKS: "This is the verdict of one look chosen beforehand; by the limits that hold at every look it is not decided.",
}


@dataclass(frozen=True)
class Primary:
    """The primary answer that the audit rests on: its strata and the rows made of them."""

    cohort: Cohort
    follow_up: FollowUp
    strata: Sequence[Stratum]
    verdicts: Sequence[Row]
    medians: Sequence[Row]
    if_lost: Sequence[Row]


def audit_rows(primary: Primary, protocol: Protocol, estimand: Estimand, history: History | None) -> Iterator[Row]:
    """Everything of the audit beyond the primary answer; nothing where the protocol declares no audit.

    First what one snapshot tells: the second reading, the definitions, the groups, the lost, the gain and the benchmarks, how
    the clinic worked. Then what takes a history: cohorts, looks, restatement, charts. Last what rides on the verdict.
    """
    audit = estimand.audit
    if audit is None:
        return
    told = read_looks(history, estimand) if history is not None else ()
    yield from second_reading(primary.medians, estimand.decision)
    tried = tuple(definitions(primary.cohort, estimand, audit.definitions, at_weeks=audit_weeks(estimand)))
    yield from tried
    yield from group_incidence(primary.cohort, primary.follow_up, estimand, audit.entry, at_weeks=audit_weeks(estimand))
    yield from tipping_point(primary.strata, primary.verdicts, estimand.decision)
    yield from _single_arm(primary, estimand, audit)
    yield from _process(primary, estimand, audit, told)
    if history is None:
        yield needs_history()
    else:
        yield from _over_time(primary, protocol, estimand, history, told)
    yield from _riders(primary, estimand, tried, told)


def audit_weeks(estimand: Estimand) -> tuple[int, ...]:
    """The weeks up to that of the decision for which the estimand is asked."""
    return tuple(week for week in estimand.at_weeks if 7 * week <= audit_day(estimand))


def needs_history() -> Row:
    says = "Nothing is told of looks, cohorts of a quarter, restatement and charts: one snapshot has no earlier look."
    return Rail("one_snapshot", says, "a snapshot of at least two quarters, and a report with --quarter").refusal(
        estimator=ESTIMATOR, stratum="history"
    )


def _single_arm(primary: Primary, estimand: Estimand, audit: Audit) -> Iterator[Row]:
    level = estimand.conf_level
    if audit.score is not None and audit.entry.reliability is not None:
        yield from gains(primary.cohort, primary.follow_up, audit.score, audit.entry.reliability, conf_level=level)
    yield from benchmarks(audit.entry.benchmark, conf_level=level)


def _process(primary: Primary, estimand: Estimand, audit: Audit, told: Sequence[Told]) -> Iterator[Row]:
    """Of the mature cohorts where quarters are known, else of everybody."""
    people = told[-1].people if told else primary.follow_up.episodes
    mature = people.filter(pl.col("quarter").is_in(list(told[-1].mature))) if told else people
    level = estimand.conf_level
    yield from process(primary.cohort, primary.follow_up, audit, mature=mature.select("episode_id"), conf_level=level)


def _over_time(primary: Primary, protocol: Protocol, estimand: Estimand, history: History, told: Sequence[Told]) -> Iterator[Row]:
    yield from cohort_rows(told, estimand)
    try:
        yield from look_rows(told, estimand)
    except EstimationRefused as refused:
        yield Rail("not_estimated", refused.summary).refusal(estimator=ESTIMATOR, stratum="looks")
    yield from restated(history, protocol, counter(history.entered, estimand=estimand.name))
    yield from charts(told, estimand)
    yield from funnel(primary.cohort, told, estimand)
    if history.first_is_open:
        yield Rail(
            "first_look_open",
            "The cohort of the first look holds every episode that began before it, however long before: it is no quarter's.",
        ).caution(estimator=ESTIMATOR, stratum=history.looks[0].quarter)


def _riders(primary: Primary, estimand: Estimand, tried: Sequence[Row], told: Sequence[Told]) -> Iterator[Row]:
    """The cautions that go with the verdict, but for that of the lost, which goes with the primary answer."""
    if estimand.decision is None:
        return
    words = [Verdict(row.term) for row in tried if row.statistic == "definition_verdict"]
    n_mature = told[-1].total.n if told else None
    for row in primary.verdicts:
        found = judge(
            (row.conf_low, row.conf_high),
            estimand.decision.threshold,
            definitions=words,
            n_mature=n_mature,
            every_look=_last_limits(told, estimand),
        )
        for rider in found.riders:
            yield Rail(rider.value, _RIDERS[rider]).caution(estimator="decision rule", stratum=row.stratum)


def _last_limits(told: Sequence[Told], estimand: Estimand) -> Limits | None:
    looked = [one for one in told if one.total != CohortCounts()]
    if not looked:
        return None
    try:
        return every_look_limits(looked, estimand)[-1]
    except EstimationRefused:
        return None
