"""Who the runners are and when they truly recover: everything that the clinic will later see only through its visits."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from tendon_outcomes.synthetic.distributions import normal_cdf, weibull_mixture_quantile, whole_normal
from tendon_outcomes.synthetic.draws import Draws, Flags, Floats, Integers, choose
from tendon_outcomes.synthetic.settings import COMPETING, STRATEGIES, ClinicSettings

NEVER = 10**7
"""The day of what never happens."""

DAYS_PER_YEAR = 365.25
WEEKS_PER_MONTH = DAYS_PER_YEAR / 12 / 7
LONGEST_DURATION_WEEKS = 1040.0  # a symptom duration is cut at 20 years, which changes 1 in 10,000


@dataclass(frozen=True)
class Runners:
    """Baseline of every episode, as the recovery process knows it. `patient` is the index of the patient's first episode."""

    patient: Integers
    second_side: Flags
    age_y: Integers
    female: Flags
    duration_weeks: Floats
    visa: Integers
    nprs_fast: Integers
    nprs_easy: Integers
    nprs_sit: Integers
    strategy: Integers
    unmeasured: Floats


@dataclass(frozen=True)
class Truth:
    """True days. `pfr_day` and `mi_day` are the first days on which an assessment passes, were there no competing event.

    `competing_day` is NEVER where the runner was pain-free before anything else happened; a tie goes to recovery.
    """

    pfr_day: Integers
    mi_day: Integers
    competing_day: Integers
    competing_code: Integers


def draw_runners(draws: Draws, settings: ClinicSettings) -> Runners:
    """Baseline of every episode; the two sides of one patient share age, sex and what nobody records."""
    second, patient = _sides(draws, settings)
    lowest_age, highest_age = settings.age_range
    age = whole_normal(
        draws.uniform("age")[:, 0],
        mean=settings.age_mean,
        sd=settings.age_sd,
        lowest=lowest_age,
        highest=highest_age,
        counted_down=True,
    )
    low, high = settings.visa_range
    spread = settings.duration_log_sd * draws.normal("duration")[:, 0]
    duration = settings.duration_median_months * WEEKS_PER_MONTH * np.exp(spread)
    duration = np.clip(duration, 1.0, LONGEST_DURATION_WEEKS)
    visa = whole_normal(draws.uniform("visa")[:, 0], mean=settings.visa_mean, sd=settings.visa_sd, lowest=low, highest=high)
    fast, easy, sit = _pain_on_day_0(draws, settings)
    unmeasured = _unmeasured(draws, settings)[patient]
    log_odds = _stretching_log_odds(duration, visa, unmeasured, settings)
    return Runners(
        patient=patient,
        second_side=second,
        age_y=age[patient],
        female=(draws.uniform("sex")[:, 0] < settings.female_share)[patient],
        duration_weeks=duration,
        visa=visa,
        nprs_fast=fast,
        nprs_easy=easy,
        nprs_sit=sit,
        strategy=_prescribed(draws.uniform("strategy")[:, 0], log_odds, settings),
        unmeasured=unmeasured,
    )


def draw_recovery(
    draws: Draws, runners: Runners, settings: ClinicSettings, switch_day: Integers | None = None
) -> tuple[Integers, Integers]:
    """True days of pain-free running and of meaningful improvement.

    ``switch_day`` is the day from which stretchers have the rate of loading, NEVER for the others.

    Both are Weibull mixtures with a share that never gets there, tied by a Gaussian copula; improvement comes no later than
    pain-free running. A time of t weeks is day ceil(7 t), so P(day <= d) = F(d / 7).
    """
    z_pfr = _shared_between_sides(draws.normal("pfr")[:, 0], runners, settings.sides_correlation)
    rho = settings.mi_pfr_correlation
    z_mi = rho * z_pfr + np.sqrt(1 - rho**2) * draws.normal("mi")[:, 0]

    pfr = weibull_mixture_quantile(
        normal_cdf(z_pfr),
        share=1 - settings.pfr_never,
        scale=settings.pfr_scale_weeks,
        shape=settings.pfr_shape,
        hazard_ratio=_recovery_hazard_ratio(draws, runners, settings),
    )
    if switch_day is not None:
        pfr = _at_the_rate_of_loading(pfr, switch_day / 7, settings)
    modification = runners.strategy == STRATEGIES.index("modification_only")
    mi = weibull_mixture_quantile(
        normal_cdf(z_mi),
        share=settings.mi_responders,
        scale=settings.mi_median_weeks / log(2) ** (1 / settings.mi_shape),
        shape=settings.mi_shape,
        hazard_ratio=np.where(modification, settings.mi_modification_hazard_ratio, 1.0),
    )
    pfr_day = _day(pfr)
    return pfr_day, np.minimum(_day(mi), pfr_day)


def draw_truth(draws: Draws, runners: Runners, settings: ClinicSettings, switch_day: Integers | None = None) -> Truth:
    """True days of both endpoints and the first competing event before pain-free running."""
    pfr_day, mi_day = draw_recovery(draws, runners, settings, switch_day)
    per_year = sum(settings.competing_per_year)
    if per_year > 0:
        years = -np.log1p(-draws.uniform("competing_time")[:, 0]) / per_year
        day = np.maximum(np.ceil(DAYS_PER_YEAR * years), 1).astype(np.int64)
        cause = choose(draws.uniform("competing_cause")[:, 0], settings.competing_per_year)
    else:
        day = np.full(draws.total, NEVER)
        cause = np.zeros(draws.total, dtype=np.int64)
    before = day < pfr_day  # the clock of competing events runs while the runner is not yet pain-free
    code = np.array([int(one) for one in COMPETING])[cause]
    return Truth(pfr_day, mi_day, np.where(before, day, NEVER), np.where(before, code, 0))


def _at_the_rate_of_loading(weeks: Floats, from_week: Floats, settings: ClinicSettings) -> Floats:
    """Times of stretchers who have the rate of loading from a week on: what was left of their hazard is used up at that rate."""
    shape, scale = settings.pfr_shape, settings.pfr_scale_weeks
    ratio = settings.stretching_hazard_ratio / settings.loading_hazard_ratio
    before, by = (from_week / scale) ** shape, (weeks / scale) ** shape
    later: Floats = scale * (before + ratio * np.maximum(by - before, 0.0)) ** (1 / shape)
    return np.where(weeks > from_week, later, weeks)


def _unmeasured(draws: Draws, settings: ClinicSettings) -> Floats:
    acts = settings.unmeasured_log_odds or settings.unmeasured_log_hazard or settings.unmeasured_on_controls
    return draws.normal("unmeasured")[:, 0] if acts else np.zeros(draws.total)


def _stretching_log_odds(duration_weeks: Floats, visa: Integers, unmeasured: Floats, settings: ClinicSettings) -> Floats:
    """Log odds of stretching-led against loading-led, beyond those of the shares."""
    log_odds: Floats = (
        settings.stretching_log_odds_per_10_visa * (visa - settings.visa_mean) / 10
        + settings.stretching_log_odds_per_doubling_of_duration * _doublings(duration_weeks, settings)
        + settings.unmeasured_log_odds * unmeasured
    )
    return log_odds


def _prescribed(uniform: Floats, stretching_log_odds: Floats, settings: ClinicSettings) -> Integers:
    if not stretching_log_odds.any():
        return choose(uniform, settings.strategy_shares)
    share = np.tile(np.asarray(settings.strategy_shares), (uniform.size, 1))
    share[:, STRATEGIES.index("stretching_led")] *= np.exp(stretching_log_odds)
    edges = share.cumsum(axis=1)
    place: Integers = (uniform[:, None] >= edges / edges[:, -1:]).sum(axis=1)
    return np.minimum(place, len(STRATEGIES) - 1)


def _doublings(duration_weeks: Floats, settings: ClinicSettings) -> Floats:
    """Duration of symptoms against the usual one."""
    doublings: Floats = np.log2(duration_weeks / (settings.duration_median_months * WEEKS_PER_MONTH))
    return doublings


def _sides(draws: Draws, settings: ClinicSettings) -> tuple[Flags, Integers]:
    wanted = draws.uniform("bilateral")[:, 0] < settings.bilateral_share
    position = np.arange(draws.total)
    wanted &= position % draws.episodes > 0
    second = wanted & ~np.concatenate([[False], wanted[:-1]])
    return second, position - second


def _pain_on_day_0(draws: Draws, settings: ClinicSettings) -> tuple[Integers, Integers, Integers]:
    rho = settings.nprs_correlation
    common = draws.normal("pain_common")
    z = np.sqrt(rho) * common + np.sqrt(1 - rho) * draws.normal("pain", 3)
    centre, spread = np.array([settings.nprs_fast, settings.nprs_easy, settings.nprs_sit]).T
    score = np.rint(centre + spread * z)
    fast = np.clip(score[:, 0], 2, 10).astype(np.int64)  # a runner whose fast running hardly hurts does not come
    easy = np.clip(score[:, 1], 0, fast).astype(np.int64)
    return fast, easy, np.clip(score[:, 2], 0, 10).astype(np.int64)


def _recovery_hazard_ratio(draws: Draws, runners: Runners, settings: ClinicSettings) -> Floats:
    log_ratio = (
        settings.log_hr_per_doubling_of_duration * _doublings(runners.duration_weeks, settings)
        + settings.log_hr_per_10_visa * (runners.visa - settings.visa_mean) / 10
        + settings.log_hr_per_10_years_of_age * (runners.age_y - settings.age_mean) / 10
        + settings.unmeasured_log_hazard * runners.unmeasured
    )
    strategy_ratio = np.array(
        [
            1.0,
            settings.stretching_hazard_ratio / settings.loading_hazard_ratio,
            settings.stretching_hazard_ratio,
            1.0 / settings.loading_hazard_ratio,
        ]
    )
    ratio: Floats = np.exp(log_ratio) * strategy_ratio[runners.strategy]
    if settings.frailty_variance > 0:
        ratio = ratio * draws.gamma("frailty", 1 / settings.frailty_variance)[runners.patient, 0]
    return ratio


def _shared_between_sides(z: Floats, runners: Runners, correlation: float) -> Floats:
    mixed = correlation * z[runners.patient] + np.sqrt(1 - correlation**2) * z
    return np.where(runners.second_side, mixed, z)


def _day(weeks: Floats) -> Integers:
    return np.clip(np.ceil(7 * weeks), 1, NEVER).astype(np.int64)
