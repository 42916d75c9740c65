"""Small cells: what is withheld before anybody outside the clinic may read a result, so that subtraction cannot bring it back.

A count from 1 to `min_cell_count - 1` is small. Three places can give one away: the flow (a step's exclusions are a difference),
a total with its parts, and a curve (the events between two published days). Each has its own function here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import polars as pl

from tendon_outcomes.errors import WrongUse
from tendon_outcomes.results.attrition import Attrition, Step
from tendon_outcomes.results.results import Results

_NUMBERS = ("estimate", "bound_low", "bound_high", "std_error", "conf_low", "conf_high")
_COUNTS = ("n_at_risk", "n_events", "n_censored")
_FINAL_OF = {True: ("competing",), False: ()}  # all competing events have a final count, a single cause has none


def suppress(results: Results, *, min_cell_count: int) -> Results:
    """Results in which no count from 1 to ``min_cell_count - 1`` is shown or can be had by subtraction.

    With ``min_cell_count = 1`` nothing is hidden: the internal tier. Estimates fall with the counts they are made of.

    1. Milestones of the incidence are told when the events since the last one told are 0 or enough and enough are still
       followed; days of the curve are fitted between them. How many were still followed and how many had left is told only on
       days between which 0 or enough left.
    2. Running counts of a competing cause and of loss follow the same rule up to their final count.
    3. How follow-up ended is a total with parts: small parts go, and others with them until their sum is large enough; the
       events go too when what happened after the last published milestone would be small.
    4. Other readings of the same cohort (sensitivity, visit dates) lose their counts, and their estimates with the primary one.
    5. A verdict keeps its word when enough had the event, and its numbers when its milestone is told.

    Raises
    ------
    WrongUse
        ``min_cell_count`` is below 1, or the results went through here before.
    """
    if min_cell_count < 1:
        raise WrongUse("min_cell_count must be at least 1")
    if results.min_cell_count is not None:
        raise WrongUse("these results were suppressed before", way_out="Suppress the results as analysed, once.")
    if min_cell_count == 1:
        return replace(results, min_cell_count=1)
    rows = results.rows.with_row_index("_order")
    parts = [_group(part, rows, min_cell_count) for part in _groups(rows)]
    kept = pl.concat(parts).sort("_order").drop("_order") if parts else results.rows
    return replace(results, rows=kept, attrition=suppress_flow(results.attrition, min_cell_count), min_cell_count=min_cell_count)


def suppress_flow(flow: Attrition, min_cell_count: int) -> Attrition:
    """The flow with steps merged until any two published totals differ by 0 or enough.

    Totals are chosen from the end, because how many were analysed is what the reader needs: an earlier total is published when
    it differs by 0 or enough from the next published one. A small end publishes nothing.
    """
    if not flow.steps:
        return flow
    totals = [step.n_before or 0 for step in flow.steps[:1]] + [step.n_after or 0 for step in flow.steps]
    published: list[int] = []
    if not _small(flow.n_end, min_cell_count):
        for position in reversed(range(len(totals))):
            if not published or not _small(totals[position] - totals[published[-1]], min_cell_count):
                published.append(position)
    return replace(flow, steps=tuple(_merged_steps(flow.steps, set(published))))


def _merged_steps(steps: Sequence[Step], published: set[int]) -> list[Step]:
    """Steps joined wherever the total between them is not published; position i is the total before step i."""
    starts = [position for position in range(len(steps)) if position == 0 or position in published]
    return [
        _joined(steps[start:end], before=start in published, after=end in published)
        for start, end in zip(starts, [*starts[1:], len(steps)], strict=True)
    ]


def _joined(steps: Sequence[Step], *, before: bool, after: bool) -> Step:
    """Several steps as one, with the totals that may be told; a step that left nobody out gives no reason of its own."""
    reasons = [step.says for step in steps if step.n_excluded] or [steps[0].says]
    n_before = steps[0].n_before if before else None
    n_after = steps[-1].n_after if after else None
    excluded = None if n_before is None or n_after is None else n_before - n_after
    return Step("; or ".join(reasons), n_before, excluded, n_after)


def suppress_parts(parts: Sequence[int], min_cell_count: int, *, withheld: Sequence[bool] = ()) -> list[bool]:
    """Which parts of a published total to withhold so that neither they nor their sum is small. True means withhold.

    ``withheld`` marks parts that go for another reason. A single part cannot hide behind its total, so another goes with it.
    """
    forced = withheld or [False] * len(parts)
    hidden = [_small(part, min_cell_count) or force for part, force in zip(parts, forced, strict=True)]
    while any(hidden):
        total = sum(part for part, is_hidden in zip(parts, hidden, strict=True) if is_hidden)
        candidates = [i for i, part in enumerate(parts) if not hidden[i] and part > 0]
        if (total >= min_cell_count and sum(hidden) > 1) or not candidates:
            break
        hidden[min(candidates, key=lambda i: parts[i])] = True
    return hidden


def _small(count: int | None, min_cell_count: int) -> bool:
    return count is not None and 0 < count < min_cell_count


def _groups(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Rows that are published together: one statistic and stratum; a running count also by its cause."""
    cause = pl.when(pl.col("statistic") == "competing_incidence").then("term").otherwise(pl.lit(""))
    keyed = rows.with_columns(cause.alias("_cause"))
    return [part.drop("_cause") for part in keyed.partition_by("statistic", "stratum", "_cause", maintain_order=True)]


def _group(part: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    match part["statistic"][0]:
        case "refusal" | "caution":
            return part
        case "count":
            return _counts(part, rows, min_cell_count)
        case "cumulative_incidence":
            shown = _incidence(part, _milestones_told(rows, part["stratum"][0], min_cell_count), min_cell_count)
            return _without_narrow_bounds(shown, rows, min_cell_count)
        case "competing_incidence":
            of_stratum = rows.filter(pl.col("stratum") == part["stratum"][0])
            final = _final_count(of_stratum, _FINAL_OF[part["term"][0] == "any"])
            counted = _running_count(part, final, min_cell_count)
            return counted.with_columns(pl.lit(None, dtype=pl.Int64()).alias("n_at_risk"))  # the incidence rows tell it, or not
        case "lost_share":
            return _running_count(part, _final_count(rows, ("lost",)), min_cell_count)
        case "verdict":
            return _verdict(part, _milestones_told(rows, part["stratum"][0], min_cell_count), min_cell_count)
        case "sensitivity_cumulative_incidence" | "naive_cumulative_incidence":
            return _other_reading(part, rows, min_cell_count)
        case _:
            return _withhold_small_rows(part, min_cell_count)


def _milestones_told(rows: pl.DataFrame, stratum: str, min_cell_count: int) -> list[int]:
    """Milestone days of a stratum whose incidence is told: as many as events allow, the day of the decision before others."""
    of_stratum = rows.filter(pl.col("stratum") == stratum)
    milestones = of_stratum.filter(pl.col("statistic") == "cumulative_incidence", pl.col("term") == "milestone").sort("day")
    followed = [row for row in milestones.iter_rows(named=True) if (row["n_at_risk"] or 0) >= min_cell_count]
    decision = of_stratum.filter(pl.col("statistic") == "verdict")["day"].to_list()
    return [row["day"] for row in _most_that_go_together(followed, "n_events", decision, min_cell_count)]


def _most_that_go_together(
    rows: list[dict[str, Any]], name: str, first: list[int], min_cell_count: int
) -> tuple[dict[str, Any], ...]:
    """The largest set of days whose running count grows by 0 or enough from one to the next; of equals the one with `first`."""
    for size in range(len(rows), 0, -1):
        sets = [chosen for chosen in combinations(rows, size) if _steps_are_large(chosen, name, min_cell_count)]
        if sets:
            return max(sets, key=lambda chosen: (any(row["day"] in first for row in chosen), sum(row["day"] for row in chosen)))
    return ()


def _steps_are_large(rows: Sequence[dict[str, Any]], name: str, min_cell_count: int) -> bool:
    values = [0, *(int(row[name] or 0) for row in rows)]
    return not any(_small(abs(after - before), min_cell_count) for before, after in pairwise(values))


def _incidence(part: pl.DataFrame, told: list[int], min_cell_count: int) -> pl.DataFrame:
    """Milestones, then the days of the curve that fit between the told ones; departures only where they too are 0 or enough."""
    milestones = part.filter(pl.col("term") == "milestone").sort("day")
    curve = part.filter(pl.col("term") != "milestone").sort("day")
    anchors = milestones.filter(pl.col("day").is_in(told)).to_dicts()
    unasked = curve.filter(~pl.col("day").is_in(milestones["day"].to_list()), pl.col("n_at_risk") >= min_cell_count)
    days = [*told, *_days_between(unasked.to_dicts(), anchors, "n_events", min_cell_count)]
    hidden = ~milestones["day"].is_in(told)
    shown = pl.concat([_withhold(milestones, hidden, min_cell_count), curve.filter(pl.col("day").is_in(days))])
    with_departures = _most_that_go_together(anchors, "n_censored", told[-1:], min_cell_count)
    others = shown.filter(~pl.col("day").is_in(told), pl.col("n_events").is_not_null()).to_dicts()
    departures = [row["day"] for row in with_departures]
    departures += _days_between(others, list(with_departures), "n_censored", min_cell_count)
    return shown.with_columns(
        pl.when(pl.col("day").is_in(departures)).then(pl.col(name)).alias(name) for name in ("n_at_risk", "n_censored")
    )


def _without_narrow_bounds(shown: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """Bounds that part because of few unconfirmed last passes tell how few; the confidence limits stay."""
    unconfirmed = rows.filter(pl.col("statistic") == "unconfirmed_last_pass")["n_events"].to_list()
    if not any(_small(count, min_cell_count) for count in unconfirmed):
        return shown
    return shown.with_columns(pl.lit(None, dtype=pl.Float64()).alias(name) for name in ("bound_low", "bound_high"))


def _days_between(rows: list[dict[str, Any]], anchors: list[dict[str, Any]], name: str, min_cell_count: int) -> list[int]:
    """Days that can be told beside the anchors: each differs by 0 or enough from those told before and after it."""
    told = list(anchors)
    days: list[int] = []
    for row in rows:
        together = sorted([*told, row], key=lambda one: int(one["day"]))
        if _steps_are_large(together, name, min_cell_count):
            told = together
            days.append(int(row["day"]))
    return days


def _verdict(part: pl.DataFrame, told: list[int], min_cell_count: int) -> pl.DataFrame:
    """The word stays when enough had the event; the numbers only with their milestone."""
    whole = _withhold_small_rows(part, min_cell_count)
    alone = ~pl.col("day").is_in(told) if told else pl.lit(value=True)
    return whole.with_columns(pl.when(~alone).then(pl.col(name)).alias(name) for name in (*_NUMBERS, *_COUNTS))


def _other_reading(part: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """Another reading of the same cohort: no counts, and an estimate only on a day whose primary estimate is told.

    `n_censored` of a sensitivity row is how many it reads in another way; the difference to the primary estimate tells it.
    """
    strata = rows.filter(pl.col("statistic") == "cumulative_incidence")["stratum"].unique().to_list()
    told = {day for stratum in strata for day in _milestones_told(rows, stratum, min_cell_count)}
    shown = _withhold_small_rows(part, min_cell_count, names=_COUNTS)
    shown = _withhold(shown, ~shown["day"].is_in(list(told)), min_cell_count)
    return shown.with_columns(pl.lit(None, dtype=pl.Int64()).alias(name) for name in _COUNTS)


def _running_count(part: pl.DataFrame, final: int | None, min_cell_count: int) -> pl.DataFrame:
    """A count that grows from row to row towards its final value: each step 0 or enough, or the row goes."""
    hidden, last = [], 0
    for count in part["n_events"].to_list():
        rest = None if final is None else abs(final - (count or 0))
        gone = _small((count or 0) - last, min_cell_count) or _small(rest, min_cell_count)
        hidden.append(gone)
        last = last if gone else count or 0
    return _withhold(part, pl.Series(hidden, dtype=pl.Boolean), min_cell_count)


def _final_count(rows: pl.DataFrame, terms: tuple[str, ...]) -> int | None:
    found = rows.filter(pl.col("statistic") == "count", pl.col("term").is_in(list(terms)))
    return int(found["n_events"].sum()) if found.height else None


def _counts(part: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """The total and its parts. One stratum's last milestone is compared with the final number of events."""
    terms = part["term"].to_list()
    values = [value or 0 for value in part["n_events"].to_list()]
    inner = [term != "total" for term in terms]
    rows = rows.filter(pl.col("stratum") == part["stratum"][0])
    forced = [
        term == "event" and _close_to_a_milestone(rows, value, min_cell_count) for term, value in zip(terms, values, strict=True)
    ]
    parts = [value for value, is_part in zip(values, inner, strict=True) if is_part]
    must = [force for force, is_part in zip(forced, inner, strict=True) if is_part]
    decided = iter(suppress_parts(parts, min_cell_count, withheld=must))
    hidden = [next(decided) if is_part else False for is_part in inner]
    rest = sum(value for value, gone in zip(values, hidden, strict=True) if gone)
    total_gives_it_away = (
        0 < rest < min_cell_count
        or sum(hidden) == 1
        or any(_small(value, min_cell_count) for value, is_part in zip(values, inner, strict=True) if not is_part)
    )
    if total_gives_it_away:
        hidden = [gone or not is_part for gone, is_part in zip(hidden, inner, strict=True)]
    return _withhold(part, pl.Series(hidden, dtype=pl.Boolean), min_cell_count)


def _close_to_a_milestone(rows: pl.DataFrame, events: int, min_cell_count: int) -> bool:
    at_milestones = rows.filter(pl.col("statistic") == "cumulative_incidence")["n_events"].drop_nulls().to_list()
    return any(_small(events - count, min_cell_count) for count in at_milestones)


def _withhold_small_rows(
    part: pl.DataFrame, min_cell_count: int, *, names: Sequence[str] = ("n_at_risk", "n_events")
) -> pl.DataFrame:
    """An estimate is a statistic of its numerator and denominator: it goes when one of them is small."""
    small = pl.any_horizontal(pl.col(name).is_between(1, min_cell_count - 1).fill_null(value=False) for name in names)
    return _withhold(part, part.select(small.alias("_")).to_series(), min_cell_count)


def _withhold(part: pl.DataFrame, hidden: pl.Series, min_cell_count: int) -> pl.DataFrame:
    """Blank the numbers of the chosen rows and say why."""
    reason = f"withheld: fewer than {min_cell_count} runners, or a number from which so few could be worked out"
    word = pl.when(hidden & (pl.col("statistic") == "verdict")).then(pl.lit("not shown")).otherwise(pl.col("term")).alias("term")
    return part.with_columns(
        *(pl.when(~hidden).then(pl.col(name)).alias(name) for name in (*_NUMBERS, *_COUNTS)),
        pl.when(hidden).then(pl.lit(reason)).otherwise(pl.col("warning")).alias("warning"),
        word,
    )
