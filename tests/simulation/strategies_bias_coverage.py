"""Gate row `strategies_bias_coverage`: every estimator of the comparison of strategies over synthetic clinics with known truth.

Aims: do the estimators of the comparison find the effect that was put in, and do their 95 % intervals cover it? Data: synthetic
clinics of 300 episodes with confounding by severity and chronicity, pain that drives stretchers to loading, and informative
drop-out, through the derivations of the cohort; loading hazard ratio {1, 1.3, 1.6} x stretching hazard ratio {1, 0.8}. Estimands:
differences of the incidence of pain-free running at 8, 12 and 26 weeks and of the restricted mean time lost to week 26, loading
less stretching: as prescribed (treatment policy) for the point-treatment estimators, sustained for 12 weeks for the others.
Performance: bias, ratio of model to empirical standard error, coverage. A cell passes when its bias is within Monte-Carlo error
or 1.5 points (2 points where a nuisance model is broken on purpose; the same shares of the horizon for days), and its coverage
inside the family-wise band. The naive comparison is printed beside and promised nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import ceil
from statistics import NormalDist

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}  # two workers share two cores; read when NumPy loads

import numpy as np

from tendon_outcomes.analysis.strategies.assemble import assemble_trials
from tendon_outcomes.analysis.strategies.by_weeks import STATES
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations import Estimand, declare, load_protocol, resolve, shipped
from tendon_outcomes.errors import EstimationRefused, NotConverged
from tendon_outcomes.estimators import (
    aipw,
    balancing_weights,
    clone_censor_weight,
    g_computation,
    g_formula,
    iptw_means,
    propensity,
    pseudo_values,
    sequential_trials,
    tmle,
)
from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import PseudoValues
from tendon_outcomes.estimators.causal.sustained.agreement import WeeklyContrast
from tendon_outcomes.estimators.causal.weighting.propensity import Propensity
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinics, strategy_truth
from tendon_outcomes.vocabulary import WeekState
from tests.simulation.clinic_records import everyone, records_of

EPISODES, BATCH = 300, 20
EFFECTS = tuple((loading, stretching) for loading in (1.0, 1.3, 1.6) for stretching in (1.0, 0.8))
WEEKS, HORIZON, SUSTAINED = (8, 12, 26), 26, 12
NUMBERS = (*(f"week {week}" for week in WEEKS), "days to week 26")
POINT, BROKEN = 0.015, 0.02
SEVERITY_AND_CHRONICITY = ("severity0", "duration")  # the nodes that a broken nuisance model leaves out
SUSTAINED_ESTIMATORS = ("clone-censor-weight", "sequential trials", "g-formula")
Estimates = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Estimate, standard error, lower and upper limit of the four NUMBERS."""


@dataclass
class Cell:
    """One number of one estimator under one pair of effects, over all clinics."""

    truth: float
    scale: float
    estimate: list[float] = field(default_factory=list)
    std_error: list[float] = field(default_factory=list)
    covered: list[bool] = field(default_factory=list)
    refused: int = 0

    def add(self, estimate: float, std_error: float, low: float, high: float) -> None:
        self.estimate.append(estimate)
        self.std_error.append(std_error)
        self.covered.append(low <= self.truth <= high)

    @property
    def bias(self) -> float:
        """In units of the number: points of a share, or days."""
        return float(np.mean(self.estimate)) - self.truth

    @property
    def spread(self) -> float:
        return float(np.std(self.estimate, ddof=1))

    @property
    def coverage(self) -> float:
        return float(np.mean(self.covered))

    def faults(self, z: float, allowed: float, *, judge_coverage: bool) -> str:
        """What does not hold of this cell; empty when all does."""
        count = len(self.covered)
        if count < 2:
            return "NONE"
        biased = abs(self.bias) > max(z * self.spread / np.sqrt(count), allowed * self.scale)
        outside = judge_coverage and abs(self.coverage - 0.95) > z * np.sqrt(0.95 * 0.05 / count)
        return " ".join(word for word, wrong in (("BIAS", biased), ("COVERAGE", outside)) if wrong)


@lru_cache(maxsize=1)
def asked() -> Estimand:
    """The shipped question, asked of every episode: eligibility does not depend on the outcome."""
    declared = declare()
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), declared)
    return replace(protocol.estimand("stretching_versus_loading"), population=everyone(declared))


def trials(effects: tuple[float, float], batch: int, clinics: int) -> dict[str, Trial]:
    """The trials of one batch of clinics."""
    loading, stretching = effects
    settings = ClinicSettings.confounded(loading=loading, stretching=stretching)
    drawn = simulate_clinics(clinics, EPISODES, seed=50_000 + batch, settings=settings)
    estimand = asked()
    cohort = assemble_cohort(records_of(drawn.tables, declare()), estimand.population)
    follow_up = ascertain(cohort, estimand.endpoint, horizon_weeks=estimand.horizon_weeks)
    return assemble_trials(cohort, follow_up, estimand, by="site_id")


def estimates(trial: Trial) -> Iterator[tuple[str, Estimates | None]]:
    """Every estimator on one clinic; None where it refuses."""
    for name, found in (*_point_treatment(trial), *_sustained(trial)):
        try:
            yield name, found()
        except (EstimationRefused, NotConverged):
            yield name, None


def fitted_propensity(arm: np.ndarray, covariates: np.ndarray) -> Propensity:
    """As the analysis fits it: with Firth's penalty where a rare covariate separates the strategies."""
    try:
        return propensity(arm, covariates)
    except EstimationRefused:
        return propensity(arm, covariates, firth=True)


def _point_treatment(trial: Trial) -> Iterator[tuple[str, Callable[[], Estimates]]]:
    known = trial.treatment >= 0
    arm, x, patient, data = trial.treatment[known], trial.covariates[known], trial.patient[known], trial.data
    rows = data.left[known], data.right[known], data.cause[known]
    partial = x[:, [node not in SEVERITY_AND_CHRONICITY for node in trial.covariate_nodes]]
    days, horizon = [7 * week for week in WEEKS], 7 * HORIZON
    seed = 11

    def weighted() -> Estimates:
        score = fitted_propensity(arm, x)
        weights = balancing_weights(score, arm)
        return _of_means(iptw_means(*rows, arm, weights, score, days=days, horizon=horizon, cluster=patient))

    def values() -> PseudoValues:
        return pseudo_values(*rows, group=arm, days=days, horizon=horizon, cluster=patient)

    def robust(method: Callable[..., ArmMeans], outcome: np.ndarray, treatment: np.ndarray) -> Estimates:
        found = method(values(), arm, outcome_covariates=outcome, propensity_covariates=treatment, seed=seed, cluster=patient)
        return _of_means(found)

    yield "IPTW", weighted
    yield "g-computation", lambda: _of_means(g_computation(values(), arm, x, cluster=patient))
    for name, method in (("AIPW", aipw), ("TMLE", tmle)):
        yield name, lambda method=method: robust(method, x, x)
        yield f"{name}, outcome broken", lambda method=method: robust(method, partial, x)
        yield f"{name}, propensity broken", lambda method=method: robust(method, x, partial)
    yield "naive", lambda: _naive(values())


def _sustained(trial: Trial) -> Iterator[tuple[str, Callable[[], Estimates]]]:
    declared = trial.estimand.trial
    assert declared is not None
    reference, compared = (tuple(STATES.index(state) for state in one.phase[0].follows) for one in declared.sustained)
    states, grace_weeks = (reference, compared), tuple(range(1, ceil(declared.grace_days / 7) + 1))
    asked = {"weeks": WEEKS, "horizon": HORIZON, "groups": declared.jackknife_groups, "seed": 12}
    yield SUSTAINED_ESTIMATORS[0], lambda: _of_weeks(clone_censor_weight(trial.sample, **asked).contrast)
    yield (
        SUSTAINED_ESTIMATORS[1],
        lambda: _of_weeks(sequential_trials(trial.sample, start_states=states, first_weeks=grace_weeks, **asked).contrast),
    )
    held = {"states": states, "lapses": (STATES.index(WeekState.NEITHER),), "sustain": SUSTAINED}
    yield SUSTAINED_ESTIMATORS[2], lambda: _of_weeks(g_formula(trial.sample, **held, **asked).contrast)


def _naive(found: PseudoValues) -> Estimates:
    """The difference between those who were prescribed one and the other, as if nothing else told them apart."""
    none = np.full(len(NUMBERS), np.nan)
    return found.estimate[1] - found.estimate[0], none, none, none


def _of_means(found: ArmMeans) -> Estimates:
    contrast = found.difference()
    return contrast.estimate, contrast.std_error, contrast.conf_low, contrast.conf_high


def _of_weeks(found: WeeklyContrast) -> Estimates:
    numbers = [*found.difference, found.restricted_mean_difference]
    columns = ("estimate", "std_error", "conf_low", "conf_high")
    estimate, error, low, high = (np.array([getattr(one, name) for one in numbers]) for name in columns)
    return estimate, error, low, high


def run(effects: tuple[float, float], batch: int, clinics: int) -> list[tuple[str, Estimates | None]]:
    """Every estimate of one batch of clinics under one pair of effects."""
    np.seterr(all="ignore")
    return [one for trial in trials(effects, batch, clinics).values() for one in estimates(trial)]


def truths(effects: tuple[float, float]) -> dict[bool, np.ndarray]:
    """The four true differences: False as prescribed, True sustained. Procedures are hypothetical here: they do not compete."""
    loading, stretching = effects
    settings = ClinicSettings.confounded(loading=loading, stretching=stretching)
    settings = replace(settings, competing_per_year=(0.0, 0.0, 0.0, 0.0, *settings.competing_per_year[4:]))
    found = {}
    for sustained in (False, True):
        curves = [
            strategy_truth(settings, one, sustained_weeks=SUSTAINED if sustained else None)
            for one in ("loading_led", "stretching_led")
        ]
        numbers = [[*(one.at_week(week) for week in WEEKS), 7 * one.restricted_mean_time(HORIZON)] for one in curves]
        found[sustained] = np.subtract(*np.array(numbers))
    return found


Key = tuple[tuple[float, float], str, str]


def gathered(replicates: int) -> dict[Key, Cell]:
    """All cells over `replicates` clinics for every pair of effects."""
    cells: dict[Key, Cell] = {}
    batches = range(replicates // BATCH)
    with ProcessPoolExecutor(max_workers=2) as pool:
        for effects in EFFECTS:
            true = truths(effects)
            for done, found in enumerate(pool.map(run, [effects] * len(batches), batches, [BATCH] * len(batches)), start=1):
                for estimator, numbers in found:
                    _add(cells, effects, estimator, numbers, true[estimator in SUSTAINED_ESTIMATORS])
                print(f"{effects}: {BATCH * done} of {replicates}", file=sys.stderr)
    return cells


def _add(cells: dict[Key, Cell], effects: tuple[float, float], estimator: str, found: Estimates | None, true: np.ndarray) -> None:
    for position, number in enumerate(NUMBERS):
        scale = 1.0 if number.startswith("week") else 7.0 * HORIZON
        cell = cells.setdefault((effects, estimator, number), Cell(float(true[position]), scale))
        if found is None:
            cell.refused += 1
        else:
            cell.add(*(float(column[position]) for column in found))


def verdicts(cells: dict[Key, Cell]) -> tuple[list[str], int, int]:
    """The table, how many cells are judged, and how many of them fail."""
    judged = {key for key in cells if key[1] != "naive"}
    z = NormalDist().inv_cdf(1 - 0.01 / (2 * len(judged)))
    lines = [
        f"{'loading x stretching':20} {'estimator':26} {'number':16} {'n':>4} {'truth':>8} {'bias':>8} {'SE':>6} {'cover':>6}"
    ]
    failed = 0
    for key, cell in cells.items():
        (loading, stretching), estimator, number = key
        broken = estimator.endswith("broken")
        faults = cell.faults(z, BROKEN if broken else POINT, judge_coverage=not broken) if key in judged else ""
        failed += bool(faults)
        ratio = float(np.mean(cell.std_error)) / cell.spread if len(cell.covered) > 1 else np.nan
        numbers = f"{len(cell.covered):4} {cell.truth:8.3f} {cell.bias:8.3f} {ratio:6.2f} {cell.coverage:6.3f}"
        refused = f" refused {cell.refused}" if cell.refused else ""
        lines.append(f"{loading:8} x {stretching:<9} {estimator:26} {number:16} {numbers}{refused} {faults}".rstrip())
    return lines, len(judged), failed


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 clinics for each pair of effects instead of 500")
    replicates = 100 if parser.parse_args(arguments).quick else 500
    cells = gathered(replicates)
    lines, judged, failed = verdicts(cells)
    print("\n".join(lines))
    naive = max(abs(cell.bias) for (_, estimator, number), cell in cells.items() if estimator == "naive" and number == "week 12")
    worst = max(abs(cell.bias) for (_, name, number), cell in cells.items() if name != "naive" and number.startswith("week"))
    refused = sum(cell.refused for (_, name, number), cell in cells.items() if number == NUMBERS[0] and name != "naive")
    words = f"{judged} cells of {replicates} clinics, {failed} fail; worst bias {100 * worst:.1f} points, naive {100 * naive:.1f}"
    print(f"{words} at week 12; {refused} estimates refused")
    return 1 if failed or not judged else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
