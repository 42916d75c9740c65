"""Means under two treatments with stacked variances beside R: weighted incidences, standardised quasi-logistic models."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans
from tendon_outcomes.estimators.causal.point_treatment.g_computation import g_computation
from tendon_outcomes.estimators.causal.point_treatment.iptw_means import iptw_means
from tendon_outcomes.estimators.causal.weighting.balancing_weights import balancing_weights
from tendon_outcomes.estimators.causal.weighting.propensity import propensity
from tests.reference.comparison import Comparison, columns, frozen, series

SCRIPTS: dict[str, str | None] = {"point_treatment": "resampling.csv"}
ITERATED, ERRORS = 1e-8, 1e-7

Data = dict[str, np.ndarray]


def comparisons() -> list[Comparison]:
    """Every frozen series of point_treatment.R beside ours."""
    data, found = columns("resampling.csv"), []
    for name, theirs in frozen("point_treatment")["numbers"].items():
        kind, *words = name.split()
        single, by_patient = (ANALYSES[kind](data, words, cluster) for cluster in (None, np.arange(data["day"].size) // 2))
        ours = {
            "mean": single.mean[:, 0],
            "std_error": errors(single),
            "patient_std_error": errors(by_patient),
            "covariance": single.covariance()[0, 1],
            "difference_std_error": np.sqrt(np.array([-1, 1]) @ single.covariance() @ np.array([-1, 1])),
        }
        for key in theirs:
            tolerance = ITERATED if key == "mean" else ERRORS
            found += series(f"point treatment {name}", {key: theirs[key]}, ours, tolerance=tolerance)
    return found


def errors(means: ArmMeans) -> np.ndarray:
    return np.asarray(np.sqrt(np.diagonal(means.covariance())))


def _weighted(data: Data, words: list[str], cluster: np.ndarray | None) -> ArmMeans:
    """The incidence of cause 1 in dated data: an event on day d lies in (d - 1, d]."""
    target, day = words[0], float(words[1])
    dated = data["cause"] > 0
    left, right = np.where(dated, data["day"] - 1.0, data["day"]), np.where(dated, data["day"], np.inf)
    arm, x = data["treated"].astype(int), np.column_stack([data["x1"], data["x2"]])
    score = propensity(arm, x)
    weights = balancing_weights(score, arm, target=target)  # type: ignore[arg-type]
    return iptw_means(left, right, data["cause"].astype(int), arm, weights, score, days=day, cluster=cluster, small_sample=False)


def _standardised(data: Data, words: list[str], cluster: np.ndarray | None) -> ArmMeans:
    values = {"binary": (data["day"] > 12).astype(float), "share": (data["day"] / 30 + data["x2"]) / 2}
    x = np.column_stack([data["x1"], data["x2"]])
    arm = data["treated"].astype(int)
    return g_computation(values[words[0]], arm, x, target=words[1], cluster=cluster, ridge=0.0)  # type: ignore[arg-type]


ANALYSES = {"weighted": _weighted, "standardised": _standardised}
