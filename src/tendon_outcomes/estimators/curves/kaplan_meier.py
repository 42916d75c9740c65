"""Kaplan-Meier: the probability of still being without the event, from right-censored times."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import Clusters, labelled_clusters
from tendon_outcomes.estimators.curves.crossing import TimeQuantile, crossing
from tendon_outcomes.estimators.curves.influence import (
    row_values,
    value_after,
    with_clusters,
)
from tendon_outcomes.estimators.curves.product_limit import log_martingale, product_limit
from tendon_outcomes.estimators.curves.survival_limits import checked_interval, survival_limits
from tendon_outcomes.estimators.limits import (
    Pointwise,
    SurvivalInterval,
    exact_limit_beside_zero,
    probability_limits,
)
from tendon_outcomes.estimators.observations import (
    TIE_TOLERANCE,
    FloatArray,
    checked_days,
    checked_level,
    refuse,
)
from tendon_outcomes.estimators.risk_table import RiskTable, risk_table


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalCurve:
    """A fitted Kaplan-Meier curve; one value for each distinct day with an event or a censoring, in order of time.

    `robust` tells whether the standard error is the infinitesimal jackknife (weights are not copies, clusters) or Greenwood's.
    `interval` is "mixed" when the limits are log-log with beta-product limits where few are at risk.
    """

    time: FloatArray
    n_at_risk: FloatArray
    n_events: FloatArray
    n_censored: FloatArray
    survival: FloatArray
    std_error: FloatArray
    n: int
    conf_level: float
    interval: SurvivalInterval
    robust: bool
    _table: RiskTable = field(repr=False)
    _clusters: Clusters | None = field(default=None, repr=False)
    _limits: dict[str, tuple[FloatArray, FloatArray]] = field(default_factory=dict, repr=False)

    @property
    def conf_low(self) -> FloatArray:
        """Lower limits, worked out when they are first asked for."""
        return self.limits(self.interval)[0]

    @property
    def conf_high(self) -> FloatArray:
        """Upper limits, worked out when they are first asked for."""
        return self.limits(self.interval)[1]

    def limits(self, interval: SurvivalInterval) -> tuple[FloatArray, FloatArray]:
        """(low, high) of the kind `interval`, at the curve's level, kept once made."""
        if interval not in self._limits:
            self._limits[interval] = survival_limits(self._table, self.survival, self.std_error, self.conf_level, interval)
        return self._limits[interval]

    def at(self, days: npt.ArrayLike) -> Pointwise:
        """Survival, standard error and limits on each of `days`.

        A right-continuous step; NaN after the last day of the table unless the curve is at 0 there, because nobody was followed
        so far. Before the first day nothing has happened: estimate 1, standard error 0, and the limits of 0 events among those
        followed from time 0 (1 and 1 on day 0, and on the scales plain and log, which have none).
        """
        position, beyond = _position(self, days)
        low: float | FloatArray = 1.0
        if self.interval not in ("plain", "log"):
            none = exact_limit_beside_zero(self._table.n_from_start[:1], conf_level=self.conf_level)[0]
            low = np.where(np.asarray(days, dtype=np.float64) > 0.0, 1.0 - none, 1.0)
        columns = ((self.survival, 1.0), (self.std_error, 0.0), (self.conf_low, low), (self.conf_high, 1.0))
        return Pointwise(*(step(values, start, position, beyond) for values, start in columns))

    def quantile(self, p: float) -> TimeQuantile:
        """The time by which a fraction `p` has had the event, with Brookmeyer-Crowley limits; `inf` = not reached.

        When the curve is flat at exactly 1 - p the middle of the flat stretch is taken (to the last day of the table when it
        is the last stretch), within 1.5e-8, as quantile.survfit of R does. The limits invert the pointwise limits the same way.
        """
        if not 0.0 < p < 1.0:
            raise refuse("`p` must lie strictly between 0 and 1")
        low, high = self.conf_low, self.conf_high
        if self.interval in ("plain", "log", "log-log", "logit"):
            # Where the log-log and logit limits do not exist (survival 0 or 1) R leaves them out; so does the inversion.
            low, high = probability_limits(self.survival, self.std_error, conf_level=self.conf_level, interval=self.interval)
        return TimeQuantile(*(crossing(self.time, 1.0 - curve, p) for curve in (self.survival, low, high)))

    def influence_at(self, days: npt.ArrayLike) -> FloatArray:
        """dS(t)/dw_i, (n, d), for each of the n rows passed in and each of the d `days`; 0 for rows of weight 0.

        The robust variance is the sum over rows, or over clusters of rows, of (sum w_i dS/dw_i)^2. A day after the last one is
        refused while the curve is above 0.
        """
        return row_values(self._table, influence_by_pattern(self, days))


def influence_by_pattern(curve: SurvivalCurve, days: npt.ArrayLike) -> FloatArray:
    """dS(t)/dw of each pattern of the curve's table, (patterns, d)."""
    position, beyond = _position(curve, np.atleast_1d(np.asarray(days, dtype=np.float64)))
    refuse_beyond(beyond, curve.time)
    survival = np.concatenate(([1.0], curve.survival))[position]
    influence: FloatArray = -survival * value_after(curve._table, log_martingale(curve._table), position)
    return influence


def refuse_beyond(beyond: npt.NDArray[np.bool_], time: FloatArray) -> None:
    """Refuse days on which nobody was followed any more."""
    if beyond.any():
        raise refuse(
            f"{int(np.count_nonzero(beyond))} of {beyond.size} days lie beyond the last follow-up",
            way_out=f"The last day that these data allow is {float(time[-1]):g}.",
        )


def _position(curve: SurvivalCurve, days: npt.ArrayLike) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """How many days of the table each of `days` has behind it, and whether it is beyond follow-up."""
    day = checked_days(days)
    slack = TIE_TOLERANCE * max(1.0, float(curve.time.mean()))
    position = np.searchsorted(curve.time, day + slack, side="right")
    return position, (day > curve.time[-1] + slack) & (curve.survival[-1] > 0.0)


def step(
    values: FloatArray, start: float | FloatArray, position: npt.NDArray[np.intp], beyond: npt.NDArray[np.bool_]
) -> FloatArray:
    """`values` after `position` days of the table, `start` after none, NaN beyond follow-up."""
    stepped: FloatArray = np.where(beyond, np.nan, np.where(position > 0, values[np.maximum(position - 1, 0)], start))
    return stepped


def kaplan_meier(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    interval: SurvivalInterval | None = None,
    robust: bool | None = None,
) -> SurvivalCurve:
    """The product-limit estimate of the probability of being event-free beyond each day.

    Estimand
        S(t) = Pr(T > t), were censoring absent.
    Estimator
        S(t) = prod_{t_j <= t} (1 - d_j / n_j), d_j events on day t_j among n_j at risk (entry < t_j <= exit).
    Interval
        Greenwood: se(t) = S(t) sqrt(sum d_j / (n_j (n_j - d_j))). When weights are not copies (some are not whole numbers, or
        `robust=True`), the infinitesimal jackknife: se(t)^2 = sum_i w_i^2 (dS(t)/dw_i)^2, and with `cluster` the same with the
        sum of w_i dS(t)/dw_i over a cluster's rows in place of the single row, as R does with robust=TRUE and cluster. Normal
        limits on the scale `interval`. Where a scale has no limit: at S = 1 the exact binomial lower limit for 0 events among
        those followed from time 0 and still at risk (clusters count once), and 1; at S = 0 the limits are 0 and the upper limit
        of the day before, which holds because S cannot rise (exact binomial when the whole sample fails on its first day). R
        has NA there. By default ("mixed") limits are log-log on days with at least 20 at risk and beta-product on the others,
        where log-log limits fall short of their level; all are then made to fall with time by widening. Robust curves and
        delayed entry have no beta-product limits: their default is log-log throughout. A robust standard error of 0 inside (0,
        1), where influences cancel within clusters, is no certainty: limits are then exact binomial for the clusters followed
        from time 0 and still at risk.
    Conventions
        Events come before censorings on the same day. Times within 1.5e-8 (absolutely, or relative to the mean time) are one
        day, R's timefix. Rows of weight 0 are left out. Once S is 0 it stays 0; a day without anybody at risk changes nothing.
    Assumes
        Censoring and delayed entry independent of the event given nothing; independent rows, or independent clusters of rows.
    Not for
        Competing events as censorings: 1 - S then overstates the incidence (aalen_johansen). Events known only between two
        visits (interval_censored_incidence). Pointwise limits are not a band for the whole curve.
    Parameters
        time: exit of each of n rows, one unit (days). event: 1 or True = event at `time`, 0 = censored there. entry: time at
        which the row comes under observation, same unit. weight: n non-negative numbers. cluster: n labels; rows with the same
        label belong together. conf_level in (0, 1). interval: "plain", "log", "log-log", "logit", "beta-product", or None for the
        default above. robust: overrides what the weights say.
    Returns
        SurvivalCurve over the m distinct exit days; counts in units of weight.
    References
        Kaplan & Meier (1958) JASA 53:457, eq. 3b; Klein & Moeschberger (2003) Survival Analysis, 2nd ed., eqs 4.2.1, 4.2.2,
        4.3.1-4.3.2; Therneau & Grambsch (2000) Modeling Survival Data, 2.2; Brookmeyer & Crowley (1982) Biometrics 38:29;
        Fay, Brittain & Proschan (2013) Biostatistics 14:723.
    Checked
        Exact fractions (six runners), published (Freireich 6-MP), reference (R survival, four scales, entry, weights, clusters),
        properties: tests/estimators/test_kaplan_meier.py, tests/reference, tests/properties/test_estimators.py.
    """
    level = checked_level(conf_level)
    table = risk_table(time=time, cause=event, n_causes=1, entry=entry, weight=weight, robust=is_robust(robust, cluster))
    clusters = None if cluster is None else labelled_clusters(cluster, table.patterns.n)
    return survival_curve(table, clusters, conf_level=level, interval=interval)


def is_robust(robust: bool | None, cluster: npt.ArrayLike | None) -> bool | None:
    """What `robust` means with clusters: always robust; the contrary is refused."""
    if cluster is None:
        return robust
    if robust is False:
        raise refuse("`cluster` asks for the robust variance and `robust=False` forbids it")
    return True


def survival_curve(
    table: RiskTable, clusters: Clusters | None, *, conf_level: float, interval: SurvivalInterval | None
) -> SurvivalCurve:
    """The curve of a checked sample; see kaplan_meier."""
    kind, table = checked_interval(interval, table), with_clusters(table, clusters)
    survival, std_error = product_limit(table, clusters)
    return SurvivalCurve(
        time=table.time,
        n_at_risk=table.n_at_risk,
        n_events=table.n_events[0],
        n_censored=table.n_censored,
        survival=survival,
        std_error=std_error,
        n=table.n,
        conf_level=conf_level,
        interval=kind,
        robust=table.robust,
        _table=table,
        _clusters=clusters,
    )
