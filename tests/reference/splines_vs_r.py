"""Gate row `splines_vs_r`: splines, what is fitted on them and curves over an exposure against R, each number within 1e-8.

Hmisc's `rcspline.eval` (knots and basis), `coxph`, `survreg`, `glm`, rms's `cph` and `psm` with `contrast`, `sandwich` for means
over an exposure. Critical values of bands, and 7 knots, of which R has more digits, are compared less closely, not counted.
Without --quick R, where it is installed, is asked again whether it still gives the frozen numbers.
"""

from __future__ import annotations

import argparse
import shutil
import sys

from regenerate import provenance, run_script, same_numbers

from tests.reference.compare_splines import REASONS, SCRIPTS, comparisons
from tests.reference.comparison import Comparison, frozen

AT_LEAST, WITHIN = 1_000, 1e-8
STEM = "splines"


def area(one: Comparison) -> str:
    """What is compared, as "fits cox"."""
    words = one.name.partition(":")[0].split()
    return words[0] if words[0] in ("knots", "basis") else " ".join(words)


def repeated() -> bool:
    """Whether R, where it is installed, gives the frozen numbers again."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        print(f"{STEM}: not run again (no Rscript)")
        return True
    same = same_numbers(run_script(STEM, rscript)["numbers"], frozen(STEM)["numbers"])
    print(f"{STEM}: {'repeated by R' if same else 'R NOW GIVES OTHER NUMBERS'}", flush=True)
    return same


def worst(found: list[Comparison]) -> float:
    return max(float(one.deviations().max(initial=0.0)) if one.ours.shape == one.theirs.shape else float("inf") for one in found)


def main() -> int:
    """0 when everything that has no reason to be looser agrees within 1e-8."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="do not run R again")
    sound = parser.parse_args().quick or repeated()
    sound &= all(frozen(STEM)[key] == value for key, value in provenance(STEM, SCRIPTS[STEM]).items())
    found = comparisons()
    table: dict[str, list[Comparison]] = {}
    for one in found:
        table.setdefault(area(one) + (" (loose)" if one.reason else ""), []).append(one)
    print(f"{'area':22} {'numbers':>7} {'off':>5} {'worst':>9}")
    for name, there in table.items():
        figures = f"{sum(one.compared for one in there):7d} {sum(one.off for one in there):5d} {worst(there):9.1e}"
        print(f"{name:22} {figures}  {there[0].reason}".rstrip())
    strict = [one for one in found if one.reason not in REASONS.values()]
    sound &= all(one.tolerance <= WITHIN for one in strict)
    compared, off = sum(one.compared for one in strict), sum(one.off for one in found)
    print(f"{compared} numbers compared, {off} off by more than {WITHIN:.0e}, worst {worst(strict):.1e}")
    return 0 if compared >= AT_LEAST and not off and sound else 1


if __name__ == "__main__":
    sys.exit(main())
