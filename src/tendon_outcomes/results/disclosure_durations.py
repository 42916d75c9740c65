"""What of an answer over durations is withheld before anybody outside the clinic may read it.

1. `n_at_risk` of a curve over durations are the runners on the emptier side of `at`, who had hurt for less or for more, and
   `n_events` those with the endpoint by the day, or known without it, on the emptier side of the middle duration. A point is told
   where both are enough: no end of a curve is that of few runners, and no curve rests on few.
2. Counts then go: they stand in the flow alone.
3. Shares of the display bands are parts of a total: small ones go, and others with them.
4. A quantile is told where enough lie on its emptier side.
5. What is counted near a round number is told where enough are near it.
6. The share since the onset is a count that grows: each step to the next duration told is 0 or enough.
"""

from __future__ import annotations

import polars as pl

from tendon_outcomes.results.small_counts import is_small, suppress_parts
from tendon_outcomes.results.withholding import withhold, withhold_small_rows, without_counts

OVER_DURATIONS = (
    "duration_incidence",
    "duration_incidence_band",
    "duration_difference",
    "duration_difference_band",
    "duration_hazard_ratio",
    "duration_hazard_ratio_band",
    "sensitivity_duration_difference",
    "duration_over_imputed_incidence",
    "duration_over_imputed_difference",
    "strategy_difference_by_duration",
    "strategy_difference_by_duration_band",
    "strategy_ratio_by_duration",
    "strategy_ratio_by_duration_band",
    "visa_change_by_duration",
    "responder_share_by_duration",
)
OF_EVERYBODY = (
    "frailty_hazard_ratio",
    "frailty_tipping",
    "strategy_trend_by_duration",
    "duration_heaping",
    "duration_reliability",
)
SINCE_ONSET = "since_onset_incidence"
DURATIONS = (*OVER_DURATIONS, *OF_EVERYBODY, SINCE_ONSET, "duration_share", "duration_quantile", "duration_wording")
WHOLE_WEEKS = ("duration_quantile",)
CURVE = "curve"


def suppress_durations(part: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """The rows of one of the statistics in DURATIONS, for one stratum."""
    match part["statistic"][0]:
        case "duration_wording":
            return without_counts(part)
        case "duration_share":
            return without_counts(_parts(part, min_cell_count))
        case one if one in OVER_DURATIONS:
            return without_counts(_both_sides(part, min_cell_count))
        case one if one == SINCE_ONSET:
            return _since_onset(part, min_cell_count)
        case "duration_quantile":
            return without_counts(withhold(part, _few(part, "n_at_risk", min_cell_count), min_cell_count))
        case _:
            return without_counts(withhold_small_rows(part, min_cell_count))


def _few(part: pl.DataFrame, name: str, min_cell_count: int) -> pl.Series:
    """Rows with fewer than enough, none at all among them; a count that is not given is no reason."""
    return part.select((pl.col(name) < min_cell_count).fill_null(value=False).alias("_")).to_series()


def _both_sides(part: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """Milestones keep their place, with the reason where they are not told; points of a curve that are not told go."""
    hidden = _few(part, "n_at_risk", min_cell_count) | _few(part, "n_events", min_cell_count)
    return withhold(part, hidden, min_cell_count).filter(~(hidden & (part["term"] == CURVE)))


def _since_onset(part: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """Durations in order, each with enough at risk and enough who reached the endpoint since the last one told."""
    ordered = part.sort("at")
    hidden, last = [], 0
    for at_risk, reached in ordered.select(pl.col("n_at_risk", "n_events").fill_null(0)).iter_rows():
        gone = min(at_risk, reached) < min_cell_count or is_small(abs(reached - last), min_cell_count)
        hidden.append(gone)
        last = last if gone else reached
    return without_counts(withhold(ordered, pl.Series(hidden, dtype=pl.Boolean), min_cell_count))


def _parts(part: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """Shares that add up to everybody; all of them go where what is withheld could be had by subtraction."""
    counts = [value or 0 for value in part["n_at_risk"].to_list()]
    hidden = suppress_parts(counts, min_cell_count)
    rest = sum(count for count, gone in zip(counts, hidden, strict=True) if gone)
    if is_small(sum(counts), min_cell_count) or (any(hidden) and (rest < min_cell_count or sum(hidden) == 1)):
        hidden = [True] * len(counts)
    return withhold(part, pl.Series(hidden, dtype=pl.Boolean), min_cell_count)
