"""People seen from day 0 on who had been ill for some time: checked, and their days laid over the pieces of the rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.interval_censored.support import checked_sample
from tendon_outcomes.estimators.observations import BoolArray, FloatArray, one_dimensional, refuse, refuse_rows
from tendon_outcomes.estimators.regression.design_matrix import design_matrix
from tendon_outcomes.estimators.regression.parametric.standardised import standardised

EXPOSURE = "log2(duration)"
DAYS_A_WEEK = 7.0
FEWEST = 3  # recoveries a piece, so that its rate has a finite logarithm wherever in their intervals they lie
FEWEST_A_COEFFICIENT = 5  # recoveries a coefficient: below, a model is refused (statistics.md, rails)


@dataclass(frozen=True, slots=True, eq=False)
class PrevalentSample:
    """n people: days at risk by piece before day 0 (`early`), before `left` (`free`) and before `right` (`seen`), (n, K).

    `z` (n, 1 + p) is log2(duration) and the covariates, standardised by `centre` and `size`.
    """

    early: FloatArray
    free: FloatArray
    seen: FloatArray
    recovered: BoolArray
    z: FloatArray
    centre: FloatArray
    size: FloatArray
    names: tuple[str, ...]
    begins: tuple[float, ...]
    before: float

    @property
    def n_given(self) -> int:
        return int(self.recovered.size)

    @property
    def reference(self) -> float:
        """The geometric mean of the durations, in weeks."""
        return float(2.0 ** self.centre[0])


def prevalent_sample(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    duration: npt.ArrayLike,
    covariates: npt.ArrayLike | None,
    *,
    names: Sequence[str] | None,
    pieces: Sequence[float],
    before: float,
) -> PrevalentSample:
    """Check the rows and lay them over the pieces; refuses samples with too few recoveries for the coefficients."""
    low, high, recovered = followed_days(left, right, cause)
    n = low.size
    weeks = checked_durations(duration, n)
    if not (np.isfinite(before) and before > 0.0):
        raise refuse("`before` is the rate before day 0 over that after it, above 0", way_out="1 means that they are alike.")
    columns = np.log2(weeks)[:, None]
    labels: tuple[str, ...] = (EXPOSURE,)
    if covariates is not None:
        given = np.asarray(covariates, dtype=np.float64)
        given = given[:, None] if given.ndim == 1 else given
        words = tuple(f"x{j + 1}" for j in range(given.shape[-1])) if names is None else tuple(names)
        if given.ndim != 2 or given.shape[0] != n or len(words) != given.shape[1]:
            raise refuse(f"covariates have shape {given.shape} and {len(words)} names for {n} rows")
        columns, labels = np.column_stack([columns, given]), (EXPOSURE, *words)
    elif names:
        raise refuse(f"{len(names)} names for no covariates")
    design = design_matrix(columns, labels, n=n)
    _refuse_few(int(recovered.sum()), n, len(labels))
    z, centre, size = standardised(design.x, np.ones(n), intercept=False)
    middle = np.where(recovered, 0.5 * (low + high), low)
    begins = joined(_checked_pieces(pieces), middle[recovered])
    followed = laid(middle, begins)
    share = followed.sum(axis=0) / followed.sum()
    return PrevalentSample(
        early=before * DAYS_A_WEEK * weeks[:, None] * share,
        free=laid(low, begins),
        seen=laid(np.where(recovered, high, low), begins),
        recovered=recovered,
        z=z,
        centre=centre,
        size=size,
        names=labels[1:],
        begins=tuple(begins.tolist()),
        before=float(before),
    )


def followed_days(left: npt.ArrayLike, right: npt.ArrayLike, cause: npt.ArrayLike) -> tuple[FloatArray, FloatArray, BoolArray]:
    """(left, right, recovered); who had a competing event was free of everything through `left`, or the day before it."""
    rows = checked_sample(left, right, cause, None)
    told = one_dimensional("left", left)
    competing = rows.cause >= 2
    refuse_rows(competing & ((told < 0.0) | (told > rows.right)), "have a competing event and a `left` beyond it or below 0")
    low = np.where(competing & np.isfinite(told), told, rows.left)
    return np.asarray(low), rows.right, np.asarray(rows.cause == 1)


def checked_durations(duration: npt.ArrayLike, n: int) -> FloatArray:
    """One duration a row, in weeks, above 0."""
    weeks = one_dimensional("duration", duration, truth_values=False)
    if weeks.size != n:
        raise refuse(f"`duration` has {weeks.size} values for {n} rows")
    refuse_rows(~(np.isfinite(weeks) & (weeks > 0.0)), "have a missing or infinite `duration`, or none above 0")
    return weeks


def laid(day: FloatArray, begins: FloatArray) -> FloatArray:
    """(n, K) days of each piece that lie before `day`; the last piece has no end."""
    ends = np.append(begins[1:], np.inf)
    return np.asarray(np.clip(day[:, None], begins, ends) - begins)


def joined(begins: FloatArray, recovery: FloatArray) -> FloatArray:
    """The pieces, each with enough recoveries to have a rate: one with fewer joins the next, the last the one before."""
    kept = [float(begins[0])]
    for begin in begins[1:].tolist():
        within, after = np.count_nonzero((recovery >= kept[-1]) & (recovery < begin)), np.count_nonzero(recovery >= begin)
        if within >= FEWEST and after >= FEWEST:
            kept.append(begin)
    return np.array(kept)


def _checked_pieces(pieces: Sequence[float]) -> FloatArray:
    days = one_dimensional("pieces", list(pieces), truth_values=False)
    if not np.isfinite(days).all() or (days <= 0.0).any() or (np.diff(days) <= 0.0).any():
        raise refuse("`pieces` must be ascending days above 0")
    return np.concatenate((np.zeros(1), days))


def _refuse_few(events: int, n: int, coefficients: int) -> None:
    needed = FEWEST_A_COEFFICIENT * coefficients
    if events < needed:
        raise refuse(
            f"{events} of {n} rows recovered, for {coefficients} coefficients",
            way_out=f"At least {needed} recoveries are needed, or fewer covariates.",
        )
