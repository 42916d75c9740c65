"""Which rows speak of how long it has hurt, and which of them lead."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.chronicity.words import OUTSIDE, is_outside
from tendon_outcomes.reporting.tables import rows_of
from tendon_outcomes.reporting.wording import ResultRow, is_withheld
from tendon_outcomes.results import Results

CURVE, MILESTONE = "curve", "milestone"
_MIDDLE_WEEK = 12


def asks_for_duration(estimand: Estimand) -> bool:
    """The question is how something goes with the time it has hurt."""
    return estimand.exposure is not None


def reference_weeks(estimand: Estimand) -> float:
    """The duration that all others are compared with."""
    return estimand.exposure.reference_weeks if estimand.exposure else 0.0


def asked_weeks(estimand: Estimand) -> tuple[float, ...]:
    """The durations that the protocol asks about."""
    return estimand.exposure.ask_weeks if estimand.exposure else ()


def score_name(estimand: Estimand) -> str:
    """`VISA-H`: the score whose gain is told beside the share of responders."""
    gain = estimand.exposure.gain if estimand.exposure else None
    return gain.instrument.upper().replace("_", "-") if gain else "the score"


def lead_day(results: Results, lead_week: int | None) -> int | None:
    """The day that leads: the given week's, else week 12, else the first that has a share."""
    days = sorted({row["day"] for row in rows_of(results, "duration_incidence") if row["day"] is not None})
    wanted = [7 * one for one in (lead_week, _MIDDLE_WEEK) if one is not None]
    return next((day for day in (*wanted, *days) if day in days), None)


def milestones(results: Results, statistic: str, day: int | None = None) -> list[ResultRow]:
    """Rows at the durations asked about, the shortest first; of one day when it is given."""
    rows = [row for row in rows_of(results, statistic, MILESTONE) if row["at"] is not None and day in (None, row["day"])]
    return sorted(rows, key=lambda row: float(row["at"]))


def supported(results: Results, statistic: str, day: int | None) -> list[ResultRow]:
    """Milestones with an estimate that lie where the records hold enough runners."""
    rows = milestones(results, statistic, day)
    return [row for row in rows if row["estimate"] is not None and not is_withheld(row) and not is_outside(row)]


def drawn(results: Results, statistic: str, day: int | None, term: str = CURVE) -> pl.DataFrame:
    """The rows of a curve that may be drawn: of one day, none of them outside what the records support."""
    table = results.select(statistic, term=term).filter(pl.col("at").is_not_null(), pl.col("day") == pl.lit(day))
    flagged = pl.col("warning").fill_null("").str.contains(OUTSIDE, literal=True)
    return table.filter(~flagged).sort("at")
