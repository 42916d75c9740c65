"""The episodes first seen in one quarter, and what became of them by the audit's week."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from tendon_outcomes.cohort import Cohort, FollowUp, ascertain, assemble_cohort
from tendon_outcomes.declarations import Estimand, Protocol
from tendon_outcomes.errors import NoUsableRows
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.vocabulary import Code

ESTIMAND = "meaningful_improvement_by_12_weeks"
AUDIT_WEEK = 12
"""The week that is audited where an estimand declares no decision."""
IMPROVED, NOT_IMPROVED, UNKNOWN = "improved", "not_improved", "unknown"
STATES = ("episode_id", "patient_id", "left", "right", "code", "state")
_TYPES = (pl.String(), pl.String(), pl.Int64(), pl.Int64(), pl.Int64(), pl.String())


@dataclass(frozen=True, slots=True)
class CohortCounts:
    """One quarter's cohort: n = improved + not_improved + unknown are mature; `immature` are not, and no failures."""

    n: int = 0
    improved: int = 0
    not_improved: int = 0
    unknown: int = 0
    immature: int = 0

    def __add__(self, other: CohortCounts) -> CohortCounts:
        return CohortCounts(
            self.n + other.n,
            self.improved + other.improved,
            self.not_improved + other.not_improved,
            self.unknown + other.unknown,
            self.immature + other.immature,
        )


Counter = Callable[[ValidatedRecords, Protocol, Sequence[str]], Mapping[str, CohortCounts]]


def audit_day(estimand: Estimand) -> int:
    """The day that is audited: that of the decision's week."""
    return 7 * (estimand.decision.at_week if estimand.decision is not None else AUDIT_WEEK)


def is_mature(first_seen: date, as_of: date, *, mature_after_weeks: int) -> bool:
    """Whether an episode that was there on ``first_seen`` has certainly come so far by ``as_of``."""
    return (as_of - first_seen).days >= 7 * mature_after_weeks


def states(follow_up: FollowUp, *, day: int, window_days: int) -> pl.DataFrame:
    """episode_id, patient_id, left, right, code, and the state on ``day``: improved, not_improved or unknown.

    1. A look within ``window_days`` of the day speaks for it, as on the visit grid of the curve, of which it is half a step.
    2. Improved: the endpoint was seen to be reached by then, and not missed on the day or after it.
    3. Not improved: it was not reached on a look as late as that; or another event came first, before looks
       for the day were over, and ended the follow-up, which is no improvement by that day.
    4. Unknown: the looks lie before and after (the endpoint was reached between), or nobody looked so late. Another event later
       than that says nothing of the day.
    """
    reached = (pl.col("code") == Code.EVENT.value) & (pl.col("right") <= day + window_days) & (pl.col("left") < day)
    ended = pl.col("code") >= Code.SURGERY.value  # their `left` is the day before, whether or not anybody looked
    without = pl.when(ended).then("last_failing").otherwise("left") >= day - window_days
    still = without | (ended & (pl.col("right") <= day + window_days))
    state = pl.when(reached).then(pl.lit(IMPROVED)).when(still).then(pl.lit(NOT_IMPROVED)).otherwise(pl.lit(UNKNOWN))
    return follow_up.episodes.select(*STATES[:-1], state.alias("state"))


def followed(records: ValidatedRecords, estimand: Estimand) -> tuple[Cohort, FollowUp] | None:
    """The estimand's population in these records and its follow-up; None where nobody belongs to it."""
    try:
        cohort = assemble_cohort(records, estimand.population)
        return cohort, ascertain(cohort, estimand.endpoint, horizon_weeks=estimand.horizon_weeks)
    except NoUsableRows:
        return None


def known_states(records: ValidatedRecords, estimand: Estimand, *, also: Sequence[str] = ()) -> pl.DataFrame:
    """`states` of everybody in the estimand's population and followed for its endpoint; empty where nobody is.

    ``also``: columns of the episode, or of the visit of day 0, that are added as numbers; null where they are not on record.
    """
    found = followed(records, estimand)
    if found is None:
        return pl.DataFrame(schema={**dict(zip(STATES, _TYPES, strict=True)), **dict.fromkeys(also, pl.Float64())})
    cohort, follow_up = found
    known = states(follow_up, day=audit_day(estimand), window_days=estimand.grid.days // 2)
    first = cohort.tables["visit"].filter(pl.col("day") == 0).unique("episode_id", keep="first", maintain_order=True)
    for name in also:
        home = cohort.episodes if name in cohort.episodes.columns else first
        known = known.join(home.select("episode_id", pl.col(name).cast(pl.Float64)), on="episode_id", how="left")
    return known


def one_each(states_known: pl.DataFrame, entered: pl.DataFrame) -> pl.DataFrame:
    """The rows with their quarter, one of each patient: the episode that was seen first, of several the first by its id.

    Exact limits, limits that hold at every look and charts take runners as independent of one another, and two sides or two
    spells of one patient are not.
    """
    joined = states_known.join(entered.select("episode_id", "quarter"), on="episode_id", how="inner")
    first = joined.sort("quarter", "episode_id").unique("patient_id", keep="first", maintain_order=True)
    return first.sort("episode_id")


def counted(states_known: pl.DataFrame, entered: pl.DataFrame, quarters: Sequence[str]) -> dict[str, CohortCounts]:
    """Counts of the mature cohorts of ``quarters``, in that order, each patient once (`one_each`).

    One of which nobody is asked about counts nobody.
    """
    joined = one_each(states_known, entered)
    found = {(str(quarter), str(state)): int(n) for quarter, state, n in joined.group_by("quarter", "state").len().iter_rows()}
    counts = {}
    for quarter in quarters:
        improved, not_improved, unknown = (found.get((quarter, one), 0) for one in (IMPROVED, NOT_IMPROVED, UNKNOWN))
        counts[quarter] = CohortCounts(improved + not_improved + unknown, improved, not_improved, unknown)
    return counts


def cohort_counts(
    records: ValidatedRecords, protocol: Protocol, entered: pl.DataFrame, *, as_of: date, estimand: str = ESTIMAND
) -> dict[str, CohortCounts]:
    """What became of each quarter's cohort as these records have it, the quarters in the order of time.

    A cohort is mature once `mature_after_weeks` of the audit have passed since the as-of date of the look that first held it:
    its episodes had begun by then, so that each has certainly come so far. Before that all of it counts as immature.
    """
    asked = protocol.estimand(estimand)
    weeks = asked.audit.entry.mature_after_weeks if asked.audit is not None else AUDIT_WEEK
    first_seen = dict(entered.select("quarter", "first_seen").unique().sort("quarter").iter_rows())
    counts = counted(known_states(records, asked), entered, tuple(first_seen))
    mature = {quarter: is_mature(day, as_of, mature_after_weeks=weeks) for quarter, day in first_seen.items()}
    return {quarter: one if mature[quarter] else CohortCounts(immature=one.n) for quarter, one in counts.items()}


def counter(entered: pl.DataFrame, *, estimand: str = ESTIMAND) -> Counter:
    """A function of records, protocol and mature quarters that counts their cohorts; the same records are read once."""
    read: list[tuple[ValidatedRecords, Protocol, pl.DataFrame]] = []

    def counts(records: ValidatedRecords, protocol: Protocol, quarters: Sequence[str]) -> dict[str, CohortCounts]:
        found = next((known for of, under, known in read if of is records and under is protocol), None)
        if found is None:
            found = known_states(records, protocol.estimand(estimand))
            read.append((records, protocol, found))
        return counted(found, entered, quarters)

    return counts
