"""Gate row `run_length`: cumulative sums run as long in control as they were designed to, with staggered entry too.

Aims: is the in-control run length that of the design, and are published examples reproduced? Data: quarters of 8 to 40 runners
who enter on any day of the quarter and are followed for 12 weeks; looks at the ends of quarters, so that the runners of one
quarter are spread over two looks. Methods: the limit is found on one set of series and judged on another; hazards halved and
doubled, odds halved and doubled (groups of a quarter). Performance: run length within 10 % of the design of 40 quarters; with
the change that is watched for less than a third of it. Published: two-sided normal sums (Lucas & Crosier 1982, table 1;
Montgomery 2013, table 9.3), one-sided ones (Brook & Evans 1972, section 4.3; Vance 1986, table 1; all but table 9.3 as the help
of R's spc quotes them), limits of run charts (Anhoj, vignette of R's qicharts2, appendix 2), chances of falling outside
probability-based funnel limits at 1 to 50 expected events (Seaton & Manktelow 2012, BMC Med Res Methodol 12:98: median, least,
largest); exact: a binomial funnel limit by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import numpy as np

from tendon_outcomes.estimators.monitoring.funnel import chances, funnel_limits
from tendon_outcomes.estimators.monitoring.run_chart import crossings_limit, longest_run_limit
from tendon_outcomes.estimators.monitoring.run_length import (
    RunLength,
    limit_for_run_length,
    markov_run_length,
    simulated_run_length,
    staggered_looks,
)
from tendon_outcomes.estimators.special_functions import normal_two_sided_p

DESIGN, LOOKS, SEED = 40.0, 400, 77
FULL, QUICK = 2_000, 400
SIZES = {"8 to 16": np.arange(8, 17), "25 to 40": np.arange(25, 41)}
HAZARD, CHANCE = np.full(12, 0.065), 0.54  # a week; by week 12
SHIFTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
MONTGOMERY = {
    4.0: (168.0, 74.2, 26.6, 13.3, 8.38, 4.75, 3.34, 2.62, 2.19, 1.71),
    5.0: (465.0, 139.0, 38.0, 17.0, 10.4, 5.75, 4.01, 3.11, 2.57, 2.01),
}
ONE_SIDED = (  # reference value, limit, shift, run length, half a unit of its last digit (or what the source's cells leave)
    (0.5, 3.0, 0.0, 117.59, 0.01),
    (0.5, 3.0, 1.5, 3.75, 0.005),
    (0.0, 10.0, -0.125, 400.28, 0.05),
    (0.0, 10.0, 0.0, 124.66, 0.005),
    (0.0, 10.0, 0.25, 36.71, 0.005),
    (0.0, 10.0, 0.75, 14.06, 0.005),
)
ANHOJ = {10: (6, 2), 12: (7, 3), 20: (7, 6), 24: (8, 8), 30: (8, 10), 40: (8, 14), 50: (9, 19), 60: (9, 23), 100: (10, 41)}
SEATON = ((0.0186, 0.0, 0.0250), (0.0201, 0.0052, 0.0250))  # below and above the limits of 95 %
POISSON = 20_000  # trials with which binomial chances come within 1e-4 of those of counts
Draw = Callable[[float, int], np.ndarray]  # (how far out of control, seed) to increments


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} series instead of {FULL}")
    series = QUICK if parser.parse_args(arguments).quick else FULL
    wrong, cells, worst = 0, 0, 0.0
    print(f"{'quarters of':12} {'watched for':14} {'limit':>6} {'in control':>11} {'MC error':>9} {'when so':>8}")
    for sizes, numbers in SIZES.items():
        for ratio in (0.5, 2.0):
            for name, draw in (("hazard", timed(numbers, ratio, series)), ("odds", grouped(numbers, ratio, series))):
                limit = limit_for_run_length(draw(1.0, SEED), design=DESIGN).limit
                again: RunLength = simulated_run_length(draw(1.0, SEED + 1), limit=limit)
                changed = simulated_run_length(draw(ratio, SEED + 2), limit=limit)
                off = abs(again.mean / DESIGN - 1.0)
                slack = 0.10 if series == FULL else 0.10 + 2.0 * again.std_error / DESIGN
                cells, worst = cells + 1, max(worst, off)
                wrong += off > slack or changed.mean > DESIGN / 3.0
                print(
                    f"{sizes:12} {name} x {ratio:<5g} {limit:10.3f} {again.mean:11.1f} {again.std_error:9.2f} {changed.mean:8.1f}"
                )
    published, missed = examples()
    print(
        f"{cells} designs of {DESIGN:g} quarters: at most {worst:.1%} off, {wrong} fail; "
        f"{published} published or exact numbers, {missed} not reproduced"
    )
    return 1 if wrong or missed else 0


def timed(sizes: np.ndarray, ratio: float, series: int) -> Draw:
    """Steps of the time-to-event sum with staggered entry."""

    def drawn(truth: float, seed: int) -> np.ndarray:
        events, expected = staggered_looks(sizes, HAZARD, looks=LOOKS, replicates=series, hazard_ratio=truth, seed=seed)
        return np.asarray(events * np.log(ratio) - (ratio - 1.0) * expected)

    return drawn


def grouped(sizes: np.ndarray, ratio: float, series: int) -> Draw:
    """Steps of the sum over shares, a quarter's runners at a time."""

    def drawn(truth: float, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        n = sizes[rng.integers(0, sizes.size, (series, LOOKS))]
        odds = truth * CHANCE / (1.0 - CHANCE)
        x = rng.binomial(n, odds / (1.0 + odds))
        return np.asarray(x * np.log(ratio) - n * np.log1p((ratio - 1.0) * CHANCE))

    return drawn


def below(w: np.ndarray) -> np.ndarray:
    """The standard normal distribution function."""
    tail = 0.5 * normal_two_sided_p(w)
    return np.where(w > 0.0, 1.0 - tail, tail)


def examples() -> tuple[int, int]:
    """How many published or exact numbers there are, and how many are not reproduced to the digits printed."""
    told = missed = 0
    for limit, run_lengths in MONTGOMERY.items():
        for shift, expected in zip(SHIFTS, run_lengths, strict=True):
            up, down = (markov_run_length(lambda w, s=s: below(w - s + 0.5), limit=limit) for s in (shift, -shift))  # type: ignore[misc]
            told, missed = told + 1, missed + (abs(1.0 / (1.0 / up + 1.0 / down) / expected - 1.0) > 6e-3)
    for reference, limit, shift, expected, digit in ONE_SIDED:
        found = markov_run_length(lambda w, s=shift - reference: below(w - s), limit=limit)  # type: ignore[misc]
        told, missed = told + 1, missed + (abs(found - expected) > digit)
    for n, (run, crossings) in ANHOJ.items():
        told, missed = told + 2, missed + (longest_run_limit(n) != run) + (crossings_limit(n) != crossings)
    low = funnel_limits([10], 0.5, levels=(0.95,)).low[0, 0]  # by hand: Pr(X <= 1) = 11/1024, Pr(X <= 2) = 56/1024
    told, missed = told + 1, missed + (abs(10 * low - (2 - (56 / 1024 - 0.025) / (45 / 1024))) > 1e-9)
    for outside, expected_outside in zip(beyond_funnel(), SEATON, strict=True):
        shown = np.median(outside), outside.min(), outside.max()
        told, missed = told + 3, missed + int(np.sum(np.abs(np.subtract(shown, expected_outside)) > 3e-4))
    return told, missed


def beyond_funnel() -> tuple[np.ndarray, np.ndarray]:
    """Chances below and above the limits of 95 %, for 1 to 50 expected events."""
    found = []
    for centre in np.arange(1.0, 50.0, 0.1) / POISSON:
        limits, chance = funnel_limits([POISSON], centre, levels=(0.95,)), chances(POISSON, centre, 0.0)
        few, many = int(np.ceil(limits.low[0, 0] * POISSON - 1e-9)), int(np.floor(limits.high[0, 0] * POISSON + 1e-9))
        found.append((chance[:few].sum(), chance[many + 1 :].sum()))
    return tuple(np.transpose(found))  # type: ignore[return-value]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
