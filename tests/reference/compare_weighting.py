"""Categorical regressions, propensities, weights, balance and weighted analyses beside R on the same weighted or cloned rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tendon_outcomes.estimators.causal.weighting.balance import balance
from tendon_outcomes.estimators.causal.weighting.balancing_weights import balancing_weights
from tendon_outcomes.estimators.causal.weighting.propensity import propensity
from tendon_outcomes.estimators.curves.aalen_johansen import aalen_johansen
from tendon_outcomes.estimators.curves.kaplan_meier import kaplan_meier
from tendon_outcomes.estimators.regression.cox.fit import cox
from tendon_outcomes.estimators.regression.logistic import LogisticFit, logistic
from tendon_outcomes.estimators.regression.multinomial import MultinomialFit, multinomial
from tests.reference.comparison import Comparison, columns, frozen, series

SCRIPTS: dict[str, str | None] = {"weighting": "weighting.csv", "weighted_clones": "weighted_clones.csv"}
ITERATED = 1e-8
TOLERANCES = {"survival": 1e-10, "incidence": 1e-10, "nnet": 1e-5}
REASONS = {"nnet": "nnet stops where its quasi-Newton steps gain nothing; from there R's own Newton steps are met to 1e-8"}

Data = dict[str, np.ndarray]


def comparisons() -> list[Comparison]:
    """Every frozen series of weighting.R and weighted_clones.R beside ours."""
    found: list[Comparison] = []
    for stem, areas in (("weighting", PATIENTS), ("weighted_clones", CLONES)):
        data = columns(f"{stem}.csv")
        for name, theirs in frozen(stem)["numbers"].items():
            kind, *words = name.split()
            tolerance = TOLERANCES.get(kind, ITERATED)
            made = series(f"{stem} {name}", theirs, areas[kind](data, words), tolerance=tolerance)
            found += [Comparison(c.name, c.ours, c.theirs, c.tolerance, REASONS.get(kind, "")) for c in made]
    return found


def covariates(data: Data) -> np.ndarray:
    return np.column_stack([data["severity"], data["old"], data["weeks"]])


def described(fit: Callable[..., LogisticFit | MultinomialFit], data: Data) -> dict[str, Any]:
    """A fit with its three kinds of standard error."""
    model = fit(robust=False)
    return {
        "estimate": model.coefficients.estimate,
        "std_error": model.coefficients.std_error,
        "robust_std_error": fit(robust=True).coefficients.std_error,
        "patient_std_error": fit(cluster=data["patient"]).coefficients.std_error,
        "probability": model.probability.ravel(),
        "log_likelihood": model.log_likelihood,
    }


def _logistic(data: Data, words: list[str]) -> dict[str, Any]:
    plans: dict[str, dict[str, Any]] = {
        "plain": {},
        "copies": {"weight": data["copies"]},
        "weighted": {"weight": data["weight"]},
        "offset": {"offset": data["weight"] / 4},
    }
    how = plans[words[0]]
    return described(lambda **kind: logistic(data["yes"], covariates(data), **how, **kind), data)


def _svyglm(data: Data, words: list[str]) -> dict[str, Any]:
    return _logistic(data, ["weighted"])


def _fractional(data: Data, words: list[str]) -> dict[str, Any]:
    fit = logistic(data["value"], covariates(data), weight=data["weight"], cluster=data["patient"], fractional=True)
    c = fit.coefficients
    return {"estimate": c.estimate, "patient_std_error": c.std_error, "probability": fit.probability}


def _firth(data: Data, words: list[str]) -> dict[str, Any]:
    few = {key: values[::5] for key, values in data.items()}
    c = logistic(few["yes"], np.column_stack([few["severity"], few["yes"] * few["old"]]), firth=True).coefficients
    return {"estimate": c.estimate, "conf_low": c.conf_low[1:], "conf_high": c.conf_high[1:], "p_value": c.p_value}


def _multinomial(data: Data, words: list[str]) -> dict[str, Any]:
    weight = data["weight"] if words == ["weighted"] else None
    return described(lambda **kind: multinomial(data["treatment"], covariates(data), weight=weight, **kind), data)


def _spline(data: Data, words: list[str]) -> dict[str, Any]:
    x = np.column_stack([data["severity"], data["weeks"]])
    fit = propensity((data["treatment"] > 0).astype(int), x, names=["severity", "weeks"], splines={"weeks": 4})
    c = fit.fit.coefficients
    return {
        "knots": fit.splines.knots["weeks"],
        "estimate": c.estimate,
        "std_error": c.std_error,
        "probability": fit.probability[:, 1],
    }


def weighted_pair(data: Data, target: str, **how: Any) -> tuple[Data, np.ndarray]:
    """Rows of treatments 0 and 1, with their weights."""
    codes = data["treatment"].astype(int)
    fit = propensity(codes, covariates(data), names=["severity", "old", "weeks"])
    pair = codes < 2
    weight = balancing_weights(fit, codes, target=target, **how).weight  # type: ignore[arg-type]
    return {key: values[pair] for key, values in data.items()}, weight[pair]


def _weights(data: Data, words: list[str]) -> dict[str, Any]:
    codes = data["treatment"].astype(int)
    fit = propensity(codes, covariates(data))
    return {
        "raw": weighted_pair(data, words[0], stabilised=False)[1],
        "weight": weighted_pair(data, words[0])[1],
        "effective_n": balancing_weights(fit, codes, target=words[0]).effective_n,  # type: ignore[arg-type]
        "truncated": weighted_pair(data, words[0], truncate=(0.02, 0.98))[1],
    }


def _balance(data: Data, words: list[str]) -> dict[str, Any]:
    pair, weight = weighted_pair(data, "everyone" if words == ["before"] else words[0])
    known = {f"weeks {level}": pair["weeks"] == level for level in (12, 26, 52)}
    x = np.column_stack([covariates(pair), *known.values()])
    made = balance(
        x,
        pair["treatment"].astype(int),
        names=["severity", "old", "weeks", *known],
        weight=None if words == ["before"] else weight,
        categories={"duration": list(known)},
    )
    return {
        "smd": made.smd[:3],
        "variance_ratio": made.variance_ratio[:3],
        "ks": made.ks_distance[:3],
        "category": made.category_distance,
    }


def _cox(data: Data, words: list[str], ties: Any = "efron") -> dict[str, Any]:
    pair, weight = weighted_pair(data, words[0])
    x = pair["treatment"][:, None] if ties == "efron" else np.column_stack([pair["treatment"], pair["severity"]])
    fit = cox(pair["day"], pair["cause"] == 1, x, weight=weight, cluster=pair["patient"], ties=ties)
    c = fit.coefficients
    return {"estimate": c.estimate, "std_error": c.std_error, "naive": np.sqrt(np.diagonal(fit.naive_covariance))}


def _breslow(data: Data, words: list[str]) -> dict[str, Any]:
    return _cox(data, words, "breslow")


def _arm(data: Data, words: list[str]) -> tuple[Data, dict[str, Any]]:
    pair, weight = weighted_pair(data, words[0])
    there = pair["treatment"] == int(words[1])
    arm = {key: values[there] for key, values in pair.items()}
    return arm, {"weight": weight[there], "cluster": arm["patient"]}


def _survival(data: Data, words: list[str]) -> dict[str, Any]:
    arm, how = _arm(data, words)
    fit = kaplan_meier(arm["day"], arm["cause"] == 1, **how)
    return {"time": fit.time, "survival": fit.survival, "std_error": fit.std_error}


def _incidence(data: Data, words: list[str]) -> dict[str, Any]:
    arm, how = _arm(data, words)
    fit = aalen_johansen(arm["day"], arm["cause"].astype(int), n_causes=2, **how)
    ours: dict[str, Any] = {"time": fit.time}
    for k in (1, 2):
        ours |= {f"incidence_{k}": fit.incidence[k - 1], f"std_error_{k}": fit.std_error[k - 1]}
    return ours


def _marginal(data: Data, words: list[str]) -> dict[str, Any]:
    pair, weight = weighted_pair(data, words[0])
    c = logistic(pair["yes"], pair["treatment"], weight=weight, cluster=pair["patient"]).coefficients
    return {"estimate": c.estimate, "patient_std_error": c.std_error}


def _clones_cox(data: Data, words: list[str]) -> dict[str, Any]:
    names = ("strategy", "severity", "pain")[: int(words[1])]
    fit = cox(
        data["stop"],
        data["event"],
        np.column_stack([data[name] for name in names]),
        entry=data["start"],
        weight=data["weight"],
        cluster=data["patient"],
        ties=words[0],  # type: ignore[arg-type]
    )
    c = fit.coefficients
    return {
        "estimate": c.estimate,
        "std_error": c.std_error,
        "naive": np.sqrt(np.diagonal(fit.naive_covariance)),
        "log_likelihood": fit.log_likelihood,
    }


def _clones_survival(data: Data, words: list[str], cluster: bool = True) -> dict[str, Any]:
    arm = {key: values[data["strategy"] == int(words[0])] for key, values in data.items()}
    fit = kaplan_meier(
        arm["stop"],
        arm["event"],
        entry=arm["start"],
        weight=arm["weight"],
        cluster=arm["patient"] if cluster else None,
        robust=True,
    )
    return {"time": fit.time, "survival": fit.survival, "std_error": fit.std_error}


def _departure(data: Data, words: list[str], weighted: bool = True) -> dict[str, Any]:
    x = np.column_stack([data["strategy"], data["stop"], data["pain"]])
    weight = data["weight"] if weighted else None
    return described(lambda **kind: logistic(data["departed"], x, weight=weight, **kind), data)


PATIENTS: dict[str, Callable[[Data, list[str]], dict[str, Any]]] = {
    "logistic": _logistic,
    "svyglm": _svyglm,
    "fractional": _fractional,
    "firth": _firth,
    "multinomial": _multinomial,
    "nnet": _multinomial,
    "spline": _spline,
    "weights": _weights,
    "balance": _balance,
    "cox": _cox,
    "breslow": _breslow,
    "survival": _survival,
    "incidence": _incidence,
    "marginal": _marginal,
}
CLONES: dict[str, Callable[[Data, list[str]], dict[str, Any]]] = {
    "cox": _clones_cox,
    "survival": _clones_survival,
    "survival_of_rows": lambda data, words: _clones_survival(data, words, cluster=False),
    "departure": _departure,
    "departure_unweighted": lambda data, words: _departure(data, words, weighted=False),
    "departure_svyglm": _departure,
}
