"""What was known of every episode on day 0, as complete numbers for the models that adjust for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.cohort.duration import with_duration_from_onset
from tendon_outcomes.declarations.dag import Measure
from tendon_outcomes.declarations.prognostic import AdjustmentSet
from tendon_outcomes.declarations.target_trial import TargetTrial

MISSING = "_missing"
_NOT_TOLD = "unknown"
"""The code that says as much as an empty cell."""


@dataclass(frozen=True)
class BaselineCovariates:
    """Covariates of the adjustment set, one row an episode in order of episode_id.

    `frame`: episode_id and one column of complete numbers for each of `names`; `nodes` names the node of the graph that each
    measures. `not_recorded`: nodes of which these records hold nothing. `missing`: for each covariate with gaps, in how many
    episodes it was filled. `constant`: columns left out because everybody has the same value.
    """

    frame: pl.DataFrame
    names: tuple[str, ...]
    nodes: tuple[str, ...]
    not_recorded: tuple[str, ...]
    missing: dict[str, int] = field(default_factory=dict)
    constant: tuple[str, ...] = ()

    def among(self, episode_ids: Iterable[str]) -> BaselineCovariates:
        """The same of some episodes only, without what does not differ among them. What was filled keeps its fill."""
        kept = self.frame.filter(pl.col("episode_id").is_in(list(episode_ids)))
        return _without_constants(replace(self, frame=kept))


@dataclass(frozen=True)
class _Read:
    """One measure of one node: the covariates that it becomes, with how many values of each were missing."""

    columns: dict[str, pl.Series]
    missing: dict[str, int]


def baseline_covariates(cohort: Cohort, trial: TargetTrial | AdjustmentSet) -> BaselineCovariates:
    """Read the adjustment set of a trial from the records of day 0.

    1. Columns of a visit are those of day 0, the first recorded where it has several; columns of the episode are those of the
       index visit, and the duration is that of the day of onset where one is on record. Nothing later is read.
    2. Where a measure names columns in `or_else`, the first recorded of them counts.
    3. As a `number`: the value, or the median of those recorded. As `log2`: the logarithm to base 2 of the value, at least 1.
    4. As `level`: an indicator for each level but the most frequent (of equals the first in order). Levels with fewer than
       `small_level` episodes are one level, and where they are still too few together they count with the most frequent. An
       empty cell, or the code unknown, counts there too. Levels of a column of identifiers are numbered by their size.
    5. As `any_of`: 1 where one of the codes is recorded, else 0. As `recorded`: 1 where there is a value.
    6. A covariate that is missing in `missing_indicator_from` of the episodes or more has an indicator beside it, and does not
       where all its gaps are those of an earlier indicator. What nobody recorded is left out, and a node with nothing left is
       `not_recorded`; a column in which everybody has the same value is `constant` and left out too.
    """
    read = _day_0(cohort, [measure for node in trial.adjust_for for measure in trial.measures(node)])
    columns: dict[str, pl.Series] = {}
    nodes: dict[str, str] = {}
    missing: dict[str, int] = {}
    not_recorded: list[str] = []
    for node in trial.adjust_for:
        found = [one for measure in trial.measures(node) if (one := _covariates(read, measure, trial)) is not None]
        if not found:
            not_recorded.append(node)
        for one in found:
            columns |= one.columns
            nodes |= dict.fromkeys(one.columns, node)
            missing |= one.missing
    columns = _without_twins(columns)
    frame = pl.DataFrame({"episode_id": read["episode_id"], **columns})
    of_nodes = tuple(nodes[name] for name in columns)
    return _without_constants(BaselineCovariates(frame, tuple(columns), of_nodes, tuple(not_recorded), missing))


def day_0_values(cohort: Cohort, measure: Measure) -> pl.DataFrame:
    """One measure as it was recorded on day 0, gaps and all: episode_id, value."""
    read = _day_0(cohort, [measure])
    return read.select("episode_id", _recorded(read, measure).alias("value"))


def _day_0(cohort: Cohort, measures: Sequence[Measure]) -> pl.DataFrame:
    """Episodes in order of episode_id with the columns that the measures name, as `table.column`; of visits those of day 0."""
    wanted = {place for measure in measures for place in measure.columns}
    episodes = with_duration_from_onset(cohort.episodes).sort("episode_id")
    named = episodes.select(
        "episode_id", *(pl.col(n).alias(f"episode.{n}") for n in episodes.columns if f"episode.{n}" in wanted)
    )
    visits = cohort.tables["visit"].filter(pl.col("day") == 0)
    first = visits.group_by("episode_id", maintain_order=True).agg(
        pl.col(n).drop_nulls().first().alias(f"visit.{n}") for n in visits.columns if f"visit.{n}" in wanted
    )
    return named.join(first, on="episode_id", how="left", maintain_order="left")


def _recorded(read: pl.DataFrame, measure: Measure) -> pl.Expr:
    """The value on record. A duration of nothing on record, an unknown code and an empty cell are all null."""
    parts = [pl.col(place) for place in measure.columns if place in read.columns]
    texts = [
        pl.when(part != _NOT_TOLD).then(part) if read.schema[part.meta.output_name()] == pl.String() else part for part in parts
    ]
    return pl.coalesce(texts) if texts else pl.lit(None, dtype=pl.Float64())


def _covariates(read: pl.DataFrame, measure: Measure, trial: TargetTrial | AdjustmentSet) -> _Read | None:
    """Steps 2 to 6 for one measure; None where nobody recorded it."""
    value = read.select(_recorded(read, measure).alias("value")).to_series()
    if value.null_count() == value.len():
        return None
    if measure.reading == "level":
        return _levels(value, measure, trial)
    name = measure.covariate
    if measure.reading == "recorded":
        return _Read({name: value.is_not_null().cast(pl.Float64)}, {})
    gaps = value.is_null()
    numbers = _numbers(value, measure)
    columns = {name: numbers}
    if value.null_count() >= trial.missing_indicator_from * value.len():
        columns[name + MISSING] = gaps.cast(pl.Float64)
    return _Read(columns, {name: value.null_count()} if value.null_count() else {})


def _numbers(value: pl.Series, measure: Measure) -> pl.Series:
    if measure.reading == "any_of":
        listed = value.fill_null("").str.split(";").list.set_intersection(pl.Series([list(measure.of)]))
        return (listed.list.len() > 0).cast(pl.Float64)
    numbers = value.cast(pl.Float64)
    if measure.reading == "log2":
        numbers = numbers.clip(lower_bound=1.0).log(2.0)
    return numbers.fill_null(numbers.median())


def _levels(value: pl.Series, measure: Measure, trial: TargetTrial | AdjustmentSet) -> _Read:
    """Step 4. Pseudonyms are numbered, so that no result carries one."""
    told = value.cast(pl.String())
    sizes = told.drop_nulls().value_counts(name="n").sort(["n", told.name], descending=[True, False])
    names, counts = sizes[told.name].to_list(), sizes["n"].to_list()
    large = [name for name, count in zip(names[1:], counts[1:], strict=True) if count >= trial.small_level]
    small = [name for name, count in zip(names[1:], counts[1:], strict=True) if count < trial.small_level]
    stem, pseudonyms = measure.covariate, all(place.endswith("_id") for place in measure.columns)
    labels = {name: f"{stem}_{number}" if pseudonyms else f"{stem}_{name}" for number, name in enumerate(large, start=2)}
    columns = {label: (told == name).fill_null(value=False).cast(pl.Float64) for name, label in labels.items()}
    if small and sum(counts[names.index(name)] for name in small) >= trial.small_level:
        columns[f"{stem}_other"] = told.is_in(small).fill_null(value=False).cast(pl.Float64)
    gaps = told.null_count()
    if gaps >= trial.missing_indicator_from * told.len() and gaps:
        columns[stem + MISSING] = told.is_null().cast(pl.Float64)
    return _Read(columns, {stem: gaps} if gaps else {})


def _without_twins(columns: dict[str, pl.Series]) -> dict[str, pl.Series]:
    """Without indicators of missing values that repeat an earlier one: forms are left out whole."""
    kept: dict[str, pl.Series] = {}
    for name, values in columns.items():
        twins = (other for other in kept if other.endswith(MISSING) and kept[other].equals(values, check_names=False))
        if not name.endswith(MISSING) or next(twins, None) is None:
            kept[name] = values
    return kept


def _without_constants(made: BaselineCovariates) -> BaselineCovariates:
    same = [name for name in made.names if made.frame[name].n_unique() <= 1]
    kept = [(name, node) for name, node in zip(made.names, made.nodes, strict=True) if name not in same]
    names, nodes = (tuple(part) for part in zip(*kept, strict=True)) if kept else ((), ())
    return replace(made, frame=made.frame.drop(same), names=names, nodes=nodes, constant=(*made.constant, *same))
