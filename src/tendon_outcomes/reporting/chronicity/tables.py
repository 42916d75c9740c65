"""Tables over how long it has hurt: shares, differences, ratios of companions, strategies, responders, and who was there."""

from __future__ import annotations

from collections.abc import Sequence

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.chronicity.cells import NOT_TOLD, Cell, change_cell, duration_cell, flagged, ratio_cell, told
from tendon_outcomes.reporting.chronicity.rows import asked_weeks, drawn, milestones, reference_weeks, score_name
from tendon_outcomes.reporting.chronicity.words import band
from tendon_outcomes.reporting.comparison.words import points_with_limits, strategy_name
from tendon_outcomes.reporting.tables import TableView, rows_of, share_with_interval
from tendon_outcomes.reporting.wording import (
    WITHHELD,
    ResultRow,
    count,
    duration,
    level,
    percent,
    percent_range,
    sentence_case,
    week,
)
from tendon_outcomes.results import Results

_CORNER = "It had hurt for"


def shares(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """The share at every duration asked about, week by week."""
    caption = f"Share reaching {estimand.endpoint.phrase} by how long it had hurt, with {level(estimand.conf_level)} intervals"
    return _by_day(results, estimand, "duration_incidence", f"{name}-durations", caption, share_with_interval)


def differences(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """The same against the reference duration, in 100 runners."""
    against = f"Differences in 100 runners against {duration(reference_weeks(estimand))}"
    caption = f"{against}, with {level(estimand.conf_level)} intervals"
    return _by_day(results, estimand, "duration_difference", f"{name}-duration-differences", caption, _against(estimand))


def over_imputed(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """The same differences with the vagueness of what was told allowed for."""
    against = (
        f"The same differences against {duration(reference_weeks(estimand))}, the vagueness of recalled durations allowed for"
    )
    statistic = "duration_over_imputed_difference"
    return _by_day(results, estimand, statistic, f"{name}-duration-recall", against, points_with_limits)


def companions(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """Ratios against the reference by model: read only beside the differences."""
    rows = milestones(results, "duration_hazard_ratio")
    if not rows:
        return None
    models = list(dict.fromkeys(str(row["estimator"]) for row in rows))
    cells = {(row["at"], row["estimator"]): told(row, ratio_cell) for row in rows}
    body = tuple(
        (
            duration_cell(weeks, [row for row in rows if row["at"] == weeks]),
            *(cells.get((weeks, model), NOT_TOLD) for model in models),
        )
        for weeks in sorted({row["at"] for row in rows})
    )
    caption = (
        f"Ratios against {duration(reference_weeks(estimand))} from models beside it, with {level(estimand.conf_level)} "
        "intervals; of rates of recovery, or of the time to it where the model says so"
    )
    heads = (_CORNER, *(sentence_case(model) for model in models))
    return TableView(f"{name}-duration-ratios", flagged(caption, rows), heads, body, min_cell_count=results.min_cell_count)


def strategies(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """What strategies differ by at each duration, absolute first."""
    found = {row["at"]: row for row in milestones(results, "strategy_difference_by_duration")}
    ratio = {row["at"]: row for row in milestones(results, "strategy_ratio_by_duration")}
    if not found:
        return None
    first = next(iter(found.values()))
    body = tuple(
        (
            duration_cell(weeks, [found[weeks]] if weeks in found else []),
            told(found[weeks], points_with_limits) if weeks in found else "too few runners",
            told(ratio[weeks], ratio_cell) if weeks in ratio else NOT_TOLD,
        )
        for weeks in sorted({*found, *asked_weeks(estimand)})
    )
    trend = tuple(
        ("Longest less shortest", told(row, points_with_limits), NOT_TOLD)
        for row in rows_of(results, "strategy_trend_by_duration")
    )
    sides = strategy_name(str(first["stratum"]).replace(" - ", " against "))
    caption = (
        f"{sentence_case(sides)} by {week(first['day'])}, by how long it had hurt, with {level(estimand.conf_level)} intervals"
    )
    heads = (_CORNER, "Difference in 100 runners", "Ratio of the shares")
    return TableView(
        f"{name}-duration-strategies",
        flagged(caption, found.values()),
        heads,
        (*body, *trend),
        min_cell_count=results.min_cell_count,
    )


def who(results: Results, name: str) -> TableView | None:
    """How many runners had hurt for how long."""
    rows = rows_of(results, "duration_share")
    if not rows:
        return None
    counted = any(row["n_at_risk"] is not None for row in rows)
    body = tuple(
        (
            band(str(row["term"])),
            WITHHELD if row["estimate"] is None else percent(row["estimate"]),
            *((count(row["n_at_risk"]),) if counted else ()),
        )
        for row in rows
    )
    caption = "How long it had hurt on day 0; the bands are for looking only, no estimate uses them"
    head = (_CORNER, "Share", *(("Episodes",) if counted else ()))
    return TableView(f"{name}-duration-bands", caption, head, body, min_cell_count=results.min_cell_count)


def responders(results: Results, estimand: Estimand, day: int | None, name: str) -> TableView | None:
    """The change in points beside the share above the threshold, at the durations asked about or along the curve."""
    changes = _told_places(results, "visa_change_by_duration", day)
    reached = _told_places(results, "responder_share_by_duration", day)
    if not changes:
        return None
    body = tuple(
        (
            duration_cell(weeks, [row]),
            told(row, change_cell),
            told(reached[weeks], share_with_interval) if weeks in reached else NOT_TOLD,
        )
        for weeks, row in sorted(changes.items())
    )
    what = f"Change of {score_name(estimand)} and share of responders"
    caption = f"{what} by how long it had hurt, with {level(estimand.conf_level)} intervals"
    head = (_CORNER, "Mean change, points", "Share above the threshold")
    return TableView(f"{name}-responders", caption, head, body, min_cell_count=results.min_cell_count)


def curve_numbers(results: Results, estimand: Estimand, day: int | None, name: str) -> TableView | None:
    """Every point of the leading figure with both bands."""
    rows = drawn(results, "duration_incidence", day).to_dicts()
    if not rows:
        return None
    around = {row["at"]: row for row in drawn(results, "duration_incidence_band", day).to_dicts()}
    body = tuple(
        (
            duration(row["at"]),
            told(row, lambda one: percent(one["estimate"])),
            percent_range(row["conf_low"], row["conf_high"]),
            percent_range(around[row["at"]]["conf_low"], around[row["at"]]["conf_high"]) if row["at"] in around else NOT_TOLD,
        )
        for row in rows
    )
    says = level(estimand.conf_level)
    caption = f"The numbers behind the figure: share reaching {estimand.endpoint.phrase} by {week(rows[0]['day'])}"
    head = (_CORNER, "Share", f"{says} interval at this duration", f"{says} band for the whole curve")
    return TableView(f"{name}-duration-curve", caption, head, body, min_cell_count=results.min_cell_count)


def _against(estimand: Estimand) -> Cell:
    """A difference in points; the reference itself has none."""
    return lambda row: "reference" if row["at"] == reference_weeks(estimand) else points_with_limits(row)


def _by_day(results: Results, estimand: Estimand, statistic: str, name: str, caption: str, cell: Cell) -> TableView | None:
    """Durations down, weeks across; a duration that was asked about and has no row keeps its place."""
    rows = milestones(results, statistic)
    if not rows:
        return None
    days = sorted({row["day"] for row in rows})
    cells = {(row["at"], row["day"]): told(row, cell) for row in rows}
    places = sorted({*(row["at"] for row in rows), *asked_weeks(estimand)})
    body = tuple(
        (duration_cell(weeks, [row for row in rows if row["at"] == weeks]), *(cells.get((weeks, day), "refused") for day in days))
        for weeks in places
    )
    heads = (_CORNER, *(f"By {week(day)}" for day in days))
    return TableView(name, flagged(caption, rows), heads, body, min_cell_count=results.min_cell_count)


def _told_places(results: Results, statistic: str, day: int | None) -> dict[float, ResultRow]:
    rows: Sequence[ResultRow] = milestones(results, statistic, day)
    return {row["at"]: row for row in rows}
