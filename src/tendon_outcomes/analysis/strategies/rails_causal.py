"""When a comparison of strategies is refused, and what would do: computed from the records at hand."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from tendon_outcomes.analysis.rails import MIN_EPISODES, MIN_EVENTS, Rail
from tendon_outcomes.analysis.strategies.plain_words import plain
from tendon_outcomes.results import SAID

# statistics.md, §6. Shares are of runners, weights are stabilised.
MIN_TRIAL = 60
MIN_STRATEGY_EVENTS = 10
REFUSE_PER_PARAMETER, FIRTH_PER_PARAMETER, ANNOTATE_PER_PARAMETER = 5.0, 10.0, 20.0
PROPENSITY_RANGE = (0.02, 0.98)
MAX_SHARE_OUTSIDE = 0.05
MIN_OVERLAP = 0.8
MAX_WEIGHT = 20.0
MEAN_WEIGHT = (0.95, 1.05)
WARN_EFFECTIVE_SHARE, MIN_EFFECTIVE_SHARE, MIN_EFFECTIVE = 0.50, 0.25, 30.0
MAX_IMBALANCE = 0.1
MAX_UNKNOWN_SHARE = 0.40
MAX_LOSS, MAX_LOSS_DIFFERENCE = 0.20, 0.10
STANDARD_ERRORS_APART = 0.10
TOO_MANY_PARAMETERS = "per_parameter"
NONE_SEEN = 3.0
"""With no event among n runners, fewer than 3 in n are expected (95 % limit, rule of three)."""


def counts_only(n: int, n_events: int, *, of: str = "the two strategies", others: int = 0) -> Rail | None:
    """Fewer than 10 runners or 5 events in both strategies together, or in the one that `of` names: no estimate.

    `others`: runners of neither strategy, whose number goes with that of the two.
    """
    if n >= MIN_EPISODES and n_events >= MIN_EVENTS:
        return None
    return Rail(
        "too_small",
        f"too few for an estimate: at least {MIN_EPISODES} runners and {MIN_EVENTS} events in {of} are needed. "
        "Only counts are given.",
        _runners(max(MIN_EPISODES, _for_events(n, n_events, MIN_EVENTS)), n_events, MIN_EVENTS),
        _behind(n, n_events, others),
    )


def descriptive_only(n: int, events: Sequence[int], *, others: int = 0) -> Rail | None:
    """Fewer than 60 runners in both strategies, or fewer than 10 events in one: what happened is told, and nothing compared.

    `others`: runners of neither strategy, whose number goes with that of the two.
    """
    fewest = min(events)
    if n >= MIN_TRIAL and fewest >= MIN_STRATEGY_EVENTS:
        return None
    return Rail(
        "descriptive_only",
        f"the strategies are described and not compared: {MIN_TRIAL} runners in the two strategies and {MIN_STRATEGY_EVENTS} "
        "events in each are the least for a comparison.",
        _runners(max(MIN_TRIAL, _for_events(n, fewest, MIN_STRATEGY_EVENTS)), fewest, MIN_STRATEGY_EVENTS),
        _behind(n, fewest, others),
    )


def one_strategy_only(sizes: Sequence[int]) -> Rail | None:
    """Nobody was prescribed one of the strategies, or either: more runners like these would not do."""
    if all(sizes):
        return None
    which = "one of the two strategies" if any(sizes) else "either of the two strategies, as far as is recorded"
    return Rail(
        "one_strategy_only",
        f"nobody was prescribed {which}: there is nothing to compare.",
        f"{MIN_TRIAL} runners in the two strategies with {MIN_STRATEGY_EVENTS} events in each; more runners like these would not "
        "do",
    )


def per_parameter(smallest: int, parameters: int, n: int, *, dropped: Sequence[str] = ()) -> Rail | None:
    """Runners of the smaller strategy for each parameter of the model of prescription: below 5 refused, below 20 said.

    `dropped` are the nodes of the adjustment set that were given up so that the others fit.
    """
    if smallest < REFUSE_PER_PARAMETER * parameters:
        return Rail(
            TOO_MANY_PARAMETERS,
            f"the most important covariates alone need {parameters} parameters, and the smaller strategy has fewer than "
            f"{REFUSE_PER_PARAMETER:g} runners for each.",
            f"about {ceil(n * REFUSE_PER_PARAMETER * parameters / max(smallest, 1))} runners with the same shares of strategies",
            smallest,
        )
    if smallest >= ANNOTATE_PER_PARAMETER * parameters and not dropped:
        return None
    says = [f"not adjusted for, because there are too few runners: {', '.join(dropped)}"] if dropped else []
    if smallest < FIRTH_PER_PARAMETER * parameters:
        says.append("fewer than 10 runners of the smaller strategy for each parameter: fitted with Firth's penalty")
    elif smallest < ANNOTATE_PER_PARAMETER * parameters:
        says.append("fewer than 20 runners of the smaller strategy for each parameter: limits may be somewhat narrow")
    return Rail("few_per_parameter", "; ".join(says) + ".")


def positivity(share_outside: float, common_support: float, *, overlap_n: float, n: int) -> Rail | None:
    """Some runners hardly ever get one of the strategies: who would have done better under it is a guess about nobody.

    `common_support`: share of runners whose probability lies within the range of both strategies. `overlap_n`: effective number
    of those who could have had either, of ``n`` compared. Where these are too few, `no_overlap` refuses them too.
    """
    if share_outside <= MAX_SHARE_OUTSIDE and common_support >= MIN_OVERLAP:
        return None
    low, high = PROPENSITY_RANGE
    reasons = []
    if share_outside > MAX_SHARE_OUTSIDE:
        reasons.append(f"for more than {MAX_SHARE_OUTSIDE:.0%} the probability of a strategy lies outside {low} to {high}")
    if common_support < MIN_OVERLAP:
        reasons.append(f"fewer than {MIN_OVERLAP:.0%} of the runners are of a kind that had both strategies")
    says = "; ".join(reasons) + ". A comparison among everyone is refused, and no number of runners like these would allow it."
    if overlap_n < MIN_EFFECTIVE:
        return Rail("positivity", says)
    share = min(overlap_n / n, 1.0) if n else 0.0
    return Rail(
        "positivity",
        f"{says} Those who could have had either strategy (effective size about {share:.0%} of the runners compared) are "
        "compared instead.",
    )


def strategies_apart(coefficient: float, if_alike: float) -> Rail | None:
    """The propensities of the two strategies share little of their area, though their ranges may be one."""
    if coefficient >= MIN_OVERLAP * if_alike:
        return None
    return Rail(
        "overlap",
        f"the strategies went to different kinds of runner: their propensities share {coefficient:.0%} of their area, where "
        f"{if_alike:.0%} is expected of strategies that were given by chance. The answer rests on the weights more than usual.",
    )


def no_overlap(overlap_n: float, n: int) -> Rail | None:
    """Even those who could have had either strategy are too few."""
    if overlap_n >= MIN_EFFECTIVE:
        return None
    would_do = (
        f"about {ceil(n * MIN_EFFECTIVE / overlap_n)} runners with the same overlap"
        if overlap_n >= 1.0
        else "runners of the same kind under both strategies: no number of runners like these would do"
    )
    return Rail(
        "no_overlap",
        f"hardly any runner could have had either strategy: their effective size is below {MIN_EFFECTIVE:g}.",
        would_do,
        max(1, int(overlap_n / 2)) if overlap_n >= 1.0 else None,  # of each strategy half
    )


def one_treatment_only(patterns: Sequence[str]) -> Rail | None:
    """Kinds of runner, by the covariates named, who had one of the strategies only."""
    if not patterns:
        return None
    return Rail(
        "one_treatment_only",
        f"some kinds of runner had one of the strategies only: {', '.join(patterns)}. For them the answer rests on the model.",
    )


def extreme_weights(largest: float, mean: float) -> Rail | None:
    """A weight above 20, or a mean of stabilised weights off 1."""
    low, high = MEAN_WEIGHT
    if largest <= MAX_WEIGHT and low <= mean <= high:
        return None
    says = []
    if largest > MAX_WEIGHT:
        says.append(f"a weight is above {MAX_WEIGHT:g}: one runner stands for more than {MAX_WEIGHT:g}")
    if not low <= mean <= high:
        says.append(f"the mean weight is {mean:.2f} and should be near 1: the model of who was given what may be wrong")
    return Rail("weights", "; ".join(says) + ".")


def effective_size(effective: float, n: int, n_total: int) -> Rail | None:
    """Weights that leave little of a strategy: below a quarter or 30 refused, below a half said."""
    if n and effective >= MIN_EFFECTIVE and effective >= WARN_EFFECTIVE_SHARE * n:
        return None
    if effective >= MIN_EFFECTIVE and effective >= MIN_EFFECTIVE_SHARE * n:
        return Rail("few_effective", "the weights leave less than half of the strategy's runners in effect.")
    if n and effective < MIN_EFFECTIVE_SHARE * n:
        return Rail(
            "effective_size",
            f"the weights leave less than {MIN_EFFECTIVE_SHARE:.0%} of the strategy's runners in effect: a few stand for all.",
            "a comparison among those who could have had either strategy; more runners like these would not do",
        )
    return Rail(
        "effective_size",
        f"the weights leave fewer than {MIN_EFFECTIVE:g} runners of the strategy in effect.",
        f"about {ceil(n_total * MIN_EFFECTIVE / max(effective, 1.0))} runners like these",
        int(effective),
    )


def clones_left(thin_week: int, week: int) -> Rail:
    """Weights that leave less than a quarter of those who keep to a strategy, in a week up to the one that is asked about.

    That fewer than 30 are left in effect is said by `few_by_week` and does not refuse: those who keep to a strategy grow fewer
    from week to week, and the limits tell it.
    """
    return Rail(
        "effective_size",
        f"week {week} is refused: in week {thin_week} the weights leave less than {MIN_EFFECTIVE_SHARE:.0%} of those who keep to "
        "the strategy in effect. A few stand for all.",
        "runners who more often keep to the strategy by chance than by pain; more runners like these would not do",
    )


def few_by_week(effective: float, week: int) -> Rail | None:
    """Few clones left in effect in a week that is asked about."""
    if effective >= MIN_EFFECTIVE:
        return None
    return Rail(
        "few_effective", f"in week {week} fewer than {MIN_EFFECTIVE:g} runners who keep to the strategy are left in effect."
    )


def kept_to_it(week: float, largest_week: int, needed: int) -> Rail:
    """A week to which too few kept to one of the strategies."""
    latest = f"The latest week that can be answered is {largest_week}." if largest_week else "No week can be answered."
    return Rail(
        "beyond_follow_up",
        f"week {week:g} is refused: too few kept to one of the strategies that long. {latest}",
        f"{needed} runners",
    )


def methods_disagree(week: int, pairs: Sequence[str]) -> Rail | None:
    """Methods that share the data and the question, and are further apart than chance has it."""
    if not pairs:
        return None
    return Rail("agreement", f"week {week}: further apart than their joint uncertainty: {'; '.join(pairs)}. A model is wrong.")


def imbalance(names: Sequence[str]) -> Rail | None:
    """Covariates that still differ after weighting."""
    if not names:
        return None
    return Rail(
        "balance", f"still different by more than {MAX_IMBALANCE} standard deviations after weighting: {', '.join(names)}."
    )


def unlogged(unknown: int, weeks: int, *, sustain_weeks: int) -> Rail | None:
    """More than 40 % of the weeks in which the strategy had to be followed are unknown: nobody can tell who followed it."""
    if not weeks or unknown <= MAX_UNKNOWN_SHARE * weeks:
        return None
    more = unknown - int(MAX_UNKNOWN_SHARE * weeks)
    return Rail(
        "unlogged",
        f"of {unknown / weeks:.0%} of the first {sustain_weeks} weeks nobody knows what was done, and at most "
        f"{MAX_UNKNOWN_SHARE:.0%} may be unknown. What was prescribed can be compared, what was done cannot.",
        f"{more} more logged weeks of the {weeks} in which these runners were followed",
        more,
    )


def loss_of_strategies(lost: Sequence[int], n: Sequence[int]) -> Rail | None:
    """More than 20 % of a strategy lost before day 84, or a difference of more than 10 points."""
    shares = [one / total if total else 0.0 for one, total in zip(lost, n, strict=True)]
    apart = abs(shares[1] - shares[0]) > MAX_LOSS_DIFFERENCE
    if max(shares) <= MAX_LOSS and not apart:
        return None
    says = f"more than {MAX_LOSS:.0%} of a strategy were lost before week 12" if max(shares) > MAX_LOSS else ""
    differs = "loss differs between the strategies by more than 10 points" if apart else ""
    both = "; ".join(part for part in (says, differs) if part)
    return Rail("loss", f"{both}. See the bounds for everybody lost and the tipping point.")


def loss_follows_pain(z: float) -> Rail | None:
    """Those lost had other pain when last heard of than those who stayed."""
    if abs(z) <= 1.96:
        return None
    return Rail("loss_follows_pain", "who was lost had another pain on day 0 than who stayed: loss is not by chance.")


def beyond(week: float, largest_week: int) -> Rail:
    """A week at which one of the strategies has too few left, or that lies after the last follow-up."""
    latest = f"The latest week that can be answered is {largest_week}." if largest_week else "No week can be answered."
    return Rail("beyond_follow_up", f"week {week:g} is refused: too few of a strategy were followed that long. {latest}")


def between_looks(week: float) -> Rail:
    """A week on which too few were assessed."""
    return Rail(
        "undetermined", f"week {week:g} is refused: too few were assessed then, and the incidence is open between two looks."
    )


def not_estimated(says: str) -> Rail:
    """An estimator refused; its own words may hold any count."""
    return Rail("not_estimated", f"no estimate by this method. {SAID}{plain(says)}.", n_behind=1)


def standard_errors_differ(day: int) -> Rail:
    """Two ways to compute one standard error part."""
    return Rail(
        "standard_errors",
        f"day {day}: the standard errors by estimating equations and by a bootstrap of the whole weighting differ by more "
        f"than {STANDARD_ERRORS_APART:.0%}; both are given.",
    )


def association_only(reasons: Sequence[str]) -> Rail | None:
    """An identification item without an answer: only "associated with"."""
    if not reasons:
        return None
    return Rail("causal_words", "only an association is claimed: " + "; ".join(reasons) + ".")


def _for_events(n: int, n_events: int, needed: int) -> int:
    return ceil(n * needed / (n_events if n_events else NONE_SEEN)) if n else needed


def _behind(n: int, n_events: int, others: int) -> int:
    """With no event the number that would do is a multiple of the runners: it tells how many, and of how many others."""
    return n_events or min((count for count in (n, others) if count), default=0)


def _runners(count: int, n_events: int, needed: int) -> str:
    if n_events >= needed:
        return f"{count} runners"
    return f"about {count} runners with as many events a runner as here" if n_events else f"at least {count} runners"
