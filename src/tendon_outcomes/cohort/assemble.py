"""Who is in the cohort: episodes that meet the population's criteria, with a line for every step that left some out."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from tendon_outcomes.cohort.duration import with_duration_from_onset, with_symptom_duration
from tendon_outcomes.cohort.logic import truth
from tendon_outcomes.cohort.phenotype import PHENOTYPE, with_phenotype
from tendon_outcomes.cohort.recurrence import days_since_earlier
from tendon_outcomes.cohort.scores import score, without_pain_of_no_run
from tendon_outcomes.declarations import UNCLASSIFIED, Criterion, Population
from tendon_outcomes.errors import NoUsableRows
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.results import Attrition

_TOLD_OF = {
    "prior_csi_day": "corticosteroid_injection",
    "prior_prp_day": "prp",
    "prior_eswt_day": "eswt",
    "prior_surgery_day": "surgery",
}
"""Columns of the index form that hold the day of the last procedure of a kind."""
_NOTHING_AFTER = ("withdrew", "transferred")
EPISODE_TABLES = ("visit", "run_week", "session", "procedure", "event")


@dataclass(frozen=True)
class Cohort:
    """Eligible episodes with their records. `tables` holds only their rows; visit totals are scored, and a running pain of 0 is
    no score where nobody ran.

    `episodes` has every declared column and what was derived: `phenotype_derived` with `phenotype_rule_derived` where the
    population names a rule of diagnosis, and `duration_days` with its interval where it says how precise an onset is. `unread`
    has, by table, episode_id and day of rows that intake rejected: something happened there, and nobody can say what.
    """

    population: Population
    episodes: pl.DataFrame
    tables: dict[str, pl.DataFrame]
    attrition: Attrition
    unread: dict[str, pl.DataFrame] = field(default_factory=dict)


def assemble_cohort(records: ValidatedRecords, population: Population) -> Cohort:
    """Apply a population to the records.

    1. Episodes of the population's tendon.
    2. Not those that continue an earlier episode of the same patient, tendon and side (`recurrence_gap_days`), nor those of which
       this cannot be told.
    3. Those whose derived phenotype belongs; each other class is a line of its own.
    4. Each declared criterion in its order. A criterion that cannot be judged from the record excludes, unless it says how
       `unrecorded` counts; such exclusions are a line of their own, because they speak of the records and not of the runner.
    5. No excluded procedure at any time up to day 0, and none of the wash-out's in `washout_days` up to and including day 0.
    6. Of those who withdrew or went elsewhere nothing after that day is kept.

    Raises
    ------
    NoUsableRows
        Nobody is left.
    """
    kept, flow = select_episodes(records, population)
    if kept.is_empty():
        raise NoUsableRows(
            f"no episode is in population {population.name}",
            way_out="Look at the population's criteria in protocol.toml against what the clinic records.",
        )
    tables = _until_withdrawal({name: _rows_of(kept, records.table(name)) for name in EPISODE_TABLES})
    tables["visit"] = score(without_pain_of_no_run(tables["visit"]), population.instruments)
    tables["run_week"] = without_pain_of_no_run(tables["run_week"])
    if population.onset is not None:
        kept = with_symptom_duration(kept, population.onset)
    unread = {name: _rows_of(kept, rows) for name, rows in records.unread.items()}
    return Cohort(population=population, episodes=kept.sort("episode_id"), tables=tables, attrition=flow, unread=unread)


def _until_withdrawal(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The tables without rows after the day on which a patient withdrew consent or went elsewhere: they are not ours to use."""
    events = tables["event"].filter(pl.col("event").is_in(_NOTHING_AFTER))
    if events.is_empty():
        return tables
    left = events.group_by("episode_id").agg(pl.col("day").min().alias("withdrew"))
    return {
        name: table.join(left, on="episode_id", how="left", maintain_order="left")
        .filter(pl.col("withdrew").is_null() | (pl.col("day") <= pl.col("withdrew")))
        .drop("withdrew")
        for name, table in tables.items()
    }


def _rows_of(episodes: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """The table's rows of these episodes, in their order; where all belong it is the table itself and no copy."""
    belongs = table["episode_id"].is_in(episodes["episode_id"].implode())
    return table if belongs.all() else table.filter(belongs)


def select_episodes(records: ValidatedRecords, population: Population) -> tuple[pl.DataFrame, Attrition]:
    """Steps 1 to 5 of :func:`assemble_cohort`: the episodes that belong, perhaps none, and the flow."""
    episodes = records.table("episode")
    flow = Attrition()
    kept = episodes.filter(pl.col("tendon") == population.tendon.tendon)
    flow = flow.then(f"another tendon than {population.tendon.title}", n_before=episodes.height, n_after=kept.height)
    kept, flow = _of_their_own(population, records, kept, flow)
    kept, flow = _diagnosed(population, kept, flow)
    for criterion in population.criteria:
        kept, flow = _apply(criterion, kept, flow)
    return _treated_before(population, records.table("procedure"), kept, flow)


def _of_their_own(
    population: Population, records: ValidatedRecords, episodes: pl.DataFrame, flow: Attrition
) -> tuple[pl.DataFrame, Attrition]:
    gap = population.recurrence_gap_days
    if not gap:
        return episodes, flow
    earlier = days_since_earlier(records.table("episode"), records.tables)
    steps = (
        ("not recorded: how long after the last contact of an earlier episode it began", pl.col("days_between").is_null()),
        (f"continues an earlier episode: less than {gap} days since its last contact", pl.col("days_between") < gap),
    )
    for says, out in steps:
        kept = episodes.join(earlier.filter(out), on="episode_id", how="anti")
        flow = flow.then(says, n_before=episodes.height, n_after=kept.height)
        episodes = kept
    return episodes, flow


def _diagnosed(population: Population, episodes: pl.DataFrame, flow: Attrition) -> tuple[pl.DataFrame, Attrition]:
    """Keep the classes that belong. The line of a class says its reason; `unclassified` is one of them."""
    rule = population.phenotype
    if rule is None:
        return episodes, flow
    kept = with_phenotype(episodes, rule)
    says = {one.name: f"{one.name.replace('_', '-')}: {one.says}" for one in rule.version.classes}
    says[UNCLASSIFIED] = "no class of the diagnosis: too little was recorded, or the findings fit none"
    for name, reason in says.items():
        if name not in population.phenotypes:
            before, kept = kept.height, kept.filter(pl.col(PHENOTYPE) != name)
            flow = flow.then(f"{reason} (rule {rule.reference})", n_before=before, n_after=kept.height)
    return kept, flow


def _apply(criterion: Criterion, episodes: pl.DataFrame, flow: Attrition) -> tuple[pl.DataFrame, Attrition]:
    read = with_duration_from_onset(episodes)
    prefixed = read.with_columns(pl.col(name).alias(f"episode.{name}") for name in read.columns)
    judged = episodes.with_columns(prefixed.select(truth(criterion).alias("_meets")).to_series())
    known = judged.filter(pl.col("_meets").is_not_null())
    kept = known.filter("_meets").drop("_meets")
    says = criterion.says or criterion.id
    if known.height < judged.height:
        flow = flow.then(f"not recorded: {says}", n_before=judged.height, n_after=known.height)
    return kept, flow.then(f"not met: {says}", n_before=known.height, n_after=kept.height)


def _treated_before(
    population: Population, procedures: pl.DataFrame, episodes: pl.DataFrame, flow: Attrition
) -> tuple[pl.DataFrame, Attrition]:
    """Leave out episodes with an excluded procedure up to day 0, then those with one inside the wash-out.

    The wash-out is reckoned from the last session (`stop_day`): a series that goes on over day 0 has not ended. What the index
    form tells of earlier treatment counts as the procedure table does; an operation without a day is one at any time before.
    """
    recent = f"an injection or shock-wave treatment in the {population.washout_days} days up to day 0"
    earlier = ", ".join(name.replace("_", " ") for name in population.excluded_procedures)
    before = _procedures_before(procedures, episodes)
    for says, names, first_day in (
        (f"{earlier} before day 0", population.excluded_procedures, None),
        (recent, population.washout_procedures, -population.washout_days),
    ):
        if not names:
            continue
        found = before.filter(pl.col("procedure").is_in(list(names)))
        if first_day is not None:
            found = found.filter(pl.col("last_day") >= first_day)
        kept = episodes.join(found.select("episode_id").unique(), on="episode_id", how="anti")
        flow = flow.then(says, n_before=episodes.height, n_after=kept.height)
        episodes = kept
    return episodes, flow


def _procedures_before(procedures: pl.DataFrame, episodes: pl.DataFrame) -> pl.DataFrame:
    """Every procedure up to day 0, of the procedure table and of the index form: episode_id, procedure, last_day (or null)."""
    done = procedures.filter(pl.col("day") <= 0).select(
        "episode_id", "procedure", last_day=pl.max_horizontal("day", pl.col("stop_day").fill_null(pl.col("day")))
    )
    told = [
        episodes.filter(pl.col(column).is_not_null()).select(
            "episode_id", pl.lit(procedure).alias("procedure"), pl.col(column).alias("last_day")
        )
        for column, procedure in _TOLD_OF.items()
    ]
    operated = pl.col("prior_treatment").str.split(";").list.contains("surgery").fill_null(value=False)
    undated = episodes.filter(operated).select(
        "episode_id", pl.lit("surgery").alias("procedure"), pl.lit(None, dtype=pl.Int64()).alias("last_day")
    )
    return pl.concat([done, *told, undated])
