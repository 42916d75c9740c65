"""One self-contained page: the answers first, everything they rest on after them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jinja2

from tendon_outcomes.declarations import Estimand, Protocol, Support, declare, shipped
from tendon_outcomes.reporting import answers as said
from tendon_outcomes.reporting import tables
from tendon_outcomes.reporting.audit.rows import is_audit
from tendon_outcomes.reporting.audit.sentences import by_group
from tendon_outcomes.reporting.audit.view import Audit, audit
from tendon_outcomes.reporting.chronicity.figures import leading_figure
from tendon_outcomes.reporting.chronicity.rows import asks_for_duration, lead_day
from tendon_outcomes.reporting.chronicity.sentences import chronicity_answers
from tendon_outcomes.reporting.chronicity.view import Chronicity, chronicity
from tendon_outcomes.reporting.claims.view import Claims, claims, holds_claims
from tendon_outcomes.reporting.comparison.figures import leading_figures
from tendon_outcomes.reporting.comparison.sentences import by_method, comparison_answers
from tendon_outcomes.reporting.comparison.view import Comparison, comparison
from tendon_outcomes.reporting.figure_view import FigureView
from tendon_outcomes.reporting.figures import report_curve
from tendon_outcomes.reporting.report import ReportInput, require_renderable
from tendon_outcomes.reporting.svg import inline
from tendon_outcomes.reporting.wording import (
    HANDLINGS,
    STATUSES,
    count,
    ended,
    intercurrent,
    is_withheld,
    level,
    percent,
    quarter_words,
    readable,
    sentence_case,
    withheld,
)
from tendon_outcomes.results import Results
from tendon_outcomes.vocabulary import Tier


@dataclass(frozen=True)
class Section:
    """One question with everything the page says about it."""

    name: str
    results: Results
    estimand: Estimand
    answers: tuple[said.Answer, ...]
    figures: tuple[FigureView, ...]
    refusals: tuple[str, ...]
    cautions: tuple[str, ...]
    follow_up: tuple[str, ...]
    own_definition: bool
    comparison: Comparison | None = None
    chronicity: Chronicity | None = None
    audit: Audit | None = None
    claims: Claims | None = None

    @property
    def estimates(self) -> tuple[tables.TableView, ...]:
        """The tables of a question that describes its answer by more than one cumulative incidence."""
        if self.chronicity:
            return (*self.chronicity.estimates, *self.chronicity.numbers)
        return self.comparison.estimates if self.comparison else ()

    @property
    def describes(self) -> bool:
        """The answer is the cumulative incidence of everybody."""
        return self.comparison is None and self.chronicity is None and self.claims is None

    @property
    def answers_first(self) -> bool:
        """It stands among the answers, and not in a section of its own."""
        return self.audit is None and self.claims is None

    @property
    def thresholds(self) -> tables.TableView | None:
        return tables.thresholds(self.estimand, self.name)

    def table(self, make: Callable[[Results, Estimand, str], tables.TableView | None]) -> tables.TableView | None:
        return make(self.results, self.estimand, self.name)


def render(report: ReportInput) -> bytes:
    """The report as HTML. The same input gives the same bytes: there is no clock, no chance and no path in it.

    Raises
    ------
    UnsuppressedResults
        Small cells were not dealt with for the report's tier.
    WrongUse
        There is nothing to report.
    """
    require_renderable(report)
    lead_week, window = _claimed_weeks(report)
    sections = tuple(_section(f"q{i}", one, report, lead_week, window) for i, one in enumerate(report.results, start=1))
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            protocol=report.protocol,
            internal=report.tier is Tier.INTERNAL,
            cell=report.results[0].min_cell_count,
            sections=sections,
            unsupported=_support(report.protocol, supported=False),
            supported=_support(report.protocol, supported=True),
            window=window,
            tables=tables,
            comparing=[one for one in sections if one.comparison],
            over_duration=[one for one in sections if one.chronicity],
            describing=[one for one in sections if one.describes],
            auditing=[one for one in sections if one.audit],
            registers=[one for one in sections if one.claims],
            answering=[one for one in sections if one.answers_first],
            asking=[one for one in sections if not one.claims] or sections,
            ledger=tables.ledger(report.ledger, report.protocol.min_cell_count),
            rules=tables.rules(report.rule_counts, report.protocol.min_cell_count),
            left_out=tables.left_out(report.left_out_columns),
            provenance=tables.provenance([one.provenance for one in report.results], report.snapshot_id),
            statuses=STATUSES,
            handlings=HANDLINGS,
            level=level(report.protocol.conf_level),
        )
    )
    return page.encode("utf-8")


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(shipped("reports/templates"), encoding="utf-8"),
        autoescape=True,  # explicitly: the choice by file name does not know .html.j2
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        newline_sequence="\n",
    )
    for word in (readable, sentence_case, intercurrent, count, ended, percent, quarter_words):
        environment.filters[word.__name__] = word
    return environment


def _section(name: str, results: Results, report: ReportInput, lead_week: int | None, window: tuple[int, int] | None) -> Section:
    estimand = report.protocol.estimand(results.estimand)
    trial, over_duration, audited = estimand.trial, asks_for_duration(estimand), is_audit(results)
    return Section(
        name=name,
        results=results,
        estimand=estimand,
        answers=_answers(estimand)(results, estimand, lead_week=lead_week),
        figures=() if holds_claims(results) else _figures(name, results, estimand, lead_week, window),
        refusals=_noted(results, estimand, "refusal"),
        cautions=_noted(results, estimand, "caution"),
        follow_up=said.follow_up(results, estimand),
        own_definition=_is_own(estimand.endpoint.reference),
        comparison=comparison(results, estimand, trial, report, name) if trial else None,
        chronicity=chronicity(results, estimand, name, lead_week=lead_week) if over_duration else None,
        audit=audit(results, estimand, name) if audited else None,
        claims=claims(results, report.protocol.claims, name) if holds_claims(results) else None,
    )


def _noted(results: Results, estimand: Estimand, statistic: str) -> tuple[str, ...]:
    """Refusals or cautions in the words of the question."""
    if is_audit(results):
        return by_group(results, estimand, statistic)
    if estimand.trial or asks_for_duration(estimand):
        return by_method(results, estimand, statistic)
    return said.refusals(results) if statistic == "refusal" else said.cautions(results)


def _answers(estimand: Estimand) -> Callable[..., tuple[said.Answer, ...]]:
    if asks_for_duration(estimand):
        return chronicity_answers
    return comparison_answers if estimand.trial else said.answers


def _figures(
    name: str, results: Results, estimand: Estimand, lead_week: int | None, window: tuple[int, int] | None
) -> tuple[FigureView, ...]:
    """The figures of the first page."""
    if asks_for_duration(estimand):
        return leading_figure(results, estimand, lead_day(results, lead_week), name)
    if estimand.trial:
        return leading_figures(results, estimand, name, lead_week=lead_week)
    groups = enumerate(tables.strata(results)[: 1 if is_audit(results) else None], start=1)
    return tuple(_figure(f"{name}-figure{i}", results, estimand, stratum, window) for i, stratum in groups)


def _figure(name: str, results: Results, estimand: Estimand, stratum: str, window: tuple[int, int] | None) -> FigureView:
    curve = _curve(results, estimand, stratum, window)
    group = f", {readable(stratum)}" if tables.several_strata(results) else ""
    caption = f"Cumulative incidence of {estimand.endpoint.phrase}{group}"
    if not curve.drawable:
        return FigureView(name, caption, (), instead=_no_curve(results, curve))
    words = report_curve.curve_words(curve)
    drawings = tuple(
        inline(report_curve.draw(curve, shape), name=f"{name}-{shape.name}", title=caption, desc=words, css_class=shape.name)
        for shape in report_curve.SHAPES
    )
    return FigureView(name, caption, drawings, bounded=any(row["estimate"] is None for row in curve.milestones))


def _curve(results: Results, estimand: Estimand, stratum: str, window: tuple[int, int] | None) -> report_curve.Curve:
    def mine(statistic: str, term: str | None = None) -> list[Any]:
        rows = tables.rows_of(results, statistic, term)
        return [row for row in rows if row["stratum"] == stratum and not is_withheld(row)]

    start = [row["n_at_risk"] for row in mine("median_days") if row["n_at_risk"] is not None]
    n_start = start[0] if start else None if tables.several_strata(results) else results.attrition.n_end
    return report_curve.Curve(
        steps=tuple(sorted(mine("cumulative_incidence", "curve"), key=lambda row: row["day"])),
        milestones=tuple(mine("cumulative_incidence", "milestone")),
        n_start=n_start,
        horizon_days=estimand.horizon_days,
        window_weeks=window,
        threshold=estimand.decision.threshold if estimand.decision else None,
    )


def _no_curve(results: Results, curve: report_curve.Curve) -> str:
    if curve.steps or not (tables.rows_of(results, "refusal") or tables.rows_of(results, "cumulative_incidence")):
        return "No curve is drawn: no week has an estimate."
    if tables.rows_of(results, "cumulative_incidence"):
        return f"No curve is drawn: its numbers are {withheld(results.min_cell_count)}."
    return "No curve is drawn, because no estimate was made. The reason stands under “What was refused”."


def _claimed_weeks(report: ReportInput) -> tuple[int | None, tuple[int, int] | None]:
    """The week at which a claim is judged and the weeks it speaks of, shown beside every answer."""
    asked = [report.protocol.estimand(one.estimand).decision for one in report.results]
    decisions = [one for one in asked if one is not None]
    windows = [one.median_within_weeks for one in decisions if one.median_within_weeks is not None]
    return decisions[0].at_week if decisions else None, windows[0] if windows else None


def _support(protocol: Protocol, *, supported: bool) -> tuple[tuple[str, Support], ...]:
    return tuple((readable(name), one) for name, one in sorted(protocol.support.items()) if one.supported is supported)


def _is_own(reference: str) -> bool:
    """The protocol defines this version itself: the shipped declarations do not know it."""
    name, _, version = reference.partition(".")
    shipped_endpoint = declare().endpoints.get(name)
    return shipped_endpoint is None or version not in shipped_endpoint.version
