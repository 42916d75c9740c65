"""The records of a cohort as the target trial sees them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis.visit_grid import GriddedFollowUp
from tendon_outcomes.cohort import Cohort, FollowUp
from tendon_outcomes.cohort.exposure.weeks import PersonWeeks
from tendon_outcomes.declarations import Estimand
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample


@dataclass(frozen=True)
class Trial:
    """One group's records, one entry an episode, sorted by episode_id, in every array.

    `treatment`: 0 prescribed the reference strategy by the end of grace, 1 the compared one, 2 any other, -1 not known.
    `covariates` (n, p) are complete numbers (log weeks, dummies), named by `covariate_names`, each from the node of the
    graph in `covariate_nodes`. `not_recorded` are the nodes of the adjustment set that these records do not hold.
    `data` has the events that the estimand handles as hypothetical turned into censorings. `sample` is the same by weeks.
    `clones` has a row for each episode and strategy: episode_id, strategy, start_week, departs_week, reason.
    """

    estimand: Estimand
    episode_id: pl.Series
    treatment: NDArray[np.int64]
    covariates: NDArray[np.float64]
    covariate_names: tuple[str, ...]
    covariate_nodes: tuple[str, ...]
    not_recorded: tuple[str, ...]
    data: GriddedFollowUp
    sample: LongitudinalSample
    cohort: Cohort
    follow_up: FollowUp
    weeks: PersonWeeks
    clones: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def n(self) -> int:
        return int(self.treatment.size)

    @property
    def patient(self) -> NDArray[np.int64]:
        return self.data.patient
