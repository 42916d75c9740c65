"""What each row adds to a Fine-Gray fit, the estimated censoring distribution included."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, summed_by
from tendon_outcomes.estimators.regression.subdistribution import SubdistributionSample, SubdistributionSums, borne_by_rows


def score_influence(sample: SubdistributionSample, sums: SubdistributionSums) -> FloatArray:
    """(n, p) eta_i + psi_i of Fine & Gray (1999), section 4: own part of the score, and the part through the censoring curve."""
    event = np.flatnonzero(sample.code == 1)
    own: FloatArray = borne_by_rows(sample, sums.hazard[:, None] * sums.mean) - sample.x * sums.borne[:, None]
    own *= sums.score[:, None]
    own[event] += sample.x[event] - sums.mean[sample.day[event]]
    for g in range(sample.uncensored.shape[0]):
        gone, gone_x = _gone_before(sample, sums, g)
        seen = sample.uncensored[g] * sums.hazard
        pull = gone_x * _from_here_on(seen)[:, None] - gone[:, None] * _from_here_on(seen[:, None] * sums.mean)
        own += _through_censoring(sample, g, pull)
    return own


def hazard_influence(sample: SubdistributionSample, sums: SubdistributionSums, coefficient: FloatArray, last: int) -> FloatArray:
    """(n,) influence on the cumulative baseline hazard (of score 1) through day number `last`; -1 is before the first day.

    `coefficient` (n, p) is the influence on the coefficients. Four parts: the row's own events less its expected ones, each
    over the risk set of the day; the change of the scores; and the censoring curve's, as for the score.
    """
    upto = np.arange(sample.time.size) <= last
    inverse = np.divide(1.0, sums.s0, out=np.zeros_like(sums.s0), where=upto & (sample.n_events > 0.0))
    steps = sums.hazard * inverse
    event = np.flatnonzero(sample.code == 1)
    total: FloatArray = -sums.score * borne_by_rows(sample, steps)
    total[event] += inverse[sample.day[event]]
    total -= coefficient @ (np.where(upto, sums.hazard, 0.0) @ sums.mean)
    for g in range(sample.uncensored.shape[0]):
        gone, _ = _gone_before(sample, sums, g)
        pull = gone * _from_here_on(sample.uncensored[g] * steps)
        total += _through_censoring(sample, g, pull[:, None])[:, 0]
    return total


def _gone_before(sample: SubdistributionSample, sums: SubdistributionSums, g: int) -> tuple[FloatArray, FloatArray]:
    """(m,) and (m, p): score over G at the own day, and the same times x, of those of group g gone by another cause before."""
    mine = np.flatnonzero((sample.code == 2) & (sample.group == g))
    share = (sample.weight * sums.score / sample.own_uncensored)[mine]
    parts = np.column_stack([share, share[:, None] * sample.x[mine]])
    by_day = np.stack([summed_by(sample.day[mine], column, sample.time.size) for column in parts.T], axis=1)
    before = np.cumsum(by_day, axis=0) - by_day
    return before[:, 0], before[:, 1:]


def _through_censoring(sample: SubdistributionSample, g: int, pull: FloatArray) -> FloatArray:
    """(n, q) integral of pull(u) / Y(u) against the martingale of censoring of each row of group g; 0 for other groups."""
    at_risk = sample.n_at_risk[g]
    inverse = np.divide(1.0, at_risk, out=np.zeros_like(at_risk), where=at_risk > 0.0)
    drift = np.cumsum(pull * (sample.n_censored[g] * inverse * inverse)[:, None], axis=0)
    total = np.zeros((sample.day.size, pull.shape[1]))
    mine = np.flatnonzero(sample.group == g)
    total[mine] = -drift[sample.day[mine]]
    censored = mine[sample.code[mine] == 0]
    total[censored] += (pull * inverse[:, None])[sample.day[censored]]
    return total


def _from_here_on(increments: FloatArray) -> FloatArray:
    return np.asarray(increments[::-1].cumsum(axis=0)[::-1])
