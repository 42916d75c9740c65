"""Claims about what was done up to a landmark and what came of it afterwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tendon_outcomes.analysis.chronicity.rails import FIRTH_PER_PARAMETER, MIN_RUNNERS, REFUSE_PER_PARAMETER
from tendon_outcomes.analysis.claims.contrasts import Contrast, association, unargued
from tendon_outcomes.analysis.claims.curve_contrast import contrast_of
from tendon_outcomes.analysis.claims.finding import Finding, not_answered
from tendon_outcomes.analysis.claims.landmark_exposures import RECORDED_IN, SAYS
from tendon_outcomes.analysis.claims.landmark_follow_up import AtLandmark, IntArray, at_landmark
from tendon_outcomes.analysis.claims.setting import Setting
from tendon_outcomes.analysis.rails import MIN_EPISODES, too_few_patients
from tendon_outcomes.analysis.strategies.plain_words import plain
from tendon_outcomes.analysis.strategies.rails_causal import MIN_STRATEGY_EVENTS, MIN_TRIAL
from tendon_outcomes.declarations import EndpointAsked
from tendon_outcomes.declarations.claims import Claim, LandmarkAnswer
from tendon_outcomes.errors import EstimationRefused, NoUsableRows
from tendon_outcomes.estimators.causal.exposure.exposure_curve import exposure_curve
from tendon_outcomes.estimators.causal.point_treatment.g_computation import g_computation
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import pseudo_values
from tendon_outcomes.estimators.sample_size import difference_sample_size

QUARTILES = (0.25, 0.75)
SUPPORTED = (0.05, 0.95)


class Unanswered(Exception):
    """Why a landmark question has no number, with what would do; never leaves this module."""

    def __init__(self, reason: str, would_do: str = "") -> None:
        self.reason, self.would_do = reason, would_do
        super().__init__(reason)


def landmark_claim(claim: Claim, setting: Setting) -> Finding:
    """The first endpoint on the week of the claim decides; the others are told beside it where they can be."""
    answer = claim.entry.landmark
    assert answer is not None
    first, *others = claim.endpoints
    try:
        lead, sample = _contrast(setting, answer, first)
    except Unanswered as refused:
        return not_answered(claim, refused.reason, would_do=refused.would_do)
    contrasts = [lead]
    further = [(one, week) for one in (first, *others) for week in (answer.at_week, *answer.also_weeks)]
    for endpoint, week in further[1:]:
        try:
            contrasts.append(_contrast(setting, answer.model_copy(update={"at_week": week}), endpoint)[0])
        except Unanswered:
            continue
    unidentified = unargued(claim)
    lacking = (*sample.covariates.not_recorded, *sample.covariates.dropped)
    if lacking:
        unidentified.append(f"not adjusted for {', '.join(dict.fromkeys(lacking))}")
    return association(
        claim,
        contrasts,
        setting,
        side=answer.side,
        margin=answer.margin,
        unidentified=unidentified,
        also=(_lacks(lacking, claim),),
    )


def _lacks(nodes: tuple[str, ...], claim: Claim) -> str:
    """What a claim of association was not adjusted for; of a causal one it stands among the reasons."""
    return f"not adjusted for {', '.join(dict.fromkeys(nodes))}" if nodes and claim.entry.kind != "causal" else ""


def _contrast(setting: Setting, answer: LandmarkAnswer, endpoint: EndpointAsked) -> tuple[Contrast, AtLandmark]:
    """The difference of one endpoint, with the sample as it was used."""
    try:
        sample = at_landmark(setting, answer, endpoint)
    except NoUsableRows as nobody:
        raise Unanswered(nobody.summary) from None
    if not sample.n:
        raise Unanswered(
            f"not on record up to week {answer.landmark_week}: {RECORDED_IN[answer.exposure]}", _planned(setting, answer)
        )
    if sample.n_people >= MIN_EPISODES and too_few_patients(sample.data.patient) is not None:
        raise Unanswered("not compared: one runner has so many of the episodes that hardly anybody else counts")
    try:
        return _of_groups(setting, sample) if answer.is_grouped else _of_numbers(setting, sample)
    except EstimationRefused as refused:
        raise Unanswered(f"no estimate: {plain(refused.summary)}", _planned(setting, answer)) from None


def _planned(setting: Setting, answer: LandmarkAnswer, share: float = 0.5) -> str:
    """How many runners tell a difference worth knowing, or the margin, between two groups of these shares."""
    rules = setting.register.rules
    n = difference_sample_size(
        worth=answer.margin or rules.worth,
        power=rules.power,
        conf_level=setting.conf_level,
        share_in_second=min(max(share, 0.05), 0.95),
    )
    return f"about {n} runners of whom it is known at week {answer.landmark_week}, in both groups"


def _refuse_week(sample: AtLandmark) -> None:
    if not sample.answers(sample.answer.at_week):
        raise Unanswered(f"week {sample.answer.at_week} cannot be answered: too few were followed that long, or looked at then")


def _of_groups(setting: Setting, sample: AtLandmark) -> tuple[Contrast, AtLandmark]:
    """Two groups, each with its outcome model: the second less the first."""
    answer = sample.answer
    assert answer.compared is not None
    arm = sample.exposure.astype(np.int64)
    _refuse_small_groups(setting, sample, arm)
    _refuse_week(sample)
    sample = _borne(sample, int(np.bincount(arm, minlength=2).min()), FIRTH_PER_PARAMETER)
    data = sample.data
    days = [7 * answer.at_week - sample.since]
    values = pseudo_values(data.left, data.right, data.cause, group=arm, days=days, cluster=data.patient)
    means = g_computation(
        values, arm, sample.covariates.value, names=sample.covariates.names, cluster=data.patient, conf_level=setting.conf_level
    )
    found = means.difference()
    contrast = Contrast(
        part=f"{sample.endpoint.phrase} by week {answer.at_week}, {answer.compared[1]} less {answer.compared[0]}",
        estimator="g-computation",
        day=7 * answer.at_week,
        estimate=float(found.estimate[0]),
        std_error=float(found.std_error[0]),
        conf_low=float(found.conf_low[0]),
        conf_high=float(found.conf_high[0]),
        df=float(found.df[0]),
        n=sample.n,
        n_events=sample.n_events(answer.at_week),
    )
    return contrast, sample


def _refuse_small_groups(setting: Setting, sample: AtLandmark, arm: IntArray) -> None:
    """An empty group, too few runners, or too few of a group with the endpoint by the week."""
    answer = sample.answer
    assert answer.compared is not None
    sizes = [int(np.count_nonzero(arm == one)) for one in (0, 1)]
    if not all(sizes):
        empty = answer.compared[sizes.index(0)]
        raise Unanswered(
            f'there is nothing to compare: no runner at risk in week {answer.landmark_week} was in the group "{empty}"',
            _planned(setting, answer),
        )
    reached = (sample.data.cause == 1) & (sample.data.right <= 7 * answer.at_week - sample.since)
    events = [int(np.unique(sample.data.patient[reached & (arm == one)]).size) for one in (0, 1)]
    if sample.n_people < MIN_TRIAL or min(events) < MIN_STRATEGY_EVENTS:
        raise Unanswered(
            f"not compared: {MIN_TRIAL} runners, and {MIN_STRATEGY_EVENTS} with {sample.endpoint.phrase} in each group, "
            "are the least",
            _planned(setting, answer, sizes[1] / sample.n),
        )


def _of_numbers(setting: Setting, sample: AtLandmark) -> tuple[Contrast, AtLandmark]:
    """One straight line over the exposure on the scale of the model: its larger value less its smaller."""
    answer = sample.answer
    lost = answer.measure == "time_lost"
    scarcer = sample.n_events(answer.at_week) if lost else sample.scarcer(answer.at_week)
    if sample.n_people < MIN_RUNNERS or scarcer < 2 * REFUSE_PER_PARAMETER:
        raise Unanswered(
            f"not estimated: {MIN_RUNNERS} runners of whom it is known, and {2 * REFUSE_PER_PARAMETER:g} of them with "
            f"{sample.endpoint.phrase} by the week and as many without, are the least",
            _planned(setting, answer),
        )
    _refuse_week(sample)
    low, high = places(sample)
    sample = _borne(sample, scarcer, REFUSE_PER_PARAMETER)
    data, day = sample.data, 7 * answer.at_week - sample.since
    values = pseudo_values(
        data.left, data.right, data.cause, days=[] if lost else [day], horizon=day if lost else None, cluster=data.patient
    )
    covariates = sample.covariates
    found = exposure_curve(
        values,
        sample.exposure,
        covariates.value if covariates.names else None,
        names=covariates.names or None,
        at=[high],
        reference=low,
        knots=0,
        cluster=data.patient,
        conf_level=setting.conf_level,
        seed=setting.register.rules.seed,
    )
    what = f"days after {sample.endpoint.phrase} up to" if lost else f"{sample.endpoint.phrase} by"
    part = f"{what} week {answer.at_week}, {_places_words(answer, low, high)}"
    return contrast_of(found, 0, part=part, day=7 * answer.at_week, n_events=sample.n_events(answer.at_week)), sample


def places(sample: AtLandmark) -> tuple[float, float]:
    """The two values that are compared, both where runners are.

    The quartiles, or two values a step apart about the middle, moved so far that both lie between the 5th and 95th percentile.
    """
    answer, exposure = sample.answer, sample.exposure
    if answer.step is None:
        low, high = (float(value) for value in np.quantile(exposure, QUARTILES))
        if not high > low:
            raise Unanswered(f"{SAYS[answer.exposure]} hardly differs between these runners")
        return low, high
    first, last = (float(value) for value in np.quantile(exposure, SUPPORTED))
    if last - first < answer.step:
        raise Unanswered(f"{SAYS[answer.exposure]} hardly differs between these runners")
    low = min(max(float(np.median(exposure)) - answer.step / 2.0, first), last - answer.step)
    return low, low + answer.step


def _places_words(answer: LandmarkAnswer, low: float, high: float) -> str:
    says = SAYS[answer.exposure]
    if answer.exposure == "delay":
        return f"twice the {says}" if answer.step == 1.0 else f"{says}, the longer less the shorter"
    if answer.exposure == "adherence":
        return f"{100 * (high - low):.0f} points more of the {says}"
    return f"{says}, upper less lower quartile"


def _borne(sample: AtLandmark, smallest: int, per_parameter: float) -> AtLandmark:
    """The sample with as many nodes of its adjustment set, in the declared order, as the smaller side bears."""
    covariates = sample.covariates
    kept = tuple(dict.fromkeys(covariates.nodes))
    while kept and smallest < per_parameter * (2 + len(covariates.of_nodes(kept).names)):
        kept = kept[:-1]
    return replace(sample, covariates=covariates.of_nodes(kept))
