"""Residuals, checks and predictions of Cox models, and Fine-Gray fits, beside R (residuals at R's own coefficients)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tendon_outcomes.estimators.regression.cox import baseline, predict, residuals
from tendon_outcomes.estimators.regression.cox.concordance import concordance_of
from tendon_outcomes.estimators.regression.cox.hazard_steps import hazard_steps
from tendon_outcomes.estimators.regression.cox.proportionality import ProportionalHazardsTest, proportionality_test
from tendon_outcomes.estimators.regression.cox.sample import CoxSample, cox_sample
from tendon_outcomes.estimators.regression.cox.step_information import covariance_of
from tendon_outcomes.estimators.regression.fine_gray import fine_gray
from tests.reference.comparison import Comparison, columns, frozen, numbers_of, series

SAMPLE = "cox_checks.csv"
SCRIPTS: dict[str, str | None] = {"cox_residuals": SAMPLE, "cox_checks": SAMPLE, "fine_gray": SAMPLE}
TRANSFORMS = ("km", "rank", "identity", "log")
NEW = np.array([[0.0, 0.0], [0.5, 1.0], [-1.0, 0.3]])
DAYS = (1.0, 3.0, 6.0, 10.0, 14.0)


def comparisons() -> list[Comparison]:
    """Every frozen series of the area beside ours."""
    return [*_residuals(), *_checks(), *_factor(), *_fine_gray()]


def sample_of(name: str) -> tuple[CoxSample, str]:
    """The sample and the tie rule of `ties/design/weighted`."""
    ties, design, weighted = name.split("/")
    data = columns(SAMPLE)
    return cox_sample(
        data["day"],
        data["cause"] == 1,
        np.column_stack([data["x"], data["z"]]),
        names=("x", "z"),
        entry=data["entry"] if "entry" in design else None,
        strata=data["stratum"] if "strata" in design else None,
        weight=data["weight"] if weighted == "weighted" else None,
        cluster=data["patient"],
    ), ties


def _residuals() -> list[Comparison]:
    found = []
    for name, theirs in frozen("cox_residuals")["numbers"].items():
        (sample, ties), beta = sample_of(name), numbers_of(theirs["estimate"])
        model = (sample, beta, ties)
        ours = {
            "covariance": covariance_of(hazard_steps(*model), sample.names),
            "martingale": residuals.martingale(*model),
            "deviance": residuals.deviance(*model),
            "score": residuals.score_residuals(*model),
            "schoenfeld": residuals.schoenfeld(*model).residual,
            "scaled": residuals.scaled_schoenfeld(*model).residual,
            "dfbeta": residuals.dfbeta(*model),
            "dfbetas": residuals.dfbetas(*model),
            "dfbeta_by_patient": residuals.dfbeta(*model, by_cluster=True),
        }
        asked = {key: values for key, values in theirs.items() if key != "estimate"}
        found += series(f"cox_residuals {name}", asked, {key: values.ravel() for key, values in ours.items()})
    return found


def _checks() -> list[Comparison]:
    found = []
    for name, theirs in frozen("cox_checks")["numbers"].items():
        if "/" not in name:
            continue
        (sample, ties), beta = sample_of(name), numbers_of(theirs["estimate"])
        covariance = numbers_of(theirs["covariance"]).reshape(2, 2)
        ours = {**_tests(sample, beta, ties), **_pairs(sample, beta), **_predictions(sample, beta, ties, covariance)}
        asked = {key: values for key, values in theirs.items() if key not in ("estimate", "covariance")}
        found += series(f"cox_checks {name}", asked, ours)
    return found


def _tests(sample: CoxSample, beta: np.ndarray, ties: str) -> dict[str, Any]:
    ours: dict[str, Any] = {}
    for transform in TRANSFORMS:
        test = proportionality_test(sample, beta, ties, transform=transform)  # type: ignore[arg-type]
        ours[f"statistic {transform}"], ours[f"p {transform}"] = _table(test)
        ours[f"scale {transform}"] = test.transformed_time[np.unique(test.time, return_index=True)[1]]
        ours["event_covariance"] = test.event_covariance.ravel()
    return ours


def _table(test: ProportionalHazardsTest) -> tuple[np.ndarray, np.ndarray]:
    return np.append(test.statistic, test.global_statistic), np.append(test.p_value, test.global_p_value)


def _pairs(sample: CoxSample, beta: np.ndarray) -> dict[str, Any]:
    score = sample.x[:, 0] * beta[0] + sample.x[:, 1] * beta[1]
    rows = concordance_of(replace(sample, cluster=None), score, robust=True)
    return {
        "concordance": [rows.estimate, rows.std_error],
        "pairs": [rows.concordant, rows.discordant, rows.tied_score, rows.tied_time, rows.tied_both],
        "concordance_by_patient": concordance_of(sample, score).std_error,
    }


def _predictions(sample: CoxSample, beta: np.ndarray, ties: str, covariance: np.ndarray) -> dict[str, Any]:
    stratum = sample.stratum_labels[0]
    curves = baseline.predicted_curves(sample, beta, ties, covariance=covariance, covariates=NEW, stratum=stratum)
    base = baseline.baseline_hazard(sample, beta, ties)
    ratio = predict.linear_predictor(sample, beta, covariance, NEW, reference=[0.0, 0.0])
    return {
        "time": curves.time,
        "baseline": base.cumulative_hazard[base.stratum == 0],
        "cumulative_hazard": curves.cumulative_hazard.ravel(),
        "cumulative_std_error": curves.cumulative_std_error.ravel(),
        "survival": curves.survival.ravel(),
        "conf_low": curves.conf_low.ravel(),
        "conf_high": curves.conf_high.ravel(),
        "log_hazard_ratio": ratio.estimate,
        "log_hazard_ratio_std_error": ratio.std_error,
    }


def _factor() -> list[Comparison]:
    theirs, data = frozen("cox_checks")["numbers"]["a factor as one term"], columns(SAMPLE)
    x = np.column_stack([data["x"], data["z"], data["stratum"] == 2, data["stratum"] == 3])
    sample = cox_sample(data["day"], data["cause"] == 1, x, names=("x", "z", "b", "c"))
    terms = {"x": ("x",), "z": ("z",), "stratum": ("b", "c")}
    test = proportionality_test(sample, numbers_of(theirs["estimate"]), "efron", terms=terms)
    statistic, p = _table(test)
    return series("cox_checks a factor", {key: theirs[key] for key in ("statistic", "p")}, {"statistic": statistic, "p": p})


def _fine_gray() -> list[Comparison]:
    found, data = [], columns(SAMPLE)
    for name, theirs in frozen("fine_gray")["numbers"].items():
        scale, interest, groups = name.split("/")
        fit = fine_gray(
            data[scale],
            data["cause"],
            np.column_stack([data["x"], data["z"]]),
            cause_of_interest=int(interest),
            censoring_group=data["stratum"] if groups == "three" else None,
        )
        exact = {
            "log_likelihood": fit.log_likelihood,
            "null_log_likelihood": fit.null_log_likelihood,
        }
        iterated = {
            "estimate": fit.coefficients.estimate,
            "naive_covariance": fit.naive_covariance.ravel(),
            "covariance": fit.coefficients.covariance.ravel(),
            "incidence": fit.incidence([[0, 0], [1, 1]], DAYS).estimate.ravel(),
        }
        known = [{key: theirs[key] for key in part if key in theirs} for part in (exact, iterated)]
        found += series(f"fine_gray {name}", known[0], exact)
        found += series(f"fine_gray {name}", known[1], iterated, tolerance=1e-8)
    return found
