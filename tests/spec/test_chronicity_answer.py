"""The answer over durations: what is told, what is refused, and that no number lies where the records do not reach."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.analysis.chronicity.answer import assemble, examine
from tendon_outcomes.analysis.chronicity.assemble import Chronicity
from tendon_outcomes.analysis.chronicity.frailty import selection_words
from tendon_outcomes.analysis.chronicity.places import places
from tendon_outcomes.analysis.chronicity.rails import OUTSIDE, beyond_duration, few_since_onset, thin, thinness, too_few
from tendon_outcomes.analysis.chronicity.responders import changes
from tendon_outcomes.analysis.chronicity.runner_view import runners_like_this
from tendon_outcomes.analysis.chronicity.since_onset import since_onset_curve
from tendon_outcomes.cli.publish import answer_of
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations import Estimand, Protocol, declare, load_protocol, resolve, shipped
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.regression.frailty.selection import frailty_selection
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.results import Attrition, Results, Row, frame, suppress
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinic
from tests.simulation.clinic_records import records_of
from tests.simulation.no_extrapolation import of_rows

ASKED = "chronicity_and_recovery"


@cache
def protocol() -> Protocol:
    return resolve(load_protocol(shipped("analyses") / "protocol.toml"), declare())


def estimand() -> Estimand:
    return protocol().estimand(ASKED)


@cache
def records(n: int) -> ValidatedRecords:
    return records_of(simulate_clinic(n, seed=1, settings=ClinicSettings()).tables, declare())


@cache
def answer(n: int) -> Results:
    found: Results = answer_of("a3").answer(records(n), protocol())
    return found


@cache
def case(n: int) -> Chronicity:
    cohort = assemble_cohort(records(n), estimand().population)
    return assemble(cohort, ascertain(cohort, estimand().endpoint, horizon_weeks=26), estimand())


def with_weeks(weeks: list[float]) -> Chronicity:
    """The sample with other durations, as many as there are."""
    return replace(case(300), weeks=np.resize(np.asarray(weeks), case(300).n))


# --- The sample


def test_durations_are_those_of_the_day_of_onset_at_least_a_week() -> None:
    # Grade: exact, against the records: -onset_day / 7, the lower end cut at 1.
    found = case(300)
    day = dict(records(300).tables["episode"].select("episode_id", "onset_day").iter_rows())
    expected = [max(-day[one] / 7, 1.0) for one in found.episode_id.to_list()]
    assert found.weeks == pytest.approx(expected)
    assert found.n == found.attrition.n_end


def test_a_runner_without_a_duration_is_left_out_on_a_line_of_the_flow() -> None:
    # Grade: exact: three durations taken away.
    cohort = assemble_cohort(records(300), estimand().population)
    gone = cohort.episodes["episode_id"].sort()[:3].to_list()
    blank = pl.col("episode_id").is_in(gone)
    without = cohort.episodes.with_columns(
        pl.when(~blank).then(pl.col(name)).alias(name) for name in ("onset_day", "symptom_duration_wk")
    )
    follow_up = ascertain(cohort, estimand().endpoint, horizon_weeks=26)
    found = assemble(replace(cohort, episodes=without), follow_up, estimand())
    followed = follow_up.episodes["episode_id"].is_in(gone).sum()
    assert (found.unknown_duration, found.n) == (followed, follow_up.episodes.height - followed)
    last = found.attrition.steps[-1]
    assert (last.n_excluded, last.n_after) == (followed, found.n)
    assert "unknown_duration" in {row.term for row in examine(found).rows}


def test_severity_is_no_covariate_of_the_primary_curve() -> None:
    # Grade: exact: duration may bring severity about.
    found = case(300)
    assert "severity" not in found.covariates.nodes
    assert found.sensitivity is not None
    assert "severity" in found.sensitivity.nodes


# --- Where it ends


def test_a_curve_ends_within_the_percentiles_at_places_of_the_protocol() -> None:
    # Grade: exact: 5th and 95th percentile of 1..99 weeks on the logarithmic scale lie between 5 and 6, and 94 and 95; ten places
    # a doubling, whatever the durations are.
    found = places(with_weeks([float(w) for w in range(1, 100)]))
    low, _, high = with_weeks([float(w) for w in range(1, 100)]).quantiles
    assert found.low - 1 < low <= found.low < found.high <= high < found.high + 1
    step = 260.0 ** (1 / 79)
    assert found.low <= found.grid[0] < step * found.low
    assert found.high / step < found.grid[-1] <= found.high
    even = np.setdiff1d(found.grid, found.milestones)
    assert even == pytest.approx(step ** np.rint(np.log(even) / np.log(step)))
    assert even[1:] / even[:-1] == pytest.approx(np.full(even.size - 1, step))
    assert set(found.milestones) <= set(found.grid)


def test_a_duration_is_inside_flagged_or_refused() -> None:
    # Grade: exact, by hand: 200 durations of 8 to 48 weeks, six of 120.
    spread = np.geomspace(8, 48, case(300).n)
    spread[-6:] = 120.0
    found = places(with_weeks(spread.tolist()))
    assert found.milestones == (13.0, 26.0)
    assert found.flagged == (52.0, 104.0)
    assert found.refused == (6.0,)
    spread[-6:-2] = 48.0
    assert places(with_weeks(spread.tolist())).flagged == ()


def test_no_duration_beyond_the_declared_most_is_told_however_many_had_it() -> None:
    # Grade: exact: every second runner had hurt for ten years.
    found = places(with_weeks([10.0, 520.0]))
    assert found.high == estimand().exposure.most_weeks  # type: ignore[union-attr]
    assert max(found.grid) <= 260


def test_durations_that_hardly_differ_are_refused() -> None:
    # Grade: exact.
    found = examine(with_weeks([12.0, 13.0, 14.0]))
    assert (found.days, found.rows[0].term) == ((), "durations_alike")


# --- Rails


@pytest.mark.parametrize(
    ("n", "events", "others", "code"),
    [(9, 9, 9, "too_small"), (60, 4, 56, "too_small"), (59, 29, 30, "descriptive_only"), (60, 19, 41, "descriptive_only")],
)
def test_small_samples_are_refused_and_one_more_is_not(n: int, events: int, others: int, code: str) -> None:
    # Grade: published, statistics.md §6 (10 runners, 5 events; 5 events a parameter of four), and one decision (60 runners).
    rail = too_few(n, events, others)
    assert rail is not None
    assert rail.code == code
    assert rail.would_do
    assert too_few(60, 20, 40) is None


def test_few_per_parameter_is_said_once_for_all_days() -> None:
    # Grade: exact: 10 and 20 for each parameter; one line for days alike.
    assert [thinness(scarcer, 4) for scarcer in (39, 40, 79, 80)] == [10.0, 20.0, 20.0, None]
    assert thin([56, 84, 182], 10.0).says.startswith("weeks 8, 12 and 26: fewer than 10 runners for each parameter")
    assert thin([84], 20.0).says.startswith("week 12: fewer than 20")


def test_a_duration_out_of_reach_is_refused_with_the_number_that_would_do_for_the_clinic_alone() -> None:
    # Grade: exact: 2 of 100 had hurt for so long, 5 are needed: 250 runners. Outside the clinic that would tell the 2.
    row = beyond_duration(104, 20.0, "g", of=(100, 2))
    assert row.warning.endswith("too few runners had hurt for so long. It would take about 250 runners like these.")
    told, nobody = (
        suppress(Results("e", "q", frame([one]), Attrition()), min_cell_count=11).rows["warning"][0]
        for one in (row, beyond_duration(104, 20.0, "g", of=(100, 0)))
    )
    assert told == nobody == "a duration of 104 weeks is refused: too few runners had hurt for so long."


@pytest.mark.parametrize("n", [15, 40])
def test_a_small_clinic_is_told_who_was_there_and_what_would_do(n: int) -> None:
    # Grade: exact (which rows).
    found = answer(n)
    assert set(found.rows["statistic"]) == {"duration_share", "duration_quantile", "refusal", "caution", "duration_wording"}
    assert "It would take about" in found.select("refusal")["warning"][0]
    with pytest.raises(EstimationRefused, match="no curve over durations"):
        runners_like_this(found, 13)


# --- What is told


def test_the_curve_the_differences_and_their_bands_are_told_for_every_week() -> None:
    # Grade: exact (which rows): every place and 5 milestones on 3 days, each with a band that holds its limits.
    found, points_told = answer(300), places(case(300)).grid.size
    for statistic in ("duration_incidence", "duration_difference"):
        one, band = (found.select(name).sort("day", "term", "at") for name in (statistic, f"{statistic}_band"))
        assert one.group_by("day").len().sort("day").rows() == [(day, points_told + 5) for day in (56, 84, 182)]
        assert one["estimate"].equals(band["estimate"])
        assert (band["conf_low"] <= one["conf_low"] + 1e-12).all()
        assert (band["conf_high"] >= one["conf_high"] - 1e-12).all()
    shares = found.select("duration_incidence")
    assert shares["conf_low"].min() >= 0  # type: ignore[operator]
    assert shares["conf_high"].max() <= 1  # type: ignore[operator]


def test_a_difference_is_that_of_two_points_of_the_curve() -> None:
    # Grade: exact identity: differences at two durations part by what the incidences do.
    found = answer(300)
    share, against = (
        found.select(name, term="milestone").filter(pl.col("day") == 84).sort("at")["estimate"].to_numpy()
        for name in ("duration_incidence", "duration_difference")
    )
    assert np.diff(share) == pytest.approx(np.diff(against), abs=1e-12)


def test_the_words_are_association() -> None:
    # Grade: exact.
    said = answer(300).select("duration_wording")
    assert said["term"].to_list() == ["associated"]
    assert "nobody measured frailty" in said["warning"][0]
    text = " ".join(word for word in answer(300).rows["warning"].to_list() if word)
    assert not re.search(r"\bcauses?\b|\bcaused\b|effect of duration|leads to|because it has hurt", text)


def test_no_number_lies_outside_without_the_flag() -> None:
    # Grade: exact, against the percentiles of the durations.
    low, _, high = case(300).quantiles
    beyond = answer(300).rows.filter(
        pl.col("at").is_not_null(), ~pl.col("statistic").str.starts_with("frailty"), pl.col("statistic") != "refusal"
    )
    outside = beyond.filter((pl.col("at") < low) | (pl.col("at") > high))
    assert outside.filter(~pl.col("warning").str.contains(OUTSIDE, literal=True)).height == 0
    assert outside.filter(pl.col("statistic").str.ends_with("_band")).height == 0


def test_the_check_for_extrapolation_sees_a_planted_number() -> None:
    # Grade: exact: gate row `no_extrapolation` is not blind.
    inside, beyond, far = (points((at, 0.3)) for at in (20.0, 200.0, 520.0))
    flagged, band = points((200.0, 0.3), warning=OUTSIDE), points((200.0, 0.3))
    band = replace(band, rows=band.rows.with_columns(pl.lit("duration_incidence_band").alias("statistic")))
    found = [next(of_rows(one, 5.0, 104.0))[1] for one in (inside, beyond, far, flagged, band)]
    assert found == [True, False, False, True, False]


def test_the_same_records_give_the_same_bytes() -> None:
    # Grade: exact.
    again = answer_of("a3").answer(records(300), protocol())
    assert again.rows.equals(answer(300).rows)


def test_changes_are_those_of_day_0_and_the_visit_nearest_to_the_week() -> None:
    # Grade: exact, against a loop over the visits.
    found, gain = case(300), estimand().exposure.gain  # type: ignore[union-attr]
    assert gain is not None
    made = changes(found, gain)
    visits = found.cohort.tables["visit"].filter(pl.col(gain.column).is_not_null())
    for i in range(0, found.n, 17):
        own = visits.filter(pl.col("episode_id") == found.episode_id[i]).select("day", gain.column).rows()
        start = [score for day, score in own if day == 0]
        near = sorted((abs(day - 84), day, score) for day, score in own if abs(day - 84) <= 28)
        expected = near[0][2] - start[0] if start and near else np.nan
        assert made.change[i] == pytest.approx(expected, nan_ok=True)


# --- A runner


def points(*rows: tuple[float, float], warning: str = "") -> Results:
    made = [
        Row(
            estimator="g",
            statistic="duration_incidence",
            term="curve",
            day=84,
            at=at,
            estimate=share,
            conf_low=share - 0.1,
            conf_high=share + 0.1,
            warning=warning,
        )
        for at, share in rows
    ]
    return Results("e", "q", frame(made), Attrition(), min_cell_count=1)


def test_a_runner_is_told_the_point_or_what_lies_between_two() -> None:
    # Grade: exact, by hand: 16 weeks lie half-way from 8 to 32 on the logarithm.
    results = points((8.0, 0.5), (32.0, 0.3))
    assert runners_like_this(results, 8).count == pytest.approx(50)
    between = runners_like_this(results, 16)
    assert (between.count, between.low, between.high, between.day) == (*map(pytest.approx, (40.0, 20.0, 60.0)), 84)


@pytest.mark.parametrize("weeks", [0.0, 7.9, 32.1, 520.0, -4.0, float("nan"), float("inf")])
def test_a_runner_outside_the_curve_is_refused(weeks: float) -> None:
    # Grade: exact: ten years among them.
    with pytest.raises(EstimationRefused, match="is refused") as refusal:
        runners_like_this(points((8.0, 0.5), (32.0, 0.3)), weeks)
    assert refusal.value.way_out == "Durations from 8 to 32 weeks can be told."


def test_a_runner_is_told_nothing_off_flagged_points_or_of_other_days() -> None:
    # Grade: exact.
    with pytest.raises(EstimationRefused, match="no curve over durations"):
        runners_like_this(points((8.0, 0.5), (32.0, 0.3), warning=OUTSIDE), 16)
    with pytest.raises(EstimationRefused, match="by day 182"):
        runners_like_this(points((8.0, 0.5), (32.0, 0.3)), 16, day=182)


@pytest.mark.parametrize("cell", [1, 11])
def test_ten_years_are_refused_to_a_runner_of_the_synthetic_clinic(cell: int) -> None:
    # Grade: exact: one of its runners had hurt for more than ten years, and it is refused all the same.
    assert case(300).weeks.max() > 520
    with pytest.raises(EstimationRefused, match="520 weeks is refused"):
        runners_like_this(suppress(answer(300), min_cell_count=cell), 520)


# --- Selection


def test_pure_selection_is_said_to_explain_it() -> None:
    # Grade: known truth: gamma frailty of variance 1, 1 in 20 a week, no effect of duration (domain dossier §4d).
    rng = np.random.default_rng(11)
    frailty = rng.gamma(1.0, 1.0, 60_000)
    onset = rng.exponential(20.0 / frailty)
    came = 2.0 ** rng.uniform(2.0, 7.0, onset.size)
    seen = np.flatnonzero(onset > came)[:1_500]
    week = np.ceil(onset[seen] - came[seen])
    reached = week <= 26
    left, right = np.where(reached, 7 * (week - 1), 182.0), np.where(reached, 7 * week, np.inf)
    found = frailty_selection(left, right, reached.astype(np.int64), came[seen], pieces=(), variances=(0.0, 1.0))
    assert found.estimate[0] < 0.6
    assert selection_words(found).startswith("selection alone could explain it")


def test_round_months_told_from_memory_are_the_less_sure() -> None:
    # Exact: the declared 0.25 of a month and 0.2 of rounding in quadrature within 0.345 months of 3, 6, 12 and 24; the declared
    # spread alone elsewhere, and for whoever remembers to the week.
    told = case(300)
    months = told.weeks * 7 * 12 / 365.25
    near = (np.abs(months[:, None] - [3, 6, 12, 24]) <= 0.345).any(axis=1)
    sizes = {"day": 0.02, "week": 0.1, "month": 0.25, "year": 0.5}
    by_id = dict(told.cohort.episodes.select("episode_id", "onset_precision").rows())
    said = [by_id[one] for one in told.episode_id]
    expected = [
        float(np.hypot(sizes[one], 0.2)) if close and one in ("month", "year") else sizes[one]
        for one, close in zip(said, near, strict=True)
        if one is not None
    ]
    assert {"month", "week"} <= set(said)
    known = [i for i, one in enumerate(said) if one is not None]
    np.testing.assert_allclose(told.spread[known], expected, rtol=1e-12)


@pytest.mark.parametrize("seed", [1, 10, 20])
def test_a_clinic_of_ninety_is_told_the_share_since_onset(seed: int) -> None:
    # Exact (which rows): every duration told has 10 at risk, and follow-up beyond the last of them says nothing of it.
    clinic = records_of(simulate_clinic(90, seed=seed, settings=ClinicSettings()).tables, declare())
    cohort = assemble_cohort(clinic, estimand().population)
    examined = examine(assemble(cohort, ascertain(cohort, estimand().endpoint, horizon_weeks=26), estimand()))
    assert examined.tells
    rows = list(since_onset_curve(examined))
    assert rows
    assert {row.statistic for row in rows} == {"since_onset_incidence"}
    assert all(row.n_at_risk is not None and row.n_at_risk >= 10 for row in rows)


def test_too_few_since_onset_are_refused_with_what_would_do() -> None:
    # Exact: 4 of 80 at risk where they are most, 10 are needed: 200. Nobody at risk gives no number.
    assert few_since_onset(80, 4, 10).words.endswith("It would take about 200 runners like these.")
    assert few_since_onset(80, 0, 10).would_do == ""
