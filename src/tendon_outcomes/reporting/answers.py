"""What the first page says about one question: a headline, what supports it, and what was refused."""

from __future__ import annotations

from dataclasses import dataclass

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting import sentences
from tendon_outcomes.reporting.tables import rows_of, several_strata, strata
from tendon_outcomes.reporting.wording import ResultRow, is_withheld, sentence_case
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
    said = [one for row in verdict for one in _verdict(row, results, estimand)]
    shares = _milestones(results, estimand, stratum, lead_week)
    headline, *support = [*said, *(shares or [_nothing(results, stratum)])]
    support += [*_median(results, estimand, stratum), *_time_gained(results, estimand, stratum), *cautions(results)]
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
    length, gap, lost = (rows_of(results, name) for name in ("follow_up_median_days", "assessment_gap_median_days", "lost_share"))
    said = [
        *(sentences.follow_up_sentence(row, conf_level=level, min_cell_count=cell) for row in length),
        *(sentences.gap_sentence(row) for row in gap),
        *(sentences.longest_gap_sentence(row) for row in rows_of(results, "assessment_gap_days", "longest 10 %")),
        *(sentences.unplanned_sentence(row) for row in rows_of(results, "unplanned_assessment_share")),
        *(sentences.loss_sentence(row, conf_level=level, min_cell_count=cell) for row in lost if row["stratum"] == "all"),
        *(
            sentences.unconfirmed_sentence(r, phrase=estimand.endpoint.phrase, min_cell_count=cell)
            for r in rows_of(results, "unconfirmed_last_pass")
            if estimand.endpoint.version.confirmation.assessments > 1
        ),
    ]
    return tuple(one for one in said if one)


def _of(results: Results, statistic: str, stratum: str, term: str | None = None) -> list[ResultRow]:
    return [row for row in rows_of(results, statistic, term) if row["stratum"] == stratum]


def _verdict(row: ResultRow, results: Results, estimand: Estimand) -> list[str]:
    rule = estimand.decision
    if rule is None:
        return []
    return [
        sentences.verdict_sentence(row, rule=rule, min_cell_count=results.min_cell_count),
        " ".join(
            filter(
                None,
                (
                    sentences.verdict_ground_sentence(row, rule=rule, conf_level=estimand.conf_level),
                    sentences.rule_sentence(rule, conf_level=estimand.conf_level),
                ),
            )
        ),
    ]


def _milestones(results: Results, estimand: Estimand, stratum: str, lead_week: int | None) -> list[str]:
    rows = _of(results, "cumulative_incidence", stratum, "milestone")
    rows.sort(key=lambda row: (is_withheld(row), lead_week is None or row["day"] != 7 * lead_week, row["day"]))
    cell, phrase, level = results.min_cell_count, estimand.endpoint.phrase, estimand.conf_level
    reasons = {row["day"]: row["term"] for row in _of(results, "refusal", stratum)}
    said = [
        sentences.milestone_sentence(
            row, phrase=phrase, conf_level=level, min_cell_count=cell, open_because=reasons.get(row["day"], "")
        )
        for row in rows
    ]
    counted = [sentences.counts_sentence(row) for row in rows[:1] if not is_withheld(row)]
    return [*said[:1], *filter(None, counted), *said[1:]]


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
