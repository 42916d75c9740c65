"""Frailty selection beside an integral over the frailty: the same value at the maximum, and no slope left there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tendon_outcomes.estimators.regression.frailty.selection import frailty_selection
from tests.slow_reference.check import Check, Deviation, deviations
from tests.slow_reference.slow_frailty import days_in, frailty_log_likelihood
from tests.slow_reference.slow_parametric import slope

FLAT = 1e-6


class Rows(NamedTuple):
    """A small clinic with one covariate."""

    left: np.ndarray
    right: np.ndarray
    cause: np.ndarray
    weeks: np.ndarray
    x: np.ndarray
    variance: float
    before: float
    begins: tuple[float, ...]


def draw(rng: np.random.Generator) -> Rows:
    """Looks every four weeks, some skipped, a competing cause; short durations, so that most fits have finite rates."""
    n = int(rng.integers(24, 31))
    left = 28.0 * rng.integers(0, 4, n)
    cause = rng.choice([0, 1, 1, 2], n)
    cause[:10] = 1
    right = np.where(cause == 0, np.inf, np.where(cause == 1, left + 28.0 * rng.integers(1, 3, n), left + 9.0))
    weeks = np.round(2.0 ** rng.uniform(-1.0, 4.0, n), 1)
    variance = float(rng.choice([0.0, 0.3, 1.0, 2.0]))
    return Rows(
        left, right, cause, weeks, rng.integers(0, 3, n).astype(float), variance, float(rng.choice([0.5, 1.0])), (0.0, 56.0)
    )


def compare(rows: Rows) -> list[Deviation]:
    fit = frailty_selection(
        *rows[:4], rows.x, names=("x",), variances=(rows.variance,), pieces=rows.begins[1:], before=rows.before
    )
    if fit.unbounded[0]:
        return []  # tests/estimators holds the limit against finite rates
    end = np.where(rows.cause == 1, (rows.left + rows.right) / 2, rows.left)
    followed = np.sum([days_in(fit.pieces, float(day)) for day in end], axis=0)
    at = [*np.log(fit.rate[0]).tolist(), *fit.coefficients[0].estimate.tolist()]

    def value(b: object) -> float:
        return _value(rows, fit.pieces, (followed / followed.sum()).tolist(), fit.reference, b)  # type: ignore[arg-type]

    return [
        *deviations("reference", fit.reference, 2.0 ** np.log2(rows.weeks).mean()),
        *deviations("log-likelihood", fit.log_likelihood[0], value(at)),
        *deviations("slope", np.zeros(len(at)), slope(value, at), FLAT),
    ]


def _value(rows: Rows, begins: tuple[float, ...], shares: list[float], reference: float, b: list[float]) -> float:
    ends = np.where(rows.cause == 1, rows.right, np.inf)
    people = [(float(a), float(z), float(w), [float(x)]) for a, z, w, x in zip(rows.left, ends, rows.weeks, rows.x, strict=True)]
    return frailty_log_likelihood(rows.variance, people, begins, shares, rows.before, (reference, [float(rows.x.mean())]), b)


CHECKS: tuple[Check, ...] = (Check("frailty selection", draw, compare, share=0.02),)
