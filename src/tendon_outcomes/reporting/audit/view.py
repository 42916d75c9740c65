"""Everything that an audit adds to the page."""

from __future__ import annotations

from dataclasses import dataclass

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.audit import figures, sentences, tables
from tendon_outcomes.reporting.audit.quarter import Quarter, quarter
from tendon_outcomes.reporting.audit.signals import reason
from tendon_outcomes.reporting.figure_view import FigureView
from tendon_outcomes.reporting.tables import TableView, rows_of
from tendon_outcomes.reporting.wording import WITHHELD, withheld
from tendon_outcomes.results import Results


@dataclass(frozen=True)
class Part:
    """One section under its heading: paragraphs, figures, tables."""

    title: str
    says: tuple[str, ...]
    figures: tuple[FigureView, ...]
    tables: tuple[TableView, ...]


@dataclass(frozen=True)
class Audit:
    """The first screen with its figure, then the sections."""

    quarter: Quarter
    lead: FigureView
    parts: tuple[Part, ...]


def audit(results: Results, estimand: Estimand, name: str) -> Audit:
    """Everything beside the answers; a section of which there is nothing is left out."""
    asked = results, estimand, name
    restated = tables.restatement(results, name)
    parts = (
        _part("Cohorts, and who is counted", sentences.maturity(results), (), tables.cohorts(*asked)),
        _part("The claim at every look", (), (), tables.looks(*asked)),
        _part("Those who were lost", (sentences.tipping(results),), ()),
        _part(
            "Definitions of improvement",
            _why(results, "definition_incidence", "definition:"),
            (figures.definitions(*asked),),
            tables.definitions(*asked),
        ),
        _part(
            "Groups",
            (sentences.NO_LEAGUE_TABLE, *_why(results, "group_incidence", "every")),
            (figures.groups(*asked),),
            tables.groups(*asked),
            beside=1,
        ),
        _part("Would we notice a change?", (sentences.RUN_LENGTH,), figures.charts(results, name), tables.charts(results, name)),
        _part("Clinicians and sites", _why(results, "funnel", "funnel"), figures.funnels(results, name), tables.funnel(*asked)),
        _part("Restatement", sentences.restatement(results), (), restated),
        _part("What was done and recorded", _why(results, "process", "process"), (), tables.process(*asked)),
        _part(
            "What would have happened anyway?",
            (sentences.regression_to_the_mean(results, estimand), sentences.NOT_A_COMPARISON),
            (figures.benchmarks(*asked),),
            tables.benchmarks(*asked),
            beside=1,
        ),
    )
    return Audit(quarter(results, estimand), figures.looks(*asked), tuple(part for part in parts if part is not None))


def _why(results: Results, statistic: str, word: str) -> tuple[str, ...]:
    """Why nothing of a kind is told, where it was refused as a whole."""
    found = "" if rows_of(results, statistic) else reason(results, (word,))
    return (found,) if found else ()


def _part(
    title: str, says: tuple[str, ...], drawn: tuple[FigureView | None, ...], *views: TableView | None, beside: int = 0
) -> Part | None:
    """The section, or None where it holds nothing but the ``beside`` sentences that explain what it would hold."""
    there = tuple(one for one in drawn if one is not None)
    made = tuple(one for one in views if one is not None)
    shown = tuple(one for one in made if not _is_withheld(one))
    told = (*(one for one in says if one), *(_instead(one) for one in made if one not in shown))
    return Part(title, told, there, shown) if len(told) > beside or there or shown else None


def _is_withheld(view: TableView) -> bool:
    """Nothing of the table but its heads is told."""
    cells = {cell for row in view.rows for cell in row[1:]}
    return WITHHELD in cells and cells <= {WITHHELD, tables.NONE, ""}


def _instead(view: TableView) -> str:
    return f"{view.caption}: {withheld(view.min_cell_count)}."
