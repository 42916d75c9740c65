"""Whether both treatments were possible for everyone: propensities near 0 or 1, arms apart, patterns with one treatment only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.causal.weighting.propensity import Propensity
from tendon_outcomes.estimators.observations import BoolArray, FloatArray, checked_causes, refuse

FEW_LEVELS = 5  # A covariate with more distinct values has no patterns: the propensity is asked instead.


@dataclass(frozen=True, slots=True)
class OneSided:
    """Rows alike in few-level covariates that all had one of the two treatments.

    `values` of the covariates `names`; `n` rows, none with treatment `absent`, of which `expected` were expected from its share.
    """

    names: tuple[str, ...]
    values: tuple[float, ...]
    n: int
    absent: int
    expected: float


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """How far two treatments share their propensities.

    `share_outside`: of all rows, with a probability of either treatment below `low` or above `high`; `n_outside` counts them.
    `coefficient`: shared area of the two arms' histograms (`share` (2, bins) over `edges`) of e_1 / (e_0 + e_1); arms of these
    sizes drawn from one distribution would reach only about `coefficient_if_alike`. `common_support`: share of all rows whose
    e_1 / (e_0 + e_1) lies within the range of both arms. `patterns`: see `one_sided_patterns`.
    """

    share_outside: float
    n_outside: int
    low: float
    high: float
    coefficient: float
    coefficient_if_alike: float
    common_support: float
    edges: FloatArray
    share: FloatArray
    patterns: tuple[OneSided, ...]
    compared: tuple[int, int]


def overlap(
    propensity: Propensity,
    treatment: npt.ArrayLike,
    *,
    compared: tuple[int, int] = (0, 1),
    low: float = 0.02,
    high: float = 0.98,
    bins: int = 20,
) -> Overlap:
    """Positivity, as far as the measured covariates show it.

    Estimand
        The share of the population for whom one of the two treatments was next to impossible, and the area shared by the two
        arms' densities of the propensity.
    Estimator
        Shares of rows, by their case weights; sum over bins of the smaller of the two arms' shares. `coefficient_if_alike` is
        1 - 1/2 sum_j sqrt(2/pi) sqrt(p_j (1 - p_j)(1/n_0 + 1/n_1)), p the shares of both arms together, n effective sizes.
    Interval
        None.
    Conventions
        Equal bins of [0, 1]; the last includes 1. With more than two treatments the histograms are of e_1 / (e_0 + e_1), and
        `share_outside` looks at e_0 and e_1 themselves in all rows, those of other treatments too.
    Assumes
        The form of the propensity: a wrong model can hide that a treatment was impossible.
    Not for
        Judging confounding: arms that differ, as confounded ones do, have a coefficient well below 1 and can be compared all the
        same where the common support is whole. Covariates that nobody measured.
    Parameters
        propensity: of the same rows. treatment: n codes. compared: (reference, compared). low, high: bounds. bins: at least 2.
    Returns
        Overlap.
    References
        Petersen, Porter, Gruber, Wang & van der Laan (2012) Stat Methods Med Res 21:31, section 3; Crump, Hotz, Imbens & Mitnik
        (2009) Biometrika 96:187 (bounds); Weitzman (1970) US Census Technical Paper 22 (coefficient).
    Checked
        Exact (by hand), properties: tests/estimators/test_balance.py, tests/properties.
    """
    codes = checked_causes(treatment, propensity.treatment.size, propensity.levels - 1)
    if not 0.0 <= low < high <= 1.0 or bins < 2:
        raise refuse(f"bounds {low:g} and {high:g} with {bins} bins", way_out="Use 0 <= low < high <= 1 and 2 bins or more.")
    if len(set(compared)) != 2 or not all(0 <= one < propensity.levels for one in compared):
        raise refuse(f"`compared` is {compared}", way_out=f"Name two different treatments of 0 to {propensity.levels - 1}.")
    case, e = propensity.weight, propensity.probability[:, list(compared)]
    outside = ((e < low) | (e > high)).any(axis=1) & (case > 0.0)
    relative = e[:, 1] / e.sum(axis=1)
    arms = [(codes == one) & (case > 0.0) for one in compared]
    edges = np.linspace(0.0, 1.0, bins + 1)
    share = np.array([np.histogram(relative[arm], edges, weights=case[arm])[0] / case[arm].sum() for arm in arms])
    begin, end = max(relative[arm].min() for arm in arms), min(relative[arm].max() for arm in arms)
    within = (relative >= begin) & (relative <= end)
    return Overlap(
        share_outside=float(np.average(outside, weights=case)),
        n_outside=int(outside.sum()),
        low=low,
        high=high,
        coefficient=float(share.min(axis=0).sum()),
        coefficient_if_alike=_if_alike(share, [case[arm] for arm in arms]),
        common_support=float(np.average(within, weights=case)),
        edges=edges,
        share=share,
        patterns=one_sided_patterns(
            propensity.covariates[case > 0.0], codes[case > 0.0], names=propensity.names, compared=compared
        ),
        compared=compared,
    )


def one_sided_patterns(
    covariates: npt.ArrayLike,
    treatment: npt.ArrayLike,
    *,
    names: Sequence[str],
    compared: tuple[int, int] = (0, 1),
    least_expected: float = 5.0,
) -> tuple[OneSided, ...]:
    """Values of few-level covariates, alone or in pairs, with which nobody had one of the two treatments; the largest first.

    Only where at least `least_expected` rows with that treatment were expected from its share: of so many none is found by
    chance in exp(-5), seven in a thousand patterns. A pair is left out when one of its two covariates alone says the same.
    Covariates with more than five distinct values are not looked at.
    """
    x = np.asarray(covariates, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    codes = checked_causes(treatment, x.shape[0], None)
    rows = np.isin(codes, compared)
    few = [j for j in range(x.shape[1]) if np.unique(x[rows, j]).size <= FEW_LEVELS]
    found: list[OneSided] = []
    for columns in [(j,) for j in few] + list(combinations(few, 2)):
        for values, there in _patterns(x, rows, columns):
            if any(
                {*zip(one.names, one.values, strict=True)} <= {*zip((names[j] for j in columns), values, strict=True)}
                for one in found
            ):
                continue
            one = _one_sided(there, codes, rows, compared)
            if one is not None and one[1] >= least_expected:
                found.append(OneSided(tuple(names[j] for j in columns), values, int(there.sum()), *one))
    return tuple(sorted(found, key=lambda one: -one.expected))


def _patterns(x: FloatArray, rows: BoolArray, columns: tuple[int, ...]) -> Iterator[tuple[tuple[float, ...], BoolArray]]:
    part = x[:, list(columns)]
    for values in np.unique(part[rows], axis=0):
        yield tuple(values.tolist()), rows & np.asarray((part == values).all(axis=1))


def _one_sided(
    there: BoolArray, codes: npt.NDArray[np.int64], rows: BoolArray, compared: tuple[int, int]
) -> tuple[int, float] | None:
    """The treatment that nobody there had, and how many were expected to have it; None when both were had."""
    for one in compared:
        if not (codes[there] == one).any():
            return one, float(there.sum() * np.mean(codes[rows] == one))
    return None


def _if_alike(share: FloatArray, weights: list[FloatArray]) -> float:
    sizes = [float(w.sum()) ** 2 / float(w @ w) for w in weights]
    pooled = np.average(share, axis=0, weights=sizes)
    spread = np.sqrt(pooled * (1.0 - pooled) * (1.0 / sizes[0] + 1.0 / sizes[1]))
    return float(1.0 - 0.5 * np.sqrt(2.0 / np.pi) * spread.sum())
