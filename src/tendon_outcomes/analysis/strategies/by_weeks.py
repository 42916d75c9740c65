"""A group's follow-up, training and covariates as arrays by week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis.visit_grid import GriddedFollowUp
from tendon_outcomes.cohort import Cohort, FollowUp
from tendon_outcomes.cohort.exposure.clones import Clones
from tendon_outcomes.cohort.exposure.weeks import PersonWeeks
from tendon_outcomes.declarations.target_trial import TargetTrial
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.vocabulary import WeekState

STATES = (WeekState.STRETCHING, WeekState.LOADING, WeekState.BOTH, WeekState.NEITHER)
"""Codes 0, 1, ... of what was done in a week, in the order of the strategies that start with them; -1 where it is not known."""
NOT_KNOWN = -1
_KEYS = ("episode_id", "week", "strategy")

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Clinic:
    """The records of one group, with its follow-up in the order of episode_id."""

    cohort: Cohort
    follow_up: FollowUp


def sample_of(
    data: GriddedFollowUp,
    episode_id: pl.Series,
    weeks: PersonWeeks,
    clones: Clones,
    varying: pl.DataFrame,
    baseline: tuple[FloatArray, tuple[str, ...]],
    trial: TargetTrial,
) -> LongitudinalSample:
    """The same records by weeks, in the order of ``episode_id``."""
    count = weeks.weeks
    left, right, cause = weekly_outcome(data, count)
    names = tuple(name for name in varying.columns if name not in _KEYS)
    deviates, phase = _clones(clones, episode_id, trial.strategies, count)
    return LongitudinalSample(
        left=left,
        right=right,
        cause=cause,
        baseline=baseline[0],
        varying=_by_week(varying, episode_id, names, count),
        state=_states(weeks, episode_id),
        deviates=deviates,
        phase=phase,
        patient=data.patient - 1,
        baseline_names=baseline[1],
        varying_names=names,
        strategy_names=trial.strategies,
    )


def weekly_outcome(data: GriddedFollowUp, weeks: int) -> tuple[IntArray, FloatArray, IntArray]:
    """left, right and cause in weeks. What happened after the last week is censored at it.

    A competing event belongs to the week that holds its day. An event whose interval reaches beyond the last week keeps its right
    end, because it may have happened before.
    """
    competing = data.cause > 1
    right = np.ceil(data.right / 7.0)
    left = np.where(competing, right - 1, np.floor(data.left / 7.0))
    after = left >= weeks
    cause = np.where(after, 0, data.cause)
    left = np.minimum(left, weeks)
    return left.astype(np.int64), np.where(cause == 0, np.inf, right), cause.astype(np.int64)


def _states(weeks: PersonWeeks, episode_id: pl.Series) -> IntArray:
    codes = {state.value: code for code, state in enumerate(STATES)}
    coded = weeks.frame.select(
        "episode_id", "week", pl.col("state").replace_strict(codes, default=NOT_KNOWN, return_dtype=pl.Int64)
    )
    return _by_week(coded, episode_id, ("state",), weeks.weeks)[:, :, 0].astype(np.int64)


def _clones(clones: Clones, episode_id: pl.Series, strategies: tuple[str, ...], weeks: int) -> tuple[IntArray, IntArray]:
    """`deviates` (S, n) and `phase` (S, n, K) of `LongitudinalSample`."""
    deviates, phase = [], []
    for name in strategies:
        own = clones.frame.filter(pl.col("strategy") == name)
        joined = episode_id.to_frame("episode_id").join(own, on="episode_id", how="left", maintain_order="left")
        week = joined["departs_week"].fill_null(weeks + 1).to_numpy().astype(np.int64)
        deviates.append(np.minimum(week, weeks + 1))
        by_week = clones.weeks.filter(pl.col("strategy") == name)
        phase.append(_by_week(by_week, episode_id, ("phase",), weeks)[:, :, 0].astype(np.int64))
    return np.stack(deviates), np.stack(phase)


def _by_week(rows: pl.DataFrame, episode_id: pl.Series, names: tuple[str, ...], weeks: int) -> FloatArray:
    """(n, K, q) from rows of episode_id and week; a week without a row is 0."""
    found = np.zeros((episode_id.len(), weeks, len(names)))
    position = episode_id.to_frame("episode_id").with_row_index("_row")
    placed = rows.join(position, on="episode_id").filter(pl.col("week").is_between(1, weeks))
    at = placed["_row"].to_numpy(), placed["week"].to_numpy() - 1
    for column, name in enumerate(names):
        found[at[0], at[1], column] = placed[name].cast(pl.Float64).to_numpy()
    return found
