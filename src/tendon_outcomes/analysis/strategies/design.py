"""Whether these records can compare the strategies at all, and by what: everything that is decided before any estimate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.rails import LOSS_DAY, MIN_EPISODES, Rail, followed_enough
from tendon_outcomes.analysis.strategies import rails_causal as causal
from tendon_outcomes.analysis.strategies.assemble import declared_trial
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.analysis.visit_grid import GriddedFollowUp
from tendon_outcomes.declarations.target_trial import TargetTrial
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.weighting.balance import Balance, balance
from tendon_outcomes.estimators.causal.weighting.balancing_weights import BalancingWeights, balancing_weights
from tendon_outcomes.estimators.causal.weighting.overlap import Overlap, overlap
from tendon_outcomes.estimators.causal.weighting.propensity import Propensity, propensity
from tendon_outcomes.results import Row

DESIGN = "design of the comparison"
ARMS = (0, 1)
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class PropensityModel:
    """Who was prescribed what, and the weights that follow. `weight` of the runners whose treatment is known, in their order."""

    propensity: Propensity
    everyone: BalancingWeights
    overlap_population: BalancingWeights
    overlap: Overlap
    before: Balance
    after: Balance


@dataclass(frozen=True)
class Design:
    """A trial with the rails it met.

    `trial` has the covariates that its size bears, `dropped` the nodes of the adjustment set that it does not. `rows`: refusals
    and cautions. `model` is None where none is fitted. What may be given: `compares` (any contrast), `everyone`
    (an effect among everyone), `overlap_population` (among those who could have had either), `sustains` (what was done).
    """

    trial: Trial
    model: PropensityModel | None
    rows: tuple[Row, ...]
    dropped: tuple[str, ...]
    compares: bool
    everyone: bool
    overlap_population: bool
    sustains: bool

    @cached_property
    def declared(self) -> TargetTrial:
        return declared_trial(self.trial.estimand)

    @property
    def strategies(self) -> tuple[str, str]:
        return self.declared.strategies

    @property
    def contrast(self) -> str:
        """The stratum of contrasts: compared less reference."""
        return self.declared.contrast

    @cached_property
    def known(self) -> BoolArray:
        """Runners whose prescription is known."""
        return np.asarray(self.trial.treatment >= 0)

    @cached_property
    def arms(self) -> tuple[GriddedFollowUp, GriddedFollowUp]:
        """The follow-up of the runners who were prescribed each strategy."""
        return part_of(self.trial, 0), part_of(self.trial, 1)

    def answers(self, day: int) -> bool:
        """Whether enough of both strategies were followed to the day."""
        return all(followed_enough(arm.n, arm.n_just_before(day), arm.n_known(day)) for arm in self.arms)

    @property
    def last_answerable_day(self) -> int:
        return max((day for day in self.trial.data.grid_days if self.answers(day)), default=0)


def part_of(trial: Trial, arm: int) -> GriddedFollowUp:
    """The follow-up of one arm."""
    own, data = trial.treatment == arm, trial.data
    return replace(
        data, left=data.left[own], right=data.right[own], cause=data.cause[own], patient=data.patient[own], lost=data.lost[own]
    )


def examine(trial: Trial) -> Design:
    """Ask every rail that needs no estimate.

    1. Nobody under a strategy, too few runners or events, by episodes or persons: counts, or a description, and no comparison.
    2. Too few runners for each parameter of the model of prescription: the last nodes of the adjustment set are given up, and
       said; with too few for the first it is refused. Between 5 and 10 for each parameter it has Firth's penalty.
    3. Positivity, weights, effective sizes, balance, loss: in this order; each says what would do.
    4. More than 40 % of the weeks unknown: what was done is not compared.
    """
    declared = declared_trial(trial.estimand)
    arms = [part_of(trial, arm) for arm in ARMS]
    n, events = [arm.n for arm in arms], [int(np.count_nonzero(arm.cause == 1)) for arm in arms]
    rows: list[Row] = []
    sustains = not (note := list(_unlogged(trial, declared)))
    rows += note
    small = _too_small(arms, n, events, others=trial.n - sum(n))
    if small is not None:
        return _none(trial, [small.refusal(estimator=DESIGN), *rows])
    trial, dropped = with_nodes_that_fit(trial, min(n))
    parameters = trial.covariates.shape[1] + 1
    rail = causal.per_parameter(min(n), parameters, trial.n, dropped=dropped)
    if rail is not None and rail.code == causal.TOO_MANY_PARAMETERS:
        return _none(trial, [rail.refusal(estimator=DESIGN), *rows])
    if rail is not None:
        rows.append(rail.caution(estimator=DESIGN))
    rows += _loss(arms, trial)
    try:
        model = fitted_model(trial, declared, firth=min(n) < causal.FIRTH_PER_PARAMETER * parameters)
    except EstimationRefused as refused:
        return _none(trial, [*rows, causal.not_estimated(refused.summary).refusal(estimator=DESIGN)])
    return _judged(trial, model, rows, dropped, sustains=sustains)


def _too_small(arms: list[GriddedFollowUp], n: list[int], events: list[int], *, others: int) -> Rail | None:
    """The first reason, if any, not to compare: an empty strategy, too few episodes or events, too few persons behind them."""
    return (
        causal.one_strategy_only(n)
        or causal.counts_only(sum(n), sum(events), others=others)
        or causal.descriptive_only(sum(n), events, others=others)
        or causal.descriptive_only(*_people(arms), others=others)
    )


def _people(arms: list[GriddedFollowUp]) -> tuple[int, list[int]]:
    """Runners of the two strategies, and those with an event in each: both sides of one runner are one person."""
    everybody = np.unique(np.concatenate([arm.patient for arm in arms]))
    return everybody.size, [int(np.unique(arm.patient[arm.cause == 1]).size) for arm in arms]


def with_nodes_that_fit(trial: Trial, smallest: int) -> tuple[Trial, tuple[str, ...]]:
    """The trial with as many nodes of its adjustment set, in the declared order, as its smaller strategy bears; and the others.

    The protocol names the most important first. The first node always stays: whether it fits is a rail of its own.
    """
    nodes = tuple(dict.fromkeys(trial.covariate_nodes))
    kept = nodes
    while len(kept) > 1:
        columns = sum(node in kept for node in trial.covariate_nodes)
        if smallest >= causal.REFUSE_PER_PARAMETER * (columns + 1):
            break
        kept = kept[:-1]
    if kept == nodes:
        return trial, ()
    chosen = [i for i, node in enumerate(trial.covariate_nodes) if node in kept]
    covariates, names = np.ascontiguousarray(trial.covariates[:, chosen]), tuple(trial.covariate_names[i] for i in chosen)
    fewer = replace(
        trial,
        covariates=covariates,
        covariate_names=names,
        covariate_nodes=tuple(trial.covariate_nodes[i] for i in chosen),
        sample=replace(trial.sample, baseline=covariates, baseline_names=names),
    )
    return fewer, nodes[len(kept) :]


def _none(trial: Trial, rows: list[Row]) -> Design:
    return Design(trial, None, tuple(rows), (), compares=False, everyone=False, overlap_population=False, sustains=False)


def fitted_model(trial: Trial, declared: TargetTrial, *, firth: bool) -> PropensityModel:
    """The model of prescription with its weights; where a strategy is certain for some it is fitted with Firth's penalty."""
    known = trial.treatment >= 0
    arm, x = trial.treatment[known], trial.covariates[known]
    try:
        score = propensity(arm, x, names=trial.covariate_names, firth=firth)
    except EstimationRefused:
        if firth:
            raise
        score = propensity(arm, x, names=trial.covariate_names, firth=True)
    low, high = causal.PROPENSITY_RANGE
    everyone = balancing_weights(score, arm, truncate=declared.truncate)
    return PropensityModel(
        propensity=score,
        everyone=everyone,
        overlap_population=balancing_weights(score, arm, target="overlap"),
        overlap=overlap(score, arm, low=low, high=high),
        before=balance(x, arm, names=trial.covariate_names),
        after=balance(x, arm, weight=everyone.weight, names=trial.covariate_names),
    )


def _judged(trial: Trial, model: PropensityModel, rows: list[Row], dropped: tuple[str, ...], *, sustains: bool) -> Design:
    """Positivity, weights, effective sizes and balance of a fitted model."""
    names = declared_trial(trial.estimand).strategies
    n = int(model.everyone.n_by_arm.sum())
    shared = float(2 * model.overlap_population.effective_n.min())
    nothing = causal.no_overlap(shared, n)
    apart = causal.positivity(model.overlap.share_outside, model.overlap.common_support, overlap_n=shared, n=n)
    found: list[tuple[Rail | None, str]] = [(nothing, "refusal"), (apart, "refusal")]
    found.append((causal.one_treatment_only(_patterns(model.overlap)), "caution"))
    found.append((causal.strategies_apart(model.overlap.coefficient, model.overlap.coefficient_if_alike), "caution"))
    everyone = apart is None and nothing is None
    if everyone:
        found.append((causal.extreme_weights(model.everyone.largest, model.everyone.mean), "caution"))
        found.append((causal.imbalance(model.after.over(causal.MAX_IMBALANCE)), "caution"))
    made = [_row(rail, kind) for rail, kind in found if rail is not None]
    for arm in ARMS if everyone else ():
        rail = causal.effective_size(float(model.everyone.effective_n[arm]), int(model.everyone.n_by_arm[arm]), trial.n)
        if rail is not None:
            refuses = rail.code == "effective_size"
            everyone = everyone and not refuses
            made.append(_row(rail, "refusal" if refuses else "caution", stratum=names[arm]))
    return Design(
        trial,
        model,
        (*rows, *made),
        dropped,
        compares=nothing is None,
        everyone=everyone,
        overlap_population=nothing is None,
        sustains=sustains and apart is None and nothing is None,
    )


def _row(rail: Rail, kind: str, *, stratum: str = "all") -> Row:
    asked: Callable[..., Row] = rail.refusal if kind == "refusal" else rail.caution
    return asked(estimator=DESIGN, stratum=stratum)


def _patterns(found: Overlap) -> tuple[str, ...]:
    """The covariates of patterns with one treatment only, without their values."""
    return tuple(dict.fromkeys(" with ".join(pattern.names) for pattern in found.patterns))


def _unlogged(trial: Trial, declared: TargetTrial) -> Iterator[Row]:
    unknown, weeks = unknown_weeks(trial, declared)
    rail = causal.unlogged(unknown, weeks, sustain_weeks=declared.sustain_weeks)
    if rail is not None:
        yield rail.refusal(estimator="sustained strategies")


def unknown_weeks(trial: Trial, declared: TargetTrial) -> tuple[int, int]:
    """Of the weeks in which a strategy has to be followed, and until the end of follow-up: how many are unknown, and all."""
    last = np.where(trial.sample.cause == 0, trial.sample.left, np.minimum(trial.sample.right, trial.sample.weeks))
    weeks = np.arange(1, declared.sustain_weeks + 1)
    asked = weeks[None, :] <= last[:, None]
    unknown = trial.sample.state[:, : declared.sustain_weeks] < 0
    return int(np.count_nonzero(asked & unknown)), int(np.count_nonzero(asked))


def _loss(arms: list[GriddedFollowUp], trial: Trial) -> Iterator[Row]:
    early = [int(np.count_nonzero(arm.lost & (arm.left < LOSS_DAY))) for arm in arms]
    rail = causal.loss_of_strategies(early, [arm.n for arm in arms])
    if rail is not None:
        yield rail.caution(estimator=DESIGN)
    rail = causal.loss_follows_pain(_pain_of_the_lost(trial))
    if rail is not None:
        yield rail.caution(estimator=DESIGN)


def _pain_of_the_lost(trial: Trial) -> float:
    """Mean pain on day 0 of those lost less that of the others, in standard errors; 0 where nothing can be told."""
    if not trial.sample.varying_names or not trial.data.lost.any() or trial.data.lost.all():
        return 0.0
    pain, lost = trial.sample.varying[:, 0, 0], trial.data.lost
    groups = [pain[lost], pain[~lost]]
    if min(group.size for group in groups) < MIN_EPISODES:
        return 0.0
    error = float(np.sqrt(sum(group.var(ddof=1) / group.size for group in groups)))
    return float(groups[0].mean() - groups[1].mean()) / error if error > 0 else 0.0
