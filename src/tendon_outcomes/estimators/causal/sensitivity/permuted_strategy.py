"""Whether a comparison that is given strategies dealt at random finds something as seldom as it says it would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.observations import FloatArray, IntArray, checked_level, one_dimensional, refuse, summed_by
from tendon_outcomes.estimators.resampling.draws import checked_seed, checked_sizes, generator_of
from tendon_outcomes.estimators.special_functions import beta_quantile

SWEEPS = 50  # rounds of pairs between two deals, as in the paper's experiments
AT_ONCE = 16  # deals whose z-values are computed together


@dataclass(frozen=True, slots=True, eq=False)
class PermutedStrategy:
    """How often a comparison of dealt strategies was called a difference: `rejected` of `deals`, with exact limits.

    `mean` and `spread` are those of the dealt z-values, 0 and 1 for a calibrated comparison; `observed` is the z-value of the
    real strategies and `p_value` its place among the dealt ones.
    """

    rejected: float
    conf_low: float
    conf_high: float
    deals: int
    mean: float
    spread: float
    observed: float
    p_value: float
    conf_level: float
    z: FloatArray = field(repr=False)


def permuted_strategy(
    z: Callable[[IntArray], FloatArray],
    treatment: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    cluster: npt.ArrayLike | None = None,
    replicates: int = 200,
    seed: int,
    level: float = 0.95,
    conf_level: float = 0.95,
) -> PermutedStrategy:
    """The size of a comparison's own test when strategies are dealt anew, to each runner by the propensity that he has.

    Estimand
        The probability that the comparison's interval at `level` excludes no difference when nothing but the propensity decides
        who has which strategy.
    Estimator
        Conditional permutation: the labels dealt anew with probability proportional to the product of each one's propensity, the
        number of each strategy kept. Pairs are drawn at random and change places with odds of their propensities, in 50 rounds
        from the real labels to a start, and in 50 more from it to each deal. The share of deals with |z| above the normal
        quantile.
    Interval
        Clopper-Pearson over the deals, at `conf_level`. p: (1 + number with |z| at least the observed) / (1 + deals).
    Conventions
        Clusters are dealt as one, with the product of their odds; where a cluster has both strategies rows are dealt on their
        own. Equal propensities: an ordinary permutation. Bands of the propensity are not used: within a band it still differs,
        and dealing as if it did not moves the mean of z away from 0.
    Assumes
        The propensity.
    Not for
        Confounding that nobody measured: dealing breaks that too. It says whether the machinery is calibrated on these records.
    Parameters
        z: (b, n) strategies 0 and 1 to b signed z-values, everything refitted. treatment: n labels 0 and 1. score: n
        probabilities of 1, strictly between 0 and 1.
    Returns
        PermutedStrategy.
    References
        Berrett, Wang, Barber & Samworth (2020) J R Stat Soc B 82:175, algorithm 1 (pairwise sampler, exchangeable deals);
        Rosenbaum (1984) JASA 79:565 (permutation given the propensity score).
    Checked
        Exact (the distribution of the deals of four rows, equal propensities), simulation (size of a calibrated z and of one with
        half its error): tests/estimators/test_permuted_strategy.py.
    """
    arm, e = _checked(treatment, score)
    reach, share, start = two_sided_z(checked_level(level)), checked_level(conf_level), checked_seed(seed)
    checked_sizes(replicates, AT_ONCE, 1)
    units = _units(arm, cluster)
    first = arm[np.unique(units, return_index=True)[1]].astype(np.int64)
    log_odds = summed_by(units, np.log(e) - np.log1p(-e), first.size)
    dealt = deal(first, log_odds, replicates, start)[:, units]
    values = np.concatenate([_values(z, dealt[i : i + AT_ONCE]) for i in range(0, replicates, AT_ONCE)])
    observed = float(_values(z, arm.astype(np.int64)[None, :])[0])
    if not np.isfinite([*values, observed]).all():
        raise refuse(f"the statistic does not exist for {int(np.count_nonzero(~np.isfinite(values)))} deals of the labels")
    far = int(np.count_nonzero(np.abs(values) > reach))
    half = (1.0 - share) / 2.0
    low = float(beta_quantile(half, far, replicates - far + 1)) if far else 0.0
    high = float(beta_quantile(1.0 - half, far + 1, replicates - far)) if far < replicates else 1.0
    beyond = int(np.count_nonzero(np.abs(values) >= abs(observed) * (1.0 - 1e-9)))
    return PermutedStrategy(
        rejected=far / replicates,
        conf_low=low,
        conf_high=high,
        deals=replicates,
        mean=float(values.mean()),
        spread=float(values.std()),
        observed=observed,
        p_value=(1 + beyond) / (1 + replicates),
        conf_level=share,
        z=values,
    )


def deal(labels: IntArray, log_odds: FloatArray, replicates: int, seed: int) -> IntArray:
    """(replicates, n) deals of the labels 0 and 1, each unit's odds of 1 as given and the number of ones kept."""
    rng = generator_of(seed)
    hub = _swept(labels[None, :], log_odds, rng)
    return _swept(np.repeat(hub, replicates, axis=0), log_odds, rng)


def _swept(labels: IntArray, log_odds: FloatArray, rng: np.random.Generator) -> IntArray:
    dealt, pairs = labels.copy(), labels.shape[1] // 2
    chain, every = np.arange(len(dealt))[:, None], np.tile(np.arange(labels.shape[1]), (len(dealt), 1))
    for _ in range(SWEEPS):
        order = rng.permuted(every, axis=1)
        one, other = order[:, :pairs], order[:, pairs : 2 * pairs]
        a, b = dealt[chain, one], dealt[chain, other]
        # Changing places multiplies the probability by odds(other)/odds(one) when `one` has the 1, and the reverse.
        gain = (a - b) * (log_odds[other] - log_odds[one])
        change = rng.random(gain.shape) < 0.5 * (1.0 + np.tanh(0.5 * gain))
        dealt[chain, one], dealt[chain, other] = np.where(change, b, a), np.where(change, a, b)
    return dealt


def _values(z: Callable[[IntArray], FloatArray], labels: IntArray) -> FloatArray:
    values = np.asarray(z(labels), dtype=np.float64).reshape(-1)
    if values.size != labels.shape[0]:
        raise refuse(f"the statistic gives {values.size} values for {labels.shape[0]} deals")
    return values


def _checked(treatment: npt.ArrayLike, score: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    arm, e = one_dimensional("treatment", treatment), one_dimensional("score", score)
    if arm.size != e.size or not arm.size:
        raise refuse(f"`score` has {e.size} values for {arm.size} rows")
    if set(np.unique(arm).tolist()) != {0.0, 1.0}:
        raise refuse("`treatment` must be 0 and 1, and hold both")
    wrong = int(np.count_nonzero(~((e > 0.0) & (e < 1.0))))
    if wrong:
        raise refuse(f"{wrong} of {arm.size} scores are not probabilities between 0 and 1")
    return arm, e


def _units(arm: FloatArray, cluster: npt.ArrayLike | None) -> IntArray:
    """The unit that each row is dealt with: its cluster, or itself when there are none or one of them has both strategies."""
    if cluster is None:
        return np.arange(arm.size)
    number = np.unique(np.asarray(cluster), return_inverse=True)[1]
    if number.size != arm.size:
        raise refuse(f"`cluster` has {number.size} values for {arm.size} rows")
    ones, rows = np.bincount(number, arm), np.bincount(number)
    torn = bool(((ones > 0) & (ones < rows)).any())
    return np.arange(arm.size) if torn else number.astype(np.int64)
