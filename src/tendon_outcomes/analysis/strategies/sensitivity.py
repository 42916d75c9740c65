"""How strong confounding would have to be, and what the difference is under every reading of strategy and endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tendon_outcomes.analysis.rails import Rail
from tendon_outcomes.analysis.strategies.assemble import declared_trial, prescribed, without_hypothetical
from tendon_outcomes.analysis.strategies.crossover import crossover
from tendon_outcomes.analysis.strategies.loss_robustness import loss_robustness
from tendon_outcomes.analysis.strategies.rails_causal import counts_only, descriptive_only
from tendon_outcomes.analysis.strategies.tipping import tipping_points
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.analysis.strategies.week_twelve import (
    DAY,
    ESTIMATOR,
    Compared,
    compare,
    difference_row,
    refused,
)
from tendon_outcomes.analysis.visit_grid import to_grid
from tendon_outcomes.cohort.outcome.ascertain import Looks, Unconfirmed, from_looks, look
from tendon_outcomes.declarations.study import EndpointAsked
from tendon_outcomes.errors import EstimationRefused, NoUsableRows
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import pseudo_values
from tendon_outcomes.estimators.causal.sensitivity.e_value import EValue, confounder_strength, e_value
from tendon_outcomes.estimators.causal.weighting.propensity import Propensity
from tendon_outcomes.results import Row, finite

AS_DECLARED, MULTIVERSE = "as declared", "multiverse"
Key = tuple[bytes, str]
READINGS: dict[str, Unconfirmed] = {"strict": "censor", "generous": "event"}
TRUNCATIONS = ((0.0, 1.0), (0.05, 0.95))
"""Tried beside the protocol's: none, and the other customary one (Cole & Hernan 2008, table 3)."""


def e_values(found: Compared) -> Iterator[Row]:
    """The E-value of the risk ratio at week 12 and of its limit, and beside it how strong each measured covariate is.

    A covariate that is as strong as the limit needs shows that such confounding exists in this clinic: measured here, and so
    possible where it is not.
    """
    try:
        ratio = found.means().ratio()
        needed = e_value(float(ratio.estimate[0]), conf_low=float(ratio.conf_low[0]), conf_high=float(ratio.conf_high[0]))
    except EstimationRefused as why:
        yield refused("e_value", why, found.stratum)
        return
    yield _e_value_row(found, "estimate", needed.estimate)
    yield _e_value_row(found, "limit", needed.limit, "the limits hold no difference" if needed.limit == 1.0 else "")
    yield from _ruler(found, needed)


def _ruler(found: Compared, needed: EValue) -> Iterator[Row]:
    own = np.flatnonzero(found.weights.weight > 0.0)
    arm, outcome = found.treatment[own], found.outcome
    columns = outcome.left[own], outcome.right[own], outcome.cause[own]
    value = pseudo_values(*columns, group=arm, days=[DAY]).value[:, 0]
    for name, covariate in zip(found.trial.covariate_names, found.covariates[own].T, strict=True):
        try:
            strength = confounder_strength(value, arm, covariate).joint
        except EstimationRefused:
            continue
        strong = needed.limit > 1.0 and strength >= needed.limit
        yield _e_value_row(found, name, strength, "as strong as the limit would need" if strong else "")


def _e_value_row(found: Compared, term: str, value: float, warning: str = "") -> Row:
    says = warning if np.isfinite(value) else "without bound"
    return Row(
        estimator="E-value",
        statistic="e_value",
        stratum=found.stratum,
        term=term,
        day=DAY,
        estimate=finite(value),
        n_at_risk=int(np.count_nonzero(found.weights.weight > 0.0)),
        warning=says,
    )


@dataclass(frozen=True)
class _Definition:
    """One way to read the outcome, with the trial as it then is."""

    says: str
    title: str
    trial: Trial
    is_declared: bool

    def same_as(self, other: _Definition) -> bool:
        """Whether the same episodes have the same intervals."""
        one, two = self.trial, other.trial
        return one.episode_id.equals(two.episode_id) and all(
            np.array_equal(getattr(one.data, name), getattr(two.data, name)) for name in ("left", "right", "cause")
        )


def sensitivity(
    trial: Trial, *, seed: int, endpoints: Sequence[EndpointAsked] = (), found: Compared | None = None
) -> Iterator[Row]:
    """Everything about how far the answer at week 12 can be trusted: confounding, results of single runners, loss, definitions,
    and the same runner on other days. ``found``: the trial as `compare` has weighed it, where that is done already.
    """
    try:
        weighed = found or compare(trial)
    except EstimationRefused as why:
        yield refused("sensitivity", why, "all")
        return
    yield from e_values(weighed)
    yield from tipping_points(weighed)
    yield from loss_robustness(weighed)
    yield from definitions(weighed, endpoints=endpoints)
    yield from crossover(trial, seed=seed)


def definitions(found: Compared, *, endpoints: Sequence[EndpointAsked] = ()) -> Iterator[Row]:
    """The weighted difference at week 12 under every combination of readings; the declared one first.

    Endpoints: the declared one and ``endpoints``. Last passes that nobody confirmed: not reached (strict), reached (generous).
    Of the declared endpoint also grace (the protocol's days and those of `grace_sensitivity`) and truncation of weights (the
    protocol's, none, 5 and 95 %); of the others as the protocol has them. A reading that comes to the same as an earlier one is
    left out. One that the records do not hold, or that too few can answer, is a refusal. Records are read once for each
    endpoint, and the propensity is fitted once for each set of runners and prescriptions.
    """
    trial = found.trial
    scores = {_key(trial): found.propensity}
    told: list[_Definition] = []
    for endpoint in (trial.estimand.endpoint, *endpoints):
        if endpoint.reference == trial.estimand.endpoint.reference and told:
            continue
        try:
            outcomes = list(_outcomes(trial, endpoint))
        except NoUsableRows as why:
            yield _refused(endpoint.version.title, why.summary)
            continue
        for outcome in outcomes:
            if not any(outcome.same_as(one) for one in told):
                told.append(outcome)
                yield from _readings(outcome, found, scores)


def _readings(outcome: _Definition, found: Compared, scores: dict[Key, Propensity]) -> Iterator[Row]:
    """The difference under one reading of the outcome, of the declared endpoint with every grace and truncation."""
    declared = declared_trial(found.trial.estimand)
    for days, version in _graces(outcome.trial) if outcome.is_declared else [(declared.grace_days, outcome.trial)]:
        for truncate in dict.fromkeys((declared.truncate, *TRUNCATIONS)) if outcome.is_declared else (declared.truncate,):
            rest = f"grace {days} days, {_cut(truncate)}"
            row = _reading(version, outcome, rest, truncate, scores)
            is_first = version is found.trial and truncate == declared.truncate
            yield replace(row, warning=AS_DECLARED) if is_first and row.estimate is not None else row


def _key(trial: Trial) -> Key:
    """What the propensity of a trial depends on."""
    return trial.treatment.tobytes(), "\x1f".join(trial.episode_id.to_list())


def _reading(trial: Trial, outcome: _Definition, rest: str, truncate: tuple[float, float], scores: dict[Key, Propensity]) -> Row:
    title = f"{outcome.title}, {rest}"
    rail = _too_few(trial)
    if rail is not None:
        return replace(rail, code=MULTIVERSE, says=f"{title}: {rail.says}").refusal(estimator=ESTIMATOR, day=DAY)
    try:
        found = compare(trial, truncate=truncate, score=scores.get(_key(trial)))
        scores[_key(trial)] = found.propensity
        return difference_row(found, found.means(), f"{outcome.says}, {rest}", statistic="multiverse_difference")
    except EstimationRefused as why:
        return _refused(title, why.summary, why.way_out)


def _too_few(trial: Trial) -> Rail | None:
    """The rails of size that the comparison itself had to pass, under another reading."""
    arms = [trial.treatment == arm for arm in (0, 1)]
    n = sum(int(np.count_nonzero(arm)) for arm in arms)
    events = [int(np.count_nonzero(trial.data.cause[arm] == 1)) for arm in arms]
    return counts_only(n, sum(events)) or descriptive_only(n, events)


def _refused(title: str, reason: str, way_out: str = "") -> Row:
    return refused(MULTIVERSE, EstimationRefused(f"{title}: {reason}", way_out=way_out), "all")


def _cut(truncate: tuple[float, float]) -> str:
    if truncate == (0.0, 1.0):
        return "weights as they are"
    return f"weights cut at {truncate[0]:.0%} and {truncate[1]:.0%}"


def _graces(trial: Trial) -> Iterator[tuple[int, Trial]]:
    """The trial with the prescriptions known by the end of each grace period, where they are others."""
    declared = declared_trial(trial.estimand)
    yield declared.grace_days, trial
    seen = [trial.treatment]
    for days in declared.grace_sensitivity:
        known = prescribed(trial.cohort, replace(declared, grace_days=days))
        placed = trial.episode_id.to_frame("episode_id").join(known, on="episode_id", how="left", maintain_order="left")
        treatment = placed["treatment"].to_numpy().copy()
        if not any(np.array_equal(treatment, one) for one in seen):
            seen.append(treatment)
            yield days, replace(trial, treatment=treatment)


def _outcomes(trial: Trial, endpoint: EndpointAsked) -> Iterator[_Definition]:
    """The readings of one endpoint; where one pass is enough there is none that nobody confirmed.

    Raises
    ------
    NoUsableRows
        Nobody can be followed to it, or no assessment on record passes.
    """
    is_declared = endpoint is trial.estimand.endpoint
    looks = look(trial.cohort, endpoint)
    if not is_declared and not looks.days["passes"].any():
        raise NoUsableRows("no assessment passes: what it asks is not on record, or nobody reached it")
    for says, unconfirmed in READINGS.items():
        if endpoint.version.confirmation.assessments == 1 and unconfirmed == "event":
            continue
        is_given = is_declared and unconfirmed == "censor"
        read = trial if is_given else _read(trial, looks, unconfirmed)
        name = endpoint.version.title.partition(":")[0].rstrip(".")
        yield _Definition(f"{endpoint.reference}, {says}", f"{name}, {says}", read, is_declared)


def _read(trial: Trial, looks: Looks, unconfirmed: Unconfirmed) -> Trial:
    """The trial with another outcome, of the episodes that can be followed to it."""
    estimand = trial.estimand
    found = from_looks(looks, horizon_weeks=estimand.horizon_weeks, unconfirmed=unconfirmed)
    people = found.episodes.filter(pl.col("episode_id").is_in(trial.episode_id.implode()))
    follow_up = without_hypothetical(replace(found, episodes=people), estimand)
    place = {episode: i for i, episode in enumerate(trial.episode_id.to_list())}
    rows = np.array([place[episode] for episode in follow_up.episodes["episode_id"].to_list()])
    return replace(
        trial,
        episode_id=follow_up.episodes["episode_id"],
        treatment=trial.treatment[rows],
        covariates=trial.covariates[rows],
        data=to_grid(follow_up, estimand.grid),
        follow_up=follow_up,
    )
