"""What a synthetic clinic is like: every number that somebody decided, with where it comes from.

Sources in comments: "anchor" = computed or read from the publication named; "decision" = ours, to be argued with.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

from tendon_outcomes.errors import WrongUse
from tendon_outcomes.vocabulary import Code

STRATEGIES = ("loading_led", "stretching_led", "combined", "modification_only")
"""Prescribed strategies, in the order of `strategy_shares`."""

COMPETING = (
    Code.ESWT,
    Code.CORTICOSTEROID_INJECTION,
    Code.PRP,
    Code.SURGERY,
    Code.OTHER_INJURY,
    Code.STOPPED_RUNNING,
)
"""Competing events, in the order of `competing_per_year`."""

PROCEDURES = {
    Code.ESWT: "eswt",
    Code.CORTICOSTEROID_INJECTION: "corticosteroid_injection",
    Code.PRP: "prp",
    Code.SURGERY: "surgery",
}
"""Competing events that are kept in the procedure table, by the name the table uses."""

ENDINGS = {Code.OTHER_INJURY: "other_injury", Code.STOPPED_RUNNING: "stopped_running"}
"""Competing events that are kept in the event table and after which there are no more reports."""

_ABOVE_0 = (
    "mi_shape",
    "mi_median_weeks",
    "mi_modification_hazard_ratio",
    "pfr_shape",
    "pfr_scale_weeks",
    "loading_hazard_ratio",
    "stretching_hazard_ratio",
    "loss_hazard_ratio_in_pain",
    "loss_hazard_ratio_recovered",
)

_CORRELATIONS = ("mi_pfr_correlation", "sides_correlation", "unmeasured_on_controls")


@dataclass(frozen=True)
class ClinicSettings:
    """A clinic to be simulated. Times are weeks unless the name says otherwise; hazard ratios multiply the recovery rate."""

    index_years: tuple[int, int] = (2022, 2024)  # decision: long enough ago that every follow-up has ended
    clinicians: int = 4  # decision

    # Runners. Anchor: Tenforde group, mean age 42.8; PRP cohort 22 of 29 women, surgical series 36 %.
    age_mean: float = 43.0
    age_sd: float = 12.0
    age_range: tuple[int, int] = (18, 75)
    female_share: float = 0.58
    bilateral_share: float = 0.06  # decision; 13 of 90 operated patients in Lempainen 2009, fewer in first-line care
    duration_median_months: float = 4.5  # decision: a first-line clinic (an ESWT clinic has 9.8, from MLTJ)
    duration_log_sd: float = 1.05  # anchor: MLTJ, mean 16.9 and SD 23.8 months
    duration_heaped_share: float = 0.6  # decision: share of recalled onsets told as 3, 6, 12 or 24 months when near one
    visa_mean: float = 43.0  # anchor: PRP cohort 43.9, MLTJ 39.4
    visa_sd: float = 16.0  # anchor: from the interval of the PRP cohort
    visa_range: tuple[int, int] = (5, 90)
    nprs_fast: tuple[float, float] = (6.0, 1.8)  # decision
    nprs_easy: tuple[float, float] = (0.9, 1.8)  # decision: before it is cut at 0; 0 in at least 30 % of runners
    nprs_sit: tuple[float, float] = (4.0, 2.0)  # decision
    nprs_correlation: float = 0.5  # decision: within 0.4-0.6

    # Meaningful improvement. Decision, anchored on LEAP (77 % at 8 weeks under exercise, 29 % under wait-and-see).
    mi_shape: float = 1.3
    mi_median_weeks: float = 10.0  # among those who improve at all
    mi_responders: float = 0.80
    mi_modification_hazard_ratio: float = 0.55  # modification_only against every other strategy

    # Pain-free running, definition 2. Decision: median 16 weeks among those who recover under loading.
    pfr_shape: float = 1.3
    pfr_scale_weeks: float = 21.2
    pfr_never: float = 0.15
    log_hr_per_doubling_of_duration: float = -0.15
    log_hr_per_10_visa: float = 0.12
    log_hr_per_10_years_of_age: float = -0.08
    loading_hazard_ratio: float = 1.0  # switch {1, 1.3, 1.6}: without loading the rate is divided by it
    stretching_hazard_ratio: float = 1.0  # switch {1, 0.8}: multiplies the rate whenever stretching is prescribed
    frailty_variance: float = 0.0  # switch {0, 0.5, 1}: gamma, mean 1, on the rate of pain-free running
    mi_pfr_correlation: float = 0.7  # decision: Gaussian copula; improvement mostly comes to those who also recover
    sides_correlation: float = 0.5  # decision: Gaussian copula between the two sides of one patient

    # Competing events per year, in the order of COMPETING. Decision; surgery 15 % is the elite recalcitrant figure (Cacchio).
    competing_per_year: tuple[float, ...] = (0.10, 0.06, 0.03, 0.02, 0.12, 0.06)

    # Care. Decision.
    strategy_shares: tuple[float, ...] = (0.45, 0.20, 0.20, 0.15)
    adherence_mean: float = 0.7
    adherence_concentration: float = 8.0
    sessions_per_week: int = 3
    programme_weeks: int = 12

    # Training as it was done, whoever wrote it down. Decision unless said otherwise; recovery does not depend on it.
    adherence_recovered_share: float = 0.5  # of the adherence before: who is well does fewer sessions
    cut_short_share: float = 0.06  # sessions of two sets, below the three working sets of a week that counts as loading
    long_stretch_share: float = 0.7  # runners who hold four stretches for 45 s, so that two sessions make 6 minutes; others 30 s
    advance_pain_max: float = 3.0  # domain: the next stage only at pain of 3 or less on the load test
    switch_after_weeks: int = 4  # domain: failing stretchers start to load when pain stays high after week 4
    switch_per_week: float = 0.15  # at pain 5 of 10, proportional to pain, only while pain in fast running is 5 or more

    # The log of that training, week by week. Domain: it thins out in pain, and the usual one stops at recovery.
    weeks_logged_share: float = 0.85
    weeks_logged_drop_per_pain_point: float = 0.012
    weeks_logged_recovered_share: float = 0.0
    skipped_written_share: float = 0.05  # of the sessions not done: written down as such in a week that is logged
    exercise_asked: bool = True  # weekly reports ask whether any exercise was done, and copy what the plan asked for
    components_noted: bool = False  # visits note the components since the last visit, where one note is true of all its weeks

    # Contact. Decision.
    visit_weeks: tuple[int, ...] = (0, 2, 4, 8, 12, 26)
    visit_jitter_days: int = 3
    visit_missed_share: float = 0.06
    flare_visits_per_week: float = 0.03  # at pain 5 of 10, proportional to pain, only while symptomatic
    weekly_reports: bool = True
    report_weeks: int = 32
    report_probability: float = 0.90  # before the two drops below: about 0.84 over the whole follow-up
    report_drop_per_pain_point: float = 0.012
    report_drop_recovered: float = 0.10
    end_days: tuple[int, int] = (210, 238)  # administrative end at 30-34 weeks, drawn uniformly
    lost_by_week_12: float = 0.10  # {0.10, 0.35, 0.55}
    loss_hazard_ratio_in_pain: float = 1.5  # while pain in fast running is 5 or more
    loss_hazard_ratio_recovered: float = 1.5  # from 21 days after recovery
    lost_without_a_word: float = 0.4  # share of the lost who leave no row in the event table

    # Assessments that say nothing, at rates that do not depend on the runner's state. Decision.
    analgesic_share: float = 0.015
    not_asked_share: float = 0.010
    holiday_share: float = 0.010
    questionnaire_missed_share: float = 0.03

    # Episodes outside the usual population, at rates that do not depend on the outcome. Decision.
    not_probable_share: float = 0.06
    red_flag_share: float = 0.03
    prior_surgery_share: float = 0.02
    recent_procedure_share: float = 0.03
    new_runner_share: float = 0.02
    late_plan_share: float = 0.03

    # Who is prescribed stretching: log odds of stretching-led against loading-led. The others keep theirs against loading-led.
    stretching_log_odds_per_10_visa: float = 0.0  # switch
    stretching_log_odds_per_doubling_of_duration: float = 0.0  # switch

    # Treatment-confounder feedback. Who switches to loading does so by pain, and from then on has the rate of loading.
    effect_follows_training: bool = False  # switch; else the prescribed strategy decides the rate for ever
    switch_on_told_pain: bool = False  # the clinic advises by the pain it was last told, and not by what it cannot know
    switch_log_odds_per_pain_point: float = 0.5  # decision; then `switch_per_week` is the hazard at pain 5, at any pain

    # What nobody records: one standard normal number a patient.
    unmeasured_log_odds: float = 0.0  # switch; of stretching-led against loading-led, per SD
    unmeasured_log_hazard: float = 0.0  # switch; of pain-free running, per SD
    unmeasured_on_controls: float = 0.0  # switch; correlation with what underlies the negative controls

    # What is told of running and exercise. Decision.
    ways_to_fail: tuple[float, ...] = (0.58, 0.08, 0.10, 0.12, 0.12)  # the first: fast running hurts and easy does not
    speed_session_shares: tuple[float, ...] = (0.25, 0.45, 0.25, 0.05)  # of runners with 0, 1, 2, 3 a week before the injury
    stray_stretch_share: float = 0.0  # of loading sessions without stretching in the plan, every other: one stretch after it
    stretching_pain_24h: float = 0.0  # switch; points that pain within 24 hours rises after stretching

    def __post_init__(self) -> None:
        wrong = [
            name
            for name, found, expected in (
                ("competing_per_year", len(self.competing_per_year), len(COMPETING)),
                ("strategy_shares", len(self.strategy_shares), len(STRATEGIES)),
                ("ways_to_fail", len(self.ways_to_fail), 5),
                ("speed_session_shares", len(self.speed_session_shares), 4),
            )
            if found != expected
        ]
        wrong += [name for name, value in self._shares().items() if not 0 <= value <= 1]
        wrong += [name for name in _ABOVE_0 if getattr(self, name) <= 0]
        wrong += [name for name in _CORRELATIONS if not -1 <= getattr(self, name) <= 1]
        wrong += ["competing_per_year"] if min(self.competing_per_year, default=0) < 0 else []
        wrong += ["frailty_variance"] if self.frailty_variance < 0 else []
        if wrong:
            raise WrongUse(f"a synthetic clinic cannot be made with this {', '.join(wrong)}", way_out="Correct the settings.")

    @classmethod
    def visits_only(cls) -> Self:
        """A clinic without weekly reports: the running questions are asked at visits, and once more three weeks after week 26."""
        return cls(weekly_reports=False, visit_weeks=(0, 2, 4, 8, 12, 26, 29))

    @classmethod
    def complete_log(cls) -> Self:
        """A clinic that knows of every week of follow-up what was done: each has a report, and its sessions are written down."""
        return cls(
            report_weeks=34,  # the longest follow-up ends in week 34
            report_probability=1.0,
            report_drop_per_pain_point=0.0,
            report_drop_recovered=0.0,
            weeks_logged_share=1.0,
            weeks_logged_drop_per_pain_point=0.0,
            weeks_logged_recovered_share=1.0,
        )

    @classmethod
    def visit_notes(cls) -> Self:
        """A clinic without reports and without a log: what was done stands in the notes of its visits."""
        return replace(cls.visits_only(), weeks_logged_share=0.0, components_noted=True)

    @classmethod
    def confounded(cls, *, loading: float = 1.3, stretching: float = 0.8) -> Self:
        """A clinic whose comparison of strategies misleads unless what it has recorded is taken into account, and then does not.

        Runners keep to their plan and to their log. Milder and shorter cases are prescribed stretching more often; stretchers
        begin to load by the pain that they have told, and then recover at the rate of loading; who hurts or has recovered is lost
        more often. Decision, all of it; the naive difference at week 12 is off by more than 4 points.
        """
        return cls(
            strategy_shares=(0.42, 0.38, 0.10, 0.10),
            loading_hazard_ratio=loading,
            stretching_hazard_ratio=stretching,
            stretching_log_odds_per_10_visa=0.4,
            stretching_log_odds_per_doubling_of_duration=-0.4,
            effect_follows_training=True,
            switch_on_told_pain=True,
            switch_per_week=0.035,
            adherence_mean=0.9,
            adherence_concentration=30.0,
            weeks_logged_share=0.95,
            weeks_logged_recovered_share=0.95,
            late_plan_share=0.0,
            lost_by_week_12=0.15,
            ways_to_fail=(0.80, 0.10, 0.0, 0.0, 0.10),
            speed_session_shares=(0.0, 0.60, 0.33, 0.07),
            stray_stretch_share=0.20,
        )

    def with_unmeasured(self, *, log_odds: float = 0.9, log_hazard: float = 0.6, on_controls: float = 0.7) -> Self:
        """The same clinic with a cause of both prescription and recovery that it does not record, and that marks the controls."""
        return replace(self, unmeasured_log_odds=log_odds, unmeasured_log_hazard=log_hazard, unmeasured_on_controls=on_controls)

    def uninformative(self) -> Self:
        """The same clinic, in which neither pain nor recovery changes who reports, logs, returns and is lost."""
        return replace(
            self,
            report_drop_per_pain_point=0.0,
            report_drop_recovered=0.0,
            weeks_logged_drop_per_pain_point=0.0,
            weeks_logged_recovered_share=self.weeks_logged_share,
            flare_visits_per_week=0.0,
            loss_hazard_ratio_in_pain=1.0,
            loss_hazard_ratio_recovered=1.0,
        )

    def _shares(self) -> dict[str, float]:
        named = {one.name: getattr(self, one.name) for one in fields(self) if one.name.endswith("_share")}
        return {
            **named,
            "mi_responders": self.mi_responders,
            "pfr_never": self.pfr_never,
            "report_probability": self.report_probability,
            "lost_by_week_12": self.lost_by_week_12,
            "lost_without_a_word": self.lost_without_a_word,
            "adherence_mean": self.adherence_mean,
        }
