"""Small random samples, heavy with ties, for the tests between groups, state occupancy and mean counts."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.curves.recurrent import mean_cumulative_count
from tendon_outcomes.estimators.curves.state_occupancy import state_occupancy
from tendon_outcomes.estimators.group_tests.gray import gray_test
from tendon_outcomes.estimators.group_tests.log_rank import log_rank
from tests.slow_reference import slow_states_and_tests as slow
from tests.slow_reference.check import Check, Deviation, deviations

TERMS = ("observed", "expected", "variance")


@dataclass(frozen=True)
class Arms:
    rows: list[slow.Arm]
    weights: list[Fraction]
    clusters: list[int] | None
    rho: int
    gamma: int


@dataclass(frozen=True)
class Pieces:
    rows: list[slow.Piece]
    weights: list[Fraction]
    clusters: list[int] | None
    initial: list[Fraction] | None


def _weights(rng: np.random.Generator, n: int) -> list[Fraction]:
    kind = int(rng.integers(3))
    if kind == 0:
        return [Fraction(1)] * n
    return [Fraction(int(x), 1 if kind == 1 else 4) for x in rng.integers(0 if n > 3 else 1, 5, n)]


def draw_arms(rng: np.random.Generator) -> Arms:
    n, days, groups, strata = (int(rng.integers(*span)) for span in ((2, 13), (2, 8), (2, 4), (1, 3)))
    n, strata = (n, 1) if rng.random() < 0.1 else (max(n, 6), strata if rng.random() < 0.4 else 1)
    chance = rng.choice([0.0, 0.1, 0.6, 1.0], p=[0.02, 0.08, 0.65, 0.25])
    rows = []
    for _ in range(n):
        stop = int(rng.integers(1, days + 1))
        start = int(rng.integers(0, stop)) if rng.random() < 0.3 else 0
        code = int(rng.random() < chance)
        rows.append((Fraction(start), Fraction(stop), code, int(rng.integers(groups)), int(rng.integers(strata))))
    clusters = [int(x) for x in rng.integers(0, max(2, n // 2), n)] if rng.random() < 0.25 else None
    return Arms(rows, _weights(rng, n), clusters, int(rng.integers(3)), int(rng.integers(2)))


def draw_causes(rng: np.random.Generator) -> Arms:
    sample = draw_arms(rng)
    rows = [(Fraction(0), r[1], int(rng.integers(0, 4)), r[3], r[4]) for r in sample.rows]
    return Arms(rows, [Fraction(1)] * len(rows), None, sample.rho, 0)


def compare_log_rank(sample: Arms) -> list[Deviation]:
    kept = [(r, w) for r, w in zip(sample.rows, sample.weights, strict=True) if w > 0]
    robust = sample.clusters is not None or any(w.denominator != 1 for w in sample.weights)
    columns = list(zip(*sample.rows, strict=True))
    groups = {r[3] for r, _ in kept}
    hopeless = len(groups) < 2 or not any(r[2] for r, _ in kept)
    try:
        test = log_rank(
            [float(x) for x in columns[1]],
            columns[2],
            columns[3],
            entry=[float(x) for x in columns[0]],
            strata=columns[4],
            weight=[float(w) for w in sample.weights],
            cluster=sample.clusters,
            rho=sample.rho,
            gamma=sample.gamma,
        )
    except EstimationRefused:
        return [] if hopeless else _refused_for_rank(sample, robust=robust)
    if hopeless:
        return [Deviation("log-rank: refused", 0.0, 1.0)]
    units = None if sample.clusters is None else [c for c, w in zip(sample.clusters, sample.weights, strict=True) if w > 0]
    parts = slow.log_rank([r for r, _ in kept], [w for _, w in kept], units, sample.rho, sample.gamma, robust=robust)
    return _compared("log-rank", test, parts)


def _compared(what: str, test: object, parts: tuple[object, ...]) -> list[Deviation]:
    found = []
    for name, part in zip(TERMS, parts, strict=True):
        found += deviations(f"{what}: {name}", getattr(test, name), np.array(part, dtype=np.float64))
    variance = np.array(parts[2], dtype=np.float64)
    gap = np.array(parts[0], dtype=np.float64) - np.array(parts[1], dtype=np.float64)
    # The pseudo-inverse needs no choice of groups to leave out; its rank is the degrees of freedom.
    rank = int(np.linalg.matrix_rank(variance, tol=1e-9 * max(1e-9, float(np.trace(variance)))))
    found += deviations(f"{what}: df", test.df, rank)  # type: ignore[attr-defined]
    inverse = np.linalg.pinv(variance, rcond=1e-9, hermitian=True)
    return found + deviations(f"{what}: statistic", test.statistic, gap @ inverse @ gap, 1e-7)  # type: ignore[attr-defined]


def _refused_for_rank(sample: Arms, *, robust: bool, gray: bool = False) -> list[Deviation]:
    """A refusal is right when the exact covariance has fewer directions than groups that meet have contrasts."""
    kept = [(r, w) for r, w in zip(sample.rows, sample.weights, strict=True) if w > 0]
    rows, weights = [r for r, _ in kept], [w for _, w in kept]
    units = None if sample.clusters is None else [c for c, w in zip(sample.clusters, sample.weights, strict=True) if w > 0]
    if gray:
        variance = slow.gray(rows, sample.rho)[2]
    else:
        variance = slow.log_rank(rows, weights, units, sample.rho, sample.gamma, robust=robust)[2]
    matrix = np.array(variance, dtype=np.float64)
    values = np.linalg.eigvalsh(matrix)
    full = int(np.count_nonzero(values > 1e-8 * max(float(values[-1]), 1e-300)))
    return [] if full < len({r[3] for r in rows}) - 1 or values[0] < -1e-12 else [Deviation("refused", 1.0, 0.0)]


def compare_gray(sample: Arms) -> list[Deviation]:
    columns = list(zip(*sample.rows, strict=True))
    hopeless = len(set(columns[3])) < 2 or 1 not in columns[2]
    try:
        test = gray_test([float(x) for x in columns[1]], columns[2], columns[3], strata=columns[4], rho=sample.rho)
    except EstimationRefused:
        return [] if hopeless else _refused_for_rank(sample, robust=False, gray=True)
    if hopeless:
        return [Deviation("Gray: refused", 0.0, 1.0)]
    return _compared("Gray", test, slow.gray(sample.rows, sample.rho))


def draw_pieces(rng: np.random.Generator) -> Pieces:
    """States 0 and 1 with returns, 2 absorbing; sometimes gaps, late starts, and rows cut without a move."""
    rows: list[slow.Piece] = []
    weights: list[Fraction] = []
    n = int(rng.integers(1, 7))
    each = _weights(rng, n)
    if not any(each):
        each[0] = Fraction(1)
    for i in range(n):
        start, state = (int(rng.integers(0, 3)) if rng.random() < 0.2 else 0), int(rng.integers(2))
        end = start + int(rng.integers(1, 8))
        while start < end and state < 2:
            stop = min(end, start + int(rng.integers(1, 4)))
            onward = int(rng.choice([0, 1, 2], p=[0.45, 0.45, 0.1]))
            rows.append((i, Fraction(start), Fraction(stop), state, onward))
            weights.append(each[i])
            start, state = stop + int(rng.random() < 0.1), onward
    clusters = [r[0] // 2 for r in rows] if rng.random() < 0.3 else None
    initial = [Fraction(1, 2), Fraction(1, 4), Fraction(1, 4)] if rng.random() < 0.3 else None
    return Pieces(rows, weights, clusters, initial)


def draw_flares(rng: np.random.Generator) -> Pieces:
    """The same pieces with counts 0, 1, 2 and, on last rows, terminal events."""
    sample = draw_pieces(rng)
    rows = []
    for k, r in enumerate(sample.rows):
        last = k + 1 == len(sample.rows) or sample.rows[k + 1][0] != r[0]
        rows.append((r[0], r[1], r[2], int(rng.choice([0, 1, 2], p=[0.4, 0.5, 0.1])), int(last and rng.random() < 0.4)))
    return Pieces(rows, sample.weights, sample.clusters, None)


def _kept(sample: Pieces) -> tuple[list[slow.Piece], list[Fraction], list[int], bool]:
    """Rows with weight, their weights and variance units, and whether weights are copies."""
    chosen = [k for k, w in enumerate(sample.weights) if w > 0]
    rows, weights = [sample.rows[k] for k in chosen], [sample.weights[k] for k in chosen]
    units = [r[0] for r in rows] if sample.clusters is None else [sample.clusters[k] for k in chosen]
    copies = sample.clusters is None and all(w.denominator == 1 for w in sample.weights)
    return rows, weights, units, copies


def _columns(sample: Pieces) -> list[list[float]]:
    return [[float(x) for x in column] for column in zip(*sample.rows, strict=True)]


def compare_occupancy(sample: Pieces) -> list[Deviation]:
    rows, weights, units, copies = _kept(sample)
    fit = state_occupancy(
        *_columns(sample),
        n_states=3,
        initial=None if sample.initial is None else [float(x) for x in sample.initial],
        weight=[float(w) for w in sample.weights],
        cluster=sample.clusters,
    )
    days = sorted({r[2] for r in rows})
    found = deviations("occupancy: days", fit.time, [float(d) for d in days])
    for j, day in enumerate(days):
        for s in range(3):
            if j not in {0, len(days) // 2, len(days) - 1}:
                continue

            def statistic(w: object, s: int = s, day: Fraction = day) -> Fraction:
                return slow.occupancy(rows, w, 3, day, sample.initial)[s]  # type: ignore[arg-type]

            found += deviations(f"occupancy: p{s}", fit.probability[s, j], statistic(weights))
            variance = slow.jackknife(statistic, weights, units, copies=copies)
            found += deviations(f"occupancy: variance {s}", fit.std_error[s, j] ** 2, variance)
    if min(r[1] for r in rows) == 0:

        def lived(w: object) -> Fraction:
            return slow.area(lambda d: slow.occupancy(rows, w, 3, d, sample.initial)[0], days, days[-1])  # type: ignore[arg-type]

        mean = fit.restricted_mean(0, horizon=float(days[-1]))
        found += deviations("occupancy: mean time", mean.estimate, lived(weights))
        variance = slow.jackknife(lived, weights, units, copies=copies)
        found += deviations("occupancy: variance of mean time", mean.std_error**2, variance)
    return found


def compare_mean_count(sample: Pieces) -> list[Deviation]:
    rows, weights, units, copies = _kept(sample)
    subject, start, stop, event, terminal = _columns(sample)
    weight = [float(w) for w in sample.weights]
    fit = mean_cumulative_count(subject, start, stop, event, terminal=terminal, weight=weight, cluster=sample.clusters)
    found = []
    for j, day in enumerate(sorted({r[2] for r in rows})):

        def statistic(w: object, day: Fraction = day) -> Fraction:
            return slow.mean_count(rows, w, day)  # type: ignore[arg-type]

        found += deviations("mean count", fit.estimate[j], statistic(weights))
        found += deviations(
            "mean count: variance", fit.std_error[j] ** 2, slow.jackknife(statistic, weights, units, copies=copies)
        )
    return found


CHECKS: tuple[Check[object], ...] = (
    Check("log-rank family", draw_arms, compare_log_rank),  # type: ignore[arg-type]
    Check("Gray's test", draw_causes, compare_gray),  # type: ignore[arg-type]
    Check("state occupancy", draw_pieces, compare_occupancy, share=0.3),  # type: ignore[arg-type]
    Check("mean cumulative count", draw_flares, compare_mean_count, share=0.5),  # type: ignore[arg-type]
)
