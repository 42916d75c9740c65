"""When the clinic sees its runners: visits, weekly reports, loss and the end, none of which is independent of how they feel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.random import SeedSequence

from tendon_outcomes.synthetic.draws import Draws, Flags, Floats, Integers
from tendon_outcomes.synthetic.latent import NEVER, Runners, Truth, draw_recovery, draw_runners
from tendon_outcomes.synthetic.settings import ENDINGS, PROCEDURES, ClinicSettings

HIGH_PAIN = 5.0  # pain in fast running from which loss is more likely
LOWEST_PAIN = 2.0  # pain in fast running on the eve of recovery
SLOWEST_WEEKS = 60.0  # those who never recover ease as far in this time as PERSISTING_EASE says
PERSISTING_EASE = 0.6
VISIBLE_WEEKS = 3.0  # recovery has been visible for 21 days

SCHEDULED, FLARE, DISCHARGE = 0, 1, 2
Listed = tuple[Integers, Integers, Integers]
"""Episode, day and kind of contacts."""

VISIT_REASONS = ("scheduled", "flare", "discharge")


@dataclass(frozen=True)
class Turn:
    """Where the path of pain becomes another straight piece: the day, the level on it, and how fast it falls from there."""

    day: Integers
    level: Floats
    slope_per_day: Floats


@dataclass(frozen=True)
class Pain:
    """Straight path of pain in fast running, from day 0 to the eve of recovery; after it there is none. It may turn once."""

    start: Floats
    slope_per_day: Floats
    until_day: Integers
    turn: Turn | None = None

    def at(self, episode: Integers, day: Floats | Integers) -> Floats:
        level = self.start[episode] - self.slope_per_day[episode] * day
        if self.turn is not None:
            since = day - self.turn.day[episode]
            level = np.where(since > 0, self.turn.level[episode] - self.turn.slope_per_day[episode] * since, level)
        return np.where(day < self.until_day[episode], np.maximum(level, LOWEST_PAIN), 0.0)

    def high_until_day(self) -> Floats:
        """Day on which pain falls below `HIGH_PAIN`, 0 where it never was that high."""
        day = _falls_below(HIGH_PAIN, self.start, self.slope_per_day)
        if self.turn is not None:
            later = self.turn.day + _falls_below(HIGH_PAIN, self.turn.level, self.turn.slope_per_day)
            day = np.where(day > self.turn.day, later, day)
        return np.minimum(day, self.until_day)


@dataclass(frozen=True)
class Contacts:
    """Contacts with the clinic: episode index and day of each, sorted by episode and day."""

    episode: Integers
    day: Integers
    kind: Integers


@dataclass(frozen=True)
class FollowUp:
    """What the clinic sees of every episode, and why it stops."""

    pain: Pain
    admin_day: Integers
    loss_day: Integers
    end_day: Integers
    visits: Contacts
    reports: Contacts
    competing_seen: Flags
    lost: Flags


def draw_follow_up(draws: Draws, runners: Runners, truth: Truth, pain: Pain, settings: ClinicSettings) -> FollowUp:
    """Visits and reports up to the administrative end, to loss, or to an event after which there is no more running."""
    first, last = settings.end_days
    admin = first + np.floor(draws.uniform("admin_end")[:, 0] * (last - first + 1)).astype(np.int64)
    loss = _loss_day(draws.uniform("loss")[:, 0], pain, settings)
    admin, loss = admin[runners.patient], np.where(runners.second_side, loss[runners.patient], loss)
    stops = np.isin(truth.competing_code, [int(code) for code in ENDINGS])
    stop = np.where(stops, truth.competing_day, NEVER)
    end = np.minimum(np.minimum(admin, loss), stop)
    seen = (truth.competing_day <= end) & (truth.competing_day < NEVER)
    return FollowUp(
        pain=pain,
        admin_day=admin,
        loss_day=loss,
        end_day=end,
        visits=_visits(draws, pain, end, _last_visit(truth, seen), settings),
        reports=_reports(draws, truth.pfr_day, pain, end, settings),
        competing_seen=seen,
        lost=loss < np.minimum(admin, stop),
    )


def contacts_without_end(draws: Draws, pfr_day: Integers, pain: Pain, settings: ClinicSettings) -> tuple[Contacts, Contacts]:
    """Visits and reports as they would be, were nobody lost and nothing else to happen; up to the real end they are the same."""
    nothing = np.zeros(0, dtype=np.int64)
    end = np.full(draws.total, NEVER)
    visits = _visits(draws, pain, end, (nothing, nothing, nothing), settings)
    return visits, _reports(draws, pfr_day, pain, end, settings)


def last_contact(seen: FollowUp) -> Integers:
    """Day of the last visit or report of each episode."""
    last = np.zeros(seen.end_day.size, dtype=np.int64)
    for contacts in (seen.visits, seen.reports):
        np.maximum.at(last, contacts.episode, contacts.day)
    return last


def told_lost(draws: Draws, seen: FollowUp, settings: ClinicSettings) -> Flags:
    """The lost of whom the clinic says so; it closes their episode on the day of the last contact."""
    told: Flags = seen.lost & (draws.uniform("lost_told")[:, 0] >= settings.lost_without_a_word)
    return told


def pain_path(runners: Runners, pfr_day: Integers) -> Pain:
    """Pain falls evenly from its level on day 0 to `LOWEST_PAIN` when recovery comes."""
    weeks = np.minimum(pfr_day / 7, SLOWEST_WEEKS)
    ease = np.where(pfr_day < NEVER, 1.0, PERSISTING_EASE)
    slope = ease * (runners.nprs_fast - LOWEST_PAIN) / (7 * weeks)
    return Pain(runners.nprs_fast.astype(float), slope, pfr_day)


def turned(pain: Pain, turn_day: Integers, pfr_day: Integers) -> Pain:
    """The same path to ``turn_day``, and from there evenly to `LOWEST_PAIN` as `pain_path` does with the new day of recovery."""
    level = np.maximum(pain.start - pain.slope_per_day * np.minimum(turn_day, pfr_day), LOWEST_PAIN)
    left = np.maximum(np.minimum(pfr_day, 7 * SLOWEST_WEEKS) - turn_day, 1)
    turns = (turn_day < pain.until_day) & (pfr_day < NEVER)
    slope = np.where(turns, (level - LOWEST_PAIN) / left, pain.slope_per_day)
    return Pain(pain.start, pain.slope_per_day, pfr_day, Turn(np.where(turns, turn_day, NEVER), level, slope))


@lru_cache(maxsize=32)
def loss_rate(settings: ClinicSettings) -> float:
    """Weekly hazard of loss that gives `lost_by_week_12` among all runners, with the informative ratios in force."""
    draws = Draws((SeedSequence(3_1415),), 40_000)  # fixed: the rate belongs to the settings, not to a clinic
    alone = replace(settings, bilateral_share=0.0)
    runners = draw_runners(draws, alone)
    pfr_day, _ = draw_recovery(draws, runners, alone)
    exposure = _exposure(12.0, *_loss_periods(pain_path(runners, pfr_day)), settings)
    low, high = 0.0, 5.0
    for _ in range(60):
        middle = (low + high) / 2
        enough = float(np.mean(-np.expm1(-middle * exposure))) >= settings.lost_by_week_12
        low, high = (low, middle) if enough else (middle, high)
    return (low + high) / 2


def _falls_below(limit: float, start: Floats, slope_per_day: Floats) -> Floats:
    """Days until a falling level reaches the limit, 0 where it began at it or below."""
    with np.errstate(divide="ignore", invalid="ignore"):
        day: Floats = np.where(start > limit, (start - limit) / slope_per_day, 0.0)
    return day


def _loss_periods(pain: Pain) -> tuple[Floats, Floats]:
    """Weeks until which pain is high, and weeks from which recovery has been visible."""
    high_until = pain.high_until_day() / 7
    return high_until, np.maximum(pain.until_day / 7 + VISIBLE_WEEKS, high_until)


def _exposure(weeks: float, high_until: Floats, visible_from: Floats, settings: ClinicSettings) -> Floats:
    in_pain, recovered = settings.loss_hazard_ratio_in_pain - 1, settings.loss_hazard_ratio_recovered - 1
    exposure: Floats = weeks + in_pain * np.minimum(weeks, high_until) + recovered * np.maximum(weeks - visible_from, 0.0)
    return exposure


def _loss_day(uniform: Floats, pain: Pain, settings: ClinicSettings) -> Integers:
    """Day of loss under a hazard that is constant between the turns of `_loss_periods`."""
    rate = loss_rate(settings)
    if rate <= 0:
        return np.full(uniform.shape, NEVER)
    need = -np.log1p(-uniform) / rate
    high_until, visible_from = _loss_periods(pain)
    in_pain, recovered = settings.loss_hazard_ratio_in_pain, settings.loss_hazard_ratio_recovered
    first = in_pain * high_until
    second = first + (visible_from - high_until)
    weeks = np.where(
        need <= first,
        need / in_pain,
        np.where(need <= second, high_until + need - first, visible_from + (need - second) / recovered),
    )
    day: Integers = np.clip(np.ceil(7 * weeks), 1, NEVER).astype(np.int64)
    return day


def _visits(draws: Draws, pain: Pain, end: Integers, last_visit: Listed, settings: ClinicSettings) -> Contacts:
    planned = np.asarray(settings.visit_weeks) * 7
    u = draws.uniform("visits", 2 * planned.size)
    jitter = np.floor(u[:, : planned.size] * (2 * settings.visit_jitter_days + 1)).astype(np.int64) - settings.visit_jitter_days
    day = np.where(planned > 0, planned + jitter, 0)
    kept = (day <= end[:, None]) & ((planned == 0) | (u[:, planned.size :] >= settings.visit_missed_share))
    parts = [_listed(day, kept, SCHEDULED), _flares(draws, pain, end, settings), last_visit]
    return _first_of_each_day(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _flares(draws: Draws, pain: Pain, end: Integers, settings: ClinicSettings) -> Listed:
    """Unplanned visits of those who hurt: at most one a week, the more pain the more often, none after recovery."""
    u = draws.uniform("flares", 2 * settings.report_weeks)
    weeks = np.arange(settings.report_weeks)
    day = 7 * weeks + 1 + np.floor(7 * u[:, settings.report_weeks :]).astype(np.int64)
    rate = settings.flare_visits_per_week * pain.at(np.arange(len(end))[:, None], day) / 5
    return _listed(day, (u[:, : settings.report_weeks] < rate) & (day <= end[:, None]), FLARE)


def _last_visit(truth: Truth, seen: Flags) -> Listed:
    """The clinic that records a competing event has seen the runner on the day before it."""
    procedure = np.isin(truth.competing_code, [int(code) for code in PROCEDURES])
    day = np.where(seen, truth.competing_day - 1, 0)[:, None]
    episode, when, _ = _listed(day, (seen & (day[:, 0] > 0))[:, None], 0)
    return episode, when, np.where(procedure[episode], SCHEDULED, DISCHARGE)


def _reports(draws: Draws, pfr_day: Integers, pain: Pain, end: Integers, settings: ClinicSettings) -> Contacts:
    """Weekly reports: fewer while it hurts much, and fewer once there is nothing to report."""
    if not settings.weekly_reports:
        nothing = np.zeros(0, dtype=np.int64)
        return Contacts(nothing, nothing, nothing)
    day = 7 * np.arange(1, settings.report_weeks + 1)[None, :]
    recovered = day >= pfr_day[:, None]
    probability = (
        settings.report_probability
        - settings.report_drop_per_pain_point * pain.at(np.arange(len(end))[:, None], day)
        - settings.report_drop_recovered * recovered
    )
    kept = (draws.coarse("reports", settings.report_weeks) < probability) & (day <= end[:, None])
    return Contacts(*_listed(np.broadcast_to(day, kept.shape), kept, SCHEDULED))


def _listed(day: Integers, kept: Flags, kind: int) -> Listed:
    episode, column = np.nonzero(kept)
    return episode, day[episode, column], np.full(episode.size, kind)


def _first_of_each_day(episode: Integers, day: Integers, kind: Integers) -> Contacts:
    """One visit a day: the planned one stands before the flare, the flare before the discharge."""
    order = np.lexsort((kind, day, episode))
    episode, day, kind = episode[order], day[order], kind[order]
    again = np.concatenate([[False], (episode[1:] == episode[:-1]) & (day[1:] == day[:-1])])
    return Contacts(episode[~again], day[~again], kind[~again])
