"""Batched and resampled estimators beside R's on the same resampled rows, and limits beside R's boot on the same replicates."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.resampling import intervals
from tendon_outcomes.estimators.resampling.cox import batched_cox
from tendon_outcomes.estimators.resampling.curves import curve_statistic
from tendon_outcomes.estimators.resampling.iptw import iptw_statistic
from tendon_outcomes.estimators.resampling.jackknife import jackknife
from tendon_outcomes.estimators.resampling.logistic import batched_logistic
from tests.reference.comparison import Comparison, columns, frozen, series

SCRIPTS: dict[str, str | None] = {"resampling": "resampling.csv"}
HORIZON = 15.0
FITTED = 1e-10


def comparisons() -> list[Comparison]:
    """Every frozen series of resampling.R beside ours."""
    numbers = frozen("resampling")["numbers"]
    data = columns("resampling.csv")
    copies = np.stack([data[key] for key in data if key.startswith("copies_")])
    return [
        *_contrasts(numbers, data, copies),
        *_regressions(numbers, data, copies),
        *_curves(numbers, data, copies),
        *_limits(numbers),
    ]


def _contrasts(numbers: dict, data: dict, copies: np.ndarray) -> list[Comparison]:
    found = []
    x = np.column_stack([data["x1"], data["x2"]])
    for target in ("everyone", "treated", "overlap"):
        made = iptw_statistic(data["day"], data["cause"] == 1, data["treated"], x, day=HORIZON, target=target)(copies)  # type: ignore[arg-type]
        ours = dict(zip(("risk_difference", "restricted_mean_difference", "log_hazard_ratio"), made.T, strict=True))
        found += series(f"contrasts {target}", numbers[f"contrasts {target}"], ours, tolerance=FITTED)
    return found


def _regressions(numbers: dict, data: dict, copies: np.ndarray) -> list[Comparison]:
    x = np.column_stack([data["x1"], data["x2"]])
    both = np.column_stack([data["treated"], x])
    cox = batched_cox(data["day"], data["cause"] == 1, both)(copies)
    logit = batched_logistic(data["treated"], x).fit(copies).estimate
    return [
        *series("cox", numbers["cox"], dict(zip(("treated", "x1", "x2"), cox.T, strict=True)), tolerance=FITTED),
        *series("logistic", numbers["logistic"], dict(zip(("intercept", "x1", "x2"), logit.T, strict=True)), tolerance=FITTED),
    ]


def _curves(numbers: dict, data: dict, copies: np.ndarray) -> list[Comparison]:
    days = [6.0, 15.0]
    km = curve_statistic(data["day"], data["cause"], days=days, horizons=[HORIZON])
    aj = curve_statistic(data["day"], data["cause"], days=days, incidence=True)
    at, errors, incidence = km(copies), km.std_error(copies), aj(copies)
    ours = {
        "survival": at[:, :2].ravel(),
        "std_error": errors[:, :2].ravel(),
        "restricted_mean": at[:, 2],
        "incidence_1": incidence[:, :2].ravel(),
        "incidence_2": incidence[:, 2:].ravel(),
    }
    left_out = jackknife(curve_statistic(data["day"], data["cause"], days=[15.0], horizons=[HORIZON]))
    return [
        *series("curves", numbers["curves"], ours),
        *series("jackknife", numbers["jackknife"], {"std_error": left_out.std_error}),
    ]


def _limits(numbers: dict) -> list[Comparison]:
    made = {key: np.array(value, dtype=np.float64) for key, value in numbers["replicates"].items()}
    values, (estimate, variance) = np.sort(made["t"]), made["t0"]
    found = []
    for level in (0.9, 0.95):
        z0, moved = intervals.bias_correction(values, estimate), intervals.acceleration(made["influence"])
        ours = {
            "normal": intervals.normal_limits(values, estimate, level),
            "basic": intervals.basic_limits(values, estimate, level),
            "percentile": intervals.percentile_limits(values, level),
            "bca": intervals.bca_limits(values, z0, moved, level),
            "studentised": intervals.studentised_limits(
                made["t"], np.sqrt(made["variance"]), estimate, float(np.sqrt(variance)), level
            ),
        }
        found += series(f"limits {level:g}", numbers[f"limits {level:g}"], ours)
    return found
