"""Gate row `named_refusals`: every bad input that an area names is refused in the words that it names."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.refusals.refusal import Refusal, fault  # noqa: E402


def modules() -> list[str]:
    return sorted(path.stem for path in HERE.glob("cases_*.py"))


def refusals_of(stem: str) -> tuple[Refusal, ...]:
    found: tuple[Refusal, ...] = importlib.import_module(f"tests.refusals.{stem}").REFUSALS
    return found


def faults(refusals: Iterable[Refusal]) -> list[str]:
    """One line for each refusal that did not come as it should."""
    return [f"{one.name}: {wrong}" for one in refusals if (wrong := fault(one)) is not None]


def main() -> int:
    named, wrong, unread = 0, 0, 0
    for stem in modules():
        try:
            refusals = refusals_of(stem)
        except Exception as error:  # one area that cannot be read is a line of the report
            print(f"{stem} cannot be read: {type(error).__name__}: {error}")
            unread += 1
            continue
        found = faults(refusals)
        print("\n    ".join([f"{stem}: {len(refusals)} refusals, {len(found)} wrong", *found]))
        named, wrong = named + len(refusals), wrong + len(found)
    missing = f", {unread} areas not read" if unread else ""
    print(f"{named} bad inputs, {wrong} not refused as named{missing}")
    return 0 if named and not wrong and not unread else 1


if __name__ == "__main__":
    sys.exit(main())
