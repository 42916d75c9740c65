"""What the first page says of a comparison of strategies: in absolute terms, with limits, in the words that the design earns."""

from __future__ import annotations

from collections.abc import Iterable

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.answers import Answer
from tendon_outcomes.reporting.comparison.words import (
    LEADING,
    POINT_TREATMENT,
    PRIMARY,
    UNADJUSTED,
    days_gained,
    in_estimate,
    in_interval,
    in_plain_words,
    more_or_fewer,
    points,
    strategy_name,
    verdict_of,
)
from tendon_outcomes.reporting.tables import rows_of
from tendon_outcomes.reporting.wording import ResultRow, ended, in_100, is_withheld, level, sentence_case, week, withheld
from tendon_outcomes.results import Results

CAUSAL = "causal"
FIRST_PAGE_CAUTIONS = 4
CLONES = "clone-censor-weight"
_BANNER_WORDS = "causal_words"  # the caution that says what the banner says
_OF_EVERYTHING = "all"


def comparison_answers(results: Results, estimand: Estimand, *, lead_week: int | None) -> tuple[Answer, ...]:
    """One answer: the difference at the leading week, the shares behind it, and what other methods say."""
    leading = leading_contrasts(results, lead_week)
    if not leading:
        reasons = refusal_lines(rows_of(results, "refusal"), estimand)
        said = f"These data cannot say. {reasons[0]}" if reasons else "These data cannot say: no estimate was made."
        return (Answer("", "", said, tuple(_described(results, estimand))),)
    support = [
        *_shares(results, estimand, leading[0]),
        *_other_weeks(leading[1:], results, estimand),
        *_refused_weeks(results, estimand, leading),
        *_time_gained(results, estimand, leading[0]),
        *_other_question(results, estimand, leading[0], lead_week),
        *_other_methods(results, leading[0]),
        *_unadjusted(results, estimand, leading[0]),
        *_own_cautions(results, estimand, leading[0]),
    ]
    return (Answer("", "", contrast_sentence(leading[0], results, estimand), tuple(support)),)


def banner(results: Results, estimand: Estimand) -> str:
    """What has to stand above the answer when it is no effect of treatment.

    Empty when the design earns causal words, and when nothing is compared.
    """
    if not leading_contrasts(results, None):
        return ""
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
    reasons = _reasons(str(wording[0]["warning"] or "") if wording else "", estimand)
    return f"What follows is an association, not an effect of treatment{f': {reasons}' if reasons else ''}."


def leading_contrasts(results: Results, lead_week: int | None) -> list[ResultRow]:
    """The rows that lead: one method's, of the first kind that shows an estimate, else of the first that withholds them.

    The leading week comes first: the given one, or else that of the sensitivity analyses.
    """
    kinds = [[row for row in rows_of(results, "incidence_difference", term) if _said(row)] for term in LEADING]
    shown = [rows for rows in kinds if any(row["estimate"] is not None for row in rows)]
    leading = next((rows for rows in (*shown, *kinds) if rows), [])
    mine = [row for row in leading if row["estimator"] == leading[0]["estimator"]]
    day = lead_day(results, lead_week)
    return sorted(mine, key=lambda row: (is_withheld(row), row["day"] != day, row["day"]))


def _said(row: ResultRow) -> bool:
    return row["estimate"] is not None or is_withheld(row)


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
    others = [in_plain_words(one, ()) for one in others]
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


def _other_weeks(rows: list[ResultRow], results: Results, estimand: Estimand) -> list[str]:
    """The same difference at the other weeks, in short."""
    said = []
    for row in rows:
        if row["estimate"] is None or is_withheld(row):
            said.append(contrast_sentence(row, results, estimand))
            continue
        size, limits = in_estimate(row["estimate"]), in_interval(row, estimand.conf_level)
        said.append(f"By {week(row['day'])}: {size} in 100 ({limits}), {verdict_of(row)}.")
    return said


def _refused_weeks(results: Results, estimand: Estimand, leading: list[ResultRow]) -> list[str]:
    """Weeks that the leading method refuses."""
    given = [None, *(row["day"] for row in leading)]
    mine = [row for row in rows_of(results, "refusal") if row["estimator"] == leading[0]["estimator"] and row["day"] not in given]
    return refusal_lines(mine, estimand)


def _other_question(results: Results, estimand: Estimand, lead: ResultRow, lead_week: int | None) -> list[str]:
    """Strategies as prescribed where those as kept up lead; where these were refused, the reason."""
    if lead["term"] == PRIMARY:
        days = dict.fromkeys((lead["day"], lead_day(results, lead_week)))
        rows = [leading_of(results, POINT_TREATMENT, day) for day in days if day is not None]
        return [contrast_sentence(found[0], results, estimand) for found in rows if found]
    refused = [row for row in rows_of(results, "refusal") if row["estimator"] == CLONES]
    asked = [row for row in refused if row["day"] == lead["day"]] or refused
    return [f"Of strategies as kept up nothing is said: {_lower(one)}" for one in refusal_lines(asked[:1], estimand)]


def refusal_lines(rows: Iterable[ResultRow], estimand: Estimand) -> list[str]:
    """Refusals or cautions, each with the strategy that it is about, each once."""
    strategies = estimand.trial.strategies if estimand.trial else ()
    said = []
    for row in rows:
        words = in_plain_words(str(row["warning"] or "no reason was recorded"), strategies)
        about = f"{strategy_name(row['stratum'])}: " if row["stratum"] in strategies else ""
        said.append(ended(sentence_case(f"{about}{words}")))
    return list(dict.fromkeys(said))


def by_method(results: Results, estimand: Estimand, statistic: str) -> tuple[str, ...]:
    """Refusals or cautions, each with the method that it comes from."""
    lines = []
    for row in rows_of(results, statistic):
        (said,) = refusal_lines([row], estimand)
        method = str(row["estimator"])
        lines.append(f"{sentence_case(method)}: {said[:1].lower()}{said[1:]}")
    return tuple(dict.fromkeys(lines))


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


def _own_cautions(results: Results, estimand: Estimand, lead: ResultRow) -> list[str]:
    """Cautions about the leading method or everything; the others stand further down."""
    rows = [row for row in rows_of(results, "caution") if row["term"] != _BANNER_WORDS]
    mine = [row for row in rows if row["estimator"] == lead["estimator"] or row["stratum"] == _OF_EVERYTHING]
    said = [f"Caution: {_lower(one)}" for one in refusal_lines(mine, estimand)]
    more = len(said) - FIRST_PAGE_CAUTIONS
    return said if more <= 0 else [*said[:FIRST_PAGE_CAUTIONS], f"{more} more: see “What was refused, and cautions”."]


def _subject(row: ResultRow) -> str:
    """What a check looked at, without its reason."""
    return str(row["warning"] or str(row["term"]).replace("_", " ")).partition(":")[0]


def _lower(text: str) -> str:
    return ended(text[:1].lower() + text[1:])


def _share_limits(row: ResultRow, estimand: Estimand) -> str:
    if row["conf_low"] is None or row["conf_high"] is None:
        return "no interval can be given"
    return f"{level(estimand.conf_level)} interval {in_100(row['conf_low'])} to {in_100(row['conf_high'])}"
