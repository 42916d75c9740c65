"""Everything that a comparison of strategies adds to its section of the page."""

from __future__ import annotations

from dataclasses import dataclass

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.declarations.target_trial import TargetTrial
from tendon_outcomes.reporting.checklists import CHECKLISTS, checklist_table
from tendon_outcomes.reporting.comparison import diagnostics, figures, protocol, sentences, tables
from tendon_outcomes.reporting.figure_view import FigureView
from tendon_outcomes.reporting.report import ReportInput
from tendon_outcomes.reporting.tables import TableView
from tendon_outcomes.results import Results


@dataclass(frozen=True)
class Comparison:
    """Tables and figures in the order of the page. `banner` is empty where the answer may be called an effect."""

    banner: str
    estimates: tuple[TableView, ...]
    trial: tuple[TableView, ...]
    checks: tuple[TableView, ...]
    design_figures: tuple[FigureView, ...]
    design: tuple[TableView, ...]
    robustness_figures: tuple[FigureView, ...]
    robustness: tuple[TableView, ...]
    checklists: tuple[TableView, ...]


def comparison(results: Results, estimand: Estimand, trial: TargetTrial, report: ReportInput, name: str) -> Comparison:
    """Everything beside the answers; what has no row has no table."""
    asked = results, estimand, name
    return Comparison(
        banner=sentences.banner(results, estimand),
        estimates=_there(tables.shares(*asked), tables.differences(*asked), tables.time_gained(*asked), tables.ratios(*asked)),
        trial=(protocol.protocol(trial, name), protocol.assumptions(trial, name), protocol.adjustment(trial, name)),
        checks=_there(diagnostics.falsification(*asked)),
        design_figures=figures.design_figures(results, name),
        design=_there(
            diagnostics.clones(results, name),
            diagnostics.compatible(results, name),
            diagnostics.balance(results, name),
            diagnostics.clone_balance(results, name),
            diagnostics.overlap(results, name),
            diagnostics.weights(results, name),
            diagnostics.lost(*asked),
        ),
        robustness_figures=figures.robustness_figures(*asked),
        robustness=_there(
            tables.sensitivity(*asked),
            tables.e_values(results, name),
            tables.tipping(results, name),
            tables.multiverse(*asked),
            tables.crossover(*asked),
        ),
        checklists=tuple(checklist_table(one, results, estimand, report, name) for one in CHECKLISTS),
    )


def _there(*views: TableView | None) -> tuple[TableView, ...]:
    return tuple(view for view in views if view is not None)
