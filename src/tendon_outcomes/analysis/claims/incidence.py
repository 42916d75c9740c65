"""Claims about how many reach an endpoint by a week, with what a claim joins to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from tendon_outcomes.analysis import recovery
from tendon_outcomes.analysis.claims.finding import (
    Finding,
    Judged,
    jointly_p,
    judged_by,
    term_of,
    together,
)
from tendon_outcomes.analysis.claims.index_day import ground_of
from tendon_outcomes.analysis.claims.milestones import followed, incidence_p, refused_because, total
from tendon_outcomes.analysis.claims.setting import Setting
from tendon_outcomes.analysis.claims.shares import share, truth_of
from tendon_outcomes.cohort import FollowUp, ascertain
from tendon_outcomes.cohort.outcome.assessments import with_context
from tendon_outcomes.declarations import EndpointAsked
from tendon_outcomes.declarations.claims import Claim, IncidenceAnswer, SharePart
from tendon_outcomes.estimators.sample_size import rescaled_sample_size
from tendon_outcomes.results import frame
from tendon_outcomes.vocabulary import Code, Verdict

TOGETHER = "all of these together"
_NUMBERS = ("estimate", "bound_low", "bound_high", "std_error", "conf_low", "conf_high")


def incidence_claim(claim: Claim, setting: Setting) -> Finding:
    """The incidence by the week, held against its threshold, with the components that the claim joins to it."""
    answer = claim.entry.incidence
    assert answer is not None
    asked = claim.endpoints[0]
    follow_up = ascertain(setting.cohort, asked, horizon_weeks=answer.at_week)
    generous = ascertain(setting.cohort, asked, horizon_weeks=answer.at_week, unconfirmed="event")
    strata = recovery.fit_strata(follow_up, grid=setting.estimand.grid, conf_level=setting.conf_level, generous=generous)
    weeks = (answer.at_week, *answer.also_weeks)
    rows = frame(recovery.cumulative_incidence(strata, at_weeks=weeks))
    told = [_at(rows, week, _named(asked), setting, answer) for week in weeks]
    components = [(one, _components(setting, one, answer)) for one in answer.component]
    shares = [share(one, seen["held"], setting, day=7 * answer.at_week) for one, seen in components]
    every = _all_of_them(setting, follow_up, components, answer)
    parts = [*told, *shares, *every]
    found = together([part.verdict for part in parts if part.verdict is not None])
    return Finding(claim, term_of(found), ground_of(parts, claim.entry.caution), told[0], tuple(parts), jointly_p(parts))


def _named(asked: EndpointAsked) -> str:
    """The endpoint with the short name of its definition: `pain-free running (PFR-3)`."""
    return f"{asked.phrase} ({asked.version.title.partition(':')[0]})"


def _at(rows: pl.DataFrame, week: int, phrase: str, setting: Setting, answer: IncidenceAnswer) -> Judged:
    """The share by a week. Only the week of the claim has a rule; bounds are held against it by their outer limits."""
    ruled, day = week == answer.at_week, 7 * week
    own = rows.filter(pl.col("statistic") == "cumulative_incidence", pl.col("term") == "milestone", pl.col("day") == day)
    if not own.height:
        return Judged(
            part=f"{phrase} by week {week}",
            estimator=recovery.ESTIMATOR,
            verdict=Verdict.NOT_ANSWERED if ruled else None,
            day=day,
            reason=refused_because(rows, day),
            would_do=followed(setting, answer.threshold) if ruled else "",
        )
    row = own.row(0, named=True)
    told = Judged(
        part=f"{phrase} by week {week}",
        estimator=row["estimator"],
        day=day,
        **{name: row[name] for name in _NUMBERS},
        n=total(row),
        n_events=row["n_events"],
        n_unknown=row["n_censored"],
        reason="" if row["estimate"] is not None else refused_because(rows, day),
    )
    return _judged(told, row, setting, answer) if ruled else told


def _judged(told: Judged, row: dict[str, Any], setting: Setting, answer: IncidenceAnswer) -> Judged:
    """The share of the week of the claim with its verdict, and how many runners would tell more where it decides nothing."""
    found = judged_by(told.conf_low, told.conf_high, answer.threshold, "above")
    would_do = ""
    if found is Verdict.INCONCLUSIVE:
        would_do = followed(setting, answer.threshold) if told.estimate is None else _more(row, setting)
    return replace(
        told,
        verdict=found,
        p_value=incidence_p(row, answer.threshold, setting.conf_level),
        reason="; ".join(said for said in (_rule(answer), told.reason) if said),
        would_do=would_do,
    )


def _rule(answer: IncidenceAnswer) -> str:
    return f"supported if the lower limit is above {answer.threshold:.2f}, refuted if the upper limit is below it"


def _more(row: dict[str, Any], setting: Setting) -> str:
    """How many runners like these tell a difference worth knowing, by the standard error at hand."""
    if not row["std_error"]:
        return ""
    rules = setting.register.rules
    n = total(row)
    more = rescaled_sample_size(n, row["std_error"], worth=rules.worth, power=rules.power, conf_level=setting.conf_level)
    return f"about {more} runners like these" if more > n else ""


def _components(setting: Setting, part: SharePart, answer: IncidenceAnswer) -> pl.DataFrame:
    """episode_id, held: at the last look around the week on which it could be judged; null where there is none."""
    day, window = 7 * answer.at_week, answer.window_days
    criteria = (*part.criterion, *part.among)
    # Day 0 comes along, because a gain is measured from it.
    looks = setting.cohort.tables["visit"].filter((pl.col("day") == 0) | pl.col("day").is_between(day - window, day + window))
    judged = with_context(setting.cohort, looks, criteria).select("episode_id", "day", truth_of(part).alias("held"))
    last = (
        judged.filter(pl.col("day") > 0, pl.col("held").is_not_null())
        .sort("episode_id", "day")
        .group_by("episode_id", maintain_order=True)
        .agg(pl.col("held").last())
    )
    return setting.runners.select("episode_id").join(last, on="episode_id", how="left", maintain_order="left")


def _all_of_them(
    setting: Setting, follow_up: FollowUp, components: list[tuple[SharePart, pl.DataFrame]], answer: IncidenceAnswer
) -> list[Judged]:
    """The endpoint and every component in one runner, among those of whom all of it is known; only where there are any."""
    if not components:
        return []
    day = 7 * answer.at_week
    reached = ((pl.col("code") == Code.EVENT.value) & (pl.col("right") <= day)).fill_null(value=False)
    # Asked for a look on the day itself, those who did not reach it would nearly all be left out, and none of the others.
    without = pl.col("left") >= day - answer.window_days
    known = reached | without | (pl.col("code") >= Code.SURGERY.value)
    state = follow_up.episodes.select("episode_id", pl.when(known).then(reached).alias("reached"))
    joined = setting.runners.select("episode_id").join(state, on="episode_id", how="inner", maintain_order="left")
    for number, (_, seen) in enumerate(components):
        joined = joined.join(seen.rename({"held": f"held_{number}"}), on="episode_id", maintain_order="left")
    parts = [pl.col("reached"), *(pl.col(f"held_{number}") for number in range(len(components)))]
    complete = joined.filter(pl.all_horizontal(part.is_not_null() for part in parts))
    if not complete.height:
        return []
    asked = SharePart(id="together", says=TOGETHER, criterion=components[0][0].criterion)
    truth = complete.select(pl.all_horizontal(parts).alias("held"))["held"]
    return [share(asked, truth, setting, day=day)]
