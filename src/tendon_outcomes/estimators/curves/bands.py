"""Confidence bands: limits that hold for a stretch of the curve as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.curves import aalen_johansen, kaplan_meier
from tendon_outcomes.estimators.curves.aalen_johansen import CumulativeIncidence
from tendon_outcomes.estimators.curves.band_critical_values import equal_precision_value, hall_wellner_value
from tendon_outcomes.estimators.curves.influence import covariance
from tendon_outcomes.estimators.curves.kaplan_meier import SurvivalCurve
from tendon_outcomes.estimators.limits import IntervalKind, Pointwise, probability_limits, two_sided_z
from tendon_outcomes.estimators.observations import TIE_TOLERANCE, FloatArray, checked_level, refuse

BandKind = Literal["equal-precision", "hall-wellner"]

# Memory of a resampled band grows with the square of its days.
MOST_RESAMPLED_DAYS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class SimultaneousBand:
    """A band over [from_day, to_day]: one value for `from_day` and for each later day of the table up to `to_day`.

    `method` is "asymptotic" (critical value of a Brownian bridge) or "multiplier" (resampled influence functions).
    """

    time: FloatArray
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    from_day: float
    to_day: float
    critical_value: float
    kind: BandKind
    scale: IntervalKind
    method: Literal["asymptotic", "multiplier"]
    conf_level: float

    def at(self, days: npt.ArrayLike) -> Pointwise:
        """Estimate, standard error and band on each of `days`; refuses days outside the band's range."""
        day = np.asarray(days, dtype=np.float64)
        slack = TIE_TOLERANCE * max(1.0, self.to_day)
        outside = int(np.count_nonzero(~((day >= self.from_day - slack) & (day <= self.to_day + slack))))
        if outside:
            raise refuse(
                f"{outside} of {day.size} days lie outside the range of the band",
                way_out=f"The band holds from day {self.from_day:g} to day {self.to_day:g}.",
            )
        place = np.maximum(np.searchsorted(self.time, day + slack, side="right") - 1, 0)
        return Pointwise(*(column[place] for column in (self.estimate, self.std_error, self.conf_low, self.conf_high)))


def simultaneous_band(
    curve: SurvivalCurve | CumulativeIncidence,
    *,
    from_day: float,
    to_day: float,
    cause: int | None = None,
    kind: BandKind = "equal-precision",
    scale: IntervalKind = "log-log",
    conf_level: float | None = None,
    rng: np.random.Generator | None = None,
    replicates: int = 10_000,
) -> SimultaneousBand:
    """Limits between which the whole curve lies, from one day to another, with the stated confidence.

    Estimand
        S(t), or F_k(t), for all t in [from_day, to_day] together.
    Estimator
        The curve.
    Interval
        Equal precision: pointwise limits with c standard errors in place of the normal quantile. For a Kaplan-Meier curve with
        Greenwood's variance c is the quantile of sup |W0(u)|/sqrt(u(1 - u)) over a_L <= u <= a_U, with a = n s^2/(1 + n s^2) and
        s = se/S at both ends of the range. Hall-Wellner: on the scale of a standard error, k (1 + n s^2) S / sqrt(n), k the
        quantile of sup |W0(u)| over the same range: narrower where few have had the event. Both are computed
        (band_critical_values). For incidences, weights, clusters and delayed entry c is the quantile, over `replicates` drawings
        of independent standard normal multipliers g, of sup_t |sum_i g_i w_i u_i(t)| / se(t), u_i the influence function; the sum
        runs over clusters where there are some.
    Conventions
        The multipliers' sums are drawn from the normal law that they have (covariance of the influence functions), so the cost
        does not grow with the number of rows. Days on which the curve is at 0 or 1, or its standard error is 0, have no band:
        a range with such a day is refused, and so are
        more than 2,000 distinct days under multipliers. Limits are not made monotone.
    Assumes
        What the curve assumes; enough events for the normal limit along the whole range.
    Not for
        A range chosen after looking at where the band is narrow. The tail where few are at risk.
    Parameters
        curve: a SurvivalCurve, or a CumulativeIncidence with `cause`. from_day, to_day: the range. kind: "equal-precision" or
        "hall-wellner" (Kaplan-Meier without weights and clusters only). scale: of the limits. conf_level: the curve's if not
        given. rng, replicates: for multipliers; `rng` is needed for them.
    Returns
        SimultaneousBand.
    References
        Nair (1984) Technometrics 26:265; Hall & Wellner (1980) Biometrika 67:133; Klein & Moeschberger (2003) Survival Analysis,
        2nd ed., 4.4; Lin, Fleming & Wei (1994) Biometrika 81:73 (multipliers).
    Checked
        Exact (Kolmogorov's distribution), published (Klein & Moeschberger's coefficients), known truth by simulation, properties:
        tests/estimators/test_bands.py, tests/properties/test_curves_properties.py.
    """
    level = curve.conf_level if conf_level is None else checked_level(conf_level)
    _check_request(kind, scale, from_day, to_day)
    time, at = _stretch(curve, cause, from_day, to_day)
    if kind == "hall-wellner" or _greenwood(curve):
        if not isinstance(curve, SurvivalCurve) or not _greenwood(curve):
            raise refuse(
                "a Hall-Wellner band needs a Kaplan-Meier curve of independent rows followed from time 0",
                way_out='Ask for kind="equal-precision".',
            )
        critical, error = _asymptotic(curve, at, kind, level)
    else:
        critical, error = _multiplier(curve, cause, time, level, rng, replicates), at.std_error
    low, high = probability_limits(at.estimate, error, conf_level=level, interval=scale, reach=critical)
    return SimultaneousBand(
        time=time,
        estimate=at.estimate,
        std_error=at.std_error,
        conf_low=low,
        conf_high=high,
        from_day=float(from_day),
        to_day=float(to_day),
        critical_value=critical,
        kind=kind,
        scale=scale,
        method="asymptotic" if _greenwood(curve) else "multiplier",
        conf_level=level,
    )


def _check_request(kind: str, scale: str, from_day: float, to_day: float) -> None:
    if kind not in ("equal-precision", "hall-wellner"):
        raise refuse("`kind` is equal-precision or hall-wellner")
    if scale not in ("plain", "log", "log-log", "logit"):
        raise refuse("`scale` is one of plain, log, log-log, logit")
    if not (np.isfinite(from_day) and np.isfinite(to_day) and 0.0 <= from_day < to_day):
        raise refuse("a band needs `from_day` before `to_day`, both finite and not negative")


def _greenwood(curve: SurvivalCurve | CumulativeIncidence) -> bool:
    """Whether the curve's variance is that of a time-changed Brownian motion, so that a bridge gives its critical value."""
    return isinstance(curve, SurvivalCurve) and not curve.robust and curve._table.entry_index is None


def _stretch(
    curve: SurvivalCurve | CumulativeIncidence, cause: int | None, from_day: float, to_day: float
) -> tuple[FloatArray, Pointwise]:
    """The days of the band and the curve on them; refuses a range on which the curve has no standard error."""
    slack = TIE_TOLERANCE * max(1.0, float(curve.time.mean()))
    inside = curve.time[(curve.time > from_day + slack) & (curve.time <= to_day + slack)]
    time = np.concatenate(([from_day], inside))
    if isinstance(curve, CumulativeIncidence):
        if cause is None:
            raise refuse("a band for an incidence needs `cause`")
        if curve.variance != "jackknife":
            raise refuse("a band needs the jackknife variance", way_out='Fit the curves with variance="jackknife".')
    elif cause is not None:
        raise refuse("`cause` belongs to incidences; a survival curve has none")
    if to_day > curve.time[-1] + slack:
        raise refuse(
            "the band would end after the last follow-up",
            way_out=f"The last day that these data allow is {float(curve.time[-1]):g}.",
        )
    at = curve.at(cause, time) if isinstance(curve, CumulativeIncidence) and cause is not None else _survival_at(curve, time)
    usable = (at.estimate > 0.0) & (at.estimate < 1.0) & (at.std_error > 0.0)
    if not usable.all():
        known = time[usable]
        stretch = f"from day {known[0]:g} to day {known[-1]:g}" if known.size else "on no day"
        raise refuse(
            "the curve is at 0 or 1, or has no standard error, on a day of the band",
            way_out=f"Within the range asked for, a band can be given {stretch}.",
        )
    return time, at


def _survival_at(curve: SurvivalCurve | CumulativeIncidence, time: FloatArray) -> Pointwise:
    if not isinstance(curve, SurvivalCurve):
        raise refuse("a band is made for a survival curve or for incidences")
    return curve.at(time)


def _asymptotic(curve: SurvivalCurve, at: Pointwise, kind: BandKind, level: float) -> tuple[float, FloatArray]:
    """(critical value, what it multiplies) of a Kaplan-Meier curve with Greenwood's variance."""
    n = float(curve._table.pattern_weight.sum())
    spread = n * (at.std_error / at.estimate) ** 2
    start, end = (float(value / (1.0 + value)) for value in (spread[0], spread[-1]))
    if kind == "hall-wellner":
        return hall_wellner_value(start, end, level) if start < end else _one_day(start, level), (
            at.estimate * (1.0 + spread) / np.sqrt(n)
        )
    if start >= end:  # no event inside the range: the band is that of one day
        return two_sided_z(level), at.std_error
    return equal_precision_value(start, end, level), at.std_error


def _one_day(u: float, level: float) -> float:
    """The bound on |W0(u)| on one day."""
    from_normal = two_sided_z(level)
    return float(from_normal * np.sqrt(u * (1.0 - u)))


def _multiplier(
    curve: SurvivalCurve | CumulativeIncidence,
    cause: int | None,
    time: FloatArray,
    level: float,
    rng: np.random.Generator | None,
    replicates: int,
) -> float:
    """The quantile of the largest standardised deviation along the range, under normal multipliers."""
    if rng is None:
        raise refuse("this band is made by resampling and needs a random generator", way_out="Pass `rng`.")
    if replicates < 1000:
        raise refuse(f"{replicates} replicates are too few for the quantile of a maximum", way_out="Ask for at least 1000.")
    if time.size > MOST_RESAMPLED_DAYS:
        raise refuse(
            f"a band by resampling over {time.size} distinct days would need their joint covariance",
            way_out=f"Round times to whole days, or shorten the range to at most {MOST_RESAMPLED_DAYS} distinct days.",
        )
    joint = _joint_covariance(curve, cause, time)
    error = np.sqrt(np.maximum(np.diag(joint), 0.0))
    if not (error > 0.0).all():
        raise refuse("the influence functions vanish on a day of the band")
    values, vectors = np.linalg.eigh(joint / np.outer(error, error))
    factor = vectors * np.sqrt(np.maximum(values, 0.0))
    largest = np.empty(replicates)
    for begin in range(0, replicates, 1000):
        size = min(1000, replicates - begin)
        drawn = rng.standard_normal((size, error.size)) @ factor.T
        largest[begin : begin + size] = np.abs(drawn).max(axis=1)
    return float(np.quantile(largest, level))


def _joint_covariance(curve: SurvivalCurve | CumulativeIncidence, cause: int | None, time: FloatArray) -> FloatArray:
    if isinstance(curve, CumulativeIncidence):
        by_pattern = aalen_johansen.influence_by_pattern(curve, 1 if cause is None else cause, time)
    else:
        by_pattern = kaplan_meier.influence_by_pattern(curve, time)
    return covariance(curve._table, by_pattern, curve._clusters)
