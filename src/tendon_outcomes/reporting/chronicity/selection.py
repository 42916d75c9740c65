"""Whether selection alone could make long-standing pain look slower: the frailty analysis in a sentence."""

from __future__ import annotations

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.chronicity.words import holds_one
from tendon_outcomes.reporting.comparison.words import decimal
from tendon_outcomes.reporting.tables import rows_of
from tendon_outcomes.reporting.wording import ResultRow, duration, level
from tendon_outcomes.results import Results

WHY = (
    "Who recovers early is never seen with long-standing pain, so those who are seen with it recover slowly in part because "
    "they were left over (selection)."
)


def selection_sentence(results: Results, estimand: Estimand) -> str:
    """Whether the association goes away once runners are let differ in how readily they recover; empty without the analysis.

    Only variances that the protocol holds plausible can explain it.
    """
    rows = [row for row in rows_of(results, "frailty_hazard_ratio") if row["estimate"] is not None and row["at"] is not None]
    rows = sorted((row for row in rows if row["at"] <= _plausible(estimand)), key=lambda row: float(row["at"]))
    if not rows:
        return ""
    first, last, level = rows[0], rows[-1], estimand.conf_level
    what = f"the ratio of the rates of recovery{_compared(estimand)}"
    if first["at"] == 0 and holds_one(first):
        return f"Even before selection is allowed for, the association is inconclusive: {what} is {_ratio(first, level)}."
    if explains := next((row for row in rows if row["at"] > 0 and holds_one(row)), None):
        return (
            f"Selection alone could explain what is seen: with a frailty variance of {explains['at']:g} {what} is "
            f"{_ratio(explains, level)}, which leaves no association with the time it has hurt."
        )
    if _passed_one(first, last):
        ends = f"from {_ratio(first, level)} to {_ratio(last, level)}"
        between = f"between the frailty variances {first['at']:g} and {last['at']:g} {what} passes 1, {ends}"
        return f"Selection alone could explain what is seen: {between}."
    return (
        f"Selection alone does not explain it at any frailty variance held plausible: at {last['at']:g} {what} is "
        f"{_ratio(last, level)}."
    )


def tipping_sentence(results: Results) -> str:
    """How strong selection would have to be for the estimate to show nothing; empty without the analysis."""
    for row in rows_of(results, "frailty_tipping"):
        if row["estimate"] is not None:
            return f"The estimate itself shows no association once the frailty variance is {decimal(row['estimate'], 1)}."
        return "Within the range tried, no frailty variance takes the estimate to no association."
    return ""


def _plausible(estimand: Estimand) -> float:
    return estimand.exposure.frailty.plausible if estimand.exposure else 0.0


def _compared(estimand: Estimand) -> str:
    """Which durations the ratio compares."""
    if estimand.exposure is None:
        return ""
    short, long = sorted(estimand.exposure.frailty.compared_weeks)
    return f", {duration(long)} against {duration(short)},"


def _passed_one(first: ResultRow, last: ResultRow) -> bool:
    """The two estimates lie on either side of 1."""
    return bool((first["estimate"] - 1) * (last["estimate"] - 1) <= 0)


def _ratio(row: ResultRow, conf_level: float) -> str:
    low, high, ratio = row["conf_low"], row["conf_high"], decimal(row["estimate"])
    if low is None and high is None:
        return f"{ratio}, no interval can be given"
    if low is None or high is None:
        open_ = f"from {decimal(low)} without an end" if high is None else f"up to {decimal(high)}"
        return f"{ratio}, {level(conf_level)} interval {open_}"
    return f"{ratio}, {level(conf_level)} interval {decimal(low)} to {decimal(high)}"
