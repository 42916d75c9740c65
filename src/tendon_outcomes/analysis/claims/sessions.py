"""Pain before and after a session: how far it falls within sessions of some kind, and against sessions of other kinds."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.analysis.claims.contrasts import NOT_IDENTIFIED, unargued
from tendon_outcomes.analysis.claims.finding import NOT_ANSWERED, Finding, Judged, judged_by, not_answered, sentences, term_of
from tendon_outcomes.analysis.claims.setting import Setting
from tendon_outcomes.analysis.rails import MIN_EPISODES
from tendon_outcomes.cohort.exposure.logged_weeks import week_of
from tendon_outcomes.declarations.claims import Claim, SessionAnswer
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.sensitivity.within_person import within_person_difference
from tendon_outcomes.estimators.patient_means import PatientMean, mean_over_patients
from tendon_outcomes.estimators.sample_size import share_sample_size
from tendon_outcomes.results import WOULD_DO
from tendon_outcomes.vocabulary import Verdict

MEANS, WITHIN = "mean over runners", "within-runner difference"


def session_claim(claim: Claim, setting: Setting) -> Finding:
    """How often pain falls by enough, with how far it falls, and how much farther than in other sessions of the same week.

    A runner counts once, however many sessions he logged. Only sessions with pain on record both times count.
    """
    answer = claim.entry.session
    assert answer is not None
    rows = asked_sessions(setting, answer)
    own = rows.filter("asked")
    runners = own["patient_id"].n_unique()
    rules = setting.register.rules
    needed = share_sample_size(
        answer.threshold,
        worth=min(rules.worth, 1.0 - answer.threshold),
        power=rules.power,
        conf_level=setting.conf_level,
    )
    would_do = f"about {needed} runners with such sessions"
    if runners < MIN_EPISODES:
        absent = f"pain before and after such sessions is not on record ({answer.before}, {answer.after})"
        few = f"pain before and after such sessions is known of fewer than {MIN_EPISODES} runners"
        return not_answered(claim, few if runners else absent, would_do=would_do)
    often = mean_over_patients(
        (own["drop"] >= answer.drop).cast(pl.Float64).to_numpy(),
        own["patient_id"].to_numpy(),
        share=True,
        conf_level=setting.conf_level,
    )
    far = mean_over_patients(own["drop"].to_numpy(), own["patient_id"].to_numpy(), conf_level=setting.conf_level)
    verdict = judged_by(often.conf_low, often.conf_high, answer.threshold, "above")
    lead = _told(often, f"share of sessions after which pain was at least {answer.drop:g} lower", verdict, answer.threshold)
    parts = [lead, _told(far, "fall of pain within a session, points"), *_against_others(rows, setting)]
    return _found(claim, verdict, lead, parts, would_do if verdict is Verdict.INCONCLUSIVE and runners < needed else "")


def asked_sessions(setting: Setting, answer: SessionAnswer) -> pl.DataFrame:
    """One row a session with pain known both times: episode_id, patient_id, week, drop, asked (of the modality)."""
    drop = (pl.col(answer.before) - pl.col(answer.after)).cast(pl.Float64)
    done = pl.col("completed_frac").fill_null(1.0) > 0.0
    rows = setting.cohort.tables["session"].filter(pl.col("day") >= 0, drop.is_not_null(), done)
    people = setting.cohort.episodes.select("episode_id", "patient_id")
    return (
        rows.select(
            "episode_id",
            "day",
            drop.alias("drop"),
            pl.col("modality").is_in(list(answer.modality)).alias("asked"),
            week_of(pl.col("day")).cast(pl.Int64).alias("week"),
        )
        .join(people, on="episode_id")
        .sort("episode_id", "day", "asked", "drop")
    )


def _against_others(rows: pl.DataFrame, setting: Setting) -> list[Judged]:
    """Sessions of the kind less others of the same runner and week; none where too few logged both."""
    try:
        found = within_person_difference(
            rows["drop"].to_numpy(),
            rows["asked"].to_numpy(),
            rows["patient_id"].to_numpy(),
            block=(rows["episode_id"] + "\x1f" + rows["week"].cast(pl.String)).to_numpy(),
            conf_level=setting.conf_level,
            seed=setting.register.rules.seed,
        )
    except EstimationRefused:
        return []
    if found.persons < MIN_EPISODES:
        return []
    return [
        Judged(
            part="fall of pain less that in other sessions of the week, points",
            estimator=WITHIN,
            estimate=found.estimate,
            std_error=found.std_error,
            conf_low=found.conf_low,
            conf_high=found.conf_high,
            n=found.persons,
            n_unknown=found.one_kind_only,
        )
    ]


def _told(found: PatientMean, part: str, verdict: Verdict | None = None, threshold: float | None = None) -> Judged:
    return Judged(
        part=part,
        estimator=MEANS,
        verdict=verdict,
        estimate=found.estimate,
        std_error=found.std_error,
        conf_low=found.conf_low,
        conf_high=found.conf_high,
        n=found.patients,
        p_value=None if threshold is None else found.p_value(threshold),
    )


def _found(claim: Claim, verdict: Verdict, lead: Judged, parts: list[Judged], would_do: str) -> Finding:
    """The claim says what exercises bring about: without an argument for that it stays unanswered."""
    reasons = unargued(claim)
    identified = claim.entry.kind != "causal" or not reasons
    ground = sentences(
        "" if identified else f"{NOT_IDENTIFIED}: {'; '.join(reasons)}",
        f"{lead.part}: {verdict.value}",
        claim.entry.caution,
    )
    number = f" {WOULD_DO}{would_do}." if would_do else ""
    return Finding(claim, term_of(verdict) if identified else NOT_ANSWERED, ground + number, lead, tuple(parts), lead.p_value)
