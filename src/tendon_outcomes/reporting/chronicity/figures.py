"""The figures over how long it has hurt as the page shows them; where a curve was refused its sentence stands instead."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting import figures as draw
from tendon_outcomes.reporting.chronicity.rows import MILESTONE, drawn, reference_weeks, score_name
from tendon_outcomes.reporting.comparison.figures import ONE_SHAPE
from tendon_outcomes.reporting.comparison.words import strategy_name
from tendon_outcomes.reporting.figure_view import FigureView
from tendon_outcomes.reporting.svg import inline
from tendon_outcomes.reporting.wording import duration, is_withheld, level, week, withheld
from tendon_outcomes.results import Results

_FEWEST_POINTS = 2
_AS_BEFORE = "Both bands are read as in the first figure on this question."


def leading_figure(results: Results, estimand: Estimand, day: int | None, name: str) -> tuple[FigureView, ...]:
    """The curve of the leading week, with who was there."""
    caption = f"Share reaching {estimand.endpoint.phrase}, by how long it had hurt"
    curve = drawn(results, "duration_incidence", day)
    if not _drawable(curve) or day is None:
        return (_instead(results, f"{name}-duration-shape", f"{caption} on day 0", "duration_incidence"),)
    made = draw.duration_curve(
        curve,
        drawn(results, "duration_incidence_band", day),
        drawn(results, "duration_incidence", day, MILESTONE),
        results.select("duration_share"),
        phrase=estimand.endpoint.phrase,
        by=week(day),
        level=level(estimand.conf_level),
        name=f"{name}-duration-shape",
    )
    bars = (
        " Bars below: how many of the runners had hurt for so long, in wide bands; no estimate uses the bands."
        if results.select("duration_share")["estimate"].drop_nulls().len()
        else ""
    )
    ends = "The curve ends where few runners were, within the 5th and 95th percentile of the durations."
    return (_view(made, f"{caption} on day 0, by {week(day)}", f"{_how(results, estimand)} {ends}{bars}"),)


def more_figures(results: Results, estimand: Estimand, day: int | None, name: str) -> tuple[FigureView, ...]:
    """The other weeks, differences against the reference, and strategies and responders over duration."""
    views = (
        _weeks(results, estimand, f"{name}-weeks"),
        _against_reference(results, estimand, day, f"{name}-against"),
        _strategies(results, estimand, f"{name}-benefit"),
        _responders(results, estimand, f"{name}-responder-curves"),
    )
    return tuple(view for view in views if view is not None)


def _weeks(results: Results, estimand: Estimand, name: str) -> FigureView | None:
    days = sorted(day for day in results.select("duration_incidence")["day"].unique().to_list() if day is not None)
    curves = {day: drawn(results, "duration_incidence", day) for day in days}
    curves = {day: table for day, table in curves.items() if _drawable(table)}
    if len(curves) < _FEWEST_POINTS:
        return None
    bands = {day: drawn(results, "duration_incidence_band", day) for day in curves}
    phrase = estimand.endpoint.phrase
    made = draw.duration_panels(curves, bands, phrase=phrase, level=level(estimand.conf_level), name=name)
    return _view(made, f"Share reaching {phrase}, by how long it had hurt, at every week asked about", _AS_BEFORE)


def _against_reference(results: Results, estimand: Estimand, day: int | None, name: str) -> FigureView | None:
    curve = drawn(results, "duration_difference", day)
    if not _drawable(curve) or day is None:
        return None
    reference = duration(reference_weeks(estimand))
    made = draw.duration_differences(
        curve,
        drawn(results, "duration_difference_band", day),
        drawn(results, "duration_difference", day, MILESTONE),
        above=f"more than at {reference}",
        below=f"fewer than at {reference}",
        what=f"Difference against {reference}",
        level=level(estimand.conf_level),
        reference_weeks=reference_weeks(estimand),
        name=name,
    )
    caption = f"Differences in 100 runners against {reference}, by {week(day)}"
    return _view(made, caption, f"{_AS_BEFORE} At {reference} the difference is 0 by definition.")


def _strategies(results: Results, estimand: Estimand, name: str) -> FigureView | None:
    statistic = "strategy_difference_by_duration"
    days = results.select(statistic)["day"].drop_nulls()
    if days.is_empty():
        return None
    day = int(days[0])
    curve = drawn(results, statistic, day)
    sides = [strategy_name(one) for one in str(results.select(statistic)["stratum"][0]).split(" - ")]
    compared, reference = sides[0], sides[-1]
    caption = f"{compared[:1].upper()}{compared[1:]} against {reference}, in 100 runners by {week(day)}, by how long it had hurt"
    if not _drawable(curve):
        return _instead(results, name, caption, statistic)
    whole = drawn(results, "duration_incidence", day).drop_nulls("estimate")["at"].to_list()
    made = draw.duration_differences(
        curve,
        drawn(results, f"{statistic}_band", day),
        drawn(results, statistic, day, MILESTONE),
        above=f"more with {compared}",
        below=f"more with {reference}",
        what=f"Difference of {compared} and {reference}, as prescribed",
        level=level(estimand.conf_level),
        axis_weeks=(min(whole), max(whole)) if whole else None,
        name=name,
    )
    how = f"{_AS_BEFORE} Grey: one of the strategies has too few runners there, and nothing is told."
    return _view(made, caption, how)


def _responders(results: Results, estimand: Estimand, name: str) -> FigureView | None:
    days = results.select("visa_change_by_duration")["day"].drop_nulls()
    if days.is_empty():
        return None
    day = int(days[0])
    change, share = (drawn(results, f"{one}_by_duration", day) for one in ("visa_change", "responder_share"))
    caption = f"Change of {score_name(estimand)} beside the share of responders, by {week(day)}, by how long it had hurt"
    if not (_drawable(change) and _drawable(share)):
        return _instead(results, name, caption, "visa_change_by_duration")
    gain = estimand.exposure.gain if estimand.exposure else None
    made = draw.duration_responders(
        change,
        share,
        level=level(estimand.conf_level),
        points_of=score_name(estimand),
        threshold=gain.points if gain else None,
        name=name,
    )
    how = (
        "A responder is counted by one threshold for everybody. What is a worthwhile change may differ with the time it has "
        "hurt, so the change itself stands beside the count; where the two disagree, trust the change."
    )
    return _view(made, caption, how)


def _how(results: Results, estimand: Estimand) -> str:
    says = level(estimand.conf_level)
    steps = "" if results.min_cell_count == 1 else " Shares are rounded to whole percent, which gives curves small steps."
    return (
        f"Dark: the {says} interval at one duration. Pale with a dashed edge: the {says} band that holds the whole curve at "
        f"once, for judging its shape.{steps}"
    )


def _drawable(table: pl.DataFrame) -> bool:
    return table.drop_nulls("estimate").height >= _FEWEST_POINTS


def _view(made: draw.Figure, caption: str, how: str) -> FigureView:
    drawing = inline(made.svg(), name=made.name, title=caption, desc=made.words, css_class=ONE_SHAPE)
    return FigureView(made.name, caption, (drawing,), how=how)


def _instead(results: Results, name: str, caption: str, statistic: str) -> FigureView:
    if any(is_withheld(row) for row in results.select(statistic).iter_rows(named=True)):
        return FigureView(name, caption, (), instead=f"Not drawn: its numbers are {withheld(results.min_cell_count)}.")
    reason = "Not drawn, because no estimate was made. The reason stands under “What was refused”."
    return FigureView(name, caption, (), instead=reason)
