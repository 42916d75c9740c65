"""How the clinic worked: visits attended, adherence, questionnaires filled in, time to the first loading."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from tendon_outcomes.analysis.rails import MIN_EPISODES, Rail
from tendon_outcomes.cohort import Cohort, FollowUp, PersonWeeks, adherence, person_weeks
from tendon_outcomes.cohort.outcome.endings import endings_of
from tendon_outcomes.declarations.audit import Audit, CoreDomain
from tendon_outcomes.estimators import kaplan_meier, wilson
from tendon_outcomes.estimators.patient_means import mean_over_patients
from tendon_outcomes.results import Row, finite
from tendon_outcomes.vocabulary import Code

WEEKS = 12


def process(cohort: Cohort, follow_up: FollowUp, audit: Audit, *, mature: pl.DataFrame, conf_level: float) -> Iterator[Row]:
    """Process measures over the first 12 weeks of the episodes of ``mature`` (episode_id), for whom these weeks are over.

    1. Visits attended: of the planned visits that fell due before another event, a withdrawal or the recorded end ended the
       follow-up, the share at which the runner was seen; the mean over runners.
    2. Adherence: covered weeks among those logged; a week that nobody logged says nothing.
    3. Completeness by core domain: runners with a value on day 0 (where the domain can have one) and at least one later.
    4. Onset to first loading, in days, of runners whose day of onset is on record; who had not loaded by week 12 is censored.
    """
    people = follow_up.episodes.join(mature.select("episode_id"), on="episode_id", how="semi").select("episode_id", "patient_id")
    if people.height < MIN_EPISODES:
        says = "no process measures: too few runners are certainly 12 weeks in."
        yield Rail("too_small", says, f"{MIN_EPISODES} runners").refusal(estimator="process measures")
        return
    weeks = person_weeks(cohort, audit.regimen, weeks=WEEKS) if audit.regimen is not None else None
    yield from _attended(cohort, people, audit, conf_level)
    if weeks is not None:
        yield from _adherence(weeks, people, conf_level)
    for domain in audit.entry.core_domain:
        yield from _completeness(cohort, people, domain, conf_level)
    if weeks is not None:
        yield from _first_loading(cohort, weeks, people, conf_level)


def _attended(cohort: Cohort, people: pl.DataFrame, audit: Audit, conf_level: float) -> Iterator[Row]:
    endings = endings_of(cohort)
    ended = endings.reasons.filter(pl.col("ending_code") != Code.LOST.value).select("episode_id", "ending_day")
    known = people.join(endings.competing.select("episode_id", "competing_day"), on="episode_id", how="left").join(
        ended, on="episode_id", how="left"
    )
    until = known.with_columns(pl.min_horizontal("competing_day", "ending_day").alias("until"))
    windows = pl.DataFrame(audit.visits, schema={"from_day": pl.Int64(), "to_day": pl.Int64()}, orient="row")
    due = until.join(windows, how="cross").filter(pl.col("until").is_null() | (pl.col("to_day") <= pl.col("until")))
    seen = cohort.tables["visit"].select("episode_id", "day").join(windows, how="cross")
    seen = seen.filter(pl.col("day").is_between(pl.col("from_day"), pl.col("to_day"))).select("episode_id", "from_day").unique()
    joined = due.join(seen.with_columns(pl.lit(1.0).alias("came")), on=["episode_id", "from_day"], how="left")
    joined = joined.with_columns(pl.col("came").fill_null(0.0))
    yield from _mean_share("visits attended", joined, "came", conf_level)


def _adherence(weeks: PersonWeeks, people: pl.DataFrame, conf_level: float) -> Iterator[Row]:
    shares = adherence(weeks, to_week=WEEKS).select("episode_id", "share_covered")
    joined = people.join(shares, on="episode_id", how="left").filter(pl.col("share_covered").is_not_null())
    yield from _mean_share("adherence", joined, "share_covered", conf_level)


def _mean_share(term: str, rows: pl.DataFrame, column: str, conf_level: float) -> Iterator[Row]:
    if rows["patient_id"].n_unique() < MIN_EPISODES:
        says = f"{term} not told: too few runners have it on record."
        yield Rail("too_small", says, f"{MIN_EPISODES} runners").refusal(estimator="mean over runners", stratum=term)
        return
    rows = rows.sort("episode_id")
    mean = mean_over_patients(rows[column].to_numpy(), rows["patient_id"].to_numpy(), share=True, conf_level=conf_level)
    yield Row(
        estimator="mean over runners",
        statistic="process",
        term=term,
        estimate=mean.estimate,
        std_error=mean.std_error,
        conf_low=mean.conf_low,
        conf_high=mean.conf_high,
        n_at_risk=rows["episode_id"].n_unique(),
    )


def _completeness(cohort: Cohort, people: pl.DataFrame, domain: CoreDomain, conf_level: float) -> Iterator[Row]:
    term = f"completeness: {domain.name}"
    if not domain.columns:
        rail = Rail("not_asked", f"{domain.name}: no question of a visit asks about it.")
        yield rail.refusal(estimator="Wilson", stratum=term)
        return
    asked = pl.any_horizontal(pl.col(name).is_not_null() for name in domain.columns)
    rows = cohort.tables["visit"].filter(asked).join(people, on="episode_id", how="semi")
    later = rows.filter(pl.col("day") > 0).select("episode_id").unique()
    if domain.on_day_0:
        later = later.join(rows.filter(pl.col("day") == 0), on="episode_id", how="semi")
    share = wilson(later.height, people.height, conf_level=conf_level)
    yield Row(
        estimator="Wilson",
        statistic="process",
        term=term,
        estimate=share.estimate,
        conf_low=share.conf_low,
        conf_high=share.conf_high,
        n_at_risk=people.height,
        n_events=later.height,
    )


def _first_loading(cohort: Cohort, weeks: PersonWeeks, people: pl.DataFrame, conf_level: float) -> Iterator[Row]:
    first = weeks.frame.group_by("episode_id").agg(pl.col("first_loading_day").min())
    onset = cohort.episodes.select("episode_id", "onset_day").filter(pl.col("onset_day").is_not_null())
    known = people.join(onset, on="episode_id").join(first, on="episode_id", how="left").sort("episode_id")
    if known.height < MIN_EPISODES:
        says = "time from onset to first loading not told: too few days of onset are on record."
        yield Rail("too_small", says, f"{MIN_EPISODES} runners").refusal(
            estimator="Kaplan-Meier", stratum="onset to first loading"
        )
        return
    loaded = known["first_loading_day"].is_not_null().to_numpy()
    until = known["first_loading_day"].fill_null(7 * WEEKS).to_numpy() - known["onset_day"].to_numpy()
    curve = kaplan_meier(np.maximum(until, 1).astype(np.float64), loaded, conf_level=conf_level)
    estimate, low, high = curve.quantile(0.5)
    yield Row(
        estimator="Kaplan-Meier",
        statistic="process",
        term="onset to first loading",
        estimate=finite(estimate),
        conf_low=finite(low),
        conf_high=finite(high),
        n_at_risk=known.height,
        n_events=int(np.count_nonzero(loaded)),
        warning="days; loading before the first visit is not on record",
    )
