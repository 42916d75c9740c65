"""What holds for any export: every record is accounted for, and neither its order nor its container changes a table."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tendon_outcomes.declarations import ColumnMap
from tendon_outcomes.errors import TendonOutcomesError
from tendon_outcomes.records import RECORD_ID, ValidatedRecords, read_files
from tests.made_exports import as_declared, csv_text, ingested, row, write

EXAMPLES = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PAINS = st.sampled_from(["", "0", "3", "10", "11", "-1", "3,5", "five", " 4 ", "4.0", "999", "\u00a0", "\ufffd", "=1+1"])
KILOMETRES = st.sampled_from(["", "0", "12.5", "301", "inf", "12 km", "1e1"])
NAMES = st.sampled_from(["E1", "E2", "E3", " E1", "e1", "E9", ""])
WEEKS = st.fixed_dictionaries(
    {
        "episode_id": NAMES,
        "week": st.sampled_from(["1", "2", "3", "105", "x", ""]),
        "day": st.sampled_from(["7", "14", "-1", "800", "2024-03-01", "20240301", ""]),
        "nprs_run": PAINS,
        "wk_km": KILOMETRES,
    }
)
EPISODES = st.lists(
    st.fixed_dictionaries(
        {
            "episode_id": NAMES,
            "age_y": st.sampled_from(["40", "41", "17", "old", ""]),
            "side": st.sampled_from(["left", "right", "both", ""]),
        }
    ).map(lambda cells: row("episode", **cells)),
    max_size=6,
)
STEADY = [row("episode", episode_id=f"E{at}", patient_id=f"P{at}") for at in range(3)]


def _tables_without_place(records: ValidatedRecords) -> dict[str, pl.DataFrame]:
    return {name: frame.drop(RECORD_ID) for name, frame in records.tables.items()}


def _same_tables(left: ValidatedRecords, right: ValidatedRecords) -> bool:
    ours, theirs = _tables_without_place(left), _tables_without_place(right)
    return all(ours[name].equals(theirs[name]) for name in ours)


def _ingested(files: dict[str, str | bytes], column_map: ColumnMap, **options: Any) -> ValidatedRecords:
    with tempfile.TemporaryDirectory() as folder:
        return ingested(write(Path(folder), files), column_map, **options)


@EXAMPLES
@given(episodes=EPISODES, weeks=st.lists(WEEKS, max_size=12), data=st.data())
def test_every_record_of_a_dirty_file_is_accounted_for(
    episodes: list[dict[str, str]], weeks: list[dict[str, str]], data: st.DataObject
) -> None:
    # Exact: read = accepted + rejected + blank + left_out for any bytes, or a typed refusal; every reason is told.
    content = csv_text([*weeks, row("run_week", nprs_run="", wk_km="")]).encode()
    for _ in range(data.draw(st.integers(0, 3), label="faults")):
        at = data.draw(st.integers(0, len(content)), label="at")
        piece = data.draw(st.sampled_from([b'"', b",", b"\n", b"\r\n", b"\xe9", b"\0", b";", b"\n,,,,\n", b""]), label="piece")
        content = content[:at] + piece + content[at + data.draw(st.integers(0, 2), label="cut") :]
    files: dict[str, str | bytes] = {"episode.csv": csv_text([*STEADY[:1], *episodes]), "run_week.csv": content}
    try:
        records = _ingested(files, as_declared("episode", "run_week"))
    except TendonOutcomesError as refused:
        assert refused.exit_code in (1, 2)  # noqa: PT017  any other outcome of a fuzzed file is a defect
        assert refused.way_out  # noqa: PT017
        return
    for line in records.ledger:
        assert line.balances
        assert line.accepted == len(records.table(line.table))
        rejected = records.rejected.get(line.file)
        assert line.rejected == (0 if rejected is None else rejected.filter(pl.col("rules") != "").height)


@EXAMPLES
@given(weeks=st.lists(WEEKS, max_size=20))
def test_no_cell_of_an_accepted_row_is_lost(weeks: list[dict[str, str]]) -> None:
    # Exact: an accepted row has a value exactly where its cell had something other than space in it.
    records = _ingested(
        {"episode.csv": csv_text(STEADY), "run_week.csv": csv_text([*weeks, row("run_week", nprs_run="", wk_km="")])},
        as_declared("episode", "run_week"),
    )
    accepted = records.table("run_week")
    for record_id, *values in accepted.select(RECORD_ID, "episode_id", "week", "day", "nprs_run", "wk_km").iter_rows():
        number = int(record_id.partition("#")[2])
        cells = [*weeks, row("run_week", nprs_run="", wk_km="")][number - 1]
        filled = [bool(cells[name].strip(" \u00a0")) for name in ("episode_id", "week", "day", "nprs_run", "wk_km")]
        assert [value is not None for value in values] == filled


@EXAMPLES
@given(episodes=EPISODES, weeks=st.lists(WEEKS, max_size=12))
def test_csv_and_parquet_of_the_same_cells_give_the_same_tables(
    episodes: list[dict[str, str]], weeks: list[dict[str, str]]
) -> None:
    # Exact: the same text cells in two containers.
    tables = {"episode": [*STEADY, *episodes], "run_week": [*weeks, row("run_week", nprs_run="", wk_km="")]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for table, rows in tables.items():
            write(folder, {f"{table}.csv": csv_text(rows)})
            columns = list(dict.fromkeys(column for one in rows for column in one))
            pl.DataFrame({column: [one.get(column, "") for one in rows] for column in columns}).write_parquet(
                folder / f"{table}.parquet"
            )
        from_csv = ingested(folder, as_declared(*tables))
        from_parquet = ingested(folder, as_declared(*tables, ending="parquet"))
    assert _same_tables(from_csv, from_parquet)
    assert [line.accepted for line in from_csv.ledger] == [line.accepted for line in from_parquet.ledger]
    counts = [(one.rule, one.table, one.column, one.count) for one in from_csv.rule_counts]
    assert counts == [(one.rule, one.table, one.column, one.count) for one in from_parquet.rule_counts]


@EXAMPLES
@given(episodes=EPISODES, weeks=st.lists(WEEKS, min_size=1, max_size=12), data=st.data())
def test_the_order_of_rows_and_the_cutting_into_files_change_no_table(
    episodes: list[dict[str, str]], weeks: list[dict[str, str]], data: st.DataObject
) -> None:
    # Exact: the same rows permuted, and cut into two files.
    episodes = [*STEADY, *episodes]
    cut = data.draw(st.integers(0, len(weeks)), label="cut")
    shuffled_episodes = data.draw(st.permutations(episodes), label="episodes")
    shuffled_weeks = data.draw(st.permutations(weeks), label="weeks")
    header = csv_text(weeks).partition("\n")[0] + "\n"
    whole = _ingested({"episode.csv": csv_text(episodes), "run_week.csv": csv_text(weeks)}, as_declared("episode", "run_week"))
    names = ("episode.csv", "a.csv", "b.csv")
    sources = [{"file": file, "table": "run_week", "columns": "as_declared"} for file in names]
    sources[0]["table"] = "episode"
    parts = [csv_text(part) if part else header for part in (shuffled_weeks[:cut], shuffled_weeks[cut:])]
    files: dict[str, str | bytes] = dict(zip(names, (csv_text(shuffled_episodes), *parts), strict=True))
    split = _ingested(files, ColumnMap.model_validate({"clinic": "test", "source": sources}))
    assert _same_tables(whole, split)
    assert sum(line.rejected for line in whole.ledger) == sum(line.rejected for line in split.ledger)


@EXAMPLES
@given(
    cells=st.lists(
        st.lists(st.text(alphabet="aZ9,;\"\n\t é\u00a0'=", max_size=6), min_size=3, max_size=3), min_size=1, max_size=8
    )
)
def test_polars_and_the_csv_module_read_the_same_cells(cells: list[list[str]]) -> None:
    # Reference: the csv module of the standard library reads what it wrote.
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([["episode_id", "side", "tendon"], *cells])
    with tempfile.TemporaryDirectory() as name:
        folder = write(Path(name), {"episode.csv": text.getvalue()})
        try:
            raw = read_files(folder, as_declared("episode")).files["episode.csv"]
        except TendonOutcomesError:
            # A cell whose lines look like whole rows is refused on purpose.
            assume(any(line.count(",") == 2 for one in cells for cell in one for line in cell.split("\n")))
            return
    assert raw.n_records == len(cells)
    filled = [[cell or None for cell in one] for one in cells if any(cell.strip() for cell in one)]
    read = [[cell or None for cell in one] for one in raw.frame.select("episode_id", "side", "tendon").rows()]
    assert read == filled
