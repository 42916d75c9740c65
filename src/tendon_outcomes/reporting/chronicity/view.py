"""Everything that a question about how long it has hurt adds to its section of the page."""

from __future__ import annotations

from dataclasses import dataclass

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.chronicity import doubts, figures, sentences, tables
from tendon_outcomes.reporting.chronicity.rows import lead_day
from tendon_outcomes.reporting.chronicity.runner import RunnerBox, runner_box
from tendon_outcomes.reporting.chronicity.selection import WHY, selection_sentence, tipping_sentence
from tendon_outcomes.reporting.figure_view import FigureView
from tendon_outcomes.reporting.tables import TableView
from tendon_outcomes.results import Results


@dataclass(frozen=True)
class Chronicity:
    """Sentences, figures and tables in the order of the page. `banner` is empty where there is no number to warn of."""

    banner: str
    runner: RunnerBox | None
    figures: tuple[FigureView, ...]
    estimates: tuple[TableView, ...]
    recall: tuple[str, ...]
    recall_tables: tuple[TableView, ...]
    selection: tuple[str, ...]
    selection_tables: tuple[TableView, ...]
    numbers: tuple[TableView, ...]


def chronicity(results: Results, estimand: Estimand, name: str, *, lead_week: int | None) -> Chronicity:
    """Everything beside the answers; what has no row has no table."""
    asked, day = (results, estimand, name), lead_day(results, lead_week)
    said = selection_sentence(results, estimand), tipping_sentence(results)
    return Chronicity(
        banner=sentences.banner(results),
        runner=runner_box(results, estimand, day),
        figures=figures.more_figures(results, estimand, day, name),
        estimates=_there(
            tables.shares(*asked),
            tables.differences(*asked),
            tables.companions(*asked),
            doubts.sensitivity(*asked),
            tables.strategies(*asked),
        ),
        recall=tuple(one for one in (sentences.heaping_sentence(results), sentences.reliability_sentence(results)) if one),
        recall_tables=_there(doubts.heaping(*asked), tables.over_imputed(*asked)),
        selection=tuple(one for one in (WHY if any(said) else "", *said, *sentences.why_no_more(results)) if one),
        selection_tables=_there(doubts.frailty(*asked), doubts.since_onset(*asked)),
        numbers=_there(
            tables.who(results, name),
            tables.responders(results, estimand, day, name),
            tables.curve_numbers(results, estimand, day, name),
        ),
    )


def _there(*views: TableView | None) -> tuple[TableView, ...]:
    return tuple(view for view in views if view is not None)
