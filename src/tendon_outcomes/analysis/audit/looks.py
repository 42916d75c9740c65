"""Each quarter's look at the cohorts that were mature by then, and the running share with limits that hold at every look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis.audit.cohorts import AUDIT_WEEK, CohortCounts, audit_day, counted, is_mature, known_states, one_each
from tendon_outcomes.analysis.rails import Rail
from tendon_outcomes.analysis.verdict import decide, standing
from tendon_outcomes.declarations import Estimand
from tendon_outcomes.estimators.monitoring.confidence_sequence import confidence_sequence
from tendon_outcomes.estimators.proportions import clopper_pearson
from tendon_outcomes.results import Row
from tendon_outcomes.snapshots import History, Look

AS_REPORTED, AS_KNOWN_NOW = "as reported", "as known now"
EVERY_LOOK = "confidence sequence"
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Told:
    """What one look knew. `people`: episode_id, patient_id, left, right, code, state, the columns that risks are adjusted for,
    and quarter, one row for each patient who is asked about.

    `mature` counts the cohorts that were mature on that day, `immature` tells how many were in the others.
    """

    look: Look
    people: pl.DataFrame = field(repr=False)
    mature: Mapping[str, CohortCounts]
    immature: Mapping[str, int]

    @property
    def total(self) -> CohortCounts:
        """All mature cohorts together."""
        return sum(self.mature.values(), CohortCounts())


def read_looks(history: History, estimand: Estimand) -> tuple[Told, ...]:
    """Every look of the history with its own records, under the estimand as it is declared today."""
    return tuple(_read(look, history.entered, estimand) for look in history.looks)


def _read(look: Look, entered: pl.DataFrame, estimand: Estimand) -> Told:
    weeks = estimand.audit.entry.mature_after_weeks if estimand.audit is not None else AUDIT_WEEK
    also = estimand.audit.entry.cusum.risk_columns if estimand.audit is not None else ()
    people = known_states(look.records, estimand, also=also)
    days = dict(entered.filter(pl.col("first_seen") <= look.as_of).select("quarter", "first_seen").unique().iter_rows())
    counts = counted(people, entered, sorted(days))
    ripe = {quarter: is_mature(day, look.as_of, mature_after_weeks=weeks) for quarter, day in days.items()}
    return Told(
        look,
        one_each(people, entered),
        {quarter: one for quarter, one in counts.items() if ripe[quarter] and one.n},
        {quarter: one.n for quarter, one in counts.items() if not ripe[quarter] and one.n},
    )


def first_told(told: Sequence[Told]) -> dict[str, CohortCounts]:
    """Each cohort as the first look knew it at which it was mature: all of them at the same age, so that they compare.

    In the order in which they were told: a cohort that a correction brings in later stands after those told before it, so that
    it moves none of them, nor the limits that were made of them.
    """
    first: dict[str, CohortCounts] = {}
    for one in told:
        for quarter, counts in one.mature.items():
            first.setdefault(quarter, counts)
    return first


def cohort_rows(told: Sequence[Told], estimand: Estimand) -> Iterator[Row]:
    """Each mature cohort as its first report had it and as it is known now; and how many are not yet so far."""
    reported = {**first_told(told), **_as_printed(told)}
    for quarter, now in sorted(told[-1].mature.items()):
        if quarter in reported:
            yield share_row(reported[quarter], estimand, statistic="cohort_share", stratum=quarter, term=AS_REPORTED)
        yield share_row(now, estimand, statistic="cohort_share", stratum=quarter, term=AS_KNOWN_NOW)
    for quarter, n in sorted(told[-1].immature.items()):
        yield Row(estimator="counted", statistic="cohort_immature", stratum=quarter, n_at_risk=n)


def _as_printed(told: Sequence[Told]) -> dict[str, CohortCounts]:
    """What reports said of each cohort when they first told it, under the protocol of their day."""
    printed: dict[str, CohortCounts] = {}
    for one in told[:-1]:
        for quarter, (n, improved, unknown) in one.look.reported.items():
            printed.setdefault(quarter, CohortCounts(n, improved, n - improved - unknown, unknown))
    return printed


def share_row(counts: CohortCounts, estimand: Estimand, *, statistic: str, stratum: str, term: str = "") -> Row:
    """The share among the known, its bounds for the unknown, and exact limits of the bounds."""
    low = clopper_pearson(counts.improved, counts.n, conf_level=estimand.conf_level)
    high = clopper_pearson(counts.improved + counts.unknown, counts.n, conf_level=estimand.conf_level)
    known = counts.improved + counts.not_improved
    return Row(
        estimator="Clopper-Pearson",
        statistic=statistic,
        stratum=stratum,
        term=term,
        day=audit_day(estimand),
        estimate=counts.improved / known if known else None,
        bound_low=low.estimate,
        bound_high=high.estimate,
        conf_low=low.conf_low,
        conf_high=high.conf_high,
        n_at_risk=counts.n,
        n_events=counts.improved,
        n_censored=counts.unknown,
    )


def look_rows(told: Sequence[Told], estimand: Estimand) -> Iterator[Row]:
    """At each look the share over all cohorts that were mature by then, as it was known on that day.

    Its limits hold at all looks together, those of `look_share_naive` at one look that was chosen beforehand. Of the unknown,
    the lower limit takes nobody to have improved and the upper everybody, so that what comes in later was counted already. The
    verdict is that of the limits that hold at every look.
    """
    looked = [one for one in told if one.total.n]
    if not looked:
        says = "No running share: no cohort has come so far, and nobody who has not is counted as a failure."
        yield Rail("too_few_quarters", says, "1 mature cohort").refusal(estimator=EVERY_LOOK, stratum="looks")
        return
    limits = every_look_limits(looked, estimand)
    threshold = estimand.decision.threshold if estimand.decision is not None else None
    for one, (low, high) in zip(looked, limits, strict=True):
        naive = share_row(one.total, estimand, statistic="look_share_naive", stratum=one.look.quarter)
        yield Row(
            estimator=EVERY_LOOK,
            statistic="look_share",
            stratum=one.look.quarter,
            day=naive.day,
            estimate=naive.estimate,
            bound_low=naive.bound_low,
            bound_high=naive.bound_high,
            conf_low=low,
            conf_high=high,
            n_at_risk=naive.n_at_risk,
            n_events=naive.n_events,
            n_censored=naive.n_censored,
        )
        yield naive
    if threshold is not None:
        yield from _verdicts([one.look.quarter for one in looked], limits, threshold, audit_day(estimand))


def every_look_limits(looked: Sequence[Told], estimand: Estimand) -> list[tuple[float, float]]:
    """Limits of each look that hold at all of them together."""
    prior = estimand.audit.entry.prior if estimand.audit is not None else (0.5, 0.5)
    totals = [one.total for one in looked]
    found = confidence_sequence(
        np.array([one.improved for one in totals]),
        np.array([one.n for one in totals]),
        unknown=np.array([one.unknown for one in totals]),
        prior=prior,
        conf_level=estimand.conf_level,
    )
    return [(float(low), float(high)) for low, high in zip(found.conf_low, found.conf_high, strict=True)]


def _verdicts(quarters: Sequence[str], limits: Sequence[tuple[float, float]], threshold: float, day: int) -> Iterator[Row]:
    own = [decide(low, high, threshold) for low, high in limits]
    since = ""
    before = None
    for quarter, here, stands, (low, high) in zip(quarters, own, standing(own), limits, strict=True):
        since = quarter if stands is not before else since
        before = stands
        yield Row(
            estimator=EVERY_LOOK,
            statistic="look_verdict",
            stratum=quarter,
            term=stands.value,
            day=day,
            conf_low=low,
            conf_high=high,
            warning="" if here is stands else f"decided in {since}, and stands until a look decides the contrary",
        )
