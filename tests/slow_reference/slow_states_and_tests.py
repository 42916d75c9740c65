"""Log-rank, Gray, state occupancy and mean counts from their definitions, in fractions and plain loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

Number = Fraction
Arm = tuple[Fraction, Fraction, int, int, int]  # entry, exit, cause (0 = censored), group, stratum
Piece = tuple[int, Fraction, Fraction, int, int]  # subject, start, stop, and two codes
NUDGE = Fraction(1, 10**30)
ZERO = Fraction(0)


def total(values: Sequence[Fraction]) -> Fraction:
    return sum(values, ZERO)


def over(above: Fraction, below: Fraction) -> Fraction:
    return above / below if below else ZERO


def days_of(rows: Sequence[Arm], stratum: int) -> list[Fraction]:
    return sorted({r[1] for r in rows if r[4] == stratum and r[2] > 0})


def here(rows: Sequence[Arm], weights: Sequence[Fraction], stratum: int, day: Fraction, group: int | None = None) -> Fraction:
    """Weight at risk."""
    return total(
        [
            w
            for r, w in zip(rows, weights, strict=True)
            if r[4] == stratum and r[0] < day <= r[1] and (group is None or r[3] == group)
        ]
    )


def leaving(
    rows: Sequence[Arm], weights: Sequence[Fraction], stratum: int, day: Fraction, causes: set[int], group: int | None = None
) -> Fraction:
    """Weight with one of `causes` on the day."""
    return total(
        [
            w
            for r, w in zip(rows, weights, strict=True)
            if r[4] == stratum and r[1] == day and r[2] in causes and (group is None or r[3] == group)
        ]
    )


def survival_before(
    rows: Sequence[Arm], weights: Sequence[Fraction], stratum: int, day: Fraction, causes: set[int], group: int | None = None
) -> Fraction:
    """Kaplan-Meier of any of `causes`, just before the day."""
    value = Fraction(1)
    for d in days_of(rows, stratum):
        n = here(rows, weights, stratum, d, group)
        if d < day and n:
            value *= 1 - leaving(rows, weights, stratum, d, causes, group) / n
    return value


def log_rank(
    rows: Sequence[Arm],
    weights: Sequence[Fraction],
    clusters: Sequence[int] | None,
    rho: int,
    gamma: int,
    *,
    robust: bool,
) -> tuple[list[Fraction], list[Fraction], list[list[Fraction]]]:
    """Observed, expected and covariance over the sorted groups."""
    groups = sorted({r[3] for r in rows})
    observed, expected = [ZERO for _ in groups], [ZERO for _ in groups]
    variance = [[ZERO for _ in groups] for _ in groups]
    scores = [[ZERO for _ in groups] for _ in rows]
    for stratum in sorted({r[4] for r in rows}):
        for day in days_of(rows, stratum):
            before = survival_before(rows, weights, stratum, day, {1})
            importance = before**rho * (1 - before) ** gamma
            n, d = here(rows, weights, stratum, day), leaving(rows, weights, stratum, day, {1})
            share = [here(rows, weights, stratum, day, g) / n for g in groups]
            for i, g in enumerate(groups):
                observed[i] += importance * leaving(rows, weights, stratum, day, {1}, g)
                expected[i] += importance * d * share[i]
                for j in range(len(groups)):
                    if n > 1:
                        variance[i][j] += importance**2 * d * (n - d) / (n - 1) * share[i] * (int(i == j) - share[j])
                for k, r in enumerate(rows):
                    if r[4] == stratum and r[0] < day <= r[1]:
                        residual = int(r[1] == day and r[2] == 1) - d / n
                        scores[k][i] += weights[k] * importance * (int(r[3] == g) - share[i]) * residual
    if robust:
        names = list(range(len(rows))) if clusters is None else list(clusters)
        summed = [
            [total([s[i] for s, c in zip(scores, names, strict=True) if c == name]) for i in range(len(groups))]
            for name in sorted(set(names))
        ]
        variance = [[total([u[i] * u[j] for u in summed]) for j in range(len(groups))] for i in range(len(groups))]
    return observed, expected, variance


def gray(rows: Sequence[Arm], rho: int) -> tuple[list[Fraction], list[Fraction], list[list[Fraction]]]:
    """Gray's test of cause 1, term by term."""
    one = [Fraction(1)] * len(rows)
    groups = sorted({r[3] for r in rows})
    observed, expected = [ZERO for _ in groups], [ZERO for _ in groups]
    variance = [[ZERO for _ in groups] for _ in groups]
    every, index = {1, 2, 3}, range(len(groups))
    for stratum in sorted({r[4] for r in rows}):
        days = days_of(rows, stratum)
        y = [[here(rows, one, stratum, d, g) for d in days] for g in groups]
        own = [[leaving(rows, one, stratum, d, {1}, g) for d in days] for g in groups]
        other = [[leaving(rows, one, stratum, d, {2, 3}, g) for d in days] for g in groups]
        s = [[survival_before(rows, one, stratum, d, every, g) for d in days] for g in groups]
        s_after = [[s[g][j] * (1 - over(own[g][j] + other[g][j], y[g][j])) for j in range(len(days))] for g in range(len(groups))]
        f = [
            [total([s[g][i] * over(own[g][i], y[g][i]) for i in range(j)]) for j in range(len(days))] for g in range(len(groups))
        ]
        h = [[over(y[g][j], s[g][j]) for j in range(len(days))] for g in range(len(groups))]
        everyone = [total([h[g][j] for g in range(len(groups))]) for j in range(len(days))]
        d1 = [total([own[g][j] for g in range(len(groups))]) for j in range(len(days))]
        step = [over(d1[j], everyone[j]) for j in range(len(days))]
        free = [1 - total(step[: j + 1]) for j in range(len(days))]
        before = [max(1 - total(step[:j]), ZERO) for j in range(len(days))]
        for j in range(len(days)):
            followed = [h[g][j] * (1 - f[g][j]) for g in range(len(groups))]
            for g in range(len(groups)):
                observed[g] += before[j] ** rho * own[g][j]
                expected[g] += before[j] ** rho * d1[j] * over(followed[g], total(followed))

        deviation = [
            [[before[j] ** rho * (int(g == r) - over(h[g][j], everyone[j])) * h[r][j] for j in range(len(days))] for r in index]
            for g in index
        ]
        for r in range(len(groups)):
            for j in range(len(days)):
                q = over(free[j], s_after[r][j])
                ahead = [
                    total([deviation[g][r][i] * over(step[i], before[i]) for i in range(j + 1, len(days))])
                    for g in range(len(groups))
                ]
                a = [deviation[g][r][j] + ((1 - q) * ahead[g] if s_after[r][j] else ZERO) for g in range(len(groups))]
                b = [-q * ahead[g] for g in range(len(groups))]
                own_tie = 1 - over(d1[j] - 1, everyone[j] * s[r][j] - 1) if d1[j] > 1 else Fraction(1)
                other_tie = 1 - over(other[r][j] - 1, y[r][j] - 1) if other[r][j] > 1 else Fraction(1)
                if own_tie != 1 and everyone[j] * s[r][j] <= 1:
                    own_tie = Fraction(1)
                for g in range(len(groups)):
                    for k in range(len(groups)):
                        variance[g][k] += a[g] * a[k] * over(step[j], h[r][j]) * own_tie
                        variance[g][k] += b[g] * b[k] * over(other[r][j], h[r][j] ** 2) * other_tie
    return observed, expected, variance


def occupancy(
    rows: Sequence[Piece], weights: Sequence[Fraction], n_states: int, day: Fraction, initial: Sequence[Fraction] | None
) -> list[Fraction]:
    """Aalen-Johansen: the product of the days' transition fractions."""
    origin = min(r[1] for r in rows)
    begun = [(r[3], w) for r, w in zip(rows, weights, strict=True) if r[1] == origin]
    mass = total([w for _, w in begun])
    p = list(initial) if initial is not None else [total([w for s, w in begun if s == k]) / mass for k in range(n_states)]
    for now in sorted({r[2] for r in rows if r[2] <= day}):
        after = [ZERO for _ in range(n_states)]
        for k in range(n_states):
            inside = [(r, w) for r, w in zip(rows, weights, strict=True) if r[3] == k and r[1] < now <= r[2]]
            n, stays = total([w for _, w in inside]), p[k]
            for r, w in inside:
                if r[2] == now and r[4] != k:
                    after[r[4]] += p[k] * w / n
                    stays -= p[k] * w / n
            after[k] += stays
        p = after
    return p


def mean_count(rows: Sequence[Piece], weights: Sequence[Fraction], day: Fraction) -> Fraction:
    """Ghosh and Lin: sum of S(t-) d/n; codes are events, and 1 for the terminal event."""
    alive, mean = Fraction(1), ZERO
    for now in sorted({r[2] for r in rows if r[2] <= day}):
        inside = [(r, w) for r, w in zip(rows, weights, strict=True) if r[1] < now <= r[2]]
        n = total([w for _, w in inside])
        mean += alive * total([w * r[3] for r, w in inside if r[2] == now]) / n
        alive *= 1 - total([w for r, w in inside if r[2] == now and r[4] == 1]) / n
    return mean


def area(curve: Callable[[Fraction], Fraction], days: Sequence[Fraction], horizon: Fraction) -> Fraction:
    """Area under a step curve that changes on `days`, from 0."""
    edges = [ZERO, *sorted(d for d in set(days) if ZERO < d < horizon), horizon]
    return total([curve(a) * (b - a) for a, b in pairwise(edges)])


def jackknife(
    statistic: Callable[[Sequence[Fraction]], Fraction],
    weights: Sequence[Fraction],
    units: Sequence[int],
    *,
    copies: bool,
) -> Fraction:
    """Sum over units of the squared change of the statistic when a unit's weights grow by a factor; central differences."""
    result = ZERO
    for unit in sorted(set(units)):
        up = [w * (1 + NUDGE) if u == unit else w for w, u in zip(weights, units, strict=True)]
        down = [w * (1 - NUDGE) if u == unit else w for w, u in zip(weights, units, strict=True)]
        slope = (statistic(up) - statistic(down)) / (2 * NUDGE)
        own = next(w for w, u in zip(weights, units, strict=True) if u == unit)
        result += slope**2 / own if copies else slope**2
    return result
