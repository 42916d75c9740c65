"""Results as tables: a caption, column heads, rows whose first cell names them. Numbers are formatted here, not made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.report import LedgerView, RuleView
from tendon_outcomes.reporting.wording import (
    NBSP,
    STATUSES,
    WITHHELD,
    ResultRow,
    bounds_of,
    count,
    ending,
    is_withheld,
    level,
    percent,
    percent_range,
    sentence_case,
    week,
    withheld_note,
)
from tendon_outcomes.results import Provenance, Results

_WITHIN = re.compile(r": |^\d{4}Q[1-4]$")
"""What strata of an audit look like: `clinician: c03`, `2026Q3`."""
_OF_GROUPS = ("cumulative_incidence", "median_days", "verdict")
"""Statistics that every group of a question has where it could be answered."""


@dataclass(frozen=True)
class TableView:
    """One table of the page. The first cell of every row is its head; `numeric` says that the others are set to the right."""

    name: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: bool = True
    min_cell_count: int | None = None

    @property
    def note(self) -> str:
        """What has to be said under the table: why some cells are withheld."""
        return withheld_note(self.min_cell_count) if any(WITHHELD in row for row in self.rows) else ""


def rows_of(results: Results, statistic: str, term: str | None = None) -> list[ResultRow]:
    """The rows of one statistic as mappings."""
    return list(results.select(statistic, term=term).iter_rows(named=True))


def several_strata(results: Results) -> bool:
    """Whether the question was answered for more than one group."""
    return len(strata(results)) > 1


def strata(results: Results) -> list[str]:
    """Groups in their order. Rows about the whole cohort are no group, nor is a quarter, or a part of the clinic in an audit."""
    answered = results.rows.filter(results.rows["statistic"].is_in(list(_OF_GROUPS)))
    rows = answered if "all" not in answered["stratum"] and answered.height else results.rows
    named = dict.fromkeys(name for name in rows["stratum"].to_list() if name != "all" and not _WITHIN.search(name))
    return list(named) or ["all"]


def share_text(row: ResultRow) -> str:
    """`32 %`, `between 28 and 41 %`, or that it is withheld."""
    bounds = bounds_of(row)
    if is_withheld(row):
        return WITHHELD
    if row["estimate"] is not None:
        return percent(row["estimate"])
    return f"between {percent_range(*bounds).replace('to', 'and')}" if bounds else "–"


def share_with_interval(row: ResultRow) -> str:
    """`32 % (27 to 38 %)`."""
    if is_withheld(row) or row["conf_low"] is None:
        return share_text(row)
    return f"{share_text(row)}{NBSP}({percent_range(row['conf_low'], row['conf_high'])})"


def milestones(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """Every week that was asked about."""
    return _incidence(
        results,
        estimand,
        rows_of(results, "cumulative_incidence", "milestone"),
        f"{name}-milestones",
        f"Cumulative incidence of {estimand.endpoint.phrase} at the weeks asked about",
    )


def curve_numbers(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """Every point of the curve: what the figure draws."""
    return _incidence(
        results,
        estimand,
        rows_of(results, "cumulative_incidence", "curve"),
        f"{name}-curve",
        f"The numbers behind the figure: cumulative incidence of {estimand.endpoint.phrase}",
    )


def _incidence(results: Results, estimand: Estimand, rows: Sequence[ResultRow], name: str, caption: str) -> TableView | None:
    if not rows:
        return None
    grouped = several_strata(results)
    head = ("When", "Share", f"{level(estimand.conf_level)} interval", "Still followed", "Reached by then", "Left before")
    lines = [
        (
            f"{_label(row, grouped)}{sentence_case(week(row['day']))}{NBSP}(day{NBSP}{row['day']})",
            share_text(row),
            WITHHELD if is_withheld(row) else percent_range(row["conf_low"], row["conf_high"]),
            count(row["n_at_risk"]),
            count(row["n_events"]),
            count(row["n_censored"]),
        )
        for row in rows
    ]
    return TableView(name, caption, head, tuple(lines), min_cell_count=results.min_cell_count)


def competing(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """Other events that ended follow-up first, cause by cause."""
    caption = f"Cumulative incidence of competing events, with {level(estimand.conf_level)} intervals"
    named = [(ending(row["term"]), row) for row in rows_of(results, "competing_incidence")]
    return _by_week(results, named, f"{name}-competing", caption, "Competing event")


def sensitivity(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """The answer beside what other readings of the same records would say, the visit-date shortcut last."""
    other = [
        *((sentence_case(row["term"]), row) for row in rows_of(results, "sensitivity_cumulative_incidence")),
        *((SHORTCUT, row) for row in rows_of(results, "naive_cumulative_incidence")),
    ]
    if not other:
        return None
    primary = [("The answer of this report", row) for row in rows_of(results, "cumulative_incidence", "milestone")]
    caption = f"The same question under other readings of the records, with {level(estimand.conf_level)} intervals"
    return _by_week(results, [*primary, *other], f"{name}-sensitivity", caption, "Reading")


SHORTCUT = "Shortcut, not the answer: the day of the first passing visit taken as the day it happened, late by up to one visit"


def _by_week(results: Results, named: Sequence[tuple[str, ResultRow]], name: str, caption: str, corner: str) -> TableView | None:
    if not named:
        return None
    grouped = several_strata(results)
    days = sorted({row["day"] for _, row in named})
    lines: dict[str, dict[int, str]] = {}
    for says, row in named:
        lines.setdefault(f"{_label(row, grouped)}{says}", {})[row["day"]] = share_with_interval(row)
    body = tuple((label, *(cells.get(day, "–") for day in days)) for label, cells in lines.items())
    head = (corner, *(f"By {week(day)}" for day in days))
    return TableView(name, caption, head, body, min_cell_count=results.min_cell_count)


def endings(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """How the follow-up of every episode ended."""
    rows = rows_of(results, "count")
    if not rows:
        return None
    words = {"event": f"Reached {estimand.endpoint.phrase}"}
    body = tuple((words.get(row["term"], ending(row["term"])), count(row["n_events"])) for row in rows)
    head = ("Ending", results.attrition.unit.capitalize())
    return TableView(f"{name}-endings", "How follow-up ended", head, body, min_cell_count=results.min_cell_count)


def ledger(lines: Iterable[LedgerView], cell: int) -> TableView | None:
    """Where every physical record went."""
    body = tuple(
        (f"{one.file}, read as {one.table}", *(count(n) for n in (one.read, one.accepted, one.rejected, one.blank, one.left_out)))
        for one in lines
    )
    head = ("File", "Records", "Accepted", "Rejected", "Blank", "Left out")
    caption = "Data intake: where every record of the export went"
    return TableView("intake", caption, head, body, min_cell_count=cell) if body else None


def rules(lines: Iterable[RuleView], cell: int) -> TableView | None:
    """Rules that records broke, with how often where the caller tells it of any."""
    actions = {"reject": "row rejected", "flag": "kept and flagged"}
    shown = tuple(lines)
    counted = any(one.count is not None for one in shown)
    body = tuple(
        (
            one.rule,
            f"{one.table}.{one.column}" if one.column else one.table,
            one.says,
            actions.get(one.action, one.action),
            *((count(one.count),) if counted else ()),
        )
        for one in shown
    )
    head = ("Rule", "Where", "What it says", "What followed", *(("Records",) if counted else ()))
    caption = "Rules that records broke" if counted else "Rules that records broke (how often: internal report)"
    return TableView("rules", caption, head, body, numeric=False, min_cell_count=cell) if body else None


def left_out(columns: Mapping[str, Mapping[str, str]]) -> TableView | None:
    """Columns of the export that were not read."""
    body = tuple((column, file, reason) for file, named in sorted(columns.items()) for column, reason in sorted(named.items()))
    return TableView("columns", "Columns that were not read", ("Column", "File", "Why"), body, numeric=False) if body else None


def thresholds(estimand: Estimand, name: str) -> TableView | None:
    """The numbers in the definition, and who says so."""
    body = tuple(
        (sentence_case(one.says), f"{one.value:g} {one.unit}".strip(), one.source, STATUSES[one.status].partition(":")[0])
        for one in estimand.endpoint.version.threshold
    )
    head = ("Threshold", "Value", "Source", "Status")
    caption = f"Thresholds in the definition of {estimand.endpoint.phrase}"
    return TableView(f"{name}-thresholds", caption, head, body, numeric=False) if body else None


def provenance(found: Sequence[Provenance | None], snapshot_id: str) -> TableView:
    """What the numbers were made from, as hashes."""
    says = {
        "snapshot": "Data lock",
        "declarations": "Declarations (data_schemas)",
        "protocol": "Protocol",
        "analyses": "Analysis scripts",
        "code": "Package source",
        "lock": "Dependencies (requirements.lock)",
        "seed": "Seed",
        "package_version": "Package version",
    }
    body: list[tuple[str, str]] = [("Snapshot", snapshot_id)]
    for one in dict.fromkeys(one for one in found if one is not None):
        body += [("Provenance id, on every row of results.json", one.provenance_id)]
        body += [(says.get(key, key), str(value)) for key, value in asdict(one).items()]
    return TableView("provenance", "What these numbers were made from", ("Made from", "Identity"), tuple(body), numeric=False)


def _label(row: ResultRow, grouped: bool) -> str:
    return f"{sentence_case(str(row['stratum']).replace('_', ' '))}: " if grouped else ""
