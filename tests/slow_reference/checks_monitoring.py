"""Charts by plain loops, funnel limits in fractions, and the ratio behind a confidence sequence from factorials."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import comb, exp, log, sqrt

import numpy as np

from tendon_outcomes.estimators.monitoring.confidence_sequence import confidence_sequence
from tendon_outcomes.estimators.monitoring.control_chart import ewma
from tendon_outcomes.estimators.monitoring.cusum import grouped_cusum, time_to_event_cusum
from tendon_outcomes.estimators.monitoring.funnel import funnel_limits
from tendon_outcomes.estimators.monitoring.multiplicity import holm
from tendon_outcomes.estimators.monitoring.run_chart import run_chart
from tests.slow_reference.check import Check, Deviation, deviations


@dataclass(frozen=True)
class Quarters:
    improved: list[int]
    runners: list[int]
    baseline: int


def quarters(rng: np.random.Generator) -> Quarters:
    runners = rng.integers(1, 13, int(rng.integers(2, 15)))
    return Quarters(rng.binomial(runners, 0.5).tolist(), runners.tolist(), int(rng.integers(1, runners.size + 1)))


def compare_sequence(sample: Quarters) -> list[Deviation]:
    """With a uniform mixture the ratio is x! (n - x)! / (n + 1)! over pi^x (1 - pi)^(n - x): 20 at a limit that is not 0 or 1."""
    x, n = np.cumsum(sample.improved).tolist(), np.cumsum(sample.runners).tolist()
    found = confidence_sequence(x, n, prior=(1.0, 1.0))
    ratios = []
    for done, of, low, high in zip(x, n, found.conf_low.tolist(), found.conf_high.tolist(), strict=True):
        mixed = -log(comb(of, done)) - log(of + 1)
        ratios += [mixed - done * log(low) - (of - done) * log(1.0 - low)] if done else []
        ratios += [mixed - done * log(high) - (of - done) * log(1.0 - high)] if done < of else []
    return deviations("ratio at the limits", [exp(one) for one in ratios], [20.0] * len(ratios), 1e-7)


def compare_average(sample: Quarters) -> list[Deviation]:
    centre = Fraction(sum(sample.improved[: sample.baseline]), sum(sample.runners[: sample.baseline]))
    weight, value, variance = Fraction(1, 5), centre, Fraction(0)
    values, reaches = [], []
    for done, of in zip(sample.improved, sample.runners, strict=True):
        value = weight * Fraction(done, of) + (1 - weight) * value
        variance = weight**2 * centre * (1 - centre) / of + (1 - weight) ** 2 * variance
        values.append(value)
        reaches.append(min(1.0, float(centre) + 2.7 * sqrt(variance)))
    found = ewma(sample.improved, sample.runners, baseline=sample.baseline, weight=0.2, width=2.7)
    return [*deviations("average", found.value, values), *deviations("limit", found.high, reaches)]


def compare_run_chart(sample: Quarters) -> list[Deviation]:
    values = sorted(sample.improved)
    half = len(values) // 2
    middle = Fraction(values[half] if len(values) % 2 else values[half - 1] + values[half], 1 if len(values) % 2 else 2)
    sides = [value > middle for value in sample.improved if value != middle]
    longest = run = 0
    crossings = 0
    for i, side in enumerate(sides):
        same = i > 0 and side == sides[i - 1]
        run = run + 1 if same else 1
        crossings += i > 0 and not same
        longest = max(longest, run)
    found = run_chart(sample.improved)
    return [
        *deviations("useful", found.useful, len(sides)),
        *deviations("longest run", found.longest_run, longest),
        *deviations("crossings", found.crossings, crossings),
    ]


def compare_sums(sample: Quarters) -> list[Deviation]:
    limit, total, timed, totals, times = 1.2, 0.0, 0.0, [], []
    for done, of in zip(sample.improved, sample.runners, strict=True):
        total = 0.0 if total >= limit else total
        steps = [log(2.0) * (i < done) - log(1.0 + 0.4) for i in range(of)]
        total = max(0.0, total + sum(steps))
        timed = 0.0 if timed >= limit else timed
        timed = max(0.0, timed + done * log(0.5) + 0.5 * of * 0.3)
        totals.append(total)
        times.append(timed)
    risk = [[0.4] * of for of in sample.runners]
    expected = [0.3 * of for of in sample.runners]
    shares = grouped_cusum(sample.improved, risk, odds_ratio=2.0, limit=limit)
    hazards = time_to_event_cusum(sample.improved, expected, hazard_ratio=0.5, limit=limit)
    return [*deviations("shares", shares.value, totals), *deviations("hazards", hazards.value, times)]


def compare_funnel(sample: Quarters) -> list[Deviation]:
    centre, tail = Fraction(sum(sample.improved) + 1, sum(sample.runners) + 2), Fraction(1, 40)
    lows, highs = [], []
    for of in sample.runners:
        lows.append(max(Fraction(0), _lower(of, centre, tail)) / of)
        highs.append(min(Fraction(of), of - _lower(of, 1 - centre, tail)) / of)
    found = funnel_limits(sample.runners, float(centre), levels=(0.95,))
    return [*deviations("low", found.low[0], lows), *deviations("high", found.high[0], highs)]


def _lower(of: int, centre: Fraction, tail: Fraction) -> Fraction:
    below = Fraction(0)
    for count in range(of + 1):
        chance = comb(of, count) * centre**count * (1 - centre) ** (of - count)
        below += chance
        if below >= tail:
            return count - (below - tail) / chance
    raise AssertionError("the chances of all counts add up to 1")


def compare_holm(sample: Quarters) -> list[Deviation]:
    p = [Fraction(done, of) for done, of in zip(sample.improved, sample.runners, strict=True)]
    adjusted = []
    for one in p:
        smaller = sorted(p)
        steps = [(len(p) - i) * value for i, value in enumerate(smaller) if value <= one]
        adjusted.append(min(Fraction(1), max(steps)))
    return deviations("adjusted", holm([float(one) for one in p]), adjusted)


CHECKS: tuple[Check[Quarters], ...] = (
    Check("confidence sequence", quarters, compare_sequence),
    Check("moving average", quarters, compare_average),
    Check("run chart", quarters, compare_run_chart),
    Check("cumulative sums", quarters, compare_sums),
    Check("funnel limits", quarters, compare_funnel, 0.5),
    Check("Holm", quarters, compare_holm, 0.5),
)
