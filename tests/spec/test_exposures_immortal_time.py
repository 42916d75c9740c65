"""Why a label over a window may not be a baseline exposure: under no effect at all it makes loading look harmful."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from tendon_outcomes.cohort.exposure.switching import exposure_intervals
from tendon_outcomes.cohort.exposure.weeks import PersonWeeks
from tests.made_records import DECLARED

RECOVERY, START = 1 / 14, 1 / 4
"""Hazards a week of recovery and of beginning to load, from domain dossier §4d; neither depends on the other."""
NULL_RATIO = RECOVERY / (2 * RECOVERY + START)


def rate_ratio(events: tuple[int, int], time: tuple[float, float]) -> tuple[float, float]:
    """Rate of the first over rate of the second, with the standard error of its logarithm."""
    return (events[0] / time[0]) / (events[1] / time[1]), math.sqrt(1 / events[0] + 1 / events[1])


def test_ever_loaded_against_never_loaded_makes_no_effect_look_like_harm() -> None:
    # Grade: simulation, n = 200 000, against the closed form of domain dossier §4d, λ/(2λ+μ) = 0.182; within 4 Monte Carlo errors
    # of the logarithm, each about 0.006.
    draws = np.random.default_rng(20240601)
    recovered = draws.exponential(1 / RECOVERY, 200_000)
    started = draws.exponential(1 / START, 200_000)
    ever = started < recovered
    ratio, error = rate_ratio((ever.sum(), (~ever).sum()), (recovered[ever].sum(), recovered[~ever].sum()))
    assert round(NULL_RATIO, 3) == 0.182
    assert abs(math.log(ratio / NULL_RATIO)) < 4 * error < 0.03


def test_time_split_at_the_start_shows_that_there_is_no_effect() -> None:
    # Grade: simulation, the same draws with person-time before the start counted as not loaded: rate ratio 1 within 4 errors.
    draws = np.random.default_rng(20240601)
    recovered = draws.exponential(1 / RECOVERY, 200_000)
    started = draws.exponential(1 / START, 200_000)
    ever = started < recovered
    loaded = (recovered - started)[ever].sum()
    ratio, error = rate_ratio((ever.sum(), (~ever).sum()), (loaded, np.minimum(recovered, started).sum()))
    assert abs(math.log(ratio)) < 4 * error < 0.03


def test_exposure_intervals_give_the_time_split() -> None:
    # Grade: simulation, 10 000 runners in weeks: recovery has the same hazard every day, loading begins with a week. From the
    # intervals, cut at recovery or week 60, the rate ratio is 1 within 4 errors of about 0.025; ever against never is below 0.4.
    n, weeks = 10_000, 60
    draws = np.random.default_rng(20240602)
    day = np.ceil(draws.exponential(7 / RECOVERY, n)).astype(int)
    first_week = draws.geometric(1 - math.exp(-START), n)
    frame = pl.DataFrame(
        {
            "episode_id": np.repeat(np.arange(n), weeks).astype(str),
            "week": np.tile(np.arange(1, weeks + 1), n),
            "state": np.where(np.tile(np.arange(1, weeks + 1), n) < np.repeat(first_week, weeks), "N", "L"),
        }
    )
    runners = pl.DataFrame({"episode_id": np.arange(n).astype(str), "recovered": day, "first_week": first_week})
    split = (
        exposure_intervals(PersonWeeks(DECLARED.regimen("1"), weeks, frame), lag_weeks=0)
        .join(runners, on="episode_id")
        .filter(pl.col("start_day") < pl.col("recovered"))
        .group_by("state")
        .agg(
            (pl.min_horizontal("stop_day", "recovered") - pl.col("start_day")).sum().alias("days"),
            (pl.col("recovered") <= pl.col("stop_day")).sum().alias("events"),
        )
    )
    by_state = {row["state"]: row for row in split.to_dicts()}
    events = by_state["L"]["events"], by_state["N"]["events"]
    ratio, error = rate_ratio(events, (by_state["L"]["days"], by_state["N"]["days"]))
    assert abs(math.log(ratio)) < 4 * error < 0.15
    ever = 7 * (first_week - 1) < day
    naive, _ = rate_ratio((ever.sum(), (~ever).sum()), (day[ever].sum(), day[~ever].sum()))
    assert naive < 0.4
