"""What of a comparison of strategies is withheld before anybody outside the clinic may read it.

Strategies share runners: a clone stands in both, and the two arms and the rest add up to everyone. So counts stand in one place
only, the flow of the clones; every curve, contrast and diagnostic loses its own.

1. The curve of a strategy is told on days between which 0 or enough of its runners reached the endpoint, by whatever estimator.
2. A contrast is told on days by which enough of each of its strategies reached the endpoint and enough did not; see
   `disclosure_contrasts`. What rests on it goes with it.
3. The flow of the clones is a total with parts, as how follow-up ended is.
4. What describes single runners (the largest weight, the tails of the weights, histograms) stays in the clinic.
5. Effective numbers are rounded to tens, and go where they are small: with equal weights they are counts.
6. A number that would do is told where the count behind it may be.
"""

from __future__ import annotations

import polars as pl

from tendon_outcomes.results.disclosure_contrasts import contrast_days, curve_days
from tendon_outcomes.results.small_counts import is_small, suppress_parts
from tendon_outcomes.results.withholding import WITHHELD, withhold, withhold_small_rows, without_counts

WOULD_DO = "It would take "
"""What a refusal says after its reason, before the number that would do."""
SAID = "The estimator says: "
"""What stands before the own words of an estimator that refused: they may hold any count."""
CONTRASTS = ("incidence_difference", "incidence_ratio", "restricted_mean_difference", "multiverse_difference", "e_value")
CURVES = ("strategy_incidence", "effective_at_risk")
IN_THE_CLINIC = ("propensity_share", "weight_share")
WHOLE_DAYS = ("restricted_mean_difference",)
TO_TENS = ("effective_at_risk", "effective_sample_size")
WORDS_ALONE = ("falsification_panel", "causal_wording")
_DIAGNOSTICS = (
    "standardised_mean_difference",
    "variance_ratio",
    "ks_distance",
    "effective_sample_size",
    "overlap",
    "person_time_share",
    "crossover_difference",
)
_OF_SINGLE_RUNNERS = ("largest", "p99")
ABOUT_LOSS = r"^sensitivity: .*\b(?:lost|loss)\b"
"""The terms of differences under other results of those lost."""
_FLOW_PARTS = ("other_regimen", "not_started", "not_met", "reached", "competing", "lost", "followed_to_end")
KNOWN = (
    *CONTRASTS,
    *CURVES,
    *IN_THE_CLINIC,
    *WORDS_ALONE,
    *_DIAGNOSTICS,
    "weight_summary",
    "falsification",
    "clone_flow",
    "clone_overlap",
    "tipping_point",
)
Ends = dict[str, list[int]]
SEPARATELY = (*CURVES, "clone_overlap")
"""Statistics whose rows run over days for each estimator by itself."""


def suppress_strategies(part: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int, *, ends: Ends) -> pl.DataFrame:
    """The rows of one of the statistics in KNOWN, for one stratum; ``rows`` are all rows of the analysis.

    ``ends``: how the follow-up of all runners ended, of whom the clones are the same: totals by part of the flow.
    """
    match part["statistic"][0]:
        case one if one in CONTRASTS:
            return _contrast(part, rows, min_cell_count)
        case one if one in CURVES:
            return _curve(part, rows, min_cell_count)
        case one if one in IN_THE_CLINIC:
            return part.clear()
        case one if one in WORDS_ALONE:
            return without_counts(part)
        case "falsification":
            return without_counts(withhold_small_rows(_unasked(part), min_cell_count))
        case "clone_flow":
            return _flow(part, min_cell_count, ends)
        case "clone_overlap":
            return _overlap(part, min_cell_count)
        case "weight_summary":
            kept = part.filter(~pl.col("term").is_in(list(_OF_SINGLE_RUNNERS)))
            return without_counts(withhold_small_rows(kept, min_cell_count))
        case "tipping_point":
            return _tipping(part, rows, min_cell_count)
        case "effective_sample_size":
            return without_counts(withhold_small_rows(_effective(part, min_cell_count), min_cell_count))
        case _:
            return without_counts(withhold_small_rows(part, min_cell_count))


def suppress_words(part: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """Refusals and cautions: what gives a small count away goes, which is the number that would do; the reason stays."""
    behind = pl.col("n_events").is_between(1, min_cell_count - 1).fill_null(value=False)
    reason = pl.col("warning").str.split(by=WOULD_DO).list.first().str.split(by=SAID).list.first().str.strip_chars_end()
    return without_counts(part.with_columns(pl.when(behind).then(reason).otherwise(pl.col("warning")).alias("warning")))


def _unasked(part: pl.DataFrame) -> pl.DataFrame:
    """Checks that cannot be asked without the reason, which may hold counts."""
    subject = pl.col("warning").str.split(by=": ").list.first()
    unasked = pl.col("stratum") == "cannot be asked"
    return part.with_columns(pl.when(unasked).then(subject).otherwise(pl.col("warning")).alias("warning"))


def _contrast(part: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """Contrasts on days on which each of their strategies has enough with the endpoint and without.

    What the difference would be if those lost had done well or badly tells how many were lost: it is told where their shares are.
    How strong a covariate is tells of its rarer value: it is told where its balance is.
    """
    contrast = part["stratum"][0]
    hidden = [
        _off(row["day"], contrast_days(rows, contrast, row["estimator"], min_cell_count)) for row in part.iter_rows(named=True)
    ]
    few_lost = any(
        is_small(count, min_cell_count)
        for row in rows.filter(pl.col("statistic") == "lost_share").iter_rows(named=True)
        for count in (row["n_events"], row["n_at_risk"] - row["n_events"])
    )
    balance = rows.filter(pl.col("statistic") == "standardised_mean_difference", pl.col("stratum") == "before")
    rare = withhold_small_rows(balance, min_cell_count).filter(pl.col("warning").str.starts_with(WITHHELD))["term"].to_list()
    of_the_lost = part["term"].str.contains(ABOUT_LOSS) & pl.lit(few_lost)
    too_rare = (part["statistic"] == "e_value") & part["term"].is_in(rare)
    gone = part.select((pl.Series(hidden) | of_the_lost | too_rare).alias("_")).to_series()
    return without_counts(withhold_small_rows(withhold(part, gone, min_cell_count), min_cell_count))


def _off(day: int | None, told: set[int] | None) -> bool:
    """Whether a day is not told; all days are told where there is no curve, and so is a row without a day."""
    return told is not None and day is not None and day not in told


def _tipping(part: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """The difference at the tipping point starts from that of its day: it is told where this is."""
    days = [
        contrast_days(rows, one, part["estimator"][0], min_cell_count)
        for one in rows.filter(pl.col("statistic") == "incidence_difference")["stratum"].unique(maintain_order=True)
    ]
    hidden = [any(_off(day, told) for told in days) for day in part["day"].to_list()]
    shown = withhold(part, pl.Series(hidden, dtype=pl.Boolean), min_cell_count)
    return without_counts(withhold_small_rows(shown, min_cell_count), keep=True)


def _overlap(part: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """Weeks in which those who still fit both strategies, and those who do not, are 0 or enough, and so are the steps between.

    Clones leave one of the strategies: the number falls from week to week.
    """
    weeks = part.sort("day")
    told: list[int] = []
    hidden = []
    for both, followed in weeks.select(pl.col("n_events", "n_at_risk").fill_null(0)).iter_rows():
        others = followed - both if both else 0
        gone = any(is_small(count, min_cell_count) for count in (both, others, *(abs(both - one) for one in told)))
        hidden.append(gone)
        told += [] if gone else [both]
    return without_counts(withhold(weeks, pl.Series(hidden, dtype=pl.Boolean), min_cell_count))


def _effective(part: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """Effective numbers that are themselves small go: with equal weights they are counts."""
    few = (pl.col("estimate") < min_cell_count).fill_null(value=False)
    return withhold(part, part.select(few.alias("_")).to_series(), min_cell_count)


def _curve(part: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """Milestones keep their place, with the reason where they are not told; days of the curve that are not told go."""
    own = rows.filter(
        pl.col("statistic") == "strategy_incidence",
        pl.col("stratum") == part["stratum"][0],
        pl.col("estimator") == part["estimator"][0],
    )
    told = list(curve_days(own, rows, min_cell_count))
    kept = part.filter((pl.col("term") == "milestone") | pl.col("day").is_in(told))
    shown = withhold(kept, ~kept["day"].is_in(told), min_cell_count)
    if part["statistic"][0] == "effective_at_risk":
        shown = _effective(shown, min_cell_count)
    return without_counts(shown)


def ends_of_all(rows: pl.DataFrame) -> Ends:
    """How the follow-up of everybody ended, by part of the flow of the clones: events are the clones that reached it."""
    counts = rows.filter(pl.col("statistic") == "count")
    found: Ends = {}
    for of_one in counts.partition_by("estimand"):
        for term, total in of_one.group_by("term").agg(pl.col("n_events").sum()).iter_rows():
            found.setdefault({"event": "reached"}.get(term, term), []).append(total or 0)
    return found


def _flow(part: pl.DataFrame, min_cell_count: int, ends: Ends) -> pl.DataFrame:
    """A total and its parts; those who started are told beside the total where both they and the others are 0 or enough.

    A part that comes close to the same end of all runners goes: the rest of these are the few who had departed before.
    """
    values = {term: value or 0 for term, value in part.select("term", "n_events").iter_rows()}
    parts = [term for term in _FLOW_PARTS if term in values]
    close = [any(is_small(abs(total - values[term]), min_cell_count) for total in ends.get(term, ())) for term in parts]
    decided = suppress_parts([values[term] for term in parts], min_cell_count, withheld=close)
    gone = {term for term, hidden in zip(parts, decided, strict=True) if hidden}
    total, started = values.get("cloned", 0), values.get("started", 0)
    rest = sum(values[term] for term in gone)
    if is_small(total, min_cell_count) or (gone and (rest < min_cell_count or len(gone) == 1)):
        gone = set(values)
    not_started = values.get("not_started", 0)
    beside = (started, total - started, abs(total - started - not_started))
    if any(is_small(count, min_cell_count) for count in beside):
        gone.add("started")
    hidden = pl.Series([term in gone for term in part["term"].to_list()], dtype=pl.Boolean)
    return withhold(part, hidden, min_cell_count)
