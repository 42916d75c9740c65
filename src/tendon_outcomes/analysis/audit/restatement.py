"""What changed of a quarter's cohort since it was first reported, and why: other definitions, corrections, or late data.

The change is taken in three steps, each from the records and definitions that the step before ended with:

A  what the report said then;
B  the records of that day by today's definitions: what changed is the definitions, or the program;
C  the rows of that day with what today's records hold in their place, those since deleted gone: corrections;
D  today's records: what came in late.

The steps add up to the whole change in every count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol as Shape

import polars as pl

from tendon_outcomes.declarations import Protocol, declare
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.results import Row
from tendon_outcomes.snapshots import History, Look

STEPS = ("changed definitions", "corrections", "late data")
TOTAL = "total"
ESTIMATOR = "restatement"
_ENDS_BY_KIND = {"event": "event", "procedure": "procedure"}
"""Tables in which the day may itself be corrected: a row is known by what happened and the how manieth of its kind."""
_TURN = "_turn"


class Counted(Shape):
    """The counts of one cohort."""

    @property
    def n(self) -> int: ...
    @property
    def improved(self) -> int: ...
    @property
    def unknown(self) -> int: ...


Counts = Callable[[ValidatedRecords, Protocol, Sequence[str]], Mapping[str, Counted]]
Numbers = tuple[int, int, int]
_NOBODY: Numbers = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class FirstReport:
    """The look at which a cohort was first reported, and what was said: n, improved, unknown. None where nothing was printed."""

    look: Look
    printed: Numbers | None


def restated(history: History, protocol: Protocol, counts: Counts, *, mature_after_weeks: int | None = None) -> Iterator[Row]:
    """For every cohort of an earlier report what changed since: three steps and their total, all counts and the share improved.

    ``counts`` counts the cohorts of the quarters that it is given, as records and protocol have them. A cohort is first reported
    by the first look whose report printed it, else by the first at which it was mature and held somebody.
    """
    now, earlier = history.looks[-1], history.looks[:-1]
    weeks = mature_after_weeks if mature_after_weeks is not None else _weeks(protocol)
    reports = first_reports(history, lambda look, quarters: _numbers(counts(look.records, protocol, quarters), quarters), weeks)
    today = _numbers(counts(now.records, protocol, tuple(reports)), tuple(reports)) if reports else {}
    for look in earlier:
        own = [quarter for quarter, report in reports.items() if report.look is look]
        if not own:
            continue
        then = _numbers(counts(look.records, protocol, own), own)
        kept = _numbers(counts(corrected(look.records, now.records), protocol, own), own)
        for quarter in own:
            first = reports[quarter].printed or then[quarter]
            yield from _rows(quarter, (first, then[quarter], kept[quarter], today[quarter]))
    yield from _not_printed(reports)


def first_reports(
    history: History, counted: Callable[[Look, Sequence[str]], Mapping[str, Numbers]], mature_after_weeks: int
) -> dict[str, FirstReport]:
    """By quarter, the earlier look at which each cohort was first reported, in the order of the quarters."""
    found: dict[str, FirstReport] = {}
    first_seen = dict(history.entered.select("quarter", "first_seen").unique().sort("quarter").iter_rows())
    for look in history.looks[:-1]:
        for quarter, printed in look.reported.items():
            found.setdefault(quarter, FirstReport(look, printed))
    for look in history.looks[:-1]:
        mature = [
            quarter
            for quarter, day in first_seen.items()
            if quarter not in found and (look.as_of - day).days >= 7 * mature_after_weeks
        ]
        held = counted(look, mature) if mature else {}
        found |= {quarter: FirstReport(look, None) for quarter in mature if held[quarter][0]}
    return dict(sorted(found.items()))


def corrected(then: ValidatedRecords, now: ValidatedRecords) -> ValidatedRecords:
    """The rows of an earlier day with what today's records hold in their place: deleted rows gone, none added."""
    declared = declare().tables
    tables = {
        name: _still_there(frame, now.tables[name], name, declared[name].key)
        for name, frame in then.tables.items()
        if name in now.tables
    }
    return replace(now, tables=tables, unread=then.unread)


def _still_there(then: pl.DataFrame, now: pl.DataFrame, name: str, key: Sequence[str]) -> pl.DataFrame:
    if name not in _ENDS_BY_KIND:
        return now.join(then.select(key), on=list(key), how="semi", nulls_equal=True)
    own = ["episode_id", _ENDS_BY_KIND[name], _TURN]
    return _numbered(now, own[:2]).join(_numbered(then, own[:2]).select(own), on=own, how="semi").drop(_TURN)


def _numbered(table: pl.DataFrame, kind: Sequence[str]) -> pl.DataFrame:
    return table.with_columns(pl.col("day").rank("ordinal").over(list(kind)).alias(_TURN))


def _numbers(found: Mapping[str, Counted], quarters: Sequence[str]) -> dict[str, Numbers]:
    return {
        quarter: (found[quarter].n, found[quarter].improved, found[quarter].unknown) if quarter in found else _NOBODY
        for quarter in quarters
    }


def _rows(quarter: str, stages: tuple[Numbers, Numbers, Numbers, Numbers]) -> Iterator[Row]:
    for term, before, after in (*zip(STEPS, stages, stages[1:], strict=False), (TOTAL, stages[0], stages[-1])):
        n, improved, unknown = (b - a for a, b in zip(before, after, strict=True))
        yield Row(
            estimator=ESTIMATOR,
            statistic="restatement",
            stratum=quarter,
            term=term,
            estimate=after[1] / after[0] - before[1] / before[0] if before[0] and after[0] else None,
            n_at_risk=n,
            n_events=improved,
            n_censored=unknown,
        )


def _not_printed(reports: Mapping[str, FirstReport]) -> Iterator[Row]:
    quarters = [quarter for quarter, report in reports.items() if report.printed is None]
    if quarters:
        says = (
            f"No report was made when these cohorts were first mature: {', '.join(quarters)}. What the records of that day say "
            "by today's definitions stands in its place, so that no change of theirs can be one of definitions."
        )
        yield Row(estimator=ESTIMATOR, statistic="caution", term="not reported then", warning=says)


def _weeks(protocol: Protocol) -> int:
    """How long after it was first seen a cohort is mature, as the first question with an audit declares it."""
    return next(one.audit.entry.mature_after_weeks for one in protocol.estimands.values() if one.audit is not None)
