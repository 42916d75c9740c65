"""The claim that a long duration goes with slower recovery: two durations compared on the curve over all of them."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.analysis.chronicity.assemble import Chronicity, assemble
from tendon_outcomes.analysis.chronicity.examine import Examined, examine
from tendon_outcomes.analysis.chronicity.rails import MIN_RUNNERS, OUTSIDE
from tendon_outcomes.analysis.claims.contrasts import Contrast, association
from tendon_outcomes.analysis.claims.curve_contrast import TIME_LOST, contrast_of
from tendon_outcomes.analysis.claims.finding import Finding, not_answered
from tendon_outcomes.analysis.claims.setting import Setting
from tendon_outcomes.analysis.strategies.plain_words import plain
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations.claims import Claim, PrognosisAnswer
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.causal.exposure.exposure_curve import ExposureCurve, exposure_curve
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import pseudo_values
from tendon_outcomes.results import WOULD_DO


def prognosis_claim(claim: Claim, setting: Setting) -> Finding:
    """Incidence at the longer duration less that at the shorter, on each week, and the time lost by the last of them.

    The sample, its rails and its covariates are those of the question over durations; only the two places are the claim's.
    """
    answer = claim.entry.prognosis
    assert answer is not None
    asked = setting.protocol.estimand(answer.estimand)
    cohort = assemble_cohort(setting.records, asked.population)
    sample = assemble(cohort, ascertain(cohort, asked.endpoint, horizon_weeks=asked.horizon_weeks), asked)
    examined = examine(sample)
    case = examined.case
    days = [day for day in (7 * week for week in answer.at_weeks) if day in examined.days]
    if 7 * answer.at_weeks[0] not in days:
        reason, _, would_do = _refused(examined, 7 * answer.at_weeks[0]).partition(WOULD_DO)
        more = f"{would_do.rstrip('.')} for a curve at all, and more for a verdict" if would_do else ""
        return not_answered(claim, reason, would_do=more)
    if np.unique(case.patient).size < MIN_RUNNERS:
        reason = f"not compared: {MIN_RUNNERS} persons of known duration are the least"
        return not_answered(claim, reason, would_do=f"at least {MIN_RUNNERS} persons for a curve at all, and more for a verdict")
    try:
        found = _curve(examined, answer, days)
    except EstimationRefused as refused:
        return not_answered(claim, plain(refused.summary))
    contrasts = [_contrast(found, case, answer, k, day) for k, day in enumerate(days)]
    if len(found.names) > len(days):
        contrasts.append(_contrast(found, case, answer, len(days), asked.horizon_days))
    flagged = OUTSIDE if any(_outside(examined, weeks) for weeks in answer.compared_weeks) else ""
    return association(claim, contrasts, setting, side=answer.side, also=(flagged,))


def _refused(examined: Examined, day: int) -> str:
    own = [row.warning for row in examined.rows if row.statistic == "refusal" and row.day in (None, day)]
    return own[0] if own else f"week {day / 7:g} cannot be answered"


def _outside(examined: Examined, weeks: float) -> bool:
    return not examined.where.low <= weeks <= examined.where.high


def _curve(examined: Examined, answer: PrognosisAnswer, days: list[int]) -> ExposureCurve:
    case = examined.case
    horizon = case.estimand.horizon_days
    tells_time = horizon in case.data.grid_days and case.answers(horizon)
    values = pseudo_values(*case.outcome, days=days, horizon=horizon if tells_time else None, cluster=case.patient)
    short, long = answer.compared_weeks
    return exposure_curve(
        values,
        case.log2_weeks,
        case.covariates.value if case.covariates.names else None,
        names=case.covariates.names or None,
        at=[np.log2(long)],
        reference=float(np.log2(short)),
        knots=case.exposure.knots,
        cluster=case.patient,
        conf_level=case.estimand.conf_level,
        seed=case.exposure.seed,
    )


def _contrast(found: ExposureCurve, case: Chronicity, answer: PrognosisAnswer, k: int, day: int) -> Contrast:
    short, long = answer.compared_weeks
    time = found.names[k].startswith(TIME_LOST)
    what = f"days after {case.estimand.endpoint.phrase} up to" if time else f"{case.estimand.endpoint.phrase} by"
    part = f"{what} week {day // 7}, {long:g} less {short:g} weeks of symptoms"
    return contrast_of(found, k, part=part, day=day, n_events=case.data.n_events(day))
