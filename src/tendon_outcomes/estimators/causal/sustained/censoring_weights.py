"""Weights that undo departing from a strategy and being lost: one over the probability of neither, given what was known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from tendon_outcomes.estimators.causal.sustained.departure_designs import (
    PER_PARAMETER,
    DepartureDesign,
    Model,
    departed_through,
    last_weeks,
    modelled_departures,
)
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.self_consistent import IncidenceRows, incidence_rows
from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse
from tendon_outcomes.estimators.resampling.sums import ColumnSums, sums_from_the_end

Initiation = Literal["together", "by week"]
SPILL = 1  # weeks after the last week to start: who could not be seen to start is seen in them


class WeekWeights(NamedTuple):
    """The rows that count in a week, in the order of `IncidenceRows.by_week`, and their weights (b, rows)."""

    week: int
    rows: IntArray
    weight: FloatArray
    truncated: FloatArray  # (b, rows): after truncation


@dataclass(frozen=True, slots=True, eq=False)
class DepartureModel:
    """What a fitted model of departing is: its coefficients, and which covariates were left out because departures are few."""

    kind: str
    names: tuple[str, ...]
    coefficients: FloatArray
    n_departures: int
    n_person_weeks: int
    left_out: tuple[str, ...]
    penalised: bool


@dataclass(frozen=True, slots=True, eq=False)
class WeightSummary:
    """By week, over the rows that count: how many, mean, standard deviation, smallest and largest of the weights before
    truncation, effective number (sum w)^2 / sum w^2 after it, and how many were truncated.
    """

    count: IntArray
    mean: FloatArray
    std: FloatArray
    smallest: FloatArray
    largest: FloatArray
    effective_n: FloatArray
    n_truncated: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class CensoringWeights:
    """`weight` (n, K), 0 in weeks in which a row does not count; the models behind it, and what it looks like by week."""

    weight: FloatArray = field(repr=False)
    models: tuple[DepartureModel, ...]
    summary: WeightSummary


@dataclass(frozen=True, slots=True, eq=False)
class _Stays:
    """Sums of rows by the last week in which each counts, would count if it had not departed in that week, or is followed."""

    counts: ColumnSums
    before: ColumnSums
    followed: ColumnSums | None
    before_loss: ColumnSums | None
    weeks: int

    @classmethod
    def of(cls, sample: LongitudinalSample, follow_to: IntArray, end: IntArray, *, loss: bool) -> _Stays:
        size = sample.weeks + 1
        gone = np.minimum(end + ((sample.cause == 0) & (sample.left < sample.weeks)), sample.weeks)
        return cls(
            ColumnSums.by(np.minimum(end, follow_to), size),
            ColumnSums.by(np.minimum(end, follow_to + 1), size),
            ColumnSums.by(end, size) if loss else None,
            ColumnSums.by(gone.astype(np.int64), size) if loss else None,
            sample.weeks,
        )

    def logs(self, counts: FloatArray) -> FloatArray:
        """Log of the share who stay through each week since the start: product over weeks of stayers to those before, (b, K)."""
        kept = _ratios(self.counts(counts), self.before(counts))
        if self.followed is not None and self.before_loss is not None:
            kept = kept * _ratios(self.followed(counts), self.before_loss(counts))
        return np.cumsum(np.log(np.maximum(kept, 1e-300)), axis=1)


def _ratios(part: FloatArray, whole: FloatArray) -> FloatArray:
    above, below = sums_from_the_end(part)[:, 1:], sums_from_the_end(whole)[:, 1:]
    return np.divide(above, below, out=np.ones_like(above), where=below > 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class StrategyWeights:
    """The models of one strategy, ready to be fitted to many weightings of the rows; made by `strategy_weights`."""

    sample: LongitudinalSample = field(repr=False)
    rows: IncidenceRows = field(repr=False)
    models: tuple[Model, ...]
    stays: _Stays | None = field(repr=False)
    truncate: tuple[float, float] | None

    def by_week(self, counts: FloatArray) -> Iterator[WeekWeights]:
        """Weights of the rows that count, week after week, when row i stands for counts[:, i] rows, the models fitted anew.

        Weights are not multiplied by the counts.
        """
        fitted = [(model.fit, model.fit.fit(counts)) for model in self.models if model.through is None]
        at_start = [(one, one.fit.fit(counts)) for one in self.models if one.through is not None]
        log_weight, log_start = np.zeros_like(counts), np.zeros_like(counts)
        log_stays = None if self.stays is None else self.stays.logs(counts)
        for week, part in enumerate(self.rows.by_week, start=1):
            if week <= self.sample.weeks:
                for model, beta in fitted:
                    if week in model.weeks:
                        at, log_odds = model.log_odds(week, beta)
                        log_weight[:, at] += np.logaddexp(0.0, log_odds)
                for begun, beta in at_start:
                    if week == begun.through:
                        at, log_odds = begun.fit.log_odds(week, beta)
                        log_start[:, at] = np.logaddexp(0.0, log_odds)
            weight = np.take(log_weight, part.rows, axis=1) + np.take(log_start, part.rows, axis=1)
            if log_stays is not None:
                weight += log_stays[:, min(week, self.sample.weeks) - 1 : min(week, self.sample.weeks)]
            np.exp(weight, out=weight)
            yield WeekWeights(week, part.rows, weight, self._truncated(weight, counts, part.rows))

    def _truncated(self, weight: FloatArray, counts: FloatArray, rows: IntArray) -> FloatArray:
        if self.truncate is None or rows.size == 0 or float(np.ptp(weight)) == 0.0:
            return weight
        order = np.argsort(weight, axis=1)
        passed = np.cumsum(np.take_along_axis(np.take(counts, rows, axis=1), order, axis=1), axis=1)
        limits = []
        for share in self.truncate:
            wanted = share * passed[:, -1:]
            place = np.minimum((passed < wanted - 1e-9).sum(axis=1), rows.size - 1)
            limits.append(np.take_along_axis(weight, np.take_along_axis(order, place[:, None], axis=1), axis=1))
        return np.clip(weight, *limits)

    def described(self) -> tuple[DepartureModel, ...]:
        """The models as fitted to the sample itself."""
        return tuple(
            DepartureModel(
                model.kind,
                model.fit.names,
                model.fit.coefficients,
                model.fit.n_departures,
                model.fit.n_person_weeks,
                model.left_out,
                model.fit.penalised,
            )
            for model in self.models
        )


def strategy_weights(
    sample: LongitudinalSample,
    strategy: int,
    *,
    loss: bool = True,
    truncate: tuple[float, float] | None = (0.01, 0.99),
    stabilised: bool = True,
    per_parameter: float = PER_PARAMETER,
    initiation: Initiation = "together",
    loss_model: Model | None = None,
) -> StrategyWeights:
    """The models of `censoring_weights`, prepared for resampling; `loss_model` may be one already made."""
    refuse_sample(sample, strategy, truncate)
    follow_to, end = np.minimum(sample.deviates[strategy] - 1, sample.weeks), last_weeks(sample)
    found = _departures(sample, strategy, per_parameter, initiation)
    if loss:
        found.append(loss_model if loss_model is not None else loss_of(sample, per_parameter=per_parameter))
    return StrategyWeights(
        sample=sample,
        rows=incidence_rows(sample.left, sample.right, sample.cause, follow_to=follow_to, weeks=sample.weeks),
        models=tuple(one for one in found if one is not None),
        stays=_Stays.of(sample, follow_to, end, loss=loss) if stabilised else None,
        truncate=truncate,
    )


def _departures(sample: LongitudinalSample, strategy: int, per_parameter: float, initiation: Initiation) -> list[Model | None]:
    """The models of departing from one strategy, in its first weeks and after them."""
    phase, departs = sample.phase[strategy], sample.deviates[strategy]

    def of_weeks(kind: str, phases: tuple[int, ...], after: int) -> Model | None:
        return modelled_departures(kind, DepartureDesign.of(sample, phase, phases, departs, after=after), per_parameter)

    last_to_start = np.flatnonzero((phase == 2).any(axis=0))
    if initiation == "by week" or last_to_start.size == 0:
        return [of_weeks("initiation", (1, 2), 0), of_weeks("maintenance", (3,), 0)]
    through = min(int(last_to_start[0]) + 1 + SPILL, sample.weeks - 1)
    started = [departed_through(sample, departs, week, per_parameter) for week in range(1, through + 1)]
    return [*started, of_weeks("maintenance", (1, 2, 3), through)]


def loss_of(sample: LongitudinalSample, *, per_parameter: float = PER_PARAMETER) -> Model | None:
    """The model of leaving follow-up, on every row once; None when nobody leaves before the last week."""
    gone = (sample.cause == 0) & (sample.left < sample.weeks)
    departs = np.where(gone, sample.left + 1, sample.weeks + 1)
    return modelled_departures("loss to follow-up", DepartureDesign.of(sample, None, (), departs), per_parameter)


def refuse_sample(sample: LongitudinalSample, strategy: int, truncate: tuple[float, float] | None) -> None:
    """Refuse a strategy that the sample does not have, shares that do not rise, and covariates that are missing."""
    if not 0 <= strategy < sample.deviates.shape[0]:
        raise refuse(f"there is no strategy {strategy}; the sample has {sample.deviates.shape[0]}")
    if truncate is not None and not 0.0 <= truncate[0] < truncate[1] <= 1.0:
        raise refuse("`truncate` must be two rising shares between 0 and 1, for instance (0.01, 0.99)")
    for name, values in (("baseline", sample.baseline), ("varying", sample.varying)):
        wrong = int(np.count_nonzero(~np.isfinite(values)))
        if wrong:
            raise refuse(f"{wrong} of {values.size} values of `{name}` are missing or not finite")


def censoring_weights(
    sample: LongitudinalSample,
    strategy: int,
    *,
    loss: bool = True,
    truncate: tuple[float, float] | None = (0.01, 0.99),
    stabilised: bool = True,
    per_parameter: float = PER_PARAMETER,
    initiation: Initiation = "together",
) -> CensoringWeights:
    """Weights by week for the rows that follow a strategy, so that they stand for all, those who departed or were lost too.

    Estimand
        1 / Pr(follows the strategy and is followed through week k | baseline and varying covariates up to k), for every row that
        does.
    Estimator
        w_ik = prod_(j <= k) n_j / [(1 - d_ij)(1 - l_ij)]. l is the probability of loss in week j, from a pooled logistic model on
        every row once. Through week G, one after the last week in which the strategy may begin, prod (1 - d) is one minus the
        probability of having departed by the end of the week given what was known on the first day, from one logistic model a
        week on the rows of which the week is known (initiation "together"; the others keep what they had). After it d is that of
        departing in the week, from a pooled logistic model with a natural spline in the week (a straight line below 40
        departures, nothing below 10). With initiation "by week" d is pooled from week 1 on, apart while the strategy has not
        been started (a term for the last week to start, the week before it, and where departures suffice other slopes in the
        last week). n_j (stabilised) is the share who stay in week j among
        all who counted, times the share followed.
    Interval
        None: refit in every replicate (`clone_censor_weight`).
    Conventions
        At risk in week j: the event is not known to have happened before it, follow-up goes on through it (or ends in it, for
        loss), the strategy could be departed from (phase 1 to 3). Any end of follow-up before the last week is loss. n_j
        depends on the week alone, not on whether the row has started: otherwise late starters would not stand for those who
        never started. It cancels in a curve where rows tell the weeks apart. The mean weight is near 1 in the first week; later
        it is the share still free of the event with weights over that without, so it drifts from 1 where departure goes with
        the outcome. Truncation at quantiles (smallest weight reached by that share of rows) of each week; the product goes on
        untruncated. "Together" asks everybody to start when those who start do; week by week, who starts late stands for all who
        were still free to, and few of them carry heavy weights. A model with fewer than `per_parameter` departures (or stays) a
        parameter drops the other slopes in the last week, then the varying covariates but the first, then baseline ones, the last
        first. Separated departures get a normal prior (sd 2.5) on standardised slopes: the model says `penalised`.
    Assumes
        Departure and loss unrelated to the event given these covariates; "together": in the first weeks given those of the first
        day; positivity; right models.
    Not for
        Covariates known only after the week began; strategies from which everybody departs.
    Parameters
        sample. strategy: its number. truncate: two shares, or None. per_parameter: 0 keeps every covariate.
    Returns
        CensoringWeights.
    References
        Robins & Finkelstein (2000) Biometrics 56:779; Cain et al. (2010) Int J Biostat 6(2):18 (grace periods); Hernán & Robins
        (2020) Causal Inference: What If, 12.2-12.3, 21.2; Cole & Hernán (2008) AJE 168:656 (stabilising, truncating).
    Checked
        Exact (saturated models by hand), against a long table with a plain fit, slow loops over a saturated model, properties:
        tests/estimators/test_clone_censor_weight.py, tests/slow_reference/checks_clones.py, tests/properties.
    """
    prepared = strategy_weights(
        sample,
        strategy,
        loss=loss,
        truncate=truncate,
        stabilised=stabilised,
        per_parameter=per_parameter,
        initiation=initiation,
    )
    table = np.zeros((sample.n, sample.weeks))
    found = []
    for part in prepared.by_week(np.ones((1, sample.n))):
        if part.week <= sample.weeks:
            table[part.rows, part.week - 1] = part.truncated[0]
            found.append((part.weight[0], part.truncated[0]))
    return CensoringWeights(table, prepared.described(), summarised(found))


def summarised(parts: Sequence[tuple[FloatArray, FloatArray]]) -> WeightSummary:
    """By week, from the weights before and after truncation of the rows that count."""
    rows = []
    for before, after in parts:
        if before.size == 0:
            rows.append((0, np.nan, np.nan, np.nan, np.nan, 0.0, 0))
            continue
        effective = float(after.sum() ** 2 / np.sum(after**2))
        changed = int(np.count_nonzero(before != after))
        rows.append((before.size, before.mean(), before.std(), before.min(), before.max(), effective, changed))
    count, mean, std, smallest, largest, effective_n, n_truncated = (np.array(column) for column in zip(*rows, strict=True))
    return WeightSummary(count, mean, std, smallest, largest, effective_n, n_truncated)
