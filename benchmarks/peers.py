"""One measurement in a fresh process: ours or a Python peer's work on stored columns. `python peers.py TASK FOLDER SECONDS`.

Prints one line of JSON like peers.R: median seconds of a call by the clock and of the processor (the first left out, unless it
took more than 20 s), added peak memory in MB, numbers found. Columns are read and brought into the form that the peer wants
before the clock starts.
"""

from __future__ import annotations

import gc
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

HORIZON = 84.0
LONG = 20.0  # seconds: a first call that takes longer is the only one
Work = Callable[[], Any]
Columns = dict[str, np.ndarray]


def ours_cox(sample: Columns) -> Work:
    from tendon_outcomes.estimators.regression.cox.fit import cox

    day, event, x = sample["day"], sample["event"] == 1, sample["x"]
    return lambda: cox(day, event, x).coefficients.estimate


def lifelines_cox(sample: Columns) -> Work:
    import pandas as pd
    from lifelines import CoxPHFitter

    frame = pd.DataFrame(sample["x"], columns=[f"x{j}" for j in range(sample["x"].shape[1])])
    frame["day"], frame["event"] = sample["day"], sample["event"]

    def work() -> Any:
        return CoxPHFitter().fit(frame, "day", "event").params_.to_numpy()

    return work


def sksurv_cox(sample: Columns) -> Work:
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    y, x = Surv.from_arrays(sample["event"] == 1, sample["day"]), sample["x"]
    return lambda: CoxPHSurvivalAnalysis(ties="efron").fit(x, y).coef_


def statsmodels_cox(sample: Columns) -> Work:
    from statsmodels.duration.hazard_regression import PHReg

    return lambda: PHReg(sample["day"], sample["x"], status=sample["event"], ties="efron").fit().params


def ours_km(sample: Columns) -> Work:
    from tendon_outcomes.estimators import kaplan_meier, restricted_mean

    day, event = sample["day"], sample["cause"] == 1

    def work() -> list[float]:
        curve = kaplan_meier(day, event, interval="log-log")
        mean = restricted_mean(curve, horizon=HORIZON)
        return [float(curve.at([HORIZON]).estimate[0]), mean.estimate, mean.std_error]

    return work


def lifelines_km(sample: Columns) -> Work:
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    day, event = sample["day"], sample["cause"] == 1

    def work() -> list[float]:  # without the variance of its mean, which is not the variance of a mean
        fit = KaplanMeierFitter().fit(day, event)
        return [float(fit.predict(HORIZON)), float(restricted_mean_survival_time(fit, t=HORIZON))]

    return work


def sksurv_km(sample: Columns) -> Work:
    from sksurv.nonparametric import kaplan_meier_estimator

    day, event = sample["day"], sample["cause"] == 1

    def work() -> list[float]:
        time_, survival, _ = kaplan_meier_estimator(event, day, conf_type="log-log")
        return [float(survival[np.searchsorted(time_, HORIZON, side="right") - 1])]

    return work


def statsmodels_km(sample: Columns) -> Work:
    from statsmodels.duration.survfunc import SurvfuncRight

    day, event = sample["day"], sample["cause"] == 1

    def work() -> list[float]:
        fit = SurvfuncRight(day, event)
        return [float(fit.surv_prob[np.searchsorted(fit.surv_times, HORIZON, side="right") - 1])]

    return work


def copy_three(sample: Columns) -> Work:
    """The floor that is promised against: a copy of three columns of doubles (performance.md §2: day, event, group)."""
    columns = [sample["day"], sample["cause"], sample["day"] + 1.0]

    def work() -> list[float]:
        _ = [one.copy() for one in columns]
        return []

    return work


def copy_read(sample: Columns) -> Work:
    """A harder floor: a copy of the two columns that the curve reads, day and a boolean event, warm in the cache."""
    day, event = sample["day"], sample["cause"] == 1

    def work() -> list[float]:
        day.copy()
        event.copy()
        return []

    return work


def ours_aj(sample: Columns) -> Work:
    from tendon_outcomes.estimators import aalen_johansen

    day, cause = sample["day"], sample["cause"].astype(np.int64)

    def work() -> list[float]:
        at = aalen_johansen(day, cause).at(1, [HORIZON])
        return [float(at.estimate[0]), float(at.std_error[0])]

    return work


def lifelines_aj(sample: Columns) -> Work:
    from lifelines import AalenJohansenFitter

    def work() -> list[float]:
        fit = AalenJohansenFitter(seed=1).fit(sample["day"], sample["cause"], event_of_interest=1)
        return [float(fit.cumulative_density_.loc[:HORIZON].iloc[-1, 0])]

    return work


def sksurv_aj(sample: Columns) -> Work:
    from sksurv.nonparametric import cumulative_incidence_competing_risks

    day, cause = sample["day"], sample["cause"].astype(np.int64)

    def work() -> list[float]:
        time_, incidence, _ = cumulative_incidence_competing_risks(cause, day, conf_type="log-log")
        return [float(incidence[1][np.searchsorted(time_, HORIZON, side="right") - 1])]

    return work


def ours_npmle(sample: Columns) -> Work:
    from tendon_outcomes.estimators import turnbull

    left, right = sample["left"], sample["right"]

    def work() -> list[float]:
        fit = turnbull(left, right)
        return [float(np.mean(fit.bounds(1, [HORIZON]))), fit.log_likelihood, fit.kkt_residual]

    return work


def lifelines_npmle(sample: Columns) -> Work:
    from lifelines import KaplanMeierFitter

    def work() -> list[float]:
        fit = KaplanMeierFitter().fit_interval_censoring(sample["left"], sample["right"])
        return [1.0 - float(np.mean(np.asarray(fit.survival_function_.loc[:HORIZON])[-1]))]

    return work


TASKS: dict[str, Callable[[Columns], Work]] = {
    one.__name__: one
    for one in (
        ours_cox,
        lifelines_cox,
        sksurv_cox,
        statsmodels_cox,
        ours_km,
        lifelines_km,
        sksurv_km,
        statsmodels_km,
        copy_three,
        copy_read,
        ours_aj,
        lifelines_aj,
        sksurv_aj,
        ours_npmle,
        lifelines_npmle,
    )
}


def read(folder: Path) -> Columns:
    """The columns as arrays; `x` as a matrix in the order of rows, as Python has it."""
    shape = json.loads((folder / "sample.json").read_text(encoding="utf-8"))["columns"]
    columns = {name: np.fromfile(folder / name, dtype=np.float64) for name in shape}
    if "x" in columns:
        columns["x"] = np.ascontiguousarray(columns["x"].reshape(-1, columns["day"].size).T)
    return columns


def memory(what: str) -> float:
    """MB of VmRSS (now) or VmHWM (peak) of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def loaded() -> None:
    """Load what the estimators load at their first call, so that it is not counted as memory of a fit."""
    import scipy.special  # noqa: F401


def measure(work: Work, allowed: float) -> dict[str, Any]:
    """Seconds, memory and numbers of a call."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is counted from here
    before, begun, started = memory("VmRSS"), time.process_time(), time.perf_counter()
    numbers = work()
    first, added = time.perf_counter() - started, memory("VmHWM") - before
    used = time.process_time()
    calls = max(1, int(0.01 / max(first, 1e-6)))
    times, processor = ([first], [used - begun]) if first > LONG else ([], [])
    while not times or (sum(times) * calls < allowed and len(times) < 15):
        started, begun = time.perf_counter(), time.process_time()
        for _ in range(calls):
            work()
        times.append((time.perf_counter() - started) / calls)
        processor.append((time.process_time() - begun) / calls)
    told = {"seconds": median(times), "processor": median(processor), "added_mb": added}
    return told | {"numbers": np.asarray(numbers, dtype=float).tolist()}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.argv[1].startswith("ours"):
        loaded()
    print(json.dumps(measure(TASKS[sys.argv[1]](read(Path(sys.argv[2]))), float(sys.argv[3]))))
