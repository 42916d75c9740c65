"""What strategies differ by at each duration, as prescribed: absolute first, then the ratio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.chronicity import rails
from tendon_outcomes.analysis.chronicity.assemble import Chronicity, Covariates, covariates_of, scarcer_among
from tendon_outcomes.analysis.chronicity.duration_rows import Beside, OverDurations, rows_over
from tendon_outcomes.analysis.chronicity.examine import Examined
from tendon_outcomes.analysis.chronicity.places import Places, places
from tendon_outcomes.analysis.rails import Rail
from tendon_outcomes.analysis.strategies.assemble import prescribed
from tendon_outcomes.analysis.strategies.rails_causal import MIN_STRATEGY_EVENTS, MIN_TRIAL, descriptive_only, not_estimated
from tendon_outcomes.declarations import AdjustmentSet, TargetTrial
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.exposure.effect_by_exposure import EffectByExposure, effect_by_exposure
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import pseudo_values
from tendon_outcomes.results import Row, finite

BY_DURATION = "g-computation by duration"
ARMS = (0, 1)
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Prescribed:
    """The runners who were prescribed either strategy, in the sample's arrays."""

    case: Chronicity
    trial: TargetTrial
    arm: NDArray[np.int64] = field(repr=False)
    covariates: Covariates
    day: int

    @property
    def n(self) -> tuple[int, ...]:
        return tuple(int(np.count_nonzero(self.arm == one)) for one in ARMS)

    @property
    def events(self) -> tuple[int, ...]:
        reached = (self.case.data.cause == 1) & (self.case.data.right <= self.day)
        return tuple(int(np.count_nonzero(reached & (self.arm == one))) for one in ARMS)

    @property
    def scarcer(self) -> int:
        """Runners of a strategy who reached the endpoint by the day, or are known to be without it, where they are fewest."""
        return min(scarcer_among(self.case.data, self.day, self.arm == one) for one in ARMS)

    def ends(self) -> tuple[float, float]:
        """Between which durations both strategies have runners: the 5th and 95th percentiles of either."""
        each = [np.quantile(self.case.log2_weeks[self.arm == one], (0.05, 0.95)) for one in ARMS]
        return float(2.0 ** max(low for low, _ in each)), float(2.0 ** min(high for _, high in each))


def modification(examined: Examined) -> Iterator[Row]:
    """The difference and the ratio of the strategies over durations, on the day of the comparison; no subgroup, no p-value.

    Nothing is told at durations that one of the strategies does not reach.
    """
    trial = examined.case.exposure.trial
    day = 7 * examined.case.exposure.compare_week
    if trial is None or day not in examined.days:
        return
    who = of_strategies(examined.case, trial, day)
    small = descriptive_only(sum(who.n), who.events)
    if small is not None:
        yield _by_duration(small).refusal(estimator=BY_DURATION, stratum=trial.contrast, day=day)
        return
    where = places(who.case, within=who.ends())
    if where.narrow:
        yield rails.alike().refusal(estimator=BY_DURATION, stratum=trial.contrast, day=day)
        return
    try:
        found = effects(who, where)
    except EstimationRefused as refused:
        yield not_estimated(refused.summary).refusal(estimator=BY_DURATION, stratum=trial.contrast, day=day)
        return
    if who.covariates.dropped and (rail := rails.given_up(who.covariates.dropped)) is not None:
        yield rail.caution(estimator=BY_DURATION, stratum=trial.contrast)
    if (note := _thin(who)) is not None:
        yield note.caution(estimator=BY_DURATION, stratum=trial.contrast)
    yield from _rows(who, where, found)


def _thin(who: Prescribed) -> Rail | None:
    """Few of the scarcer outcome for each parameter of an arm's model."""
    parameters = 2 + len(who.covariates.names)
    if who.scarcer >= rails.FIRTH_PER_PARAMETER * parameters:
        return None
    return Rail(
        "few_per_parameter",
        f"fewer than {rails.FIRTH_PER_PARAMETER:g} runners of a strategy had reached the endpoint by then, or had not, for each "
        "parameter of its model, which is drawn towards no association; limits may be somewhat narrow.",
    )


def of_strategies(case: Chronicity, trial: TargetTrial, day: int) -> Prescribed:
    """The runners of the two strategies with the trial's adjustment set, as far as the smaller strategy bears it."""
    treatment = prescribed(case.cohort, trial)
    joined = case.follow_up.episodes.select("episode_id").join(treatment, on="episode_id", how="left", maintain_order="left")
    arm = joined["treatment"].to_numpy().astype(np.int64)
    nodes = tuple(node for node in trial.adjust_for if node != case.exposure.node)
    everything = AdjustmentSet(trial.dag, nodes, trial.small_level, trial.missing_indicator_from)
    read = covariates_of(case.cohort, case.follow_up.episodes, everything)
    smallest = min(int(np.count_nonzero(arm == one)) for one in ARMS)
    return Prescribed(case, trial, arm, _borne(read, smallest), day)


def _borne(covariates: Covariates, smallest: int) -> Covariates:
    """Nodes in the declared order while the smaller strategy has ten runners for each parameter of its model."""
    kept = tuple(dict.fromkeys(covariates.nodes))
    while kept and smallest < rails.FIRTH_PER_PARAMETER * (2 + len(covariates.of_nodes(kept).names)):
        kept = kept[:-1]
    return covariates.of_nodes(kept)


def effects(who: Prescribed, where: Places) -> EffectByExposure:
    """Outcome models in both strategies, straight in the logarithm of the duration, over all of known prescription."""
    own = who.arm >= 0
    left, right, cause = who.case.outcome
    values = pseudo_values(
        left[own], right[own], cause[own], group=who.arm[own], compared=ARMS, days=(who.day,), cluster=who.case.patient[own]
    )
    return effect_by_exposure(
        values,
        who.arm[own],
        who.case.log2_weeks[own],
        who.covariates.value[own],
        names=who.covariates.names,
        compared=ARMS,
        at=np.log2(where.asked),
        knots=0,
        cluster=who.case.patient[own],
        conf_level=who.case.estimand.conf_level,
        seed=who.case.exposure.seed,
    )


def _rows(who: Prescribed, where: Places, found: EffectByExposure) -> Iterator[Row]:
    groups = tuple(who.case.weeks[who.arm == one] for one in ARMS)
    beside = Beside(groups, who.scarcer, who.day)
    stratum = who.trial.contrast
    for statistic, part in (("strategy_difference_by_duration", found.difference), ("strategy_ratio_by_duration", found.ratio)):
        numbers = OverDurations(
            where.asked,
            part.estimate[0],
            part.std_error[0],
            part.conf_low[0],
            part.conf_high[0],
            part.band_low[0],
            part.band_high[0],
        )
        yield from rows_over(statistic, BY_DURATION, numbers, where, beside, stratum=stratum)
    yield _trend(who, found)
    yield from (rails.beyond_duration(weeks, who.case.quantiles[1], BY_DURATION, stratum=stratum) for weeks in where.refused)


def _trend(who: Prescribed, found: EffectByExposure) -> Row:
    """How much more the strategies differ at the longest duration than at the shortest."""
    estimate, error, low, high = (finite(float(number)) for number in found.trend[0])
    return Row(
        estimator=BY_DURATION,
        statistic="strategy_trend_by_duration",
        stratum=who.trial.contrast,
        term="longest - shortest",
        day=who.day,
        estimate=estimate,
        std_error=error,
        conf_low=low,
        conf_high=high,
        n_at_risk=min(who.n),
        n_events=who.scarcer,
    )


def _by_duration(rail: Rail) -> Rail:
    """The rail of a comparison, in words of this one."""
    least = f"{MIN_TRIAL} runners in the two strategies and {MIN_STRATEGY_EVENTS} events in each"
    return replace(rail, says=f"the strategies are not compared by duration: {least} are the least for it.")
