"""Cox residuals, checks, baselines, concordance and Fine-Gray sums from their definitions, in loops over rows and fractions.

Hazard ratios are fractions and covariates whole numbers, so a row's score is a fraction and nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

Vector = list[Fraction]
Matrix = list[list[Fraction]]


@dataclass(frozen=True)
class Row:
    """At risk on the days entry < day <= stop; `code` 0 censored, 1 the event, 2 another one (Fine-Gray only)."""

    entry: Fraction
    stop: Fraction
    code: int
    x: tuple[int, ...]
    weight: Fraction
    stratum: int
    cluster: int

    @property
    def event(self) -> bool:
        return self.code == 1


def score_of(row: Row, ratios: Sequence[Fraction]) -> Fraction:
    value = Fraction(1)
    for ratio, x in zip(ratios, row.x, strict=True):
        value *= ratio**x
    return value


@dataclass(frozen=True)
class Part:
    """One of the d denominators of a day: the shares with which rows count, the hazard, and the mean covariates."""

    share: dict[int, Fraction]
    hazard: Fraction
    denominator: Fraction
    mean: Vector
    covariance: Matrix


@dataclass(frozen=True)
class Day:
    stratum: int
    time: Fraction
    events: list[int]
    mean_weight: Fraction
    parts: list[Part]


def days_of(rows: Sequence[Row], ratios: Sequence[Fraction], ties: str) -> list[Day]:
    found = []
    for stratum, time in sorted({(row.stratum, row.stop) for row in rows if row.event}):
        at_risk = [i for i, row in enumerate(rows) if row.stratum == stratum and row.entry < time <= row.stop]
        events = [i for i in at_risk if rows[i].event and rows[i].stop == time]
        d = len(events)
        mean_weight = sum((rows[i].weight for i in events), Fraction(0)) / d
        parts = [_part(rows, ratios, at_risk, events, Fraction(k, d) if ties == "efron" else Fraction(0)) for k in range(d)]
        found.append(Day(stratum, time, events, mean_weight, parts))
    return found


def _part(rows: Sequence[Row], ratios: Sequence[Fraction], at_risk: list[int], events: list[int], less: Fraction) -> Part:
    share = {i: 1 - less if i in events else Fraction(1) for i in at_risk}
    mass = {i: share[i] * rows[i].weight * score_of(rows[i], ratios) for i in at_risk}
    total = sum(mass.values(), Fraction(0))
    p = len(ratios)
    mean = [sum((mass[i] * rows[i].x[a] for i in at_risk), Fraction(0)) / total for a in range(p)]
    covariance = [
        [
            sum((mass[i] * (rows[i].x[a] - mean[a]) * (rows[i].x[b] - mean[b]) for i in at_risk), Fraction(0)) / total
            for b in range(p)
        ]
        for a in range(p)
    ]
    weight = sum((rows[i].weight for i in events), Fraction(0)) / len(events)
    return Part(share, weight / total, total, mean, covariance)


def martingale(rows: Sequence[Row], ratios: Sequence[Fraction], ties: str) -> Vector:
    left = [Fraction(int(row.event)) for row in rows]
    for day in days_of(rows, ratios, ties):
        for part in day.parts:
            for i, share in part.share.items():
                left[i] -= share * score_of(rows[i], ratios) * part.hazard
    return left


def score_residuals(rows: Sequence[Row], ratios: Sequence[Fraction], ties: str) -> Matrix:
    p = len(ratios)
    total = [[Fraction(0)] * p for _ in rows]
    for day in days_of(rows, ratios, ties):
        for part in day.parts:
            for i, share in part.share.items():
                jump = Fraction(1, len(day.parts)) if i in day.events else Fraction(0)
                moved = jump - share * score_of(rows[i], ratios) * part.hazard
                for a in range(p):
                    total[i][a] += moved * (rows[i].x[a] - part.mean[a])
    return total


def schoenfeld(rows: Sequence[Row], ratios: Sequence[Fraction], ties: str) -> list[tuple[int, Vector]]:
    """(row, residual) in order of stratum, time, row."""
    found = []
    for day in days_of(rows, ratios, ties):
        for i in day.events:
            d = len(day.parts)
            found.append(
                (i, [rows[i].x[a] - sum((part.mean[a] for part in day.parts), Fraction(0)) / d for a in range(len(ratios))])
            )
    return found


def information(
    rows: Sequence[Row], ratios: Sequence[Fraction], ties: str, factor: dict[Fraction, Fraction] | None = None
) -> Matrix:
    p = len(ratios)
    total = [[Fraction(0)] * p for _ in range(p)]
    for day in days_of(rows, ratios, ties):
        scale = day.mean_weight * (1 if factor is None else factor[day.time])
        for part in day.parts:
            for a in range(p):
                for b in range(p):
                    total[a][b] += scale * part.covariance[a][b]
    return total


def solved(matrix: Matrix, right: Vector) -> Vector | None:
    """Gauss-Jordan in fractions; None when the matrix is singular."""
    n = len(right)
    table = [[*matrix[i], right[i]] for i in range(n)]
    for i in range(n):
        pivot = next((k for k in range(i, n) if table[k][i] != 0), None)
        if pivot is None:
            return None
        table[i], table[pivot] = table[pivot], table[i]
        table[i] = [value / table[i][i] for value in table[i]]
        for k in range(n):
            if k != i:
                table[k] = [a - table[k][i] * b for a, b in zip(table[k], table[i], strict=True)]
    return [row[-1] for row in table]


def inverse(matrix: Matrix) -> Matrix | None:
    n = len(matrix)
    columns = [solved(matrix, [Fraction(int(i == j)) for i in range(n)]) for j in range(n)]
    return None if any(column is None for column in columns) else [[columns[j][i] for j in range(n)] for i in range(n)]


def usable_design(rows: Sequence[Row]) -> bool:
    """Whether an intercept and the covariates are linearly independent over the rows (a constant column is not)."""
    full = [[Fraction(1), *map(Fraction, row.x)] for row in rows]
    k = len(full[0])
    gram = [[sum((row[a] * row[b] for row in full), Fraction(0)) for b in range(k)] for a in range(k)]
    return inverse(gram) is not None


def time_scale(rows: Sequence[Row], transform: str) -> dict[Fraction, Fraction]:
    """g of each event day: time itself, its mid-rank among exits, or one minus Kaplan-Meier just before it (unweighted)."""
    scale = {}
    for time in {row.stop for row in rows if row.event}:
        if transform == "identity":
            scale[time] = time
        elif transform == "rank":
            earlier, same = sum(row.stop < time for row in rows), sum(row.stop == time for row in rows)
            scale[time] = earlier + Fraction(same + 1, 2)
        else:
            survival = Fraction(1)
            for day in sorted({row.stop for row in rows if row.event and row.stop < time}):
                at_risk = sum(row.entry < day <= row.stop for row in rows)
                survival *= 1 - Fraction(sum(row.event and row.stop == day for row in rows), at_risk)
            scale[time] = 1 - survival
    return scale


def zph(rows: Sequence[Row], ratios: Sequence[Fraction], ties: str, transform: str) -> list[Fraction] | None:
    """Score statistics of x g(t) for each covariate, then for all; None when one of them does not exist."""
    p, g = len(ratios), time_scale(rows, transform)
    squares = {time: value**2 for time, value in g.items()}
    blocks = [information(rows, ratios, ties, factor) for factor in (None, g, squares)]
    u = [Fraction(0)] * p
    for i, residual in schoenfeld(rows, ratios, ties):
        for a in range(p):
            u[a] += rows[i].weight * g[rows[i].stop] * residual[a]
    # The score for x itself is 0 at the maximum; a constant in g changes u by a multiple of it, so it is taken out here.
    plain = [Fraction(0)] * p
    for i, residual in schoenfeld(rows, ratios, ties):
        for a in range(p):
            plain[a] += rows[i].weight * residual[a]
    events = [row.stop for row in rows if row.event]
    middle = sum((g[time] for time in events), Fraction(0)) / len(events)
    u = [a - middle * b for a, b in zip(u, plain, strict=True)]
    found = []
    for at in [*([j] for j in range(p)), list(range(p))]:
        size = p + len(at)
        whole = [[_entry(blocks, p, at, a, b) for b in range(size)] for a in range(size)]
        score = [Fraction(0)] * p + [u[j] for j in at]
        answer = solved(whole, score)
        if answer is None:
            return None
        found.append(sum((a * b for a, b in zip(answer, score, strict=True)), Fraction(0)))
    return found


def _entry(blocks: list[Matrix], p: int, at: list[int], a: int, b: int) -> Fraction:
    which = (a >= p) + (b >= p)
    return blocks[which][a if a < p else at[a - p]][b if b < p else at[b - p]]


def baseline(
    rows: Sequence[Row], ratios: Sequence[Fraction], ties: str
) -> list[tuple[int, Fraction, Fraction, Fraction, Vector]]:
    """(stratum, day, increment, its variance, hazard times mean covariates) of a row with covariates 0."""
    found = []
    for day in days_of(rows, ratios, ties):
        hazard = sum((part.hazard for part in day.parts), Fraction(0))
        variance = sum((day.mean_weight / part.denominator**2 for part in day.parts), Fraction(0))
        mean = [sum((part.hazard * part.mean[a] for part in day.parts), Fraction(0)) for a in range(len(ratios))]
        found.append((day.stratum, day.time, hazard, variance, mean))
    return found


def concordance(rows: Sequence[Row], score: Sequence[int]) -> tuple[list[Fraction], Vector] | None:
    """Weighted pairs (concordant, discordant, tied score, tied time, tied both); the derivative of the index by each weight."""
    kinds = {(i, j): _pair(rows, score, i, j) for i in range(len(rows)) for j in range(len(rows)) if i != j}
    counts = [
        sum((rows[i].weight * rows[j].weight for (i, j), kind in kinds.items() if kind == k), Fraction(0)) for k in range(5)
    ]
    counts[3], counts[4] = counts[3] / 2, counts[4] / 2  # both orders were seen
    whole = sum(counts[:3], Fraction(0))
    if whole == 0:
        return None
    index = (counts[0] + counts[2] / 2) / whole
    value = {0: Fraction(1), 1: Fraction(0), 2: Fraction(1, 2)}
    influence = [Fraction(0)] * len(rows)
    for (i, j), kind in kinds.items():
        if kind in value:
            influence[i] += rows[j].weight * (value[kind] - index) / whole
            influence[j] += rows[i].weight * (value[kind] - index) / whole
    return counts, influence


def _pair(rows: Sequence[Row], score: Sequence[int], i: int, j: int) -> int | None:
    """How the event of row i stands to row j: 0 concordant, 1 discordant, 2 tied score, 3 tied time, 4 both; None: no pair."""
    one, other = rows[i], rows[j]
    if not one.event or one.stratum != other.stratum or not other.entry < one.stop <= other.stop:
        return None
    if other.event and other.stop == one.stop:
        return 4 if score[i] == score[j] else 3
    return 0 if score[i] > score[j] else 1 if score[i] < score[j] else 2


# --- Fine and Gray -----------------------------------------------------------------------------------------------------------


def uncensored(rows: Sequence[Row], group: int, time: Fraction) -> Fraction:
    """Kaplan-Meier probability of not being censored before `time`; 0 when nobody of the group is followed that far."""
    mine = [row for row in rows if row.stratum == group]
    if not any(row.stop >= time for row in mine):
        return Fraction(0)
    value = Fraction(1)
    for day in sorted({row.stop for row in mine if row.code == 0 and row.stop < time}):
        lost = sum((row.weight for row in mine if row.code == 0 and row.stop == day), Fraction(0))
        value *= 1 - lost / sum((row.weight for row in mine if row.stop >= day), Fraction(0))
    return value


def presence(rows: Sequence[Row], i: int, time: Fraction) -> Fraction:
    """Weight of a row in the risk set of a day."""
    row = rows[i]
    if row.stop >= time:
        return Fraction(1)
    if row.code != 2:
        return Fraction(0)
    return uncensored(rows, row.stratum, time) / uncensored(rows, row.stratum, row.stop)


@dataclass(frozen=True)
class FineGraySums:
    gradient: Vector
    information: Matrix
    own: Matrix  # (n, p) score influence without the censoring curve
    censoring: Matrix  # (n, p) the part through it
    baseline: Fraction  # cumulative hazard for covariates 0, through the last day asked
    baseline_influence: Vector  # without the coefficients' part
    weighted_mean: Vector  # sum of mean times hazard through that day


def fine_gray(rows: Sequence[Row], ratios: Sequence[Fraction], until: Fraction) -> FineGraySums:
    p, n = len(ratios), len(rows)
    times = sorted({row.stop for row in rows if row.code == 1})
    score = [score_of(row, ratios) for row in rows]
    here = {t: [presence(rows, i, t) for i in range(n)] for t in times}
    mass = {t: [rows[i].weight * score[i] * here[t][i] for i in range(n)] for t in times}
    s0 = {t: sum(mass[t], Fraction(0)) for t in times}
    mean = {t: [sum((mass[t][i] * rows[i].x[a] for i in range(n)), Fraction(0)) / s0[t] for a in range(p)] for t in times}
    hazard = {t: sum((row.weight for row in rows if row.code == 1 and row.stop == t), Fraction(0)) / s0[t] for t in times}
    gradient, own = [Fraction(0)] * p, [[Fraction(0)] * p for _ in rows]
    info = [[Fraction(0)] * p for _ in range(p)]
    base = [Fraction(0)] * n
    for t in times:
        for i, row in enumerate(rows):
            martingale = Fraction(int(row.code == 1 and row.stop == t)) - here[t][i] * score[i] * hazard[t]
            base[i] += martingale / s0[t] if t <= until else 0
            for a in range(p):
                own[i][a] += martingale * (row.x[a] - mean[t][a])
                for b in range(p):
                    info[a][b] += mass[t][i] * hazard[t] * (row.x[a] - mean[t][a]) * (row.x[b] - mean[t][b])
    for a in range(p):
        gradient[a] = sum((rows[i].weight * own[i][a] for i in range(n)), Fraction(0))
    censoring = [[Fraction(0)] * p for _ in rows]
    for i, row in enumerate(rows):
        for u in sorted({other.stop for other in rows if other.code == 0 and other.stratum == row.stratum}):
            at_risk = sum((o.weight for o in rows if o.stratum == row.stratum and o.stop >= u), Fraction(0))
            lost = sum((o.weight for o in rows if o.stratum == row.stratum and o.code == 0 and o.stop == u), Fraction(0))
            moved = (int(row.code == 0 and row.stop == u) - int(row.stop >= u) * lost / at_risk) / at_risk
            for k, other in enumerate(rows):
                if other.code != 2 or other.stratum != row.stratum or not other.stop < u:
                    continue
                for t in times:
                    if t >= u:
                        for a in range(p):
                            censoring[i][a] += moved * mass[t][k] * hazard[t] * (other.x[a] - mean[t][a])
                        base[i] += moved * mass[t][k] * hazard[t] / s0[t] if t <= until else 0
    upto = [t for t in times if t <= until]
    return FineGraySums(
        gradient=gradient,
        information=info,
        own=own,
        censoring=censoring,
        baseline=sum((hazard[t] for t in upto), Fraction(0)),
        baseline_influence=base,
        weighted_mean=[sum((hazard[t] * mean[t][a] for t in upto), Fraction(0)) for a in range(p)],
    )
