"""Time since onset: who enters when, who is left out, and curves that hold among those still ill."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.interval_censored.npmle import interval_censored_incidence
from tendon_outcomes.estimators.regression.cox.fit import cox
from tendon_outcomes.estimators.regression.frailty.since_onset import since_onset

INF = np.inf
GRID = 14.0 * np.arange(1, 14)


def test_nine_rows_by_hand() -> None:
    # Exact, weeks since onset from week 6, a look every two weeks: entries and ends by hand.
    rows = [
        (28, 42, 1, 10.0),  # first seen at 10: in at 10, recovered in (14, 16]
        (28, 42, 1, 3.0),  # first look at or after 6 is week 4, that is 7: in at 7, recovered in (7, 9]
        (14, 28, 1, 3.0),  # recovered by 7, when he would have entered: before
        (14, 42, 1, 3.0),  # the look at 7 was skipped: nobody knows
        (0, INF, 0, 10.0),  # never looked at again
        (28, INF, 0, 3.0),  # not looked at after 7
        (182, INF, 0, 3.4),  # rounded to 3: in at 7, still ill at 29
        (29, 30, 2, 10.0),  # competing event on day 30: in at 10, out in week 15
        (5, 6, 2, 3.0),  # competing event before he would have entered
    ]
    made = since_onset(*map(list, zip(*rows, strict=True)), grid=GRID)
    assert made.kept.tolist() == [0, 1, 6, 7]
    assert made.entry.tolist() == [10, 7, 7, 10]
    assert made.left.tolist() == [14, 7, 29, 14]
    assert made.right.tolist() == [16, 9, INF, 15]
    assert made.cause.tolist() == [1, 1, 0, 2]
    assert (made.n_before, made.n_between, made.n_unseen) == (2, 1, 2)
    assert made.n_after == 0
    assert made.time.tolist() == [16, 9, 29, 15]
    assert made.event.tolist() == [True, True, False, False]


def test_everybody_from_the_onset_is_the_sample_itself() -> None:
    # Exact: all come at once (rounded to week 0) and everybody enters at 0.
    made = since_onset([0, 14, 28], [14, 28, INF], [1, 1, 0], [0.1, 0.2, 0.3], grid=GRID, from_week=0.0)
    assert made.entry.tolist() == [0, 0, 0]
    assert made.left.tolist() == [0, 2, 4]
    assert made.right.tolist() == [2, 4, INF]


def test_a_last_week_censors_at_the_look_before_it() -> None:
    # Exact: looks at weeks 12, 14, 16, ... of the runner seen at 10; through week 15 the last one is 14. Who comes at 15 is out.
    made = since_onset([0, 28, 42, 0], [14, 42, INF, 14], [1, 1, 0, 1], [10, 10, 10, 15], grid=GRID, through_week=15)
    assert made.cause.tolist() == [1, 0, 0]
    assert made.left.tolist() == [10, 14, 14]
    assert made.right.tolist() == [12, INF, INF]
    assert made.n_after == 1


def test_nobody_left_is_refused() -> None:
    # Exact: the only recovery is over before week 6.
    with pytest.raises(EstimationRefused, match="none of 1 rows followed from week 6 after onset"):
        since_onset([0, 28], [14, INF], [1, 0], [1.0, 8.0], grid=GRID)


def prevalent(seed: int, n: int) -> tuple[np.ndarray, ...]:
    """Gamma frailty of variance 1, 1 in 20 weeks since onset; first seen at a random duration if still ill, then weekly looks."""
    rng = np.random.default_rng(seed)
    weeks = np.rint(np.exp(rng.normal(np.log(19.6), 1.05, 30 * n)))
    recovery = rng.exponential(20.0 / rng.gamma(1.0, 1.0, weeks.size))
    here = np.flatnonzero((recovery > weeks) & (weeks >= 1))[:n]
    look = np.ceil(recovery[here] - weeks[here])
    seen = look <= 26
    return np.where(seen, 7 * look - 7, 182.0), np.where(seen, 7 * look, INF), seen.astype(int), weeks[here]


def test_the_incidence_among_those_still_ill_at_six_weeks() -> None:
    # Simulation against exact: T > t has probability 1 / (1 + t / 20), so given T > 6 it is 26 / (20 + t); 60 clinics of 300.
    asked, found, held = np.array([12.0, 26.0, 52.0]), [], []
    for seed in range(60):
        left, right, cause, weeks = prevalent(seed, 300)
        made = since_onset(left, right, cause, weeks, grid=7.0 * np.arange(1, 27), through_week=56)
        fit = interval_censored_incidence(made.left, made.right, made.cause, entry=made.entry)
        at = fit.lower(1, asked)
        truth = 1.0 - 26.0 / (20.0 + asked)
        found.append(at.estimate - truth)
        held.append((at.conf_low <= truth) & (truth <= at.conf_high))
    error = np.std(found, axis=0, ddof=1) / np.sqrt(60)
    assert (np.abs(np.mean(found, axis=0)) <= 3.0 * error + 1e-3).all()
    assert (np.mean(held, axis=0) >= 0.95 - 3.0 * np.sqrt(0.95 * 0.05 / 60)).all()


def test_cox_takes_the_rows() -> None:
    # Simulation against exact: a covariate that is pure noise; everybody enters late. The limits hold 0 in this seed.
    left, right, cause, weeks = prevalent(7, 400)
    made = since_onset(left, right, cause, weeks, grid=7.0 * np.arange(1, 27))
    noise = np.random.default_rng(1).normal(size=400)[made.kept]
    fit = cox(made.time, made.event, noise, entry=made.entry)
    assert fit.coefficients.conf_low[0] < 0.0 < fit.coefficients.conf_high[0]
