"""What a clinic lead reads first: the verdict in both readings, what holds at every look, what changed, and any signal."""

from __future__ import annotations

from dataclasses import dataclass

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting import sentences
from tendon_outcomes.reporting.answers import cautions
from tendon_outcomes.reporting.audit import rows as of
from tendon_outcomes.reporting.audit.signals import Signal, false_signals, reason, signals
from tendon_outcomes.reporting.audit.words import group_kind, quarters_in, runners, verdict_word
from tendon_outcomes.reporting.comparison.words import signed
from tendon_outcomes.reporting.tables import rows_of, strata
from tendon_outcomes.reporting.wording import (
    ResultRow,
    in_100,
    is_withheld,
    level,
    quarter_words,
    week,
    withheld,
)
from tendon_outcomes.results import Results

FIRST_PAGE_CAUTIONS = 3
_OF_QUARTERS = ("audit", "restatement")
"""Whose cautions speak of single quarters, and stand further down."""
_PLACES = {
    "within": "yes",
    "earlier": "no, earlier",
    "later": "no, later",
    "undetermined": "not certain either way",
}


@dataclass(frozen=True)
class Quarter:
    """The first screen of an audit. `quarter` is empty where one look is all there is."""

    quarter: str
    headline: str
    claim: str
    readings: tuple[tuple[str, str], ...]
    looks: tuple[str, ...]
    changed: tuple[str, ...]
    signals: tuple[Signal, ...]
    false_signals: str
    cautions: tuple[str, ...]


def quarter(results: Results, estimand: Estimand) -> Quarter:
    """Everything of the first screen, in its order."""
    return Quarter(
        quarter=of.last_quarter(results),
        headline=_headline(results, estimand),
        claim=f"“{estimand.decision.claim.strip().rstrip('.')}”" if estimand.decision else "",
        readings=tuple(one for one in (_share(results, estimand), _typical(results, estimand)) if one[1]),
        looks=_looks(results, estimand),
        changed=_changed(results),
        signals=signals(results),
        false_signals=false_signals(results),
        cautions=_cautions(results),
    )


def _headline(results: Results, estimand: Estimand) -> str:
    """Both readings in a line: what this report alone says, what holds at every look, and where the typical runner lies."""
    rule, found = estimand.decision, rows_of(results, "verdict")
    if rule is None or not found:
        return f"Not answered. {_whole(results)}"
    alone = "withheld" if is_withheld(found[0]) else verdict_word(found[0]["term"])
    verdicts = of.look_verdicts(results)
    always = "" if not verdicts or is_withheld(verdicts[-1]) else verdict_word(verdicts[-1]["term"])
    if not always:
        said = alone
    elif always == alone:
        said = f"{alone}, by this report alone and at every look"
    else:
        said = f"{alone} by this report alone, {always} at every look"
    asked = f"Improved by week {rule.at_week}, more than {in_100(rule.threshold)} in 100"
    return f"{asked}: {said}. {_typical_word(results, estimand)}".strip()


def _whole(results: Results) -> str:
    """Why there is no verdict."""
    rows = [row for row in rows_of(results, "refusal") if not group_kind(row["stratum"])]
    rows.sort(key=lambda row: (row["stratum"] not in ("all", *strata(results)), row["day"] or 0))
    return sentences.refusal_sentence(rows[0]) if rows else "No estimate was made."


def _typical_word(results: Results, estimand: Estimand) -> str:
    """The second reading in a word, as the limits of the median have it."""
    window, found = estimand.decision.median_within_weeks if estimand.decision else None, rows_of(results, "median_verdict")
    if window is None or not found:
        return ""
    word = "withheld" if is_withheld(found[0]) else _PLACES.get(found[0]["term"], verdict_word(found[0]["term"]))
    return f"The typical runner within weeks {window[0]} to {window[1]}: {word}."


def _share(results: Results, estimand: Estimand) -> tuple[str, str]:
    """The first reading: how many by the week of the rule, with the interval the verdict rests on."""
    rule, found = estimand.decision, rows_of(results, "verdict")
    if rule is None:
        return "", ""
    head = f"More than {in_100(rule.threshold)} in 100 by week {rule.at_week}?"
    rows = [row for row in rows_of(results, "cumulative_incidence", "milestone") if row["day"] == 7 * rule.at_week]
    reasons = {row["day"]: row["term"] for row in rows_of(results, "refusal")}
    said = [_milestone(row, results, estimand, reasons.get(row["day"], "")) for row in rows[:1]]
    said += [sentences.verdict_ground_sentence(row, rule=rule, conf_level=estimand.conf_level) for row in found[:1] if rows]
    return head, " ".join(one for one in said if one) or _whole(results)


def _milestone(row: ResultRow, results: Results, estimand: Estimand, open_because: str) -> str:
    """The share; its interval follows in the ground of the verdict where it has one."""
    if row["estimate"] is not None and row["conf_low"] is not None and rows_of(results, "verdict"):
        share = in_100(row["estimate"])
        return f"By {week(row['day'])}, an estimated {share} in 100 runners had reached {estimand.endpoint.phrase}."
    return sentences.milestone_sentence(
        row,
        phrase=estimand.endpoint.phrase,
        conf_level=estimand.conf_level,
        min_cell_count=results.min_cell_count,
        open_because=open_because,
    )


def _typical(results: Results, estimand: Estimand) -> tuple[str, str]:
    """The second reading: where the typical runner lies."""
    window = estimand.decision.median_within_weeks if estimand.decision else None
    found = rows_of(results, "median_days")
    if window is None or not found:
        return "", ""
    said = sentences.median_sentence(
        found[0], phrase=estimand.endpoint.phrase, conf_level=estimand.conf_level, min_cell_count=results.min_cell_count
    )
    second = rows_of(results, "median_verdict")
    words = f"By the limits: {_PLACES.get(second[0]['term'], verdict_word(second[0]['term']))}." if second else ""
    head = f"The typical runner between weeks {window[0]} and {window[1]}?"
    return head, " ".join(one for one in (said, words or sentences.median_in_window_sentence(found[0], window)) if one)


def _looks(results: Results, estimand: Estimand) -> tuple[str, ...]:
    """The verdict that may be looked at every quarter, and beside it what a single look would say."""
    shares, verdicts = of.looks(results), of.look_verdicts(results)
    if not shares:
        return (reason(results, ("looks", "history")) or "No look over mature cohorts can be told.",)
    last, says = shares[-1], level(estimand.conf_level)
    said = []
    if verdicts:
        said.append(f"Judged as a clinic that looks every quarter has to be judged: {_standing(verdicts)}.")
    if of.told(last) and last["bound_low"] is not None:
        said.append(
            f"Of {runners(last['n_at_risk'])} counted so far, {_between(last)} had improved by week 12 "
            f"({says} limits that hold at every look: {_limits(last)})."
            if last["n_at_risk"] is not None
            else f"Of all runners counted so far, {_between(last)} had improved by week 12 "
            f"({says} limits that hold at every look: {_limits(last)})."
        )
    else:
        said.append(f"The share counted so far is {withheld(results.min_cell_count)}.")
    once = {row["stratum"]: row for row in of.by_quarter(results, "look_share_naive")}.get(last["stratum"])
    if once and once["conf_low"] is not None:
        said.append(f"Were this the only look, the limits would be {_limits(once)}.")
    return (" ".join(said),)


def _standing(verdicts: list[ResultRow]) -> str:
    """`supported, since 2025 Q1`; its warning with it."""
    last = verdicts[-1]
    since = last
    for row in reversed(verdicts):
        if row["term"] != last["term"]:
            break
        since = row
    when = f"since {quarter_words(since['stratum'])}" if since is not last else f"in {quarter_words(last['stratum'])}"
    told = "" if is_withheld(last) else quarters_in(str(last["warning"] or ""))
    rider = f" ({told.rstrip('.')})" if told else ""
    return f"{verdict_word(last['term'])}, {when}{rider}"


def _changed(results: Results) -> tuple[str, ...]:
    """What a reader of the report before would want to know."""
    verdicts, shares = of.look_verdicts(results), of.looks(results)
    if len(shares) < 2:
        return ("This is the first look: there is nothing to compare it with.",) if shares else ()
    before, now = shares[-2], shares[-1]
    said = []
    if len(verdicts) > 1:
        old, new = (verdict_word(row["term"]) for row in verdicts[-2:])
        said.append(
            f"The verdict over all looks is unchanged: {new}."
            if old == new
            else f"The verdict over all looks was {old} and is now {new}."
        )
    if of.told(before) and of.told(now) and before["n_at_risk"] is not None and now["n_at_risk"] is not None:
        said.append(
            f"Of {runners(before['n_at_risk'])} counted then {_between(before)} had improved; "
            f"of {runners(now['n_at_risk'])} counted now, {_between(now)}."
        )
    return (*said, *_restated(results))


def _restated(results: Results) -> tuple[str, ...]:
    totals = of.by_quarter(results, "restatement", "total")
    if not totals:
        return ()
    if all(is_withheld(row) for row in totals):
        return ("Whether earlier quarters were restated is told inside the clinic only.",)
    moved = [row for row in totals if any(row[name] for name in ("estimate", "n_at_risk", "n_events", "n_censored"))]
    noted = [row for row in totals if row not in moved and "restated" in str(row["warning"])]
    if not moved and not noted:
        return ("No earlier quarter was restated.",)
    told = [f"{quarter_words(row['stratum'])}{_points(row)}" for row in (*moved, *noted)]
    return (f"Restated since they were first reported: {', '.join(told)}. Why stands under “Restatement”.",)


def _points(row: ResultRow) -> str:
    if row["estimate"] is None:
        return ""
    return f" ({signed(100 * row['estimate'])} in 100)" if row["estimate"] else " (counts only)"


def _cautions(results: Results) -> tuple[str, ...]:
    rows = [row for row in rows_of(results, "caution") if not group_kind(row["stratum"])]
    own = [row for row in rows if row["estimator"] not in _OF_QUARTERS]
    said = list(dict.fromkeys(quarters_in(sentences.refusal_sentence(row)) for row in own))
    shown = said[:FIRST_PAGE_CAUTIONS]
    more = len(set(cautions(results))) - len(shown)
    noun = "more" if shown else "caution" if more == 1 else "cautions"
    return (*shown, f"{more} {noun}: see “What was refused, and cautions”.") if more > 0 else tuple(shown)


def _between(row: ResultRow) -> str:
    low, high = in_100(row["bound_low"]), in_100(row["bound_high"])
    return f"{low} in 100" if low == high else f"between {low} and {high} in 100"


def _limits(row: ResultRow) -> str:
    if row["conf_low"] is None or row["conf_high"] is None:
        return "none"
    return f"{in_100(row['conf_low'])} to {in_100(row['conf_high'])} in 100"
