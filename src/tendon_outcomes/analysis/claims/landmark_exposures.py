"""What was done up to a landmark, as one number or one of two groups for every runner of whom enough weeks are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from tendon_outcomes.cohort import Cohort, PersonWeeks, adherence
from tendon_outcomes.cohort.duration import DURATION
from tendon_outcomes.declarations.claims import Amount, LandmarkAnswer

EXPOSURE = "exposure"
RECORDED_IN = {
    "adherence": "sessions logged and prescribed",
    "breaches": "rule_breaches, or pain in running, by weeks",
    "running": "wk_km by weeks",
    "staged": "progression_rule_followed by weeks",
    "delay": "onset and the first loading session",
}
"""Where each exposure would be on record."""
SAYS = {
    "adherence": "share of the prescribed sessions that were done",
    "breaches": "runs above the pain rule",
    "delay": "time from onset to the first loading",
}
_LEAST_WEEKS = 1.0
_OF_AMOUNT: dict[Amount, str] = {"km_share": "km_share", "loading_sessions": "n_loading"}


@dataclass(frozen=True, slots=True)
class _UpTo:
    """What is read of an exposure: `known` are the weeks that ended, and were known, by the landmark."""

    cohort: Cohort
    weeks: PersonWeeks
    known: pl.DataFrame
    answer: LandmarkAnswer


def landmark_exposure(cohort: Cohort, weeks: PersonWeeks, answer: LandmarkAnswer) -> pl.DataFrame:
    """episode_id, exposure and the amounts of `beside`, one row an episode in order of episode_id.

    1. Only weeks that end by the landmark count, and of them those that were known by then: a note written later tells nothing.
    2. An exposure needs `min_known_share` of the weeks; else it is null. So is that of a runner who belongs to neither group.
    3. An amount is the mean over the weeks of which it is known; where none is, the middle of the others' stands in.
    """
    day = 7 * answer.landmark_week
    known = weeks.frame.filter(
        pl.col("week") <= answer.landmark_week, pl.col("known_on_day").is_null() | (pl.col("known_on_day") <= day)
    )
    episodes = cohort.episodes.select("episode_id").sort("episode_id")
    found = _READ[answer.exposure](_UpTo(cohort, weeks, known, answer))
    rows = episodes.join(found.select("episode_id", EXPOSURE), on="episode_id", how="left", maintain_order="left")
    if not answer.beside:
        return rows
    means = known.group_by("episode_id").agg(
        pl.col(_OF_AMOUNT[name]).cast(pl.Float64).mean().alias(name) for name in answer.beside
    )
    joined = rows.join(means, on="episode_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col(name).fill_null(pl.col(name).median()) for name in answer.beside)


def _enough(known: pl.Expr, answer: LandmarkAnswer) -> pl.Expr:
    return known.sum() >= answer.min_known_share * answer.landmark_week


def _adherence(up_to: _UpTo) -> pl.DataFrame:
    """Sessions done of those prescribed; a week's surplus does not make up for another."""
    told = adherence(up_to.weeks, from_week=1, to_week=up_to.answer.landmark_week)
    enough = pl.col("share_logged") >= up_to.answer.min_known_share
    return told.select("episode_id", pl.when(enough).then("session_ratio_capped").alias(EXPOSURE))


def _breaches(up_to: _UpTo) -> pl.DataFrame:
    """Runs above the pain rule over all weeks up to the landmark; a week without a run has none."""
    count = pl.when(pl.col("run_breaches").is_null() & (pl.col("km") == 0)).then(0).otherwise("run_breaches")
    told = up_to.known.with_columns(count.cast(pl.Float64).alias("count"))
    mean = up_to.answer.landmark_week * pl.col("count").mean()
    return told.group_by("episode_id").agg(
        pl.when(_enough(pl.col("count").is_not_null(), up_to.answer)).then(mean).alias(EXPOSURE)
    )


def _running(up_to: _UpTo) -> pl.DataFrame:
    """1 who ran in most weeks and seldom broke the rule, 0 who did not run in most, null who did neither."""
    ran, breached = pl.col("km") > 0, (pl.col("run_breaches") > 0).fill_null(value=False)
    share = ran.mean()
    within = (breached & ran).sum() <= up_to.answer.max_breach_share * ran.sum()
    group = (
        pl.when((share >= up_to.answer.min_share) & within)
        .then(1.0)
        .when(1.0 - share >= up_to.answer.min_share)
        .then(0.0)
        .otherwise(pl.lit(None, dtype=pl.Float64()))
    )
    return up_to.known.group_by("episode_id").agg(
        pl.when(_enough(pl.col("km").is_not_null(), up_to.answer)).then(group).alias(EXPOSURE)
    )


def _staged(up_to: _UpTo) -> pl.DataFrame:
    """1 whose stage was changed or kept by the plan's rule in most of the weeks of which it is known, else 0."""
    reports = up_to.cohort.tables["run_week"].filter(
        pl.col("week").is_between(1, up_to.answer.landmark_week), pl.col("day") <= 7 * up_to.answer.landmark_week
    )
    followed = pl.col("progression_rule_followed")
    group = (followed.mean() >= up_to.answer.min_share).cast(pl.Float64)
    return reports.group_by("episode_id").agg(pl.when(_enough(followed.is_not_null(), up_to.answer)).then(group).alias(EXPOSURE))


def _delay(up_to: _UpTo) -> pl.DataFrame:
    """Doublings of the weeks from onset to the first loading, before day 0 or after it; null where it had not begun by then.

    Loading before day 0 without a day of its first session leaves the delay unknown.
    """
    here = up_to.known.filter(pl.col("first_loading_day") <= 7 * up_to.answer.landmark_week)
    first = here.group_by("episode_id").agg(pl.col("first_loading_day").min().cast(pl.Int64).alias("here"))
    before = pl.col("prior_treatment").str.split(";").list.contains("pt_loading").fill_null(value=False)
    undated = before & pl.col("prior_pt_loading_day").is_null()
    day = pl.min_horizontal("here", "prior_pt_loading_day")
    weeks_since = ((day + pl.col(DURATION)) / 7).clip(lower_bound=_LEAST_WEEKS)
    joined = up_to.cohort.episodes.join(first, on="episode_id", how="left", maintain_order="left")
    return joined.select("episode_id", pl.when(~undated).then(weeks_since.log(2.0)).alias(EXPOSURE))


_READ: dict[str, Callable[[_UpTo], pl.DataFrame]] = {
    "adherence": _adherence,
    "breaches": _breaches,
    "running": _running,
    "staged": _staged,
    "delay": _delay,
}
