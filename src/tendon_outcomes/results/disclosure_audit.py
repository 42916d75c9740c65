"""What of a quarterly audit is withheld before anybody outside the clinic may read it.

1. A quarter's cohort is told where improved, not improved and unknown are each 0 or enough, those not told add up to 0 or enough,
   and no report shared before stands too close.
2. A look over all cohorts is told where the steps between looks, less the cohorts told, are 0 or enough, looks of earlier reports
   among them. Verdicts keep their word.
3. Charts are made of cohorts: a quarter is charted where its cohort is told, the centre where every cohort of the chart is, the
   weighted mean until the first that is not. Signals stay, in words.
4. Clinicians, the paths of the CUSUM and by how much a quarter was restated stay in the clinic.
5. Groups are parts of everybody: small ones go, and others with them. Other definitions are told where they count 0 or enough
   others than the primary one. Counts then go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tendon_outcomes.results.disclosure_cohorts import (
    NOW,
    Cells,
    ToldQuarters,
    any_small,
    cells_of,
    told_quarters,
    with_rest,
)
from tendon_outcomes.results.disclosure_strategies import SAID, WOULD_DO
from tendon_outcomes.results.small_counts import longest_chain
from tendon_outcomes.results.told_before import ToldBefore
from tendon_outcomes.results.withholding import COUNTS, NUMBERS, WITHHELD

RowDict = dict[str, Any]
TURNS = "verdict turns"
OF_CLINICIANS = "clinician: "
ONSET_TO_LOADING = "onset to first loading"
_CHARTS = ("p_chart", "ewma")
_IN_GROUPS = ("funnel", "shrunken_share")
AUDIT = (
    "group_incidence",
    "definition_incidence",
    "definition_verdict",
    "cohort_share",
    "cohort_immature",
    "restatement",
    "look_share",
    "look_share_naive",
    "look_verdict",
    "run_chart",
    *_CHARTS,
    "cusum",
    "cusum_run_length",
    *_IN_GROUPS,
    "gain",
    "benchmark",
    "process",
    "p_value",
    "claim",
    "claim_part",
)


@dataclass(frozen=True, eq=False)
class _Case:
    """What is decided once for all rows of an answer."""

    cell: int
    quarters: ToldQuarters
    charted: frozenset[str]
    baseline: frozenset[str]
    days: frozenset[tuple[str, int]]
    groups: frozenset[str]
    sizes: Mapping[str, int]
    small_claims: frozenset[str]

    @property
    def all_charted(self) -> bool:
        return self.charted <= self.quarters.cohorts


def is_audit() -> pl.Expr:
    """Rows that this module decides about."""
    return pl.col("statistic").is_in(list(AUDIT)) | ((pl.col("statistic") == "tipping_point") & (pl.col("term") == TURNS))


def suppress_audit(
    part: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int, *, before: ToldBefore, milestones: Sequence[int]
) -> pl.DataFrame:
    """The rows of an audit; ``rows`` are all rows of the analysis, ``milestones`` the days whose overall incidence is told."""
    case = _case(rows, min_cell_count, before, milestones)
    kept = [told for row in part.iter_rows(named=True) if (told := _RULES[row["statistic"]](row, case)) is not None]
    return pl.DataFrame(kept, schema=part.schema, orient="row")


def _case(rows: pl.DataFrame, cell: int, before: ToldBefore, milestones: Sequence[int]) -> _Case:
    charts = rows.filter(pl.col("statistic").is_in([*_CHARTS, "cusum"]))
    known = rows.filter(pl.col("statistic") == "cohort_share", pl.col("term") == NOW)
    looks = rows.filter(pl.col("statistic") == "look_share")
    claims = rows.filter(pl.col("statistic") == "claim")
    return _Case(
        cell=cell,
        quarters=told_quarters(rows, before, cell),
        charted=frozenset(charts["stratum"]) or frozenset(known["stratum"]),
        baseline=frozenset(charts.filter(pl.col("term") == "baseline")["stratum"]),
        days=_days(rows, milestones, cell),
        groups=_groups_told(rows, looks, cell),
        sizes={row["stratum"]: row["n_at_risk"] or 0 for row in looks.iter_rows(named=True)},
        small_claims=frozenset(row["stratum"] for row in claims.iter_rows(named=True) if any_small(_known(row), cell)),
    )


def _days(rows: pl.DataFrame, milestones: Sequence[int], cell: int) -> frozenset[tuple[str, int]]:
    """Groups and definitions with the days on which they are told."""
    overall = {
        row["day"]: _state(row)
        for row in rows.filter(pl.col("statistic") == "cumulative_incidence", pl.col("term") == "milestone").iter_rows(named=True)
    }
    told: set[tuple[str, int]] = set()
    for day in milestones:
        told |= {(one, day) for one in _groups_on(rows, day, overall.get(day), cell)}
        told |= {(one, day) for one in _definitions_on(rows, day, overall.get(day), cell)}
    strata = {stratum for stratum, _ in told}
    return frozenset(
        (stratum, day) for stratum in strata for day in _chained(rows, stratum, [d for s, d in told if s == stratum], cell)
    )


def _chained(rows: pl.DataFrame, stratum: str, days: Sequence[int], cell: int) -> list[int]:
    """Of the days of one group as many as can be told beside each other, the later ones first."""
    of_one = rows.filter(
        pl.col("statistic").is_in(["group_incidence", "definition_incidence"]), pl.col("stratum") == stratum
    ).sort("day")
    chosen = of_one.filter(pl.col("day").is_in(list(days)))
    chain = longest_chain([value or 0 for value in chosen["n_events"]], cell, prefer=[False] * chosen.height)
    return [int(chosen["day"][position]) for position in chain]


def _groups_on(rows: pl.DataFrame, day: int, overall: Cells | None, cell: int) -> set[str]:
    """Groups of each kind that can be told on a day beside everybody and beside each other."""
    of_day = rows.filter(pl.col("statistic") == "group_incidence", pl.col("day") == day)
    states = {row["stratum"]: _state(row) for row in of_day.iter_rows(named=True)}
    return _tellable(states, overall, cell)


def _definitions_on(rows: pl.DataFrame, day: int, overall: Cells | None, cell: int) -> set[str]:
    """Definitions whose counts are 0 or enough, and so is their distance from the primary one and from each other."""
    of_day = rows.filter(pl.col("statistic") == "definition_incidence", pl.col("day") == day)
    taken: list[Cells] = [overall] if overall else []
    told = set()
    for row in of_day.iter_rows(named=True):
        own = _state(row)
        apart = all(not any_small((a - b for a, b in zip(own, other, strict=True)), cell) for other in taken)
        if apart and not any_small(own, cell):
            taken.append(own)
            told.add(row["stratum"])
    return told


def _groups_told(rows: pl.DataFrame, looks: pl.DataFrame, cell: int) -> frozenset[str]:
    """Groups of the funnel that can be told; everybody is the last look."""
    funnel = rows.filter(pl.col("statistic") == "funnel")
    known = {row["stratum"]: _known(row) for row in funnel.iter_rows(named=True)}
    last = looks.sort("stratum").tail(1).to_dicts()
    improved, not_improved, _ = cells_of(last[0]) if last else (0, 0, 0)
    return frozenset(_tellable(known, (improved, not_improved) if last else None, cell))


def _tellable(parts: Mapping[str, Cells], overall: Cells | None, cell: int) -> set[str]:
    """Kind by kind, the parts that can be told; what everybody is beside them is a part that nobody is told."""
    told: set[str] = set()
    for kind in {stratum.partition(": ")[0] for stratum in parts}:
        own = {stratum: cells for stratum, cells in parts.items() if stratum.partition(": ")[0] == kind}
        sums = tuple(sum(column) for column in zip(*own.values(), strict=True))
        rest = tuple(abs(a - b) for a, b in zip(overall, sums, strict=True)) if overall else None
        hidden = {stratum for stratum, cells in own.items() if any_small(cells, cell)}
        told |= set(own) - with_rest(own, hidden, cell, rest=rest)
    return told


def _state(row: Mapping[str, Any]) -> Cells:
    """With the endpoint, still followed, and gone by the day."""
    return row["n_events"] or 0, row["n_at_risk"] or 0, row["n_censored"] or 0


def _known(row: Mapping[str, Any]) -> Cells:
    """With and without, of a row whose share is that of n_events in n_at_risk; only the number where it counts no events."""
    n, events = row["n_at_risk"] or 0, row["n_events"]
    return (n,) if events is None else (events, n - events)


def _in_groups(row: RowDict, case: _Case) -> RowDict | None:
    if row["stratum"].startswith(OF_CLINICIANS):
        return None
    return _uncounted(row) if row["stratum"] in case.groups else _withheld(row, case)


def _on_days(row: RowDict, case: _Case) -> RowDict | None:
    if row["stratum"].startswith(OF_CLINICIANS):
        return None
    return _uncounted(row) if (row["stratum"], row["day"]) in case.days else _withheld(row, case)


def _definition_verdict(row: RowDict, case: _Case) -> RowDict:
    """The word stays where enough had the event and enough had not; the numbers only with their day."""
    if any_small(_known(row), case.cell):
        return {**_withheld(row, case), "term": "not shown"}
    told = (row["stratum"], row["day"]) in case.days
    return _uncounted(row) if told else {**_blank(row), "warning": row["warning"]}


def _cohort(row: RowDict, case: _Case) -> RowDict:
    told = case.quarters.cohorts if row["term"] == NOW else case.quarters.as_reported
    return row if row["stratum"] in told else _withheld(row, case)


def _immature(row: RowDict, case: _Case) -> RowDict:
    return row if not row["n_at_risk"] or row["stratum"] in case.quarters.immature else _withheld(row, case)


def _restated(row: RowDict, _: _Case) -> RowDict | None:
    """That a quarter was restated, never by how much."""
    if row["term"] != "total":
        return None
    return {**_blank(row), "warning": "restated" if any(row[name] for name in ("estimate", *COUNTS)) else ""}


def _look(row: RowDict, case: _Case) -> RowDict:
    return row if row["stratum"] in case.quarters.looks else _withheld(row, case)


def _look_verdict(row: RowDict, case: _Case) -> RowDict:
    if case.sizes.get(row["stratum"], case.cell) < case.cell:
        return {**_withheld(row, case), "term": "not shown"}
    return _blank(row)


def _run_chart(row: RowDict, case: _Case) -> RowDict:
    """Runs and crossings count quarters; the centre is the share of a quarter."""
    shown = {**row, "n_censored": None, "n_events": None}
    return shown if case.all_charted else {**shown, "bound_low": None}


def _chart(row: RowDict, case: _Case) -> RowDict:
    told = case.quarters.cohorts
    if row["statistic"] == "ewma":
        first = min((quarter for quarter in case.charted if quarter not in told), default=None)
        fine = first is None or row["stratum"] < first
    else:
        fine = row["stratum"] in told
    if fine and case.baseline <= told:
        return _uncounted(row)
    return _blank(row) if row["warning"] else _withheld(row, case)


def _tipping(row: RowDict, case: _Case) -> RowDict:
    lost, n = row["n_events"] or 0, row["n_at_risk"] or 0
    return _withheld(row, case) if any_small((lost, n, n - lost), case.cell) else _uncounted(row)


def _of_enough(row: RowDict, case: _Case) -> RowDict:
    return _withheld(row, case) if any_small(_known(row), case.cell) else _uncounted(row)


def _process(row: RowDict, case: _Case) -> RowDict:
    """A share speaks of those it counts and of the others; a time is told in whole days."""
    n, estimate = row["n_at_risk"] or 0, row["estimate"]
    if row["term"] == ONSET_TO_LOADING:
        whole = {name: None if row[name] is None else float(round(row[name])) for name in NUMBERS}
        return _of_enough({**row, **whole}, case)
    counted = round(estimate * n) if estimate is not None else 0
    return _withheld(row, case) if any_small((n, counted, n - counted), case.cell) else _uncounted(row)


def _claim(row: RowDict, case: _Case) -> RowDict:
    """The word stays where its counts may be told; without them the reason stays, less the number that would do."""
    if not any_small(_known(row), case.cell):
        return _uncounted(row)
    reason = row["warning"].split(WOULD_DO)[0].split(SAID)[0].rstrip()
    answered = row["estimate"] is not None
    return {**_blank(row), "term": "not shown" if answered else row["term"], "warning": _reason(case) if answered else reason}


def _claim_part(row: RowDict, case: _Case) -> RowDict:
    """A part keeps its name; its number goes with that of its claim, and where its own counts are small."""
    gone = row["stratum"] in case.small_claims or any_small(_known(row), case.cell)
    return _withheld(row, case) if gone else _uncounted(row)


def _p_value(row: RowDict, case: _Case) -> RowDict:
    """To the next hundredth above, so that none is 0."""
    if row["stratum"] in case.small_claims:
        return _withheld(row, case)
    estimate = row["estimate"]
    return _uncounted(
        {**row, "estimate": None if estimate is None else min(max(math.ceil(round(100 * estimate, 9)), 1), 100) / 100}
    )


def _without_counts(row: RowDict, _: _Case) -> RowDict:
    """Of nobody here: another study's, and public, or a property of a chart."""
    return _uncounted(row)


def _signal_alone(row: RowDict, _: _Case) -> RowDict:
    return _blank(row)


def _uncounted(row: RowDict) -> RowDict:
    return {**row, **dict.fromkeys(COUNTS)}


def _blank(row: RowDict) -> RowDict:
    return {**row, **dict.fromkeys((*NUMBERS, *COUNTS))}


def _withheld(row: RowDict, case: _Case) -> RowDict:
    return {**_blank(row), "warning": _reason(case)}


def _reason(case: _Case) -> str:
    return f"{WITHHELD}fewer than {case.cell} runners, or a number from which so few could be worked out"


_RULES: dict[str, Callable[[RowDict, _Case], RowDict | None]] = {
    "group_incidence": _on_days,
    "definition_incidence": _on_days,
    "definition_verdict": _definition_verdict,
    "tipping_point": _tipping,
    "cohort_share": _cohort,
    "cohort_immature": _immature,
    "restatement": _restated,
    "look_share": _look,
    "look_share_naive": _look,
    "look_verdict": _look_verdict,
    "run_chart": _run_chart,
    "p_chart": _chart,
    "ewma": _chart,
    "cusum": _signal_alone,
    "cusum_run_length": _without_counts,
    "funnel": _in_groups,
    "shrunken_share": _in_groups,
    "gain": _of_enough,
    "benchmark": _without_counts,
    "process": _process,
    "p_value": _p_value,
    "claim": _claim,
    "claim_part": _claim_part,
}
