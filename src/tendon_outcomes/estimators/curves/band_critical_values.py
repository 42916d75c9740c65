"""How far a whole curve may stray: critical values of confidence bands, computed from the suprema that define them."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, pi, sqrt

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, refuse

_TERMS = 40  # of the series below: more change a probability by less than 1e-9
_FEW, _LONG = 24, 0.05  # over a duration from _LONG on, so many terms give 4e-9, and no linear algebra that starts threads
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(160)
_ODD = (2.0 * np.arange(_TERMS) + 1.0) * pi / 2.0  # cos(_ODD x) is even and vanishes at -1 and 1
_COSINES = np.cos(np.outer(_ODD, _NODES))
_SQUARE = (_COSINES * (_WEIGHTS * _NODES**2)) @ _COSINES.T  # of x^2 between them


def equal_precision_value(start: float, end: float, conf_level: float) -> float:
    """The c with Pr(sup |W0(u)| / sqrt(u(1 - u)) <= c for start <= u <= end) = conf_level, W0 a Brownian bridge.

    On the clock log(u/(1 - u))/2 the ratio is a stationary Ornstein-Uhlenbeck process, and the probability that it stays within
    c is an expansion in the eigenfunctions of its generator. Nair (1984) Technometrics 26:265 approximates the same probability.
    """
    _check_range(start, end)
    if not start > 0.0 or not end < 1.0:
        raise refuse("an equal-precision band needs a range strictly inside (0, 1)")
    duration = 0.5 * log(end * (1.0 - start) / (start * (1.0 - end)))
    return _solve(lambda c: _stays_stationary(c, duration), conf_level)


def hall_wellner_value(start: float, end: float, conf_level: float) -> float:
    """The k with Pr(sup |W0(u)| <= k for start <= u <= end) = conf_level, W0 a Brownian bridge; 0 and 1 may be the ends.

    From the series of Brownian motion killed at -k and k, with the bridge's law at both ends. Hall & Wellner (1980) Biometrika
    67:133; with (0, 1) it is Kolmogorov's distribution.
    """
    _check_range(start, end)
    return _solve(lambda k: _bridge_stays(k, start, end), conf_level)


def _check_range(start: float, end: float) -> None:
    if not 0.0 <= start < end <= 1.0:
        raise refuse("the range of a band must have a start before its end, both from 0 to 1")


def _stays_stationary(c: float, duration: float) -> float:
    """Pr(|X(s)| <= c for 0 <= s <= duration), X stationary with covariance exp(-|s|).

    With v = sqrt(phi) u the generator u'' - x u' becomes the symmetric v'' - (x^2/4 - 1/2) v, v = 0 at -c and c; its matrix in
    the even cosines that vanish there is diagonalised.
    """
    terms = _FEW if duration >= _LONG else _TERMS
    generator = np.diag((_ODD[:terms] / c) ** 2 - 0.5) + 0.25 * c * c * _SQUARE[:terms, :terms]
    rate, vectors = np.linalg.eigh(generator)
    root_density = np.exp(-0.25 * (c * _NODES) ** 2) / (2.0 * pi) ** 0.25
    start = vectors.T @ (_COSINES[:terms] @ (_WEIGHTS * root_density)) * sqrt(c)
    return float(np.sum(np.exp(-rate * duration) * start**2))


def _bridge_stays(k: float, start: float, end: float) -> float:
    """Pr(|W0(u)| <= k for start <= u <= end): sum over modes of the killed motion between its laws at the two ends."""
    frequency = np.asarray(_ODD / k, dtype=np.float64)
    first, last = _overlap(frequency, k, start), _overlap(frequency, k, 1.0 - end)
    decay = np.exp(-0.5 * frequency**2 * (end - start))
    return float(sqrt(2.0 * pi) / k * np.sum(first * decay * last))


def _overlap(frequency: FloatArray, k: float, variance: float) -> FloatArray:
    """Integral over (-k, k) of the N(0, variance) density times cos(frequency x)."""
    if variance <= 0.0:
        return np.ones_like(frequency)
    spread = sqrt(variance)
    reach = min(k, 12.0 * spread)
    x, weight = reach * _NODES, reach * _WEIGHTS
    density = np.exp(-0.5 * (x / spread) ** 2) / (spread * sqrt(2.0 * pi))
    overlap: FloatArray = np.cos(np.outer(frequency, x)) @ (weight * density)
    return overlap


def _solve(stays: Callable[[float], float], conf_level: float) -> float:
    """The bound whose probability is conf_level: bisection on its logarithm, then false position (Illinois)."""
    low, high = log(1e-2), log(20.0)
    for _ in range(7):
        middle = 0.5 * (low + high)
        if stays(exp(middle)) < conf_level:
            low = middle
        else:
            high = middle
    below, above = stays(exp(low)) - conf_level, stays(exp(high)) - conf_level
    for _ in range(60):
        middle = (low * above - high * below) / (above - below)
        value = stays(exp(middle)) - conf_level
        if abs(value) < 1e-13 or high - low < 1e-14:
            return exp(middle)
        if value < 0.0:
            low, below, above = middle, value, 0.5 * above
        else:
            high, above, below = middle, value, 0.5 * below
    return exp(0.5 * (low + high))
