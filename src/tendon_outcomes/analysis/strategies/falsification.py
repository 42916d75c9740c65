"""Checks whose true answer is known to be nothing: where the analysis finds something, it would find it elsewhere too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis.rails import MIN_EPISODES
from tendon_outcomes.analysis.strategies.assemble import declared_trial
from tendon_outcomes.analysis.strategies.falsification_records import change_of_running, measured, pain_before_start
from tendon_outcomes.analysis.strategies.plain_words import plain
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.analysis.strategies.week_twelve import DAY, Compared, compare
from tendon_outcomes.declarations.dag import Measure
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import pseudo_values
from tendon_outcomes.estimators.causal.sensitivity.adjusted_difference import AdjustedDifference, adjusted_difference
from tendon_outcomes.estimators.causal.sensitivity.dealt_weights import weighted_z
from tendon_outcomes.estimators.causal.sensitivity.permuted_strategy import permuted_strategy
from tendon_outcomes.estimators.causal.weighting.balancing_weights import balancing_weights
from tendon_outcomes.estimators.causal.weighting.propensity import propensity
from tendon_outcomes.results import WOULD_DO, Row, finite

Verdict = Literal["passes", "fails", "cannot be asked"]
FloatArray = NDArray[np.float64]

REGRESSION, DEALT = "weighted regression", "strategies dealt by their propensity"
DEALS = 200
MOST_REJECTED = 0.07
"""A comparison is calibrated when its 5 % test rejects 3 to 7 % of true nulls (reliability.md §1.2)."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its id, what was compared, the verdict with its numbers, of how many runners; why it cannot be asked.

    `fewest`: runners of the smaller of the two groups whose means are compared.
    """

    id: str
    says: str
    verdict: Verdict
    n: int
    estimator: str = REGRESSION
    estimate: float | None = None
    std_error: float | None = None
    conf_low: float | None = None
    conf_high: float | None = None
    p_value: float | None = None
    reason: str = ""
    fewest: int | None = None


def falsification(trial: Trial, *, seed: int, found: Compared | None = None) -> tuple[Check, ...]:
    """Ask every check, each a test at 1 - conf_level with the trial's weights and covariates.

    1. `pre_period_trend`: how running had changed before day 0 does not differ by strategy.
    2. `negative_control_outcome`: what neither strategy treats does not differ by it.
    3. `negative_control_exposure`: what was done before day 0 and does nothing does not go with recovery by week 12.
    4. `placebo_start`: of those who had not begun for a week, pain before the start does not differ by the strategy to come.
    5. `permuted_strategy`: strategies dealt at random, by the propensity, are called different about as rarely as promised.
    A check that fails says that runners differed by more than the covariates, or that the machinery is off. One that passes
    proves nothing: with few runners it sees little. ``found``: the trial as `compare` has weighed it, where that is done already.
    """
    try:
        found = found or compare(trial)
    except EstimationRefused as why:
        return (Check("all", "the strategies", "cannot be asked", 0, reason=plain(why.summary)),)
    return tuple(_tried(name, says, ask) for name, says, ask in _asked(found, seed))


def _asked(found: Compared, seed: int) -> Iterator[tuple[str, str, Callable[[], Check]]]:
    yield "pre_period_trend", "change of running before day 0", lambda: _pre_period(found)
    yield from _control_outcomes(found)
    yield from _control_exposure(found)
    yield "placebo_start", "change of pain before the strategy began", lambda: _placebo(found)
    yield "permuted_strategy", "strategies dealt at random", lambda: _permuted(found, seed)


def rows(checks: Iterable[Check]) -> Iterator[Row]:
    """A row a check, and the panel: fails with one failure, passes when all pass, else incomplete."""
    asked = tuple(checks)
    for one in asked:
        yield Row(
            estimator=one.estimator,
            statistic="falsification",
            stratum=one.verdict,
            term=one.id,
            estimate=one.estimate,
            std_error=one.std_error,
            conf_low=one.conf_low,
            conf_high=one.conf_high,
            n_at_risk=one.n,
            n_events=one.fewest,
            warning=f"{one.says}: {one.reason}" if one.reason else one.says,
        )
    yield Row(estimator="falsification panel", statistic="falsification_panel", term=panel(asked))


def panel(checks: Iterable[Check]) -> str:
    """passes, fails or incomplete."""
    verdicts = [one.verdict for one in checks]
    if "fails" in verdicts:
        return "fails"
    return "incomplete" if "cannot be asked" in verdicts or not verdicts else "passes"


def _tried(name: str, says: str, ask: Callable[[], Check]) -> Check:
    try:
        return ask()
    except EstimationRefused as why:
        return Check(name, says, "cannot be asked", 0, reason=plain(why.summary))


def _pre_period(found: Compared) -> Check:
    value = change_of_running(found.trial)
    return _by_strategy(found, "pre_period_trend", "change of running in the four weeks before day 0", value)


def _control_outcomes(found: Compared) -> Iterator[tuple[str, str, Callable[[], Check]]]:
    """The declared negative-control outcomes; without one the check cannot be asked."""
    declared = declared_trial(found.trial.estimand)
    name, says = "negative_control_outcome", "an outcome that no strategy changes"
    for node in declared.negative_control_outcomes or ("",):
        measures = declared.measures(node) if node else ()
        own = name if len(declared.negative_control_outcomes) < 2 else f"{name}: {node}"
        words = declared.dag.node[node].says if node else says
        yield own, words, lambda own=own, words=words, measures=measures: _control_outcome(found, own, words, measures)  # type: ignore[misc]


def _control_outcome(found: Compared, name: str, says: str, measures: tuple[Measure, ...]) -> Check:
    if not measures:
        return Check(name, says, "cannot be asked", 0, reason="the protocol declares none that is measured")
    return _by_strategy(found, name, says, measured(found.trial, measures[0]))


def _by_strategy(found: Compared, name: str, says: str, value: pl.Series, *, covariates: FloatArray | None = None) -> Check:
    """Whether a number differs by strategy, among those in whom it is recorded."""
    own = value.to_numpy()[found.rows]
    weight = np.where(np.isfinite(own), found.weights.weight, 0.0)
    arms = [int(np.count_nonzero((found.treatment == arm) & (weight > 0.0))) for arm in (0, 1)]
    if min(arms) < MIN_EPISODES:
        return _too_few(name, says, arms)
    x = found.covariates if covariates is None else covariates
    difference = adjusted_difference(
        np.where(weight > 0.0, own, 0.0),
        found.treatment == 1,
        np.where((weight > 0.0)[:, None], x, 0.0),
        weight=weight,
        cluster=found.patient,
        conf_level=found.trial.estimand.conf_level,
    )
    return _judged(name, says, difference, fewest=min(arms))


def _too_few(name: str, says: str, arms: list[int]) -> Check:
    reason = (
        f"recorded of fewer than {MIN_EPISODES} runners under a strategy. "
        f"{WOULD_DO}at least {MIN_EPISODES} under each in whom it is recorded."
    )
    return Check(name, says, "cannot be asked", min(arms), reason=reason)


def _judged(name: str, says: str, found: AdjustedDifference, *, fewest: int) -> Check:
    fails = found.p_value < 1.0 - found.conf_level
    return Check(
        id=name,
        says=says,
        verdict="fails" if fails else "passes",
        n=found.n,
        estimate=found.estimate,
        std_error=finite(found.std_error),
        conf_low=found.conf_low,
        conf_high=found.conf_high,
        p_value=found.p_value,
        fewest=fewest,
    )


def _control_exposure(found: Compared) -> Iterator[tuple[str, str, Callable[[], Check]]]:
    declared = declared_trial(found.trial.estimand)
    node = declared.negative_control_exposure
    says = declared.dag.node[node].says if node else "an exposure that does nothing"
    measures = declared.measures(node) if node else ()
    yield "negative_control_exposure", says, lambda: _exposure(found, says, measures)


def _exposure(found: Compared, says: str, measures: tuple[Measure, ...]) -> Check:
    """The same analysis of week 12 with the control in the place of the strategy: its own propensity, weights and covariates."""
    name = "negative_control_exposure"
    if not measures:
        return Check(name, says, "cannot be asked", 0, reason="the protocol declares none that is measured")
    exposed = measured(found.trial, measures[0]).to_numpy()
    told = np.flatnonzero(np.isfinite(exposed))
    arm = (exposed[told] > 0.0).astype(np.int64)
    groups = [int(np.count_nonzero(arm == one)) for one in (0, 1)]
    if min(groups) < MIN_EPISODES:
        return _too_few(name, says, groups)
    trial = found.trial
    x = trial.covariates[told]
    weights = balancing_weights(propensity(arm, x, names=trial.covariate_names), arm)
    data = trial.data
    value = pseudo_values(data.left[told], data.right[told], data.cause[told], days=[DAY]).value[:, 0]
    difference = adjusted_difference(
        value, arm, x, weight=weights.weight, cluster=trial.patient[told], conf_level=trial.estimand.conf_level
    )
    return _judged(name, says, difference, fewest=min(groups))


def _placebo(found: Compared) -> Check:
    """Adjusted by weight and for pain on day 0 alone: those who began late are too few for all covariates."""
    told = pain_before_start(found.trial)
    first = told["pain_0"].cast(pl.Float64).to_numpy()[found.rows][:, None]
    says = "change of pain before the strategy began"
    return _by_strategy(found, "placebo_start", says, told["value"].cast(pl.Float64), covariates=first)


def _permuted(found: Compared, seed: int) -> Check:
    """Values that do not know the strategies, so that dealing leaves nothing of their difference."""
    own = np.flatnonzero(found.weights.weight > 0.0)
    outcome = found.outcome
    value = pseudo_values(outcome.left[own], outcome.right[own], outcome.cause[own], days=[DAY]).value[:, 0]
    chance = found.propensity.probability[own]
    dealt = permuted_strategy(
        weighted_z(value, found.covariates[own], cluster=found.patient[own]),
        found.treatment[own],
        chance[:, 1] / (chance[:, 0] + chance[:, 1]),
        cluster=found.patient[own],
        replicates=DEALS,
        seed=seed,
    )
    return Check(
        id="permuted_strategy",
        says="share of strategies dealt at random that are called different",
        verdict="fails" if dealt.conf_low > MOST_REJECTED else "passes",
        n=int(own.size),
        estimator=DEALT,
        estimate=dealt.rejected,
        conf_low=dealt.conf_low,
        conf_high=dealt.conf_high,
    )
