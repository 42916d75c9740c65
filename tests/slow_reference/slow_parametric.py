"""Parametric likelihoods row by row in plain Python, from their definitions; no shared code with the estimators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import erfc, exp, expm1, inf, isinf, log, log1p, pi, sqrt

from scipy.interpolate import CubicSpline

Row = tuple[float, float]


def above(law: str, w: float) -> float:
    """Pr(W > w)."""
    if law in ("weibull", "exponential"):
        return exp(-exp(w))
    if law == "lognormal":
        return 0.5 * erfc(w / sqrt(2.0))
    return 1.0 / (1.0 + exp(w))


def log_density(law: str, w: float) -> float:
    if law in ("weibull", "exponential"):
        return w - exp(w)
    if law == "lognormal":
        return -0.5 * w * w - 0.5 * log(2.0 * pi)
    return -w - 2.0 * log1p(exp(-w))


def free(law: str, t: float, centre: float, s: float) -> float:
    return 1.0 if t == 0.0 else 0.0 if isinf(t) else above(law, (log(t) - centre) / s)


def time_log_likelihood(law: str, rows: Sequence[Row], x: Sequence[Sequence[float]], b: Sequence[float]) -> list[float]:
    """Each row's log-likelihood; the last of `b` is log s, except for exponential times."""
    fixed = law == "exponential"
    s = 1.0 if fixed else exp(b[-1])
    found = []
    for (left, right), columns in zip(rows, x, strict=True):
        centre = sum(c * v for c, v in zip(columns, b if fixed else b[:-1], strict=True))
        if left == right:
            found.append(log_density(law, (log(left) - centre) / s) - log(s) - log(left))
        else:
            found.append(log(free(law, left, centre, s) - free(law, right, centre, s)))
    return found


def cure_log_likelihood(law: str, rows: Sequence[Row], b: Sequence[float]) -> list[float]:
    """Each row's log-likelihood for one logit, one centre and one log s."""
    share = 1.0 / (1.0 + exp(-b[0]))
    s, found = exp(b[2]), []
    for left, right in rows:
        if isinf(right):
            found.append(log(1.0 - share + share * free(law, left, b[1], s)))
        else:
            found.append(log(share) + time_log_likelihood(law, [(left, right)], [[1.0]], b[1:])[0])
    return found


def grouped_log_likelihood(
    rows: Sequence[Row], x: Sequence[float], grid: Sequence[float], baseline: Sequence[float], b: float
) -> list[float]:
    """Each row's log-likelihood when the cells of the grid have the hazards exp(baseline + x b), -inf for none."""
    found = []
    for (left, right), value in zip(rows, x, strict=True):
        before = through = 0.0
        for day, level in zip(grid, baseline, strict=True):
            hazard = 0.0 if isinf(level) else exp(level + value * b)
            before += hazard if day <= left else 0.0
            through += hazard if day <= right else 0.0
        found.append(-before + (0.0 if isinf(right) else log(-expm1(before - through))))
    return found


def spline_hazard(knots: Sequence[float], values: Sequence[float], origin: float) -> Callable[[float], float]:
    """exp of the natural spline through the values at the knots in log(1 + t/origin), straight beyond the outer knots."""
    at = [log1p(k / origin) for k in knots]
    if len(at) == 1:
        return lambda _t: exp(values[0])
    if len(at) == 2:
        return lambda t: exp(values[0] + (values[1] - values[0]) * (log1p(t / origin) - at[0]) / (at[1] - at[0]))
    inside = CubicSpline(at, values, bc_type="natural")

    def hazard(t: float) -> float:
        x = log1p(t / origin)
        near = min(max(x, at[0]), at[-1])
        return exp(float(inside(near)) + float(inside(near, 1)) * (x - near))

    return hazard


def incidence(
    hazards: Sequence[Callable[[float], float]], days: Sequence[float], steps: int = 60
) -> dict[float, tuple[list[float], float]]:
    """Incidences of all causes and the cumulative hazard on ascending days, by Simpson's rule over small steps between them."""
    total, risen, start = 0.0, [0.0] * len(hazards), 0.0
    found = {0.0: (list(risen), 0.0)}
    # Hazards turn quickly just after 0, in log time, hence shorter steps there.
    early = [e for e in (0.05, 0.2, 0.5, 1.0, 2.0, 4.0) if e < max(days)]
    for day in sorted({*days, *early}):
        width = (day - start) / steps
        for i in range(steps):
            ends = [[h(start + (i + part) * width) for h in hazards] for part in (0.0, 0.5, 1.0)]
            sums = [sum(e) for e in ends]
            middle = total + width / 24.0 * (5.0 * sums[0] + 8.0 * sums[1] - sums[2])
            last = total + width / 6.0 * (sums[0] + 4.0 * sums[1] + sums[2])
            for k in range(len(hazards)):
                risen[k] += width / 6.0 * (ends[0][k] * exp(-total) + 4.0 * ends[1][k] * exp(-middle) + ends[2][k] * exp(-last))
            total = last
        start = day
        found[day] = (list(risen), total)
    return found


def slope(f: Callable[[Sequence[float]], float], b: Sequence[float], step: float = 1e-4) -> list[float]:
    """Central differences of fourth order."""
    found = []
    for j in range(len(b)):

        def moved(by: float, j: int = j) -> float:
            return f([v + (by if i == j else 0.0) for i, v in enumerate(b)])

        found.append((8 * (moved(step) - moved(-step)) - (moved(2 * step) - moved(-2 * step))) / (12 * step))
    return found


def cells_alike(rows: Sequence[Row], grid: Sequence[float]) -> bool:
    """Whether no row tells two neighbouring cells apart in which somebody may have recovered."""
    patterns = []
    for day in grid:
        status = tuple("free" if day <= left else "maybe" if day <= right < inf else "out" for left, right in rows)
        if "maybe" in status:
            patterns.append(status)
    return any(one == two for one, two in pairwise(patterns))


def nothing_seen(rows: Sequence[Row]) -> bool:
    """Whether every row is right-censored."""
    return all(right == inf for _, right in rows)
