"""The likelihood of people selected by frailty from its definition: an integral over the frailty, no closed form."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, gamma, inf, isinf, log

from scipy.integrate import quad


def days_in(begins: Sequence[float], day: float) -> list[float]:
    """Days before `day` in each piece."""
    ends = [*begins[1:], inf]
    return [max(0.0, min(day, end) - begin) for begin, end in zip(begins, ends, strict=True)]


def averaged(variance: float, weight: float, low: float, high: float) -> float:
    """E[exp(-Z weight) (exp(-Z low) - exp(-Z high))] for gamma Z of mean 1; `high` may be infinite."""
    if variance == 0.0:
        return exp(-weight) * (exp(-low) - (0.0 if isinf(high) else exp(-high)))
    k = 1.0 / variance

    # With z = w^variance the density has no pole at 0, whatever the variance.
    def value(w: float) -> float:
        z = w**variance
        ill = exp(-z * (weight + low)) - (0.0 if isinf(high) else exp(-z * (weight + high)))
        return ill * exp(-k * z) * k**k / gamma(k) * variance

    return quad(value, 0.0, 1.0, epsabs=1e-14, epsrel=1e-12, limit=200)[0] + quad(value, 1.0, inf, epsabs=1e-14, epsrel=1e-12)[0]


def frailty_log_likelihood(
    variance: float,
    rows: Sequence[tuple[float, float, float, Sequence[float]]],
    begins: Sequence[float],
    shares: Sequence[float],
    before: float,
    centre: tuple[float, Sequence[float]],
    b: Sequence[float],
) -> float:
    """Sum over (left, right, weeks, covariates); `b`: log rates of the pieces, slope in log2(weeks), the covariates'.

    `centre`: the duration and the covariates at which the rates are those of the past.
    """
    k = len(begins)
    rates, slope, rest = [exp(v) for v in b[:k]], b[k], b[k + 1 :]
    mean_rate = sum(share * rate for share, rate in zip(shares, rates, strict=True))
    total = 0.0
    for left, right, weeks, x in rows:
        own = exp(sum(c * (v - m) for c, v, m in zip(rest, x, centre[1], strict=True)))
        past = before * mean_rate * 7.0 * weeks
        after = own * exp(slope * log(weeks / centre[0]) / log(2.0))
        low, high = (
            inf if isinf(day) else after * sum(r * d for r, d in zip(rates, days_in(begins, day), strict=True))
            for day in (left, right)
        )
        total += log(averaged(variance, past, low, high) / averaged(variance, past, 0.0, inf))
    return total
