"""What the baseline quarters would have led to in later runners: the share and the rate of improvement to be expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis.audit.cohorts import IMPROVED, UNKNOWN
from tendon_outcomes.declarations.audit import Cusum
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.regression.logistic import LogisticFit, logistic
from tendon_outcomes.vocabulary import Code

EVENTS_PER_COLUMN = 10  # statistics.md §6: fewer events per parameter are annotated; here a column is given up instead
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RiskModel:
    """The chance of having improved by the audit's week, from what was known on day 0, as the baseline quarters had it.

    `columns` are those that it is adjusted for, the first of those declared as far as the events go; a value that is not on
    record counts as the baseline mean. Without a column it is the share of the baseline.
    """

    columns: tuple[str, ...]
    centre: FloatArray = field(repr=False)
    scale: FloatArray = field(repr=False)
    fit: LogisticFit | None = field(repr=False)
    share: float

    def risk(self, people: pl.DataFrame) -> FloatArray:
        """The expected chance of each row."""
        if self.fit is None:
            return np.full(people.height, self.share)
        return self.fit.predict(_numbers(people, self.columns, self.centre, self.scale))


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """Rates of improvement a day that are constant between `cuts` (days, from 0), as the baseline quarters had them."""

    cuts: FloatArray
    rate: FloatArray

    def expected(self, until: FloatArray) -> FloatArray:
        """The cumulative rate of each time."""
        return time_in_pieces(until, self.cuts) @ self.rate


def risk_model(baseline: pl.DataFrame, declared: Cusum) -> RiskModel:
    """Fit the chance of improvement to the baseline runners whose state is known.

    Logistic regression on the declared columns, each less its mean and over its spread. There are ten events, and ten without,
    for each; columns beyond that are given up from the last, as are all where the outcomes can be separated.
    """
    known = baseline.filter(pl.col("state") != UNKNOWN)
    improved = (known["state"] == IMPROVED).to_numpy().astype(np.float64)
    share = float(improved.mean()) if improved.size else 0.0
    fewer = int(min(improved.sum(), (1.0 - improved).sum()))
    told = [name for name in declared.risk_columns if known[name].drop_nulls().n_unique() > 1]
    columns = tuple(told[: fewer // EVENTS_PER_COLUMN])
    values = [known[name].drop_nulls().to_numpy().astype(np.float64) for name in columns]
    centre, scale = np.array([one.mean() for one in values]), np.array([one.std() for one in values])
    if columns:
        try:
            fit = logistic(improved, _numbers(known, columns, centre, scale), names=columns)
            return RiskModel(columns, centre, scale, fit, share)
        except EstimationRefused:
            pass
    return RiskModel((), np.zeros(0), np.zeros(0), None, share)


def rates(baseline: pl.DataFrame, declared: Cusum, *, day: int, window_days: int) -> Rates:
    """Events over time at risk of the baseline runners, piece by piece, up to ``day``; a piece without time has the rate 0.

    Improvement counts on the day on which it was first seen, here as in those who are compared: both are late by as much. It is
    seen at visits, so that a piece ends `window_days` after the week of a visit: were it cut on the day, whoever came a day late
    and was not seen since would have been expected to improve by a day's rate only, and young cohorts to improve too seldom.
    """
    time, event = seen_times(baseline, day=day, window_days=window_days)
    ends = (7.0 * week + window_days for week in declared.hazard_weeks)
    cuts = np.array([0.0, *(end for end in ends if end < day), float(day)])
    at_risk = time_in_pieces(time, cuts).sum(axis=0)
    piece = np.clip(np.searchsorted(cuts, time[event], side="left") - 1, 0, cuts.size - 2)
    events = np.bincount(piece, minlength=cuts.size - 1).astype(np.float64)
    return Rates(cuts, np.divide(events, at_risk, out=np.zeros_like(events), where=at_risk > 0))


def seen_times(people: pl.DataFrame, *, day: int, window_days: int) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Days at risk up to ``day`` and whether improvement was seen by then, or by the look that speaks for that day."""
    code = people["code"].to_numpy()
    left = people["left"].fill_null(0).to_numpy().astype(np.float64)
    right = people["right"].cast(pl.Float64).fill_null(np.inf).to_numpy()
    reached = code == Code.EVENT.value
    end = np.where(reached, right, np.where(code >= Code.SURGERY.value, right, left))
    return np.minimum(end, day), np.asarray(reached & (right <= day + window_days), dtype=np.bool_)


def time_in_pieces(until: FloatArray, cuts: FloatArray) -> FloatArray:
    """Days of each time that lie in each piece, (n, pieces)."""
    return np.clip(until[:, None] - cuts[:-1], 0.0, np.diff(cuts))


def _numbers(people: pl.DataFrame, columns: Sequence[str], centre: FloatArray, scale: FloatArray) -> FloatArray:
    raw = np.column_stack([people[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in columns])
    spread = np.where(scale > 0, scale, 1.0)
    return np.asarray(np.where(np.isnan(raw), 0.0, (raw - centre) / spread), dtype=np.float64)
