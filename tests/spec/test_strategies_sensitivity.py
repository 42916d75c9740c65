"""How far the answer at week 12 can be trusted: E-values, tipping points, loss, definitions, the same runner on other days."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.analysis.strategies import sensitivity as module
from tendon_outcomes.analysis.strategies import week_twelve
from tendon_outcomes.analysis.strategies.assemble import assemble_trials, declared_trial, without_hypothetical
from tendon_outcomes.analysis.strategies.crossover import crossover, exercise_days
from tendon_outcomes.analysis.strategies.loss_robustness import _weeks, loss_robustness, loss_weights
from tendon_outcomes.analysis.strategies.sensitivity import AS_DECLARED, definitions, e_values, sensitivity
from tendon_outcomes.analysis.strategies.tipping import tipping_points
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.analysis.strategies.week_twelve import DAY, Compared, Outcome, compare, difference_row, limits, strategies
from tendon_outcomes.analysis.visit_grid import to_grid
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.cohort.outcome.ascertain import look
from tendon_outcomes.declarations import Estimand, declare, load_protocol, resolve, shipped
from tendon_outcomes.estimators.causal.sensitivity.e_value import e_value
from tendon_outcomes.estimators.causal.weighting.propensity import propensity
from tendon_outcomes.results import Row
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinics
from tests.simulation.clinic_records import everyone, records_of

RISE = 0.5


@lru_cache(maxsize=1)
def asked() -> Estimand:
    declared = declare()
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), declared)
    return replace(protocol.estimand("stretching_versus_loading"), population=everyone(declared))


@lru_cache(maxsize=1)
def trial() -> Trial:
    settings = replace(ClinicSettings.confounded(loading=1.6), stretching_pain_24h=RISE)
    drawn = simulate_clinics(1, 300, seed=5, settings=settings)
    cohort = assemble_cohort(records_of(drawn.tables, declare()), asked().population)
    return assemble_trials(cohort, ascertain(cohort, asked().endpoint, horizon_weeks=26), asked())["all"]


@lru_cache(maxsize=1)
def found() -> Compared:
    return compare(trial())


def test_changed_results_by_hand() -> None:
    # Exact: reached lies in (left, 84], or (0, 84] for who was followed longer; not reached is followed to 84, or further.
    outcome = Outcome(np.array([28.0, 91.0, 56.0]), np.array([np.inf, np.inf, 63.0]), np.array([0, 0, 1]))
    reached = outcome.reached(np.array([0, 1]), DAY)
    assert (reached.left.tolist(), reached.right.tolist(), reached.cause.tolist()) == ([28, 0, 56], [84, 84, 63], [1, 1, 1])
    kept = outcome.not_reached(np.array([0, 1]), DAY)
    assert (kept.left.tolist(), kept.right.tolist(), kept.cause.tolist()) == ([84, 91, 56], [np.inf, np.inf, 63], [0, 0, 1])
    assert outcome.cause.tolist() == [0, 0, 1]


def test_e_values_are_those_of_the_ratio_and_covariates_follow() -> None:
    # Exact: of the weighted risk ratio and its limits; one row a covariate, in their order.
    rows = list(e_values(found()))
    ratio = found().means().ratio()
    needed = e_value(
        *(float(v[0]) for v in (ratio.estimate,)), conf_low=float(ratio.conf_low[0]), conf_high=float(ratio.conf_high[0])
    )
    assert [row.term for row in rows] == ["estimate", "limit", *trial().covariate_names]
    assert (rows[0].estimate, rows[1].estimate) == (needed.estimate, needed.limit)
    for row in rows[2:]:
        assert row.estimate is None or row.estimate >= 1.0
        strong = needed.limit > 1.0 and (row.estimate is None or row.estimate >= needed.limit)
        assert row.warning in (("as strong as the limit would need", "without bound") if strong else ("",))


def test_tipping_points_beside_every_number_tried() -> None:
    # Reference: every number of changed runners, in the order of their weights, until the limits hold 0.
    rows = list(tipping_points(found()))
    assert [row.term for row in rows] == [
        "lost who would have reached it",
        "lost who would not have reached it",
        "not known to have reached it, and did",
    ]
    assert limits(found().means())[1] > 0.0
    reference, compared = strategies(trial())
    assert [row.stratum for row in rows] == [reference, compared, reference]
    arms, pools = (0, 1, 0), (found().lost_before(), found().lost_before(), found().without_event())
    for row, arm, pool in zip(rows, arms, pools, strict=True):
        own = pool[found().treatment[pool] == arm]
        own = own[np.argsort(-found().weights.weight[own], kind="stable")]
        expected = None
        for m in range(min(own.size, 14) + 1):
            changed = (
                found().outcome.not_reached(own[:m], DAY) if row.term == rows[1].term else found().outcome.reached(own[:m], DAY)
            )
            if limits(found().means(changed))[1] <= 0.0:
                expected = m
                break
        assert (row.n_events, row.n_at_risk) == (expected, own.size)


def test_nothing_to_tip_is_said() -> None:
    # Exact: with the strategies dealt at random limits hold 0 and no runner has to change.
    rng = np.random.default_rng(1)
    dealt = replace(trial(), treatment=rng.permutation(trial().treatment))
    rows = list(tipping_points(compare(dealt)))
    assert {row.n_events for row in rows} == {0}
    assert {row.warning for row in rows} == {"the limits hold no difference already"}


def test_the_extremes_of_loss_lie_in_their_order() -> None:
    # Exact: favouring one strategy is the most and favouring the other the least that those lost can make of the difference.
    rows = {row.term: row for row in loss_robustness(found()) if row.statistic == "incidence_difference"}
    values = {term.removeprefix("sensitivity: "): row.estimate for term, row in rows.items()}
    top, bottom = values["those lost favour loading_led"], values["those lost favour stretching_led"]
    assert list(values) == [
        "loss weighted",
        "everybody lost reached it",
        "nobody lost reached it",
        "those lost favour loading_led",
        "those lost favour stretching_led",
    ]
    assert bottom <= min(values["everybody lost reached it"], values["nobody lost reached it"])
    assert top >= max(values["everybody lost reached it"], values["nobody lost reached it"])
    assert bottom < limits(found().means())[0] < top
    outcome = found().outcome.reached(found().lost_before(), DAY)
    assert values["everybody lost reached it"] == limits(found().means(outcome))[0]


def test_a_conclusion_that_flips_is_said_and_one_that_does_not_is_not() -> None:
    # Exact: this clinic's limits exclude 0, and in one extreme they do not; with nobody lost nothing is said at all.
    codes = [row.term for row in loss_robustness(found()) if row.statistic == "caution"]
    assert codes == ["not_robust_to_loss"]
    kept = replace(found(), lost=np.zeros(found().rows.size, dtype=bool))
    assert not list(loss_robustness(kept))
    # Near miss: a single lost runner cannot turn it.
    one = np.zeros(found().rows.size, dtype=bool)
    lightest = found().lost_before()[np.argmin(found().weights.weight[found().lost_before()])]
    one[lightest] = True
    rows = list(loss_robustness(replace(found(), lost=one)))
    assert [row.term for row in rows if row.statistic == "refusal"] == ["loss_weighted"]
    assert not [row for row in rows if row.statistic == "caution"]


def test_weeks_in_which_a_runner_can_be_lost() -> None:
    # Exact: lost after day 20: weeks 1 to 3, lost in the third; reached by day 28: 4 weeks; censored on day 35: 5; to the end:
    # 12; another strategy (weight 0): none; an event after week 12: 12.
    outcome = Outcome(
        np.array([20.0, 14.0, 35.0, 182.0, 50.0, 80.0]),
        np.array([np.inf, 28.0, np.inf, np.inf, np.inf, 112.0]),
        np.array([0, 1, 0, 0, 0, 1]),
    )
    lost = np.array([True, False, False, False, False, False])
    weights = SimpleNamespace(weight=np.array([1.0, 1.0, 1.0, 1.0, 0.0, 1.0]))
    stand_in: Any = SimpleNamespace(outcome=outcome, lost=lost, weights=weights)
    row, week, left = _weeks(stand_in, np.array([0]))
    assert np.bincount(row, minlength=6).tolist() == [3, 4, 5, 12, 0, 12]
    assert week[row == 3].tolist() == list(range(1, 13))
    assert [(int(r), int(w)) for r, w, is_lost in zip(row, week, left, strict=True) if is_lost] == [(0, 3)]


def test_those_who_stayed_stand_in_for_those_lost() -> None:
    # Exact: nobody lost has a weight, and those compared have mean 1.
    lost = found().lost_before()
    factor = loss_weights(found(), lost)
    counted = np.setdiff1d(np.flatnonzero(found().weights.weight > 0.0), lost)
    assert not factor[lost].any()
    assert factor[counted].mean() == pytest.approx(1.0)
    assert factor[counted].min() > 0.0


def test_definitions_begin_with_the_declared_one_and_tell_none_twice() -> None:
    # Exact: the first is the weighted difference of the protocol, its terms are distinct, other graces change the arms.
    rows = list(definitions(found()))
    assert rows[0].warning == AS_DECLARED
    assert [row.warning for row in rows[1:]].count(AS_DECLARED) == 0
    assert rows[0] == replace(
        difference_row(found(), found().means(), rows[0].term), statistic="multiverse_difference", warning=AS_DECLARED
    )
    assert len({row.term for row in rows}) == len(rows)
    assert all(row.statistic == "multiverse_difference" and row.day == DAY for row in rows)
    graces = {row.term.split(", ")[2]: row.n_at_risk for row in rows}
    assert graces["grace 7 days"] < graces["grace 14 days"]


def test_other_tiers_are_rows_with_the_protocol_s_grace_and_truncation() -> None:
    # Exact: a tier that needs no confirmation has one reading, one that does has two (a reading that comes to the same is left
    # out); each is the comparison of those who can be followed to it.
    rows = list(definitions(found(), endpoints=asked().other_endpoints))
    graces = {row.term.split(", ")[2] for row in rows if row.term.startswith(asked().endpoint.reference)}
    others = {row.term: row for row in rows if not row.term.startswith(asked().endpoint.reference)}
    rest = "grace 14 days, weights cut at 1% and 99%"
    assert graces == {"grace 14 days", "grace 7 days"}
    assert list(others) == [
        f"pain_free_running.0, strict, {rest}",
        f"pain_free_running.1, strict, {rest}",
        f"pain_free_running.3, strict, {rest}",
        f"pain_free_running.3, generous, {rest}",
    ]
    assert {row.warning for row in others.values()} == {""}
    laxer, stricter = others[f"pain_free_running.0, strict, {rest}"], others[f"pain_free_running.3, strict, {rest}"]
    assert (stricter.n_events or 0) < (rows[0].n_events or 0) < (laxer.n_events or 0)
    follow_up = ascertain(trial().cohort, asked().other_endpoints[1], horizon_weeks=26)
    same = replace(trial(), data=to_grid(without_hypothetical(follow_up, asked()), asked().grid))
    assert others[f"pain_free_running.1, strict, {rest}"].estimate == limits(compare(same).means())[0]


def test_no_propensity_is_fitted_twice_and_records_are_read_once_for_each_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    # Exact: a fit for the other grace and one for the tier that some had reached on day 0; the declared one is there already.
    fits, looks = [], []
    monkeypatch.setattr(week_twelve, "propensity", lambda arm, *a, **k: (fits.append(arm.tobytes()), propensity(arm, *a, **k))[1])
    monkeypatch.setattr(module, "look", lambda cohort, asked: (looks.append(asked.reference), look(cohort, asked))[1])
    list(definitions(found(), endpoints=(*asked().other_endpoints, asked().endpoint)))
    assert len(fits) == len(set(fits)) == 2
    assert sorted(looks) == [f"pain_free_running.{tier}" for tier in (0, 1, 2, 3)]


def test_a_tier_that_is_not_on_record_or_that_few_reach_is_refused_by_its_name() -> None:
    # Exact: without the counts of short runs nobody can be seen to reach tier 0; 3 events in an arm are too few for tier 3.
    tables = trial().cohort.tables
    blank = {name: table.with_columns(pl.lit(None, dtype=pl.Int64).alias("pain_free_runs_500m")) if "pain_free_runs_500m" in
             table.columns else table for name, table in tables.items()}  # fmt: skip
    without = replace(found(), trial=replace(trial(), cohort=replace(trial().cohort, tables=blank)))
    (row,) = [one for one in definitions(without, endpoints=asked().other_endpoints[:1]) if one.statistic == "refusal"]
    assert row.term == "multiverse"
    assert row.warning.startswith("PFR-0: two pain-free runs of 500 m: ")
    few = replace(trial(), treatment=np.where(np.arange(trial().n) < 70, trial().treatment, 2))
    rows = [one for one in definitions(compare(few), endpoints=asked().other_endpoints[2:]) if one.statistic == "refusal"]
    assert rows[-1].warning.startswith("PFR-3, ")
    assert "described and not compared" in rows[-1].warning


def test_days_of_exercise_by_hand() -> None:
    # Exact: two rows of a day are one day with its worst pain; runs, rows not done and days without pain are none; day 8 is
    # week 2.
    one = trial()
    episode = str(one.episode_id[0])
    told = [
        (1, "iso", 3, 1.0, 4), (1, "hamstring_stretch", 3, 1.0, 6), (3, "iso", 3, None, 2), (4, "run", None, 1.0, 9),
        (5, "hamstring_stretch", 0, 1.0, 9), (6, "iso", 3, 0.0, 9), (7, "iso", 3, 1.0, None), (8, "foam_roll", None, None, 1),
        (400, "iso", 3, 1.0, 5),
    ]  # fmt: skip
    table = one.cohort.tables["session"]
    made = pl.DataFrame(
        [
            {"episode_id": episode, "day": d, "modality": m, "sets": s, "completed_frac": c, "nprs_24h": p}
            for d, m, s, c, p in told
        ]
    )
    blank = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in table.schema.items() if name not in made.columns]
    sessions = made.with_columns(blank).select(pl.col(name).cast(dtype) for name, dtype in table.schema.items())
    cohort = replace(one.cohort, tables={**one.cohort.tables, "session": sessions})
    days = exercise_days(cohort, one.weeks.regimen, last_day=182)
    assert days.select("day", "week", "pain", "stretched").rows() == [(1, 1, 6, True), (3, 1, 2, False), (8, 2, 1, False)]
    (row,) = crossover(replace(one, cohort=cohort), seed=1)
    assert (row.statistic, row.term) == ("refusal", "crossover")
    assert "It would take at least 10" in row.warning


def test_a_rise_after_stretching_is_found_within_runners() -> None:
    # Simulation: the clinic adds 0.5 points after days with stretching, told in whole points of 0 to 10.
    (row,) = crossover(trial(), seed=1)
    assert row.conf_low is not None
    assert row.conf_high is not None
    assert row.n_at_risk is not None
    assert row.conf_low < RISE < row.conf_high
    assert row.conf_low > 0.0
    assert row.n_at_risk >= 50


def test_all_of_it_in_one_call_and_a_refusal_where_nothing_can_be_compared() -> None:
    # Exact: the statistics of every part; with an empty arm one refusal.
    rows = list(sensitivity(trial(), seed=1, found=found()))
    assert {row.statistic for row in rows} >= {
        "e_value",
        "tipping_point",
        "incidence_difference",
        "multiverse_difference",
        "crossover_difference",
    }
    nobody = replace(trial(), treatment=np.where(trial().treatment == 0, 2, trial().treatment))
    made: list[Row] = list(sensitivity(nobody, seed=1))
    assert [(row.statistic, row.term) for row in made] == [("refusal", "sensitivity")]


def test_a_truncation_of_ones_own() -> None:
    # Exact: the protocol's quantiles unless others are given; none leaves the largest weight as it is.
    low, high = declared_trial(asked()).truncate
    assert found().weights.n_truncated > 0
    bare = compare(trial(), truncate=(0.0, 1.0), score=found().propensity)
    assert (bare.weights.n_truncated, low, high) == (0, 0.01, 0.99)
    assert bare.weights.largest > found().weights.largest
