"""Tables of what else the numbers over duration could come from: other adjustments, selection, vague memory, another clock."""

from __future__ import annotations

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.chronicity.cells import NOT_TOLD, flagged, ratio_cell, told
from tendon_outcomes.reporting.chronicity.rows import reference_weeks
from tendon_outcomes.reporting.chronicity.words import ratio_verdict
from tendon_outcomes.reporting.comparison.words import points_with_limits
from tendon_outcomes.reporting.tables import TableView, rows_of, share_with_interval
from tendon_outcomes.reporting.wording import (
    NBSP,
    WEEKS_A_QUARTER,
    ResultRow,
    duration,
    is_withheld,
    level,
    sentence_case,
    week,
)
from tendon_outcomes.results import Results

LIMIT_MARK = "‡"


def sensitivity(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """The same differences under other adjustments, each named by its rows."""
    rows = [row for row in rows_of(results, "sensitivity_duration_difference") if row["at"] is not None]
    if not rows:
        return None
    days = sorted({row["day"] for row in rows})
    lines: dict[tuple[str, float], dict[int, str]] = {}
    for row in sorted(rows, key=lambda one: (str(one["term"]), float(one["at"]))):
        lines.setdefault((str(row["term"]), row["at"]), {})[row["day"]] = told(row, points_with_limits)
    body = tuple(
        (f"{sentence_case(term)}: {duration(weeks)}", *(cells.get(day, NOT_TOLD) for day in days))
        for (term, weeks), cells in lines.items()
    )
    caption = f"The same differences against {duration(reference_weeks(estimand))} under other assumptions"
    heads = ("Assumption, and how long it had hurt", *(f"By {week(day)}" for day in days))
    return TableView(f"{name}-duration-sensitivity", flagged(caption, rows), heads, body, min_cell_count=results.min_cell_count)


def since_onset(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """The share with the clock started at the first pain, among those seen from then on."""
    rows = [row for row in rows_of(results, "since_onset_incidence") if row["at"] is not None]
    if not rows:
        return None
    quarters = [row for row in rows if row["at"] % WEEKS_A_QUARTER == 0]
    shown = sorted(quarters or rows, key=lambda one: float(one["at"]))
    body = tuple((duration(row["at"]), told(row, share_with_interval)) for row in shown)
    first = estimand.exposure.frailty.since_onset_from_week if estimand.exposure else None
    entered = f" of those who had not by week{NBSP}{first:g}" if first else ""
    caption = (
        f"Counted from the first pain instead of day 0: share reaching {estimand.endpoint.phrase}{entered}, runners "
        f"entering when they were first seen, with {level(estimand.conf_level)} intervals"
    )
    return TableView(
        f"{name}-since-onset", caption, ("Since the first pain", "Share"), body, min_cell_count=results.min_cell_count
    )


def frailty(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """The ratio of two durations as selection is let be stronger and stronger."""
    rows = [row for row in rows_of(results, "frailty_hazard_ratio") if row["at"] is not None]
    if not rows:
        return None
    body = tuple(
        (
            f"{row['at']:g}{' (no selection)' if row['at'] == 0 else ''}{f'{NBSP}{LIMIT_MARK}' if _is_limit(row) else ''}",
            told(row, ratio_cell),
            "" if is_withheld(row) or row["estimate"] is None else sentence_case(ratio_verdict(row)),
        )
        for row in sorted(rows, key=lambda one: float(one["at"]))
    )
    caption = (
        "If runners differ in how readily they recover: ratio of the rates of recovery, long against short duration, with "
        f"{level(estimand.conf_level)} intervals"
    )
    for says in dict.fromkeys(str(row["warning"]) for row in rows if _is_limit(row)):
        caption += f". {LIMIT_MARK} {says}"
    head = ("Frailty variance", "Ratio", "What it leaves")
    return TableView(f"{name}-frailty", caption, head, body, min_cell_count=results.min_cell_count)


def _is_limit(row: ResultRow) -> bool:
    """So large a variance fits only in the limit of ever faster recovery before day 0: the row carries a warning."""
    return not is_withheld(row) and bool(row["warning"])


def heaping(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """How much more often round durations were told than their neighbourhood."""
    rows = [row for row in rows_of(results, "duration_heaping") if row["term"] != "overall"]
    if not rows:
        return None
    body = tuple((str(row["term"]).replace(" ", NBSP), told(row, ratio_cell)) for row in rows)
    caption = f"Round numbers among the durations told, with {level(estimand.conf_level)} limits"
    head = ("Near", "Told so many times as often as a smooth spread would have it")
    return TableView(f"{name}-heaping", caption, head, body, min_cell_count=results.min_cell_count)
