"""Rows to sentences. Each function is pure, takes one row, and puts no number on the page that the row does not hold."""

from __future__ import annotations

from tendon_outcomes.declarations import DecisionRule
from tendon_outcomes.reporting.wording import (
    ResultRow,
    bounds_of,
    ended,
    in_100,
    is_withheld,
    level,
    rounded,
    sentence_case,
    week,
    week_number,
    withheld,
)
from tendon_outcomes.vocabulary import Verdict

OPEN_BECAUSE = {
    "undetermined": "too few were assessed in that week for a single number",
    "unconfirmed": "it depends on whether last passes that nobody confirmed count as reached",
}
"""Why a week has bounds, by the code of its refusal."""


def milestone_sentence(
    row: ResultRow, *, phrase: str, conf_level: float, min_cell_count: int | None, open_because: str = ""
) -> str:
    """`By week 12, an estimated 32 in 100 runners had reached ... (95 % interval 27 to 38 in 100).`

    `open_because` is the code of the refusal that goes with bounds.
    """
    by = week(row["day"])
    if is_withheld(row):
        return f"The share that had reached {phrase} by {by} is {withheld(min_cell_count)}."
    if row["estimate"] is not None:
        share = f"By {by}, an estimated {in_100(row['estimate'])} in 100 runners had reached {phrase}"
        return f"{share} ({_limits(row, conf_level, 'interval')})."
    bounds = bounds_of(row)
    if bounds:
        between = f"By {by}, between {in_100(bounds[0])} and {in_100(bounds[1])} in 100 runners had reached {phrase}"
        why = OPEN_BECAUSE.get(open_because, "the records allow no single number")
        return f"{between} ({_limits(row, conf_level, 'limits')}); {why}."
    if row["conf_low"] is not None and row["conf_high"] is not None:
        low, high = in_100(row["conf_low"]), in_100(row["conf_high"])
        return f"By {by}, somewhere between {low} and {high} in 100 runners had reached {phrase} ({level(conf_level)} limits)."
    return f"No share can be given for {by}."


def counts_sentence(row: ResultRow) -> str:
    """What was counted behind a milestone; empty when the counts are withheld."""
    if row["n_events"] is None or row["n_at_risk"] is None:
        return ""
    reached, followed, left = row["n_events"], row["n_at_risk"], row["n_censored"]
    gone = f", {left} had left before" if left is not None else ""
    return f"Counted by {week(row['day'])}: {reached} seen to have reached it, {followed} followed up to that week{gone}."


def median_sentence(row: ResultRow, *, phrase: str, conf_level: float, min_cell_count: int | None) -> str:
    """`Half had reached ... by week 21 (after week 20, by week 21; 95 % interval week 18 to week 24).`"""
    if is_withheld(row):
        return f"The time by which half had reached {phrase} is {withheld(min_cell_count)}."
    if row["estimate"] is None and row["bound_low"] is not None:
        until = f" and by {week(row['bound_high'])}" if row["bound_high"] is not None else ""
        open_ = f"Half had reached {phrase} after {week(row['bound_low'])}{until}"
        return f"{open_}; {OPEN_BECAUSE['unconfirmed']} ({_week_limits(row, conf_level)})."
    if row["estimate"] is None:
        reason = row["warning"] or "half had not reached it while enough were followed"
        return f"The time by which half had reached {phrase} is not reached: {reason}{_from_week(row, conf_level)}."
    by = week(row["estimate"])
    between = f"after {week(row['bound_low'])}, by {by}; " if row["bound_low"] is not None else ""
    return f"Half had reached {phrase} by {by} ({between}{_week_limits(row, conf_level)})."


def median_in_window_sentence(row: ResultRow, window: tuple[int, int]) -> str:
    """Where the median lies against the claim's weeks; empty when there is no median."""
    if row["estimate"] is None or is_withheld(row):
        return ""
    first, last = window
    named = f"weeks {first} to {last} of the claim"
    after, by = row["bound_low"] or 0, row["estimate"]
    if by < 7 * first:
        return f"That is sooner than {named}."
    if after >= 7 * last:
        return f"That is later than {named}."
    if after >= 7 * first and by <= 7 * last:
        return f"That lies within {named}."
    return f"That is at the edge of {named}: the assessments do not tell on which side."


def time_gained_sentence(row: ResultRow, *, phrase: str, conf_level: float, min_cell_count: int | None) -> str:
    """`On average, 5.3 of the first 26 weeks lay after reaching ... (95 % interval 4.2 to 6.4 weeks).`"""
    horizon = week_number(row["day"])
    if is_withheld(row):
        return f"The time gained within the first {horizon} weeks is {withheld(min_cell_count)}."
    interval = (
        f"{level(conf_level)} {{}} {week_number(row['conf_low'])} to {week_number(row['conf_high'])} weeks"
        if (row["conf_low"] is not None and row["conf_high"] is not None)
        else "no interval can be given"
    )
    if row["estimate"] is not None:
        gained = f"On average, {week_number(row['estimate'])} of the first {horizon} weeks lay after reaching {phrase}"
        return f"{gained} ({interval.format('interval')})."
    bounds = bounds_of(row)
    if bounds:
        between = f"between {week_number(bounds[0])} and {week_number(bounds[1])}"
        return f"On average, {between} of the first {horizon} weeks lay after reaching {phrase} ({interval.format('limits')})."
    return f"The time gained within the first {horizon} weeks cannot be given."


def verdict_sentence(row: ResultRow, *, rule: DecisionRule, min_cell_count: int | None) -> str:
    """The answer of the decision rule; `inconclusive` is said plainly."""
    claim = f"“{rule.claim.strip().rstrip('.')}”"
    if is_withheld(row):
        return f"Not shown: the numbers behind the claim {claim} are {withheld(min_cell_count)}."
    if row["term"] == Verdict.SUPPORTED:
        return f"Supported: these records support the claim {claim}."
    if row["term"] == Verdict.REFUTED:
        return f"Refuted: these records speak against the claim {claim}."
    if row["term"] == Verdict.INCONCLUSIVE:
        return f"Inconclusive: these records neither support nor refute the claim {claim}."
    return f"Not answered: the claim {claim} is neither supported nor refuted."


def verdict_ground_sentence(row: ResultRow, *, rule: DecisionRule, conf_level: float) -> str:
    """The interval that the verdict rests on; empty when it is withheld."""
    if is_withheld(row):
        return ""
    if row["conf_low"] is None or row["conf_high"] is None:
        return f"No interval can be given for {week(row['day'])}."
    place = {Verdict.SUPPORTED: "lies wholly above", Verdict.REFUTED: "lies wholly below"}.get(
        row["term"], "does not lie wholly above or below"
    )
    interval = f"The {level(conf_level)} interval for {week(row['day'])}, {_told_apart(row, rule.threshold)} in 100"
    return f"{interval}, {place} {in_100(rule.threshold)} in 100."


def rule_sentence(rule: DecisionRule, *, conf_level: float) -> str:
    """The rule in words, as the protocol has it."""
    interval = f"the whole {level(conf_level)} interval for {week(7 * rule.at_week)}"
    threshold = f"{in_100(rule.threshold)} in 100"
    return (
        f"The rule is part of the protocol: supported if {interval} lies above {threshold}, refuted if it lies below, "
        "otherwise inconclusive."
    )


def loss_sentence(row: ResultRow, *, conf_level: float, min_cell_count: int | None) -> str:
    """How many were lost to follow-up before the day of the row."""
    before = week(row["day"])
    if is_withheld(row) or row["estimate"] is None:
        return f"The share lost to follow-up before {before} is {withheld(min_cell_count)}."
    return f"{in_100(row['estimate'])} in 100 were lost to follow-up before {before} ({_limits(row, conf_level, 'interval')})."


def follow_up_sentence(row: ResultRow, *, conf_level: float, min_cell_count: int | None) -> str:
    """How long runners were followed, by the reverse Kaplan-Meier."""
    if is_withheld(row):
        return f"The median follow-up is {withheld(min_cell_count)}."
    if row["estimate"] is None:
        return "The median follow-up was not reached."
    return f"Median follow-up was {week_number(row['estimate'])} weeks ({_week_limits(row, conf_level)}; reverse Kaplan–Meier)."


def gap_sentence(row: ResultRow) -> str:
    """How often anybody looked; empty when withheld."""
    if row["estimate"] is None:
        return ""
    days = f"{row['estimate']:.1f}".removesuffix(".0")
    return f"Half of the gaps between two assessments were {days} days or shorter."


def longest_gap_sentence(row: ResultRow) -> str:
    """The long gaps, in which recovery is hardest to place; empty when withheld."""
    if row["estimate"] is None:
        return ""
    days = f"{row['estimate']:.1f}".removesuffix(".0")
    return f"One gap in ten was {days} days or longer: recovery within it is known no more closely."


def unplanned_sentence(row: ResultRow) -> str:
    """Looks that happened because it hurt; empty when withheld or when there was none."""
    if not row["estimate"]:
        return ""
    return f"{in_100(row['estimate'])} in 100 assessments took place because the pain was worse; the estimates set them aside."


def unconfirmed_sentence(row: ResultRow, *, phrase: str, min_cell_count: int | None) -> str:
    """Last assessments that passed but were never confirmed."""
    if row["n_events"] is None:
        number = withheld(min_cell_count)
        return f"The number of runners whose last assessment showed {phrase} without a confirming one is {number}."
    noun = "runner's" if row["n_events"] == 1 else "runners'"
    return ended(f"{row['n_events']} {noun} last assessment showed {phrase} without a confirming one: {row['warning']}")


def refusal_sentence(row: ResultRow) -> str:
    """A refusal or a caution in its own words."""
    return ended(sentence_case(str(row["warning"] or "no reason was recorded")))


def _limits(row: ResultRow, conf_level: float, noun: str) -> str:
    if row["conf_low"] is None or row["conf_high"] is None:
        return "no interval can be given"
    return f"{level(conf_level)} {noun} {in_100(row['conf_low'])} to {in_100(row['conf_high'])} in 100"


def _week_limits(row: ResultRow, conf_level: float) -> str:
    low, high = row["conf_low"], row["conf_high"]
    if low is None and high is None:
        return "no interval can be given"
    if high is None:
        return f"{level(conf_level)} interval from {week(low)}, with no upper limit within follow-up"
    if low is None:
        return f"{level(conf_level)} interval up to {week(high)}"
    return f"{level(conf_level)} interval {week(low)} to {week(high)}"


def _from_week(row: ResultRow, conf_level: float) -> str:
    has_limit = row["conf_low"] is not None or row["conf_high"] is not None
    return f" ({_week_limits(row, conf_level)})" if has_limit else ""


def _told_apart(row: ResultRow, threshold: float) -> str:
    """The interval with as many decimals as it takes to see on which side of the threshold each limit lies."""
    low, high = row["conf_low"], row["conf_high"]
    for decimals in range(5):
        shown = [_decimals(value, decimals) for value in (low, high)]
        hidden = [
            text == _decimals(threshold, decimals) and value != threshold for text, value in zip(shown, (low, high), strict=True)
        ]
        if not any(hidden):
            break
    return f"{shown[0]} to {shown[1]}"


def _decimals(share: float, decimals: int) -> str:
    return str(rounded(100 * share)) if decimals == 0 else f"{100 * share:.{decimals}f}"
