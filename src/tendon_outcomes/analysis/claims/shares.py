"""Shares of runners, held against the rule of a part of a claim."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import sqrt

import polars as pl

from tendon_outcomes.analysis.claims.finding import Judged, judged_by
from tendon_outcomes.analysis.claims.setting import Setting
from tendon_outcomes.analysis.rails import MIN_EPISODES
from tendon_outcomes.analysis.verdict import DECIDED
from tendon_outcomes.cohort.logic import every
from tendon_outcomes.declarations.claims import SharePart
from tendon_outcomes.estimators.proportions import Proportion, clopper_pearson, wilson
from tendon_outcomes.estimators.sample_size import share_sample_size
from tendon_outcomes.estimators.special_functions import beta_cdf, normal_two_sided_p
from tendon_outcomes.vocabulary import Verdict

NOT_ROBUST = "it could be otherwise if those of whom it is not on record were counted"
WILSON, EXACT = "Wilson", "Clopper-Pearson"


def columns_of(part: SharePart) -> tuple[str, ...]:
    """The columns without which nothing of the part is known."""
    if part.column:
        return part.column, part.less
    return tuple(sorted({name.removeprefix("episode.") for one in part.criterion for name in one.variables()}))


def truth_of(part: SharePart) -> pl.Expr:
    """Whether a runner counts: true, false, or null where it cannot be judged, or where the runner is not asked about."""
    held = pl.col(part.column) - pl.col(part.less) >= part.at_least if part.column else every(part.criterion)
    return pl.when(every(part.among).fill_null(value=False)).then(held)


def share(part: SharePart, truth: pl.Series, setting: Setting, *, day: int | None = 0) -> Judged:
    """The share of those who could be judged, with the verdict of its rule.

    Fewer than 10 of them, and none is given: the number that would do is that of a share `worth` away from the threshold.
    """
    n, reached = truth.count(), int(truth.sum() or 0)
    told = Judged(
        part=part.says,
        estimator=EXACT if part.exact else WILSON,
        day=day,
        n=n,
        n_events=reached,
        n_unknown=truth.null_count(),
        would_do=f"about {needed(part, setting)} runners of whom it is known" if part.threshold is not None else "",
    )
    if n < MIN_EPISODES:
        absent = f"{part.says}: not on record ({', '.join(columns_of(part))})"
        reason = f"{part.says}: known of fewer than {MIN_EPISODES} runners" if n else absent
        return replace(told, verdict=None if part.threshold is None else Verdict.NOT_ANSWERED, reason=reason)
    found = _limits(part, reached, n, setting.conf_level)
    told = replace(told, estimate=found.estimate, conf_low=found.conf_low, conf_high=found.conf_high)
    if part.threshold is None:
        return told
    verdict = judged_by(found.conf_low, found.conf_high, part.threshold, part.side)
    reason = rule_words(part)
    if verdict in DECIDED and not part.among and _open(part, reached, truth, setting.conf_level) != {verdict}:
        reason += f"; {NOT_ROBUST}"
    undecided = verdict is Verdict.INCONCLUSIVE and n < needed(part, setting)
    return replace(
        told,
        verdict=verdict,
        p_value=share_p(reached, n, part.threshold, exact=part.exact),
        reason=reason,
        would_do=told.would_do if undecided else "",
    )


def _open(part: SharePart, reached: int, truth: pl.Series, conf_level: float) -> set[Verdict]:
    """The verdicts if nobody counted, and if everybody did, of whom it is not on record."""
    assert part.threshold is not None
    n, unknown = truth.len(), truth.null_count()
    ends = (_limits(part, count, n, conf_level) for count in (reached, reached + unknown))
    return {judged_by(one.conf_low, one.conf_high, part.threshold, part.side) for one in ends}


def needed(part: SharePart, setting: Setting) -> int:
    """How many runners tell a share `worth` away from the threshold, on the claim's side of it."""
    assert part.threshold is not None
    rules = setting.register.rules
    below = part.side == "below"
    room = part.threshold if below else 1.0 - part.threshold
    return share_sample_size(
        part.threshold, worth=min(rules.worth, room), power=rules.power, conf_level=setting.conf_level, below=below
    )


def rule_words(part: SharePart) -> str:
    """The rule, as a reader checks it."""
    if part.threshold is None:
        return ""
    limits = ("lower", "upper") if part.side == "above" else ("upper", "lower")
    return (
        f"supported if the {limits[0]} limit of the share is {part.side} {part.threshold:.2f}, refuted if the {limits[1]} limit "
        f"is {'below' if part.side == 'above' else 'above'} it"
    )


def _limits(part: SharePart, reached: int, n: int, conf_level: float) -> Proportion:
    return clopper_pearson(reached, n, conf_level=conf_level) if part.exact else wilson(reached, n, conf_level=conf_level)


def share_p(reached: int, n: int, threshold: float, *, exact: bool) -> float:
    """Two-sided: by the score, which is what Wilson's limits are made of, or twice the smaller exact tail."""
    if not exact:
        return float(normal_two_sided_p((reached / n - threshold) / sqrt(threshold * (1.0 - threshold) / n)))
    at_least = 1.0 if reached == 0 else float(beta_cdf(threshold, reached, n - reached + 1))
    at_most = 1.0 if reached == n else 1.0 - float(beta_cdf(threshold, reached + 1, n - reached))
    return min(1.0, 2.0 * min(at_least, at_most))


def variables(part: SharePart) -> Iterable[str]:
    """Every column that the part reads, those of the episode with their prefix."""
    named = {name for one in (*part.criterion, *part.among) for name in one.variables()}
    return sorted(named | {name for name in (part.column, part.less) if name})
