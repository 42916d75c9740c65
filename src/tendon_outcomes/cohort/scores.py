"""What counts as a score: instrument totals from their items, and no running pain where nobody ran."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tendon_outcomes.declarations import Instrument
from tendon_outcomes.records import RUN_PAINS, nobody_ran, score_of_items


def score(visits: pl.DataFrame, instruments: Sequence[Instrument]) -> pl.DataFrame:
    """Visits with every instrument's total column replaced by its score.

    1. No item recorded: the supplied total stands.
    2. All items recorded, and of each branch group exactly one, or at least the declared `min_items` of a list that the patient
       chooses: their sum or mean as the instrument declares, also where the supplied total disagrees.
    3. Anything between: no score. The instrument has no validated pro-rating, and a total that its items
       contradict cannot be checked.
    """
    totals = [
        score_expression(instrument).alias(instrument.total_column)
        for instrument in instruments
        if instrument.items and instrument.total_column in visits.columns
    ]
    return visits.with_columns(totals)


def score_expression(instrument: Instrument) -> pl.Expr:
    """The score of one instrument on a frame that holds its item columns and its total column."""
    nothing = pl.all_horizontal(pl.col(item.code).is_null() for item in instrument.items)
    supplied = pl.col(instrument.total_column).cast(pl.Float64)
    return pl.when(nothing).then(supplied).otherwise(score_of_items(instrument))


def without_pain_of_no_run(rows: pl.DataFrame) -> pl.DataFrame:
    """Visits or weekly reports in which a running pain of 0 is no score where nobody ran: rules V-04 and W-04 flag such rows.

    Nobody ran: the distance is 0 or running was stopped, and no run was attempted. A pain above 0 stays: it was felt.
    """
    no_score = {pain: (nobody_ran() & (pl.col(pain) == 0)).fill_null(value=False) for pain in RUN_PAINS}
    return rows.with_columns(pl.when(~none).then(pl.col(pain)).alias(pain) for pain, none in no_score.items())
