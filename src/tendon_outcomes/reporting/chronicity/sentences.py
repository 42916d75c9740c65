"""What the first page says of how long it has hurt: shares first, always with limits, never more than an association."""

from __future__ import annotations

from collections.abc import Iterable

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.answers import Answer, cautions, refusals
from tendon_outcomes.reporting.chronicity.rows import lead_day, milestones, reference_weeks, supported
from tendon_outcomes.reporting.chronicity.selection import WHY, selection_sentence
from tendon_outcomes.reporting.chronicity.words import is_outside, share_limits
from tendon_outcomes.reporting.comparison.words import in_estimate, in_interval, strategy_name, verdict_of
from tendon_outcomes.reporting.tables import rows_of
from tendon_outcomes.reporting.wording import NBSP, ResultRow, duration, in_100, is_withheld, percent, week, withheld
from tendon_outcomes.results import Results

FIRST_PAGE_CAUTIONS = 2
ADJUSTED = (
    "These shares are adjusted: what was known of the runners on day 0 is kept the same, and only the time it has hurt differs. "
    "That time is taken as it is, never cut into groups."
)


def chronicity_answers(results: Results, estimand: Estimand, *, lead_week: int | None) -> tuple[Answer, ...]:
    """One answer: the share at the shortest and the longest duration that can be told, and what the difference rests on."""
    day = lead_day(results, lead_week)
    told = supported(results, "duration_incidence", day)
    if not told:
        return (Answer("", "", _nothing(results, day), tuple(_cautions(results))),)
    support = [
        ADJUSTED,
        *differences(results, estimand, day),
        *_other_weeks(results, estimand, day),
        selection_sentence(results, estimand),
        *_recall_allowed_for(results, estimand, day),
        *by_strategy(results, estimand, day),
        *where_the_data_end(results),
        *_cautions(results),
    ]
    return (Answer("", "", _headline(told, estimand), tuple(one for one in support if one)),)


def banner(results: Results) -> str:
    """What stands above every number: an association. Empty where there is no number."""
    if not rows_of(results, "duration_incidence"):
        return ""
    return f"What follows is an association. {WHY}"


def _headline(told: list[ResultRow], estimand: Estimand) -> str:
    first, last = told[0], told[-1]
    says = (
        f"An estimated {in_100(first['estimate'])} in 100 runners in pain for {duration(first['at'])} before day 0 reached "
        f"{estimand.endpoint.phrase} by {week(first['day'])} ({share_limits(first, estimand.conf_level)})"
    )
    if last is first:
        return f"{says}."
    limits = share_limits(last, estimand.conf_level)
    return f"{says}; of those in pain for {duration(last['at'])}, {in_100(last['estimate'])} in 100 ({limits})."


def why_no_more(results: Results) -> list[str]:
    """What the analysis says keeps it from more than an association."""
    reasons = [str(row["warning"]).replace("_", " ") for row in rows_of(results, "duration_wording") if row["warning"]]
    return [f"Why it is no more than an association: {one}." for one in reasons]


def differences(results: Results, estimand: Estimand, day: int | None) -> list[str]:
    """The longest and the shortest duration against the reference, in words that claim no more than an association."""
    reference = reference_weeks(estimand)
    rows = [row for row in supported(results, "duration_difference", day) if row["at"] != reference]
    if not rows:
        gone = any(is_withheld(row) for row in milestones(results, "duration_difference", day))
        return [f"The differences between durations are {withheld(results.min_cell_count)}."] if gone else []
    ends = [rows[-1]] if rows[0] is rows[-1] else [rows[-1], rows[0]]
    phrase, level = estimand.endpoint.phrase, estimand.conf_level
    return [
        f"Having hurt for {duration(row['at'])} rather than {duration(reference)} is associated with "
        f"{in_estimate(row['estimate'])} in 100 reaching {phrase} by {week(row['day'])} ({in_interval(row, level)}): "
        f"{verdict_of(row)}."
        for row in ends
        if row is rows[-1] or row["at"] < reference
    ]


def _other_weeks(results: Results, estimand: Estimand, day: int | None) -> list[str]:
    """The longest duration against the reference by the other weeks asked about."""
    longest: dict[int, ResultRow] = {}
    for row in supported(results, "duration_difference", None):
        if row["day"] != day and row["at"] > reference_weeks(estimand):
            longest[row["day"]] = row
    if not longest:
        return []
    told = "; ".join(
        f"by {week(other)}, {in_estimate(row['estimate'])} after {duration(row['at'])} "
        f"({in_interval(row, estimand.conf_level)}; {_short(row)})"
        for other, row in sorted(longest.items())
    )
    return [f"The same against {duration(reference_weeks(estimand))}, in 100, {told}."]


def _recall_allowed_for(results: Results, estimand: Estimand, day: int | None) -> list[str]:
    """The leading difference once the vagueness of what was told is allowed for."""
    plain = [row for row in supported(results, "duration_difference", day) if row["at"] != reference_weeks(estimand)]
    redone = {row["at"]: row for row in supported(results, "duration_over_imputed_difference", day)}
    if plain and (row := redone.get(plain[-1]["at"])):
        return [
            f"Durations are told from memory. With their vagueness allowed for, {duration(row['at'])} rather than "
            f"{duration(reference_weeks(estimand))} is associated with {in_estimate(row['estimate'])} in 100 "
            f"({in_interval(row, estimand.conf_level)}): {verdict_of(row)}."
        ]
    return []


def heaping_sentence(results: Results) -> str:
    """Round durations that were told more often than neighbouring ones; empty without the test."""
    heaps = [row for row in rows_of(results, "duration_heaping") if row["term"] != "overall" and row["estimate"] is not None]
    if not heaps:
        return ""
    piled = [row for row in heaps if row["conf_low"] is not None and row["conf_low"] > 1]
    if not piled:
        return "Durations show no more round numbers than chance would leave."
    told = "; ".join(f"{str(row['term']).replace(' ', NBSP)} {_times(row)}" for row in piled)
    return f"Round numbers are told so many times as often as a smooth spread has them: {told}."


def _times(row: ResultRow) -> str:
    """`1.9 (1.2 to 3.0)`, from 10 on in whole numbers."""
    digits = 0 if row["estimate"] >= 10 else 1
    high = "without an end" if row["conf_high"] is None else f"{row['conf_high']:.{digits}f}"
    return f"{row['estimate']:.{digits}f} ({row['conf_low']:.{digits}f} to {high})"


def reliability_sentence(results: Results) -> str:
    """How far the durations told are trusted; empty without over-imputation."""
    for row in rows_of(results, "duration_reliability"):
        if row["estimate"] is not None:
            return (
                f"With the imprecision that the protocol declares, {percent(row['estimate'])} of what the durations of runners "
                "alike in everything else differ by is taken to be true, the rest to be the telling (reliability, on the scale "
                "of doublings; no interval, because the imprecision is declared and not estimated)."
            )
    return ""


def by_strategy(results: Results, estimand: Estimand, day: int | None) -> list[str]:
    """The absolute difference of the strategies at each duration, and where the data end."""
    rows = supported(results, "strategy_difference_by_duration", day)
    if not rows:
        return []
    compared, reference = (strategy_name(name) for name in _sides(rows[0]))
    level, ends = estimand.conf_level, [rows[0]] if rows[0] is rows[-1] else [rows[0], rows[-1]]
    told = " and ".join(
        f"{in_estimate(row['estimate'])} after {duration(row['at'])} of pain ({in_interval(row, level)}; {_short(row)})"
        for row in ends
    )
    beyond = [row["at"] for row in milestones(results, "duration_incidence", day) if row["at"] > rows[-1]["at"]]
    stop = f" Beyond {duration(rows[-1]['at'])} too few runners had either to tell." if beyond else ""
    first = f"{compared[:1].upper()}{compared[1:]} rather than {reference} rehabilitation, as prescribed, is associated with"
    reached = f"in 100 reaching {estimand.endpoint.phrase} by {week(rows[0]['day'])}"
    return [f"{first}, {reached}, {told}.{stop}"]


def where_the_data_end(results: Results) -> list[str]:
    """The middle of the durations and the span within which anything is told."""
    found = {row["term"]: _weeks(row) for row in rows_of(results, "duration_quantile") if _weeks(row) is not None}
    said = []
    if (half := found.get("p50")) is not None:
        said.append(f"Half of these runners had hurt for no longer than {duration(half)}.")
    if (low := found.get("p5")) is not None and (high := found.get("p95")) is not None:
        said.append(
            f"Curves are told between {duration(low)} and {duration(high)}, the 5th and 95th percentile: too few were outside of "
            "it to tell."
        )
    return [" ".join(said)] if said else []


def _short(row: ResultRow) -> str:
    """The verdict in few words, for lists."""
    if row["conf_low"] is None or row["conf_high"] is None:
        return "inconclusive"
    if row["conf_low"] > 0:
        return "above zero"
    return "below zero" if row["conf_high"] < 0 else "inconclusive"


def _sides(row: ResultRow) -> tuple[str, str]:
    """The compared strategy and the reference of a stratum `compared - reference`."""
    compared, _, reference = str(row["stratum"]).partition(" - ")
    return compared, reference or "other"


def _weeks(row: ResultRow) -> float | None:
    value = row["estimate"] if row["estimate"] is not None else row["at"]
    return None if value is None or is_withheld(row) else float(round(value))


def _nothing(results: Results, day: int | None) -> str:
    asked = milestones(results, "duration_incidence", day)
    if any(is_withheld(row) for row in asked):
        return f"The shares by how long it had hurt are {withheld(results.min_cell_count)}."
    if asked and all(is_outside(row) for row in asked):
        return "These data cannot say: no duration that was asked about lies where enough runners were."
    reason = next(iter(refusals(results)), "")
    return f"These data cannot say how recovery goes with the time it has hurt. {reason or 'No estimate was made.'}"


def _cautions(results: Results) -> Iterable[str]:
    said = [f"Caution: {one[:1].lower()}{one[1:]}" for one in cautions(results)]
    more = len(said) - FIRST_PAGE_CAUTIONS
    return said if more <= 0 else [*said[:FIRST_PAGE_CAUTIONS], f"{more} more: see “What was refused, and cautions”."]
