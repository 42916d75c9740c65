"""Who was still followed without the endpoint on a landmark, and what came of them, counted from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis.chronicity.assemble import Covariates, covariates_of, scarcer_among
from tendon_outcomes.analysis.claims.landmark_exposures import EXPOSURE, landmark_exposure
from tendon_outcomes.analysis.claims.setting import Setting
from tendon_outcomes.analysis.rails import followed_enough
from tendon_outcomes.analysis.visit_grid import GriddedFollowUp, to_grid
from tendon_outcomes.cohort import FollowUp, ascertain, from_landmark
from tendon_outcomes.declarations import AdjustmentSet, EndpointAsked
from tendon_outcomes.declarations.claims import LandmarkAnswer

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class AtLandmark:
    """Runners at risk on the landmark whose exposure is known, one entry an episode in order of episode_id.

    `data` counts days from the landmark. `n_unknown` were at risk and are in no group, or have no exposure on record.
    """

    answer: LandmarkAnswer
    endpoint: EndpointAsked
    exposure: FloatArray = field(repr=False)
    covariates: Covariates
    data: GriddedFollowUp = field(repr=False)
    n_unknown: int

    @property
    def n(self) -> int:
        return int(self.exposure.size)

    @property
    def n_people(self) -> int:
        """Both sides of one runner are one person."""
        return int(np.unique(self.data.patient).size)

    @property
    def since(self) -> int:
        """The day of the landmark."""
        return 7 * self.answer.landmark_week

    def answers(self, week: int) -> bool:
        """Whether enough were followed to the week, and looks close a cell on it."""
        day = 7 * week - self.since
        enough = followed_enough(self.n, self.data.n_just_before(day), self.data.n_known(day))
        return day in self.data.grid_days and enough

    def n_events(self, week: int) -> int:
        return self.data.n_events(7 * week - self.since)

    def scarcer(self, week: int) -> int:
        """Runners known to have reached the endpoint between landmark and week, or known not to, whichever are fewer."""
        return scarcer_among(self.data, 7 * week - self.since, np.ones(self.n, dtype=np.bool_))


def at_landmark(setting: Setting, answer: LandmarkAnswer, endpoint: EndpointAsked) -> AtLandmark:
    """The sample of a landmark question.

    1. At risk: the endpoint not known to be reached, no competing event, looked at not long before the landmark and after it.
       Nothing that was seen later decides (`from_landmark`), so the endpoint is dated by the day on which it was known.
    2. The exposure is that of the weeks up to the landmark; who has none is left out, and counted.
    3. Days are counted from the landmark and taken to the visit grid.
    4. Covariates are those of day 0, then the amounts of the same weeks that are held equal.

    Raises
    ------
    NoUsableRows
        Nobody is at risk on the landmark.
    """
    whole = ascertain(setting.cohort, endpoint, horizon_weeks=answer.horizon_weeks, dated="confirmed_on")
    entered = counted_from(from_landmark(whole, day=7 * answer.landmark_week), day=7 * answer.landmark_week)
    exposure = landmark_exposure(setting.cohort, setting.weeks, answer)
    rows = entered.episodes.select("episode_id").join(exposure, on="episode_id", how="left", maintain_order="left")
    known = rows[EXPOSURE].is_not_null().to_numpy()
    people = entered.episodes.filter(pl.Series(known))
    data = to_grid(entered, setting.estimand.grid, episodes=people)
    chosen = rows.filter(pl.Series(known))
    return AtLandmark(
        answer=answer,
        endpoint=endpoint,
        exposure=chosen[EXPOSURE].to_numpy().astype(np.float64),
        covariates=_covariates(setting, answer, people, chosen),
        data=data,
        n_unknown=int(np.count_nonzero(~known)),
    )


def counted_from(follow_up: FollowUp, *, day: int) -> FollowUp:
    """A follow-up that begins on a landmark, with days counted from it, as from a day 0 of its own.

    Everybody enters on the same day, so that nothing has to be allowed for late entry. A censored episode is known to be without
    the endpoint up to its last look, because an endpoint that is dated by its confirmation has not come before it.
    """
    event = pl.col("right").is_not_null()
    last_failing = pl.when(event).then("last_failing").otherwise("left")
    moved = follow_up.episodes.with_columns(last_failing.alias("last_failing")).with_columns(
        pl.lit(0, dtype=pl.Int64()).alias("entry"),
        *((pl.col(name) - day).alias(name) for name in ("left", "right", "last_failing", "last_day", "last_contact")),
    )
    later = follow_up.assessments.filter(pl.col("day") > day).with_columns(pl.col("day") - day)
    floored = moved.with_columns(pl.col("left").clip(lower_bound=0)).sort("episode_id")
    return replace(follow_up, episodes=floored, assessments=later, horizon_days=follow_up.horizon_days - day)


def _covariates(setting: Setting, answer: LandmarkAnswer, people: pl.DataFrame, chosen: pl.DataFrame) -> Covariates:
    """Those of day 0, and the amounts up to the landmark, which come first: they are held equal by the claim itself."""
    register = setting.register
    amounts = [name for name in answer.beside if chosen[name].null_count() == 0 and chosen[name].n_unique() > 1]
    dag = register.dag
    own = (
        covariates_of(
            setting.cohort,
            people,
            AdjustmentSet(dag, answer.adjust_for, register.rules.small_level, register.rules.missing_indicator_from),
        )
        if dag is not None and people.height
        else Covariates(np.zeros((people.height, 0)))
    )
    if not amounts:
        return own
    numbers = chosen.select(amounts).to_numpy().astype(np.float64)
    return replace(
        own,
        value=np.ascontiguousarray(np.concatenate([numbers, own.value], axis=1)),
        names=(*amounts, *own.names),
        nodes=(*amounts, *own.nodes),
    )
