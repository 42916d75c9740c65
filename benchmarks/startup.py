"""From nothing to an answer: fresh processes with nothing loaded, in turn; medians of the processor's time, peaks of memory."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from measured import Figure, Line

RUNS = 11
DAYS = "[6,6,6,7,10,13,16,22,23,6,9,10,11,17,19,20,25,32,32,34,35]"
EVENTS = "[1]*9+[0]*12"
CURVES = {
    "ours": f"from tendon_outcomes.estimators import kaplan_meier as k; print(k({DAYS}, {EVENTS}).at([20]))",
    "lifelines": f"from lifelines import KaplanMeierFitter as K; print(K().fit({DAYS}, {EVENTS}).predict(20))",
    "statsmodels": f"from statsmodels.duration.survfunc import SurvfuncRight as S; print(S({DAYS}, {EVENTS}).surv_prob)",
    "scikit-survival": "import numpy as n; from sksurv.nonparametric import kaplan_meier_estimator as k; "
    f"print(k(n.array({EVENTS}) == 1, n.array({DAYS})))",
}
R_CURVE = f"library(survival); d <- c({DAYS[1:-1]}); print(summary(survfit(Surv(d, rep(1:0, c(9, 12))) ~ 1), times = 20))"


def fresh(commands: Sequence[Sequence[str]]) -> list[tuple[float, float] | None]:
    """Median seconds and MB at the peak of each command's own process, the commands taken in turn; None for one that fails."""
    launcher = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py")), str(RUNS)]
    told = subprocess.run([*launcher, json.dumps(commands)], capture_output=True, text=True, check=True).stdout
    return [None if one is None else (one[0], one[1]) for one in json.loads(told)]


def rows() -> Iterator[Line | Figure | str]:
    python = [sys.executable, "-c"]
    bare, version, imported, arrays, numpy, estimators = fresh(
        [
            [*python, "pass"],
            [sys.executable, "-m", "tendon_outcomes", "--help"],
            [*python, "import tendon_outcomes"],
            [*python, "import numpy, polars"],
            [*python, "import numpy"],
            [*python, "import tendon_outcomes.estimators"],
        ]
    )
    if not (bare and version and imported and estimators):
        yield "startup: ours failed; nothing that is promised of it is kept"
        return
    yield "startup --help, over bare Python", "60 ms", version[0] - bare[0], 0.06
    if arrays:
        yield "startup import tendon_outcomes", "numpy + polars", imported[0], arrays[0]
        yield Figure("startup memory", "numpy + polars", imported[1], arrays[1], "MB")
    if numpy:
        yield "startup import estimators", "numpy", estimators[0], numpy[0]
    yield from _curves(python)


def _curves(python: list[str]) -> Iterator[Line | Figure | str]:
    commands = {name: [*python, code] for name, code in CURVES.items()}
    rscript = shutil.which("Rscript")
    if rscript is not None:
        commands["R survival"] = [rscript, "-e", R_CURVE]
    found = dict(zip(commands, fresh(list(commands.values())), strict=True))
    ours = found.pop("ours")
    if ours is None:
        yield "startup and a curve: ours failed"
        return
    for name, theirs in found.items():
        if theirs is None:
            yield f"startup and a curve: {name}: not installed"
            continue
        yield "startup and a curve", name, ours[0], theirs[0]
        yield f"  peak memory {ours[1]:.0f} MB, {name} {theirs[1]:.0f} MB"
