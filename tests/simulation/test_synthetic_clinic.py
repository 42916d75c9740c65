"""The synthetic clinic: its truth against closed forms, its files against its truth."""

import json
import random
from dataclasses import replace
from math import exp, log, sqrt
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest

from tendon_outcomes.errors import WrongUse
from tendon_outcomes.synthetic import (
    ClinicSettings,
    clinic_seeds,
    population_truth,
    simulate_clinic,
    simulate_clinics,
    true_incidence,
)
from tendon_outcomes.synthetic.drawn import draw_clinics
from tendon_outcomes.vocabulary import Code

DEFAULT = ClinicSettings()
PLAIN = replace(
    DEFAULT,
    log_hr_per_doubling_of_duration=0.0,
    log_hr_per_10_visa=0.0,
    log_hr_per_10_years_of_age=0.0,
    mi_modification_hazard_ratio=1.0,
    competing_per_year=(0.0,) * 6,
)
"""No prognostic factor, no strategy effect, no competing event."""

ERRORS = 4.0  # Monte Carlo standard errors that a simulated figure may be off; the seeds are fixed


def weibull_mixture(weeks: float, share: float, scale: float) -> float:
    return share * (1 - exp(-((weeks / scale) ** 1.3)))


def competing_by_day(settings: ClinicSettings, days: int) -> float:
    """Cumulative incidence of pain-free running under constant competing hazards, summed day by day."""
    per_day = sum(settings.competing_per_year) / 365.25
    steps = [weibull_mixture(day / 7, 0.85, 21.2) - weibull_mixture((day - 1) / 7, 0.85, 21.2) for day in range(1, days + 1)]
    return sum(step * exp(-per_day * number) for number, step in enumerate(steps))


def upper_orthant(a: float, b: float, rho: float) -> float:
    """P(X > a, Y > b) of a standard bivariate normal pair, by the midpoint rule over Y."""
    normal, step = NormalDist(), 0.002
    points = [b + (number + 0.5) * step for number in range(int((8 - b) / step))]
    return sum(normal.pdf(y) * normal.cdf((rho * y - a) / sqrt(1 - rho**2)) for y in points) * step


def share_by(frame: pl.DataFrame, column: str, day: int) -> float:
    first = (pl.col(column) <= day) & (pl.col(column) <= pl.col("competing_day").fill_null(10**7))
    return float(frame.select(first.fill_null(value=False).mean()).item())


class TestDeterminism:
    def test_same_seed_gives_the_same_bytes(self) -> None:
        # exact: two draws of one seed are one clinic.
        one, two = simulate_clinic(60, seed=4), simulate_clinic(60, seed=4)
        assert one.files == two.files
        assert one.truth == two.truth

    def test_another_seed_gives_another_clinic(self) -> None:
        # exact: no table may stand still when the seed moves.
        one, two = simulate_clinic(60, seed=4), simulate_clinic(60, seed=5)
        assert all(one.files[name] != two.files[name] for name in one.files)

    def test_global_random_state_is_untouched(self) -> None:
        # exact: the state before and after.
        legacy, standard = np.random.get_state()[1].tolist(), random.getstate()
        simulate_clinic(60, seed=4)
        assert np.random.get_state()[1].tolist() == legacy
        assert random.getstate() == standard

    def test_each_of_many_clinics_is_the_clinic_of_its_own_seed(self) -> None:
        # exact: clinic 3 of 5 row by row against the single draw with its spawned seed.
        many = simulate_clinics(5, 40, seed=9)
        alone = simulate_clinic(40, seed=clinic_seeds(9, 5)[2], site=3)
        for name, table in alone.tables.items():
            of_site = many.tables[name].filter(pl.col("episode_id").str.starts_with("S0003-"))
            assert of_site.equals(table), name
        assert many.tables["episode"]["site_id"].n_unique() == 5

    @pytest.mark.parametrize("call", [lambda: simulate_clinic(0, seed=1), lambda: simulate_clinic(5, seed=-1),
                                      lambda: simulate_clinics(0, 5, seed=1), lambda: true_incidence(DEFAULT, (60,)),
                                      lambda: replace(DEFAULT, pfr_never=1.2), lambda: replace(DEFAULT, pfr_shape=0.0),
                                      lambda: replace(DEFAULT, strategy_shares=(1.0,))])  # fmt: skip
    def test_impossible_requests_are_refused(self, call: object) -> None:
        # exact: each is outside what the docstrings allow.
        with pytest.raises(WrongUse):
            call()


class TestTruth:
    @pytest.mark.parametrize("week", [8, 12, 26])
    def test_pain_free_running_without_effects_is_the_weibull_mixture(self, week: int) -> None:
        # simulation against exact: F(t) = 0.85 (1 - exp(-(t/21.2)^1.3)), domain anchors; Monte Carlo error from the draw.
        curve = population_truth(PLAIN).of("pain_free_running")
        assert abs(curve.at_week(week) - weibull_mixture(week, 0.85, 21.2)) < ERRORS * curve.error_at_week(week)
        assert curve.error_at_week(week) < 0.0004

    @pytest.mark.parametrize("week", [8, 12, 26])
    def test_competing_events_take_their_share(self, week: int) -> None:
        # simulation against exact: the sum over days of dF(day) exp(-rate (day - 1)), worked apart from the package.
        settings = replace(PLAIN, competing_per_year=DEFAULT.competing_per_year)
        curve = population_truth(settings).of("pain_free_running")
        assert abs(curve.at_week(week) - competing_by_day(settings, 7 * week)) < ERRORS * curve.error_at_week(week)

    def test_restricted_mean_is_the_area_under_the_curve(self) -> None:
        # simulation against exact: sum of the closed form over days 0-181, in weeks.
        settings = replace(PLAIN, competing_per_year=DEFAULT.competing_per_year)
        curve = population_truth(settings).of("pain_free_running")
        area = sum(competing_by_day(settings, day) for day in range(182)) / 7
        assert abs(curve.restricted_mean_time(26) - area) < ERRORS * curve.restricted_mean_error(26)

    def test_median_of_improvement_alone(self) -> None:
        # exact: 0.8 (1 - exp(-ln 2 (t/10)^1.3)) = 0.5 at t = 10 (log2(8/3))^(1/1.3) weeks, when nobody becomes pain-free.
        settings = replace(PLAIN, pfr_never=1.0)
        curve = population_truth(settings).of("meaningful_improvement")
        expected, median, error = 10 * (log(8 / 3) / log(2)) ** (1 / 1.3), curve.median_weeks(), curve.median_error()
        assert median is not None
        assert error is not None
        assert abs(median - expected) < 1 / 7 + ERRORS * error
        assert population_truth(replace(settings, mi_responders=0.3)).of("meaningful_improvement").median_weeks() is None

    @pytest.mark.parametrize("week", [8, 12, 26])
    def test_improvement_follows_the_copula(self, week: int) -> None:
        # simulation against exact: improvement comes no later than pain-free running, so P(not improved by t) is the upper
        # orthant of a bivariate normal pair with correlation 0.7 at the two margins' quantiles.
        curve = population_truth(PLAIN).of("meaningful_improvement")
        normal, scale = NormalDist(), 10 / log(2) ** (1 / 1.3)
        a = normal.inv_cdf(weibull_mixture(week, 0.80, scale))
        b = normal.inv_cdf(weibull_mixture(week, 0.85, 21.2))
        assert abs(curve.at_week(week) - (1 - upper_orthant(a, b, 0.7))) < ERRORS * curve.error_at_week(week)

    def test_strategy_effects_act_where_they_are_declared(self) -> None:
        # simulation against exact: the rate is divided by the loading ratio without loading, multiplied by the stretching ratio.
        settings = replace(PLAIN, loading_hazard_ratio=1.6, stretching_hazard_ratio=0.8)
        population = population_truth(settings)
        ratios = {"loading_led": 1.0, "stretching_led": 0.5, "combined": 0.8, "modification_only": 1 / 1.6}
        for strategy, ratio in ratios.items():
            curve = population.of("pain_free_running", strategy)
            expected = 0.85 * (1 - exp(-ratio * (12 / 21.2) ** 1.3))
            assert abs(curve.at_week(12) - expected) < ERRORS * curve.error_at_week(12), strategy

    def test_frailty_is_gamma(self) -> None:
        # simulation against exact: E exp(-Z H) = 1 / (1 + H) for gamma frailty of mean 1 and variance 1.
        curve = population_truth(replace(PLAIN, frailty_variance=1.0)).of("pain_free_running")
        hazard = (12 / 21.2) ** 1.3
        assert abs(curve.at_week(12) - 0.85 * (1 - 1 / (1 + hazard))) < ERRORS * curve.error_at_week(12)

    def test_clinics_come_from_the_population(self) -> None:
        # simulation: 400 clinics of 100; error from the spread between clinics, which patients with two sides widen.
        many = simulate_clinics(400, 100, seed=21).truth_episodes.with_columns(pl.col("episode_id").str.slice(0, 5).alias("site"))
        truth = true_incidence(DEFAULT, (12, 26))
        for endpoint, column in (("pain_free_running", "true_pfr_day"), ("meaningful_improvement", "true_mi_day")):
            for week in (12, 26):
                shares = np.array([share_by(part, column, 7 * week) for part in many.partition_by("site")])
                error = shares.std(ddof=1) / sqrt(shares.size)
                assert abs(shares.mean() - truth[endpoint]["all"][f"{week}"]) < ERRORS * error, (endpoint, week)

    def test_truth_document_holds_population_and_draw(self) -> None:
        # exact: the draw's own incidence counted again from truth_episodes.csv.
        clinic = simulate_clinic(150, seed=2)
        document = json.loads(clinic.truth["truth.json"])
        episodes = pl.read_csv(clinic.truth["truth_episodes.csv"])
        told = document["this_draw"]["pain_free_running"]["all"]["cumulative_incidence"]["26"]
        assert told == pytest.approx(share_by(episodes, "true_pfr_day", 182), abs=1e-6)
        population = document["population"]["pain_free_running"]["all"]
        assert population["episodes_drawn"] >= 2_000_000
        assert population["cumulative_incidence"]["26"]["value"] == pytest.approx(
            true_incidence(DEFAULT)["pain_free_running"]["all"]["26"], abs=1e-6
        )
        assert document["settings"]["pfr_never"] == 0.15


class TestProcess:
    def test_competing_events_come_at_their_rates(self) -> None:
        # simulation against exact: among those who never recover, cause j by day d is rate_j / rate (1 - exp(-rate d / 365.25)).
        settings = replace(DEFAULT, pfr_never=1.0, bilateral_share=0.0)
        truth = simulate_clinics(1, 60_000, seed=3, settings=settings).truth_episodes
        total = sum(settings.competing_per_year)
        codes = (Code.ESWT, Code.CORTICOSTEROID_INJECTION, Code.PRP, Code.SURGERY, Code.OTHER_INJURY, Code.STOPPED_RUNNING)
        for code, rate in zip(codes, (0.10, 0.06, 0.03, 0.02, 0.12, 0.06), strict=True):
            expected = rate / total * (1 - exp(-total * 182 / 365.25))
            seen = truth.filter(pl.col("competing_code") == int(code), pl.col("competing_day") <= 182).height / truth.height
            assert abs(seen - expected) < ERRORS * sqrt(expected * (1 - expected) / truth.height), code

    @pytest.mark.parametrize("share", [0.10, 0.35, 0.55])
    def test_loss_by_week_12(self, share: float) -> None:
        # simulation: loss before any other ending; binomial error, and that of the calibration draw of 40,000.
        settings = replace(DEFAULT, lost_by_week_12=share, bilateral_share=0.0)
        drawn = draw_clinics(clinic_seeds(6, 1), 40_000, (1,), settings)
        lost = float((drawn.seen.loss_day <= 84).mean())
        assert abs(lost - share) < ERRORS * sqrt(2 * share * (1 - share) / 40_000)

    def test_loss_is_informative_both_ways(self) -> None:
        # simulation: losses per person-day while pain is high, and from 21 days after recovery, are 1.5 times those between.
        drawn = draw_clinics(clinic_seeds(6, 1), 60_000, (1,), replace(DEFAULT, bilateral_share=0.0))
        last, recovered = drawn.seen.loss_day, drawn.truth.pfr_day
        losses, days = np.zeros(3), np.zeros(3)
        for day in range(1, 183):
            at_risk = last >= day
            pain = drawn.seen.pain.at(np.arange(last.size), np.full(last.size, day - 0.5))
            state = np.where(pain > 5, 0, np.where(day - 0.5 > recovered + 21, 2, 1))
            days += np.bincount(state[at_risk], minlength=3)
            losses += np.bincount(state[last == day], minlength=3)
        rate = losses / days
        for number in (0, 2):
            error = sqrt(1 / losses[number] + 1 / losses[1])
            assert abs(log(rate[number] / rate[1]) - log(1.5)) < ERRORS * error

    def test_improvement_is_never_later_than_pain_free_running(self) -> None:
        # exact: by definition of the latent process; and nobody is improved or pain-free on day 0.
        truth = simulate_clinic(5_000, seed=8).truth_episodes
        never = 10**7
        assert truth.select((pl.col("true_mi_day").fill_null(never) <= pl.col("true_pfr_day").fill_null(never)).all()).item()
        assert truth.select((pl.col("competing_day") < pl.col("true_pfr_day").fill_null(never)).all()).item()
        assert truth["true_mi_day"].min() >= 1

    def test_eligibility_does_not_depend_on_recovery(self) -> None:
        # simulation: share pain-free by week 26 among the excluded against the others; binomial errors, patients with one side.
        clinic = simulate_clinics(1, 40_000, seed=12, settings=replace(DEFAULT, bilateral_share=0.0))
        outside = (
            (pl.col("phenotype") != "probable_pht")
            | pl.col("excl_pht_surgery")
            | pl.any_horizontal(pl.col("^excl_.*$"))
            | (pl.col("running_years") < 0.25)
            | (pl.col("prescribed_day") > 14)
            | (pl.col("onset_mode") == "sudden_event")
        )
        joined = clinic.truth_episodes.join(
            clinic.tables["episode"].select("episode_id", outside.alias("outside")), on="episode_id"
        )
        inside, excluded = joined.filter(~pl.col("outside")), joined.filter("outside")
        assert 0.10 < excluded.height / joined.height < 0.30
        difference = share_by(inside, "true_pfr_day", 182) - share_by(excluded, "true_pfr_day", 182)
        assert abs(difference) < ERRORS * sqrt(0.25 * (1 / inside.height + 1 / excluded.height))
