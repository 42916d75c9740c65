"""The figures of an audit as the page shows them, in two shapes; where there is nothing to draw a sentence stands instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting import figures as draw
from tendon_outcomes.reporting.audit import rows as of
from tendon_outcomes.reporting.audit.signals import ESTIMATORS, OVER_TIME, reason
from tendon_outcomes.reporting.audit.words import (
    KINDS,
    definition_words,
    group_kind,
    group_name,
    is_signal,
    verdict_word,
)
from tendon_outcomes.reporting.figure_view import FigureView
from tendon_outcomes.reporting.figures.quarter_panel import SHEETS, Sheet
from tendon_outcomes.reporting.svg import inline
from tendon_outcomes.reporting.tables import rows_of
from tendon_outcomes.reporting.wording import ResultRow, is_withheld, level, sentence_case, week, withheld
from tendon_outcomes.results import Results

_FEWEST = 2
Make = Callable[[Sheet, str], draw.Figure]


def looks(results: Results, estimand: Estimand, name: str) -> FigureView:
    """The running share with the limits that hold at every look."""
    caption = f"Share with {estimand.endpoint.phrase} by week 12, over everybody counted so far, look by look"
    shown = of.table(results, "look_share")
    if _known(shown, "bound_low") < _FEWEST:
        return _instead(results, f"{name}-looks-drawn", caption, "look_share", ("looks", "history"))
    once = of.table(results, "look_share_naive")
    threshold = estimand.decision.threshold if estimand.decision else None
    says = level(estimand.conf_level)
    how = (
        f"Bars: from nobody to all of the unknown improved. Pale: {says} limits that hold however often one looks; the claim is "
        f"decided when they leave the threshold. Thin: the limits of a single look, which would mislead sooner or later."
    )

    def make(sheet: Sheet, called: str) -> draw.Figure:
        return draw.looks_figure(shown, once, threshold=threshold, level=says, sheet=sheet, name=called)

    return _view(f"{name}-looks-drawn", caption, how, make)


def charts(results: Results, name: str) -> tuple[FigureView, ...]:
    """Run chart, p-chart, EWMA and the two CUSUMs."""
    return (
        _run_chart(results, f"{name}-run"),
        _control(
            results,
            "p_chart",
            f"{name}-p",
            "p-chart: the share of each quarter's cohort",
            "Dashed: control limits about the centre of the baseline quarters, wider where fewer runners were known. A ringed "
            "diamond lies outside.",
        ),
        _control(
            results,
            "ewma",
            f"{name}-ewma",
            "EWMA: the weighted mean of this quarter and those before",
            "It sees small changes that last sooner than single quarters do. Dashed: its control limits.",
            joined=True,
        ),
        _cusum(results, f"{name}-cusum-share", "share", "CUSUM of the share improved, adjusted for who came"),
        _cusum(results, f"{name}-cusum-time", "time", "CUSUM of the time to improvement, adjusted for who came"),
    )


def groups(results: Results, estimand: Estimand, name: str) -> FigureView | None:
    """Groups under one another at the week of the claim, in the order of names; the refused keep a line with the reason."""
    day = 7 * estimand.decision.at_week if estimand.decision else 84
    rows = of.in_groups(results, "group_incidence", "milestone", day)
    refused = [
        row for row in rows_of(results, "refusal") if group_kind(row["stratum"]) in ("strategy", "duration", "clinician", "site")
    ]
    caption = f"Share with {estimand.endpoint.phrase} by {week(day)}, by group in the order of names"
    if not rows and not refused:
        return None
    if not any(of.told(row) for row in rows):
        return _instead(results, f"{name}-groups-drawn", caption, "group_incidence", ("group", "strategy", "clinician"))
    lines = _in_order([*(_group_line(row) for row in rows), *(_refused_line(row) for row in _once(refused, rows))])
    how = f"Points with {level(estimand.conf_level)} intervals; a pale bar stands for bounds. Dashed: the threshold of the claim."
    return _view(f"{name}-groups-drawn", caption, how, _forest(lines, estimand, f"Share by {week(day)}"))


def definitions(results: Results, estimand: Estimand, name: str) -> FigureView | None:
    """The share under every definition, with what becomes of the claim."""
    day = 7 * estimand.decision.at_week if estimand.decision else 84
    rows = [row for row in rows_of(results, "definition_incidence", "milestone") if row["day"] == day]
    if not rows:
        return None
    caption = f"The same runners by {week(day)} under every definition of improvement"
    if not any(of.told(row) for row in rows):
        return _instead(results, f"{name}-definitions-drawn", caption, "definition_incidence", ("definition",))
    verdicts = {row["stratum"]: verdict_word(row["term"]) for row in rows_of(results, "definition_verdict")}
    lines = [
        {
            **_numbers(row),
            "group": "",
            "label": definition_words(row["stratum"], estimand),
            "note": verdicts.get(row["stratum"], ""),
        }
        for row in rows
    ]
    how = (
        "Which definition is used can decide the answer: all that the protocol names are shown. Dashed: the threshold of the "
        "claim; what becomes of it stands in the table."
    )
    return _view(f"{name}-definitions-drawn", caption, how, _forest(lines, estimand, f"Share by {week(day)}"))


def funnels(results: Results, name: str) -> tuple[FigureView, ...]:
    """One funnel for clinicians, one for sites."""
    rows = of.in_groups(results, "funnel", "exact") or of.in_groups(results, "funnel", "beta-binomial")
    views = []
    for kind in dict.fromkeys(group_kind(row["stratum"]) for row in rows):
        mine = [row for row in rows if group_kind(row["stratum"]) == kind]
        caption = f"Funnel: {KINDS.get(kind, kind).lower()}s about their common share of runners improved by week 12"
        if sum(of.told(row) and row["n_at_risk"] is not None for row in mine) < _FEWEST:
            views.append(_instead(results, f"{name}-funnel-{kind}", caption, "funnel", ("funnel", kind)))
            continue
        table = pl.DataFrame([{**row, "label": group_name(row["stratum"])} for row in mine], infer_schema_length=None)
        how = (
            "Within the dotted limits a group of that size lies by chance alone. Left and right is size, not merit; which group "
            "lies higher says nothing while all are within."
        )
        views.append(_view(f"{name}-funnel-{kind}", caption, how, _funnel(table)))
    return tuple(views)


def benchmarks(results: Results, estimand: Estimand, name: str) -> FigureView | None:
    """These runners beside cohorts elsewhere."""
    elsewhere = [row for row in rows_of(results, "benchmark") if of.told(row)]
    if not elsewhere:
        return None
    days = {row["day"] for row in elsewhere}
    here = [row for row in rows_of(results, "cumulative_incidence", "milestone") if row["day"] in days and of.told(row)]
    lines = [
        *({**_numbers(row), "group": "Here", "label": sentence_case(f"by {week(row['day'])}"), "note": ""} for row in here),
        *({**_numbers(row), "group": "Elsewhere", "label": _elsewhere(row), "note": ""} for row in elsewhere),
    ]
    caption = "These runners beside cohorts elsewhere, which are no control group"
    return _view(
        f"{name}-benchmarks-drawn",
        caption,
        "Sources stand in the table. Who was counted, and as what, differs from cohort to cohort.",
        _forest(lines, estimand, "Share improved"),
    )


def _run_chart(results: Results, name: str) -> FigureView:
    caption = "Run chart: the share of each quarter's cohort about its median"
    found = rows_of(results, "run_chart")
    points = of.table(results, "p_chart")
    if _known(points) < _FEWEST:
        points = of.table(results, "cohort_share", of.NOW)
    centre = next((row["bound_low"] for row in found if row["bound_low"] is not None), None)
    if centre is None or _known(points) < _FEWEST:
        return _instead(results, name, caption, "run_chart", ("run chart", "history"))
    signal = any(is_signal(row) for row in found)
    how = "A shift shows as a long run on one side of the median or as few crossings; how long and how few is told above."

    def make(sheet: Sheet, called: str) -> draw.Figure:
        return draw.run_chart_figure(points, centre=centre, signal=signal, sheet=sheet, name=called)

    return _view(name, caption, how, make)


def _control(results: Results, statistic: str, name: str, caption: str, how: str, *, joined: bool = False) -> FigureView:
    shown = of.table(results, statistic)
    if _known(shown) < _FEWEST:
        return _instead(results, name, caption, statistic, (ESTIMATORS[statistic], *OVER_TIME))
    counted = shown if statistic == "p_chart" else shown.drop("n_at_risk")

    def make(sheet: Sheet, called: str) -> draw.Figure:
        return draw.control_chart_figure(counted, what=caption, joined=joined, sheet=sheet, name=called)

    return _view(name, caption, f"{how} Shaded: the baseline, from which the centre was taken.", make)


def _cusum(results: Results, name: str, what: str, caption: str) -> FigureView:
    better, worse = (of.table(results, "cusum", f"{what} {side}") for side in ("better", "worse"))
    if min(_known(better), _known(worse)) < _FEWEST:
        return _instead(results, name, caption, "cusum", ("CUSUM", *OVER_TIME))
    how = (
        "Upward: more, or sooner, than expected; downward: less, or later. A ringed diamond beyond its dashed limit is a signal; "
        "the sum says that something changed, not why."
    )

    def make(sheet: Sheet, called: str) -> draw.Figure:
        return draw.cusum_figure(better, worse, what=caption, sheet=sheet, name=called)

    return _view(name, caption, how, make)


def _funnel(table: pl.DataFrame) -> Make:
    def make(sheet: Sheet, called: str) -> draw.Figure:
        return draw.funnel_figure(table, centre=None, levels=(level(0.95), level(0.998)), sheet=sheet, name=called)

    return make


def _forest(lines: Sequence[Mapping[str, Any]], estimand: Estimand, axis: str) -> Make:
    table = pl.DataFrame(lines, infer_schema_length=None)
    threshold = estimand.decision.threshold if estimand.decision else None

    def make(sheet: Sheet, called: str) -> draw.Figure:
        return draw.share_forest_figure(table, axis_title=axis, threshold=threshold, sheet=sheet, name=called)

    return make


def _elsewhere(row: ResultRow) -> str:
    """The name of a cohort, with its week where the name does not tell it."""
    name = sentence_case(str(row["term"]))
    return name if row["day"] is None or "week" in name.lower() else f"{name}, {week(row['day'])}"


def _numbers(row: ResultRow) -> dict[str, Any]:
    names = ("estimate", "bound_low", "bound_high", "conf_low", "conf_high")
    return {name: None if row[name] is None else float(row[name]) for name in names}


def _group_line(row: ResultRow) -> dict[str, Any]:
    note = "" if of.told(row) else "withheld" if is_withheld(row) else "no share can be given"
    return {**_numbers(row), "stratum": row["stratum"], "label": group_name(row["stratum"]), "note": note}


def _refused_line(row: ResultRow) -> dict[str, Any]:
    return {**_numbers(row), "stratum": row["stratum"], "label": group_name(row["stratum"]), "note": "refused"}


def _once(refused: Iterable[ResultRow], rows: Iterable[ResultRow]) -> list[ResultRow]:
    """Refusals of groups that have no row of their own, each group once."""
    have = {row["stratum"] for row in rows}
    return list({row["stratum"]: row for row in refused if row["stratum"] not in have}.values())


def _in_order(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    known = list(lines)
    order = of.ordered([line["stratum"] for line in known])
    lines = sorted(known, key=lambda line: order.index(line["stratum"]))
    return [{**line, "group": KINDS.get(group_kind(line.pop("stratum")), "")} for line in [dict(one) for one in lines]]


def _known(table: pl.DataFrame, column: str = "estimate") -> int:
    return table.drop_nulls(column).height


def _view(name: str, caption: str, how: str, make: Make) -> FigureView:
    drawings = []
    for sheet in SHEETS:
        called = f"{name}-{sheet.name}"
        made = make(sheet, called)
        drawings.append(inline(made.svg(), name=called, title=caption, desc=made.words, css_class=sheet.name))
    return FigureView(name, caption, tuple(drawings), how=how)


def _instead(results: Results, name: str, caption: str, statistic: str, words: Sequence[str]) -> FigureView:
    if any(is_withheld(row) for row in rows_of(results, statistic)):
        return FigureView(name, caption, (), instead=f"Not drawn: its numbers are {withheld(results.min_cell_count)}.")
    if rows_of(results, statistic) and results.min_cell_count != 1:
        return FigureView(name, caption, (), instead="Not drawn: too little of it may be told outside the clinic.")
    why = reason(results, words)
    return FigureView(name, caption, (), instead=f"Not drawn. {why}" if why else "Not drawn: there is too little to draw.")
