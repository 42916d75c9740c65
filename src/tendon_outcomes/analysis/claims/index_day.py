"""What was found on day 0: shares of runners, part by part, and the middle of a paired difference."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from tendon_outcomes.analysis.claims.finding import Finding, Judged, jointly_p, sentences, term_of, together
from tendon_outcomes.analysis.claims.setting import Setting
from tendon_outcomes.analysis.claims.shares import NOT_ROBUST, share, truth_of, variables
from tendon_outcomes.analysis.rails import MIN_EPISODES
from tendon_outcomes.declarations.claims import Claim, SharePart
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.signed_rank import paired_median
from tendon_outcomes.results import WOULD_DO

MEDIAN = "Hodges-Lehmann"


def index_claim(claim: Claim, setting: Setting) -> Finding:
    """Every part as a share of the runners of whom it is known; the claim is what its parts with a rule say together."""
    answer = claim.entry.index
    assert answer is not None
    parts: list[Judged] = []
    for one in answer.part:
        read = day_0(setting, one)
        parts.append(share(one, read.select(truth_of(one).alias("held"))["held"], setting))
        parts += _middle(one, read, setting)
    found = together([part.verdict for part in parts if part.verdict is not None])
    lead = next(part for part in parts if part.verdict is not None)
    return Finding(
        claim, term_of(found), ground_of(parts, answer.selected, claim.entry.caution), lead, tuple(parts), jointly_p(parts)
    )


def ground_of(parts: list[Judged], *also: str) -> str:
    """Why: the rules that were met or not met, what is said beside them, then the number of runners that would do."""
    told = [part for part in parts if part.verdict is not None]
    rules = (f"{part.part}: {part.verdict.value}" if len(told) > 1 and not _absent(part) else "" for part in told if part.verdict)
    reasons = (part.reason for part in told if _absent(part) or len(told) == 1)
    open_to = [part.part for part in told if len(told) > 1 and part.reason.endswith(NOT_ROBUST)]
    also = (f"{NOT_ROBUST}: {'; '.join(open_to)}" if open_to else "", *also)
    would_do = next((part.would_do for part in told if part.would_do), "")
    return sentences(*rules, *reasons, *also) + (f" {WOULD_DO}{would_do}." if would_do else "")


def _absent(part: Judged) -> bool:
    return part.estimate is None


def day_0(setting: Setting, part: SharePart) -> pl.DataFrame:
    """One row a runner with the columns that the part reads: those of the visits of day 0, the first recorded of each."""
    named = list(variables(part))
    of_episode = [name.removeprefix("episode.") for name in named if name.startswith("episode.")]
    of_visit = [name for name in named if not name.startswith("episode.")]
    visits = setting.cohort.tables["visit"].filter(pl.col("day") == 0)
    first = visits.group_by("episode_id", maintain_order=True).agg(pl.col(name).drop_nulls().first() for name in of_visit)
    people = setting.runners.select("episode_id", *(pl.col(name).alias(f"episode.{name}") for name in of_episode))
    return people.join(first, on="episode_id", how="left", maintain_order="left")


def _middle(part: SharePart, read: pl.DataFrame, setting: Setting) -> Iterator[Judged]:
    """The middle of the differences within runners, where the part is one of a difference."""
    if not part.column:
        return
    difference = read.select((pl.col(part.column) - pl.col(part.less)).cast(pl.Float64).alias("d"))["d"].drop_nulls()
    if difference.len() < MIN_EPISODES:
        return
    try:
        found = paired_median(difference.to_numpy(), conf_level=setting.conf_level)
    except EstimationRefused:
        return
    yield Judged(
        part="middle difference, points",
        estimator=MEDIAN,
        day=0,
        estimate=found.estimate,
        conf_low=found.conf_low,
        conf_high=found.conf_high,
        n=found.n,
        n_unknown=read.height - found.n,
    )
