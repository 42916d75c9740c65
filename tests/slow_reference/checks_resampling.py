"""Batched estimators beside loops over copied rows: curves, logistic and Cox regressions, weighted contrasts, limits, deals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tendon_outcomes.estimators.observations import EstimationRefused
from tendon_outcomes.estimators.resampling.cox import batched_cox
from tendon_outcomes.estimators.resampling.curves import curve_statistic
from tendon_outcomes.estimators.resampling.intervals import quantile_of_replicates
from tendon_outcomes.estimators.resampling.iptw import iptw_statistic
from tendon_outcomes.estimators.resampling.jackknife import jackknife
from tendon_outcomes.estimators.resampling.logistic import batched_logistic
from tendon_outcomes.estimators.resampling.permutation import permutation_test
from tests.slow_reference import slow_resampling as slow
from tests.slow_reference.check import Check, Deviation, deviations

MISSING = math.nan


@dataclass(frozen=True)
class Weighted:
    """Rows with a batch of weight rows."""

    entry: np.ndarray | None
    time: np.ndarray
    cause: np.ndarray
    x: np.ndarray
    treated: np.ndarray
    weights: np.ndarray
    day: float


def weighted_rows(rng: np.random.Generator) -> Weighted:
    n = int(rng.integers(2, 13))
    time = rng.integers(1, int(rng.integers(2, 9)), n)
    cause = rng.integers(0, 3, n) if rng.random() < 0.8 else np.full(n, int(rng.integers(0, 2)))
    entry = np.minimum(rng.integers(0, 6, n), time - 1) if rng.random() < 0.4 else None
    kind = int(rng.integers(0, 3))
    weights = rng.integers(0, 4, (3, n)).astype(float) if kind else rng.integers(0, 9, (3, n)) / 4
    weights[0] = 1.0
    x = np.column_stack([rng.integers(-2, 3, n), rng.integers(0, 2, n)]).astype(float)
    day = float(rng.integers(1, 9)) + (0.5 if rng.random() < 0.3 else 0.0)
    return Weighted(entry, time, cause, x, rng.integers(0, 2, n), weights, day)


def compare_curves(sample: Weighted) -> list[Deviation]:
    found: list[Deviation] = []
    n, entry = sample.time.size, np.zeros(sample.time.size, dtype=int) if sample.entry is None else sample.entry
    k = max(1, int(sample.cause.max(initial=0)))
    rows = [
        [(int(e), int(t), int(c), Fraction(w)) for e, t, c, w in zip(entry, sample.time, sample.cause, row, strict=True)]
        for row in sample.weights
    ]
    day = Fraction(sample.day)
    given = {"entry": sample.entry, "days": [sample.day], "horizons": [sample.day]}
    for incidence in (False, True):
        slow_rows = []
        for one in rows:
            at, under = slow.incidences(one, day, k), slow.areas(one, day, k)
            if at is None or under is None:
                slow_rows.append([MISSING] * (2 * k if incidence else 2))
            elif incidence:
                slow_rows.append([float(v) for pair in zip(at[1], under[1], strict=True) for v in pair])
            else:
                slow_rows.append([float(at[0]), float(under[0])])
        try:
            statistic = curve_statistic(sample.time, sample.cause, incidence=incidence, **given)  # type: ignore[arg-type]
        except EstimationRefused:
            if not math.isnan(slow_rows[0][0]):
                found.append(Deviation("refused", 1.0, 0.0))
            continue
        found += deviations(f"curves {incidence}", statistic(sample.weights), slow_rows)
        if not incidence and sample.entry is None and n:
            errors = [
                slow.greenwood(one, day) if not math.isnan(row[0]) else MISSING for one, row in zip(rows, slow_rows, strict=True)
            ]
            found += deviations("Greenwood", statistic.std_error(sample.weights)[:, 0], errors)
    return found


def regression_rows(rng: np.random.Generator) -> Weighted:
    n = int(rng.integers(8, 15))
    x = np.column_stack([rng.normal(size=n).round(1), rng.integers(0, 2, n)]).astype(float)
    treated = (rng.random(n) < 0.5).astype(int)
    time, cause = rng.integers(1, int(rng.integers(3, 12)), n), (rng.random(n) < rng.choice([0.1, 0.6, 0.9])).astype(int)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=3).astype(float)
    weights[0] = 1.0
    return Weighted(None, time, cause, x, treated, weights, float(rng.integers(2, 8)))


def as_numbers(fit: list[float] | None, p: int) -> list[float]:
    return [MISSING] * p if fit is None else fit


def agreed(what: str, ours: np.ndarray, slowly: list[list[float]]) -> list[Deviation]:
    """Deviations, where a fit that runs off (either stops at its own bound) may be a number in one of the two only when huge."""
    found: list[Deviation] = []
    for row, (mine, theirs) in enumerate(zip(ours, slowly, strict=True)):
        if np.isnan(mine).any() != any(map(math.isnan, theirs)):
            size = np.nanmax(np.abs(np.concatenate([mine, theirs])))
            found += [Deviation(f"{what}[{row}] exists", float(mine[0]), theirs[0])] if size < 8.0 else []
        else:
            found += deviations(f"{what}[{row}]", mine, theirs, 1e-8)
    return found


def compare_logistic(sample: Weighted) -> list[Deviation]:
    x, y = sample.x.tolist(), sample.treated.tolist()
    slowly = [as_numbers(slow.logistic(x, y, row.tolist()), 3) for row in sample.weights]
    try:
        fits = batched_logistic(sample.treated, sample.x).fit(sample.weights)
    except EstimationRefused:
        return [] if math.isnan(slowly[0][0]) else [Deviation("logistic refused", 1.0, slowly[0][0])]
    return agreed("logistic", fits.estimate, slowly)


def compare_cox(sample: Weighted) -> list[Deviation]:
    time, event, x = sample.time.tolist(), sample.cause.tolist(), sample.x.tolist()
    weight = 0.5 + (np.arange(sample.weights.size).reshape(sample.weights.shape) % 5) / 4
    weight[0] = 1.0
    slowly = [
        as_numbers(slow.cox(time, event, x, row.astype(int).tolist(), w.tolist()), 2)
        for row, w in zip(sample.weights, weight, strict=True)
    ]
    try:
        fits = batched_cox(sample.time, sample.cause, sample.x).fit(sample.weights, weight)
    except EstimationRefused:
        return [] if math.isnan(slowly[0][0]) else [Deviation("Cox refused", 1.0, slowly[0][0])]
    return agreed("Cox", fits.estimate, slowly)


def slow_contrasts(sample: Weighted, copies: list[int]) -> list[float]:
    """Risk difference, restricted mean difference, log hazard ratio of written-out rows."""
    kept = slow.independent(sample.x.tolist(), [c > 0 for c in copies])
    x = [[xi[j] for j in kept] for xi in sample.x.tolist()]
    fit = slow.logistic(x, sample.treated.tolist(), [float(c) for c in copies])
    if fit is None:
        return [MISSING] * 3
    chance = [1 / (1 + math.exp(-fit[0] - sum(b * v for b, v in zip(fit[1:], xi, strict=True)))) for xi in x]
    share = sum(c for c, a in zip(copies, sample.treated, strict=True) if a) / sum(copies)
    weight = [share / e if a else (1 - share) / (1 - e) for e, a in zip(chance, sample.treated, strict=True)]
    arms = []
    for arm in (0, 1):
        rows = [
            (0, int(t), int(d), Fraction(c * w))
            for t, d, a, c, w in zip(sample.time, sample.cause, sample.treated, copies, weight, strict=True)
            if a == arm and c
        ]
        at, under = slow.incidences(rows, Fraction(sample.day), 1), slow.areas(rows, Fraction(sample.day), 1)
        arms.append((MISSING, MISSING) if at is None or under is None else (float(at[0]), float(under[0])))
    hazard = slow.cox(sample.time.tolist(), sample.cause.tolist(), [[float(a)] for a in sample.treated.tolist()], copies, weight)
    return [arms[0][0] - arms[1][0], arms[1][1] - arms[0][1], MISSING if hazard is None else hazard[0]]


def compare_iptw(sample: Weighted) -> list[Deviation]:
    slowly = [slow_contrasts(sample, row.astype(int).tolist()) for row in sample.weights]
    try:
        statistic = iptw_statistic(sample.time, sample.cause, sample.treated, sample.x, day=sample.day)
    except EstimationRefused:
        whole = any(map(math.isnan, slowly[0])) or np.ptp(sample.treated) == 0 or np.ptp(sample.x, axis=0).min() == 0
        return [] if whole else [Deviation("IPTW refused", 1.0, slowly[0][0])]
    ours = statistic(sample.weights)
    found = []
    for j, name in enumerate(("risk difference", "restricted mean difference", "log hazard ratio")):
        found += agreed(name, ours[:, j : j + 1], [[row[j]] for row in slowly])
    return found


def compare_quantiles(values: np.ndarray) -> list[Deviation]:
    found = []
    for p in (0.025, 0.1, 0.25, 0.5, 0.9, 0.975):
        slowly = slow.order_quantile(values.tolist(), p)
        try:
            ours = quantile_of_replicates(np.sort(values), p)
        except EstimationRefused:
            ours = None
        found += deviations(f"quantile {p}", ours, slowly)
    return found


def compare_jackknife(sample: tuple[np.ndarray, np.ndarray]) -> list[Deviation]:
    """The ratio of two weighted sums, by leaving out clusters one at a time."""
    value, cluster = sample
    labels = sorted(set(cluster.tolist()))
    if len(labels) < 2:
        return []
    left = [Fraction(int(value[cluster != one].sum()), int((cluster != one).sum())) for one in labels]
    mean = sum(left, Fraction(0)) / len(left)
    variance = Fraction(len(left) - 1, len(left)) * sum((one - mean) ** 2 for one in left)
    ours = jackknife(lambda w: (w @ value / w.sum(axis=1))[:, None], cluster=cluster, block=3)
    bias = (len(left) - 1) * (mean - Fraction(int(value.sum()), value.size))
    return [
        *deviations("left out", ours.left_out[:, 0], [float(one) for one in left]),
        *deviations("standard error", ours.std_error, [math.sqrt(variance)]),
        *deviations("bias", ours.bias, [float(bias)]),
    ]


def compare_permutation(sample: tuple[np.ndarray, np.ndarray]) -> list[Deviation]:
    value, label = sample
    if label.min() == label.max():
        return []
    centred = value - value.mean()
    ours = permutation_test(lambda g: g @ centred, label, replicates=10_000, seed=1)
    return deviations("p", ours.p_value, float(slow.permutation_p(label.tolist(), value.tolist())))


CHECKS: tuple[Check, ...] = (
    Check("batched curves", weighted_rows, compare_curves),
    Check("batched logistic", regression_rows, compare_logistic, 0.3),
    Check("batched Cox", regression_rows, compare_cox, 0.2),
    Check("weighted contrasts", regression_rows, compare_iptw, 0.2),
    Check("replicate quantiles", lambda rng: rng.integers(0, 20, int(rng.integers(2, 60))) / 4, compare_quantiles),
    Check("jackknife", lambda rng: (rng.integers(0, 9, 8), rng.integers(0, 5, 8)), compare_jackknife, 0.5),
    Check("exact deals", lambda rng: (rng.integers(0, 6, 6), rng.integers(0, 2, 6)), compare_permutation, 0.2),
)
