"""Figures, drawn from tables only: what is not in the table is not in the drawing either."""

from tendon_outcomes.reporting.figures.assumptions import log_minus_log_figure, schoenfeld_figure
from tendon_outcomes.reporting.figures.clone_flow import clone_flow
from tendon_outcomes.reporting.figures.contrasts import contrast_by_week, definitions_figure
from tendon_outcomes.reporting.figures.control_chart import control_chart_figure
from tendon_outcomes.reporting.figures.cusum_chart import cusum_figure
from tendon_outcomes.reporting.figures.duration_curves import duration_curve, duration_panels
from tendon_outcomes.reporting.figures.duration_differences import duration_differences, duration_responders
from tendon_outcomes.reporting.figures.forest import forest_figure
from tendon_outcomes.reporting.figures.funnel import funnel_figure
from tendon_outcomes.reporting.figures.incidence import incidence_figure
from tendon_outcomes.reporting.figures.looks import looks_figure
from tendon_outcomes.reporting.figures.love_plot import love_plot
from tendon_outcomes.reporting.figures.paper import Figure
from tendon_outcomes.reporting.figures.run_chart import run_chart_figure
from tendon_outcomes.reporting.figures.share_forest import share_forest_figure
from tendon_outcomes.reporting.figures.shares import shares_figure
from tendon_outcomes.reporting.figures.strategy_curves import strategy_curves

__all__ = [
    "Figure",
    "clone_flow",
    "contrast_by_week",
    "control_chart_figure",
    "cusum_figure",
    "definitions_figure",
    "duration_curve",
    "duration_differences",
    "duration_panels",
    "duration_responders",
    "forest_figure",
    "funnel_figure",
    "incidence_figure",
    "log_minus_log_figure",
    "looks_figure",
    "love_plot",
    "run_chart_figure",
    "schoenfeld_figure",
    "share_forest_figure",
    "shares_figure",
    "strategy_curves",
]
