"""What the first page says about one question: a headline, what supports it, and what was refused."""

from __future__ import annotations

from dataclasses import dataclass

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting import sentences
from tendon_outcomes.reporting.tables import rows_of, several_strata, strata
from tendon_outcomes.reporting.wording import ResultRow, sentence_case
from tendon_outcomes.results import Results


@dataclass(frozen=True)
class Answer:
    """The answer for one group. `verdict` is the verdict's word, or empty where no claim is judged."""

    group: str
    verdict: str
    headline: str
    support: tuple[str, ...]


def answers(results: Results, estimand: Estimand, *, lead_week: int | None) -> tuple[Answer, ...]:
    """One answer a group. The headline is the verdict, or else the share at ``lead_week`` when there is one."""
    return tuple(_answer(results, estimand, stratum, lead_week) for stratum in strata(results))


def _answer(results: Results, estimand: Estimand, stratum: str, lead_week: int | None) -> Answer:
    group = sentence_case(stratum.replace("_", " ")) if several_strata(results) else ""
    verdict = _of(results, "verdict", stratum)
    said = [verdict_text for row in verdict if (verdict_text := _verdict(row, results, estimand))]
    shares = _milestones(results, estimand, stratum, lead_week)
    headline, *support = [*said, *shares] or [_nothing(results, stratum)]
    if verdict and estimand.decision is not None:
        support.append(sentences.rule_sentence(estimand.decision, conf_level=estimand.conf_level))
    support += [*_median(results, estimand, stratum), *_time_gained(results, estimand, stratum)]
    return Answer(group, verdict[0]["term"] if verdict else "", headline, tuple(support))


def refusals(results: Results) -> tuple[str, ...]:
    """What was not answered and why, each reason once."""
    return tuple(dict.fromkeys(sentences.refusal_sentence(row) for row in rows_of(results, "refusal")))


def cautions(results: Results) -> tuple[str, ...]:
    """What to keep in mind with the numbers, each once."""
    return tuple(dict.fromkeys(sentences.refusal_sentence(row) for row in rows_of(results, "caution")))


def follow_up(results: Results, estimand: Estimand) -> tuple[str, ...]:
    """How long and how closely runners were followed."""
    level, cell = estimand.conf_level, results.min_cell_count
    said = [
        *(sentences.follow_up_sentence(r, conf_level=level, min_cell_count=cell) for r in rows_of(results, "follow_up_median_days")),
        *(sentences.gap_sentence(r) for r in rows_of(results, "assessment_gap_median_days")),
        *(sentences.loss_sentence(r, conf_level=level, min_cell_count=cell) for r in rows_of(results, "lost_share")),
        *(
            sentences.unconfirmed_sentence(r, phrase=estimand.endpoint.phrase, min_cell_count=cell)
            for r in rows_of(results, "unconfirmed_last_pass")
            if estimand.endpoint.version.confirmation.assessments > 1
        ),
    ]
    return tuple(one for one in said if one)


def _of(results: Results, statistic: str, stratum: str, term: str | None = None) -> list[ResultRow]:
    return [row for row in rows_of(results, statistic, term) if row["stratum"] == stratum]


def _verdict(row: ResultRow, results: Results, estimand: Estimand) -> str:
    if estimand.decision is None:
        return ""
    cell = results.min_cell_count
    return sentences.verdict_sentence(row, rule=estimand.decision, conf_level=estimand.conf_level, min_cell_count=cell)


def _milestones(results: Results, estimand: Estimand, stratum: str, lead_week: int | None) -> list[str]:
    rows = _of(results, "cumulative_incidence", stratum, "milestone")
    rows.sort(key=lambda row: (lead_week is None or row["day"] != 7 * lead_week, row["day"]))
    cell, phrase = results.min_cell_count, estimand.endpoint.phrase
    said = []
    for row in rows:
        share = sentences.milestone_sentence(row, phrase=phrase, conf_level=estimand.conf_level, min_cell_count=cell)
        said.append(" ".join(filter(None, (share, sentence_case(sentences.counts_sentence(row))))))
    return said


def _median(results: Results, estimand: Estimand, stratum: str) -> list[str]:
    said = []
    for row in _of(results, "median_days", stratum):
        one = sentences.median_sentence(
            row, phrase=estimand.endpoint.phrase, conf_level=estimand.conf_level, min_cell_count=results.min_cell_count
        )
        window = estimand.decision.median_within_weeks if estimand.decision else None
        said.append(f"{one} {sentences.median_in_window_sentence(row, window)}".strip() if window else one)
    return said


def _time_gained(results: Results, estimand: Estimand, stratum: str) -> list[str]:
    return [
        sentences.time_gained_sentence(
            row, phrase=estimand.endpoint.phrase, conf_level=estimand.conf_level, min_cell_count=results.min_cell_count
        )
        for row in _of(results, "restricted_mean_time_lost", stratum)
    ]


def _nothing(results: Results, stratum: str) -> str:
    reasons = [sentences.refusal_sentence(row) for row in rows_of(results, "refusal") if row["stratum"] in (stratum, "all")]
    return f"No estimate is given. {reasons[0]}" if reasons else "No estimate is given."
