"""Efron's sums over the events of a day: exact term by term for few events, by Euler and Maclaurin's formula for many."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, IntArray
from tendon_outcomes.estimators.regression.cox.sorted_rows import SortedRows

FAR_ENOUGH = 24.0  # From here on the formula with four corrections is exact to 2e-16 of the first term left out.


class TiedSums(NamedTuple):
    """Per cell, with phi_l = s - (l/d) e, l = 0..d - 1, s the risk set's and e the events' sum of scores.

    log: sum log phi. inverse: sum 1/phi. once: sum (l/d)/phi. square, square_once, square_twice: sum (l/d)^j / phi^2.
    """

    log: FloatArray
    inverse: FloatArray
    once: FloatArray
    square: FloatArray
    square_once: FloatArray
    square_twice: FloatArray


def breslow_sums(s: FloatArray, d: FloatArray) -> TiedSums:
    """Every event of a day compared with the whole risk set."""
    inverse, zero = d / s, np.zeros_like(s)
    return TiedSums(d * np.log(s), inverse, zero, inverse / s, zero, zero)


def efron_sums(rows: SortedRows, s: FloatArray, e: FloatArray) -> TiedSums:
    """The l-th of d tied events compared with the risk set less the share l/d of the events."""
    inverse = 1.0 / s
    found = np.zeros((6, s.size))
    found[0], found[1], found[3] = np.log(s), inverse, inverse * inverse
    tied = rows.tied
    if tied.size:
        d = rows.n_events[tied]
        s, e = s[tied], e[tied]
        if rows.fraction is not None:
            found[:, tied] = _term_by_term(rows.fraction, rows.tied_start, s.repeat(d), e.repeat(d))
        else:
            far = d * (s - e) > FAR_ENOUGH * e
            found[:, tied[far]] = _euler_maclaurin(d[far].astype(np.float64), s[far], e[far])
            near = np.flatnonzero(~far)
            if near.size:
                found[:, tied[near]] = _few(d[near], s[near], e[near])
    return TiedSums(*found)


def _few(d: IntArray, s: FloatArray, e: FloatArray) -> FloatArray:
    start = np.cumsum(d) - d
    fraction = (np.arange(int(d.sum())) - np.repeat(start, d)) / np.repeat(d, d)
    return _term_by_term(fraction, start, s.repeat(d), e.repeat(d))


def _term_by_term(fraction: FloatArray, start: IntArray, s: FloatArray, e: FloatArray) -> FloatArray:
    phi = s - fraction * e
    terms = np.empty((6, phi.size))
    np.log(phi, out=terms[0])
    inverse = np.divide(1.0, phi, out=terms[1])
    once = np.multiply(fraction, inverse, out=terms[2])
    np.multiply(inverse, inverse, out=terms[3])
    np.multiply(once, inverse, out=terms[4])
    np.multiply(once, once, out=terms[5])
    return np.asarray(np.add.reduceat(terms, start, axis=1))


def _euler_maclaurin(d: FloatArray, s: FloatArray, e: FloatArray) -> FloatArray:
    """With z = d s / e, phi_l = (e/d) (z - l): sums over l = 0..d - 1 of log(1 - l/z), 1/(z - l) and 1/(z - l)^2.

    Each is the integral from 0 to d, half the difference of the ends, and corrections B_2j/(2j)! times differences of odd
    derivatives at the ends; far from z = d these fall like (z - d)^-2j.
    """
    z = d * s / e
    near, far = 1.0 / (z - d), 1.0 / z
    near2, far2 = near * near, far * far
    logs = np.log1p(-d * far)
    one = -logs + 0.5 * (far - near) + _tail(near2, 1 / 12, -1 / 120, 1 / 252, -1 / 240)
    one -= _tail(far2, 1 / 12, -1 / 120, 1 / 252, -1 / 240)
    two = d * near * far + 0.5 * (far2 - near2) + near * _tail(near2, 1 / 6, -1 / 30, 1 / 42, -1 / 30)
    two -= far * _tail(far2, 1 / 6, -1 / 30, 1 / 42, -1 / 30)
    product = -(z - d) * logs - d - 0.5 * logs
    product -= near * _tail_of_log(near2) - far * _tail_of_log(far2)
    unit = d / e
    return np.stack(
        [
            d * np.log(s) + product,
            unit * one,
            (z * one - d) / e,
            unit * unit * two,
            unit * (z * two - one) / e,
            (z * (z * two - 2.0 * one) + d) / (e * e),
        ]
    )


def _tail(q: FloatArray, a: float, b: float, c: float, d: float) -> FloatArray:
    return q * (a + q * (b + q * (c + q * d)))


def _tail_of_log(q: FloatArray) -> FloatArray:
    return 1 / 12 + q * (-1 / 360 + q * (1 / 1260 - q / 1680))
