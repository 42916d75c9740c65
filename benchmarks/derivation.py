"""Deriving a registry: 1 million visits and 5 million sessions to endpoints, week states and strategies, beside sorting them.

Each run is one process that reads stored tables, derives once and reports seconds and the peak of its memory, tables included.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tendon_outcomes.cohort import ascertain, assemble_cohort  # noqa: E402
from tendon_outcomes.cohort.exposure.strategies import classify_strategies  # noqa: E402
from tendon_outcomes.cohort.exposure.weeks import person_weeks  # noqa: E402
from tendon_outcomes.declarations import declare, endpoint_asked  # noqa: E402
from tendon_outcomes.records import RECORD_ID, ValidatedRecords, dtype_of, with_unrecorded  # noqa: E402
from tendon_outcomes.synthetic import simulate_clinic  # noqa: E402
from tests.simulation.clinic_records import everyone, records_of  # noqa: E402

VISITS, SESSIONS = 1_000_000, 5_000_000
_SEEN = 20_000  # episodes that are simulated; the registry repeats them under other ids


def registry(share: float) -> ValidatedRecords:
    """Records with that share of the visits and sessions, in no order: simulated episodes under new ids, sessions at random."""
    declared = declare()
    clinic = simulate_clinic(_SEEN, seed=3)
    rng = np.random.default_rng(4)
    visits = _repeated(clinic.tables["visit"], int(share * VISITS))
    copies = visits["copy"].max()
    assert isinstance(copies, int)
    episodes = pl.concat([_of_copy(clinic.tables["episode"], copy) for copy in range(copies + 1)])
    seen = episodes.join(visits.select("episode_id").unique(), on="episode_id", how="semi")
    tables = {
        **{name: table.clear() for name, table in clinic.tables.items()},
        "episode": seen,
        "visit": visits.drop("copy").sample(fraction=1.0, shuffle=True, seed=5),
        "session": _sessions(seen["episode_id"], int(share * SESSIONS), rng),
    }
    return records_of(tables, declared)


def derive(records: ValidatedRecords) -> dict[str, int]:
    """Both primary endpoints, the week states with their amounts, and the strategies."""
    declared = declare()
    cohort = assemble_cohort(records, everyone(declared))
    counts = {"episodes": cohort.episodes.height}
    for reference in ("pain_free_running.2", "meaningful_improvement.1"):
        follow_up = ascertain(cohort, endpoint_asked(declared, reference), horizon_weeks=26)
        counts[reference] = int((follow_up.episodes["code"] == 0).sum())
    weeks = person_weeks(cohort, declared.regimen("1"), weeks=26)
    labels = classify_strategies(weeks)
    return counts | {"weeks": weeks.frame.height, "labels": labels.frame.height}


def sort(records: ValidatedRecords) -> None:
    """The peer's work: the same rows by episode and day, only the columns that hold something."""
    for name in ("visit", "session"):
        table = records.table(name)
        held = [one for one in table.columns if table[one].null_count() < table.height]
        table.select(held).sort("episode_id", "day")


def timed(share: float) -> dict[str, float]:
    """Seconds of the derivation and of the sort, and the peak of memory in GB, of one process on stored tables."""
    with tempfile.TemporaryDirectory() as folder:
        _own_process("make", str(share), folder)
        measured: dict[str, float] = json.loads(_own_process("measure", folder))
    return measured


def _own_process(*arguments: str) -> str:
    return subprocess.run([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def _of_copy(table: pl.DataFrame, copy: int) -> pl.DataFrame:
    ids = [name for name in ("episode_id", "patient_id") if name in table.columns]
    return table.with_columns(pl.concat_str(pl.col(name), pl.lit(f"-{copy}")).alias(name) for name in ids)


def _repeated(table: pl.DataFrame, rows: int) -> pl.DataFrame:
    copies = -(-rows // table.height)
    whole = [_of_copy(table, copy).with_columns(pl.lit(copy).alias("copy")) for copy in range(copies)]
    return pl.concat(whole).head(rows)


def _sessions(episodes: pl.Series, rows: int, rng: np.random.Generator) -> pl.DataFrame:
    modality = [
        "iso",
        "isotonic_low_flex",
        "isotonic_high_flex",
        "energy_storage",
        "hamstring_stretch",
        "foam_roll",
        "hip_strength",
    ]
    return pl.DataFrame(
        {
            "session_id": pl.int_range(rows, eager=True).cast(pl.String),
            "episode_id": episodes.gather(rng.integers(0, len(episodes), rows)),
            "day": rng.integers(0, 182, rows),
            "modality": pl.Series(modality).gather(rng.integers(0, len(modality), rows)),
            "sets": rng.integers(2, 6, rows),
            "reps": rng.integers(6, 16, rows),
            "hold_s": rng.choice([20.0, 30.0, 45.0], rows),
            "load_kg": rng.integers(4, 60, rows).astype(float),
            "nprs_during": rng.integers(0, 7, rows),
            "prescribed": np.ones(rows, dtype=bool),
            "completed_frac": rng.choice([0.0, 0.5, 1.0], rows, p=[0.1, 0.2, 0.7]),
        }
    )


def make(share: float, folder: Path) -> None:
    for name, table in registry(share).tables.items():
        held = [one for one in table.columns if table[one].null_count() < table.height]
        table.select(held or ["record_id"]).write_parquet(folder / f"{name}.parquet")


def measure(folder: Path) -> dict[str, float]:
    declared = declare()
    tables = {}
    for name, table in declared.tables.items():
        schema = {RECORD_ID: pl.String(), **{one: dtype_of(column) for one, column in table.column.items()}}
        tables[name] = with_unrecorded(pl.read_parquet(folder / f"{name}.parquet"), schema)
    records = ValidatedRecords(tables, ledger=())
    few = records_of({name: table.head(1_000) for name, table in tables.items()}, declared)
    derive(few)  # loads what is loaded once
    started = time.perf_counter()
    counts = derive(records)
    seconds, peak = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sort(records)
    started = time.perf_counter()
    sort(records)
    return {"seconds": seconds, "sort_seconds": time.perf_counter() - started, "peak_gb": peak, **counts}


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(float(sys.argv[2]), Path(sys.argv[3]))
    else:
        print(json.dumps(measure(Path(sys.argv[2]))))
