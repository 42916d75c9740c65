"""Start-up stays light: models load when a command needs them."""

from __future__ import annotations

import resource
import subprocess
import sys

HEAVY = ("scipy", "pandas", "statsmodels", "lifelines", "matplotlib", "plotnine", "pandera", "polars", "numpy")


def test_importing_the_package_loads_nothing_heavy() -> None:
    # Grade: exact, performance.md §7.
    code = f"import sys, tendon_outcomes; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_help_loads_nothing_heavy_and_answers_within_half_a_second_of_cpu() -> None:
    # Grade: exact, performance.md §7. CPU time of the child, not the clock on the wall, so that a busy machine does not matter.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tendon_outcomes", "--help"], capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 0.5
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert not loaded & set(HEAVY)
    assert "ingest" in done.stdout
