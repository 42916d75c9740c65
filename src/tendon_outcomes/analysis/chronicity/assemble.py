"""From a cohort and its follow-up to the arrays that a question over durations needs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis.rails import followed_enough
from tendon_outcomes.analysis.strategies.assemble import covariate_numbers
from tendon_outcomes.analysis.visit_grid import GriddedFollowUp, to_grid
from tendon_outcomes.cohort import Cohort, FollowUp
from tendon_outcomes.cohort.covariates.baseline import baseline_covariates
from tendon_outcomes.cohort.duration import with_duration_from_onset
from tendon_outcomes.declarations import AdjustmentSet, Estimand, Exposure
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.results import Attrition

LEAST_WEEKS = 1.0
"""Durations below a week count as one: the scale is logarithmic."""
WEEKS_A_MONTH = 365.25 / 12 / 7
TO_THE_WEEK = ("day", "week")
"""Precisions of an onset with which nobody rounds to months."""
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Covariates:
    """Complete numbers (n, p), their names, and the node of the graph that each measures. `dropped`: nodes given up for want of
    events, `not_recorded`: nodes of which these records hold nothing."""

    value: FloatArray = field(repr=False)
    names: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    not_recorded: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def of_nodes(self, kept: tuple[str, ...]) -> Covariates:
        """The covariates of some nodes; the others count as dropped."""
        chosen = [i for i, node in enumerate(self.nodes) if node in kept]
        dropped = tuple(dict.fromkeys(node for node in self.nodes if node not in kept))
        return replace(
            self,
            value=np.ascontiguousarray(self.value[:, chosen]),
            names=tuple(self.names[i] for i in chosen),
            nodes=tuple(self.nodes[i] for i in chosen),
            dropped=(*self.dropped, *dropped),
        )


@dataclass(frozen=True)
class Chronicity:
    """Runners whose duration is known, one entry an episode in order of episode_id, in every array.

    `weeks` it has hurt on day 0, at least 1; `spread` the standard error of what was told, in doublings. `unknown_duration` is
    how many episodes were left out because nobody recorded theirs.
    """

    estimand: Estimand
    episode_id: pl.Series = field(repr=False)
    weeks: FloatArray = field(repr=False)
    spread: FloatArray = field(repr=False)
    data: GriddedFollowUp = field(repr=False)
    covariates: Covariates
    sensitivity: Covariates | None
    cohort: Cohort = field(repr=False)
    follow_up: FollowUp = field(repr=False)
    unknown_duration: int
    attrition: Attrition

    @cached_property
    def exposure(self) -> Exposure:
        return declared_exposure(self.estimand)

    @cached_property
    def log2_weeks(self) -> FloatArray:
        return np.asarray(np.log2(self.weeks))

    @cached_property
    def reference(self) -> float:
        return float(np.log2(self.exposure.reference_weeks))

    @property
    def n(self) -> int:
        return int(self.weeks.size)

    @property
    def patient(self) -> IntArray:
        return self.data.patient

    @property
    def outcome(self) -> tuple[FloatArray, FloatArray, IntArray]:
        """left, right and cause."""
        return self.data.left, self.data.right, self.data.cause

    def answers(self, day: int) -> bool:
        """Whether enough were followed to the day."""
        return followed_enough(self.n, self.data.n_just_before(day), self.data.n_known(day))

    @cached_property
    def days(self) -> tuple[int, ...]:
        """The days of the protocol that can be answered: enough were followed, and looks close a cell on them."""
        asked = (7 * week for week in self.estimand.at_weeks)
        return tuple(day for day in asked if day in self.data.grid_days and self.answers(day))

    @cached_property
    def quantiles(self) -> tuple[float, float, float]:
        """5th, 50th and 95th percentile of the weeks, taken on the scale of the model."""
        low, middle, high = np.quantile(self.log2_weeks, (0.05, 0.5, 0.95))
        return float(2.0**low), float(2.0**middle), float(2.0**high)

    def beside(self, at_weeks: float) -> int:
        """Runners on the emptier side of a duration: who had hurt for less, or for more."""
        return emptier_side(self.weeks, at_weeks)

    def events_beside(self, day: float) -> int:
        """Runners with the endpoint by the day, or known to be without it, on the emptier side of the middle duration."""
        short = self.weeks <= np.median(self.weeks)
        return min(scarcer_among(self.data, day, short), scarcer_among(self.data, day, ~short))


def scarcer_among(data: GriddedFollowUp, day: float, of: NDArray[np.bool_]) -> int:
    """How many of some runners are known to have reached the endpoint by the day, or known not to have, whichever are fewer.

    A runner counts once on either side, however many episodes he has there.
    """
    reached = (data.cause == 1) & (data.right <= day)
    known = (data.cause != 0) | (data.left >= day)
    return int(min(np.unique(data.patient[one & of]).size for one in (reached, known & ~reached)))


def emptier_side(weeks: FloatArray, at_weeks: float) -> int:
    """How many lie below a duration, or above it, whichever are fewer."""
    return int(min(np.count_nonzero(weeks < at_weeks), np.count_nonzero(weeks > at_weeks)))


def declared_exposure(estimand: Estimand) -> Exposure:
    """The prognostic factor of the estimand; refused where the protocol declares none."""
    if estimand.exposure is None:
        raise WrongUse(
            f"estimand {estimand.name} declares no exposure",
            way_out=f"Declare [estimand.{estimand.name}.exposure] in protocol.toml.",
        )
    return estimand.exposure


def assemble(cohort: Cohort, follow_up: FollowUp, estimand: Estimand) -> Chronicity:
    """The sample of a question over durations.

    1. The duration is that of the day of onset where one is on record, else as told in weeks; below one week it counts as one.
       Who has none on record is left out, on a line of the flow.
    2. What was told is off by the declared spread of its precision; no word on precision is read as the widest. Who does not
       remember to the week and tells a round number of months may have rounded to it, which adds its own spread.
    3. Follow-up is taken to the visit grid; events compete as the estimand says.
    4. Covariates are those of the adjustment set on day 0, and of the set that is tried beside it.

    Raises
    ------
    WrongUse
        The estimand declares no exposure.
    """
    exposure = declared_exposure(estimand)
    told = _durations(cohort, exposure)
    everybody = follow_up.episodes.select("episode_id").join(told, on="episode_id", how="left")
    known = everybody.filter(pl.col("weeks").is_not_null())["episode_id"]
    people = follow_up.episodes.filter(pl.col("episode_id").is_in(known.implode())).sort("episode_id")
    kept = replace(follow_up, episodes=people)
    rows = people.select("episode_id").join(told, on="episode_id", how="left", maintain_order="left")
    n_before = follow_up.episodes.height
    return Chronicity(
        estimand=estimand,
        episode_id=people["episode_id"],
        weeks=rows["weeks"].to_numpy().astype(np.float64),
        spread=rows["spread"].to_numpy().astype(np.float64),
        data=to_grid(kept, estimand.grid),
        covariates=covariates_of(cohort, people, exposure.adjustment),
        sensitivity=covariates_of(cohort, people, exposure.sensitivity) if exposure.sensitivity is not None else None,
        cohort=cohort,
        follow_up=kept,
        unknown_duration=n_before - people.height,
        attrition=follow_up.attrition.then("how long it had hurt is on record", n_before=n_before, n_after=people.height)
        if n_before > people.height
        else follow_up.attrition,
    )


def _durations(cohort: Cohort, exposure: Exposure) -> pl.DataFrame:
    """episode_id, weeks, spread."""
    onset = cohort.population.onset
    spreads = exposure.recall.spread_log2
    widest = spreads[onset.unrecorded] if onset is not None else max(spreads.values())
    told = with_duration_from_onset(cohort.episodes).select(
        "episode_id",
        pl.col(exposure.column).cast(pl.Float64).clip(lower_bound=LEAST_WEEKS).alias("weeks"),
        pl.col("onset_precision")
        .replace_strict(spreads, default=widest, return_dtype=pl.Float64)
        .fill_null(widest)
        .alias("spread"),
        pl.col("onset_precision").is_in(TO_THE_WEEK).fill_null(value=False).alias("to_the_week"),
    )
    months = pl.col("weeks") / WEEKS_A_MONTH
    recall = exposure.recall
    near = pl.any_horizontal((months - heap).abs() <= recall.heap_width_months for heap in recall.heaps_months)
    rounding = pl.when(near & ~pl.col("to_the_week")).then(recall.heap_spread_log2).otherwise(0.0)
    return told.select("episode_id", "weeks", spread=(pl.col("spread").pow(2) + rounding.pow(2)).sqrt())


def covariates_of(cohort: Cohort, people: pl.DataFrame, adjustment: AdjustmentSet) -> Covariates:
    """The covariates of an adjustment set for some episodes, without those that others already tell."""
    read = baseline_covariates(cohort, adjustment).among(people["episode_id"].to_list())
    value, kept = covariate_numbers(people, read)
    return Covariates(value, tuple(read.names[i] for i in kept), tuple(read.nodes[i] for i in kept), read.not_recorded)
