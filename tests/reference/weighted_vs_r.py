"""Gate row `weighted_vs_r`: weighted and cloned analyses against R on the same rows, each number within 1e-8.

`coxph(weights, cluster)`, `survfit(weights, cluster)`, `svyglm`, `glm` with `sandwich`, multinomial and penalised regressions,
balancing weights and balance. Without --quick R, where it is installed, is asked again whether it still gives the frozen numbers.
"""

from __future__ import annotations

import argparse
import shutil
import sys

from regenerate import provenance, run_script, same_numbers

from tests.reference.compare_weighting import REASONS, SCRIPTS, comparisons
from tests.reference.comparison import Comparison, frozen

AT_LEAST, WITHIN = 1_000, 1e-8


def area(one: Comparison) -> str:
    """The script and the kind of a comparison, as "weighting cox"."""
    return " ".join(one.name.partition(":")[0].split()[:2])


def repeated() -> int:
    """How many scripts R does not repeat, one line each."""
    rscript, faults = shutil.which("Rscript"), 0
    for stem in SCRIPTS:
        if rscript is None:
            print(f"{stem}: not run again (no Rscript)")
            continue
        same = same_numbers(run_script(stem, rscript)["numbers"], frozen(stem)["numbers"])
        print(f"{stem}: {'repeated by R' if same else 'R NOW GIVES OTHER NUMBERS'}", flush=True)
        faults += not same
    return faults


def main() -> int:
    """0 when everything that has no reason to be looser agrees within 1e-8."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="do not run R again")
    quick = parser.parse_args().quick
    faults = 0 if quick else repeated()
    for stem, sample in SCRIPTS.items():
        faults += any(frozen(stem)[key] != value for key, value in provenance(stem, sample).items())
    found = comparisons()
    table: dict[str, list[Comparison]] = {}
    for one in found:
        table.setdefault(area(one), []).append(one)
    print(f"{'area':32} {'numbers':>7} {'off':>5} {'worst':>9}")
    for name, there in table.items():
        worst = max(float(one.deviations().max(initial=0.0)) for one in there)
        reason = next((f"  {one.reason}" for one in there if one.reason), "")
        print(f"{name:32} {sum(o.compared for o in there):7d} {sum(o.off for o in there):5d} {worst:9.1e}{reason}")
    strict = [one for one in found if one.reason not in REASONS.values()]
    faults += sum(one.tolerance > WITHIN for one in strict)
    compared, off = sum(one.compared for one in strict), sum(one.off for one in found)
    worst = max(float(one.deviations().max(initial=0.0)) for one in strict)
    print(f"{compared} numbers compared, {off} off by more than {WITHIN:.0e}, worst {worst:.1e}")
    return 0 if compared >= AT_LEAST and not off and not faults else 1


if __name__ == "__main__":
    sys.exit(main())
