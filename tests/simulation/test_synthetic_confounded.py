"""The confounded clinic: what is true under each strategy, what misleads the naive comparison, what the records suffice for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import lru_cache
from math import exp, log, sqrt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.declarations import declare, load_column_map, shipped
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.records import ingest
from tendon_outcomes.synthetic import (
    ClinicSettings,
    SyntheticClinic,
    clinic_seeds,
    population_truth,
    simulate_clinic,
    simulate_clinics,
    strategy_truth,
)
from tendon_outcomes.synthetic.drawn import Drawn, draw_clinics
from tendon_outcomes.synthetic.latent import NEVER
from tendon_outcomes.synthetic.training import STRETCH
from tendon_outcomes.synthetic.visits import run_week_table, visit_table
from tendon_outcomes.vocabulary import OnReject

CONFOUNDED, NULL = ClinicSettings.confounded(), ClinicSettings.confounded(loading=1.0, stretching=1.0)
LOADING, STRETCHING = 0, 1
ERRORS = 4.0  # Monte Carlo standard errors that a simulated figure may be off; the seeds are fixed
WEEKS = (8, 12, 26)
FIRST_WEEK, LAST_WEEK = 5, 14
"""Weeks in which a switch can begin: after day 28, and in the twelve weeks of a plan made by day 14."""


@lru_cache(maxsize=4)
def drawn(settings: ClinicSettings, episodes: int = 60_000) -> Drawn:
    return draw_clinics(clinic_seeds(31, 1), episodes, (1,), replace(settings, bilateral_share=0.0))


def naive_difference(clinic: Drawn, week: int) -> float:
    """Loading-led less stretching-led, as prescribed and as it happened, nobody lost."""
    reached = (clinic.truth.pfr_day <= 7 * week) & (clinic.truth.pfr_day <= clinic.truth.competing_day)
    strategy = clinic.runners.strategy
    return float(reached[strategy == LOADING].mean() - reached[strategy == STRETCHING].mean())


def true_difference(settings: ClinicSettings, week: int, sustained_weeks: int | None) -> float:
    curves = [strategy_truth(settings, one, sustained_weeks=sustained_weeks) for one in ("loading_led", "stretching_led")]
    return curves[0].at_week(week) - curves[1].at_week(week)


def logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Fitted probabilities, by Newton's steps."""
    beta = np.zeros(x.shape[1])
    for _ in range(25):
        p = 1 / (1 + np.exp(-x @ beta))
        beta += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x, x.T @ (y - p))
    return 1 / (1 + np.exp(-x @ beta))


class TestTruthOfStrategies:
    @pytest.mark.parametrize(
        ("strategy", "ratio"), [("loading_led", 1.0), ("stretching_led", 0.8 / 1.3), ("modification_only", 1 / 1.3)]
    )
    @pytest.mark.parametrize("week", [8, 12])
    def test_sustained_it_is_the_weibull_mixture(self, strategy: str, ratio: float, week: int) -> None:
        # simulation against exact: F(t) = 0.85 (1 - exp(-ratio (t/21.2)^1.3)) without prognostic factors and competing events.
        plain = replace(CONFOUNDED, log_hr_per_doubling_of_duration=0.0, log_hr_per_10_visa=0.0,
                        log_hr_per_10_years_of_age=0.0, competing_per_year=(0.0,) * 6)  # fmt: skip
        curve = strategy_truth(plain, strategy, sustained_weeks=12)
        expected = 0.85 * (1 - exp(-ratio * (week / 21.2) ** 1.3))
        assert abs(curve.at_week(week) - expected) < ERRORS * curve.error_at_week(week)

    def test_a_switch_on_a_known_day_uses_up_the_hazard_at_the_rate_of_loading(self) -> None:
        # exact: who switches on day 35 has used up r A(5) + A(t) - A(5) on day t, and without the switch r A(s) on day s.
        plain = replace(CONFOUNDED, log_hr_per_doubling_of_duration=0.0, log_hr_per_10_visa=0.0, log_hr_per_10_years_of_age=0.0)
        always = replace(plain, switch_on_told_pain=False, switch_per_week=1e6, nprs_fast=(9.0, 0.5))
        clinic = drawn(always)
        stretchers = (clinic.runners.strategy == STRETCHING) & (clinic.profile.prescribed_day == 0)
        hurts = stretchers & (clinic.course.pain.at(np.arange(stretchers.size), 35) >= 5)
        assert (clinic.plan.switched[hurts] == 5).all()
        assert hurts.sum() > 0.5 * stretchers.sum()
        before, ratio = (5 / 21.2) ** 1.3, 0.8 / 1.3
        free, now = clinic.course.pfr_day[hurts], clinic.truth.pfr_day[hurts]
        finite = free < NEVER
        assert (now[~finite] == NEVER).all()
        # The two days of one runner hold the same cumulative hazard; a day is a whole number, so it holds to a day's hazard.
        spent_free = ratio * (free[finite] / 7 / 21.2) ** 1.3
        spent_now = ratio * before + (now[finite] / 7 / 21.2) ** 1.3 - before
        a_day = (now[finite] / 7 / 21.2) ** 1.3 - ((now[finite] - 1) / 7 / 21.2) ** 1.3
        assert (np.abs(spent_free - spent_now) <= a_day + 1e-9).all()
        assert (now[finite] > 35).all()

    def test_natural_lies_between_never_and_always(self) -> None:
        # exact in direction: loading is the better strategy, so each switch only brings recovery forward.
        never = strategy_truth(CONFOUNDED, "stretching_led", sustained_weeks=26)
        twelve = strategy_truth(CONFOUNDED, "stretching_led", sustained_weeks=12)
        natural = strategy_truth(CONFOUNDED, "stretching_led", sustained_weeks=None)
        loading = strategy_truth(CONFOUNDED, "loading_led", sustained_weeks=None)
        assert never.at_week(12) == twelve.at_week(12) < natural.at_week(12) < loading.at_week(12)
        assert never.at_week(26) <= twelve.at_week(26) < natural.at_week(26) < loading.at_week(26)
        assert natural.at_week(4) == never.at_week(4)
        assert loading.by_day.tolist() == strategy_truth(CONFOUNDED, "loading_led", sustained_weeks=12).by_day.tolist()

    def test_without_effects_no_strategy_differs(self) -> None:
        # exact: the same runners with the same hazards, so the difference has no Monte Carlo error.
        for sustained_weeks in (None, 12):
            assert [true_difference(NULL, week, sustained_weeks) for week in WEEKS] == pytest.approx([0.0] * 3, abs=1e-5)

    def test_where_training_has_no_effect_it_is_what_was_prescribed(self) -> None:
        # simulation: prescription at random, so the truth by group and the truth of the strategy are one; two independent draws.
        settings = replace(ClinicSettings(), loading_hazard_ratio=1.6, stretching_hazard_ratio=0.8)
        group = population_truth(settings).of("pain_free_running", "stretching_led")
        curve = strategy_truth(settings, "stretching_led", sustained_weeks=None)
        error = sqrt(group.error_at_week(12) ** 2 + curve.error_at_week(12) ** 2)
        assert abs(group.at_week(12) - curve.at_week(12)) < ERRORS * error
        assert curve.by_day.tolist() == strategy_truth(settings, "stretching_led", sustained_weeks=12).by_day.tolist()

    def test_the_population_by_group_knows_the_switches(self) -> None:
        # simulation: stretchers of one large clinic against the draw of the population; binomial error.
        curve = population_truth(CONFOUNDED).of("pain_free_running", "stretching_led")
        clinic = drawn(CONFOUNDED)
        chosen = clinic.runners.strategy == STRETCHING
        reached = (clinic.truth.pfr_day <= 182) & (clinic.truth.pfr_day <= clinic.truth.competing_day)
        share = reached[chosen].mean()
        error = sqrt(share * (1 - share) / chosen.sum() + curve.error_at_week(26) ** 2)
        assert abs(share - curve.at_week(26)) < ERRORS * error

    @pytest.mark.parametrize("call", [lambda: strategy_truth(CONFOUNDED, "rest", sustained_weeks=12),
                                      lambda: strategy_truth(CONFOUNDED, "loading_led", sustained_weeks=-1),
                                      lambda: replace(CONFOUNDED, unmeasured_on_controls=1.5),
                                      lambda: replace(CONFOUNDED, ways_to_fail=(1.0,))])  # fmt: skip
    def test_impossible_requests_are_refused(self, call: Callable[[], object]) -> None:
        # exact: each is outside what the docstrings allow.
        with pytest.raises(WrongUse):
            call()


class TestPrescription:
    def test_stretching_is_prescribed_by_severity_and_chronicity(self) -> None:
        # simulation against exact: log odds of stretching against loading are log(0.38/0.42) + 0.4 VISA/10 - 0.4 doublings.
        clinic = drawn(CONFOUNDED)
        two = clinic.runners.strategy <= STRETCHING
        x = np.column_stack([np.ones(two.sum()), (clinic.runners.visa[two] - 43) / 10,
                             np.log2(clinic.runners.duration_weeks[two] / (4.5 * 365.25 / 84))])  # fmt: skip
        y = (clinic.runners.strategy[two] == STRETCHING).astype(float)
        p = logistic(x, y)
        error = np.sqrt(np.diag(np.linalg.inv((x * (p * (1 - p))[:, None]).T @ x)))
        beta = np.linalg.lstsq(x, np.log(p / (1 - p)), rcond=None)[0]
        assert (np.abs(beta - [log(0.38 / 0.42), 0.4, -0.4]) < ERRORS * error).all()

    def test_the_others_keep_their_odds_against_loading(self) -> None:
        # simulation against exact: 0.10 / 0.42 whoever it is; binomial errors in milder and in more severe runners.
        clinic = drawn(CONFOUNDED)
        for chosen in (clinic.runners.visa < 43, clinic.runners.visa >= 43):
            count = np.bincount(clinic.runners.strategy[chosen], minlength=4)
            for other in (2, 3):
                share = count[other] / (count[other] + count[LOADING])
                assert abs(share - 0.1 / 0.52) < ERRORS * sqrt(0.1 * 0.42 / 0.52**2 / (count[other] + count[LOADING]))

    @pytest.mark.parametrize("settings", [CONFOUNDED, NULL], ids=["effects", "null"])
    def test_the_naive_difference_at_week_12_is_off_by_four_points(self, settings: ClinicSettings) -> None:
        # simulation: 60,000 runners, binomial error 0.005 at most; the truth is that of everybody, switches as they come.
        assert naive_difference(drawn(settings), 12) - true_difference(settings, 12, None) < -0.035


class TestFeedback:
    def test_the_pain_that_was_told_suffices_for_who_switches(self) -> None:
        # simulation: had no stretcher switched is known of every runner, so weights made of the recorded pain have an oracle
        # without sampling error of its own; left is the noise of censoring one in five (0.3 points at week 26).
        clinic = drawn(replace(CONFOUNDED, competing_per_year=(0.0,) * 6, lost_by_week_12=0.0))
        truth, unweighted, weighted = sustained_by_weights(clinic)
        for week in WEEKS:
            assert abs(weighted[week] - truth[week]) < 0.008, week
        assert unweighted[12] - truth[12] > 0.012
        assert unweighted[26] - truth[26] > 0.025

    def test_pain_is_that_of_the_course_until_the_switch_and_straight_after_it(self) -> None:
        # exact: two straight pieces that meet on the day of the switch; the second ends at 2 on the eve of recovery.
        clinic = drawn(CONFOUNDED)
        who = np.flatnonzero((clinic.plan.switched < NEVER) & (clinic.truth.pfr_day < NEVER))
        day = clinic.profile.prescribed_day[who] + 7 * clinic.plan.switched[who]
        who, day = who[day + 2 < clinic.truth.pfr_day[who]], day[day + 2 < clinic.truth.pfr_day[who]]
        assert who.size > 2_000
        pain, free, recovery = clinic.seen.pain, clinic.course.pain, clinic.truth.pfr_day[who]
        for before in (0, 10, day):
            assert (pain.at(who, np.minimum(day, before)) == free.at(who, np.minimum(day, before))).all()
        middle = (day + recovery) / 2
        soon = recovery <= 420  # who takes longer than 60 weeks has eased as far by then
        assert pain.at(who, middle)[soon] == pytest.approx(((pain.at(who, day) + 2) / 2)[soon])
        assert (pain.at(who, recovery) == 0).all()
        assert (recovery <= clinic.course.pfr_day[who]).all()
        assert (pain.at(who, middle) <= free.at(who, middle) + 1e-9).all()

    def test_contacts_before_the_switch_are_those_of_the_course(self) -> None:
        # exact: what is told before the switch does not hang on the switch, or it could not have caused it.
        with_effect = drawn(replace(CONFOUNDED, competing_per_year=(0.0,) * 6, lost_by_week_12=0.0))
        without = drawn(replace(CONFOUNDED, competing_per_year=(0.0,) * 6, lost_by_week_12=0.0, effect_follows_training=False))
        assert (with_effect.plan.switched == without.plan.switched).all()
        switched = with_effect.plan.switched
        day = np.where(switched < NEVER, with_effect.profile.prescribed_day + 7 * np.minimum(switched, 60), NEVER)
        for table, contacts in ((run_week_table, "reports"), (visit_table, "visits")):
            parts = []
            for clinic in (with_effect, without):
                at = getattr(clinic.seen, contacts)
                parts.append(table(clinic).filter(pl.Series(at.day <= day[at.episode])).drop("exercise_done", strict=False))
            assert parts[0].equals(parts[1]), contacts

    def test_loading_begins_with_the_switch(self) -> None:
        # exact: no loading session of a stretcher before it, and stretching ends with it.
        clinic = drawn(CONFOUNDED, 20_000)
        rows = clinic.exercises
        stretcher = clinic.runners.strategy[rows.episode] == STRETCHING
        after = rows.slot // 3 >= clinic.plan.switched[rows.episode]
        assert not (stretcher & ~after & (rows.kind < 4)).any()
        assert not (stretcher & after & (rows.kind == STRETCH) & ~rows.second).any()

    def test_a_stray_stretch_makes_no_stretching_week(self) -> None:
        # exact: at most two short ones a week, and no week of loading alone becomes one of both.
        clinic = drawn(CONFOUNDED, 20_000)
        loaders = clinic.runners.strategy == LOADING
        assert clinic.weeks.stretching[loaders].max() == 2
        assert not np.isin(clinic.weeks.state[loaders], (1, 2)).any()
        rows = clinic.exercises
        stray = rows.second & rows.done & (clinic.runners.strategy[rows.episode] == LOADING)
        loads = clinic.plan.loads[rows.episode, rows.slot // 3] & (clinic.runners.strategy[rows.episode] == LOADING)
        sessions = rows.done & ~rows.second & loads
        share = stray.sum() / (sessions & (rows.slot % 2 == 0)).sum()
        assert abs(share - 0.2) < ERRORS * sqrt(0.16 / sessions.sum() * 2)


def sustained_by_weights(clinic: Drawn) -> tuple[dict[int, float], dict[int, float], dict[int, float]]:
    """Incidence of stretchers, had nobody switched: as it is known, with switchers censored, and with these weighted for.

    The weights are a logistic model of the switch in each week on the pain in fast running that the tables hold, carried forward.
    """
    stretchers = clinic.runners.strategy == STRETCHING
    told = recorded_pain(clinic)[stretchers]
    event, free = (np.ceil(day[stretchers] / 7) for day in (clinic.truth.pfr_day, clinic.course.pfr_day))
    plan_week = clinic.plan.switched[stretchers]
    day = clinic.profile.prescribed_day[stretchers] + 7 * np.minimum(plan_week, 60)
    leaves = np.where(plan_week < NEVER, day // 7 + 1, NEVER)
    truth = {week: float((free <= week).mean()) for week in WEEKS}
    return truth, _censored_at(leaves, event, told, weighted=False), _censored_at(leaves, event, told, weighted=True)


def _censored_at(leaves: np.ndarray, event: np.ndarray, told: np.ndarray, *, weighted: bool) -> dict[int, float]:
    weight, survival, incidence = np.ones(leaves.size), 1.0, {}
    for week in range(1, 27):
        at_risk = (event >= week) & (leaves >= week)
        if weighted and FIRST_WEEK <= week <= LAST_WEEK and (leaves[at_risk] == week).any():
            known = ~np.isnan(told[:, week - 1])
            x = np.column_stack([np.ones(leaves.size), np.where(known, told[:, week - 1], 0.0), ~known])[at_risk]
            x = x[:, [True, *(x[:, 1:].std(axis=0) > 0)]]
            weight[at_risk] /= 1 - logistic(x, (leaves[at_risk] == week).astype(float))
        stays = at_risk & (leaves > week)
        survival *= 1 - weight[stays & (event == week)].sum() / weight[stays].sum()
        incidence[week] = 1 - survival
    return incidence


def recorded_pain(clinic: Drawn) -> np.ndarray:
    """Last pain in fast running on record by the end of weeks 0 to 26, the worst of a day; nan before the first."""
    told = np.full((clinic.draws.total, 27), np.nan)
    parts = []
    for table, contacts in ((visit_table(clinic), clinic.seen.visits), (run_week_table(clinic), clinic.seen.reports)):
        pain = table["nprs_run_fast"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        keep = ~np.isnan(pain) & (contacts.day <= 182)
        parts.append((contacts.episode[keep], contacts.day[keep], pain[keep]))
    episode, day, pain = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((pain, day))
    for row in order:
        told[episode[row], -(-day[row] // 7)] = pain[row]
    for week in range(1, 27):
        told[:, week] = np.where(np.isnan(told[:, week]), told[:, week - 1], told[:, week])
    return told


@pytest.fixture(scope="module")
def clean() -> SyntheticClinic:
    return simulate_clinics(1, 20_000, seed=3, settings=replace(NULL, bilateral_share=0.0))


@pytest.fixture(scope="module")
def planted() -> SyntheticClinic:
    return simulate_clinics(1, 20_000, seed=3, settings=replace(NULL, bilateral_share=0.0).with_unmeasured())


class TestControls:
    @staticmethod
    def compared(clinic: SyntheticClinic) -> dict[str, tuple[float, float]]:
        """Each control: stretching-led less loading-led in standard deviations, and the error of that."""
        day_0 = clinic.tables["visit"].filter(pl.col("day") == 0).select("episode_id", "nprs_upper_limb")
        rows = clinic.tables["episode"].join(day_0, on="episode_id").select(
            "strategy_prescribed",
            "nprs_upper_limb",
            pl.col("prior_self_care").str.contains("foam_roll").cast(pl.Float64).alias("foam_roll"),
            (pl.col("wk_km_base4") / pl.col("wk_km_preinjury")).alias("change"),
        )  # fmt: skip
        stretching, loading = (rows.filter(pl.col("strategy_prescribed") == f"{one}_led") for one in ("stretching", "loading"))
        error = sqrt(1 / stretching.height + 1 / loading.height)
        return {
            name: ((stretching[name].mean() - loading[name].mean()) / rows[name].std(), error)
            for name in ("nprs_upper_limb", "foam_roll", "change")
        }

    def test_controls_do_not_differ_by_strategy(self, clean: SyntheticClinic) -> None:
        # simulation: differences in standard errors; the controls are drawn apart from everything else.
        for name, (difference, error) in self.compared(clean).items():
            assert abs(difference) < ERRORS * error, name

    def test_unless_what_nobody_records_marks_them(self, planted: SyntheticClinic) -> None:
        # simulation: the unmeasured cause differs by about 0.7 SD between strategies, and each control follows it.
        found = self.compared(planted)
        assert found["nprs_upper_limb"][0] < -0.2
        assert found["foam_roll"][0] < -0.2
        assert found["change"][0] > 0.35

    def test_planted_confounding_moves_the_difference_by_eight_points(self) -> None:
        # simulation: under the null, prescription as in the confounded clinic but for what is planted; binomial error 0.006.
        apart = replace(NULL, stretching_log_odds_per_10_visa=0.0, stretching_log_odds_per_doubling_of_duration=0.0)
        planted = drawn(apart.with_unmeasured())
        assert all(naive_difference(planted, week) < -0.08 for week in WEEKS)
        assert abs(naive_difference(drawn(apart), 12)) < 0.02

    def test_upper_limb_pain_is_the_runners_own(self, clean: SyntheticClinic) -> None:
        # simulation: six in ten have none; the same runner tells much the same at week 12 as on day 0.
        pain = clean.tables["visit"].select("episode_id", "day", "nprs_upper_limb", "visit_label")
        first = pain.filter(pl.col("day") == 0)
        assert abs((first["nprs_upper_limb"] == 0).mean() - 0.63) < 0.02
        both = first.join(pain.filter(pl.col("visit_label") == "wk_12"), on="episode_id")
        assert both.select(pl.corr("nprs_upper_limb", "nprs_upper_limb_right")).item() > 0.45

    @pytest.mark.parametrize("rise", [0.0, 1.0])
    def test_pain_after_stretching_rises_by_what_is_true(self, rise: float) -> None:
        # simulation: within loaders, days with a stray stretch against their other days; error from the spread of runners.
        clinic = simulate_clinics(10, 300, seed=2, settings=replace(CONFOUNDED, stretching_pain_24h=rise))
        loaders = clinic.tables["episode"].filter(pl.col("strategy_prescribed") == "loading_led").select("episode_id")
        rows = clinic.tables["session"].join(loaders, on="episode_id").drop_nulls("nprs_24h")
        days = rows.group_by("episode_id", "day").agg(
            (pl.col("modality") == "hamstring_stretch").any().alias("stretched"), pl.col("nprs_24h").max()
        )
        means = days.group_by("episode_id", "stretched").agg(pl.col("nprs_24h").mean())
        wide = means.pivot(on="stretched", index="episode_id", values="nprs_24h").drop_nulls()
        change = (wide["true"] - wide["false"]).to_numpy()
        assert change.size > 800
        assert abs(change.mean() - rise) < ERRORS * change.std(ddof=1) / sqrt(change.size)

    def test_no_pain_before_a_session_is_told(self, clean: SyntheticClinic) -> None:
        # exact: a rise from before the session would count as a breach of the pain rule.
        assert "nprs_pre" not in clean.tables["session"].columns


class TestFiles:
    def test_one_of_many_is_the_clinic_of_its_own_seed(self) -> None:
        # exact: with switches drawn from what was told, too.
        settings = CONFOUNDED.with_unmeasured()
        many = simulate_clinics(5, 60, seed=9, settings=settings)
        alone = simulate_clinic(60, seed=clinic_seeds(9, 5)[2], settings=settings, site=3)
        for name, table in alone.tables.items():
            assert many.tables[name].filter(pl.col("episode_id").str.starts_with("S0003-")).equals(table), name

    def test_the_front_door_takes_every_row(self, tmp_path: Path) -> None:
        # exact: no rule rejects a row of the confounded clinic with what is planted.
        clinic = simulate_clinic(200, seed=4, settings=CONFOUNDED.with_unmeasured())
        for name, content in clinic.files.items():
            (tmp_path / name).write_bytes(content)
        column_map = load_column_map(shipped("analyses") / "column_map.toml")
        records = ingest(tmp_path, column_map, declare(), as_of=date(2026, 1, 1), on_reject=OnReject.STOP)
        assert all(line.balances and line.rejected == 0 for line in records.ledger)
        assert {one.rule for one in records.rule_counts} <= {"V-27", "V-28"}
