"""What of a comparison of strategies is withheld before anybody outside the clinic may read it.

Strategies share runners: a clone stands in both, and the two arms and the rest add up to everyone. So counts stand in one place
only, the flow of the clones; every curve, contrast and diagnostic loses its own.

1. The curve of a strategy is told on days between which 0 or enough of its runners reached the endpoint, by whatever estimator.
2. A contrast is told on days on which the curve of each of its strategies may be told.
3. The flow of the clones is a total with parts, as how follow-up ended is.
4. What describes single runners (the largest weight, the tails of the weights, histograms) stays in the clinic.
5. Effective numbers are rounded to tens: with equal weights they are counts.
6. A number that would do is told where the count behind it may be.
"""

from __future__ import annotations

import polars as pl

from tendon_outcomes.results.small_counts import is_small, longest_chain, suppress_parts
from tendon_outcomes.results.withholding import days_between, running_count, withhold, withhold_small_rows, without_counts

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
SEPARATELY = (*CURVES, "clone_overlap")
"""Statistics whose rows run over days for each estimator by itself."""


def suppress_strategies(part: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """The rows of one of the statistics in KNOWN, for one stratum; ``rows`` are all rows of the analysis."""
    match part["statistic"][0]:
        case one if one in CONTRASTS:
            told = _days_of_all(rows, part["stratum"][0], min_cell_count)
            return without_counts(withhold_small_rows(withhold(part, _off(part, told), min_cell_count), min_cell_count))
        case one if one in CURVES:
            return _curve(part, rows, min_cell_count)
        case one if one in IN_THE_CLINIC:
            return part.clear()
        case one if one in WORDS_ALONE:
            return without_counts(part)
        case "falsification":
            return without_counts(withhold_small_rows(_unasked(part), min_cell_count))
        case "clone_flow":
            return _flow(part, min_cell_count)
        case "clone_overlap":
            return running_count(part.sort("day"), "n_events", None, min_cell_count)
        case "weight_summary":
            kept = part.filter(~pl.col("term").is_in(list(_OF_SINGLE_RUNNERS)))
            return without_counts(withhold_small_rows(kept, min_cell_count))
        case "tipping_point":
            return without_counts(withhold_small_rows(part, min_cell_count), keep=True)
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


def _off(part: pl.DataFrame, told: set[int] | None) -> pl.Series:
    """Rows of days that are not told; all days are where there is no curve, and so is a row without a day."""
    if told is None:
        return pl.repeat(value=False, n=part.height, eager=True)
    return part.select((~pl.col("day").is_in(list(told))).fill_null(value=False).alias("_")).to_series()


def _days_of_all(rows: pl.DataFrame, contrast: str, min_cell_count: int) -> set[int] | None:
    """Days on which the curve of every strategy of a contrast is told; None where there are no curves."""
    found: set[int] | None = None
    for stratum in contrast.split(" - "):
        curve = rows.filter(pl.col("statistic") == "strategy_incidence", pl.col("stratum") == stratum)
        for part in curve.partition_by("estimator"):
            days = set(_told(part, rows, min_cell_count))
            found = days if found is None else found & days
    return found


def _told(part: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int) -> dict[int, int]:
    """Days of one curve that are told, with their counts: milestones first, as many as events allow, then what fits between.

    Of milestones that cannot both be told, the day of the sensitivity analyses goes first.
    """
    followed = part.filter((pl.col("n_at_risk") >= min_cell_count).fill_null(value=True)).sort("day")
    milestones = followed.filter(pl.col("term") == "milestone")
    counts = [value or 0 for value in milestones["n_events"]]
    asked = rows.filter(pl.col("statistic").is_in(["e_value", "multiverse_difference", "tipping_point"]))["day"].to_list()
    chain = longest_chain(counts, min_cell_count, prefer=[day in asked for day in milestones["day"]])
    anchors = {int(milestones["day"][position]): counts[position] for position in chain}
    rest = followed.filter(pl.col("term") != "milestone", ~pl.col("day").is_in(milestones["day"].to_list()))
    return days_between(rest, "n_events", anchors, min_cell_count)


def _curve(part: pl.DataFrame, rows: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """Milestones keep their place, with the reason where they are not told; days of the curve that are not told go."""
    own = rows.filter(
        pl.col("statistic") == "strategy_incidence",
        pl.col("stratum") == part["stratum"][0],
        pl.col("estimator") == part["estimator"][0],
    )
    told = list(_told(own, rows, min_cell_count))
    kept = part.filter((pl.col("term") == "milestone") | pl.col("day").is_in(told))
    return without_counts(withhold(kept, ~kept["day"].is_in(told), min_cell_count))


def _flow(part: pl.DataFrame, min_cell_count: int) -> pl.DataFrame:
    """A total and its parts; those who started are told beside the total where both they and the others are 0 or enough."""
    values = {term: value or 0 for term, value in part.select("term", "n_events").iter_rows()}
    parts = [term for term in _FLOW_PARTS if term in values]
    decided = suppress_parts([values[term] for term in parts], min_cell_count)
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
