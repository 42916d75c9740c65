"""Which rows speak of quarters and groups, and which of them lead."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tendon_outcomes.reporting.audit.words import group_kind, group_name
from tendon_outcomes.reporting.tables import rows_of
from tendon_outcomes.reporting.wording import ResultRow, band_ends, is_withheld
from tendon_outcomes.results import Results

NOW, THEN = "as known now", "as reported"
_OF_AN_AUDIT = (
    "group_incidence",
    "definition_incidence",
    "definition_verdict",
    "median_verdict",
    "cohort_share",
    "cohort_immature",
    "look_share",
    "process",
    "benchmark",
)


def is_audit(results: Results) -> bool:
    """The question was answered for a clinic that looks every quarter."""
    return results.rows["statistic"].is_in(list(_OF_AN_AUDIT)).any()


def told(row: ResultRow) -> bool:
    """The row has a number of its own, be it a share or what it lies between."""
    return not is_withheld(row) and (row["estimate"] is not None or row["bound_low"] is not None)


def by_quarter(results: Results, statistic: str, term: str | None = None) -> list[ResultRow]:
    """Rows of quarters, the earliest first."""
    return sorted(rows_of(results, statistic, term), key=lambda row: str(row["stratum"]))


def looks(results: Results) -> list[ResultRow]:
    """The running share of every look."""
    return by_quarter(results, "look_share")


def look_verdicts(results: Results) -> list[ResultRow]:
    """The always-valid verdict of every look."""
    return by_quarter(results, "look_verdict")


def quarters_known(results: Results) -> list[ResultRow]:
    """Every cohort as it is known now."""
    return by_quarter(results, "cohort_share", NOW)


def last_quarter(results: Results) -> str:
    """The quarter that the page reports; empty where no row speaks of one."""
    found = [
        str(row["stratum"])
        for statistic in ("look_share", "cohort_share", "cohort_immature")
        for row in by_quarter(results, statistic)
    ]
    return max(found, default="")


def in_groups(results: Results, statistic: str, term: str | None = None, day: int | None = None) -> list[ResultRow]:
    """Rows of groups: kinds in the order of the rows, and in a kind by the groups' names, never by result."""
    rows = [row for row in rows_of(results, statistic, term) if day in (None, row["day"])]
    order = ordered([row["stratum"] for row in rows])
    return sorted(rows, key=lambda row: order.index(row["stratum"]))


def ordered(strata: Sequence[str]) -> list[str]:
    """Groups, each once: kinds as they come, clinicians, sites and plans by name, durations from the shortest."""
    kinds = list(dict.fromkeys(group_kind(one) for one in strata))
    return sorted(dict.fromkeys(strata), key=lambda one: (kinds.index(group_kind(one)), _natural(one)))


def table(results: Results, statistic: str, term: str | None = None) -> pl.DataFrame:
    """The rows of one statistic in the order of their strata, to be drawn."""
    return results.select(statistic, term=term).sort("stratum", maintain_order=True)


def _natural(stratum: str) -> tuple[float, str]:
    """Bands by the weeks at which they begin, everything else by name."""
    return _begins(stratum) if group_kind(stratum) == "duration" else 0.0, group_name(stratum)


def _begins(stratum: str) -> float:
    low, high = band_ends(stratum.partition(": ")[2])
    return low if low is not None else (high or 0.0) - 1.0
