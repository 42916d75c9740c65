"""One result is one row; a table of results is a polars frame with fixed columns."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One number with what is needed to read it: which estimand, by which estimator, for whom, when, how sure.

    `day` is a day offset from day 0; `at` is the value of the prognostic factor that the number speaks of. Where the records
    leave the estimate open, `estimate` is None and `bound_low` and `bound_high` are what it lies between; the confidence limits
    then hold for the bounds. `warning` carries a refusal's reason or a caution; it is part of the result.
    """

    estimator: str
    statistic: str
    estimand: str = ""
    stratum: str = "all"
    term: str = ""
    day: int | None = None
    at: float | None = None
    estimate: float | None = None
    bound_low: float | None = None
    bound_high: float | None = None
    std_error: float | None = None
    conf_low: float | None = None
    conf_high: float | None = None
    n_at_risk: int | None = None
    n_events: int | None = None
    n_censored: int | None = None
    warning: str = ""
    provenance_id: str = ""


SCHEMA: dict[str, pl.DataType] = {
    "estimand": pl.String(),
    "estimator": pl.String(),
    "stratum": pl.String(),
    "term": pl.String(),
    "day": pl.Int64(),
    "at": pl.Float64(),
    "statistic": pl.String(),
    "estimate": pl.Float64(),
    "bound_low": pl.Float64(),
    "bound_high": pl.Float64(),
    "std_error": pl.Float64(),
    "conf_low": pl.Float64(),
    "conf_high": pl.Float64(),
    "n_at_risk": pl.Int64(),
    "n_events": pl.Int64(),
    "n_censored": pl.Int64(),
    "warning": pl.String(),
    "provenance_id": pl.String(),
}
"""The columns of data_schemas/results.toml, in their order; a test holds the two together."""


def frame(rows: Iterable[Row]) -> pl.DataFrame:
    """Rows as a frame with the declared columns. What is not a finite number becomes null: JSON knows no infinity."""
    table = pl.DataFrame([asdict(row) for row in rows], schema=SCHEMA)
    floats = [name for name, dtype in SCHEMA.items() if dtype == pl.Float64()]
    return table.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in floats)


def finite(value: float) -> float | None:
    """The value, or None where it does not exist or is "not reached"."""
    return value if math.isfinite(value) else None
