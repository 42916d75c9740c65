"""What a rule across rows and tables looks at, and the two questions that several of them put to it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import polars as pl

from tendon_outcomes.declarations import Declarations, Table


@dataclass(frozen=True)
class Evidence:
    """One table, every row of the episode table, and the episodes and events that were accepted.

    `recorded` are the columns that the export fills. `unread` are the rows of the table with a cell that could not be read.
    `untold` are the episodes of which an event or a procedure was rejected.
    """

    declarations: Declarations
    table: Table
    frame: pl.DataFrame
    recorded: frozenset[str]
    unread: pl.Series
    episodes: pl.DataFrame
    accepted_episodes: pl.Series
    accepted_events: pl.DataFrame
    as_of: dt.date
    untold: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))

    def of_episode(self, column: str) -> pl.Series:
        """For each row what its episode says in a column; null where it has no episode, or one that contradicts itself."""
        said = self.episodes.select("episode_id", column).drop_nulls().unique()
        agreed = said.filter(pl.col("episode_id").is_unique())
        rows = self.frame.select(pl.col("episode_id"))
        return rows.join(agreed, on="episode_id", how="left", maintain_order="left")[column]

    def in_order(self, *columns: str) -> pl.DataFrame:
        """The named columns after `row`, `episode_id` and `day`, sorted by episode and day: the table as stories."""
        numbered = self.frame.select(pl.int_range(pl.len()).alias("row"), "episode_id", "day", *columns)
        return numbered.drop_nulls(["episode_id", "day"]).sort("episode_id", "day", "row")

    def mask(self, rows: pl.Series) -> pl.Series:
        """True at the given positions of the table."""
        return pl.int_range(len(self.frame), eager=True).is_in(rows.implode())
