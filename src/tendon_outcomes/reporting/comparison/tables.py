"""Estimates of a comparison as tables: shares by strategy, differences and ratios by method, and how far they may be trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.comparison.words import (
    AGREEMENT,
    POINT_TREATMENT,
    PRIMARY,
    SENSITIVITY,
    UNADJUSTED,
    decimal,
    endpoints,
    points_with_limits,
    reading,
    signed,
    strategy_name,
)
from tendon_outcomes.reporting.tables import TableView, rows_of, share_with_interval
from tendon_outcomes.reporting.wording import (
    NBSP,
    WITHHELD,
    ResultRow,
    count,
    is_withheld,
    level,
    readable,
    sentence_case,
    week,
    week_number,
)
from tendon_outcomes.results import Results

KINDS = {
    PRIMARY: "Strategies as kept up",
    AGREEMENT: "Strategies as kept up, other methods",
    POINT_TREATMENT: "Strategies as prescribed",
    UNADJUSTED: "Not adjusted, not to be used",
}
"""What a contrast compares, in the order of the tables."""
Cell = Callable[[ResultRow], str]


def shares(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """The share under each strategy at the weeks asked about, method by method."""
    rows = rows_of(results, "strategy_incidence", "milestone")
    named = [(f"{sentence_case(strategy_name(row['stratum']))}, {row['estimator']}", row) for row in rows]
    caption = f"Cumulative incidence of {estimand.endpoint.phrase} by strategy, with {level(estimand.conf_level)} intervals"
    return _by_day(results, named, f"{name}-shares", caption, "Strategy and method", share_with_interval)


def differences(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """Differences of shares by method and week."""
    caption = f"Differences in 100 runners: {_versus(estimand)}, with {level(estimand.conf_level)} intervals"
    named = _by_kind(rows_of(results, "incidence_difference"))
    return _by_day(results, named, f"{name}-differences", caption, "Method", _points)


def ratios(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """Ratios of shares by method and week; read only beside the differences."""
    caption = f"Ratios of the shares: {_versus(estimand)}, with {level(estimand.conf_level)} intervals"
    named = _by_kind(rows_of(results, "incidence_ratio"))
    return _by_day(results, named, f"{name}-ratios", caption, "Method", _decimals)


def time_gained(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """Differences of the mean time after reaching the endpoint within the horizon."""
    caption = (
        f"Days more after reaching {estimand.endpoint.phrase}: {_versus(estimand)}, with {level(estimand.conf_level)} intervals"
    )
    named = _by_kind(rows_of(results, "restricted_mean_difference"))
    return _by_day(results, named, f"{name}-time", caption, "Method", _days, head="Within {} weeks")


def sensitivity(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """What other populations and other fates of those lost would say, under the answer that they vary."""
    varied = [row for row in rows_of(results, "incidence_difference") if str(row["term"]).startswith(SENSITIVITY)]
    if not varied:
        return None
    told = rows_of(results, "incidence_difference", POINT_TREATMENT)
    answer = [("As prescribed, " + str(row["estimator"]), row) for row in told if row["estimator"] == told[0]["estimator"]]
    named = [(sentence_case(str(row["term"]).removeprefix(SENSITIVITY)).replace("_", "-"), row) for row in varied]
    caption = f"The same difference, in 100 runners, under other assumptions, with {level(estimand.conf_level)} intervals"
    return _by_day(results, [*answer, *named], f"{name}-sensitivity", caption, "Assumption", _points)


def multiverse(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """The difference under every reading of the definitions."""
    rows = rows_of(results, "multiverse_difference")
    named = [(sentence_case(reading(str(row["term"]), estimand)), row) for row in rows]
    tried = {str(row["term"]).partition(", ")[0] for row in rows}
    says = [one.version.title.rstrip(".") for one in endpoints(estimand) if one.reference in tried]
    caption = f"The same difference, in 100 runners, under other definitions, with {level(estimand.conf_level)} intervals. "
    caption += "; ".join(says)
    return _by_day(results, named, f"{name}-definitions", caption, "Definition", _points)


def e_values(results: Results, name: str) -> TableView | None:
    """How strong something unmeasured would have to be, beside how strong what was measured is."""
    rows = rows_of(results, "e_value")
    if not rows:
        return None
    words = {"estimate": "To explain the estimate away", "limit": "To move the limit to no difference"}
    body = tuple(
        (
            words.get(row["term"], f"Measured: {readable(row['term'])}"),
            WITHHELD if is_withheld(row) else decimal(row["estimate"]),
            "" if is_withheld(row) else sentence_case(str(row["warning"] or "")),
        )
        for row in rows
    )
    caption = (
        f"E-values of the ratio by {week(rows[0]['day'])}: how strongly something unmeasured would have to go with both the "
        "strategy and the endpoint, beside the strength of what was measured"
    )
    return TableView(
        f"{name}-evalues",
        caption,
        ("Strength", "As a ratio", "Remark"),
        body,
        numeric=False,
        min_cell_count=results.min_cell_count,
    )


def tipping(results: Results, name: str) -> TableView | None:
    """How many runners with another result would leave the answer open."""
    rows = rows_of(results, "tipping_point")
    if not rows:
        return None
    body = tuple(
        (
            f"{sentence_case(strategy_name(row['stratum']))}: {row['term']}",
            _fewest(row),
            count(row["n_at_risk"]),
            WITHHELD if is_withheld(row) or row["estimate"] is None else points_with_limits(row),
            "" if is_withheld(row) else sentence_case(str(row["warning"] or "")),
        )
        for row in rows
    )
    caption = f"How many runners with another result by {week(rows[0]['day'])} it takes until the interval holds zero"
    head = ("Who", "Runners it takes", "Of so many", "Difference then, in 100", "Remark")
    return TableView(f"{name}-tipping", caption, head, body, min_cell_count=results.min_cell_count)


def _fewest(row: ResultRow) -> str:
    """A dash where even all of them would not do; a number that is withheld says so."""
    return "–" if row["n_events"] is None and not is_withheld(row) else count(row["n_events"])


def crossover(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """Pain after days with stretching against other exercise days of the same runner."""
    rows = rows_of(results, "crossover_difference")
    if not rows:
        return None
    body = tuple(
        (
            sentence_case(str(row["stratum"])),
            WITHHELD if is_withheld(row) or row["estimate"] is None else _points_of_pain(row),
            count(row["n_at_risk"]),
            sentence_case("" if is_withheld(row) else str(row["warning"] or "")),
        )
        for row in rows
    )
    caption = f"Pain over the next 24 hours within the same runner, with {level(estimand.conf_level)} intervals"
    head = ("Compared", "Points on 0 to 10", "Runners", "Remark")
    return TableView(f"{name}-crossover", caption, head, body, min_cell_count=results.min_cell_count)


def _by_kind(rows: Iterable[ResultRow]) -> list[tuple[str, ResultRow]]:
    """Rows with their label, in the order of KINDS; a method that stands among the primary is not told twice."""
    found = list(rows)
    primary = {(row["estimator"], row["day"]) for row in found if row["term"] == PRIMARY}
    named = []
    for term, words in KINDS.items():
        for row in found:
            twice = term == AGREEMENT and (row["estimator"], row["day"]) in primary
            if row["term"] == term and not twice:
                named.append((f"{words}: {row['estimator']}", row))
    return named


def _by_day(
    results: Results,
    named: Sequence[tuple[str, ResultRow]],
    name: str,
    caption: str,
    corner: str,
    cell: Cell,
    *,
    head: str = "",
) -> TableView | None:
    if not named:
        return None
    days = sorted({row["day"] for _, row in named})
    lines: dict[str, dict[int, str]] = {}
    for says, row in named:
        lines.setdefault(says, {})[row["day"]] = cell(row)
    body = tuple((says, *(cells.get(day, "–") for day in days)) for says, cells in lines.items())
    heads = (corner, *(head.format(week_number(day)) if head else f"By {week(day)}" for day in days))
    return TableView(name, caption, heads, body, min_cell_count=results.min_cell_count)


def _told(row: ResultRow, cell: Cell) -> str:
    if is_withheld(row):
        return WITHHELD
    return "–" if row["estimate"] is None else cell(row)


def _points(row: ResultRow) -> str:
    return _told(row, points_with_limits)


def _decimals(row: ResultRow) -> str:
    return _told(row, lambda one: _with_limits(one, decimal))


def _days(row: ResultRow) -> str:
    return _told(row, lambda one: _with_limits(one, lambda value: "–" if value is None else signed(value)))


def _points_of_pain(row: ResultRow) -> str:
    return _with_limits(row, decimal)


def _with_limits(row: ResultRow, said: Callable[[float | None], str]) -> str:
    if row["conf_low"] is None or row["conf_high"] is None:
        return said(row["estimate"])
    return f"{said(row['estimate'])}{NBSP}({said(row['conf_low'])}{NBSP}to{NBSP}{said(row['conf_high'])})"


def _versus(estimand: Estimand) -> str:
    if estimand.trial is None:
        return "compared minus reference"
    return f"{strategy_name(estimand.trial.compared)} against {strategy_name(estimand.trial.reference)}"
