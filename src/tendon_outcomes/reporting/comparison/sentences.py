"""What the first page says of a comparison of strategies: in absolute terms, with limits, in the words that the design earns."""

from __future__ import annotations

from collections.abc import Sequence

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting import sentences
from tendon_outcomes.reporting.answers import Answer
from tendon_outcomes.reporting.comparison.words import (
    LEADING,
    POINT_TREATMENT,
    PRIMARY,
    UNADJUSTED,
    days_gained,
    in_estimate,
    in_interval,
    more_or_fewer,
    points,
    strategy_name,
    verdict_of,
)
from tendon_outcomes.reporting.tables import rows_of
from tendon_outcomes.reporting.wording import ResultRow, ended, in_100, is_withheld, level, sentence_case, week, withheld
from tendon_outcomes.results import Results

CAUSAL = "causal"
_BANNER_WORDS = "causal_words"  # the caution that says what the banner says
_OF_EVERYTHING = "all"


def comparison_answers(results: Results, estimand: Estimand, *, lead_week: int | None) -> tuple[Answer, ...]:
    """One answer: the difference at the leading week, the shares behind it, and what other methods say."""
    leading = leading_contrasts(results, lead_week)
    if not leading:
        reasons = [sentences.refusal_sentence(row) for row in rows_of(results, "refusal")]
        said = f"These data cannot say. {reasons[0]}" if reasons else "These data cannot say: no estimate was made."
        return (Answer("", "", said, tuple(_described(results, estimand))),)
    first, *others = (contrast_sentence(row, results, estimand) for row in leading)
    support = [
        *_shares(results, estimand, leading[0]),
        *others,
        *_time_gained(results, estimand, leading[0]),
        *_other_question(results, estimand, leading[0]),
        *_other_methods(results, leading[0]),
        *_unadjusted(results, estimand, leading[0]),
        *_own_cautions(results, leading[0]),
    ]
    return (Answer("", "", first, tuple(support)),)


def banner(results: Results, estimand: Estimand) -> str:
    """What has to stand above the answer when it is no effect of treatment; empty when the design earns causal words."""
    if "fails" in [row["term"] for row in rows_of(results, "falsification_panel")]:
        failed = [_subject(row) for row in rows_of(results, "falsification") if row["stratum"] == "fails"]
        what = f" ({'; '.join(failed)})" if failed else ""
        return (
            f"Checks whose true answer is nothing found something{what}: more than the strategies tells these runners apart. "
            "What follows is an association, not an effect of treatment."
        )
    wording = rows_of(results, "causal_wording")
    if wording and wording[0]["term"] == CAUSAL:
        return ""
    if not wording and not rows_of(results, "incidence_difference"):
        return ""
    reasons = _reasons(str(wording[0]["warning"] or "") if wording else "", estimand)
    return f"What follows is an association, not an effect of treatment{f': {reasons}' if reasons else ''}."


def leading_contrasts(results: Results, lead_week: int | None) -> list[ResultRow]:
    """The rows that lead: of the first kind that has an estimate, its first method, the leading week first.

    The leading week is the given one, or else that of the sensitivity analyses.
    """
    for term in LEADING:
        rows = [row for row in rows_of(results, "incidence_difference", term) if row["estimate"] is not None or is_withheld(row)]
        if rows:
            mine = [row for row in rows if row["estimator"] == rows[0]["estimator"]]
            day = lead_day(results, lead_week)
            return sorted(mine, key=lambda row: (is_withheld(row), row["day"] != day, row["day"]))
    return []


def lead_day(results: Results, lead_week: int | None) -> int | None:
    """The day of the leading week."""
    if lead_week is not None:
        return 7 * lead_week
    for statistic in ("e_value", "multiverse_difference", "tipping_point"):
        for row in rows_of(results, statistic):
            return int(row["day"])
    return None


def contrast_sentence(row: ResultRow, results: Results, estimand: Estimand) -> str:
    """The difference on one day; of cause and effect only where no banner stands."""
    compared, reference = (strategy_name(name) for name in str(row["stratum"]).split(" - "))
    by, phrase = week(row["day"]), estimand.endpoint.phrase
    who = ", among runners who could have had either" if "overlap" in str(row["estimator"]) else ""
    if is_withheld(row) or row["estimate"] is None:
        return f"The difference by {by} is {withheld(results.min_cell_count)}."
    how = _how(str(row["term"]), estimand)
    size, limits = in_estimate(row["estimate"]), in_interval(row, estimand.conf_level)
    if not banner(results, estimand):
        says = f"Had everybody had {compared} rather than {reference} rehabilitation {how}, an estimated {size} in 100 would"
        return f"{says} have reached {phrase} by {by} ({limits}){who}: {verdict_of(row)}."
    says = f"{sentence_case(compared)} rather than {reference} rehabilitation, {how}, is associated with {size} in 100 runners"
    return f"{says} reaching {phrase} by {by} ({limits}){who}: {verdict_of(row)}."


def _how(term: str, estimand: Estimand) -> str:
    """What of the strategies a contrast compares."""
    trial = estimand.trial
    if trial is None:
        return "as compared"
    if term == PRIMARY:
        return f"begun within {trial.grace_days} days and kept up for {trial.sustain_weeks} weeks"
    return f"as prescribed by day {trial.grace_days}"


def _reasons(warning: str, estimand: Estimand) -> str:
    """Why only an association: assumptions without an argument are counted here and told in their table."""
    open_ = estimand.trial.unanswered if estimand.trial else ()
    left = warning
    for one in open_:
        left = left.replace(f"nobody has argued that {one.says[:1].lower()}{one.says[1:]}", "")
    others = [part.strip() for part in left.split(";") if part.strip()]
    total = len(estimand.trial.assumptions) if estimand.trial else 0
    counted = [f"{len(open_)} of the {total} assumptions that an effect would need have no argument yet"] if open_ else []
    return "; ".join([*counted, *others])


def _shares(results: Results, estimand: Estimand, lead: ResultRow, *, words: str = "an estimated ") -> list[str]:
    """The share under each strategy on the day of a contrast, by its method."""
    rows = [
        row
        for row in rows_of(results, "strategy_incidence", "milestone")
        if row["day"] == lead["day"] and row["estimator"] == lead["estimator"]
    ]
    told = [
        f"{in_100(row['estimate'])} in 100 with {strategy_name(row['stratum'])} ({_share_limits(row, estimand)})"
        for row in rows
        if row["estimate"] is not None and not is_withheld(row)
    ]
    return [f"By {week(lead['day'])}, {words}{' and '.join(told)}."] if told else []


def _described(results: Results, estimand: Estimand) -> list[str]:
    """The shares as they were, where nothing is compared."""
    first: dict[int, ResultRow] = {}
    for row in rows_of(results, "strategy_incidence", "milestone"):
        first.setdefault(row["day"], row)
    said = [one for row in first.values() for one in _shares(results, estimand, row, words="")]
    return [f"As they were, not compared: {' '.join(said)}"] if said else []


def _time_gained(results: Results, estimand: Estimand, lead: ResultRow) -> list[str]:
    said = []
    for row in rows_of(results, "restricted_mean_difference", lead["term"]):
        if row["estimator"] != lead["estimator"] or is_withheld(row) or row["estimate"] is None:
            continue
        days = days_gained(row, estimand.conf_level)
        said.append(f"Difference of the time after reaching it, within the first {row['day'] // 7} weeks: {days}.")
    return said


def _other_question(results: Results, estimand: Estimand, lead: ResultRow) -> list[str]:
    """Strategies as prescribed where those as kept up lead; where these were refused, the reason."""
    if lead["term"] == PRIMARY:
        rows = leading_of(results, POINT_TREATMENT, lead["day"])
        return [contrast_sentence(rows[0], results, estimand)] if rows else []
    refused = [row for row in rows_of(results, "refusal") if "clone" in str(row["estimator"])]
    asked = [row for row in refused if row["day"] == lead["day"]] or refused
    if not asked:
        return []
    return [f"Of strategies as kept up nothing is said here: {_lower(sentences.refusal_sentence(asked[0]))}"]


def leading_of(results: Results, term: str, day: int) -> list[ResultRow]:
    """Contrasts of one kind on one day that have an estimate."""
    rows = rows_of(results, "incidence_difference", term)
    return [row for row in rows if row["day"] == day and row["estimate"] is not None and not is_withheld(row)]


def _other_methods(results: Results, lead: ResultRow) -> list[str]:
    """Other methods for the same question on the same day."""
    rows = leading_of(results, "agreement" if lead["term"] == PRIMARY else POINT_TREATMENT, lead["day"])
    told = ", ".join(f"{row['estimator']} {points(row['estimate'])}" for row in rows if row["estimator"] != lead["estimator"])
    return [f"Other methods for the same difference, in 100 by {week(lead['day'])}: {told}."] if told else []


def _unadjusted(results: Results, estimand: Estimand, lead: ResultRow) -> list[str]:
    return [
        f"Without any adjustment it reads {more_or_fewer(row['estimate'])} by {week(row['day'])} "
        f"({in_interval(row, estimand.conf_level)}): shown for comparison, not to be used."
        for row in leading_of(results, UNADJUSTED, lead["day"])[:1]
    ]


def _own_cautions(results: Results, lead: ResultRow) -> list[str]:
    """Cautions about the leading method or everything; the others stand further down."""
    rows = [row for row in rows_of(results, "caution") if row["term"] != _BANNER_WORDS]
    mine = [row for row in rows if row["estimator"] == lead["estimator"] or row["stratum"] == _OF_EVERYTHING]
    return [f"Caution: {_lower(said)}" for said in dict.fromkeys(sentences.refusal_sentence(row) for row in mine)]


def _subject(row: ResultRow) -> str:
    """What a check looked at, without its reason."""
    return str(row["warning"] or str(row["term"]).replace("_", " ")).partition(":")[0]


def _lower(text: str) -> str:
    return ended(text[:1].lower() + text[1:])


def _share_limits(row: ResultRow, estimand: Estimand) -> str:
    if row["conf_low"] is None or row["conf_high"] is None:
        return "no interval can be given"
    return f"{level(estimand.conf_level)} interval {in_100(row['conf_low'])} to {in_100(row['conf_high'])}"
