"""Tables of an audit: cohorts, groups, definitions, processes, other cohorts, and what was restated."""

from __future__ import annotations

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.audit import rows as of
from tendon_outcomes.reporting.audit.words import definition_words, group_words, verdict_word
from tendon_outcomes.reporting.comparison.words import signed, spaced
from tendon_outcomes.reporting.tables import TableView, rows_of, share_with_interval
from tendon_outcomes.reporting.wording import (
    NBSP,
    WITHHELD,
    ResultRow,
    count,
    is_withheld,
    level,
    percent_range,
    quarter_words,
    readable,
    rounded,
    sentence_case,
    shares_apart,
    week,
)
from tendon_outcomes.results import Results

NONE = "–"
RESTATED = ("changed definitions", "corrections", "late data", "total")


def cohorts(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """Every quarter's cohort: as it was reported, and as it is known now."""
    known = {row["stratum"]: row for row in of.quarters_known(results)}
    then = {row["stratum"]: row for row in of.by_quarter(results, "cohort_share", of.THEN)}
    waiting = {row["stratum"]: row for row in of.by_quarter(results, "cohort_immature")}
    quarters = sorted({*known, *then, *waiting})
    if not quarters:
        return None
    body = tuple(
        (
            quarter_words(quarter),
            _count(known.get(quarter), "n_at_risk"),
            _count(known.get(quarter), "n_events"),
            _count(known.get(quarter), "n_censored"),
            bounded(known.get(quarter)),
            _limits(known.get(quarter)),
            bounded(then.get(quarter)),
            _count(waiting.get(quarter), "n_at_risk"),
        )
        for quarter in quarters
    )
    caption = f"Cohorts by the quarter in which they were first seen: {estimand.endpoint.phrase} by week 12"
    says = level(estimand.conf_level)
    head = (
        "Quarter",
        "Counted",
        "Improved",
        "Unknown",
        "Share, as known now",
        f"{says} limits",
        "Share, as first reported",
        "Not yet counted",
    )
    return TableView(f"{name}-cohorts", caption, head, body, min_cell_count=results.min_cell_count)


def restatement(results: Results, name: str) -> TableView | None:
    """What moved each earlier quarter, part by part; quarters that nothing moved are left out, unless none was moved."""
    rows = of.by_quarter(results, "restatement")
    if not rows:
        return None
    cells = {(row["stratum"], row["term"]): row for row in rows}
    quarters = sorted({row["stratum"] for row in rows})
    moved = [quarter for quarter in quarters if any(_moves(cells.get((quarter, term))) for term in RESTATED)]
    body = tuple((quarter_words(one), *(_change(cells.get((one, term))) for term in RESTATED)) for one in moved)
    caption = "Restatement: change of the share improved, in 100 runners counted (runners counted, improved, unknown)"
    head = ("Quarter", *(sentence_case(term) for term in RESTATED))
    return TableView(f"{name}-restatement", caption, head, body, min_cell_count=results.min_cell_count) if body else None


def groups(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """Every group that is large enough at both weeks, in the order of names; the refused with their reason."""
    rows = of.in_groups(results, "group_incidence", "milestone")
    if not rows:
        return None
    days = sorted({row["day"] for row in rows})
    cells = {(row["stratum"], row["day"]): row for row in rows}
    body = tuple(
        (
            group_words(stratum),
            *(NONE if (row := cells.get((stratum, day))) is None else share_with_interval(row) for day in days),
            *(_count(cells.get((stratum, days[-1])), column) for column in ("n_events", "n_at_risk", "n_censored")),
        )
        for stratum in dict.fromkeys(row["stratum"] for row in rows)
    )
    caption = (
        f"{sentence_case(estimand.endpoint.phrase)} by group, with {level(estimand.conf_level)} intervals; in the order of names"
    )
    last = week(days[-1])
    head = ("Group", *(f"By {week(day)}" for day in days), f"Reached by {last}", "Still followed", "Left before")
    return TableView(f"{name}-groups", caption, head, body, min_cell_count=results.min_cell_count)


def definitions(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """The same claim under every definition of improvement, with its verdict."""
    rows = rows_of(results, "definition_incidence", "milestone")
    if not rows:
        return None
    days = sorted({row["day"] for row in rows})
    cells = {(row["stratum"], row["day"]): row for row in rows}
    verdicts = {row["stratum"]: row for row in rows_of(results, "definition_verdict")}
    body = tuple(
        (
            definition_words(stratum, estimand),
            *(NONE if (row := cells.get((stratum, day))) is None else share_with_interval(row) for day in days),
            verdict_word(verdicts[stratum]["term"]) if stratum in verdicts else NONE,
        )
        for stratum in dict.fromkeys(row["stratum"] for row in rows)
    )
    caption = f"The claim under every definition of improvement, with {level(estimand.conf_level)} intervals"
    head = ("Definition", *(f"By {week(day)}" for day in days), "The claim")
    return TableView(f"{name}-definitions", caption, head, body, min_cell_count=results.min_cell_count)


def funnel(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """Each clinician and site beside the limits that chance allows, and shrunken towards the others."""
    exact = of.in_groups(results, "funnel", "exact")
    spread = {row["stratum"]: row for row in rows_of(results, "funnel", "beta-binomial")}
    drawn_in = {row["stratum"]: row for row in rows_of(results, "shrunken_share")}
    rows = exact or of.in_groups(results, "funnel", "beta-binomial") or of.in_groups(results, "shrunken_share")
    if not rows:
        return None
    body = tuple(
        (
            group_words(row["stratum"]),
            _count(row, "n_at_risk"),
            bounded(row),
            _limits(row),
            _range(row, "bound_low", "bound_high"),
            _limits(spread.get(row["stratum"])),
            _with_limits(drawn_in.get(row["stratum"])),
        )
        for row in rows
    )
    caption = (
        "Clinicians and sites in the order of names: the share improved by week 12 of those known, the limits within which a "
        "group of that size lies by chance, and the share drawn towards the common one by as much as its size deserves"
    )
    head = (
        "Group",
        "Runners",
        "Share",
        f"Limits, {level(0.95)}",
        f"Limits, {level(0.998)}",
        f"Limits, {level(0.95)}, groups let differ",
        f"Shrunken share ({level(estimand.conf_level)} interval)",
    )
    return TableView(f"{name}-funnel", caption, head, body, min_cell_count=results.min_cell_count)


def process(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """What was done and recorded, as far as the records tell."""
    rows = rows_of(results, "process")
    if not rows:
        return None
    body = tuple(
        (_process_words(str(row["term"])), _process(row), _process_limits(row), _count(row, "n_at_risk")) for row in rows
    )
    head = ("Measure", "Value", f"{level(estimand.conf_level)} interval", "Of")
    return TableView(f"{name}-process", "What was done and recorded", head, body, min_cell_count=results.min_cell_count)


def benchmarks(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """What was seen elsewhere, with its source."""
    rows = rows_of(results, "benchmark")
    if not rows:
        return None
    body = tuple(
        (
            sentence_case(str(row["term"])),
            week(row["day"]) if row["day"] is not None else NONE,
            _with_limits(row),
            _count(row, "n_at_risk"),
            str(row["warning"]),
        )
        for row in rows
    )
    head = ("Cohort elsewhere", "When", f"Share ({level(estimand.conf_level)} interval)", "Of", "Source")
    return TableView(f"{name}-benchmarks", "Cohorts elsewhere", head, body, numeric=False, min_cell_count=results.min_cell_count)


def charts(results: Results, name: str) -> TableView | None:
    """The numbers behind the charts, quarter by quarter."""
    p_rows = {row["stratum"]: row for row in of.by_quarter(results, "p_chart")}
    weighted = {row["stratum"]: row for row in of.by_quarter(results, "ewma")}
    sums = {(row["stratum"], row["term"]): row for row in of.by_quarter(results, "cusum")}
    terms = list(dict.fromkeys(term for _, term in sums))
    quarters = sorted({*p_rows, *weighted, *(quarter for quarter, _ in sums)})
    if not quarters:
        return None
    body = tuple(
        (
            quarter_words(one),
            bounded(p_rows.get(one)),
            _limits(p_rows.get(one)),
            bounded(weighted.get(one)),
            _limits(weighted.get(one)),
            *(_sum(sums.get((one, term))) for term in terms),
        )
        for one in quarters
    )
    head = (
        "Quarter",
        "Share",
        "p-chart limits",
        "Weighted mean",
        "EWMA limits",
        *(f"CUSUM, {term}" for term in terms),
    )
    return TableView(f"{name}-charts", "The numbers behind the charts", head, body, min_cell_count=results.min_cell_count)


def looks(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """Every look with its limits and its verdict: the ledger of the claim."""
    rows = of.looks(results)
    if not rows:
        return None
    once = {row["stratum"]: row for row in of.by_quarter(results, "look_share_naive")}
    verdicts = {row["stratum"]: row for row in of.look_verdicts(results)}
    body = tuple(
        (
            quarter_words(row["stratum"]),
            _count(row, "n_at_risk"),
            bounded(row),
            _limits(row),
            _limits(once.get(row["stratum"])),
            verdict_word(verdicts[row["stratum"]]["term"]) if row["stratum"] in verdicts else NONE,
        )
        for row in rows
    )
    says = level(estimand.conf_level)
    head = ("Look", "Counted so far", "Share", f"{says} limits, any look", f"{says} limits, one look", "Verdict at any look")
    return TableView(
        f"{name}-looks",
        "Every look with its limits and what became of the claim",
        head,
        body,
        min_cell_count=results.min_cell_count,
    )


def bounded(row: ResultRow | None) -> str:
    """`64 %`, or `57–71 %` while some are unknown; a dash where there is no row."""
    if row is None:
        return NONE
    if is_withheld(row):
        return WITHHELD
    low, high = row["bound_low"], row["bound_high"]
    if row["statistic"] in ("cohort_share", "look_share", "look_share_naive") and low is not None and high is not None:
        return shares_apart(low, high)
    return NONE if row["estimate"] is None else shares_apart(row["estimate"], row["estimate"])


def _limits(row: ResultRow | None) -> str:
    return _range(row, "conf_low", "conf_high")


def _range(row: ResultRow | None, low: str, high: str) -> str:
    if row is None:
        return NONE
    return WITHHELD if is_withheld(row) else percent_range(row[low], row[high])


def _with_limits(row: ResultRow | None) -> str:
    return NONE if row is None else share_with_interval(row)


def _count(row: ResultRow | None, column: str) -> str:
    if row is None:
        return NONE
    return count(row[column]) if row[column] is not None or is_withheld(row) else NONE


def _moves(row: ResultRow | None) -> bool:
    if row is None:
        return False
    return is_withheld(row) or any(row[name] for name in ("estimate", "n_at_risk", "n_events", "n_censored"))


def _change(row: ResultRow | None) -> str:
    if row is None:
        return NONE
    if is_withheld(row):
        return WITHHELD
    if not _moves(row):
        return "0"
    share = NONE if row["estimate"] is None else signed(100 * row["estimate"])
    return f"{share}{NBSP}({', '.join(signed(row[name] or 0) for name in ('n_at_risk', 'n_events', 'n_censored'))})"


def _sum(row: ResultRow | None) -> str:
    if row is None:
        return NONE
    if is_withheld(row):
        return WITHHELD
    return NONE if row["estimate"] is None else f"{row['estimate']:.1f}{' (signal)' if row['warning'] == 'signal' else ''}"


def _process_words(term: str) -> str:
    return spaced(readable(term))


def _in_days(row: ResultRow) -> bool:
    return "onset" in str(row["term"])


def _process(row: ResultRow) -> str:
    if is_withheld(row):
        return WITHHELD
    if row["estimate"] is None:
        return NONE
    return f"{rounded(row['estimate'])}{NBSP}days" if _in_days(row) else bounded(row)


def _process_limits(row: ResultRow) -> str:
    if not _in_days(row) or is_withheld(row) or row["conf_low"] is None or row["conf_high"] is None:
        return _limits(row)
    return f"{rounded(row['conf_low'])} to {rounded(row['conf_high'])}{NBSP}days"
