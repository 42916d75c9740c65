"""Assessment days taken to a common grid of days, so that the interval-censored likelihood is a regular one.

Visits planned for week 8 happen on day 53 or 59. Taken as they are, every cohort has its own scatter of days, and neither
the nonparametric estimate nor its bootstrap behaves like a proportion. On a shared grid both do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.cohort import FollowUp
from tendon_outcomes.declarations import Grid
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.vocabulary import Code

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class GriddedFollowUp:
    """Follow-up on a grid. Arrays have one entry an episode.

    `grid_days`: the days on which enough of those still followed were assessed; between them nothing is claimed.
    `left, right` in days on the grid (right is inf when not reached; the exact day for a competing event).
    `cause`: 0 censored, 1 event, 2 and above the competing causes in `competing_codes` order. `patient` numbers the patients,
    so that two sides of one are known to belong together; `lost` marks those lost to follow-up or withdrawn.
    """

    grid_days: tuple[int, ...]
    left: FloatArray
    right: FloatArray
    cause: IntArray
    patient: IntArray
    lost: NDArray[np.bool_]
    competing_codes: tuple[int, ...]

    @property
    def n(self) -> int:
        return int(self.cause.size)

    def n_at_risk(self, day: float) -> int:
        """Episodes still followed that have not reached the endpoint by ``day``: the total less the two counts below."""
        return self.n - self.n_events(day) - self.n_left(day)

    def n_just_before(self, day: float) -> int:
        """The risk set of ``day``: episodes neither resolved nor censored before it."""
        last_known = np.where(self.cause == 0, self.left, self.right)
        return int(np.count_nonzero(last_known >= day))

    def n_known(self, day: float) -> int:
        """Episodes whose state on ``day`` is known: resolved by then, or followed at least until then."""
        return self.n - int(np.count_nonzero((self.cause == 0) & (self.left < day)))

    def n_events(self, day: float) -> int:
        """Episodes known to have reached the endpoint by ``day``."""
        return int(np.count_nonzero((self.cause == 1) & (self.right <= day)))

    def n_left(self, day: float) -> int:
        """Episodes whose follow-up ended before ``day`` without the endpoint, for whatever reason."""
        censored = (self.cause == 0) & (self.left < day)
        competed = (self.cause > 1) & (self.right < day)
        return int(np.count_nonzero(censored | competed))


def to_grid(follow_up: FollowUp, grid: Grid, *, episodes: pl.DataFrame | None = None) -> GriddedFollowUp:
    """Take follow-up to a grid.

    1. Visits that the runner's state brought about (flares) are set aside: they look only at the unwell.
    2. The assessment nearest to a multiple of ``grid.days`` speaks for that day (of two equally near, the earlier), if it is at
       most half a grid step away.
    3. A grid day counts when at least ``grid.min_share_assessed`` of the episodes still followed and unresolved were assessed
       on it; the others are dropped, and what they would have said becomes part of a wider interval. The last one that counts
       is the first at or after the horizon.
    4. left is the last counted grid day on which the endpoint was not reached, right the first on which it was. A right end
       that no counted day shows is taken up to the next counted day, or to the next multiple after the last. Passing
       looks after the last failing one of a censored episode say neither: nobody confirmed them.
    5. Competing events keep their exact day.

    Its coverage is row `truth_covered` of the gate.

    Raises
    ------
    WrongUse
        The follow-up begins after day 0 or counts from another day: the grid knows no late entry.
    """
    if follow_up.clock != "day_0" or (follow_up.episodes["entry"] > 0).any():
        raise WrongUse(
            "the visit grid takes follow-up from day 0 on, and this one begins later",
            way_out="Give it the follow-up before a landmark or another clock.",
        )
    people = follow_up.episodes if episodes is None else episodes
    looks = _nearest(follow_up, grid, people)
    days = _counted_days(looks, people, grid, follow_up.horizon_days)
    censored = pl.col("code").is_between(Code.ADMINISTRATIVE.value, Code.SURGERY.value - 1)
    looks = looks.filter(~(censored & (pl.col("day") > pl.col("last_failing"))))
    seen = looks.filter(pl.col("grid_day").is_in(list(days))).with_columns(
        ((pl.col("code") == Code.EVENT.value) & (pl.col("day") >= pl.col("right"))).fill_null(value=False).alias("reached")
    )
    ends = seen.group_by("episode_id").agg(
        pl.col("grid_day").filter(~pl.col("reached")).max().alias("grid_left"),
        pl.col("grid_day").filter("reached").min().alias("grid_right"),
    )
    joined = people.join(ends, on="episode_id", how="left").sort("episode_id")
    return _arrays(joined, days, grid)


def _nearest(follow_up: FollowUp, grid: Grid, people: pl.DataFrame) -> pl.DataFrame:
    step = grid.days
    grid_day = ((2 * pl.col("day") + step) // (2 * step)) * step
    return (
        follow_up.assessments.filter("scheduled")
        .with_columns(grid_day.alias("grid_day"))
        .filter(pl.col("grid_day") > 0)
        .with_columns((pl.col("day") - pl.col("grid_day")).abs().alias("distance"))
        .sort("episode_id", "grid_day", "distance", "day")
        .group_by("episode_id", "grid_day", maintain_order=True)
        .first()
        .join(people.select("episode_id", "right", "code", "last_day", "last_failing"), on="episode_id", how="inner")
    )


def _counted_days(looks: pl.DataFrame, people: pl.DataFrame, grid: Grid, horizon_days: int) -> tuple[int, ...]:
    half = grid.days / 2
    last_followed = (
        pl.when(pl.col("code") == Code.EVENT.value)
        .then("right")
        .when(pl.col("code") >= Code.SURGERY.value)
        .then(pl.min_horizontal("right", "last_day"))
        .otherwise("last_day")
    )
    followed = people.select(last_followed.alias("until"))["until"].to_numpy()
    candidates = looks.with_columns(last_followed.alias("until")).filter(pl.col("until") >= pl.col("grid_day") - half)
    assessed = dict(candidates.group_by("grid_day").len().iter_rows())
    counted = []
    for day in sorted(assessed):
        still = int(np.count_nonzero(followed >= day - half))
        if still and assessed[day] >= grid.min_share_assessed * still:
            counted.append(int(day))
        if counted and counted[-1] >= horizon_days:
            break
    return tuple(counted)


def _arrays(joined: pl.DataFrame, days: tuple[int, ...], grid: Grid) -> GriddedFollowUp:
    codes = joined["code"].to_numpy()
    competing = tuple(int(code) for code in np.unique(codes[codes >= Code.SURGERY.value]))
    right_day = joined["right"].cast(pl.Float64).fill_null(np.inf).to_numpy()
    left = joined["grid_left"].cast(pl.Float64).fill_null(0.0).to_numpy().copy()
    seen_right = joined["grid_right"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    cause = np.zeros(codes.size, dtype=np.int64)
    cause[codes == Code.EVENT.value] = 1
    for position, code in enumerate(competing):
        cause[codes == code] = position + 2
    right = np.where(np.isnan(seen_right), next_day(np.maximum(right_day, left + 0.5), days, grid.days), seen_right)
    right = np.where(cause > 1, right_day, np.where(cause == 0, np.inf, right))
    left = np.where(cause > 1, right_day - 1, left)
    patient = joined["patient_id"].rank("dense").to_numpy().astype(np.int64)
    lost = np.isin(codes, [Code.LOST.value, Code.WITHDREW.value])
    return GriddedFollowUp(days, left, right, cause, patient, lost, competing)


def next_day(right: FloatArray, days: tuple[int, ...], step: int) -> FloatArray:
    """The first counted day at or after ``right``; after the last one, the next multiple of the step."""
    counted = np.asarray([*days, np.inf])
    found = counted[np.searchsorted(counted, np.where(np.isfinite(right), right, 0.0))]
    return np.where(np.isfinite(found), found, np.ceil(right / step) * step)
