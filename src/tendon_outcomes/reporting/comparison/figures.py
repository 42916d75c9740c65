"""The figures of a comparison as the page shows them: drawn from rows of results, or a sentence in their place."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting import figures as draw
from tendon_outcomes.reporting.comparison.sentences import leading_contrasts
from tendon_outcomes.reporting.comparison.tables import KINDS
from tendon_outcomes.reporting.comparison.words import AGREEMENT, POINT_TREATMENT, PRIMARY, UNADJUSTED, reading, strategy_name
from tendon_outcomes.reporting.figure_view import FigureView
from tendon_outcomes.reporting.svg import inline
from tendon_outcomes.reporting.wording import level, withheld
from tendon_outcomes.results import Results

ONE_SHAPE = "one"
"""Class of a drawing that has one shape for all widths: it is scrolled where the page is narrow."""
_SHARES = {
    "propensity_share": (
        "Propensities",
        "Probability of the compared strategy, given the covariates",
        "Shares of each strategy's runners by the lower end of each bin; where only one has bars, nothing can be compared.",
    ),
    "weight_share": (
        "Weights",
        "Weight",
        "Shares of each strategy's runners by the lower end of each bin; bins differ in width.",
    ),
}
_SHORT = {PRIMARY: "Kept up", AGREEMENT: "Kept up", POINT_TREATMENT: "Prescribed", UNADJUSTED: "Not adjusted"}


def leading_figures(results: Results, estimand: Estimand, name: str, *, lead_week: int | None) -> tuple[FigureView, ...]:
    """The curves by strategy and the differences by week, for the first page."""
    return _curves(results, estimand, f"{name}-curves", lead_week), _contrasts(results, estimand, f"{name}-contrasts")


def design_figures(results: Results, name: str) -> tuple[FigureView, ...]:
    """What became of the clones, balance, and inside the clinic propensities and weights."""
    return _there(
        _flow(results, f"{name}-flow"),
        _love(results, f"{name}-love"),
        *(_shares(results, f"{name}-{statistic}", statistic, *words) for statistic, words in _SHARES.items()),
    )


def robustness_figures(results: Results, estimand: Estimand, name: str) -> tuple[FigureView, ...]:
    """The difference under other definitions."""
    rows = _rows(results, "multiverse_difference")
    if rows.is_empty():
        return ()
    caption = "The difference under other definitions"
    how = (
        "The same records, other readings: the endpoint, the grace period, and where weights are cut. Strict: a last pass that "
        "nobody confirmed counts as not reached; generous: as reached. The endpoints are described in the table."
    )
    shown = rows.drop_nulls("estimate")
    if shown.is_empty():
        return (_instead(results, f"{name}-readings", caption),)
    terms = pl.Series("term", [reading(term, estimand) for term in shown["term"]], dtype=pl.String())
    made = draw.definitions_figure(shown.with_columns(terms), **_strategies(estimand), name=f"{name}-readings")
    return (_view(made, caption, how),)


def _curves(results: Results, estimand: Estimand, name: str, lead_week: int | None) -> FigureView:
    """The curves of the leading method, or of the first that has any, with the effective number at risk."""
    caption = f"Cumulative incidence of {estimand.endpoint.phrase} by strategy"
    rows = _rows(results, "strategy_incidence", "curve")
    told = rows.drop_nulls("estimate")
    if told.filter(pl.col("estimate") > 0).is_empty():
        return _instead(results, name, caption, estimated=not rows.is_empty())
    methods = told["estimator"].unique(maintain_order=True).to_list()
    leading = leading_contrasts(results, lead_week)
    method = leading[0]["estimator"] if leading and leading[0]["estimator"] in methods else methods[0]
    at_risk = _rows(results, "effective_at_risk").filter(pl.col("estimator") == method).drop_nulls("estimate")
    made = draw.strategy_curves(
        told.filter(pl.col("estimator") == method),
        None if at_risk.is_empty() else at_risk,
        horizon_days=estimand.horizon_days,
        phrase=estimand.endpoint.phrase,
        name=name,
    )
    adjusted = "" if leading else " As they were, not adjusted: the strategies are described and not compared."
    beneath = "" if at_risk.is_empty() else " Beneath: how many still followed the weighted estimate rests on in effect."
    thinned = results.min_cell_count != 1
    boxes = " A box stands for weeks between which nothing is told: the curve lies in it." if thinned else ""
    bars = f"Bars are {level(estimand.conf_level)} intervals; estimates rest on the ends of weeks."
    how = f"By {method}.{adjusted} {bars}{boxes}{beneath}"
    return _view(made, caption, how)


def _contrasts(results: Results, estimand: Estimand, name: str) -> FigureView:
    caption = "Differences by week and method"
    rows = _rows(results, "incidence_difference").filter(pl.col("term").is_in(list(KINDS)))
    if rows.is_empty():
        return _instead(results, name, caption, estimated=False)
    shown = _once(rows.drop_nulls("estimate"))
    if shown.is_empty():
        return _instead(results, name, caption)
    words = pl.col("term").replace_strict(_SHORT)
    made = draw.contrast_by_week(shown.with_columns(words.alias("kind")), **_strategies(estimand), name=name)
    how = (
        f"Points are differences in 100 runners with {level(estimand.conf_level)} intervals. Kept up: strategies as they would "
        "have to be kept up; prescribed: whatever followed. Not adjusted: for comparison only."
    )
    return _view(made, caption, how)


def _once(rows: pl.DataFrame) -> pl.DataFrame:
    """In the order of the kinds; the primary method does not stand among those that agree with it again."""
    order = pl.col("term").replace_strict({term: position for position, term in enumerate(KINDS)})
    primary = rows.filter(pl.col("term") == PRIMARY).select("estimator", "day").with_columns(pl.lit(AGREEMENT).alias("term"))
    return rows.join(primary, on=["estimator", "day", "term"], how="anti", maintain_order="left").sort(order, maintain_order=True)


def _flow(results: Results, name: str) -> FigureView | None:
    caption, rows = "What became of the clones of each strategy", _rows(results, "clone_flow")
    if rows.is_empty():
        return None
    if rows.filter(pl.col("term") == "cloned")["n_events"].null_count():
        return _instead(results, name, caption)
    how = (
        "Every runner is followed as a clone in both strategies until what was done departs from it. White: numbers that are "
        "withheld."
    )
    return _view(draw.clone_flow(rows, name=name), caption, how)


def _love(results: Results, name: str) -> FigureView | None:
    rows = _rows(results, "standardised_mean_difference").filter(pl.col("stratum").is_in(["before", "after"]))
    if rows.is_empty():
        return None
    caption, shown = "Balance of the strategies before and after weighting", rows.drop_nulls("estimate")
    if shown.is_empty():
        return _instead(results, name, caption)
    return _view(draw.love_plot(shown, name=name), caption, "Covariates in the order of their difference before weighting.")


def _shares(results: Results, name: str, statistic: str, caption: str, axis: str, how: str) -> FigureView | None:
    rows = _rows(results, statistic)
    if rows.drop_nulls("estimate").is_empty():
        return None
    return _view(draw.shares_figure(rows, axis_title=axis, name=name), f"{caption} by strategy", how)


def _rows(results: Results, statistic: str, term: str | None = None) -> pl.DataFrame:
    return results.select(statistic, term=term).with_columns(pl.col("stratum").str.replace_all("_", "-"))


def _strategies(estimand: Estimand) -> dict[str, str]:
    trial = estimand.trial
    if trial is None:
        return {"compared": "the compared strategy", "reference": "the reference"}
    return {"compared": strategy_name(trial.compared), "reference": strategy_name(trial.reference)}


def _view(made: draw.Figure, caption: str, how: str) -> FigureView:
    drawing = inline(made.svg(), name=made.name, title=caption, desc=made.words, css_class=ONE_SHAPE)
    return FigureView(made.name, caption, (drawing,), how=how)


def _instead(results: Results, name: str, caption: str, *, estimated: bool = True) -> FigureView:
    if estimated:
        return FigureView(name, caption, (), instead=f"Not drawn: its numbers are {withheld(results.min_cell_count)}.")
    return FigureView(
        name, caption, (), instead="Not drawn, because no estimate was made. The reason stands under “What was refused”."
    )


def _there(*views: FigureView | None) -> tuple[FigureView, ...]:
    return tuple(view for view in views if view is not None)
