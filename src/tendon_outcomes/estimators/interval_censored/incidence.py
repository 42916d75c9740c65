"""The fitted cumulative incidence of interval-censored causes, and the questions it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.curves.restricted_mean import RestrictedMean
from tendon_outcomes.estimators.interval_censored.exact import ROUNDING, exact_limits
from tendon_outcomes.estimators.interval_censored.profile import profile_limits, refuse_without_information
from tendon_outcomes.estimators.interval_censored.rows import FittedRows
from tendon_outcomes.estimators.interval_censored.support import IntervalSample
from tendon_outcomes.estimators.limits import Pointwise, probability_limits, two_sided_z
from tendon_outcomes.estimators.observations import TIE_TOLERANCE, FloatArray, IntArray, refuse

BoolArray = npt.NDArray[np.bool_]

NO_VARIANCE = 1e-20  # A functional with less model variance than this is a constant.
UNIDENTIFIED = 1e-6  # A functional that leans this much on a direction without information has no finite standard error.


class IncidenceBounds(NamedTuple):
    """The two values between which the data leave the incidence on a day."""

    lower: FloatArray
    upper: FloatArray


class QuantileBracket(NamedTuple):
    """The time by which a fraction has had the event: `not_before` < time <= `by`, and limits; `inf` = not reached."""

    not_before: float
    by: float
    conf_low: float
    conf_high: float


class LikelihoodRatioLimits(NamedTuple):
    """Confidence limits at the asked days."""

    conf_low: FloatArray
    conf_high: FloatArray


class TimeLostBracket(NamedTuple):
    """Restricted mean time lost when every event happens at the end, evenly within, or at the start of its cell."""

    lower: RestrictedMean
    midpoint: RestrictedMean
    upper: RestrictedMean


@dataclass(frozen=True, slots=True, eq=False)
class IntervalIncidence:
    """The NPMLE: cells (support_left, support_right] of one cause each, and their masses, which sum to 1.

    Cause 0 with right end inf is the tail: events after the last look, of no known cause. `kkt_residual` is max_j d_j/N - 1 at
    the masses. `singular` says that the masses are not unique; what stays unique keeps its standard error, the rest has inf.
    """

    support_left: FloatArray
    support_right: FloatArray
    support_cause: IntArray
    mass: FloatArray
    log_likelihood: float
    kkt_residual: float
    n: int
    conf_level: float
    robust: bool
    singular: bool
    iterations: int
    _covariance: FloatArray = field(repr=False)  # of the cells with mass, `_rows.held`
    _inverse: FloatArray = field(repr=False)  # the same from the information alone, whatever the weights and clusters
    _no_information: FloatArray = field(repr=False)  # (cells with mass, r) directions that the likelihood does not see
    _sample: IntervalSample = field(repr=False)
    _rows: FittedRows = field(repr=False)

    @property
    def causes(self) -> tuple[int, ...]:
        """The causes that were seen; cause 1 always belongs to the question."""
        return tuple(sorted({1, *(int(c) for c in np.unique(self._sample.cause) if c > 0)}))

    @property
    def last_follow_up(self) -> float:
        """The last day about which any row says something: later days are not estimated. inf when nothing is left open."""
        tail = self.support_left[self.support_cause == 0]
        return float(tail[0]) if tail.size else float("inf")

    @property
    def total_weight(self) -> float:
        """Rows in units of weight."""
        return float(self._sample.weight.sum())

    def counts(self, cause: int, days: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """On each of `days`, in units of weight: rows known to have had `cause` by then, and rows that left without it.

        Left: censored before the day, or another cause by it.
        """
        self._known(cause)
        at = np.asarray(days, dtype=np.float64)[..., None]
        code, end, start = self._sample.cause, self._sample.right, self._sample.left
        reached = (code == cause) & (end <= at)
        left = ((code == 0) & (start < at)) | ((code != cause) & (code != 0) & (end <= at))
        return np.asarray(reached @ self._sample.weight), np.asarray(left @ self._sample.weight)

    def bounds(self, cause: int, day: npt.ArrayLike) -> IncidenceBounds:
        """Incidence of `cause` at `day`: at least the mass that ended by then, at most the mass that began before.

        On a day that no cell spans the two agree. Beyond the last follow-up the tail counts into the upper bound.
        """
        days = np.asarray(day, dtype=np.float64)
        return IncidenceBounds(self._probability(self._ended(cause, days)), self._probability(self._begun(cause, days)))

    def lower(self, cause: int, day: npt.ArrayLike) -> Pointwise:
        """The lower bound at `day` with its standard error and complementary log-log limits (see the estimator)."""
        days = np.asarray(day, dtype=np.float64)
        return self._with_limits(cause, days, self._ended(cause, days))

    def upper(self, cause: int, day: npt.ArrayLike) -> Pointwise:
        """The upper bound at `day` with its standard error and complementary log-log limits (see the estimator)."""
        days = np.asarray(day, dtype=np.float64)
        return self._with_limits(cause, days, self._begun(cause, days))

    def likelihood_ratio_limits(self, cause: int, day: npt.ArrayLike) -> LikelihoodRatioLimits:
        """Limits of the incidence at `day` by the likelihood ratio: every value with 2 (l_max - l) <= the chi-square quantile.

        The masses are maximised anew for each value, over cells that the day does not cut, so the limits hold for whatever a
        cell leaves open. With sampling weights or clusters the quantile is multiplied by robust over model variance (Rao &
        Scott 1984). Where the incidence is known to be 0 or 1 the limits are the exact ones of `lower` and `upper`.
        """
        days = np.asarray(day, dtype=np.float64)
        lower, upper = self.lower(cause, days), self.upper(cause, days)
        low, high = np.atleast_1d(lower.conf_low.copy()), np.atleast_1d(upper.conf_high.copy())
        for i, one in enumerate(np.ravel(days)):
            ends = float(np.ravel(lower.estimate)[i]), float(np.ravel(upper.estimate)[i])
            if ends in ((0.0, 0.0), (1.0, 1.0)):
                continue
            if one > self.last_follow_up * (1.0 + TIE_TOLERANCE):
                raise refuse(f"day {one:g} lies beyond the last follow-up, {self.last_follow_up:g}")
            low.flat[i], high.flat[i] = self._profile(cause, float(one))
        return LikelihoodRatioLimits(low.reshape(days.shape), high.reshape(days.shape))

    def restricted_mean_time_lost(self, cause: int, horizon: float) -> TimeLostBracket:
        """Mean time after `cause` and before the horizon, events placed at the end, evenly within, or at the start of cells.

        Competing events are placed on their day in all three. Delta-method standard errors, normal limits cut to [0, tau].
        """
        return TimeLostBracket(*(self._mean(lost, horizon) for lost in self._time_lost(cause, horizon)))

    def time_lost_influence(self, cause: int, horizon: float) -> FloatArray:
        """What each row given moves the three restricted means by, (n, 3)."""
        return self._influence(self._time_lost(cause, horizon))

    def _time_lost(self, cause: int, horizon: float) -> FloatArray:
        """Days lost by an event in each cell when it happens at the end, evenly within, or at the start of it, (3, cells)."""
        self._known(cause)
        if not (np.isfinite(horizon) and horizon > 0.0):
            raise refuse("`horizon` must be a positive number")
        if horizon > self.last_follow_up * (1.0 + TIE_TOLERANCE):
            raise refuse(
                f"the horizon {horizon:g} lies beyond the last follow-up",
                way_out=f"The largest horizon these data allow is {self.last_follow_up:g}.",
            )
        end = self.support_right
        begin = self.support_left if cause == 1 else end
        late, early = np.maximum(horizon - end, 0.0), np.maximum(horizon - begin, 0.0)
        with np.errstate(invalid="ignore"):
            width = end - begin
            share = np.where(width > 0.0, (early**2 - late**2) / (2.0 * width), late)
        return np.where(self.support_cause == cause, np.stack([late, share, early]), 0.0)

    def quantile(self, cause: int, p: float) -> QuantileBracket:
        """When the incidence of `cause` reaches `p`: after `not_before`, by `by`; limits by inverting the pointwise limits."""
        if not 0.0 < p < 1.0:
            raise refuse("`p` must lie strictly between 0 and 1")
        self._known(cause)
        of_cause = self.support_cause == cause
        ends = np.unique(self.support_right[of_cause])
        begins = np.unique(self.support_left[of_cause | (self.support_cause == 0)])
        ended = self.lower(cause, ends)
        # The mass that began strictly before a day jumps just after each left end; ask there.
        begun = self.upper(cause, begins + 3.0 * TIE_TOLERANCE * np.maximum(1.0, begins))
        return QuantileBracket(
            not_before=_first(begins, begun.estimate, p),
            by=_first(ends, ended.estimate, p),
            conf_low=_first(begins, begun.conf_high, p),
            conf_high=_first(ends, ended.conf_low, p),
        )

    def _known(self, cause: int) -> None:
        if cause not in self.causes:
            raise refuse(f"cause {cause} is not among the causes {', '.join(map(str, self.causes))}")

    def _ended(self, cause: int, days: FloatArray) -> FloatArray:
        """Cells of `cause` that end by each day, as 0/1 in the last axis."""
        self._known(cause)
        slack = TIE_TOLERANCE * np.maximum(1.0, np.abs(days))
        ended = (self.support_cause == cause) & (self.support_right <= (days + slack)[..., None])
        return np.asarray(ended, dtype=np.float64)

    def _begun(self, cause: int, days: FloatArray) -> FloatArray:
        """Cells of `cause`, and the tail, that begin before each day, as 0/1 in the last axis."""
        self._known(cause)
        slack = TIE_TOLERANCE * np.maximum(1.0, np.abs(days))
        possible = (self.support_cause == cause) | (self.support_cause == 0)
        return np.asarray(possible & (self.support_left < (days - slack)[..., None]), dtype=np.float64)

    def _probability(self, chosen: FloatArray) -> FloatArray:
        value: FloatArray = np.asarray(chosen @ self.mass)
        return np.asarray(np.where(value >= 1.0 - ROUNDING, 1.0, np.where(value <= ROUNDING, 0.0, value)), dtype=np.float64)

    def _std_error(self, functional: FloatArray) -> FloatArray:
        """Standard error of sum_j c_j p_j for each c in the last axis; inf where the likelihood does not determine it."""
        held = functional[..., self._rows.held]
        variance = np.einsum("...j,jk,...k->...", held, self._covariance, held)
        error = np.sqrt(np.maximum(variance, 0.0))
        if self._rows.in_one_cluster:
            model = np.einsum("...j,jk,...k->...", held, self._inverse, held)
            error = np.where(model > NO_VARIANCE, np.inf, 0.0)
        if self.singular:
            leaning = np.abs(held @ self._no_information).max(axis=-1, initial=0.0)
            error = np.where(leaning > UNIDENTIFIED * np.maximum(1.0, np.abs(held).max(axis=-1)), np.inf, error)
        return np.asarray(error, dtype=np.float64)

    def _with_limits(self, cause: int, days: FloatArray, chosen: FloatArray) -> Pointwise:
        estimate, std_error = np.ravel(self._probability(chosen)), np.ravel(self._std_error(chosen))
        finite = np.where(np.isfinite(std_error), std_error, 0.0)
        free_low, free_high = probability_limits(1.0 - estimate, finite, conf_level=self.conf_level, interval="log-log")
        low, high = 1.0 - free_high, 1.0 - free_low
        for i in np.flatnonzero((estimate <= 0.0) | (estimate >= 1.0)):
            low[i], high[i] = exact_limits(
                self._sample,
                cause,
                float(np.ravel(days)[i]),
                bool(estimate[i] >= 1.0),
                cluster=self._rows.cluster,
                robust=self.robust,
                conf_level=self.conf_level,
            )
        std_error[(estimate <= 0.0) | (estimate >= 1.0)] = 0.0
        open_ended = ~np.isfinite(std_error)
        low[open_ended], high[open_ended] = 0.0, 1.0
        return Pointwise(*(column.reshape(days.shape) for column in (estimate, std_error, low, high)))

    def _profile(self, cause: int, day: float) -> tuple[float, float]:
        """Profile limits at one day; the chi-square quantile is stretched by what weights and clusters add to the variance."""
        functional = self._ended(cause, np.asarray(day))
        held = functional[self._rows.held]
        model = float(held @ self._inverse @ held)
        critical = two_sided_z(self.conf_level) ** 2
        if self._covariance is not self._inverse:
            refuse_without_information(float(self._std_error(functional)))
            critical *= float(self._std_error(functional)) ** 2 / model if model > 0.0 else 1.0
        total = float(self._rows.weight.sum())
        first_step = np.sqrt(critical) / (total * np.sqrt(model)) if model > 0.0 else 1.0
        return profile_limits(self._sample, cause, day, critical=critical, first_step=float(first_step))

    def influence_at(self, cause: int, day: npt.ArrayLike) -> FloatArray:
        """What each row given moves the lower bound at each day by, (n, days): its square sum is the robust variance."""
        days = np.atleast_1d(np.asarray(day, dtype=np.float64))
        return self._influence(self._ended(cause, days))

    def joint_correlation(self, cause: int, day: FloatArray) -> FloatArray:
        """Correlation of the lower bounds at all days, then of the upper bounds; without those of no or no finite variance."""
        chosen = np.concatenate((self._ended(cause, day), self._begun(cause, day)))
        error, value = self._std_error(chosen), self._probability(chosen)
        of_use = np.isfinite(error) & (error > 0.0) & (value > 0.0) & (value < 1.0)
        held = chosen[of_use][:, self._rows.held] / error[of_use, None]
        correlation: FloatArray = held @ self._covariance @ held.T
        return correlation

    def _influence(self, functionals: FloatArray) -> FloatArray:
        """Rows by functionals; refused where the masses asked for are not unique."""
        if not np.isfinite(self._std_error(functionals)).all():
            raise refuse("the data do not determine the masses asked for, so no row has a finite influence on them")
        directions = np.atleast_2d(functionals)[:, self._rows.held] @ self._inverse
        return self._rows.given(np.column_stack([self._rows.along(one) for one in directions]))

    def _mean(self, lost: FloatArray, horizon: float) -> RestrictedMean:
        estimate, std_error = float(np.dot(lost, self.mass)), float(self._std_error(lost))
        reach = two_sided_z(self.conf_level) * std_error
        return RestrictedMean(
            estimate=estimate,
            std_error=std_error,
            conf_low=max(0.0, estimate - reach),
            conf_high=min(horizon, estimate + reach),
            horizon=float(horizon),
            conf_level=self.conf_level,
        )


def _first(time: FloatArray, risen: FloatArray, p: float) -> float:
    reached = np.flatnonzero(risen + ROUNDING >= p)
    return float(time[reached[0]]) if reached.size else float("inf")
