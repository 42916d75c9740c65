"""The estimators against numbers made by R: one comparison loop for the tests, the gate and `make.py oracle`.

`python regenerate.py` runs the R scripts again where Rscript is installed, checks that R still gives the frozen numbers, and
compares the estimators with the frozen numbers, area by area. `--freeze [STEM ...]` writes the frozen files of these scripts (or
of all) anew. The scripts and comparisons are those of every `compare_*.py` in this folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.reference.comparison import DATA, FROZEN, HERE, Comparison, discovered, frozen, numbers_of  # noqa: E402

TIGHT = 1e-7  # a looser tolerance needs a reason
REPEATED = 1e-9  # another R or libm may round differently


@dataclass(frozen=True)
class Area:
    """What one `compare_*.py` found."""

    name: str
    compared: int
    off: tuple[Comparison, ...]
    loose: tuple[Comparison, ...]
    worst: float
    tightest: float
    loosest: float
    fault: str = ""

    @property
    def faults(self) -> int:
        """Numbers off, loose comparisons without a reason, and the whole area when it could not be compared."""
        return sum(one.off for one in self.off) + sum(not one.reason for one in self.loose) + bool(self.fault)

    def line(self) -> str:
        if self.fault:
            return f"{self.name:22} cannot be compared: {self.fault}"
        tolerances = f"{self.tightest:.0e}" if self.tightest == self.loosest else f"{self.tightest:.0e} to {self.loosest:.0e}"
        figures = f"{self.compared:7d} {sum(one.off for one in self.off):5d} {self.worst:10.1e}"
        return f"{self.name:22} {figures}  {tolerances}"


def scripts() -> dict[str, str | None]:
    """Every R script and the sample that it reads."""
    found: dict[str, str | None] = {}
    modules, _ = discovered()
    for area, module in modules.items():
        if twice := set(found) & set(module.SCRIPTS):
            raise ValueError(f"compare_{area}.py names scripts of another area: {sorted(twice)}")
        found |= module.SCRIPTS
    return found


def compared_area(name: str, found: Sequence[Comparison]) -> Area:
    """Counts and the worst deviation (among the comparisons without a reason to be loose) of one area."""
    strict = [one for one in found if one.tolerance <= TIGHT]
    worst = max((float(one.deviations().max(initial=0.0)) for one in strict if not _misshapen(one)), default=0.0)
    return Area(
        name,
        compared=sum(one.compared for one in found),
        off=tuple(one for one in found if one.off),
        loose=tuple(one for one in found if one.tolerance > TIGHT),
        worst=worst,
        tightest=min((one.tolerance for one in found), default=0.0),
        loosest=max((one.tolerance for one in found), default=0.0),
    )


def areas() -> list[Area]:
    """Every area compared with its frozen numbers; one that cannot be compared carries its fault."""
    modules, faults = discovered()
    found = [_without(name, fault) for name, fault in faults.items()]
    for name, module in modules.items():
        try:
            found.append(compared_area(name, module.comparisons()))
        except Exception as error:  # the other areas are compared all the same
            found.append(_without(name, f"{type(error).__name__}: {error}"))
    return sorted(found, key=lambda one: one.name)


def provenance(stem: str, sample: str | None) -> dict[str, Any]:
    """Hashes of the script and the sample that frozen numbers must belong to."""
    return {"script_sha256": _digest(HERE / f"{stem}.R"), "data_sha256": None if sample is None else _digest(DATA / sample)}


def run_script(stem: str, rscript: str) -> dict[str, Any]:
    """What R says now."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out.json"
        done = subprocess.run(
            [rscript, str(HERE / f"{stem}.R"), str(DATA), str(output)], check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"{stem}.R stopped:\n{done.stderr[-2000:]}")
        content: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    versions = {key: value[0] if isinstance(value, list) else value for key, value in content["versions"].items()}
    return {"versions": versions, "numbers": content["numbers"]}


def freeze(stem: str, sample: str | None, rscript: str) -> None:
    """Write the frozen numbers of one script anew."""
    FROZEN.mkdir(exist_ok=True)
    made = run_script(stem, rscript)
    content = {"versions": made["versions"], **provenance(stem, sample), "numbers": made["numbers"]}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (FROZEN / f"{stem}.json").write_text(text + "\n", encoding="utf-8")


def same_numbers(now: Any, then: Any) -> bool:
    """Whether two trees of numbers have the same keys and the same values to 1e-9 relative to max(1, |value|)."""
    if isinstance(then, Mapping):
        return isinstance(now, Mapping) and now.keys() == then.keys() and all(same_numbers(now[key], then[key]) for key in then)
    new, old = numbers_of(now), numbers_of(then)
    return new.shape == old.shape and np.allclose(new / _scale(old), old / _scale(old), rtol=0.0, atol=REPEATED, equal_nan=True)


def report_scripts(rscript: str | None) -> int:
    """One line a script: does R repeat it, and do script and sample stand as they were frozen? Returns the faults."""
    faults = 0
    for stem, sample in scripts().items():
        if not (FROZEN / f"{stem}.json").is_file():
            print(f"{stem}: NOT FROZEN")
            faults += 1
            continue
        belongs = all(frozen(stem)[key] == value for key, value in provenance(stem, sample).items())
        repeated = "not run again (no Rscript)"
        if rscript is not None:
            same = same_numbers(run_script(stem, rscript)["numbers"], frozen(stem)["numbers"])
            repeated = "repeated by R" if same else "R NOW GIVES OTHER NUMBERS"
            faults += not same
        faults += not belongs
        print(f"{stem}: {repeated}; {'script and sample unchanged' if belongs else 'SCRIPT OR SAMPLE CHANGED SINCE'}", flush=True)
    return faults


def report_comparisons() -> tuple[int, int, float]:
    """The table of areas and of deviations with their reasons; numbers compared, faults, worst strict deviation."""
    found = areas()
    print(f"{'area':22} {'numbers':>7} {'off':>5} {'worst':>10}  tolerance")
    for area in found:
        print(area.line())
    for area in found:
        for one in area.loose:
            reason = one.reason or "NO REASON GIVEN"
            print(f"  {area.name}, {one.name}: {_worst(one):.1e} of {one.tolerance:.0e} allowed: {reason}")
        for one in area.off:
            print(f"  OFF {area.name}, {one.name}: {one.off} of {one.compared} numbers, worst {_worst(one):.1e}")
    return sum(area.compared for area in found), sum(area.faults for area in found), max(area.worst for area in found)


def main(arguments: list[str] | None = None) -> int:
    """0 when R (if installed) repeats the frozen numbers and the estimators meet them, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--freeze", nargs="*", metavar="STEM", help="write the frozen numbers of these scripts (or all) anew")
    asked = parser.parse_args(arguments)
    rscript = shutil.which("Rscript")
    if asked.freeze is not None:
        known = scripts()
        if unknown := set(asked.freeze) - set(known):
            parser.error(f"no script {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        if rscript is None:
            print("Rscript is not installed: nothing was frozen")
            return 1
        for stem in asked.freeze or known:
            freeze(stem, known[stem], rscript)
            print(f"{stem}: frozen")
        return 0
    faults = report_scripts(rscript)
    compared, off, worst = report_comparisons()
    print(f"{compared} numbers compared, {off} off by more than their tolerance, worst {worst:.1e}")
    return 1 if faults or off or not compared else 0


def _without(name: str, fault: str) -> Area:
    return Area(name, 0, (), (), 0.0, 0.0, 0.0, fault)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _scale(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), np.maximum(1.0, np.abs(values)), 1.0)


def _misshapen(one: Comparison) -> bool:
    return one.ours.shape != one.theirs.shape


def _worst(one: Comparison) -> float:
    return np.inf if _misshapen(one) else float(one.deviations().max(initial=0.0))


if __name__ == "__main__":
    sys.exit(main())
