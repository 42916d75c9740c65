"""The estimators against numbers made by R: one comparison loop for the tests, the gate and `make.py oracle`.

`python regenerate.py` runs the R scripts again where Rscript is installed, checks that R still gives the frozen numbers, and
compares the estimators with the frozen numbers. `python regenerate.py --freeze` writes the frozen files anew.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tendon_outcomes.estimators import (
    aalen_johansen,
    clopper_pearson,
    interval_censored_incidence,
    kaplan_meier,
    restricted_mean,
    restricted_mean_time_lost,
    wilson,
)

HERE = Path(__file__).resolve().parent
DATA, FROZEN = HERE / "data", HERE / "frozen"
SCRIPTS = {
    "survival_curves": "right_censored.csv",
    "competing_causes": "right_censored.csv",
    "interval_censored": "interval_censored.csv",
    "proportions": None,
}
TOLERANCE = 1e-10
PROBABILITIES = (0.05, 0.1, 0.25, 0.4, 0.5)
HORIZONS = (5.0, 12.0, 20.0)


@dataclass(frozen=True)
class Comparison:
    """One frozen series of numbers and ours; NaN marks numbers that R does not give."""

    name: str
    ours: np.ndarray
    theirs: np.ndarray

    @property
    def compared(self) -> int:
        return int(np.count_nonzero(~np.isnan(self.theirs)))

    def deviations(self) -> np.ndarray:
        """Absolute differences where R has a number; two infinities agree; a NaN of ours is infinitely far off."""
        known = ~np.isnan(self.theirs)
        ours, theirs = self.ours[known], self.theirs[known]
        with np.errstate(invalid="ignore"):
            difference = np.where(ours == theirs, 0.0, np.abs(ours - theirs))
        return np.where(np.isnan(difference), np.inf, difference)


def frozen(name: str) -> dict[str, Any]:
    """The frozen numbers of one script, with the versions and hashes that they belong to."""
    content: dict[str, Any] = json.loads((FROZEN / f"{name}.json").read_text(encoding="utf-8"))
    return content


def columns(name: str) -> dict[str, np.ndarray]:
    """A sample as columns; an empty cell is infinity (an open right end)."""
    with (DATA / name).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {key: np.array([float(row[key]) if row[key] else np.inf for row in rows]) for key in rows[0]}


def comparisons() -> list[Comparison]:
    """Every frozen series that an estimator must meet to 1e-10, beside the estimator's own."""
    return [*_survival_curves(), *_competing_causes(), *_interval_censored(), *_proportions()]


def compare_frozen() -> tuple[int, int, float]:
    """Numbers compared, numbers off by more than 1e-10, and the worst deviation."""
    found = comparisons()
    deviations = np.concatenate([one.deviations() for one in found])
    return sum(one.compared for one in found), int(np.count_nonzero(deviations > TOLERANCE)), float(deviations.max())


def survfit_interval2() -> Comparison:
    """R's own interval-censored curve; it stops when a curve moves by less than 5e-5, so it is met loosely."""
    data = columns("interval_censored.csv")
    kept = data["cause"] <= 1
    theirs = frozen("interval_censored")["numbers"]["survfit interval2"]
    fit = interval_censored_incidence(data["left"][kept], data["right"][kept], data["cause"][kept])
    return Comparison("survfit interval2", fit.bounds(1, theirs["day"]).lower, np.array(theirs["incidence_1"]))


def _series(name: str, theirs: dict[str, Any], ours: dict[str, Any], missing: float = np.nan) -> list[Comparison]:
    """Pairs by key; null in the frozen file is `missing`."""
    pairs = []
    for key, values in theirs.items():
        if key in ours:
            numbers = np.array([missing if value is None else float(value) for value in values])
            pairs.append(Comparison(f"{name}: {key}", np.atleast_1d(np.asarray(ours[key], dtype=np.float64)), numbers))
    unmet = set(theirs) - set(ours) - {"gap", "day"}
    if unmet:
        raise KeyError(f"{name}: frozen series without a counterpart: {sorted(unmet)}")
    return pairs


def _survival_curves() -> list[Comparison]:
    data = columns("right_censored.csv")
    event = data["cause"] == 1
    found = []
    for name, theirs in frozen("survival_curves")["numbers"].items():
        scale, _, kind = name.partition("/")
        divisor = float(scale.rpartition(" ")[2]) if " over " in scale else 1.0
        weight = data["copies"] if scale == "copies" else data["weight"] if "weighted" in scale.split() else None
        entry = data["entry"] / divisor if scale.startswith("entry") else None
        curve = kaplan_meier(data["day"] / divisor, event, entry=entry, weight=weight, interval=kind or "log-log")  # type: ignore[arg-type]
        means = [restricted_mean(curve, horizon=horizon / divisor) for horizon in HORIZONS]
        quantiles = [curve.quantile(p) for p in PROBABILITIES]
        ours = {
            "time": curve.time,
            "n_at_risk": curve.n_at_risk,
            "n_events": curve.n_events,
            "survival": curve.survival,
            "std_error": curve.std_error,
            "conf_low": curve.conf_low,
            "conf_high": curve.conf_high,
            "restricted_mean": [mean.estimate for mean in means],
            "restricted_mean_std_error": [mean.std_error for mean in means],
        }
        times = {key: theirs[key] for key in theirs if key.startswith("quantile")}
        found += _series(name, {key: theirs[key] for key in theirs if key not in times}, ours)
        ours_times = dict(zip(("quantile", "quantile_low", "quantile_high"), zip(*quantiles, strict=True), strict=True))
        found += _series(name, times, ours_times, missing=np.inf)
    return found


def _competing_causes() -> list[Comparison]:
    data = columns("right_censored.csv")
    found = []
    for name, theirs in frozen("competing_causes")["numbers"].items():
        weight = data["copies"] if name == "copies" else data["weight"] if "weighted" in name.split() else None
        fit = aalen_johansen(data["day"], data["cause"], entry=data["entry"] if "entry" in name else None, weight=weight)
        ours: dict[str, Any] = {"time": fit.time, "n_at_risk": fit.n_at_risk, "survival": fit.survival}
        for k in (1, 2, 3):
            if name == "cmprsk":
                ours |= {"time": theirs["time"], f"incidence_{k}": fit.at(k, theirs["time"]).estimate}
                continue
            means = [restricted_mean_time_lost(fit, k, horizon=horizon) for horizon in HORIZONS]
            ours |= {
                f"incidence_{k}": fit.incidence[k - 1],
                f"std_error_{k}": fit.std_error[k - 1],
                f"conf_low_{k}": fit.conf_low[k - 1],
                f"conf_high_{k}": fit.conf_high[k - 1],
                f"time_lost_{k}": [mean.estimate for mean in means],
                f"time_lost_std_error_{k}": [mean.std_error for mean in means],
            }
        found += _series(name, theirs, ours)
    return found


def _interval_censored() -> list[Comparison]:
    data = columns("interval_censored.csv")
    found = []
    for name, theirs in frozen("interval_censored")["numbers"].items():
        if name == "survfit interval2":
            continue
        kept = data["cause"] <= 1 if name == "one cause" else data["cause"] >= 0
        fit = interval_censored_incidence(
            data["left"][kept],
            data["right"][kept],
            data["cause"][kept],
            weight=data["weight"][kept] if name == "competing weighted" else None,
        )
        ours = {f"incidence_{k}": fit.bounds(k, theirs["day"]).lower for k in fit.causes}
        numbers = {key: theirs[key] for key in theirs if key in ours or key == "log_likelihood"}
        found += _series(name, numbers, {"log_likelihood": fit.log_likelihood, **ours})
    return found


def _proportions() -> list[Comparison]:
    found = []
    for name, theirs in frozen("proportions")["numbers"].items():
        successes, n, level = (float(word) for word in name.split())
        score, exact = wilson(successes, n, conf_level=level), clopper_pearson(int(successes), int(n), conf_level=level)
        ours = {"wilson": [score.conf_low, score.conf_high], "clopper_pearson": [exact.conf_low, exact.conf_high]}
        found += _series(name, theirs, ours)
    return found


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def provenance(name: str) -> dict[str, Any]:
    """Hashes of the script and the sample that frozen numbers must belong to."""
    sample = SCRIPTS[name]
    return {"script_sha256": _digest(HERE / f"{name}.R"), "data_sha256": None if sample is None else _digest(DATA / sample)}


def run_script(name: str, rscript: str) -> dict[str, Any]:
    """What R says now."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out.json"
        subprocess.run([rscript, str(HERE / f"{name}.R"), str(DATA), str(output)], check=True, capture_output=True)
        content: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return {"versions": {key: value[0] for key, value in content["versions"].items()}, "numbers": content["numbers"]}


def _freeze(rscript: str) -> None:
    FROZEN.mkdir(exist_ok=True)
    for name in SCRIPTS:
        made = run_script(name, rscript)
        content = {"versions": made["versions"], **provenance(name), "numbers": made["numbers"]}
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (FROZEN / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _same_as_frozen(name: str, rscript: str) -> bool:
    """Whether R gives the frozen numbers again, to 1e-9 (another R or libm may round differently)."""
    now, then = run_script(name, rscript)["numbers"], frozen(name)["numbers"]
    if now.keys() != then.keys():
        return False
    for key, series in then.items():
        for column, values in series.items():
            old = np.array([np.nan if v is None else float(v) for v in values])
            new = np.array([np.nan if v is None else float(v) for v in now[key][column]])
            if old.shape != new.shape or not np.allclose(old, new, rtol=0.0, atol=1e-9, equal_nan=True):
                return False
    return True


def main(arguments: list[str] | None = None) -> int:
    """0 when R (if installed) repeats the frozen numbers and the estimators meet them, 1 otherwise."""
    asked = sys.argv[1:] if arguments is None else arguments
    rscript = shutil.which("Rscript")
    if "--freeze" in asked:
        if rscript is None:
            print("Rscript is not installed: nothing was frozen")
            return 1
        _freeze(rscript)
    faults = 0
    for name in SCRIPTS:
        belongs = all(frozen(name)[key] == value for key, value in provenance(name).items())
        repeated = "not run again (no Rscript)"
        if rscript is not None:
            same = _same_as_frozen(name, rscript)
            repeated = "repeated by R" if same else "R NOW GIVES OTHER NUMBERS"
            faults += not same
        faults += not belongs
        print(f"{name}: {repeated}; {'script and sample unchanged' if belongs else 'SCRIPT OR SAMPLE CHANGED SINCE'}")
    compared, off, worst = compare_frozen()
    print(f"{compared} numbers compared, {off} off by more than {TOLERANCE:g}, worst {worst:.1e}")
    return 1 if faults or off else 0


if __name__ == "__main__":
    sys.exit(main())
