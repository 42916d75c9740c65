"""What the first page says of a comparison of strategies: in absolute terms, with limits, in the words that the design earns."""

from __future__ import annotations

from collections.abc import Sequence

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting import sentences
from tendon_outcomes.reporting.answers import Answer, cautions
from tendon_outcomes.reporting.tables import rows_of
from tendon_outcomes.reporting.wording import ResultRow, ended, in_100, is_withheld, level, readable, rounded, week, withheld
from tendon_outcomes.results import Results

CAUSAL = "causal"
LEADING = ("primary", "point treatment")
"""Terms of a contrast that may lead the answer, the best first."""


def comparison_answers(results: Results, estimand: Estimand, *, lead_week: int | None) -> tuple[Answer, ...]:
    """One answer: the difference at the leading week, what the shares are, and how much weight the words can bear."""
    leading = leading_contrasts(results, lead_week)
    said = [_difference(row, results, estimand) for row in leading]
    if not said:
        reasons = sentences_of(results, "refusal")
        said = [f"These data cannot say. {reasons[0]}" if reasons else "These data cannot say: no estimate was made."]
    support = [*said[1:], *_shares(results, estimand, leading), *_time_gained(results, estimand, leading)]
    support += [*_agreement(results, leading), *_unadjusted(results, estimand, leading), *cautions(results)]
    return (Answer("", "", said[0], tuple(support)),)


def banner(results: Results) -> str:
    """What has to stand above the answer when it is no effect of treatment; empty when the design earns causal words."""
    panel = [row["term"] for row in rows_of(results, "falsification_panel")]
    wording = rows_of(results, "causal_wording")
    if "fails" in panel:
        failed = [readable(row["term"]).lower() for row in rows_of(results, "falsification") if row["stratum"] == "fails"]
        what = f" ({', '.join(failed)})" if failed else ""
        return (
            f"The checks made before the comparison failed{what}: something other than the strategies tells these runners apart. "
            "What follows is an association, not an effect of treatment."
        )
    if wording and wording[0]["term"] != CAUSAL:
        return f"What follows is an association, not an effect of treatment: {ended(str(wording[0]['warning']))}"
    if not wording and rows_of(results, "incidence_difference"):
        return "What follows is an association, not an effect of treatment."
    return ""


def leading_contrasts(results: Results, lead_week: int | None) -> list[ResultRow]:
    """The rows that lead: of the first kind that has an estimate, its first method, the leading week first."""
    for term in LEADING:
        rows = [row for row in rows_of(results, "incidence_difference", term) if row["estimate"] is not None or is_withheld(row)]
        if rows:
            mine = [row for row in rows if row["estimator"] == rows[0]["estimator"]]
            return sorted(mine, key=lambda row: (is_withheld(row), lead_week is None or row["day"] != 7 * lead_week, row["day"]))
    return []


def sentences_of(results: Results, statistic: str) -> list[str]:
    """Refusals or cautions, each once."""
    return list(dict.fromkeys(sentences.refusal_sentence(row) for row in rows_of(results, statistic)))


def verdict_of(row: ResultRow) -> str:
    """Whether the limits leave the direction open."""
    if row["conf_low"] is None or row["conf_high"] is None:
        return "no interval can be given"
    if row["conf_low"] > 0:
        return "the whole interval lies above no difference"
    if row["conf_high"] < 0:
        return "the whole interval lies below no difference"
    return "inconclusive: the interval holds no difference, and differences in both directions"


def _difference(row: ResultRow, results: Results, estimand: Estimand) -> str:
    compared, reference = _names(row)
    by = week(row["day"])
    if is_withheld(row) or row["estimate"] is None:
        return f"The difference by {by} is {withheld(results.min_cell_count)}."
    size = f"{_more(row['estimate'])} by {by} ({_limits(row, estimand)})"
    if _is_causal(results):
        says = f"Had everybody followed {compared} rather than {reference} rehabilitation, in 100 runners an estimated {size}"
        return f"{says} would have reached {estimand.endpoint.phrase}: {verdict_of(row)}."
    says = f"{compared.capitalize()} rehabilitation is associated, in 100 runners, with {size}"
    return f"{says} reaching {estimand.endpoint.phrase}, compared with {reference}: {verdict_of(row)}."


def _shares(results: Results, estimand: Estimand, leading: Sequence[ResultRow]) -> list[str]:
    """The share under each strategy at the leading week."""
    if not leading:
        return []
    day, method = leading[0]["day"], leading[0]["estimator"]
    rows = [
        row for row in rows_of(results, "strategy_incidence", "milestone") if row["day"] == day and row["estimator"] == method
    ]
    told = [
        f"{in_100(row['estimate'])} in 100 under {_plain(row['stratum'])} ({_share_limits(row, estimand)})"
        for row in rows
        if row["estimate"] is not None and not is_withheld(row)
    ]
    return [f"By {week(day)}, an estimated {' and '.join(told)}."] if told else []


def _time_gained(results: Results, estimand: Estimand, leading: Sequence[ResultRow]) -> list[str]:
    if not leading:
        return []
    rows = [
        row
        for row in rows_of(results, "restricted_mean_difference", leading[0]["term"])
        if row["estimator"] == leading[0]["estimator"]
    ]
    said = []
    for row in rows:
        if is_withheld(row) or row["estimate"] is None:
            continue
        days = f"{rounded(row['estimate']):+d} days".replace("-", "−")
        limits = "no interval can be given"
        if row["conf_low"] is not None and row["conf_high"] is not None:
            ends = f"{rounded(row['conf_low']):+d} to {rounded(row['conf_high']):+d}".replace("-", "−")
            limits = f"{level(estimand.conf_level)} interval {ends}"
        said.append(f"Difference of the time after reaching it, within the first {row['day'] // 7} weeks: {days} ({limits}).")
    return said


def _agreement(results: Results, leading: Sequence[ResultRow]) -> list[str]:
    """The other methods beside the leading one at its week."""
    if not leading:
        return []
    rows = [
        row
        for term in ("agreement", "point treatment")
        for row in rows_of(results, "incidence_difference", term)
        if row["day"] == leading[0]["day"] and row["estimate"] is not None and row["estimator"] != leading[0]["estimator"]
    ]
    told = ", ".join(f"{row['estimator']} {_signed(row['estimate'])}" for row in rows)
    return [f"Other methods, in points of 100 by {week(leading[0]['day'])}: {told}."] if told else []


def _unadjusted(results: Results, estimand: Estimand, leading: Sequence[ResultRow]) -> list[str]:
    if not leading:
        return []
    rows = [row for row in rows_of(results, "incidence_difference", "unadjusted") if row["day"] == leading[0]["day"]]
    return [
        f"Without any adjustment it would read {_signed(row['estimate'])} ({_limits(row, estimand)}), which is not to be used."
        for row in rows[:1]
        if row["estimate"] is not None
    ]


def _is_causal(results: Results) -> bool:
    return not banner(results)


def _names(row: ResultRow) -> tuple[str, str]:
    """Compared and reference strategy of a contrast's stratum."""
    compared, _, reference = str(row["stratum"]).partition(" - ")
    return _plain(compared), _plain(reference)


def _plain(strategy: str) -> str:
    return strategy.replace("_", "-")


def _more(difference: float) -> str:
    """`9 more`, `3 fewer`, `as many` per 100."""
    points = rounded(100 * difference)
    return "as many" if points == 0 else f"{abs(points)} {'more' if points > 0 else 'fewer'}"


def _signed(difference: float) -> str:
    points = rounded(100 * difference)
    return "0" if points == 0 else f"{points:+d}".replace("-", "−")


def _limits(row: ResultRow, estimand: Estimand) -> str:
    if row["conf_low"] is None or row["conf_high"] is None:
        return "no interval can be given"
    return f"{level(estimand.conf_level)} interval {_more(row['conf_low'])} to {_more(row['conf_high'])}"


def _share_limits(row: ResultRow, estimand: Estimand) -> str:
    if row["conf_low"] is None or row["conf_high"] is None:
        return "no interval can be given"
    return f"{level(estimand.conf_level)} interval {in_100(row['conf_low'])} to {in_100(row['conf_high'])}"
