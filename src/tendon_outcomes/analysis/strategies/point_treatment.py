"""What was prescribed, compared: weighted curves, and four ways to the same difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.strategies import rails_causal as causal
from tendon_outcomes.analysis.strategies.design import ARMS, Design
from tendon_outcomes.analysis.strategies.mean_rows import asked_of, contrast_row, contrast_rows, incidence_rows
from tendon_outcomes.analysis.visit_grid import GriddedFollowUp
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.point_treatment.aipw import aipw
from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans
from tendon_outcomes.estimators.causal.point_treatment.g_computation import g_computation
from tendon_outcomes.estimators.causal.point_treatment.iptw_means import iptw_curves, iptw_means
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import (
    PseudoValues,
    incidence_outcomes,
    outcome_names,
    pseudo_values,
)
from tendon_outcomes.estimators.causal.point_treatment.tmle import tmle
from tendon_outcomes.estimators.causal.sustained.iptw_weekly import iptw_weekly_bootstrap
from tendon_outcomes.estimators.causal.weighting.balancing_weights import BalancingWeights
from tendon_outcomes.estimators.interval_censored.npmle import interval_censored_incidence
from tendon_outcomes.results import Row

POINT_TREATMENT, UNADJUSTED, OVERLAP_POPULATION = "point treatment", "unadjusted", "sensitivity: overlap population"
IPTW, IPTW_OVERLAP, IPTW_BOOTSTRAP = "IPTW", "IPTW, overlap population", "IPTW, bootstrap"
NPMLE = "interval-censored NPMLE"
FloatArray = NDArray[np.float64]
Means = Callable[[], ArmMeans]


@dataclass(frozen=True)
class Prescribed:
    """The runners whose prescription is known, as arrays for the estimators, with the days that can be answered."""

    design: Design
    days: tuple[int, ...]
    horizon: int | None

    @cached_property
    def arm(self) -> NDArray[np.int64]:
        return np.asarray(self.design.trial.treatment[self.design.known])

    @cached_property
    def outcome(self) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
        """left, right and cause."""
        data, known = self.design.trial.data, self.design.known
        return data.left[known], data.right[known], data.cause[known]

    @cached_property
    def patient(self) -> NDArray[np.int64]:
        return np.asarray(self.design.trial.patient[self.design.known])

    @cached_property
    def covariates(self) -> FloatArray:
        return np.asarray(self.design.trial.covariates[self.design.known])

    @cached_property
    def values(self) -> PseudoValues:
        return pseudo_values(*self.outcome, group=self.arm, days=self.days, horizon=self.horizon, cluster=self.patient)

    @property
    def conf_level(self) -> float:
        return self.design.trial.estimand.conf_level


def prescribed(design: Design) -> Prescribed:
    """The days of the protocol on which enough of both strategies were followed, and on which looks close a cell."""
    estimand, grid = design.trial.estimand, set(design.trial.data.grid_days)
    days = tuple(7 * week for week in estimand.at_weeks if 7 * week in grid and design.answers(7 * week))
    horizon = estimand.horizon_days
    return Prescribed(design, days, horizon if horizon in days or (horizon in grid and design.answers(horizon)) else None)


def unadjusted(design: Design) -> Iterator[Row]:
    """What happened under each prescription, nothing made comparable: curves, and the difference where any may be told."""
    who = prescribed(design)
    yield from unanswered_days(design)
    for arm, data in zip(ARMS, design.arms, strict=True):
        yield from _described(design, arm, data)
    if design.compares and (who.days or who.horizon):
        yield from _tried(who, UNADJUSTED, NPMLE, lambda: unadjusted_means(who))


def unanswered_days(design: Design) -> Iterator[Row]:
    """Refusals of the weeks that cannot be answered."""
    grid = set(design.trial.data.grid_days)
    for week in design.trial.estimand.at_weeks:
        if not design.answers(7 * week):
            yield causal.beyond(week, design.last_answerable_day // 7).refusal(estimator=NPMLE, day=7 * week)
        elif 7 * week not in grid:
            yield causal.between_looks(week).refusal(estimator=NPMLE, day=7 * week)


def _described(design: Design, arm: int, data: GriddedFollowUp) -> Iterator[Row]:
    """The curve of one arm as it was, where there are enough runners and events for one."""
    events = int(np.count_nonzero(data.cause == 1))
    name = design.strategies[arm]
    others = design.trial.n - sum(one.n for one in design.arms)
    small = causal.counts_only(data.n, events, of="the strategy", others=others)
    if small is not None:
        yield small.refusal(estimator=NPMLE, stratum=name)
        return
    fit = interval_censored_incidence(data.left, data.right, data.cause, cluster=data.patient)
    days = [day for day in data.grid_days if day <= min(design.last_answerable_day, fit.last_follow_up)]
    found = fit.lower(1, days)
    for index, day in enumerate(days):
        limits = (
            float(found.estimate[index]),
            float(found.std_error[index]),
            float(found.conf_low[index]),
            float(found.conf_high[index]),
        )
        milestone = day in asked_of(design)
        yield from incidence_rows(NPMLE, name, data, day, limits, milestone=milestone)


def unadjusted_means(who: Prescribed) -> ArmMeans:
    """The means of the two arms as they are."""
    columns, names = who.outcome, outcome_names(np.asarray(who.days, dtype=np.float64), who.horizon)
    mean, influence = np.empty((2, len(names[0]))), np.zeros((2, who.arm.size, len(names[0])))
    sizes = []
    for arm in ARMS:
        own = who.arm == arm
        fit = interval_censored_incidence(*(column[own] for column in columns))
        mean[arm], influence[arm, own] = incidence_outcomes(fit, np.asarray(who.days, dtype=np.float64), who.horizon)
        sizes.append(float(np.unique(who.patient[own]).size))
    return ArmMeans(
        UNADJUSTED, names[0], mean, influence, who.patient - who.patient.min(), np.array(sizes), who.conf_level, names[1]
    )


def point_treatment(design: Design) -> Iterator[Row]:
    """Differences, ratios and days gained by four estimators; a method that refuses is a row that says why.

    Among everyone where the rails allow it; among those who could have had either strategy always, as the answer where they
    do not.
    """
    who = prescribed(design)
    if design.model is None or not (who.days or who.horizon):
        return
    if design.everyone:
        yield from weighted_curves(who, design.model.everyone, IPTW)
        for name, method in methods(who).items():
            yield from _tried(who, POINT_TREATMENT, name, method)
        yield from _bootstrapped(who)
    if design.overlap_population:
        term = OVERLAP_POPULATION if design.everyone else POINT_TREATMENT
        weights = design.model.overlap_population
        if not design.everyone:
            yield from weighted_curves(who, weights, IPTW_OVERLAP)
        yield from _tried(who, term, IPTW_OVERLAP, lambda: weighted_means(who, weights))


def methods(who: Prescribed) -> dict[str, Means]:
    """The estimators of an effect among everyone, by name; each is computed when it is called."""
    model = who.design.model
    assert model is not None
    both: dict[str, Any] = {"outcome_covariates": who.covariates, "propensity_covariates": who.covariates}
    drawn: dict[str, Any] = {"folds": who.design.declared.folds, "seed": who.design.declared.seed}
    common: dict[str, Any] = {"cluster": who.patient, "conf_level": who.conf_level}
    return {
        IPTW: lambda: weighted_means(who, model.everyone),
        "g-computation": lambda: g_computation(
            who.values, who.arm, who.covariates, names=who.design.trial.covariate_names, **common
        ),
        "AIPW": lambda: aipw(who.values, who.arm, **both, **drawn, **common),
        "TMLE": lambda: tmle(who.values, who.arm, **both, **drawn, **common),
    }


def _bootstrapped(who: Prescribed) -> Iterator[Row]:
    """The whole weighting again in samples of patients: told where its standard error is more than 10 % off the stacked one.

    Without truncation and without penalty: what it shows beside them is their price too.
    """
    declared = who.design.declared
    try:
        stacked = methods(who)[IPTW]().difference()
        drawn = iptw_weekly_bootstrap(
            *who.outcome,
            who.arm,
            who.covariates,
            days=who.days,
            horizon=who.horizon,
            names=who.design.trial.covariate_names,
            cluster=who.patient,
            replicates=declared.replicates,
            seed=declared.seed,
            conf_level=who.conf_level,
        )
    except EstimationRefused as refused:
        yield causal.not_estimated(refused.summary).refusal(estimator=IPTW_BOOTSTRAP)
        return
    asked = [("incidence_difference", day) for day in who.days]
    asked += [("restricted_mean_difference", who.horizon)] if who.horizon is not None else []
    first = drawn.estimate.size - len(asked)
    for i, (statistic, day) in enumerate(asked):
        one, other = float(stacked.std_error[i]), float(drawn.std_error[first + i])
        if abs(other - one) <= causal.STANDARD_ERRORS_APART * one:
            continue
        limits = drawn.estimate[first + i], other, drawn.conf_low[first + i], drawn.conf_high[first + i]
        yield contrast_row(who.design, statistic, POINT_TREATMENT, IPTW_BOOTSTRAP, day, [float(number) for number in limits])
        yield causal.standard_errors_differ(day).caution(estimator=IPTW_BOOTSTRAP)


def weighted_means(who: Prescribed, weights: BalancingWeights) -> ArmMeans:
    """The weighted arms on the days asked for."""
    assert who.design.model is not None
    score = who.design.model.propensity
    asked: dict[str, Any] = {"days": who.days, "horizon": who.horizon, "cluster": who.patient, "conf_level": who.conf_level}
    return iptw_means(*who.outcome, who.arm, weights, score, **asked)


def weighted_curves(who: Prescribed, weights: BalancingWeights, estimator: str) -> Iterator[Row]:
    """The curve of each strategy on every day of the grid that can be answered, with the effective number still at risk."""
    design = who.design
    assert design.model is not None
    try:
        curves = iptw_curves(
            *who.outcome, who.arm, weights, design.model.propensity, cluster=who.patient, conf_level=who.conf_level
        )
    except EstimationRefused as refused:
        yield causal.not_estimated(refused.summary).refusal(estimator=estimator)
        return
    days = [(i, int(day)) for i, day in enumerate(curves.days) if day <= design.last_answerable_day]
    for arm, data in zip(ARMS, design.arms, strict=True):
        for i, day in days:
            numbers = (curves.estimate, curves.std_error, curves.conf_low, curves.conf_high)
            limits = tuple(float(number[arm, i]) for number in numbers)
            milestone = day in asked_of(design)
            yield from incidence_rows(estimator, design.strategies[arm], data, day, limits, milestone=milestone)
            yield Row(
                estimator=estimator,
                statistic="effective_at_risk",
                stratum=design.strategies[arm],
                term="curve",
                day=day,
                estimate=float(curves.effective_at_risk[arm, i]),
                n_at_risk=data.n_at_risk(day),
                n_events=data.n_events(day),
            )


def _tried(who: Prescribed, term: str, name: str, method: Means) -> Iterator[Row]:
    """The rows of one method, or its refusal."""
    try:
        means = method()
    except EstimationRefused as refused:
        yield causal.not_estimated(refused.summary).refusal(estimator=name)
        return
    yield from contrast_rows(who.design, means, term, name, days=who.days, horizon=who.horizon)
