"""The interval-censored estimators beside their slow versions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import IntervalIncidence, interval_censored_incidence
from tendon_outcomes.estimators.interval_censored.comparisons import interval_milestone_contrast
from tendon_outcomes.estimators.interval_censored.groups import interval_incidence_by_group
from tendon_outcomes.estimators.interval_censored.log_rank import interval_log_rank
from tests.estimators import slow
from tests.slow_reference import slow_npmle
from tests.slow_reference.check import Check, Deviation, deviations
from tests.slow_reference.slow_npmle import Rows

LAST = 14
CRITICAL = 3.841458820694124  # the 95 % point of chi-square with one degree of freedom


@dataclass(frozen=True)
class Grouped:
    rows: Rows
    group: list[int]


def draw(rng: np.random.Generator, *, dated: bool = False, entries: bool = True, causes: int = 3, weighted: bool = True) -> Rows:
    """Few days, many ties; one event or none now and then; whole, fractional and zero weights; half may enter late."""
    n = int(rng.integers(1, 13))
    shares = [(0.3, 0.5, 0.15, 0.05), (0.9, 0.1, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0)][
        int(rng.choice(4, p=[0.7, 0.1, 0.1, 0.1]))
    ]
    cause = [min(int(c), causes) for c in rng.choice(4, size=n, p=shares)]
    step = 1 if dated or rng.random() < 0.5 else 2
    left = [int(step * day) for day in rng.integers(0, 5, n)]
    width = [step * (1 if dated else int(w)) for w in rng.integers(1, 4, n)]
    right = [np.inf if c == 0 else float(low + w) for low, w, c in zip(left, width, cause, strict=True)]
    left = [int(high) - 1 if c >= 2 else low for low, high, c in zip(left, right, cause, strict=True)]
    late = entries and rng.random() < 0.5
    entry = [int(rng.integers(0, low + 1)) if late and rng.random() < 0.5 else 0 for low in left]
    kind = int(rng.integers(0, 3)) if weighted else 0
    weight = [[1.0] * n, [float(w) for w in rng.integers(0, 4, n)], [round(float(w), 2) for w in rng.random(n) + 0.1]][kind]
    return Rows(left, right, cause, entry, weight)


def fit(rows: Rows, **extra: object) -> IntervalIncidence | None:
    """The estimate, None when it is refused."""
    try:
        return interval_censored_incidence(
            rows.left,
            rows.right,
            rows.cause,
            entry=rows.entry,
            weight=rows.weight,
            **extra,  # type: ignore[arg-type]
        )
    except EstimationRefused:
        return None


def spread(found: IntervalIncidence, columns: list[tuple[int, int]]) -> np.ndarray:
    """Our masses on the slow columns: each cell on the day at its end."""
    mass = np.zeros(len(columns))
    for end, of, p in zip(found.support_right, found.support_cause, found.mass, strict=True):
        mass[columns.index((int(end), int(of))) if of else -1] += p
    return mass


def runs_out(rows: Rows) -> bool:
    """Whether the curve reaches 1 before somebody enters, or there is no row at all.

    It does when, of the rows that are there before the day of an entry, none is known to be free of everything through it: the
    likelihood then rises for ever as the mass after that day goes to 0.
    """
    kept = [i for i in range(rows.n) if rows.weight[i] > 0]
    if not kept:
        return True
    for day in {rows.entry[i] for i in kept} - {min(rows.entry[i] for i in kept)}:
        there = [i for i in kept if rows.entry[i] < day]
        if not any((rows.right[i] > day) if rows.cause[i] >= 2 else (rows.left[i] >= day) for i in there):
            return True
    return False


def compare_optimum(rows: Rows) -> list[Deviation]:
    """No column would gain from mass, masses sum to 1, the log-likelihood is the one of the definition; standard errors too."""
    found = fit(rows)
    kept = [i for i in range(rows.n) if rows.weight[i] > 0]
    if found is None:
        return deviations("refused only where the curve runs out", float(runs_out(rows)), 1.0)
    allowed, given, columns = slow_npmle.matrices(rows, LAST)
    allowed, given, weight = allowed[kept], given[kept], np.array(rows.weight)[kept]
    mass = spread(found, columns)
    gap = slow_npmle.optimality_gap(allowed, given, weight, mass)
    wrong = deviations("optimality gap", max(gap, 0.0), 0.0, 1e-7) + deviations("sum of masses", mass.sum(), 1.0)
    wrong += deviations("log-likelihood", found.log_likelihood, slow_npmle.log_likelihood(allowed, given, weight, mass))
    held = np.flatnonzero(mass > 1e-9)
    if mass[held].min() < 1e-4 or found.singular or found.robust:
        return wrong
    ends = [day for day in range(1, 10) if day < found.last_follow_up or found.last_follow_up == np.inf]
    by_then = [[float(columns[j][1] == 1 and columns[j][0] <= day) for j in held] for day in ends]
    functionals = np.array(by_then).reshape(-1, held.size)
    slow_errors = slow_npmle.std_errors(allowed[:, held], given[:, held], weight, mass[held], functionals)
    if slow_errors is None or not ends:
        return wrong
    ours = found.lower(1, ends)
    inside = (ours.estimate > 0) & (ours.estimate < 1)
    return wrong + deviations("standard error", ours.std_error[inside], slow_errors[inside], 1e-6)


def compare_dated(rows: Rows) -> list[Deviation]:
    """Dated data, late entry, any weights: Aalen-Johansen in fractions and its jackknife."""
    found = fit(rows, robust=True)
    if found is None:
        return []
    table = [
        (Fraction(entry), Fraction(low) if c == 0 else Fraction(int(high)), c)
        for low, high, c, entry in zip(rows.left, rows.right, rows.cause, rows.entry, strict=True)
    ]
    weights = [Fraction(w) for w in rows.weight]
    wrong = []
    days = [day for day in range(1, 7) if day <= found.last_follow_up]
    for cause in found.causes:
        for day in days:
            expected = slow.incidence(table, weights, cause, Fraction(day))
            ours = found.lower(cause, day)
            wrong += deviations(f"cause {cause} day {day}", ours.estimate, expected)
            if 0 < expected < 1 and day == days[-1]:
                variance = slow.jackknife(lambda w, k=cause, d=day: slow.incidence(table, w, k, Fraction(d)), weights)
                wrong += deviations(f"variance, cause {cause} day {day}", float(ours.std_error) ** 2, variance, 1e-8)
    return wrong


def compare_profile(rows: Rows) -> list[Deviation]:
    """At each likelihood-ratio limit the slow profile is at the critical value (to 1e-4: that is what plain EM leaves)."""
    found = fit(rows)
    day, kept = 4, [i for i in range(rows.n) if rows.weight[i] > 0]
    if found is None or day > found.last_follow_up:
        return []
    lower, upper = (float(v) for v in found.bounds(1, day))
    if (lower, upper) in ((0.0, 0.0), (1.0, 1.0)):
        return []
    allowed, _, columns = slow_npmle.matrices(rows, LAST)
    chosen, weight = np.array([float(of == 1 and d <= day) for d, of in columns]), np.array(rows.weight)[kept]
    critical, wrong = CRITICAL, []
    if found.robust:
        return []
    limits = found.likelihood_ratio_limits(1, day)
    for name, limit in zip(limits._fields, limits, strict=True):
        if 1e-3 < float(limit) < 1 - 1e-3:
            best = slow_npmle.constrained_log_likelihood(allowed[kept], weight, chosen, float(limit), sweeps=3_000)
            wrong += deviations(name, 2 * (found.log_likelihood - best), critical, 1e-4)
    return wrong


def draw_grouped(rng: np.random.Generator) -> Grouped:
    rows = draw(rng, entries=False, causes=1, weighted=False)
    return Grouped(rows, [int(g) for g in rng.integers(0, 3, rows.n)])


def compare_log_rank(sample: Grouped) -> list[Deviation]:
    """Sun's brackets row by row, and the permutation covariance entry by entry."""
    rows, group = sample.rows, sample.group
    names = sorted(set(group))
    place = [names.index(g) for g in group]
    pooled = fit(rows)
    assert pooled is not None
    cells = [(float(e), float(m)) for e, m in zip(pooled.support_right, pooled.mass, strict=True) if np.isfinite(e) and m > 1e-11]
    scores = slow_npmle.sun_scores(rows.left, rows.right, [e for e, _ in cells], [m for _, m in cells])
    try:
        ours = interval_log_rank(rows.left, rows.right, group)
    except EstimationRefused:
        return deviations("refused only without a comparison", float(len(names) < 2 or max(map(abs, scores)) < 1e-9), 1.0)
    totals = [sum(c for c, p in zip(scores, place, strict=True) if p == a) for a in range(len(names))]
    wrong = deviations("observed less expected", ours.observed - ours.expected, totals, 1e-7)
    wrong += deviations(
        "observed", ours.observed, [sum(c for c, p in zip(rows.cause, place, strict=True) if p == a) for a in range(len(names))]
    )
    return wrong + deviations("covariance", ours.variance, slow_npmle.permutation_covariance(scores, place, len(names)), 1e-7)


def draw_two_groups(rng: np.random.Generator) -> Grouped:
    rows = draw(rng, entries=False)
    return Grouped(rows, [int(g) for g in rng.integers(0, 2, rows.n)])


def compare_contrast(sample: Grouped) -> list[Deviation]:
    """The difference of two groups from their own limits, distance by distance."""
    rows, group = sample.rows, np.array(sample.group)
    try:
        groups = interval_incidence_by_group(rows.left, rows.right, rows.cause, group, weight=rows.weight)
        bracket = interval_milestone_contrast(groups, 1, 4, group=1, reference=0)
    except EstimationRefused:
        parts = [np.array(rows.weight)[group == g] for g in (0, 1)]
        alone = [fit(_of(rows, group == g)) if parts[g].any() else None for g in (0, 1)]
        beyond = any(one is None or one.last_follow_up < 4 for one in alone)
        return deviations("refused only without two groups followed that far", float(beyond), 1.0)
    one, other = (fit(_of(rows, group == g)) for g in (1, 0))
    assert one is not None
    assert other is not None
    wrong = []
    for name, ours, p, q in (
        ("lower", bracket.lower, one.lower(1, 4), other.upper(1, 4)),
        ("upper", bracket.upper, one.upper(1, 4), other.lower(1, 4)),
    ):
        value = float(p.estimate) - float(q.estimate)
        low = ((float(p.estimate) - float(p.conf_low)) ** 2 + (float(q.conf_high) - float(q.estimate)) ** 2) ** 0.5
        high = ((float(p.conf_high) - float(p.estimate)) ** 2 + (float(q.estimate) - float(q.conf_low)) ** 2) ** 0.5
        wrong += deviations(f"{name}: estimate", ours.estimate, value) + deviations(
            f"{name}: low", ours.conf_low, max(value - low, -1.0)
        )
        wrong += deviations(f"{name}: high", ours.conf_high, min(value + high, 1.0))
    return wrong


def _of(rows: Rows, chosen: np.ndarray) -> Rows:
    columns = (rows.left, rows.right, rows.cause, rows.entry, rows.weight)
    return Rows(*([value for value, of in zip(column, chosen, strict=True) if of] for column in columns))  # type: ignore[arg-type]


CHECKS: tuple[Check, ...] = (
    Check("interval-censored incidence: optimality, likelihood, standard errors", draw, compare_optimum),
    Check("interval-censored incidence on dated data", lambda rng: draw(rng, dated=True), compare_dated, share=0.5),
    Check("likelihood-ratio limits", lambda rng: draw(rng, entries=False), compare_profile, share=0.1),
    Check("interval log-rank", draw_grouped, compare_log_rank),
    Check("interval milestone difference", draw_two_groups, compare_contrast),
)
