"""Gate row `intervals_contain_truth`: every interval of every synthetic runner holds the true day.

Over schedules of contact, losses and flares, for the primary definition of each endpoint and for both readings of a last pass
that nobody confirmed. The clinics make no errors, so what `ascertain` says of an episode must be true without exception:

- event: left < true day <= right, and the true day is not after the competing event;
- competing event: right is its true day, left the day before, the code its cause, and the true day of the endpoint lies after it;
- censored: the endpoint is not reached on day left, the last day on which it was seen to fail.

One thing no look can show, and it is counted apart: a competing event speaks for itself alone, so an endpoint reached after the
last look and no later than that event (or on its very day: looks of that day are not used) stays unseen. It is granted only
where there was no look from the true day to the event. Pain-free running cannot stay unseen like this in these clinics, because
they have no competing events after it.

The rule is then tried on faults planted in the same intervals: each must be found, or the row fails.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace

import polars as pl
from clinic_records import everyone, records_of

from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations import declare, endpoint_asked
from tendon_outcomes.synthetic import ClinicSettings, SyntheticClinic, simulate_clinics
from tendon_outcomes.synthetic.latent import NEVER
from tendon_outcomes.vocabulary import Code

CLINICS = 10
HORIZON_WEEKS = 26
TRUE_DAY = {"pain_free_running.2": "true_pfr_day", "meaningful_improvement.1": "true_mi_day"}
WEEKLY, VISITS = ClinicSettings(), ClinicSettings.visits_only()


def every(weeks: int) -> ClinicSettings:
    """Visits only, evenly spaced to the end."""
    return replace(VISITS, visit_weeks=tuple(range(0, 35, weeks)))


SCHEDULES = {
    "weekly reports and visits": WEEKLY,
    "visits only": VISITS,
    "visits every 2 weeks": every(2),
    "visits every 4 weeks": every(4),
    "visits every 6 weeks": every(6),
    "weekly reports, loss 35 %": replace(WEEKLY, lost_by_week_12=0.35),
    "weekly reports, loss 55 %": replace(WEEKLY, lost_by_week_12=0.55),
    "visits only, loss 55 %": replace(VISITS, lost_by_week_12=0.55),
    "weekly reports, nothing informative": WEEKLY.uninformative(),
    "visits only, nothing informative": VISITS.uninformative(),
    "visits only, many flares": replace(VISITS, flare_visits_per_week=0.25),
}


def intervals(clinics: SyntheticClinic, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Every interval of one schedule beside its truth; an endpoint or competing event that never comes has day NEVER."""
    declared = declare()
    cohort = assemble_cohort(records_of(tables, declared), everyone(declared))
    parts = []
    for reference, column in TRUE_DAY.items():
        truth = clinics.truth_episodes.select(
            "episode_id",
            pl.col(column).fill_null(NEVER).alias("true_day"),
            pl.col("competing_day").fill_null(NEVER),
            pl.col("competing_code").fill_null(0),
        )
        for reading in ("censor", "event"):
            found = ascertain(cohort, endpoint_asked(declared, reference), horizon_weeks=HORIZON_WEEKS, unconfirmed=reading)
            known = truth.join(found.episodes, on="episode_id", how="left")
            parts.append(known.with_columns(pl.lit(reference).alias("endpoint"), pl.lit(reading).alias("reading")))
    return pl.concat(parts)


IS_EVENT = pl.col("code") == Code.EVENT.value
IS_COMPETING = pl.col("code") >= Code.SURGERY.value


def holds() -> pl.Expr:
    """The three sentences above; false also where an episode has no interval at all."""
    left, right, true_day, competing_day = (pl.col(name) for name in ("left", "right", "true_day", "competing_day"))
    event = (left < true_day) & (true_day <= right) & (true_day <= competing_day)
    itself = (right == competing_day) & (left == right - 1) & (pl.col("code") == pl.col("competing_code"))
    free = (true_day > free_until()) | unseen()
    kind = pl.when(IS_EVENT).then(event).when(IS_COMPETING).then(itself & free).otherwise(right.is_null() & free)
    return (kind & pl.col("code").is_not_null()).fill_null(value=False)


def free_until() -> pl.Expr:
    """The day up to which, and on which, an interval without the endpoint says that it was not reached."""
    return pl.when(IS_COMPETING).then("competing_day").otherwise("left")


def unseen() -> pl.Expr:
    """Reached after the last look and no later than a recorded competing event, which alone vouches for the days between."""
    vouched = pl.col("competing_record").is_not_null() & ~IS_EVENT
    return vouched & (pl.col("last_day") < pl.col("true_day")) & (pl.col("true_day") <= free_until())


PLANTED: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "the truth comes a day later": lambda rows: rows.with_columns(pl.col("true_day") + 1),
    "the truth comes a day earlier": lambda rows: rows.with_columns(pl.col("true_day") - 1),
    "the visit that found it taken as left": lambda rows: rows.with_columns(
        pl.when(pl.col("code") == Code.EVENT.value).then("right").otherwise("left").alias("left")
    ),
    "the last look taken as the last failing one": lambda rows: rows.with_columns(
        pl.when(pl.col("right").is_null()).then(pl.max_horizontal("left", "last_day")).otherwise("left").alias("left")
    ),
    "a competing event a day late": lambda rows: rows.with_columns(
        pl.when(pl.col("code") >= Code.SURGERY.value).then(pl.col("right") + 1).otherwise("right").alias("right")
    ),
    "a competing event taken as recovery": lambda rows: rows.with_columns(
        pl.when(IS_COMPETING).then(Code.EVENT.value).otherwise("code").alias("code")
    ),
}


def a_day_late(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The same export with every visit and report but those of day 0 written down a day late."""
    later = pl.col("day") + (pl.col("day") > 0).cast(pl.Int64)
    return {name: rows.with_columns(later) if name in ("visit", "run_week") else rows for name, rows in tables.items()}


def summary(name: str, rows: pl.DataFrame) -> str:
    events, competing, hidden, right_ones = rows.select(
        IS_EVENT.sum().alias("events"), IS_COMPETING.sum(), unseen().sum().alias("unseen"), holds().sum().alias("hold")
    ).row(0)
    counts = f"{events:7} {competing:9} {rows.height - events - competing:8} {hidden:7}"
    return f"{name:36} {rows.height:9} {counts} {right_ones / rows.height:9.4%}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="clinics of 100 episodes instead of 300")
    episodes = 100 if parser.parse_args(arguments).quick else 300
    print(f"{'schedule':36} {'intervals':>9} {'events':>7} {'competing':>9} {'censored':>8} {'unseen':>7} {'hold':>9}")
    parts = []
    for number, (name, settings) in enumerate(SCHEDULES.items()):
        clinics = simulate_clinics(CLINICS, episodes, seed=2_000 + number, settings=settings)
        parts.append(intervals(clinics, clinics.tables))
        print(summary(name, parts[-1]))
    rows = pl.concat(parts)
    found = {name: plant(rows).select((~holds()).sum()).item() for name, plant in PLANTED.items()}
    late = intervals(clinics, a_day_late(clinics.tables))
    found["visits and reports written down a day late"] = late.select((~holds()).sum()).item()
    for name, count in found.items():
        print(f"planted: {name}: {count} intervals are wrong")
    right = rows.select(holds().sum()).item()
    hidden = rows.select(unseen().sum()).item()
    missed = sum(count == 0 for count in found.values())
    print(
        f"{right} of {rows.height} intervals hold ({right / rows.height:.2%}) over {len(SCHEDULES)} schedules; {hidden} reached "
        f"unseen before a competing event; {len(found) - missed} of {len(found)} planted faults found"
    )
    return 0 if rows.height and right == rows.height and not missed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
