"""Gate row `permutation_invariance`: order of rows and patients, cutting of files and dates of a patient change nothing.

A synthetic clinic is written as a dated export and goes through the front door: once as it is, then changed. Everything that is
derived is compared cell by cell, record ids by what their record says.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tendon_outcomes.declarations import ColumnMap, Declarations, declare  # noqa: E402
from tendon_outcomes.records import ValidatedRecords, ingest  # noqa: E402
from tendon_outcomes.synthetic import simulate_clinic  # noqa: E402
from tendon_outcomes.vocabulary import OnReject  # noqa: E402
from tests.properties.derived import derived  # noqa: E402

AS_OF = dt.date(2030, 1, 1)
DAY = "%Y-%m-%d"
Export = dict[str, pl.DataFrame]
Change = Callable[[Export, np.random.Generator], Export]


def dated(tables: Mapping[str, pl.DataFrame], base: Mapping[str, dt.date]) -> Export:
    """The tables with a calendar date in place of every day, counted from each episode's own first date."""
    first = pl.DataFrame({"episode_id": list(base), "first": list(base.values())})
    export: Export = {}
    for name, table in tables.items():
        rows = table.join(first, on="episode_id", how="left", maintain_order="left")
        if name == "episode":
            rows = rows.with_columns(pl.col("first").dt.to_string(DAY).alias("index_date")).drop("index_year")
        else:
            rows = rows.with_columns((pl.col("first") + pl.duration(days="day")).dt.to_string(DAY).alias("day"))
        export[name] = rows.drop("first")
    return export


def ingested(export: Export, folder: Path, declared: Declarations) -> ValidatedRecords:
    """The export as files through the front door. A table may be cut into several files: `visit`, `visit+1`, ..."""
    sources = []
    for name, table in export.items():
        table.write_csv(folder / f"{name}.csv")
        kind = name.partition("+")[0]
        columns: dict[str, object] = {one: one for one in table.columns if one in declared.tables[kind].column}
        if kind != "episode":
            columns["day"] = {"from": "day", "date": DAY}
        left_out = {"index_date": "it is read as day 0"} if kind == "episode" else {}
        sources.append({"file": f"{name}.csv", "table": kind, "columns": columns, "left_out": left_out})
    index = {"file": "episode.csv", "episode_id": "episode_id", "column": "index_date", "date": DAY}
    column_map = ColumnMap.model_validate({"clinic": "test", "source": sources, "index_date": index})
    return ingest(folder, column_map, declared, as_of=AS_OF, on_reject=OnReject.STOP)


def shuffled(export: Export, rng: np.random.Generator) -> Export:
    """Rows in another order in every file."""
    return {name: table[rng.permutation(table.height)] for name, table in export.items()}


def patients_in_blocks(export: Export, rng: np.random.Generator) -> Export:
    """Whole patients in another order, their rows as they were."""
    patients = export["episode"]["episode_id"].to_numpy()
    place = pl.DataFrame({"episode_id": patients, "place": rng.permutation(patients.size)})
    return {
        name: table.join(place, on="episode_id", how="left", maintain_order="left")
        .sort("place", maintain_order=True)
        .drop("place")
        for name, table in export.items()
    }


def cut_into_files(export: Export, rng: np.random.Generator) -> Export:
    """Every table but the episodes in three files, cut anywhere."""
    parts: Export = {"episode": export["episode"]}
    for name, table in export.items():
        if name == "episode":
            continue
        low, high = sorted(rng.integers(0, table.height + 1, 2).tolist())
        pieces = (table[:low], table[low:high], table[high:])
        parts |= {f"{name}+{number}": piece for number, piece in enumerate(pieces) if piece.height}
    return parts


def moved_in_time(export: Export, rng: np.random.Generator) -> Export:
    """Every date of an episode later or earlier by a constant of its own, up to two years."""
    episodes = export["episode"]["episode_id"].to_list()
    by = pl.DataFrame({"episode_id": episodes, "by": rng.integers(-730, 731, len(episodes))})

    def move(table: pl.DataFrame, column: str) -> pl.DataFrame:
        later = table.join(by, on="episode_id", how="left", maintain_order="left")
        date = pl.col(column).str.to_date(DAY) + pl.duration(days="by")
        return later.with_columns(date.dt.to_string(DAY).alias(column)).drop("by")

    return {name: move(table, "index_date" if name == "episode" else "day") for name, table in export.items()}


def wrong_by_a_day(export: Export, rng: np.random.Generator) -> Export:
    """Not a permutation: every visit of one episode in five a day later. The comparison must see it."""
    late = pl.col("episode_id").str.slice(-1).is_in(["3", "8"]) & (pl.col("day") > "2021-01-01")
    moved = (pl.col("day").str.to_date(DAY) + pl.duration(days=1)).dt.to_string(DAY)
    return {**export, "run_week": export["run_week"].with_columns(pl.when(late).then(moved).otherwise("day").alias("day"))}


CHANGES: dict[str, Change] = {
    "rows shuffled": shuffled,
    "patients in another order": patients_in_blocks,
    "files cut": cut_into_files,
    "dates of a patient moved": moved_in_time,
    "all of them": lambda export, rng: shuffled(cut_into_files(moved_in_time(export, rng), rng), rng),
}


def differing(one: Mapping[str, pl.DataFrame], other: Mapping[str, pl.DataFrame]) -> list[str]:
    return [name for name in one if not one[name].equals(other[name])]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args(arguments)
    episodes, rounds = (150, 1) if asked.quick else (400, 4)
    declared = declare()
    rng = np.random.default_rng(20)
    clinic = simulate_clinic(episodes, seed=20)
    base = {
        name: dt.date(2022, 1, 1) + dt.timedelta(days=int(rng.integers(0, 900)))
        for name in clinic.tables["episode"]["episode_id"]
    }
    export = dated(clinic.tables, base)

    def results(changed: Export) -> dict[str, pl.DataFrame]:
        with tempfile.TemporaryDirectory() as folder:
            return derived(ingested(changed, Path(folder), declared), declared)

    plain = results(export)
    compared = found = 0
    for number in range(rounds):
        for name, change in CHANGES.items():
            changed = differing(plain, results(change(export, rng)))
            compared, found = compared + len(plain), found + len(changed)
            print(f"round {number + 1}, {name}: {', '.join(changed) or 'nothing differs'}")
    seen = bool(differing(plain, results(wrong_by_a_day(export, rng))))
    print(f"{found} of {compared} derived tables differ; reports a day late were {'seen' if seen else 'NOT SEEN'}")
    return 0 if not found and seen else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
