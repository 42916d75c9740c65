"""Which column of a file fills which declared column, agreed before any cell is read."""

from __future__ import annotations

from dataclasses import dataclass

from tendon_outcomes.declarations import Column, ColumnMap, ColumnSource, Declarations, FileSource, Table
from tendon_outcomes.errors import ColumnsMissing, DeclarationInvalid, Finding
from tendon_outcomes.records.conversion import FALSE_WORDS, TRUE_WORDS, unit_factor
from tendon_outcomes.records.identifiers import looks_like_value, named_like
from tendon_outcomes.records.raw import BLANKS, RawFile, RawTables
from tendon_outcomes.records.rules import STRUCTURAL
from tendon_outcomes.records.scales import scale_of


@dataclass(frozen=True)
class Assignment:
    """One entry of the column map with its columns settled: declared name to where its values come from."""

    entry: FileSource
    table: Table
    columns: dict[str, ColumnSource]


def assign_columns(raw: RawTables, declarations: Declarations, column_map: ColumnMap) -> tuple[Assignment, ...]:
    """Settle every entry of the column map against the files and the declared tables.

    Raises
    ------
    DeclarationInvalid
        The column map names what is not declared, or asks for a column named like an identifier.
    ColumnsMissing
        A file lacks columns that are needed, or has columns that nobody accounts for.
    """
    mistakes = [finding for entry in column_map.source for finding in _map_mistakes(entry, declarations)]
    if mistakes:
        raise DeclarationInvalid(
            f"the column map has {len(mistakes)} mistakes", findings=mistakes, way_out="Correct these entries in column_map.toml."
        )
    assignments = tuple(
        Assignment(entry, declarations.tables[entry.table], _settled(entry, declarations.tables[entry.table], raw))
        for entry in column_map.source
    )
    findings = [finding for one in assignments for finding in _missing(one, raw.files[one.entry.file])]
    findings += _index_missing(raw, column_map)
    for name, file in raw.files.items():
        is_header = _holds_what_is_asked(file, assignments, column_map)
        findings += _unaccounted(file, _accounted(name, assignments, column_map), is_header=is_header)
    if findings:
        raise ColumnsMissing(
            f"{len(findings)} columns do not fit the column map; nothing was analysed.",
            findings=findings,
            way_out="Correct column_map.toml: map each column, or list it in left_out with the reason; or export the file again.",
        )
    return assignments


def _settled(entry: FileSource, table: Table, raw: RawTables) -> dict[str, ColumnSource]:
    if entry.columns != "as_declared":
        return dict(entry.columns)
    present = [name for name in raw.files[entry.file].header if name in table.column and name not in entry.left_out]
    return {name: ColumnSource.model_validate({"from": name}) for name in present}


def _map_mistakes(entry: FileSource, declarations: Declarations) -> list[Finding]:
    table = declarations.tables.get(entry.table)
    if table is None:
        return [Finding("M-01", entry.file, f"table {entry.table} is not declared")]
    if entry.columns == "as_declared":
        return []
    findings = [
        Finding("M-01", f"{entry.file} {name}", says)
        for name, source in entry.columns.items()
        for says in (*_source_mistakes(name, source, table), *_scale_mistakes(name, source, table, declarations))
    ]
    findings += [
        Finding("M-01", f"{entry.file} {name}", f"table {table.table} requires this column; say where it comes from")
        for name, column in table.column.items()
        if column.required and name not in entry.columns
    ]
    asked = {source.from_ for source in entry.columns.values() if source.from_} - set(entry.left_out)
    findings += [
        Finding("I-01", f"{entry.file} column {name}", f"{STRUCTURAL['I-01']} ({kind}); list it in left_out, or use a study id")
        for name, kind in named_like(sorted(asked)).items()
    ]
    return findings


def _source_mistakes(name: str, source: ColumnSource, table: Table) -> list[str]:
    column = table.column.get(name)
    if column is None:
        return [f"table {table.table} declares no column of this name"]
    says = []
    if source.date and not (column.type == "day" or (column.type == "integer" and source.part == "year")):
        says.append("a date can fill a column of type day, or with part = 'year' a whole number")
    if source.unit and (column.type not in ("number", "integer", "day") or unit_factor(source.unit, column.unit) is None):
        says.append(f"the unit {source.unit} cannot be converted to {column.unit or 'a column without a unit'}")
    if source.round and column.type not in ("integer", "day"):
        says.append("only whole-number columns are rounded")
    if source.codes and (column.type in ("id", "day") or source.date):
        says.append("codes are not translated in a column of ids, days or dates")
    says += [f"{code} is not a declared code" for code in _undeclared(column, source)]
    if source.constant is not None and not _constant_fits(column, source.constant):
        says.append("the constant is not a value this column can hold")
    return says


def _scale_mistakes(name: str, source: ColumnSource, table: Table, declarations: Declarations) -> list[str]:
    if not source.scale or name not in table.column:
        return []
    held = scale_of(name, table, declarations)
    if held is None:
        return ["a scale is said only of the columns that a shared abbreviation may fill"]
    return [] if source.scale == held.scale else [f"this column holds the scale {held.scale}, not {source.scale}"]


def _undeclared(column: Column, source: ColumnSource) -> list[str]:
    targets = set(source.codes.values())
    if column.type in ("code", "codes"):
        return sorted(targets - set(column.codes))
    if column.type == "boolean":
        return sorted(target for target in targets if target.lower() not in TRUE_WORDS + FALSE_WORDS)
    return []


def _constant_fits(column: Column, constant: str | int | float | bool) -> bool:
    match column.type:
        case "boolean":
            return isinstance(constant, bool)
        case "id":
            return isinstance(constant, str)
        case "code":
            return constant in column.codes
        case "codes":
            return isinstance(constant, str) and {code.strip() for code in constant.split(";")} <= set(column.codes)
        case _:
            if isinstance(constant, (bool, str)) or (column.type != "number" and constant != int(constant)):
                return False
            return column.range is None or column.range[0] <= constant <= column.range[1]


def _missing(assignment: Assignment, file: RawFile) -> list[Finding]:
    absent = sorted(_needed(assignment) - set(file.header))
    return [Finding("M-01", f"{file.name} column {name}", STRUCTURAL["M-01"]) for name in absent]


def _needed(assignment: Assignment) -> set[str]:
    entry = assignment.entry
    needed = {source.from_ for source in assignment.columns.values() if source.from_} | set(entry.only_rows)
    if entry.columns == "as_declared":
        needed |= {name for name, column in assignment.table.column.items() if column.required}
    return needed


def _index_missing(raw: RawTables, column_map: ColumnMap) -> list[Finding]:
    index = column_map.index_date
    if index is None:
        return []
    absent = sorted({index.episode_id, index.column} - set(raw.files[index.file].header))
    return [Finding("M-01", f"{index.file} column {name}", STRUCTURAL["M-01"]) for name in absent]


def _holds_what_is_asked(file: RawFile, assignments: tuple[Assignment, ...], column_map: ColumnMap) -> bool:
    """Whether every column that the map asks of this file stands in its first row, which then is a header."""
    asked = set[str]().union(*(_needed(one) for one in assignments if one.entry.file == file.name))
    index = column_map.index_date
    asked |= {index.episode_id, index.column} if index is not None and index.file == file.name else set()
    return bool(asked) and asked <= set(file.header)


def _accounted(file: str, assignments: tuple[Assignment, ...], column_map: ColumnMap) -> set[str]:
    """Every column of a file that some entry maps, filters by or leaves out with a reason."""
    own = [one for one in assignments if one.entry.file == file]
    names = {source.from_ for one in own for source in one.columns.values() if source.from_}
    for one in own:
        names |= {left.strip(BLANKS) for left in one.entry.left_out} | set(one.entry.only_rows)
    index = column_map.index_date
    return names | ({index.episode_id, index.column} if index is not None and index.file == file else set())


def _unaccounted(file: RawFile, accounted: set[str], *, is_header: bool) -> list[Finding]:
    """Columns by name only where the first row is surely a header; else by position, because it may be a patient's row."""
    odd = [(at, name) for at, name in enumerate(file.header, 1) if name not in accounted]
    return [
        Finding("M-02", f"{file.name} column {name if is_header and not looks_like_value(name) else at}", STRUCTURAL["M-02"])
        for at, name in odd
    ]
