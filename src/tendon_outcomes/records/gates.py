"""What no option lets pass: ids that look like identifiers, and numbers of which nobody knows the scale."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.declarations import Declarations
from tendon_outcomes.errors import DataFindings, Finding, RecordsRejected
from tendon_outcomes.records.columns import Assignment
from tendon_outcomes.records.identifiers import values_like
from tendon_outcomes.records.ledger import HOW_COUNTED, first_records, place_of
from tendon_outcomes.records.mapping import ENTRY, MappedTable
from tendon_outcomes.records.rules import STRUCTURAL
from tendon_outcomes.records.scales import largest, scale_of, scales_meant


def refuse_identifiers(mapped: MappedTable, assignments: tuple[Assignment, ...]) -> None:
    """Stop where an id looks like a name, a number of somebody's or a date.

    Raises
    ------
    RecordsRejected
        The columns, with the records and the kind of identifier.
    """
    found = [
        Finding("I-02", place_of(mapped.table.table, name, first_records(mapped, rows, assignments)), says, len(rows))
        for name in mapped.recorded
        if mapped.table.column[name].type == "id"
        for kind, rows in values_like(mapped.frame[name], column=name).items()
        for says in [f"{STRUCTURAL['I-02']} ({kind})"]
    ]
    if found:
        raise RecordsRejected(
            f"ids of table {mapped.table.table} look like identifiers; nothing was analysed.",
            findings=found,
            way_out="Replace them in the export by study ids whose key stays in the clinic. No option lets them pass. "
            + HOW_COUNTED,
        )


def refuse_unsettled_scales(mapped: MappedTable, assignments: tuple[Assignment, ...], declarations: Declarations) -> None:
    """Stop where a bare abbreviation such as NPRS fills a column and the column map does not say which of its scales it is.

    Values that only the larger scale has say it too, where the column holds that one. Values outside both scales say nothing.

    Raises
    ------
    DataFindings
        Such columns, each with its header and the count of its values.
    """
    found = [
        finding
        for position, one in enumerate(assignments)
        if one.table.table == mapped.table.table
        for finding in _unsettled(one, mapped.frame.filter(pl.col(ENTRY) == position), declarations)
    ]
    if found:
        raise DataFindings(
            f"{len(found)} columns of table {mapped.table.table} may not hold the scale that is meant; nothing was analysed.",
            findings=found,
            way_out="Say in column_map.toml which one it is: for pain from 0 to 10 "
            'nprs_run = { from = "NPRS", scale = "numeric_pain_rating" }, for the Nirschl phase from 0 to 7 '
            'nirschl_phase = { from = "NPRS", scale = "nirschl_phase" }. No option lets it pass.',
        )


def _unsettled(assignment: Assignment, rows: pl.DataFrame, declarations: Declarations) -> list[Finding]:
    found = []
    for name, source in assignment.columns.items():
        scales = [] if source.scale else scales_meant(source.from_, name, assignment.table, declarations)
        if not scales:
            continue
        widest = largest(scales)
        values = rows[name].filter(rows[name].is_between(*widest.range))
        # A value that only the widest scale has tells that it is this one.
        beyond = values.filter(values > max(one.range[1] for one in scales if one is not widest))
        place, is_held = (
            f"{assignment.entry.file} column {source.from_}",
            scale_of(name, assignment.table, declarations) is widest,
        )
        if len(beyond) and not is_held:
            says = f"{STRUCTURAL['M-05']}: these values are of the scale {widest.scale}, and {name} holds another one"
            found.append(Finding("M-05", place, says, len(beyond), "values"))
        elif len(values) and not len(beyond):
            found.append(Finding("M-05", place, STRUCTURAL["M-05"], len(values), "values"))
    return found
