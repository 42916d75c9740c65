"""A claim that another question of the protocol decides: its verdict, with its cautions and its second reading."""

from __future__ import annotations

from typing import Any

import polars as pl

from tendon_outcomes.analysis import recovery
from tendon_outcomes.analysis.claims.finding import Finding, Judged, not_answered, sentences
from tendon_outcomes.analysis.claims.milestones import followed, incidence_p, needed, refused_because, total
from tendon_outcomes.analysis.claims.setting import Setting
from tendon_outcomes.analysis.verdict import robustness, second_reading, verdict
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations import Estimand
from tendon_outcomes.declarations.claims import Claim
from tendon_outcomes.results import WOULD_DO, Row, frame
from tendon_outcomes.vocabulary import Verdict

DECISION = "decision rule"


def verdict_claim(claim: Claim, setting: Setting) -> Finding:
    """The verdict that the question itself has given, with its cautions and the median beside it."""
    asked = setting.protocol.estimand(claim.entry.verdict_of)
    answer = setting.answer_to(asked.name)
    rows = frame(_primary(setting, asked)) if answer is None else answer.rows
    assert asked.decision is not None
    told = rows.filter(pl.col("statistic") == "verdict")
    if not told.height or told["conf_low"][0] is None:
        return not_answered(
            claim, refused_because(rows, 7 * asked.decision.at_week), would_do=followed(setting, asked.decision.threshold)
        )
    row = told.row(0, named=True)
    lead = Judged(
        part=asked.endpoint.phrase,
        estimator=DECISION,
        verdict=Verdict(row["term"]),
        day=row["day"],
        estimate=row["estimate"],
        conf_low=row["conf_low"],
        conf_high=row["conf_high"],
        n=_everybody(rows, row),
        n_events=row["n_events"],
        p_value=incidence_p(row, asked.decision.threshold, asked.conf_level),
    )
    cautions = rows.filter(pl.col("statistic") == "caution", pl.col("estimator") == DECISION)["warning"].unique(
        maintain_order=True
    )
    ground = sentences(str(row["warning"]), *cautions.to_list(), claim.entry.caution)
    known = (row["n_at_risk"] or 0) + (row["n_events"] or 0)
    if lead.verdict is Verdict.INCONCLUSIVE and known < needed(setting, asked.decision.threshold):
        ground += f" {WOULD_DO}{followed(setting, asked.decision.threshold)}."
    return Finding(claim, row["term"], ground, lead, tuple(_medians(rows)), lead.p_value)


def _primary(setting: Setting, asked: Estimand) -> tuple[Row, ...]:
    """The verdict with what it rests on, by the functions of the question's own analysis."""
    cohort = assemble_cohort(setting.records, asked.population)
    follow_up = ascertain(cohort, asked.endpoint, horizon_weeks=asked.horizon_weeks)
    strata = recovery.fit_strata(follow_up, grid=asked.grid, conf_level=asked.conf_level)
    incidence = tuple(recovery.cumulative_incidence(strata, at_weeks=asked.at_weeks))
    verdicts = tuple(verdict(incidence, asked.decision))
    cautions = robustness(verdicts, recovery.loss_bounds(strata, at_weeks=asked.at_weeks), asked.decision)
    return (*incidence, *verdicts, *cautions, *second_reading(recovery.median_time(strata), asked.decision))


def _everybody(rows: pl.DataFrame, row: dict[str, Any]) -> int | None:
    """How many runners the verdict is about: at risk, with the event and left, of the milestone that it rests on."""
    own = rows.filter(
        pl.col("statistic") == "cumulative_incidence",
        pl.col("term") == "milestone",
        pl.col("day") == row["day"],
        pl.col("stratum") == row["stratum"],
    )
    return total(own.row(0, named=True)) if own.height else None


def _medians(rows: pl.DataFrame) -> list[Judged]:
    """The other reading: the day by which one half had reached it, and where it lies beside the claimed weeks."""
    return [
        Judged(
            part="day by which one half had reached it",
            estimator=row["estimator"],
            estimate=row["estimate"],
            bound_low=row["bound_low"],
            bound_high=row["bound_high"],
            conf_low=row["conf_low"],
            conf_high=row["conf_high"],
            n=row["n_at_risk"],
            n_events=row["n_events"],
            reason=f"{row['term']}: {row['warning']}",
        )
        for row in rows.filter(pl.col("statistic") == "median_verdict").head(1).iter_rows(named=True)
    ]
