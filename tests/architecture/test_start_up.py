"""Start-up stays light: models load when a command needs them, and what an estimator needs loads at its first call."""

from __future__ import annotations

import ast
import pkgutil
import resource
import subprocess
import sys

import pytest

import tendon_outcomes.estimators

HEAVY = ("scipy", "pandas", "statsmodels", "lifelines", "matplotlib", "plotnine", "pandera", "polars", "numpy")
HEAVY_FOR_ESTIMATORS = (*HEAVY[:-1], "sksurv", "numba", "distributed", "dask", "pydantic", "typer", "rich")
PROCESSES = ("multiprocessing", "concurrent.futures.process", "asyncio")


def _loaded_by(code: str, names: tuple[str, ...]) -> list[str]:
    told = f"import sys; {code}; print([name for name in {names!r} if name in sys.modules])"
    found: list[str] = ast.literal_eval(
        subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout
    )
    return found


def _modules() -> list[str]:
    package = tendon_outcomes.estimators
    return sorted(one.name for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))


def test_importing_the_package_loads_nothing_heavy() -> None:
    # Grade: exact, performance.md §7.
    assert _loaded_by("import tendon_outcomes", HEAVY) == []


def test_importing_the_estimators_loads_numpy_alone() -> None:
    # Grade: exact, performance.md §7 and §10: scipy, pools of processes and clusters load at the first call that needs them.
    assert _loaded_by("import tendon_outcomes.estimators", HEAVY_FOR_ESTIMATORS + PROCESSES) == []


def test_every_module_of_the_estimators_loads_numpy_alone() -> None:
    # Grade: exact. Also the modules that the package itself does not import.
    code = "; ".join(f"import {name}" for name in _modules())
    assert len(_modules()) > 20
    assert _loaded_by(code, HEAVY_FOR_ESTIMATORS) == []


@pytest.mark.parametrize(
    "work",
    [
        "e.kaplan_meier([6.0] * 30 + [7.0] * 30, [1, 0] * 30)",
        "e.restricted_mean(e.kaplan_meier([6.0] * 30 + [7.0] * 30, [1, 0] * 30), horizon=5.0)",
        "e.aalen_johansen([6.0] * 30 + [7.0] * 30, [1, 0, 2] * 20)",
        "e.interval_censored_incidence([0.0, 7.0] * 30, [7.0, 14.0] * 30, [1, 1] * 30)",
        "e.wilson(3, 10)",
    ],
)
def test_a_first_curve_loads_no_data_frames(work: str) -> None:
    # Grade: exact. A first answer must not wait for pandas, matplotlib or polars; scipy.special may load for a quantile.
    assert _loaded_by(f"import tendon_outcomes.estimators as e; {work}", (*HEAVY[1:-1], "scipy.stats", "scipy.optimize")) == []


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
