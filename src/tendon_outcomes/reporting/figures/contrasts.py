"""Differences of two strategies as forest plots: by week and method, and under every reading of the definitions."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.reporting.figures.forest import forest_figure
from tendon_outcomes.reporting.figures.paper import Figure, needed
from tendon_outcomes.reporting.wording import readable, sentence_case, week

CONTRASTS = ("estimator", "term", "day", "estimate", "conf_low", "conf_high")
DEFINITIONS = ("term", "estimate", "conf_low", "conf_high")
_LED = 2  # parts of a reading that head a group: the endpoint, and strict or generous


def contrast_by_week(table: pl.DataFrame, *, compared: str, reference: str, name: str = "contrast-by-week") -> Figure:
    """Differences of shares, week by week and in each week method by method.

    Parameters
    ----------
    table
        `estimator, term, day, estimate, conf_low, conf_high`: rows of `incidence_difference` in the order to be drawn; optional
        `kind`, words before the estimator.
    compared, reference
        The strategies in words: what is above 0 favours the first.

    Raises
    ------
    WrongUse
        A missing column, or no row at all.
    """
    needed(table, CONTRASTS, "the table of contrasts")
    kind = pl.col("kind") + ", " if "kind" in table.columns else pl.lit("")
    weeks = pl.col("day").map_elements(lambda day: sentence_case(f"by {week(day)}"), return_dtype=pl.String)
    lines = table.sort("day", maintain_order=True).select(
        weeks.alias("group"), (kind + pl.col("estimator")).alias("label"), "estimate", "conf_low", "conf_high"
    )
    return forest_figure(
        lines,
        scale="difference",
        axis_title=f"Difference in 100 runners: {compared} against {reference}",
        left_words=f"more with {reference}",
        right_words=f"more with {compared}",
        name=name,
    )


def definitions_figure(table: pl.DataFrame, *, compared: str, reference: str, name: str = "definitions") -> Figure:
    """The same difference under every reading of the definitions, those of one endpoint and strictness together.

    Parameters
    ----------
    table
        `term` (the reading: endpoint, strictness and the rest, with commas between), `estimate, conf_low, conf_high`: rows of
        `multiverse_difference`.
    compared, reference
        The strategies in words.

    Raises
    ------
    WrongUse
        A missing column, or no row at all.
    """
    needed(table, DEFINITIONS, "the table of definitions")
    parts = [str(term).split(", ") for term in table["term"]]
    groups = [readable(", ".join(one[:_LED])) if len(one) > _LED else "" for one in parts]
    lines = table.select("estimate", "conf_low", "conf_high").with_columns(
        pl.Series("group", groups),
        pl.Series("label", [", ".join(one[_LED:]) if len(one) > _LED else ", ".join(one) for one in parts]),
        pl.Series("place", [groups.index(one) for one in groups]),
    )
    return forest_figure(
        lines.sort("place", maintain_order=True).drop("place"),
        scale="difference",
        axis_title=f"Difference in 100 runners: {compared} against {reference}",
        left_words=f"more with {reference}",
        right_words=f"more with {compared}",
        name=name,
    )
