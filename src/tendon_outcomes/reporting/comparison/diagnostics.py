"""Whether the strategies could be compared at all, as tables: clones, balance, overlap, weights, checks known to be nothing."""

from __future__ import annotations

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.comparison.words import decimal, strategy_name
from tendon_outcomes.reporting.figures.clone_flow import ENDS
from tendon_outcomes.reporting.tables import TableView, rows_of, share_with_interval
from tendon_outcomes.reporting.wording import (
    NBSP,
    WITHHELD,
    ResultRow,
    count,
    is_withheld,
    level,
    percent,
    readable,
    sentence_case,
    week,
)
from tendon_outcomes.results import Results

VERDICTS = {"passes": "Nothing found", "fails": "Found something", "cannot be asked": "Cannot be asked"}
PANELS = {
    "passes": "every check could be asked and found nothing",
    "fails": "at least one found something",
    "incomplete": "not all could be asked",
}
_BALANCE = (
    ("standardised_mean_difference", "before", "Difference before"),
    ("standardised_mean_difference", "after", "Difference after"),
    ("variance_ratio", "after", "Variance ratio after"),
    ("ks_distance", "after", "Largest distance after"),
)
_WEIGHTS = {
    "mean": "Mean weight",
    "largest": "Largest weight",
    "p99": "99th percentile of the weights",
    "truncated": "Weights cut",
}


def falsification(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """The checks made before the comparison, each with its verdict."""
    rows = rows_of(results, "falsification")
    panel = [PANELS.get(row["term"], str(row["term"])) for row in rows_of(results, "falsification_panel")]
    if not rows:
        return None
    body = tuple(
        (
            sentence_case(str(row["warning"] or readable(row["term"]))) if not is_withheld(row) else readable(row["term"]),
            VERDICTS.get(row["stratum"], str(row["stratum"])),
            _with_limits(row),
            count(row["n_at_risk"]),
        )
        for row in rows
    )
    caption = f"Checks whose true answer is nothing{f': {panel[0]}' if panel else ''}. {level(estimand.conf_level)} intervals"
    head = ("Check", "Verdict", "Estimate", "Runners")
    return TableView(f"{name}-falsification", caption, head, body, numeric=False, min_cell_count=results.min_cell_count)


def clones(results: Results, name: str) -> TableView | None:
    """What became of the clones: the numbers of the figure."""
    rows = rows_of(results, "clone_flow")
    if not rows:
        return None
    strategies = list(dict.fromkeys(str(row["stratum"]) for row in rows))
    told = {(row["stratum"], row["term"]): count(row["n_events"]) for row in rows}
    words = {"cloned": "Clones", "started": "Started within the grace period", **{term: says for term, (says, _) in ENDS.items()}}
    body = [(says, *(told.get((one, term), "–") for one in strategies)) for term, says in words.items()]
    shares = {row["stratum"]: row for row in rows_of(results, "person_time_share")}
    if shares:
        cells = (_percent(shares[one]) if one in shares else "–" for one in strategies)
        body.append(("Share of the runner-weeks that kept to it", *cells))
    head = ("Clones", *(sentence_case(strategy_name(one)) for one in strategies))
    caption = "What became of the clones of each strategy"
    return TableView(f"{name}-clones", caption, head, tuple(body), min_cell_count=results.min_cell_count)


def compatible(results: Results, name: str) -> TableView | None:
    """Runners whose weeks so far fit both strategies, while there are any."""
    rows = [row for row in rows_of(results, "clone_overlap") if is_withheld(row) or row["estimate"] != 0]
    if not rows:
        return None
    body = tuple((sentence_case(week(row["day"])), _percent(row), count(row["n_events"])) for row in rows)
    caption = "Runners whose weeks so far fit both strategies: none in weeks that are not listed"
    return TableView(f"{name}-compatible", caption, ("By", "Share", "Runners"), body, min_cell_count=results.min_cell_count)


def balance(results: Results, name: str) -> TableView | None:
    """How far the strategies are apart in every covariate before and after weighting."""
    cells: dict[str, dict[str, str]] = {}
    for statistic, when, head in _BALANCE:
        for row in rows_of(results, statistic):
            if row["stratum"] == when:
                cells.setdefault(str(row["term"]), {})[head] = _difference(row)
    if not cells:
        return None
    heads = [head for _, _, head in _BALANCE]
    body = tuple((readable(term), *(found.get(head, "–") for head in heads)) for term, found in cells.items())
    caption = "Balance: differences in standard deviations, before and after weighting (at most 0.1 after is usually let pass)"
    return TableView(f"{name}-balance", caption, ("Covariate", *heads), body, min_cell_count=results.min_cell_count)


def clone_balance(results: Results, name: str) -> TableView | None:
    """How far the weighted clones that keep to each strategy are from everybody on day 0, week by week."""
    rows = [row for row in rows_of(results, "standardised_mean_difference") if row["day"] is not None]
    if not rows:
        return None
    places = list(dict.fromkeys((str(row["stratum"]), row["day"]) for row in rows))
    cells: dict[str, dict[tuple[str, int], str]] = {}
    for row in rows:
        cells.setdefault(str(row["term"]), {})[row["stratum"], row["day"]] = _difference(row)
    head = ("Covariate", *(f"{sentence_case(strategy_name(one))}, {week(day)}" for one, day in places))
    body = tuple((readable(term), *(found.get(place, "–") for place in places)) for term, found in cells.items())
    caption = (
        "Balance of the clones over time: differences in standard deviations between the weighted clones that neither departed "
        "nor were lost and everybody on day 0 (at most 0.1 is usually let pass)"
    )
    return TableView(f"{name}-clone-balance", caption, head, body, min_cell_count=results.min_cell_count)


def lost(results: Results, estimand: Estimand, name: str) -> TableView | None:
    """Who was lost under either prescription."""
    rows = [row for row in rows_of(results, "lost_share") if row["stratum"] != "all"]
    if not rows:
        return None
    body = tuple(
        (sentence_case(strategy_name(row["stratum"])), count(row["n_at_risk"]), count(row["n_events"]), share_with_interval(row))
        for row in rows
    )
    caption = (
        f"Lost to follow-up before {week(rows[0]['day'])}, by what was prescribed, with {level(estimand.conf_level)} intervals"
    )
    head = ("Prescribed", "Runners", "Lost", "Share")
    return TableView(f"{name}-lost", caption, head, body, min_cell_count=results.min_cell_count)


def overlap(results: Results, name: str) -> TableView | None:
    """How alike the runners of both strategies are in their propensity."""
    rows = rows_of(results, "overlap")
    body = tuple((sentence_case(str(row["term"])), _percent(row)) for row in rows)
    head = ("Overlap of the propensities", "Share")
    caption = "Could runners have had either strategy?"
    return TableView(f"{name}-overlap", caption, head, body, min_cell_count=results.min_cell_count) if body else None


def weights(results: Results, name: str) -> TableView | None:
    """Effective numbers and weights, method by method."""
    rows = rows_of(results, "effective_sample_size") + rows_of(results, "weight_summary")
    if not rows:
        return None
    strategies = list(dict.fromkeys(str(row["stratum"]) for row in rows))
    lines: dict[str, dict[str, str]] = {}
    for row in rows:
        lines.setdefault(f"{_measure(row)}, {row['estimator']}", {})[row["stratum"]] = _weight(row)
    body = tuple((says, *(cells.get(one, "–") for one in strategies)) for says, cells in lines.items())
    head = ("Weights", *(sentence_case(strategy_name(one)) for one in strategies))
    caption = "How many runners the weighted answers rest on in effect, and the weights"
    return TableView(f"{name}-weights", caption, head, body, min_cell_count=results.min_cell_count)


def _measure(row: ResultRow) -> str:
    if row["statistic"] == "effective_sample_size":
        return f"Effective number, {row['term']}"
    return _WEIGHTS.get(str(row["term"]), readable(str(row["term"])))


def _weight(row: ResultRow) -> str:
    if is_withheld(row):
        return WITHHELD
    if row["term"] == "truncated":
        return count(row["n_events"])
    if row["statistic"] == "effective_sample_size":
        return decimal(row["estimate"], 0)
    return decimal(row["estimate"])


def _difference(row: ResultRow) -> str:
    return WITHHELD if is_withheld(row) else decimal(row["estimate"])


def _percent(row: ResultRow) -> str:
    if is_withheld(row):
        return WITHHELD
    return "–" if row["estimate"] is None else percent(row["estimate"])


def _with_limits(row: ResultRow) -> str:
    if is_withheld(row):
        return WITHHELD
    if row["estimate"] is None:
        return "–"
    if row["conf_low"] is None or row["conf_high"] is None:
        return decimal(row["estimate"])
    return f"{decimal(row['estimate'])}{NBSP}({decimal(row['conf_low'])}{NBSP}to{NBSP}{decimal(row['conf_high'])})"
