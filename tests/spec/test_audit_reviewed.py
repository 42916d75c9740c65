"""The audit on odd records: other events after the day, patients with many episodes, one look, charts that late cohorts join."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.analysis import recovery
from tendon_outcomes.analysis.audit.charts import charts, known_points
from tendon_outcomes.analysis.audit.cohorts import CohortCounts, counter, states
from tendon_outcomes.analysis.audit.cusums import baseline_of, resampled_looks
from tendon_outcomes.analysis.audit.expected import Rates, rates
from tendon_outcomes.analysis.audit.looks import Told, look_rows
from tendon_outcomes.analysis.audit.spread import funnel
from tendon_outcomes.analysis.chronicity.assemble import scarcer_among
from tendon_outcomes.analysis.rails import too_few_patients
from tendon_outcomes.analysis.visit_grid import GriddedFollowUp
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.snapshots import Look
from tests.made_records import episode, records
from tests.spec.test_ascertain import EVERYONE
from tests.spec.test_audit_cohorts import MI, NAME, entered, made, protocol, state_of, visits

ESTIMAND = protocol().estimand(NAME)
RISKS = ("visa_h_total", "symptom_duration_wk", "age_y")


def told(quarter: str, mature: dict[str, CohortCounts]) -> Told:
    """A look that found these cohorts mature, each as so many runners seen on day 28 and day 84."""
    rows = [
        (f"{name}-{state}-{i}", name, state, 0 if state == "improved" else 84, 28 if state == "improved" else None, code)
        for name, counts in mature.items()
        for state, n, code in (("improved", counts.improved, 0), ("not_improved", counts.not_improved, 1))
        for i in range(n)
    ]
    kinds = {"episode_id": pl.String(), "quarter": pl.String(), "state": pl.String()}
    kinds.update(dict.fromkeys(("left", "right", "code"), pl.Int64()))
    people = pl.DataFrame(rows, schema=kinds, orient="row")
    risks = (pl.lit(None, dtype=pl.Float64()).alias(name) for name in RISKS)
    return Told(Look(quarter, date(2026, 1, 1), quarter, records(), ""), people.with_columns(risks), mature, {})


def test_another_event_after_week_12_says_nothing_of_week_12() -> None:
    # Grade: exact, domain.md §2d: nobody looked between day 28 and day 150, so that no failure is made of an event then; of one
    # by day 84, or within 3 days of it, there is.
    for day, expected in ((84, "not_improved"), (87, "not_improved"), (88, "unknown"), (150, "unknown")):
        procedure = [{"procedure_id": "x", "episode_id": "a", "day": day, "procedure": "eswt"}]
        assert state_of({0: "F", 28: "F"}, procedure=procedure) == expected
    assert state_of({0: "F", 84: "F"}, procedure=[{"procedure_id": "x", "episode_id": "a", "day": 150, "procedure": "eswt"}]) == (
        "not_improved"
    )


def test_an_endpoint_missed_on_the_day_was_not_reached_by_it() -> None:
    # Grade: exact, the convention (left, right]: missed on day 85 and seen on day 87 it came after day 84.
    assert state_of({0: "F", 85: "F", 87: "I"}) == "not_improved"
    assert state_of({0: "F", 83: "F", 87: "I"}) == "improved"


def test_a_patient_counts_once_whatever_number_of_episodes() -> None:
    # Grade: exact: exact limits are of independent runners; the episode seen first stands for the patient.
    names = ("a", "b", "c", "d")
    given = records(
        episode=[episode("a"), *(episode(name, patient_id="pa") for name in "bc"), episode("d")],
        visit=[row for name, last in zip(names, "IFFF", strict=True) for row in visits(name, {0: "F", 84: last})],
    )
    first, second = ("2025Q1", date(2025, 3, 31)), ("2025Q2", date(2025, 6, 30))
    found = counter(entered(a=first, b=second, c=first, d=second))(given, protocol(), ["2025Q1", "2025Q2"])
    assert found == {"2025Q1": CohortCounts(1, 1, 0, 0), "2025Q2": CohortCounts(1, 0, 1, 0)}


@pytest.mark.parametrize("others", [1, 20])
def test_one_patient_with_many_episodes_gives_no_limits(others: int) -> None:
    # Grade: exact, statistics.md §6 (too small): the influences of one patient's episodes cancel, and limits would be near zero.
    one = [episode(f"a{i:02d}", patient_id="pa") for i in range(30)]
    people = [*one, *(episode(f"b{i:02d}") for i in range(others))]
    story = {0: "F", 28: "F", 56: "I", 84: "I"}
    given = records(episode=people, visit=[row for own in people for row in visits(own["episode_id"], story)])
    follow_up = ascertain(assemble_cohort(given, EVERYONE), MI, horizon_weeks=26)
    (stratum,) = recovery.fit_strata(follow_up, grid=ESTIMAND.grid)
    assert stratum.fit is None
    assert stratum.refused is not None
    assert "patients" in stratum.refused.says


def test_ten_patients_of_whom_none_has_more_than_a_fifth_are_the_least() -> None:
    # Grade: exact.
    assert too_few_patients(np.arange(10)) is None
    assert too_few_patients(np.arange(9)) is not None
    assert too_few_patients(np.concatenate([np.zeros(3, dtype=np.int64), np.arange(1, 13)])) is None
    assert too_few_patients(np.concatenate([np.zeros(4, dtype=np.int64), np.arange(1, 13)])) is not None


def test_outcomes_over_durations_are_counted_by_patient() -> None:
    # Grade: exact: 20 episodes of one patient are one outcome for the parameters of a model.
    n = 40
    cause = np.repeat([1, 0], 20)
    right = np.where(cause == 1, 56.0, np.inf)
    patient = np.concatenate([np.zeros(20, dtype=np.int64), np.arange(1, 21)])
    data = GriddedFollowUp((28, 56, 84), np.where(cause == 1, 28.0, 84.0), right, cause, patient, np.zeros(n, dtype=np.bool_), ())
    assert scarcer_among(data, 84, np.ones(n, dtype=np.bool_)) == 1


def test_a_cohort_that_comes_in_late_moves_no_limit() -> None:
    # Grade: exact (metamorphic), statistics.md §8: a correction brings in a cohort older than the baseline's last.
    names = [f"202{year}Q{quarter}" for year in (2, 3, 4) for quarter in (1, 2, 3, 4)]
    counts = {name: CohortCounts(20, 8 + i % 5, 12 - i % 5, 0) for i, name in enumerate(names)}
    late = names[3]
    before = {name: one for name, one in counts.items() if name != late}
    looks = [told("2025Q1", before), told("2025Q2", counts)]
    first, second = ([row for row in charts(looks[:k], ESTIMAND) if row.statistic in ("p_chart", "ewma")] for k in (1, 2))
    assert first
    kept = {(row.statistic, row.stratum): row for row in second}
    assert [kept[row.statistic, row.stratum] for row in first] == first
    assert known_points(looks).quarters[-1] == late


def test_quarters_without_any_known_state_are_no_baseline() -> None:
    # Grade: exact: eight cohorts of which nothing is known, then eight that are: expectations come from the latter.
    blind = {f"201{year}Q{quarter}": CohortCounts(6, 0, 0, 6) for year in (8, 9) for quarter in (1, 2, 3, 4)}
    seen = {f"202{year}Q{quarter}": CohortCounts(20, 8 + quarter, 12 - quarter, 0) for year in (0, 1) for quarter in (1, 2, 3, 4)}
    found = baseline_of([told("2022Q1", blind | seen)], 8)
    assert found is not None
    assert found.quarters == tuple(seen)
    assert baseline_of([told("2022Q1", blind)], 8) is None


def test_one_look_with_nobody_mature_is_refused_and_counts_no_failure() -> None:
    # Grade: exact.
    only = [told("2025Q1", {})]
    (row,) = look_rows(only, ESTIMAND)
    assert (row.statistic, row.stratum, row.term) == ("refusal", "looks", "too_few_quarters")
    assert {row.statistic for row in charts(only, ESTIMAND)} == {"refusal"}
    cohort = assemble_cohort(made({"a": {0: "F"}}), EVERYONE)
    assert {row.statistic for row in funnel(cohort, only, ESTIMAND)} == {"refusal"}


def test_cohorts_of_which_nothing_is_known_have_bounds_and_no_share() -> None:
    # Grade: exact.
    found = list(look_rows([told("2025Q1", {"2024Q1": CohortCounts(12, 0, 0, 12)})], ESTIMAND))
    share = next(row for row in found if row.statistic == "look_share")
    assert share.estimate is None
    assert (share.bound_low, share.bound_high) == (0.0, 1.0)
    assert next(row for row in found if row.statistic == "look_verdict").term == "inconclusive"


def test_visits_a_day_late_do_not_make_young_cohorts_improve_too_often() -> None:
    # Grade: exact: half came on day 27, half on day 29, and one in two had improved; whoever was seen once only, on whichever of
    # the days, is expected to as often. A piece that ended on day 28 would expect next to nothing of the second half.
    people = pl.DataFrame(
        {"left": [0, 84, 0, 84], "right": [27, None, 29, None], "code": [0, 1, 0, 1]},
        schema_overrides={"right": pl.Int64()},
    )
    assert ESTIMAND.audit is not None
    found = rates(people, ESTIMAND.audit.entry.cusum, day=84, window_days=3)
    early, later = found.expected(np.array([27.0, 29.0]))
    assert later / early == pytest.approx(29.0 / 27.0)


def test_series_in_control_are_runners_of_the_baseline() -> None:
    # Grade: exact (expectation): as many events as expected, and with losses fewer than rates alone would bring.
    rng = np.random.default_rng(4)
    event = rng.random(400) < 0.4
    time = np.where(event, 56.0, rng.choice([14.0, 84.0], 400))
    cuts = np.array([0.0, 31.0, 59.0, 84.0])
    at_risk = np.clip(time[:, None] - cuts[:-1], 0.0, np.diff(cuts)).sum(axis=0)
    expected = Rates(cuts, np.array([0.0, event.sum() / at_risk[1], 0.0]))
    events, gathered = resampled_looks(np.array([10, 20]), time, event, expected, looks=40, replicates=400, seed=1)
    assert events.shape == gathered.shape == (400, 40)
    assert events.mean() == pytest.approx(15 * event.mean(), rel=0.02)
    assert gathered.mean() == pytest.approx(events.mean(), rel=0.02)


def test_the_states_know_a_story_without_an_ending() -> None:
    # Grade: exact: a study that declares no end of follow-up; who was not seen since day 28 is unknown, and no failure.
    given = made({"a": {0: "F", 28: "F"}, "b": {0: "F"}, "c": {0: "F", 84: "F"}})
    follow_up = ascertain(assemble_cohort(given, EVERYONE), MI, horizon_weeks=26)
    found = states(follow_up, day=84, window_days=3)
    assert dict(found.select("episode_id", "state").iter_rows()).items() >= {"a": "unknown", "c": "not_improved"}.items()
    assert "not_improved" not in found.filter(pl.col("episode_id") == "b")["state"].to_list()
