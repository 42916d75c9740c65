"""Figures, drawn from tables only: what is not in the table is not in the drawing either."""

from tendon_outcomes.reporting.figures.assumptions import log_minus_log_figure, schoenfeld_figure
from tendon_outcomes.reporting.figures.forest import forest_figure
from tendon_outcomes.reporting.figures.incidence import incidence_figure
from tendon_outcomes.reporting.figures.paper import Figure

__all__ = ["Figure", "forest_figure", "incidence_figure", "log_minus_log_figure", "schoenfeld_figure"]
