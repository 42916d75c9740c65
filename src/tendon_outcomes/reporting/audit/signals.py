"""One line for every chart: a signal, none, or why there is no chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tendon_outcomes.reporting.audit import rows as of
from tendon_outcomes.reporting.audit.words import is_signal
from tendon_outcomes.reporting.sentences import refusal_sentence
from tendon_outcomes.reporting.tables import rows_of
from tendon_outcomes.reporting.wording import ResultRow, is_withheld, quarter_words, rounded, withheld
from tendon_outcomes.results import Results

State = Literal["signal", "quiet", "none"]
WATCHED = "watched"
OVER_TIME = ("control charts", "charts", "history")
"""Of what a refusal speaks that there is no chart for."""
ESTIMATORS = {"p_chart": "p-chart", "ewma": "EWMA"}
CUSUMS = {
    "share": ("CUSUM of the share improved", {"worse": "for worse", "better": "for better"}),
    "time": ("CUSUM of the time to improvement", {"worse": "for slower", "better": "for sooner"}),
}
_STATES: dict[State, str] = {"signal": "Signal", "quiet": "No signal", "none": "Not drawn"}


@dataclass(frozen=True)
class Signal:
    """One chart in a line."""

    chart: str
    state: State
    says: str

    @property
    def word(self) -> str:
        """The state as the page names it."""
        return _STATES[self.state]


def signals(results: Results) -> tuple[Signal, ...]:
    """Every chart in the order of the page; charts that are missing for one reason share a line."""
    every = (
        _run_chart(results),
        _control(results, "p_chart", "p-chart"),
        _control(results, "ewma", "EWMA (weighted mean)"),
        *(_cusum(results, what, name, sides) for what, (name, sides) in CUSUMS.items()),
    )
    lines: dict[tuple[str, str], Signal] = {}
    for one in every:
        key = (one.says, "") if one.state == "none" else (one.says, one.chart)
        chart = f"{lines[key].chart}, {one.chart}" if key in lines else one.chart
        lines[key] = Signal(chart, one.state, one.says)
    return tuple(lines.values())


def _run_chart(results: Results) -> Signal:
    rows = rows_of(results, "run_chart")
    name = "Run chart"
    if not rows or all(is_withheld(row) for row in rows):
        return _absent(results, name, ("run chart", "history"), bool(rows))
    said = []
    for row in rows:
        if row["term"] == "longest run" and row["estimate"] is not None:
            limit = "" if row["conf_high"] is None else f", more than {row['conf_high']:g} would be a shift"
            said.append(f"longest run on one side of the median {row['estimate']:g} quarters{limit}")
        elif row["term"] == "crossings" and row["estimate"] is not None:
            limit = "" if row["conf_low"] is None else f", fewer than {row['conf_low']:g} would be too few"
            said.append(f"{row['estimate']:g} crossings{limit}")
    return Signal(name, "signal" if any(is_signal(row) for row in rows) else "quiet", _line(said))


def _control(results: Results, statistic: str, name: str) -> Signal:
    rows = of.by_quarter(results, statistic)
    if not rows or all(is_withheld(row) for row in rows):
        return _absent(results, name, (ESTIMATORS[statistic], *OVER_TIME), bool(rows))
    found = [row for row in rows if is_signal(row)]
    if not found:
        watched = sum(row["term"] == WATCHED for row in rows)
        since = f"{watched} watched since the baseline" if watched else "all of them baseline so far"
        return Signal(name, "quiet", _line([f"no quarter outside its control limits, {since}"]))
    told = ", ".join(f"{quarter_words(row['stratum'])}{_side(row)}" for row in found)
    return Signal(name, "signal", _line([f"outside its control limits: {told}"]))


def _side(row: ResultRow) -> str:
    if row["estimate"] is None or row["bound_low"] is None:
        return ""
    return " (above)" if row["estimate"] > row["bound_low"] else " (below)"


def _cusum(results: Results, what: str, name: str, sides: dict[str, str]) -> Signal:
    """Both sides of one sum in a line, the one that signals first."""
    rows = {words: of.by_quarter(results, "cusum", f"{what} {side}") for side, words in sides.items()}
    known = {words: mine for words, mine in rows.items() if any(is_signal(row) or not is_withheld(row) for row in mine)}
    if not known:
        return _absent(results, name, ("CUSUM", *OVER_TIME), any(rows.values()))
    found = {words for words, mine in known.items() if any(is_signal(row) for row in mine)}
    ordered = sorted(known, key=lambda words: words not in found)
    said = [one for words in ordered if (one := _one_sum(words, known[words]))]
    return Signal(name, "signal" if found else "quiet", _line(said or ["neither sum has reached its limit"]))


def _one_sum(words: str, rows: Sequence[ResultRow]) -> str:
    found, last = [row for row in rows if is_signal(row)], rows[-1]
    said = [f"signal in {', '.join(quarter_words(row['stratum']) for row in found)}"] if found else []
    if last["estimate"] is not None and last["conf_high"] is not None:
        said.append(f"now at {last['estimate']:.1f}, limit {last['conf_high']:.1f}")
    return f"{words}: {', '.join(said)}" if said else ""


def false_signals(results: Results) -> str:
    """How seldom a clinic that did not change would signal; empty where it was not reckoned."""
    lengths = [row["estimate"] for row in rows_of(results, "cusum_run_length") if row["estimate"] is not None]
    if not lengths:
        return ""
    low, high = rounded(min(lengths)), rounded(max(lengths))
    between = str(low) if low == high else f"{low} to {high}"
    return (
        f"In a clinic that did not change, each side of a CUSUM would signal about once in {between} quarters. A signal says "
        "that something may have changed, not what."
    )


def _absent(results: Results, name: str, words: Sequence[str], made: bool) -> Signal:
    if made:
        return Signal(name, "none", f"Its numbers are {withheld(results.min_cell_count)}.")
    return Signal(name, "none", reason(results, words) or "Nothing was made of it from these records.")


def reason(results: Results, words: Sequence[str]) -> str:
    """The refusal that names one of the words, the first words before the others; empty where there is none."""
    rows = rows_of(results, "refusal")
    for word in words:
        for row in rows:
            if word.lower() in f"{row['estimator']} {row['term']} {row['stratum']}".replace("_", " ").lower():
                return refusal_sentence(row)
    return ""


def _line(parts: Sequence[str]) -> str:
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""
