"""What was prescribed, as an exposure at a day on which it was known."""

from __future__ import annotations

from typing import Literal

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.errors import Finding, ImmortalTimeError

Later = Literal["refuse", "unknown"]

_NOT_KNOWN = "unknown"
"""The code of `strategy_prescribed` that says as much as an empty cell."""


def prescribed_exposure(cohort: Cohort, *, at_day: int, later: Later = "refuse") -> pl.DataFrame:
    """The prescribed strategy of every episode as it was known on ``at_day``: episode_id, strategy (a declared code, or null).

    1. A strategy that was not recorded, or recorded as unknown, is null.
    2. A prescription dated after ``at_day`` was not known then, and one without a day may be the label of a discharge letter.
       Either refuses the request, or is null with ``later = "unknown"``.

    Raises
    ------
    ImmortalTimeError
        Prescriptions are dated after ``at_day`` or have no day, and ``later`` is not "unknown".
    """
    recorded = pl.when(pl.col("strategy_prescribed") != _NOT_KNOWN).then("strategy_prescribed").alias("strategy")
    asked = cohort.episodes.select("episode_id", recorded, pl.col("prescribed_day").alias("day"))
    written = asked.filter(pl.col("strategy").is_not_null())
    too_late = written.filter(pl.col("day") > at_day).height
    undated = written["day"].null_count()
    if later == "refuse" and too_late + undated:
        counts = {f"written after day {at_day}": too_late, "written on a day that was not recorded": undated}
        raise ImmortalTimeError(
            f"{too_late + undated} of {written.height} prescriptions cannot be an exposure at day {at_day}",
            findings=[Finding("EXPOSURE", "prescribed_day", says, n, "episodes") for says, n in counts.items() if n],
            way_out=(
                'Take a later day, among those still followed then; or ask with later="unknown", which leaves these episodes '
                "without an exposure."
            ),
        )
    known = (pl.col("day") <= at_day).fill_null(value=False)
    return asked.select("episode_id", pl.when(known).then("strategy").alias("strategy")).sort("episode_id")
