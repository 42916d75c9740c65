"""Limits of an incidence F that are normal on log(-log(1 - F)), also where F is within rounding of 0 or 1."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import FloatArray


def log_cumulative_limits(value: FloatArray, std_error: FloatArray, *, conf_level: float) -> tuple[FloatArray, FloatArray]:
    """(low, high) from log(-log(1 - F)) and its standard error; (0, 1) where these are not known."""
    reach = two_sided_z(conf_level) * std_error
    with np.errstate(all="ignore"):
        low, high = (-np.expm1(-np.exp(value + shift)) for shift in (-reach, reach))
    return np.where(np.isnan(low), 0.0, low), np.where(np.isnan(high), 1.0, high)
