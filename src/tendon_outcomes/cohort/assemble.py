"""Who is in the cohort: episodes that meet the population's criteria, with a line for every step that left some out."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tendon_outcomes.cohort.duration import with_symptom_duration
from tendon_outcomes.cohort.logic import truth
from tendon_outcomes.cohort.phenotype import PHENOTYPE, with_phenotype
from tendon_outcomes.cohort.recurrence import continuations
from tendon_outcomes.cohort.scores import score
from tendon_outcomes.declarations import UNCLASSIFIED, Criterion, Population
from tendon_outcomes.errors import NoUsableRows
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.results import Attrition

EPISODE_TABLES = ("visit", "run_week", "session", "procedure", "event")


@dataclass(frozen=True)
class Cohort:
    """Eligible episodes with their records. `tables` holds only their rows; visit totals are scored.

    `episodes` has every declared column and what was derived: `phenotype_derived` with `phenotype_rule_derived` where the
    population names a rule of diagnosis, and `duration_days` with its interval where it says how precise an onset is.
    """

    population: Population
    episodes: pl.DataFrame
    tables: dict[str, pl.DataFrame]
    attrition: Attrition


def assemble_cohort(records: ValidatedRecords, population: Population) -> Cohort:
    """Apply a population to the records.

    1. Episodes of the population's tendon.
    2. Not those that continue an earlier episode of the same patient, tendon and side (`recurrence_gap_days`).
    3. Those whose derived phenotype belongs; each other class is a line of its own.
    4. Each declared criterion in its order. A criterion that cannot be judged from the record excludes, unless it says how
       `unrecorded` counts; such exclusions are a line of their own, because they speak of the records and not of the runner.
    5. No excluded procedure at any time up to day 0, and none of the wash-out's in `washout_days` up to and including day 0.

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
    tables = {name: _rows_of(kept, records.table(name)) for name in EPISODE_TABLES}
    tables["visit"] = score(tables["visit"], population.instruments)
    if population.onset is not None:
        kept = with_symptom_duration(kept, population.onset)
    return Cohort(population=population, episodes=kept.sort("episode_id"), tables=tables, attrition=flow)


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
    if not population.recurrence_gap_days:
        return episodes, flow
    going_on = continuations(episodes, records.tables, gap_days=population.recurrence_gap_days)
    kept = episodes.join(going_on, on="episode_id", how="anti")
    says = f"continues an earlier episode: less than {population.recurrence_gap_days} days since its last contact"
    return kept, flow.then(says, n_before=episodes.height, n_after=kept.height)


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
    prefixed = episodes.with_columns(pl.col(name).alias(f"episode.{name}") for name in episodes.columns)
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
    """Leave out episodes with an excluded procedure up to day 0, then those with one inside the wash-out."""
    recent = f"an injection or shock-wave treatment in the {population.washout_days} days up to day 0"
    earlier = ", ".join(name.replace("_", " ") for name in population.excluded_procedures)
    for says, names, first_day in (
        (f"{earlier} before day 0", population.excluded_procedures, None),
        (recent, population.washout_procedures, -population.washout_days),
    ):
        if not names:
            continue
        before = procedures.filter(pl.col("procedure").is_in(list(names)), pl.col("day") <= 0)
        if first_day is not None:
            before = before.filter(pl.col("day") >= first_day)
        kept = episodes.join(before.select("episode_id").unique(), on="episode_id", how="anti")
        flow = flow.then(says, n_before=episodes.height, n_after=kept.height)
        episodes = kept
    return episodes, flow
