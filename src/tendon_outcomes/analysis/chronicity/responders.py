"""The change of the score in points, beside the share whose gain reaches the threshold, over durations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis.chronicity import rails
from tendon_outcomes.analysis.chronicity.assemble import Chronicity
from tendon_outcomes.analysis.chronicity.curves import of_outcome, without_band
from tendon_outcomes.analysis.chronicity.duration_rows import Beside, rows_over
from tendon_outcomes.analysis.chronicity.examine import Examined
from tendon_outcomes.analysis.chronicity.places import Places
from tendon_outcomes.analysis.rails import Rail
from tendon_outcomes.analysis.strategies.rails_causal import not_estimated
from tendon_outcomes.declarations import Gain
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.exposure.exposure_curve import exposure_curve
from tendon_outcomes.results import Row

CHANGE, SHARE = "g-computation of the change", "g-computation of the share"
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Change of the score from day 0 to the week, NaN where one of them was not recorded; `room` marks who could gain enough."""

    change: FloatArray = field(repr=False)
    room: BoolArray = field(repr=False)

    @property
    def known(self) -> BoolArray:
        return np.asarray(np.isfinite(self.change))


def responders(examined: Examined) -> Iterator[Row]:
    """Both over the same durations, so that a threshold which suits some durations less can be seen.

    Among runners scored on day 0 and near the week, whatever happened between; for the share only those with room for the gain.
    """
    case, gain = examined.case, examined.case.exposure.gain
    if gain is None or not examined.tells:
        return
    found = changes(case, gain)
    day = 7 * gain.week
    if found.known.sum() < found.known.size:
        yield _assessed_only(gain).caution(estimator=CHANGE)
    gained = np.where(found.known, (found.change >= gain.points).astype(np.float64), np.nan)
    parts: tuple[tuple[str, str, FloatArray, BoolArray], ...] = (
        ("visa_change_by_duration", CHANGE, found.change, found.known),
        ("responder_share_by_duration", SHARE, gained, found.known & found.room),
    )
    for statistic, estimator, value, own in parts:
        yield from _told(examined, statistic, estimator, value, own, day)


def changes(case: Chronicity, gain: Gain) -> Change:
    """The first recorded score of day 0, and the recorded one nearest to the week (of two equally near, the earlier)."""
    scores = case.cohort.tables["visit"].filter(pl.col(gain.column).is_not_null()).select("episode_id", "day", gain.column)
    first = (
        scores.filter(pl.col("day") == 0)
        .group_by("episode_id", maintain_order=True)
        .agg(pl.col(gain.column).first().alias("start"))
    )
    away = (pl.col("day") - 7 * gain.week).abs()
    near = (
        scores.filter(away <= gain.window_days)
        .sort("episode_id", away, "day")
        .group_by("episode_id", maintain_order=True)
        .agg(pl.col(gain.column).first().alias("then"))
    )
    people = pl.DataFrame({"episode_id": case.episode_id})
    rows = people.join(first, on="episode_id", how="left", maintain_order="left").join(
        near, on="episode_id", how="left", maintain_order="left"
    )
    start = rows["start"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    then = rows["then"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return Change(np.asarray(then - start), np.asarray(start <= gain.high - gain.points))


def _told(examined: Examined, statistic: str, estimator: str, value: FloatArray, own: BoolArray, day: int) -> Iterator[Row]:
    case = examined.case
    share = statistic == "responder_share_by_duration"
    n = int(own.sum())
    reached = int(np.nansum(np.where(own, value, 0.0))) if share else n
    scarcer = min(reached, n - reached) if share else n
    parameters = case.exposure.knots + len(case.covariates.names)
    if n < rails.MIN_RUNNERS or scarcer < rails.REFUSE_PER_PARAMETER * parameters:
        yield _too_few(n, scarcer, parameters, case.n).refusal(estimator=estimator, day=day)
        return
    where = _seen(case, examined.where, own)
    try:
        found = exposure_curve(
            value[own][:, None],
            case.log2_weeks[own],
            case.covariates.value[own] if case.covariates.names else None,
            names=case.covariates.names or None,
            at=np.log2(where),
            reference=float(np.median(case.log2_weeks[own])),
            knots=case.exposure.knots,
            link="logit" if share else "linear",
            cluster=case.patient[own],
            conf_level=case.estimand.conf_level,
            seed=case.exposure.seed,
        )
    except EstimationRefused as refused:
        yield not_estimated(refused.summary).refusal(estimator=estimator, day=day)
        return
    plain = without_band(of_outcome(where, found, 0))
    beside = Beside((case.weeks[own],), scarcer, day)
    yield from rows_over(statistic, estimator, plain, examined.where, beside)


def _seen(case: Chronicity, where: Places, own: BoolArray) -> FloatArray:
    """The durations of the curve between the 5th and 95th percentile of those who were scored."""
    low, high = np.quantile(case.log2_weeks[own], (0.05, 0.95))
    return np.asarray(where.asked[(np.log2(where.asked) >= low) & (np.log2(where.asked) <= high)])


def _assessed_only(gain: Gain) -> Rail:
    return Rail(
        "scored_only",
        f"the change by week {gain.week} is that of runners scored on day 0 and near the week; who stays away may have fared "
        f"otherwise. Who began above {gain.high - gain.points:g} points cannot gain {gain.points:g} and is in no share.",
    )


def _too_few(n: int, scarcer: int, parameters: int, everybody: int) -> Rail:
    needed = max(rails.MIN_RUNNERS, int(rails.REFUSE_PER_PARAMETER * parameters))
    would = int(np.ceil(everybody * needed / max(min(n, scarcer), 1)))
    return Rail(
        "too_few_scored",
        "no curve: too few runners were scored both times, or gained enough, or did not.",
        f"about {would} runners like these",
        min(n, scarcer),
    )
