"""The fitted smooth cumulative incidences, and the questions they answer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.curves.restricted_mean import RestrictedMean
from tendon_outcomes.estimators.limits import Pointwise, two_sided_z
from tendon_outcomes.estimators.observations import TIE_TOLERANCE, FloatArray, refuse
from tendon_outcomes.estimators.regression.parametric.hazard_cells import HazardCells
from tendon_outcomes.estimators.regression.parametric.incidence_likelihood import (
    HazardModel,
    columns_of,
    curves,
    incidence,
    log_density_slope,
)
from tendon_outcomes.estimators.regression.parametric.log_cumulative_limits import log_cumulative_limits


@dataclass(frozen=True, slots=True, eq=False)
class SmoothIncidence:
    """Cumulative incidences of `causes` from smooth hazards; times in the unit of the input.

    `log_hazard_at_knots` holds the coefficients of all causes (see `model`), `covariance` belongs to them. `n_events` has one
    (weighted) count a cause. `log_likelihood` is without the penalty.
    """

    causes: tuple[int, ...]
    n: int
    n_events: tuple[float, ...]
    last_follow_up: float
    log_likelihood: float
    iterations: int
    conf_level: float
    robust: bool
    model: HazardModel = field(repr=False)
    log_hazard_at_knots: FloatArray = field(repr=False)
    covariance: FloatArray = field(repr=False)

    def at(self, cause: int, days: npt.ArrayLike) -> Pointwise:
        """F of `cause` at the days, with limits normal on log(-log(1 - F)); until the curve begins everything is 0."""
        asked, j = self._within(days), self._position(cause)
        value, slope = self._incidence(j, np.ravel(asked))
        error = self._std_error(slope)
        with np.errstate(divide="ignore", invalid="ignore"):
            cumulative = -np.log1p(-value)
            relative = error / ((1.0 - value) * cumulative)
            limits = log_cumulative_limits(np.log(cumulative), relative, conf_level=self.conf_level)
        later = np.ravel(asked) > self.model.begin
        columns = (value, error, *(np.where(later, limit, 0.0) for limit in limits))
        return Pointwise(*(column.reshape(asked.shape) for column in columns))

    def gradient_at(self, cause: int, days: npt.ArrayLike) -> FloatArray:
        """Derivatives of F at the days in the coefficients, (d, p): for joint statements about several days."""
        return self._incidence(self._position(cause), np.ravel(self._within(days)))[1]

    def hazard(self, cause: int, days: npt.ArrayLike) -> Pointwise:
        """The cause-specific hazard at the days, per unit of time, with limits normal on its logarithm."""
        asked, j = self._within(days), self._position(cause)
        if (asked < self.model.begin).any():
            raise refuse(f"nobody was followed before day {self.model.begin:g}: there is no hazard to tell")
        block = self.model.blocks[j]
        x = self.model.bases[j].columns(np.ravel(asked))
        value = np.exp(x @ self.log_hazard_at_knots[block])
        error = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", x, self.covariance[block, block], x), 0.0))
        reach = two_sided_z(self.conf_level) * error
        with np.errstate(over="ignore"):
            low, high = value * np.exp(-reach), value * np.exp(reach)
        return Pointwise(*(c.reshape(asked.shape) for c in (value, value * error, low, high)))

    def restricted_mean_time_lost(self, cause: int, horizon: float) -> RestrictedMean:
        """Integral of F of `cause` from 0 to the horizon, with normal limits cut to [0, horizon]."""
        end, j = self._within(horizon), self._position(cause)
        if end.ndim or not float(end) > 0.0:
            raise refuse("`horizon` must be one positive number")
        tau = float(end)
        if tau <= self.model.begin:
            raise refuse(f"nobody was followed before day {self.model.begin:g}", way_out="Ask for a later horizon.")
        cells, density, slope = self._density(j, np.array([tau]))
        lost = (tau - cells.points) * density
        estimate = float(cells.at_edges(lost)[-1])
        error = float(self._std_error(cells.at_edges((tau - cells.points)[..., None] * slope)[-1:])[0])
        reach = two_sided_z(self.conf_level) * error
        return RestrictedMean(
            estimate=estimate,
            std_error=error,
            conf_low=max(0.0, estimate - reach),
            conf_high=min(tau, estimate + reach),
            horizon=tau,
            conf_level=self.conf_level,
        )

    def _position(self, cause: int) -> int:
        if cause not in self.causes:
            raise refuse(f"cause {cause} is not among the causes {', '.join(map(str, self.causes))} that were seen")
        return self.causes.index(cause)

    def _within(self, days: npt.ArrayLike) -> FloatArray:
        asked = np.asarray(days, dtype=np.float64)
        if not (np.isfinite(asked) & (asked >= 0.0)).all():
            raise refuse("days must be finite and not negative")
        if (asked > self.last_follow_up * (1.0 + TIE_TOLERANCE)).any():
            raise refuse(
                f"{np.count_nonzero(asked > self.last_follow_up)} of the days asked for lie beyond the last follow-up",
                way_out=f"The largest day these data allow is {self.last_follow_up:g}.",
            )
        return np.minimum(asked, self.last_follow_up)

    def _density(self, j: int, days: FloatArray) -> tuple[HazardCells, FloatArray, FloatArray]:
        """Cells, and at their points the density of the j-th cause with its derivatives."""
        cells = self.model.cells(days)
        columns = columns_of(self.model, cells)
        found = curves(self.model, cells, columns, self.log_hazard_at_knots)
        density = found.hazards[j] * found.free
        return cells, density, density[..., None] * log_density_slope(self.model, columns, found, j)

    def _incidence(self, j: int, days: FloatArray) -> tuple[FloatArray, FloatArray]:
        days = np.maximum(days, self.model.begin)
        if days.size == 0 or float(days.max()) == self.model.begin:
            return np.zeros(days.size), np.zeros((days.size, self.model.size))
        cells = self.model.cells(days)
        columns = columns_of(self.model, cells)
        found = curves(self.model, cells, columns, self.log_hazard_at_knots)
        value, slope = incidence(self.model, cells, columns, found, j)
        place = np.searchsorted(cells.edges, days)
        return value[place], slope[place]

    def _std_error(self, slope: FloatArray) -> FloatArray:
        variance = np.einsum("ij,jk,ik->i", slope, self.covariance, slope)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)
