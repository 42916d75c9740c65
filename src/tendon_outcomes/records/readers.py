"""Files into text cells, with an independent count of their records; whatever cannot be read whole is refused by name.

Every cell stays text. Bytes are hashed when read and once more at the end: a file that changed meanwhile is refused.
"""

from __future__ import annotations

import hashlib
import stat
import unicodedata
from collections.abc import Callable
from functools import reduce
from operator import and_
from pathlib import Path

import polars as pl

from tendon_outcomes.declarations import ColumnMap
from tendon_outcomes.errors import EnvironmentFault, FileAbsent, FileUnreadable, WrongUse
from tendon_outcomes.records.delimited import parse_delimited
from tendon_outcomes.records.parquet import parse_parquet
from tendon_outcomes.records.raw import BLANKS, RECORD, RULE, Parsed, RawFile, RawTables, refuse

Progress = Callable[[str], None]


def read_files(folder: Path, column_map: ColumnMap, *, progress: Progress | None = None) -> RawTables:
    """Read every file the column map names.

    Raises
    ------
    FileAbsent
        The folder or a file does not exist.
    FileUnreadable
        A file is empty, cut off, not text, or its rows cannot be told apart.
    EnvironmentFault
        The system refuses to hand a file over.
    """
    if not folder.is_dir():
        raise FileAbsent(f"the folder {folder} does not exist", way_out="Name the folder that holds the export.")
    names = dict.fromkeys(source.file for source in column_map.source)
    if column_map.index_date is not None:
        names[column_map.index_date.file] = None
    paths = {name: _find(folder, name) for name in names}
    files = {}
    for name, path in paths.items():
        if progress is not None:
            progress(f"reading {name}")
        files[name] = _read(name, path)
    for name, path in paths.items():
        if hashlib.sha256(_bytes_of(name, path)).hexdigest() != files[name].sha256:
            raise refuse(name, "F-09", way_out="Close the program that writes it and run again.")
    return RawTables(files)


def _find(folder: Path, name: str) -> Path:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise WrongUse(f"the column map names {name}, which leaves the export's folder", way_out="Name files inside it.")
    reason = ""
    try:
        path = folder / name if (folder / name).exists() else _same_name(folder, name)
        is_file = path is not None and stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    if reason:
        raise EnvironmentFault(f"{name} could not be reached: {reason}", way_out="Check its permissions and the disk.")
    if path is None:
        raise FileAbsent(f"{name} is not in {folder}", way_out="Put it there, or remove its entry from the column map.")
    if not is_file:
        raise FileUnreadable(f"{name} is a folder or a device, not a file", way_out="Put the exported file in its place.")
    return path


def _same_name(folder: Path, name: str) -> Path | None:
    # File systems differ in case and in how they store accents; one file that differs only so is the one that is meant.
    wanted = unicodedata.normalize("NFC", name).casefold()
    names = (path for path in folder.iterdir() if path.exists())
    same = [path for path in names if unicodedata.normalize("NFC", path.name).casefold() == wanted]
    return same[0] if len(same) == 1 else None


def _bytes_of(name: str, path: Path) -> bytes:
    reason = ""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise EnvironmentFault(f"{name} could not be read: {reason}", way_out="Check its permissions and the disk.")


def _read(name: str, path: Path) -> RawFile:
    content = _bytes_of(name, path)
    if not content:
        raise refuse(name, "F-01", way_out="Export it again; a table without rows still has its header.")
    parsed = (parse_parquet if path.suffix.lower() == ".parquet" else parse_delimited)(name, content)
    columns = _named(name, parsed)
    frame, odd = (part.select(RECORD, *columns).rename(columns) for part in (parsed.frame, parsed.odd))
    kind = _kinds(frame, tuple(columns.values()))
    again = frame.filter(kind == "header").with_columns(pl.lit("F-07").alias(RULE))
    short = odd.filter(_kinds(odd, ()) != "blank").with_columns(pl.lit("F-06").alias(RULE))
    n_blank = parsed.n_records - len(frame) - len(odd) + int((kind == "blank").sum()) + len(odd) - len(short)
    return RawFile(
        name=name,
        sha256=hashlib.sha256(content).hexdigest(),
        n_records=parsed.n_records,
        frame=frame.filter(kind == "row"),
        set_aside=pl.concat([short, again]).sort(RECORD),
        n_blank=n_blank,
        not_utf8=parsed.not_utf8,
    )


def _named(name: str, parsed: Parsed) -> dict[str, str]:
    """Column position to name, without the spaces around it. A nameless column is dropped when empty, else refused."""
    names = [column.strip(BLANKS) for column in parsed.header]
    empty = [not column and parsed.frame[str(at)].null_count() == len(parsed.frame) for at, column in enumerate(names)]
    wrong = [at + 1 for at, column in enumerate(names) if not empty[at] and (not column or names.count(column) > 1)]
    if wrong or all(empty):
        raise refuse(
            name,
            "F-04",
            where=f"columns {', '.join(map(str, wrong))}",
            count=len(wrong),
            unit="columns",
            way_out="Give every column its own name and export again.",
        )
    return {str(at): column for at, column in enumerate(names) if not empty[at]}


def _kinds(frame: pl.DataFrame, header: tuple[str, ...]) -> pl.Series:
    """What each record is: a row, blank, or the header once more."""
    columns = [column for column in frame.columns if column != RECORD]
    cells = [pl.col(column).str.strip_chars(BLANKS).fill_null("") for column in columns]
    blank = reduce(and_, (cell == "" for cell in cells))
    repeated = reduce(and_, (cell == name for cell, name in zip(cells, header, strict=True))) if header else pl.lit(value=False)
    kind = pl.when(blank).then(pl.lit("blank")).when(repeated).then(pl.lit("header")).otherwise(pl.lit("row"))
    return frame.select(kind.alias("kind"))["kind"]
