"""Gate row `properties`: what must hold of every estimator on any sample, each on 200 random ones or more.

The properties are the tests of the estimators' `test_*.py` here that hypothesis draws samples for. They run with a counter
around each: samples that were drawn and kept, not samples that were promised. `--quick` only adds up the promises (the test suite
has run the properties themselves); hypothesis may stop before the promised number where there are no more samples to draw.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROPERTIES, SAMPLES = 80, 200


def files() -> list[Path]:
    """The files with properties of estimators."""
    return sorted([HERE / "test_estimators.py", *HERE.glob("test_*_properties.py")])


@dataclass(frozen=True)
class Ran:
    """What one file gave: samples by property, properties that were promised fewer than 200, and failures."""

    name: str
    samples: dict[str, int]
    small: tuple[str, ...]
    failed: tuple[str, ...]

    def lines(self) -> list[str]:
        fewest = min(self.samples.values(), default=0)
        figures = f"{len(self.samples):10d} {sum(self.samples.values()):8d} {fewest:7d} {len(self.failed):7d}"
        return [f"{self.name:44} {figures}", *(f"promised fewer than {SAMPLES}: {name}" for name in self.small), *self.failed]


class Counting:
    """A pytest plugin: wraps every property, and counts the samples that it kept."""

    def __init__(self, *, promises_only: bool) -> None:
        self.promises_only = promises_only
        self.samples: Counter[str] = Counter()
        self.small: list[str] = []
        self.failed: list[str] = []

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        kept = [item for item in items if hasattr(getattr(item, "obj", None), "hypothesis")]
        for item in kept:
            promised = item.obj._hypothesis_internal_use_settings.max_examples
            if promised < SAMPLES:
                self.small.append(item.name)
            self.samples[item.name] = promised if self.promises_only else 0
            if not self.promises_only:
                self._count(item)
        items[:] = [] if self.promises_only else kept

    def _count(self, item: Any) -> None:
        test = item.obj.hypothesis.inner_test

        def counted(*args: object, **kwargs: object) -> None:
            test(*args, **kwargs)  # a sample that `assume` rejects leaves here by its exception
            self.samples[item.name] += 1

        item.obj.hypothesis.inner_test = counted

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(report.nodeid.rsplit("::", 1)[-1])

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(f"{report.nodeid} cannot be read")


def run_file(path: Path, *, promises_only: bool) -> Ran:
    """One file in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "ran.json"
        command = [sys.executable, __file__, "--file", str(path), "--output", str(output)]
        done = subprocess.run([*command, *(["--quick"] if promises_only else [])], cwd=ROOT, capture_output=True, check=False)
        if not output.is_file():
            return Ran(path.stem, {}, (), (f"stopped: {done.stderr.decode(errors='replace')[-300:]}",))
        told = json.loads(output.read_text(encoding="utf-8"))
    return Ran(path.stem, told["samples"], tuple(told["small"]), tuple(told["failed"]))


def count_here(path: Path, output: Path, *, promises_only: bool) -> None:
    """Run one file in this process and write what it gave."""
    import pytest

    counting = Counting(promises_only=promises_only)
    code = pytest.main(["-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--no-header", str(path)], plugins=[counting])
    if code not in (0, 5) and not counting.failed:
        counting.failed.append(f"pytest ended with {int(code)}")
    told = {"samples": counting.samples, "small": counting.small, "failed": counting.failed}
    output.write_text(json.dumps(told), encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="add up promised samples, run nothing")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.file is not None:
        count_here(asked.file, asked.output, promises_only=asked.quick)
        return 0
    print(f"{'file':44} {'properties':>10} {'samples':>8} {'fewest':>7} {'broken':>7}", flush=True)
    found = []
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        for one in pool.map(lambda path: run_file(path, promises_only=asked.quick), files()):
            found.append(one)
            print("\n    ".join(one.lines()), flush=True)
    counts = [count for one in found for count in one.samples.values()]
    broken, small = sum(len(one.failed) for one in found), sum(len(one.small) for one in found)
    word = "promised" if asked.quick else "run"
    fewer = f", {small} with fewer than {SAMPLES} promised" if small else ""
    print(f"{len(counts)} properties, {sum(counts)} samples {word}, {broken} broken{fewer}")
    return 0 if len(counts) >= PROPERTIES and not broken and not small else 1


if __name__ == "__main__":
    sys.exit(main())
