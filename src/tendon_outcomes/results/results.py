"""The answer to one estimand: rows, the flow that led to them, where they come from, and whether small cells are gone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import polars as pl

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.results.attrition import Attrition
from tendon_outcomes.results.provenance import Provenance
from tendon_outcomes.results.rows import Row, frame


@dataclass(frozen=True)
class Results:
    """Everything one estimand came to. Tables, figures, sentences and results.json are views of `rows`.

    `min_cell_count` is None until small cells have been dealt with; nothing renders before that. 1 means that nothing was
    hidden, on purpose, for readers inside the clinic.
    """

    estimand: str
    question: str
    rows: pl.DataFrame
    attrition: Attrition
    provenance: Provenance | None = None
    min_cell_count: int | None = None

    @classmethod
    def collect(cls, estimand: Estimand, *tables: Iterable[Row], attrition: Attrition) -> Results:
        """Gather the rows of one estimand in the order given."""
        gathered = frame(row for table in tables for row in table)
        named = gathered.with_columns(pl.lit(estimand.name).alias("estimand"))
        return cls(estimand=estimand.name, question=estimand.question, rows=named, attrition=attrition)

    def stamped(self, provenance: Provenance) -> Results:
        """These results with where they come from on every row."""
        rows = self.rows.with_columns(pl.lit(provenance.provenance_id).alias("provenance_id"))
        return replace(self, rows=rows, provenance=provenance)

    def tidy(self) -> pl.DataFrame:
        """All rows."""
        return self.rows

    def select(self, statistic: str, *, term: str | None = None) -> pl.DataFrame:
        """The rows of one statistic, and of one term when it is given."""
        chosen = self.rows.filter(pl.col("statistic") == statistic)
        return chosen if term is None else chosen.filter(pl.col("term") == term)

    def glance(self) -> dict[str, Any]:
        """One line: how many entered, the verdict if there is one, how much was refused."""
        verdicts = self.select("verdict")["term"].to_list()
        return {
            "estimand": self.estimand,
            "n": self.attrition.n_end,
            "verdict": verdicts[0] if verdicts else None,
            "refusals": self.select("refusal").height,
            "min_cell_count": self.min_cell_count,
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "estimand": self.estimand,
            "question": self.question,
            "rows": self.rows.to_dicts(),
            "attrition": asdict(self.attrition),
            "provenance": None
            if self.provenance is None
            else {**asdict(self.provenance), "provenance_id": self.provenance.provenance_id},
            "min_cell_count": self.min_cell_count,
        }

    def summary(self) -> str:
        """Milestones, the verdict, refusals and cautions as text, for a terminal."""
        lines = [self.question]
        for row in self.select("cumulative_incidence", term="milestone").iter_rows(named=True):
            lines.append(f"  {row['stratum']}, day {row['day']}: {interval_text(row)}")
        lines += [f"  verdict: {term}" for term in self.select("verdict")["term"].to_list()]
        for statistic in ("refusal", "caution"):
            lines += [f"  {statistic}: {says}" for says in self.select(statistic)["warning"].unique(maintain_order=True)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return self.rows._repr_html_()


def interval_text(row: dict[str, Any]) -> str:
    """`0.32 (0.27 to 0.38)`, or why there is no such number."""
    if row["conf_low"] is None:
        return str(row["warning"] or "not shown")
    limits = f"{row['conf_low']:.3f} to {row['conf_high']:.3f}"
    return f"between {limits}" if row["estimate"] is None else f"{row['estimate']:.3f} ({limits})"


def results_json(results: Iterable[Results]) -> bytes:
    """The file results.json: the same results give the same bytes."""
    content = {"format": 1, "results": [one.to_dict() for one in results]}
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
