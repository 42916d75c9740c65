"""A synthetic clinic that exports its records every quarter: rows come late, values are corrected, follow-up goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import polars as pl
from numpy.random import SeedSequence

from tendon_outcomes.errors import WrongUse
from tendon_outcomes.synthetic.clinic import SyntheticClinic, csv_of, simulate_clinic
from tendon_outcomes.synthetic.draws import Draws, Floats, clinic_seeds
from tendon_outcomes.synthetic.settings import ClinicSettings

FIRST_YEAR = 2022
DECLARED_LOST_AFTER = 56
"""Days of silence after which the clinic writes that a runner was lost."""
_DATED = ("visit", "run_week", "session")
_STOPS = ("lost_to_follow_up", "other_injury", "stopped_running", "administrative_end")
_ROWS = 400
"""More rows than one episode has in any table."""
_ENTERS, _LATE, _WRONG = "quarter_entry", "quarter_late_", "quarter_wrong"


@dataclass(frozen=True)
class QuarterExport:
    """What the clinic exports on the last day of a quarter."""

    quarter: str
    as_of: date
    tables: dict[str, pl.DataFrame]

    @cached_property
    def files(self) -> dict[str, bytes]:
        return {f"{name}.csv": csv_of(table) for name, table in self.tables.items()}


@dataclass(frozen=True)
class Shift:
    """From the quarter of this number on (the first is 0), runners go as `settings` has it."""

    from_quarter: int
    settings: ClinicSettings


def quarterly_exports(
    episodes: int,
    quarters: int,
    *,
    seed: int,
    settings: ClinicSettings | None = None,
    late: float = 0.1,
    corrected: float = 0.02,
    shift: Shift | None = None,
    sites: int = 1,
) -> tuple[tuple[QuarterExport, ...], pl.DataFrame]:
    """Exports of ``quarters`` quarters, the first that of early 2022, and the truth of every episode with its day of entry.

    Patients enter evenly over the quarters. Of the rows after day 0 a share ``late`` is entered a quarter late, and a share
    ``corrected`` of the ratings of change is wrong until two quarters after it. The truth has `entered` and `entry_quarter`
    beside the true days. The same seed gives the same bytes.
    """
    if quarters < 1 or sites < 1 or episodes < sites:
        raise WrongUse("quarterly exports need a quarter, a site and an episode in each", way_out="Ask for one or more of each.")
    own = settings or ClinicSettings()
    sizes = [episodes // sites + (number < episodes % sites) for number in range(sites)]
    made = [
        _of_site(size, quarters, seed=child, site=number, settings=own, late=late, corrected=corrected, shift=shift)
        for number, (size, child) in enumerate(zip(sizes, clinic_seeds(seed, sites), strict=True), start=1)
    ]
    days = [last_day(number) for number in range(quarters)]
    exports = []
    for day in days:
        of_sites = [one.export(day) for one in made]
        tables = {name: pl.concat([tables[name] for tables in of_sites]) for name in of_sites[0]}
        exports.append(QuarterExport(f"{day.year}Q{(day.month + 2) // 3}", day, tables))
    return tuple(exports), pl.concat([one.truth for one in made])


def last_day(number: int) -> date:
    """The last day of a quarter, the first quarter of `FIRST_YEAR` being number 0."""
    year, quarter = divmod(number + 1, 4)
    return date(FIRST_YEAR + year, 3 * quarter + 1, 1) - timedelta(days=1)


@dataclass(frozen=True)
class _Site:
    """All that ever happens at one site. The tables have `_on`, the day of entry, and `_from`, when a row is first exported."""

    episode: pl.DataFrame
    dated: dict[str, pl.DataFrame]
    event: pl.DataFrame
    truth: pl.DataFrame

    def export(self, as_of: date) -> dict[str, pl.DataFrame]:
        """What had happened and been entered by a day."""
        day = pl.lit(as_of)
        here = self.episode.filter(pl.col("_on") <= day)
        followed = (day - pl.col("_on")).dt.total_days()
        planned = pl.col("prescribed_day") <= followed
        episode = here.with_columns(
            pl.when(planned).then(pl.col(name)).alias(name) for name in ("strategy_prescribed", "prescribed_day")
        )
        tables = {name: table.filter(pl.col("_from") <= day) for name, table in self.dated.items()}
        tables["visit"] = tables["visit"].with_columns(
            pl.when(pl.col("_right_from") <= day).then("pgic").otherwise("_wrong").alias("pgic")
        )
        happened = self.event.filter(pl.col("_from") <= day)
        stopped = happened.filter(pl.col("event").is_in(list(_STOPS)))["episode_id"].implode()
        still = here.filter(~pl.col("episode_id").is_in(stopped)).select(
            "episode_id", followed.alias("day"), pl.lit("administrative_end").alias("event")
        )
        tables["event"] = pl.concat([happened.select(still.columns), still.filter(pl.col("day") > 0)]).sort(
            "episode_id", "day", "event"
        )
        return {"episode": _clean(episode), **{name: _clean(table) for name, table in tables.items()}}


def _of_site(
    episodes: int,
    quarters: int,
    *,
    seed: SeedSequence,
    site: int,
    settings: ClinicSettings,
    late: float,
    corrected: float,
    shift: Shift | None,
) -> _Site:
    before = simulate_clinic(episodes, seed=seed, settings=settings, site=site)
    entry = _entry(before, quarters, seed)
    clinic = before
    if shift is not None:
        after = simulate_clinic(episodes, seed=seed, settings=shift.settings, site=site)
        changed = entry.filter(pl.col("_number") >= shift.from_quarter)["episode_id"]
        clinic = _joined(before, after, changed)
    draws = Draws((seed,), episodes)
    tables = {
        name: table.join(entry.select("episode_id", "_on"), on="episode_id", how="left") for name, table in clinic.tables.items()
    }
    dated = {name: _from(tables[name], draws, name, late) for name in _DATED}
    dated["visit"] = _wrong_at_first(dated["visit"], draws, corrected)
    dated["procedure"] = _happens(tables["procedure"])
    lost = pl.col("event") == "lost_to_follow_up"
    event = tables["event"].with_columns(
        _day(pl.col("day") + pl.when(lost).then(DECLARED_LOST_AFTER).otherwise(0)).alias("_from")
    )
    year = pl.col("_on").dt.year().cast(pl.Int64).alias("index_year")
    truth = clinic.truth_episodes.join(entry, on="episode_id", how="left").rename({"_on": "entered", "_number": "entry_quarter"})
    return _Site(tables["episode"].with_columns(year), dated, event, truth)


def _entry(clinic: SyntheticClinic, quarters: int, seed: SeedSequence) -> pl.DataFrame:
    """Day and quarter of entry; both sides of one patient enter on one day."""
    start, end = date(FIRST_YEAR, 1, 1), last_day(quarters - 1)
    people = clinic.tables["episode"].select("episode_id", "patient_id")
    first = people["patient_id"].to_list()
    draws = Draws((seed,), people.height).uniform(_ENTERS)[:, 0]
    place = {patient: number for number, patient in reversed(list(enumerate(first)))}
    days = np.floor(draws[[place[patient] for patient in first]] * ((end - start).days + 1)).astype(int)
    on = [start + timedelta(days=int(one)) for one in days]
    number = [4 * (one.year - FIRST_YEAR) + (one.month - 1) // 3 for one in on]
    return people.select("episode_id").with_columns(pl.Series("_on", on), pl.Series("_number", number, dtype=pl.Int64))


def _joined(before: SyntheticClinic, after: SyntheticClinic, changed: pl.Series) -> SyntheticClinic:
    """The one clinic with the episodes that the change concerns taken from the other; they are the same people."""

    def taken(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
        later = pl.col("episode_id").is_in(changed.implode())
        return pl.concat([one.filter(~later), other.filter(later)]).sort("episode_id", maintain_order=True)

    tables = {name: taken(table, after.tables[name]) for name, table in before.tables.items()}
    return replace(before, tables=tables, truth_episodes=taken(before.truth_episodes, after.truth_episodes))


def _from(table: pl.DataFrame, draws: Draws, name: str, late: float) -> pl.DataFrame:
    """When each row is first exported: on its day, or a quarter later; what was written on day 0 is never late."""
    held_back = pl.Series(_of_rows(draws, f"{_LATE}{name}", table) < late) & (table["day"] > 0)
    return table.with_columns(_day(pl.col("day") + pl.when(held_back).then(91).otherwise(0)).alias("_from"))


def _happens(table: pl.DataFrame) -> pl.DataFrame:
    """Procedures are known on their day, and those before day 0 with the episode."""
    return table.with_columns(_day(pl.max_horizontal(pl.col("day"), 0)).alias("_from"))


def _wrong_at_first(visits: pl.DataFrame, draws: Draws, corrected: float) -> pl.DataFrame:
    """A rating of change that was typed wrongly, and from which day on it is right."""
    wrong = pl.Series(_of_rows(draws, f"{_WRONG}_at_all", visits) < corrected)
    rating = pl.Series(np.floor(1 + 7 * _of_rows(draws, _WRONG, visits)).astype(np.int64))
    typed = pl.when(wrong).then(pl.lit(rating)).otherwise(pl.col("pgic"))
    right = _day(pl.col("day") + pl.when(wrong).then(182).otherwise(0))
    asked = pl.when(pl.col("pgic").is_not_null()).then(typed)
    return visits.with_columns(asked.alias("_wrong"), right.alias("_right_from"))


def _of_rows(draws: Draws, name: str, table: pl.DataFrame) -> Floats:
    """A uniform number for each row, by its episode and its place in it: what happens to others does not move it."""
    place = table.select(
        (pl.col("episode_id").str.slice(-5).cast(pl.Int64) - 1).alias("episode"),
        pl.int_range(pl.len()).over("episode_id").alias("row"),
    )
    u: Floats = draws.uniform(name, _ROWS)[place["episode"].to_numpy(), place["row"].to_numpy()]
    return u


def _day(since: pl.Expr) -> pl.Expr:
    return pl.col("_on") + pl.duration(days=since)


def _clean(table: pl.DataFrame) -> pl.DataFrame:
    return table.select(name for name in table.columns if not name.startswith("_"))
