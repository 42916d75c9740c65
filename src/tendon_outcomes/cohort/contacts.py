"""Every day on which something was heard of an episode."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

_TABLES = ("visit", "run_week", "session")


def contacts_of(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row for each visit, weekly report and logged session: episode_id, day."""
    return pl.concat([tables[name].select("episode_id", "day") for name in _TABLES])
