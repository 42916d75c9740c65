"""Reporting checklists filled from what a report holds; what nobody but its authors can say stays a marked gap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.declarations.checklists import Checklist, Filling, Item, Name, load_checklist
from tendon_outcomes.reporting.comparison.words import lost_words
from tendon_outcomes.reporting.report import ReportInput
from tendon_outcomes.reporting.tables import TableView, rows_of
from tendon_outcomes.reporting.wording import STATUSES, ended, is_withheld, sentence_case
from tendon_outcomes.results import Results

Standing = Literal["filled", "in part", "gap"]
CHECKLISTS: tuple[Name, ...] = ("target_2025", "strobe")


@dataclass(frozen=True)
class Line:
    """One item: what the report says of it, and what is still to be written."""

    item: Item
    standing: Standing
    found: tuple[str, ...]
    missing: tuple[str, ...]


def checklist_lines(checklist: Checklist, results: Results, estimand: Estimand, report: ReportInput) -> tuple[Line, ...]:
    """Every item in its order. It is filled when all its sources are there and nothing is left to its authors."""
    return tuple(_line(item, results, estimand, report) for item in checklist.item)


def checklist_table(name: Name, results: Results, estimand: Estimand, report: ReportInput, section: str) -> TableView:
    """The checklist as a table, with how many items stand open in its caption."""
    checklist = load_checklist(name)
    lines = checklist_lines(checklist, results, estimand, report)
    open_items = sum(line.standing != "filled" for line in lines)
    status = STATUSES[checklist.status].partition(":")[0].lower()
    caption = f"{checklist.title}. {len(lines) - open_items} of {len(lines)} lines filled, {open_items} open. Items: {status}"
    body = tuple((f"{line.item.number} {line.item.asks}", _standing(line.standing), _told(line)) for line in lines)
    head = ("Item", "Standing", "Where it stands, and what is to be written")
    return TableView(f"{section}-{name}", caption, head, body, numeric=False)


def _line(item: Item, results: Results, estimand: Estimand, report: ReportInput) -> Line:
    there = {one: _is_there(one.source, results, estimand, report) for one in item.filled_by}
    found = tuple(dict.fromkeys(_says(one, results, estimand) for one, holds in there.items() if holds))
    missing = list(dict.fromkeys(f"no {_words(one.source)} in this report" for one, holds in there.items() if not holds))
    missing += [item.prompt] if item.prompt else []
    standing: Standing = "gap" if not found else "in part" if missing else "filled"
    return Line(item, standing, found, tuple(missing))


def _says(one: Filling, results: Results, estimand: Estimand) -> str:
    """What fills an item; of the loss by strategy with its numbers."""
    rows = rows_of(results, "lost_share") if one.source == "results.lost_share" else []
    told = [lost_words(row, estimand.conf_level) for row in rows if row["stratum"] != "all"]
    return f"{one.says}: {', '.join(told)}" if told else one.says


def _is_there(source: str, results: Results, estimand: Estimand, report: ReportInput) -> bool:
    kind, _, name = source.partition(".")
    match kind:
        case "question" | "population" | "endpoint":
            return True
        case "intercurrent":
            return bool(estimand.intercurrent)
        case "support":
            return bool(report.protocol.support)
        case "attrition":
            return bool(results.attrition.steps)
        case "provenance":
            return results.provenance is not None
        case "trial":
            return _trial_tells(name, estimand)
        case "results":
            return any(not is_withheld(row) for row in rows_of(results, name))
    raise ValueError(f"a checklist names the source {source}, which nothing fills")


def _trial_tells(name: str, estimand: Estimand) -> bool:
    trial = estimand.trial
    if trial is None:
        return False
    if name in dict(trial.words.items()):
        return True
    match name:
        case "assumptions":
            return not trial.unanswered
        case "adjust_for":
            return bool(trial.adjust_for)
    raise ValueError(f"a checklist asks for {name} of the target trial, which it does not have")


def _words(source: str) -> str:
    """What is missing, in words; an assumption without an argument is a gap of its own."""
    kind, _, name = source.partition(".")
    if source == "trial.assumptions":
        return "argument for every assumption"
    return (name or kind).replace("_", " ")


def _told(line: Line) -> str:
    parts = [ended(sentence_case("; ".join(line.found)))] if line.found else []
    parts += [f"To be written or found: {ended('; '.join(line.missing))}"] if line.missing else []
    return " ".join(parts)


def _standing(standing: Standing) -> str:
    return {"filled": "Filled", "in part": "In part", "gap": "Gap"}[standing]


def open_items(lines: Iterable[Line]) -> tuple[str, ...]:
    """The numbers of the items that are not filled."""
    return tuple(line.item.number for line in lines if line.standing != "filled")
