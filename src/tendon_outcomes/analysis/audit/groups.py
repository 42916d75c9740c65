"""The share improved in groups: by strategy, duration, clinician and site, in alphabetical order and never in that of results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import polars as pl

from tendon_outcomes.analysis import recovery
from tendon_outcomes.analysis.rails import Rail
from tendon_outcomes.cohort import Cohort, FollowUp
from tendon_outcomes.declarations import Estimand
from tendon_outcomes.declarations.audit import AuditEntry, Group
from tendon_outcomes.results import Row

_COLUMNS: dict[Group, str] = {"strategy": "strategy_prescribed", "clinician": "clinician_id", "site": "site_id"}
_PLACE = "_place"  # order within a group; durations stand in that of time


def group_incidence(
    cohort: Cohort, follow_up: FollowUp, estimand: Estimand, entry: AuditEntry, *, at_weeks: Sequence[int]
) -> Iterator[Row]:
    """Each group's own curve at the weeks, where the group is large enough; a refusal with the number that would do else.

    A grouping that puts everybody into one group is none. Where all groups are too small one refusal speaks for them.
    """
    for group in entry.groups:
        labels = labelled(cohort, group, entry)
        people = follow_up.episodes.join(labels.select("episode_id", "label", _PLACE), on="episode_id", how="inner")
        if people["label"].n_unique() < 2:
            continue
        if people.group_by("label").len().filter(pl.col("len") >= entry.min_group).is_empty():
            yield too_few(f"every {group}", entry.min_group)
            continue
        for label in people.select(_PLACE, "label").unique().sort(_PLACE, "label")["label"]:
            own = people.filter(pl.col("label") == label)
            if own.height < entry.min_group:
                yield too_few(label, entry.min_group)
                continue
            yield from _of_one(replace(follow_up, episodes=own), estimand, at_weeks)


def labelled(cohort: Cohort, group: Group, entry: AuditEntry) -> pl.DataFrame:
    """episode_id, label ("site: s1") of those whose group is on record."""
    if group == "duration":
        return _by_duration(cohort.episodes, entry.duration_bands_weeks)
    column = _COLUMNS[group]
    known = cohort.episodes.filter(pl.col(column).is_not_null())
    label = pl.concat_str(pl.lit(f"{group}: "), pl.col(column))
    return known.select("episode_id", label.alias("label"), pl.lit(0).alias(_PLACE))


def too_few(label: str, min_group: int) -> Row:
    """The refusal of a group that is too small, without its number."""
    says = f"fewer than {min_group} runners in this group: nothing is told of it."
    return Rail("too_small", says, f"{min_group} runners").refusal(estimator=recovery.ESTIMATOR, stratum=label)


def _of_one(follow_up: FollowUp, estimand: Estimand, at_weeks: Sequence[int]) -> Iterator[Row]:
    strata = recovery.fit_strata(follow_up, grid=estimand.grid, by="label", conf_level=estimand.conf_level)
    for row in recovery.cumulative_incidence(strata, at_weeks=at_weeks):
        if row.statistic == "refusal":
            yield row
        elif row.term == "milestone":
            yield replace(row, statistic="group_incidence")


def _by_duration(episodes: pl.DataFrame, bands: Sequence[float]) -> pl.DataFrame:
    """Bands of weeks; a duration on an edge belongs to the longer band."""
    weeks = pl.col("symptom_duration_wk")
    names = [f"under {bands[0]:g} weeks", *(f"{a:g}-{b:g} weeks" for a, b in pairwise(bands))]
    names.append(f"{bands[-1]:g} weeks or more")
    place = pl.sum_horizontal((weeks >= edge).cast(pl.Int64) for edge in bands)
    known = episodes.filter(weeks.is_not_null()).with_columns(place.alias(_PLACE))
    label = pl.col(_PLACE).replace_strict({i: f"duration: {name}" for i, name in enumerate(names)}, return_dtype=pl.String())
    return known.select("episode_id", label.alias("label"), _PLACE)
