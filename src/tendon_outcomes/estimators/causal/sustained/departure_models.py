"""Pooled logistic regressions over person-weeks, for many weightings of the rows at once, without a long table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import FloatArray, IntArray, refuse
from tendon_outcomes.estimators.resampling.sums import (
    cross_products,
    independent_columns,
    linear_predictors,
    solve_each,
    times_columns,
    triangle_places,
)

BoolArray = npt.NDArray[np.bool_]

BLOCK = 4096  # person-weeks in a block
HELD = 6_000_000  # numbers that may be kept between iterations; more are made anew from the sample
PART = 60_000  # person-weeks whose fit is where that of more begins
STEPS, STEPS_WITH_PRIOR = 25, 100
FARTHEST, FARTHEST_WITH_PRIOR = 4.0, 1.0  # in one step, on standardised columns; a longer one is shortened as a whole
SETTLED = 1e-6  # last step of the fit to the sample itself: Newton's next is of its square
COLLINEAR = 1e-9
SEPARATED = 15.0  # log odds of a person-week beyond this: some columns decide who departs
PRIOR_PRECISION = 0.16  # of standardised slopes where the departures are separated: a standard deviation of 2.5 (Gelman 2008)

INTERCEPT_PRECISION = 1e-3


class WeekBlock(NamedTuple):
    """Person-weeks: whose they are, their columns (intercept first), and whether the row departed."""

    rows: IntArray
    x: FloatArray
    departed: FloatArray


class _Held(NamedTuple):
    block: WeekBlock
    columns: FloatArray  # x transposed
    cross: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PooledLogistic:
    """One model of departing in a week, prepared by `pooled_logistic`; columns are standardised inside.

    `names` of the columns, intercept first. `start` is the fit of the sample itself, `penalised` whether it needed a prior
    because its departures are separated.
    """

    names: tuple[str, ...]
    weeks: tuple[int, ...]
    make: Callable[[int], WeekBlock] = field(repr=False)
    centre: FloatArray
    spread: FloatArray
    held: tuple[_Held, ...] | None = field(repr=False)
    by_week: dict[int, tuple[IntArray, FloatArray]] = field(repr=False)  # rows and columns of weeks that are held
    start: FloatArray
    penalised: bool
    n_departures: int
    n_person_weeks: int

    @property
    def coefficients(self) -> FloatArray:
        """On the columns as they were given."""
        slopes = self.start[1:] / self.spread[1:]
        return np.concatenate(([self.start[0] - float(slopes @ self.centre[1:])], slopes))

    def fit(self, weights: FloatArray, *, tolerance: float = 1e-5) -> FloatArray:
        """Coefficients (b, p) on the standardised columns, for weights (b, n) of the rows."""
        beta = np.repeat(self.start[None, :], weights.shape[0], axis=0)
        if (weights == 1.0).all():
            return beta
        prior = np.zeros(self.start.size)
        if self.penalised:
            prior = _prior(self.start.size)
            return self._settled(weights, beta, prior, tolerance)
        beta, settled = self._newton(weights, beta, prior, tolerance)
        if not settled.all():
            prior = _prior(self.start.size)
            again = np.repeat(self.start[None, :], int((~settled).sum()), axis=0)
            beta[~settled] = self._settled(weights[~settled], again, prior, tolerance)
        return beta

    def _settled(self, weights: FloatArray, beta: FloatArray, prior: FloatArray, tolerance: float) -> FloatArray:
        """The fits with a prior, each of which has a maximum: one that was not reached is no fit."""
        beta, settled = self._newton(weights, beta, prior, tolerance)
        if not settled.all():
            raise NotConverged(
                f"the model of {self.n_departures} departures in {self.n_person_weeks} person-weeks had not converged in "
                f"{int((~settled).sum())} of {settled.size} weightings",
                way_out="Look for covariates on scales far apart, or ask for fewer by `per_parameter`.",
            )
        return beta

    def log_odds(self, week: int, beta: FloatArray) -> tuple[IntArray, FloatArray]:
        """The rows that may depart in a week, and their log odds of it (b, rows)."""
        if week in self.by_week:
            rows, columns = self.by_week[week]
            return rows, linear_predictors(beta, columns)
        block = self._standardised(self.make(week))
        return block.rows, linear_predictors(beta, block.x.T)

    def _newton(self, weights: FloatArray, beta: FloatArray, prior: FloatArray, tolerance: float) -> tuple[FloatArray, BoolArray]:
        open_rows, settled = np.arange(beta.shape[0]), np.zeros(beta.shape[0], dtype=np.bool_)
        held = bool(prior.any())  # by a prior: however far apart the departures are, there is a fit
        most, farthest_step = (STEPS_WITH_PRIOR, FARTHEST_WITH_PRIOR) if held else (STEPS, FARTHEST)
        highest, before = np.full(beta.shape[0], -np.inf), beta.copy()
        for _ in range(most):
            score, information, farthest, value = self._derivatives(weights[open_rows], beta[open_rows], valued=held)
            if held:  # a step that lowers the penalised likelihood is taken back by half
                value -= 0.5 * (prior * beta[open_rows] ** 2).sum(axis=1)
                worse = value < highest[open_rows] - 1e-10 * np.abs(highest[open_rows])
                back = open_rows[worse]
                beta[back] = 0.5 * (beta[back] + before[back])
                open_now, score, information, farthest = open_rows[~worse], score[~worse], information[~worse], farthest[~worse]
                highest[open_now] = value[~worse]
            else:
                back, open_now = open_rows[:0], open_rows
            if open_now.size == 0:
                continue
            score -= prior * beta[open_now]
            diagonal = np.arange(prior.size)
            information[:, diagonal, diagonal] += prior + 1e-9 * np.maximum(information[:, :1, 0], 1e-300)
            step = solve_each(information, score)
            lost = ~np.isfinite(step).all(axis=1)
            step[lost] = 0.0
            size = np.where(lost, np.inf, np.abs(step).max(axis=1))
            step *= np.minimum(1.0, farthest_step / np.maximum(size, 1e-300))[:, None]
            before[open_now] = beta[open_now]
            beta[open_now] += step
            away = (farthest > SEPARATED) & (not held)
            done = size <= tolerance
            settled[open_now[done & ~away]] = True
            open_rows = np.concatenate([open_now[~done & ~away], back])
            if open_rows.size == 0:
                break
        return beta, settled

    def _derivatives(
        self, weights: FloatArray, beta: FloatArray, *, valued: bool
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Score, information, the farthest log odds and, where it is asked for, the log likelihood."""
        b, p = beta.shape
        farthest, value = np.zeros(b), np.zeros(b)
        score, information = np.zeros((b, p)), np.zeros((b, p, p))
        packed = np.zeros((b, p * (p + 1) // 2))
        for one in self._blocks():
            w = np.take(weights, one.block.rows, axis=1)
            log_odds = linear_predictors(beta, one.columns)
            np.maximum(farthest, np.where(w > 0.0, np.abs(log_odds), 0.0).max(axis=1), out=farthest)
            if valued:
                value += (w * (one.block.departed * log_odds - np.logaddexp(0.0, log_odds))).sum(axis=1)
            probability = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -500.0, 500.0, out=log_odds)))
            score += times_columns(w * (one.block.departed - probability), one.block.x)
            w *= probability * (1.0 - probability)
            if one.cross.size:
                packed += times_columns(w, one.cross)
            else:
                for i in range(b):
                    information[i] += (one.columns * w[i]) @ one.block.x
        return score, information + packed[:, triangle_places(p)], farthest, value

    def _near(self) -> FloatArray:
        """Where to begin: with the fit of a part of many person-weeks, else with the share that departs."""
        if self.held is not None:
            return self.start
        step = -(-self.n_person_weeks // PART)

        def some(week: int) -> WeekBlock:
            block = self.make(week)
            return WeekBlock(block.rows[::step], block.x[::step], block.departed[::step])

        parts = [self._standardised(some(week)) for week in self.weeks]
        smaller = replace(self, held=tuple(_kept_blocks(parts)))
        ones = np.ones((1, int(max(part.rows.max(initial=0) for part in parts)) + 1))
        beta, settled = smaller._newton(ones, self.start[None, :].copy(), np.zeros(self.start.size), 1e-4)
        return beta[0] if settled[0] else self.start

    def _blocks(self) -> Iterator[_Held]:
        if self.held is not None:
            yield from self.held
            return
        for week in self.weeks:
            block = self._standardised(self.make(week))
            for start in range(0, block.rows.size, BLOCK):
                part = _piece(block, start)
                yield _Held(part, part.x.T, np.empty(0))

    def _standardised(self, block: WeekBlock) -> WeekBlock:
        x = block.x - self.centre
        x /= self.spread
        return WeekBlock(block.rows, x, block.departed)


def _prior(p: int) -> FloatArray:
    """Precisions of the standardised coefficients; that of the intercept only keeps it a number where nobody departs."""
    return np.concatenate(([INTERCEPT_PRECISION], np.full(p - 1, PRIOR_PRECISION)))


def pooled_logistic(make: Callable[[int], WeekBlock], weeks: tuple[int, ...], names: tuple[str, ...], n: int) -> PooledLogistic:
    """A model of departing from what `make` says of each week; constant columns and combinations of others are left out."""
    count, departures, total, square = 0, 0.0, np.zeros(len(names)), np.zeros((len(names), len(names)))
    for week in weeks:
        block = make(week)
        count, departures = count + block.rows.size, departures + float(block.departed.sum())
        total += block.x.sum(axis=0)
        square += block.x.T @ block.x
    if not 0 < departures < count:
        raise refuse(f"{departures:g} of {count} person-weeks are departures, so there is nothing to model")
    centre = total / count
    gram = square / count - np.outer(centre, centre)
    spread = np.sqrt(np.maximum(np.diagonal(gram), 0.0))
    varies = np.flatnonzero(spread > 1e-9 * np.maximum(1.0, np.abs(centre)))
    scaled = gram[np.ix_(varies, varies)] / np.outer(spread[varies], spread[varies])
    kept = np.concatenate(([0], varies[independent_columns(scaled, COLLINEAR)])).astype(np.int64)
    centre, spread = centre[kept], spread[kept]
    centre[0], spread[0] = 0.0, 1.0

    def chosen(week: int) -> WeekBlock:
        block = make(week)
        return block if kept.size == len(names) else WeekBlock(block.rows, block.x[:, kept], block.departed)

    p = kept.size
    start = np.zeros(p)
    start[0] = np.log(departures / (count - departures))
    model = PooledLogistic(
        names=tuple(names[j] for j in kept),
        weeks=weeks,
        make=chosen,
        centre=centre,
        spread=spread,
        held=None,
        by_week={},
        start=start,
        penalised=False,
        n_departures=int(departures),
        n_person_weeks=count,
    )
    if count * (p + p * (p + 1) // 2) <= HELD:
        parts = {week: model._standardised(chosen(week)) for week in weeks}
        columns = {week: (part.rows, np.ascontiguousarray(part.x.T)) for week, part in parts.items()}
        model = replace(model, held=tuple(_kept_blocks(list(parts.values()))), by_week=columns)
    beta, settled = model._newton(np.ones((1, n)), model._near()[None, :], np.zeros(p), SETTLED)
    if settled[0]:
        return replace(model, start=beta[0])
    model = replace(model, penalised=True)
    prior = _prior(p)
    return replace(model, start=model._settled(np.ones((1, n)), start[None, :].copy(), prior, SETTLED)[0])


def _piece(block: WeekBlock, start: int) -> WeekBlock:
    end = start + BLOCK
    return WeekBlock(block.rows[start:end], block.x[start:end], block.departed[start:end])


def _kept_blocks(parts: list[WeekBlock]) -> Iterator[_Held]:
    whole = WeekBlock(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.x for part in parts]),
        np.concatenate([part.departed for part in parts]),
    )
    for start in range(0, whole.rows.size, BLOCK):
        part = _piece(whole, start)
        yield _Held(part, np.ascontiguousarray(part.x.T), cross_products(part.x))
