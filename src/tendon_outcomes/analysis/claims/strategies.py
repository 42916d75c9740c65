"""Claims about strategies: the difference of a target trial, by what other analyses found or by what was prescribed."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from typing import Any

import polars as pl

from tendon_outcomes.analysis.claims.contrasts import Contrast, association
from tendon_outcomes.analysis.claims.finding import Finding, Judged, not_answered
from tendon_outcomes.analysis.claims.setting import Setting
from tendon_outcomes.analysis.strategies import answer as comparison
from tendon_outcomes.analysis.strategies import rails_causal as causal
from tendon_outcomes.analysis.strategies.assemble import assemble_trials, declared_trial
from tendon_outcomes.analysis.strategies.crossover import crossover
from tendon_outcomes.analysis.strategies.design import Design
from tendon_outcomes.analysis.strategies.plain_words import plain
from tendon_outcomes.analysis.strategies.point_treatment import POINT_TREATMENT
from tendon_outcomes.analysis.strategies.sustained import PRIMARY
from tendon_outcomes.analysis.strategies.week_twelve import compare, difference_row
from tendon_outcomes.analysis.strategies.wording import CAUSAL
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations import Estimand
from tendon_outcomes.declarations.claims import Claim, StrategiesAnswer
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.sample_size import difference_sample_size
from tendon_outcomes.results import WOULD_DO, Row, frame

DIFFERENCE, DAYS_GAINED = "incidence_difference", "restricted_mean_difference"
_LEADING = (PRIMARY, POINT_TREATMENT)
"""Which rows of a comparison lead, the best first: strategies as sustained, then as prescribed."""
_NO_NUMBER_WOULD_DO = ("positivity", "no_overlap", "effective_size", "one_strategy_only", "unlogged")
"""Refusals that say themselves what would do: more runners like these would not, or other runners."""


def strategies_claim(claim: Claim, setting: Setting) -> Finding:
    """The second strategy less the first on the day of the claim; a cause only where the comparison has earned the word.

    The rows are those of the comparison where the report has made it of these two strategies; else it is made here of what was
    prescribed, with the same rails and the same checks whose true answer is nothing.
    """
    answer = claim.entry.strategies
    assert answer is not None
    asked = setting.protocol.estimand(answer.estimand)
    found = setting.answer_to(answer.estimand)
    declared = set(declared_trial(asked).strategies) == set(answer.strategies)
    if found is not None and declared:
        rows = found.rows
    else:
        trial = _trial_of(asked, answer)
        if trial is None:
            return not_answered(
                claim, f"the protocol does not declare {' and '.join(answer.strategies)} as strategies of a trial"
            )
        rows = frame(_compared(trial, setting, answer))
    return _of_rows(claim, answer, rows, setting)


def _trial_of(asked: Estimand, answer: StrategiesAnswer) -> Estimand | None:
    """The estimand with the claim's strategies in its trial, the first as the reference; None where one is not declared."""
    trial = declared_trial(asked)
    known = {one.name: one for one in (*trial.sustained, *trial.further)}
    if any(name not in known for name in answer.strategies):
        return None
    first, second = answer.strategies
    others = tuple(one for name, one in known.items() if name not in answer.strategies)
    pair = replace(trial, strategies=(first, second), sustained=(known[first], known[second]), further=others)
    return replace(asked, trial=pair)


def _compared(asked: Estimand, setting: Setting, answer: StrategiesAnswer) -> list[Row]:
    """Rails, wording, the difference as prescribed by weights, and pain after stretching."""
    cohort = assemble_cohort(setting.records, asked.population)
    follow_up = ascertain(cohort, asked.endpoint, horizon_weeks=asked.horizon_weeks)
    design = comparison.examine(assemble_trials(cohort, follow_up, asked)["all"])
    rows = list(design.rows)
    if answer.crossover:
        rows += crossover(design.trial, seed=design.declared.seed)
    if design.everyone:
        rows += comparison.claims(design)
        rows += [_difference(design, week) for week in dict.fromkeys((answer.at_week, *asked.at_weeks))]
    return rows


def _difference(design: Design, week: int) -> Row:
    day = 7 * week
    if not design.answers(day):
        return causal.beyond(week, design.last_answerable_day // 7).refusal(estimator=POINT_TREATMENT, day=day)
    try:
        found = compare(design.trial, truncate=design.declared.truncate)
        return replace(difference_row(found, found.means(day=day), POINT_TREATMENT), day=day)
    except EstimationRefused as refused:
        return causal.not_estimated(refused.summary).refusal(estimator=POINT_TREATMENT, day=day)


def _of_rows(claim: Claim, answer: StrategiesAnswer, rows: pl.DataFrame, setting: Setting) -> Finding:
    contrasts = _leading(rows, answer)
    crossed = _crossed(rows) if answer.crossover else []
    if not contrasts:
        reason, would_do = _why_not(rows, setting)
        return replace(not_answered(claim, plain(reason), would_do=would_do), parts=tuple(crossed))
    wording = rows.filter(pl.col("statistic") == "causal_wording")
    earned = wording.height > 0 and wording["term"][0] == CAUSAL
    doubts = str(wording["warning"][0]) if wording.height else "the assumptions of the trial were not examined"
    reasons = [] if earned else doubts.replace("_", " ").split("; ")
    return association(claim, contrasts, setting, side=answer.side, unidentified=reasons, beside=crossed)


def _leading(rows: pl.DataFrame, answer: StrategiesAnswer) -> list[Contrast]:
    """The leading difference of the comparison on the day of the claim, then its other days and the days gained."""
    told = rows.filter(pl.col("statistic").is_in([DIFFERENCE, DAYS_GAINED]), pl.col("estimate").is_not_null())
    on_day = told.filter(pl.col("statistic") == DIFFERENCE, pl.col("day") == 7 * answer.at_week)
    for term in _LEADING:
        lead = on_day.filter(pl.col("term") == term).head(1)
        if lead.height:
            own = told.filter(pl.col("term") == term, pl.col("estimator") == lead["estimator"][0])
            others = own.filter((pl.col("statistic") == DAYS_GAINED) | (pl.col("day") != 7 * answer.at_week))
            return [_contrast(row, answer) for row in (*lead.to_dicts(), *others.to_dicts())]
    return []


def _contrast(row: dict[str, Any], answer: StrategiesAnswer) -> Contrast:
    """One difference in the direction of the claim."""
    reference, compared = answer.strategies
    names = " less ".join(name.replace("_", "-") for name in (compared, reference))
    days_gained = row["statistic"] == DAYS_GAINED
    what = "days after reaching it, up to" if days_gained else "reached by"
    found = Contrast(
        part=f"{what} week {row['day'] // 7}, {names}, {row['term']}",
        estimator=row["estimator"],
        day=row["day"],
        estimate=row["estimate"],
        std_error=_number(row["std_error"]),
        conf_low=_number(row["conf_low"]),
        conf_high=_number(row["conf_high"]),
        n=row["n_at_risk"] or 0,
        n_events=row["n_events"] or 0,
        largest=float(row["day"]) if days_gained else 1.0,
    )
    return found if row["stratum"] == f"{compared} - {reference}" else found.reversed()


def _number(value: float | None) -> float:
    return nan if value is None else value


def _why_not(rows: pl.DataFrame, setting: Setting) -> tuple[str, str]:
    """The first refusal of the comparison, and what would do: its own number, or that of a plan."""
    refused = rows.filter(pl.col("statistic") == "refusal")
    if refused.height and refused["term"][0] in _NO_NUMBER_WOULD_DO:
        reason, _, number = str(refused["warning"][0]).partition(WOULD_DO)
        return reason, number.rstrip(".")
    rules = setting.register.rules
    planned = difference_sample_size(worth=rules.worth, power=rules.power, conf_level=setting.conf_level)
    reason = str(refused["warning"][0]).partition(WOULD_DO)[0] if refused.height else "no difference was estimated"
    return reason, f"about {planned} runners, half under either strategy"


def _crossed(rows: pl.DataFrame) -> list[Judged]:
    """Pain in the 24 hours after stretching, within runners."""
    return [
        Judged(
            part="pain in the 24 hours after days with stretching less other days, points",
            estimator=row["estimator"],
            estimate=row["estimate"],
            std_error=row["std_error"],
            conf_low=row["conf_low"],
            conf_high=row["conf_high"],
            n=row["n_at_risk"],
            n_unknown=row["n_censored"],
            reason=row["warning"],
        )
        for row in rows.filter(pl.col("statistic") == "crossover_difference").iter_rows(named=True)
    ]
