"""Gate row `slow_reference`: random small samples through every estimator and its slow, obvious reference.

`run.py [--quick] [--samples N] [--check PART_OF_NAME] [--seed N]`. A sample is made from the name of its
check and its number alone, so a deviation that is printed can be had again: `--check NAME --only NUMBER`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
import traceback
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from tests.slow_reference.check import TALLY, Check, Deviation  # noqa: E402

SAMPLES, QUICK = 5_000, 600
AT_LEAST = 10  # samples of a check, however small its share
SHOWN = 5


@dataclass(frozen=True)
class Found:
    """What a batch of samples of one check found.

    How many ran, numbers compared, samples without a number to compare (both refuse), samples on which numbers differ, and the
    first differences.
    """

    name: str
    samples: int
    numbers: int
    idle: int
    wrong: tuple[int, ...]
    shown: tuple[str, ...]
    seconds: float


def modules() -> list[str]:
    return sorted(path.stem for path in HERE.glob("checks_*.py"))


def checks_of(stem: str) -> tuple[Check[Any], ...]:
    found: tuple[Check[Any], ...] = importlib.import_module(f"tests.slow_reference.{stem}").CHECKS
    return found


def all_checks() -> tuple[dict[str, str], dict[str, str]]:
    """The module of every check by the check's name, and what stops a module from being read."""
    home: dict[str, str] = {}
    faults: dict[str, str] = {}
    for stem in modules():
        try:
            names = [one.name for one in checks_of(stem)]
        except Exception as error:  # one area that cannot be read is a line of the report
            faults[stem] = f"{type(error).__name__}: {error}"
            continue
        if twice := set(home) & set(names) or {name for name in names if names.count(name) > 1}:
            faults[stem] = f"names that another check has: {sorted(twice)}"
        home |= dict.fromkeys(names, stem)
    return home, faults


def rng_of(name: str, number: int, seed: int) -> np.random.Generator:
    """The generator of one sample: from the check's name, the sample's number and the seed of the run."""
    return np.random.default_rng([zlib.crc32(name.encode()), number, seed])


def run_one(check: Check[Any], number: int, seed: int) -> list[Deviation]:
    """The deviations on one sample; an exception that is no refusal is a deviation too."""
    try:
        with np.errstate(all="ignore"):
            return check.compare(check.draw(rng_of(check.name, number, seed)))
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = str(error).splitlines()[0] if str(error) else ""
        where = f"{Path(place.filename).name}:{place.lineno}"
        return [Deviation(f"raised {type(error).__name__} at {where} {said}", np.nan, np.nan)]


def run_batch(stem: str, name: str, numbers: Sequence[int], seed: int) -> Found:
    """Some samples of one check, in a process of its own."""
    check = next(one for one in checks_of(stem) if one.name == name)
    return ran(check, numbers, seed)


def ran(check: Check[Any], numbers: Sequence[int], seed: int) -> Found:
    wrong, shown, counts = [], [], []
    started = time.perf_counter()
    for number in numbers:
        before = TALLY.numbers
        if differing := run_one(check, number, seed):
            wrong.append(number)
            first = differing[0]
            shown.append(f"#{number}: {first.what}: ours {first.ours:.12g}, slow {first.slow:.12g} ({len(differing)} in all)")
        counts.append(TALLY.numbers - before)
    seconds = time.perf_counter() - started
    return Found(check.name, len(numbers), sum(counts), counts.count(0), tuple(wrong), tuple(shown[:SHOWN]), seconds)


def shares(home: dict[str, str], samples: int) -> dict[str, int]:
    """Samples of each check: `samples` in all or a few more, by the checks' shares."""
    weight = {name: next(one.share for one in checks_of(stem) if one.name == name) for name, stem in home.items()}
    whole = sum(weight.values())
    return {name: max(AT_LEAST, -int(-samples * one // whole)) for name, one in weight.items()}


def run_all(home: dict[str, str], planned: dict[str, Sequence[int]], seed: int) -> list[Found]:
    """Every check's samples in batches over the cores, in the order of names."""
    batches = [(home[name], name, part) for name, numbers in sorted(planned.items()) for part in _parts(numbers)]
    with ProcessPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        done = list(pool.map(run_batch, *zip(*batches, strict=True), [seed] * len(batches)))
    return [_together([one for one in done if one.name == name]) for name in sorted(planned)]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} samples in place of {SAMPLES}")
    parser.add_argument("--samples", type=int, help="samples over all checks")
    parser.add_argument("--check", default="", help="only checks whose module or name contains this")
    parser.add_argument("--only", type=int, help="only the sample of this number")
    parser.add_argument("--seed", type=int, default=20)
    asked = parser.parse_args(arguments)
    home, faults = all_checks()
    home = {name: stem for name, stem in home.items() if asked.check in name or asked.check in stem}
    for stem, fault in faults.items():
        print(f"{stem} cannot be read: {fault}")
    if not home:
        print("no check found")
        return 1
    counts = shares(home, asked.samples or (QUICK if asked.quick else SAMPLES))
    planned = {name: range(count) if asked.only is None else [asked.only] for name, count in counts.items()}
    found = run_all(home, planned, asked.seed)
    print(f"{'check':68} {'samples':>7} {'idle':>5} {'numbers':>8} {'wrong':>5} {'seconds':>8}")
    for one in found:
        line = f"{one.name:68} {one.samples:7d} {one.idle:5d} {one.numbers:8d} {len(one.wrong):5d} {one.seconds:8.1f}"
        print("\n    ".join([line, *one.shown]))
    samples, wrong = sum(one.samples for one in found), sum(len(one.wrong) for one in found)
    numbers = sum(one.numbers for one in found)
    missing = f", {len(faults)} areas not read" if faults else ""
    empty = [one.name for one in found if one.idle == one.samples and asked.only is None]
    if empty:
        missing += f", nothing compared by {', '.join(empty)}"
    print(f"{samples} samples over {len(found)} checks, {numbers} numbers, {wrong} samples with a difference{missing}")
    return 1 if wrong or faults or empty else 0


def _parts(numbers: Sequence[int], size: int = 25) -> list[Sequence[int]]:
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]


def _together(parts: list[Found]) -> Found:
    wrong = tuple(number for one in parts for number in one.wrong)
    shown = tuple(line for one in parts for line in one.shown)[:SHOWN]
    samples, numbers, idle = (sum(getattr(one, name) for one in parts) for name in ("samples", "numbers", "idle"))
    return Found(parts[0].name, samples, numbers, idle, wrong, shown, sum(one.seconds for one in parts))


if __name__ == "__main__":
    sys.exit(main())
