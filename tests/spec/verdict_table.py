"""Gate row `verdict_table`: the decision rule and its riders against a table written out by hand, in every combination.

Grade: exact; the rule of claim H1 (domain.md §1e) and the riders of statistics.md §4. Limits stand below, at or above the
threshold, or are not there; every set of answers under the extremes about the lost, under other definitions and under the limits
that hold at every look is tried, and every number of mature runners about the smallest that will do. The second reading is tried
with limits before, at the edge of, in and after the claimed weeks.
"""

from __future__ import annotations

import argparse
import sys
from itertools import chain, combinations, product

from tendon_outcomes.analysis.verdict import Judgement, Rider, Timing, decide, judge, standing, timing
from tendon_outcomes.vocabulary import Verdict

S, R, D, N = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.NOT_ANSWERED
THRESHOLD = 0.5
PLACES = {"none": None, "below": 0.4, "at": 0.5, "above": 0.6}
# Lower limit, upper limit: the verdict. Every pair in which the lower is not above the upper.
RULE = {
    ("none", "none"): N, ("none", "below"): N, ("none", "at"): N, ("none", "above"): N,
    ("below", "none"): N, ("at", "none"): N, ("above", "none"): N,
    ("below", "below"): R, ("below", "at"): D, ("below", "above"): D,
    ("at", "at"): D, ("at", "above"): D, ("above", "above"): S,
}  # fmt: skip
AS_LIMITS = {S: (0.6, 0.6), R: (0.4, 0.4), D: (0.4, 0.6), N: (None, None)}
# The verdict, and what else says so: whether the verdict then carries the rider.
LOSS = {
    (S, S): False, (S, D): True, (S, R): True, (S, N): True,
    (R, R): False, (R, D): True, (R, S): True, (R, N): True,
    (D, S): False, (D, R): False, (D, D): False, (D, N): False,
    (N, S): False, (N, R): False, (N, D): False, (N, N): False,
}  # fmt: skip
LOOKS = LOSS
DEFINITION = {**LOSS, (S, N): False, (R, N): False}
MATURE = {None: False, 0: True, 9: True, 10: False, 500: False}
DAYS = {"none": None, "before": 42.0, "first": 56.0, "in": 70.0, "last": 84.0, "after": 98.0}
ORDER = ("before", "first", "in", "last", "after")
WITHIN = {("first", "first"), ("first", "in"), ("first", "last"), ("in", "in"), ("in", "last"), ("last", "last")}


def expected_timing(low: str, high: str) -> Timing:
    """Written out: within, earlier where the upper limit is before, later where the lower one is after, else open."""
    if (low, high) in WITHIN:
        return Timing.WITHIN
    return Timing.EARLIER if high == "before" else Timing.LATER if low == "after" else Timing.UNDETERMINED


def subsets() -> list[tuple[Verdict, ...]]:
    return list(chain.from_iterable(combinations((S, R, D, N), size) for size in range(5)))


def judged() -> tuple[int, int]:
    """How many combinations were tried, and how many came out other than in the table."""
    tried = wrong = 0
    looks: tuple[Verdict | None, ...] = (None, S, R, D, N)
    for (places, found), lost, others, mature, at_looks in product(RULE.items(), subsets(), subsets(), MATURE, looks):
        limits = tuple(PLACES[one] for one in places)
        got = judge(
            (limits[0], limits[1]),
            THRESHOLD,
            if_lost=[AS_LIMITS[one] for one in lost],
            definitions=others,
            n_mature=mature,
            every_look=None if at_looks is None else AS_LIMITS[at_looks],
        )
        riders = (
            *([Rider.LOSS] if any(LOSS[found, one] for one in lost) else []),
            *([Rider.DEFINITION] if any(DEFINITION[found, one] for one in others) else []),
            *([Rider.IMMATURE] if found is not N and MATURE[mature] else []),
            *([Rider.LOOKS] if at_looks is not None and LOOKS[found, at_looks] else []),
        )
        tried += 1
        wrong += got != Judgement(found, riders)
    return tried, wrong


def simple() -> tuple[int, int]:
    """The rule alone, the second reading, and verdicts that stand from look to look."""
    results = [decide(PLACES[low], PLACES[high], THRESHOLD) is found for (low, high), found in RULE.items()]
    for low, high in product(DAYS, DAYS):
        if "none" in (low, high) or ORDER.index(low) <= ORDER.index(high):
            results.append(timing(DAYS[low], DAYS[high], (8, 12)) is expected_timing(low, high))
    for sequence in product((S, R, D, N), repeat=4):
        last = N
        stands = []
        for one in sequence:
            # Undecided gives way to anything; decided gives way to the contrary decision alone.
            last = {S: R if one is R else S, R: S if one is S else R, D: one, N: one}[last]
            stands.append(last)
        results.append(list(standing(sequence)) == stands)
    return len(results), results.count(False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the same: everything takes seconds")
    parser.parse_args()
    failed = total = 0
    for name, (tried, wrong) in {"verdict with riders": judged(), "rule, second reading, standing": simple()}.items():
        print(f"{name:32} {tried:8d} combinations, {wrong} not as in the table")
        failed, total = failed + wrong, total + tried
    print(f"{total - failed} of {total} as in the table")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
