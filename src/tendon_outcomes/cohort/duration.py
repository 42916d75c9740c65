"""How long it has hurt on day 0, with what the precision of the recalled onset leaves open."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.declarations import OnsetPrecision

DURATION, DURATION_LOW, DURATION_HIGH = "duration_days", "duration_low_days", "duration_high_days"


def with_symptom_duration(episodes: pl.DataFrame, precision: OnsetPrecision) -> pl.DataFrame:
    """Episodes with duration_days and the interval [duration_low_days, duration_high_days].

    1. The duration is -onset_day; where no day of onset is on record, symptom_duration_wk as told, in days.
    2. The interval reaches as far to both sides as `onset_precision` says; what has no precision is read as `unrecorded`.
    3. It begins no earlier than day 0: the lower end is at least 0. An unknown duration stays unknown.
    """
    days = pl.coalesce(-pl.col("onset_day"), (pl.col("symptom_duration_wk") * 7).round().cast(pl.Int64))
    margin = (
        pl.col("onset_precision").fill_null(precision.unrecorded).replace_strict(precision.margin_days, return_dtype=pl.Int64())
    )
    return episodes.with_columns(
        days.alias(DURATION),
        (days - margin).clip(lower_bound=0).alias(DURATION_LOW),
        (days + margin).alias(DURATION_HIGH),
    )


def with_duration_from_onset(episodes: pl.DataFrame) -> pl.DataFrame:
    """Episodes whose symptom_duration_wk is that of the day of onset, where it is on record, as criteria read it.

    A duration told in weeks may be one in months (rule E-03 compares the two); the day is what is believed.
    """
    from_onset = -pl.col("onset_day") / 7
    return episodes.with_columns(pl.coalesce(from_onset, "symptom_duration_wk").alias("symptom_duration_wk"))
