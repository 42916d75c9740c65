"""What stands beside the tables of an audit: maturity, those lost, regression to the mean, and what the charts assume."""

from __future__ import annotations

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.audit import rows as of
from tendon_outcomes.reporting.audit.words import KINDS, definition_words, group_kind, group_words, quarters_in, runners
from tendon_outcomes.reporting.comparison.words import signed
from tendon_outcomes.reporting.sentences import refusal_sentence
from tendon_outcomes.reporting.tables import rows_of
from tendon_outcomes.reporting.wording import ResultRow, is_withheld, level, quarter_words, sentence_case, withheld
from tendon_outcomes.results import Results


def maturity(results: Results) -> tuple[str, ...]:
    """Who is counted and who not yet."""
    known = of.quarters_known(results)
    if not known:
        return ()
    waiting = [row for row in of.by_quarter(results, "cohort_immature") if row["n_at_risk"]]
    said = [
        "A quarter's cohort is everybody first seen in it. It is counted once week 12 and the visits about it can have come in; "
        "a runner not yet so far is not counted, neither as improved nor as not. Unknown: nobody looked about week 12, or the "
        "two looks around it leave it open; the share then lies between nobody and all of them having improved."
    ]
    if waiting:
        told = ", ".join(f"{runners(row['n_at_risk'])} of {quarter_words(row['stratum'])}" for row in waiting)
        said.append(f"Not yet counted, and waited for: {told}.")
    return tuple(said)


def tipping(results: Results) -> str:
    """How bad the lost would have to have fared for the verdict to turn."""
    rows = rows_of(results, "tipping_point", "verdict turns")
    if not rows:
        return ""
    row = rows[0]
    if is_withheld(row):
        return f"How the lost would have to have fared for the verdict to turn is {withheld(results.min_cell_count)}."
    day = f"week {row['day'] // 7}" if row["day"] else "that week"
    lost = (
        f"Lost before {day}: {row['n_events']} of {row['n_at_risk']}. "
        if row["n_events"] is not None and row["n_at_risk"]
        else ""
    )
    words = str(row["warning"] or "").rstrip(".")
    if words.startswith("nobody"):
        return f"{lost}{sentence_case(words)}."
    return f"{lost}The claim would be {words}." if words else f"{lost}No share of them would turn the verdict.".strip()


def regression_to_the_mean(results: Results, estimand: Estimand) -> str:
    """The gain beside what the choice of the moment alone would give."""
    rows = {row["term"]: row for row in rows_of(results, "gain")}
    gain = next((row for term, row in rows.items() if "regression" not in str(term)), None)
    expected = next((row for term, row in rows.items() if "regression" in str(term)), None)
    if gain is None:
        return ""
    if is_withheld(gain) or gain["estimate"] is None:
        return f"The gain is {withheld(results.min_cell_count)}."
    score = str(gain["term"]).partition(" at ")[0]
    said = f"Mean gain of {score}: {_with_limits(gain, estimand)}"
    if gain["n_at_risk"] is not None:
        said += f", in {runners(gain['n_at_risk'])} measured both times"
    if expected is None or expected["estimate"] is None:
        return f"{said}."
    return (
        f"{said}. Regression to the mean alone would be expected to give {_with_limits(expected, estimand)}: runners come when "
        "they are at their worst, and a score that was low by chance rises by itself."
    )


def _with_limits(row: ResultRow, estimand: Estimand) -> str:
    points = f"{signed(row['estimate'])} points"
    if row["conf_low"] is None or row["conf_high"] is None:
        return points
    kind = "interval" if "regression" not in str(row["term"]) else "from"
    limits = f"{signed(row['conf_low'])} to {signed(row['conf_high'])}"
    return f"{points} ({level(estimand.conf_level)} interval {limits})" if kind == "interval" else f"{points} ({limits})"


NOT_A_COMPARISON = (
    "Cohorts elsewhere are no control group: they had other runners, other injuries, other definitions. They say how far a "
    "change in one group can be from the effect of a treatment."
)
NO_LEAGUE_TABLE = (
    "Groups stand in the order of their names, never by result, and none is told from fewer runners than the protocol asks. "
    "Runners chose, or were sent to, their clinician and their plan: a difference between groups is no effect of either."
)
RUN_LENGTH = (
    "A CUSUM adds up, runner after runner, how much more or less happened than was expected of such runners, and forgets good "
    "times as bad ones are looked for. Its limit is set so that a clinic that did not change would signal so seldom as is said "
    "above, with runners who enter at all times."
)


def restatement(results: Results) -> tuple[str, ...]:
    """How a quarter comes to read differently later."""
    rows = rows_of(results, "restatement")
    if not rows:
        return ()
    said = (
        "A quarter's report stays as it was. What is known of its cohort may change later: by a changed definition, by values "
        "that were corrected, or by data that came late; the three add up to the total change."
    )
    if any(row[name] for row in rows for name in ("estimate", "n_at_risk", "n_events", "n_censored")):
        return (said,)
    if any(is_withheld(row) or row["warning"] for row in rows):
        return said, "By how much is told inside the clinic only."
    return said, "No earlier quarter was restated."


def by_group(results: Results, estimand: Estimand, statistic: str) -> tuple[str, ...]:
    """Refusals or cautions, each once, with the groups, definitions and quarters of which it speaks."""
    reasons: dict[str, list[str]] = {}
    for row in rows_of(results, statistic):
        stratum, reason = str(row["stratum"]), quarters_in(refusal_sentence(row))
        if row["term"] == "not_estimated":
            reason = f"{sentence_case(str(row['estimator']))}, {stratum}: {reason[:1].lower()}{reason[1:]}"
        whom = reasons.setdefault(reason, [])
        if group_kind(stratum) == "definition":
            whom.append(f"Definition: {definition_words(stratum, estimand)}")
        elif group_kind(stratum) in KINDS:
            whom.append(group_words(stratum))
        elif stratum.startswith("every ") or quarter_words(stratum) != stratum:
            whom.append(sentence_case(quarter_words(stratum)))
    return tuple(f"{'; '.join(dict.fromkeys(whom))} – {reason}" if whom else reason for reason, whom in reasons.items())
