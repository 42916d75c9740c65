"""What is withheld before anybody outside the clinic may read a report, so that subtraction cannot bring it back.

Counts stand in three places only: the flow, the incidence rows (reached, still followed, left) and how follow-up ended. Every
other row loses its counts, and every estimate is rounded, so that an estimate times the number of runners gives no count back.
Counts of a quarter's report that stand too close to those of an earlier quarter's go as well; the shares stay, to whole percent.
What this does not do: compare with other reports shared before; that is for whoever shares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import polars as pl

from tendon_outcomes.errors import TendonOutcomesError, WrongUse
from tendon_outcomes.results.disclosure_audit import OF_CLINICIANS, is_audit, suppress_audit
from tendon_outcomes.results.disclosure_durations import DURATIONS, WHOLE_WEEKS, suppress_durations
from tendon_outcomes.results.disclosure_strategies import (
    KNOWN,
    SEPARATELY,
    TO_TENS,
    WHOLE_DAYS,
    Ends,
    ends_of_all,
    suppress_strategies,
    suppress_words,
)
from tendon_outcomes.results.results import Results
from tendon_outcomes.results.small_counts import is_small, longest_chain, suppress_flow, suppress_parts, tellable_totals
from tendon_outcomes.results.told_before import NOTHING_TOLD, ToldBefore, without_near_counts
from tendon_outcomes.results.withholding import (
    COUNTS,
    ESTIMATES,
    NUMBERS,
    days_between,
    running_count,
    withhold,
    withhold_small_rows,
    without_counts,
)

_IN_DAYS = (
    "median_days",
    "median_verdict",
    "restricted_mean_time_lost",
    "follow_up_median_days",
    "assessment_gap_median_days",
    "assessment_gap_days",
    *WHOLE_DAYS,
    *WHOLE_WEEKS,
)
PROBABILITY_DIGITS = 2


def suppress(results: Results, *, min_cell_count: int) -> Results:
    """One analysis alone; see `suppress_all`."""
    return suppress_all([results], min_cell_count=min_cell_count)[0]


def suppress_all(
    reports: Sequence[Results], *, min_cell_count: int, totals: Iterable[int] = (), before: ToldBefore = NOTHING_TOLD
) -> list[Results]:
    """Results of one report in which no count from 1 to ``min_cell_count - 1`` is shown or can be had by subtraction.

    With ``min_cell_count = 1`` nothing is hidden: the internal tier. ``totals`` are numbers of episodes that the report tells
    elsewhere, such as those accepted at intake; ``before`` is what reports of earlier quarters told.

    1. Totals of all flows are chosen together, those analysed first: any two that are told are equal or far enough apart. An
       analysis whose number may not be told keeps its estimates and loses its counts.
    2. Milestones of the incidence are told when the events since the last one told are 0 or enough and enough are still
       followed; days of the curve are fitted between them. How many were still followed and how many had left is told only on
       days between which 0 or enough left.
    3. How follow-up ended is a total with parts: small parts go, and others with them until their sum is large enough.
    4. Competing events and loss keep an estimate while their counts, step by step, are 0 or enough.
    5. Other readings of the cohort keep an estimate on days whose primary one is told, while the number that they read in
       another way is 0 or enough. A verdict keeps its word when enough had the event, its numbers with its milestone.

    Raises
    ------
    WrongUse
        ``min_cell_count`` is below 1, or results went through here before.
    """
    if min_cell_count < 1:
        raise WrongUse("min_cell_count must be at least 1", way_out="Give 1 (nothing hidden) or more.")
    if any(one.min_cell_count is not None for one in reports):
        raise WrongUse("these results were suppressed before", way_out="Suppress the results as analysed, once.")
    if min_cell_count == 1:
        return [replace(one, min_cell_count=1) for one in reports]
    ends = [one.attrition.n_end for one in reports if one.attrition.n_end is not None]
    inner = [step.n_after for one in reports for step in reversed(one.attrition.steps) if step.n_after is not None]
    starts = [one.attrition.n_start for one in reports if one.attrition.n_start is not None]
    tellable = tellable_totals(ends, [*totals, *inner, *starts], min_cell_count, told=before.totals)
    ended = ends_of_all(pl.concat(one.rows for one in reports)) if reports else {}
    return [_suppressed(one, tellable, min_cell_count, ended, before) for one in reports]


def _suppressed(results: Results, tellable: frozenset[int], min_cell_count: int, ends: Ends, before: ToldBefore) -> Results:
    rows = results.rows.filter(~pl.col("stratum").str.starts_with(OF_CLINICIANS)).with_row_index("_order")
    parts = [_group(part, rows, min_cell_count, ends) for part in _groups(rows.filter(~is_audit()))]
    audited = rows.filter(is_audit())
    if audited.height:
        milestones = _milestones_told(rows.filter(pl.col("stratum") == "all"), min_cell_count)
        parts.append(suppress_audit(audited, rows, min_cell_count, before=before, milestones=milestones))
    kept = pl.concat(parts).sort("_order").drop("_order") if parts else results.rows
    kept = without_near_counts(kept, before, min_cell_count)
    if results.attrition.steps and results.attrition.n_end not in tellable:
        kept = _without_size(kept)
    flow = suppress_flow(results.attrition, tellable)
    return replace(results, rows=_rounded(kept), attrition=flow, min_cell_count=min_cell_count)


def _groups(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Rows that are told together: one statistic and stratum; a running count also by its cause, reading or estimator."""
    running = pl.col("statistic").is_in(["competing_incidence", "sensitivity_cumulative_incidence"])
    separately = pl.col("statistic").is_in(list(SEPARATELY))
    run = pl.when(running).then("term").when(separately).then("estimator").otherwise(pl.lit(""))
    keyed = rows.with_columns(run.alias("_run"))
    return [part.drop("_run") for part in keyed.partition_by("statistic", "stratum", "_run", maintain_order=True)]


def _group(part: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int, ends: Ends) -> pl.DataFrame:
    statistic, stratum = part["statistic"][0], part["stratum"][0]
    of_stratum = rows.filter(pl.col("stratum") == stratum)
    match statistic:
        case "refusal" | "caution":
            return suppress_words(part, min_cell_count)
        case _ if statistic in KNOWN:
            return suppress_strategies(part, rows, min_cell_count, ends=ends)
        case _ if statistic in DURATIONS:
            return suppress_durations(part, min_cell_count)
        case "count":
            return _counts(part, of_stratum, min_cell_count)
        case "cumulative_incidence":
            shown = _incidence(part, _milestones_told(of_stratum, min_cell_count), min_cell_count)
            return _without_narrow_bounds(shown, rows, min_cell_count)
        case "competing_incidence":
            final = _final_count(of_stratum, "competing") if part["term"][0] == "any" else None
            return running_count(part, "n_events", final, min_cell_count)
        case "lost_share":
            return running_count(_of_enough(part, min_cell_count), "n_events", _final_count(rows, "lost"), min_cell_count)
        case "verdict":
            return _verdict(part, _milestones_told(of_stratum, min_cell_count), min_cell_count)
        case "sensitivity_cumulative_incidence" | "naive_cumulative_incidence":
            return _other_reading(part, _milestones_told(of_stratum, min_cell_count), min_cell_count)
        case _ if statistic in (*_IN_DAYS, "unconfirmed_last_pass", "unplanned_assessment_share"):
            return without_counts(withhold_small_rows(part, min_cell_count), keep=statistic == "unconfirmed_last_pass")
        case _:
            raise TendonOutcomesError(f"statistic {statistic} has no rule for small cells", way_out="Declare one beside it.")


def _milestones_told(of_stratum: pl.DataFrame, min_cell_count: int) -> list[int]:
    """Milestone days whose incidence is told: as many as events allow, the day of the decision before others."""
    milestones = of_stratum.filter(pl.col("statistic") == "cumulative_incidence", pl.col("term") == "milestone").sort("day")
    followed = milestones.filter(pl.col("n_at_risk") >= min_cell_count)
    decision = of_stratum.filter(pl.col("statistic") == "verdict")["day"].to_list()
    prefer = [day in decision for day in followed["day"]]
    told = longest_chain([value or 0 for value in followed["n_events"]], min_cell_count, prefer=prefer)
    return [int(followed["day"][position]) for position in told]


def _incidence(part: pl.DataFrame, told: list[int], min_cell_count: int) -> pl.DataFrame:
    """Milestones, then the days of the curve that fit between the told ones; departures only where they too are 0 or enough."""
    milestones = part.filter(pl.col("term") == "milestone").sort("day")
    curve = part.filter(pl.col("term") != "milestone").sort("day")
    anchors = {row["day"]: row for row in milestones.iter_rows(named=True) if row["day"] in told}
    unasked = curve.filter(~pl.col("day").is_in(milestones["day"].to_list()), pl.col("n_at_risk") >= min_cell_count)
    days = {day: row["n_events"] or 0 for day, row in anchors.items()}
    days = days_between(unasked, "n_events", days, min_cell_count)
    hidden = ~milestones["day"].is_in(told)
    shown = pl.concat([withhold(milestones, hidden, min_cell_count), curve.filter(pl.col("day").is_in(list(days)))])
    left = [row["n_censored"] or 0 for row in anchors.values()]
    chain = longest_chain(left, min_cell_count, prefer=[False] * len(left))
    departures = {list(anchors)[position]: left[position] for position in chain}
    others = shown.filter(~pl.col("day").is_in(told), pl.col("n_events").is_not_null())
    departures = days_between(others, "n_censored", departures, min_cell_count)
    told_too = pl.col("day").is_in(list(departures))
    return shown.with_columns(pl.when(told_too).then(pl.col(name)).alias(name) for name in ("n_at_risk", "n_censored"))


def _without_narrow_bounds(shown: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """Bounds that part because of few unconfirmed last passes tell how few; the confidence limits stay."""
    unconfirmed = rows.filter(pl.col("statistic") == "unconfirmed_last_pass")["n_events"].to_list()
    if not any(is_small(count, min_cell_count) for count in unconfirmed):
        return shown
    return shown.with_columns(pl.lit(None, dtype=pl.Float64()).alias(name) for name in ("bound_low", "bound_high"))


def _counts(part: pl.DataFrame, of_stratum: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """The total and its parts.

    A part goes, with another, when it comes close to a number of the incidence rows: the events to those of a told day, the
    competing, alone or with those lost, to those who had left by one.
    """
    terms = part["term"].to_list()
    values = dict(zip(terms, (value or 0 for value in part["n_events"].to_list()), strict=True))
    parts = [term for term in terms if term != "total"]
    curve = of_stratum.filter(pl.col("statistic") == "cumulative_incidence")
    shown = _incidence(curve, _milestones_told(of_stratum, min_cell_count), min_cell_count)
    reached, left = (shown[name].drop_nulls().to_list() for name in ("n_events", "n_censored"))
    competing, lost = values.get("competing", 0), values.get("lost", 0)
    close = {
        "event": any(is_small(abs(values.get("event", 0) - count), min_cell_count) for count in reached),
        "competing": any(is_small(abs(count - competing), min_cell_count) for count in left),
        "lost": any(is_small(abs(count - competing - lost), min_cell_count) for count in left),
    }
    forced = [close.get(term, False) for term in parts]
    decided = suppress_parts([values[term] for term in parts], min_cell_count, withheld=forced)
    gone = {term for term, hidden in zip(parts, decided, strict=True) if hidden}
    rest = sum(values[term] for term in gone)
    if is_small(values.get("total"), min_cell_count) or (gone and (rest < min_cell_count or len(gone) == 1)):
        gone = set(terms)
    return withhold(part, pl.Series([term in gone for term in terms], dtype=pl.Boolean), min_cell_count)


def _final_count(rows: pl.DataFrame, term: str) -> int | None:
    found = rows.filter(pl.col("statistic") == "count", pl.col("term") == term)
    return int(found["n_events"].sum()) if found.height else None


def _of_enough(part: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """A share with limits tells of how many it is: it goes where these are few, or those outside it."""
    stayed = pl.col("n_at_risk") - pl.col("n_events")
    few = pl.any_horizontal(one.is_between(1, min_cell_count - 1).fill_null(value=False) for one in (pl.col("n_at_risk"), stayed))
    return withhold(part, part.select(few.alias("_")).to_series(), min_cell_count)


def _verdict(part: pl.DataFrame, told: list[int], min_cell_count: int) -> pl.DataFrame:
    """The word stays when enough had the event; the numbers only with their milestone, the counts never twice."""
    whole = without_counts(withhold_small_rows(part, min_cell_count))
    return whole.with_columns(pl.when(pl.col("day").is_in(told)).then(pl.col(name)).alias(name) for name in NUMBERS)


def _other_reading(part: pl.DataFrame, told: list[int], min_cell_count: int) -> pl.DataFrame:
    """Another reading of the same cohort: no counts, and an estimate only on a day whose primary estimate is told.

    `n_censored` of a sensitivity row is how many it reads in another way: its distance from the primary estimate tells that.
    """
    shown = withhold_small_rows(withhold(part, ~part["day"].is_in(told), min_cell_count), min_cell_count)
    return running_count(shown, "n_censored", None, min_cell_count)


def _without_size(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of an analysis whose number of episodes may not be told: estimates stay, everything that adds up to it goes."""
    told_elsewhere = pl.col("statistic").is_in(["refusal", "caution"])
    return rows.with_columns(pl.when(told_elsewhere).then(pl.col(name)).alias(name) for name in COUNTS)


def _rounded(rows: pl.DataFrame) -> pl.DataFrame:
    """Shares to whole percent and times to whole days, limits outward, so that no estimate times a number gives a count back."""
    in_days, to_tens = (pl.col("statistic").is_in(list(names)) for names in (_IN_DAYS, TO_TENS))
    scale = pl.when(in_days).then(1.0).when(to_tens).then(0.1).otherwise(10.0**PROBABILITY_DIGITS)
    return rows.with_columns(
        *((pl.col(name) * scale).round() / scale for name in ESTIMATES),
        (pl.col("conf_low") * scale).floor() / scale,
        (pl.col("conf_high") * scale).ceil() / scale,
    )
