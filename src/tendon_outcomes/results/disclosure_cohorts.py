"""Which quarters' cohorts, and which looks over all of them, may be told beside each other and beside earlier reports.

A cohort has three cells: improved, not improved, unknown. Looks are running sums of cohorts, so that the difference of two looks
less the cohorts told between them is a count of those that are not told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import polars as pl

from tendon_outcomes.results.small_counts import is_small
from tendon_outcomes.results.told_before import ToldBefore, near_told

Cells = tuple[int, ...]
NOW, THEN = "as known now", "as reported"
_YOUNG = "immature "


@dataclass(frozen=True, slots=True)
class ToldQuarters:
    """Quarters whose cohort is told, those also told as first reported, and the looks told with their counts."""

    cohorts: frozenset[str]
    as_reported: frozenset[str]
    looks: frozenset[str]
    immature: frozenset[str]


def told_quarters(rows: pl.DataFrame, before: ToldBefore, min_cell_count: int) -> ToldQuarters:
    """Decide once for everything that is made of the cohorts."""
    free = rows.filter(~near_told(rows, before, min_cell_count))
    now, then = (_cohorts(rows, term) for term in (NOW, THEN))
    known_before = _cohorts(before.counts, NOW)
    hidden = {quarter for quarter, cells in now.items() if any_small(cells, min_cell_count)} | (
        set(now) - set(_cohorts(free, NOW))
    )
    looks_before = [(0,) * 3, *_looks(before.counts).values()]
    hidden, immature = _hidden(now, hidden, known_before, looks_before, min_cell_count), _immature(rows)
    young = {one for one, (n,) in immature.items() if is_small(n, min_cell_count)} | (set(immature) - set(_immature(free)))
    while gone := with_rest({**immature, **_sizes(now)}, young | hidden, min_cell_count) - young - hidden:
        young |= gone & set(immature)
        hidden = _hidden(now, hidden | gone & set(now), known_before, looks_before, min_cell_count)
    cohorts = {quarter: cells for quarter, cells in now.items() if quarter not in hidden}
    reported = {
        quarter
        for quarter in set(cohorts) & set(_cohorts(free, THEN))
        if not any_small((*then[quarter], *_less(now[quarter], then[quarter])), min_cell_count)
    }
    looks = _told_looks(rows, free, before, now, {**known_before, **cohorts}, min_cell_count)
    told_young = frozenset(one.removeprefix(_YOUNG) for one in set(immature) - young)
    return ToldQuarters(frozenset(cohorts), frozenset(reported), frozenset(looks), told_young)


def _hidden(
    now: Mapping[str, Cells], hidden: set[str], before: Mapping[str, Cells], looks: Sequence[Cells], min_cell_count: int
) -> set[str]:
    """Cohorts to hide with those given, until neither a total, nor cohorts or looks told before, give a small cell away."""
    unheard = {quarter: cells for quarter, cells in now.items() if quarter not in before}
    while True:
        more = with_rest(now, hidden, min_cell_count)
        more |= with_rest(unheard, more & set(unheard), min_cell_count)
        told = {**before, **{quarter: cells for quarter, cells in now.items() if quarter not in more}}
        close = [within for one, other in combinations(looks, 2) if (within := _too_close(one, other, now, told, min_cell_count))]
        for within in close:
            free = sorted((sum(now[quarter]), quarter) for quarter in within if quarter not in more and quarter in unheard)
            more |= {quarter for _, quarter in free[:1]}
        if more == hidden:
            return hidden
        hidden = more


def with_rest(parts: Mapping[str, Cells], hidden: Collection[str], min_cell_count: int, *, rest: Cells | None = None) -> set[str]:
    """Parts to hide: those given, and the smallest others until what is hidden adds up to 0 or enough in every cell.

    One part alone cannot hide behind a total. ``rest`` is what the total holds beside the parts.
    """
    gone = set(hidden)
    while True:
        sums = _added([*(parts[one] for one in gone), *([rest] if rest else [])])
        alone = len(gone) + bool(rest and any(rest)) == 1 and bool(gone)
        left = sorted((one for one in parts if one not in gone and any(parts[one])), key=lambda one: sum(parts[one]))
        if not left or not (alone or any_small(sums, min_cell_count)):
            return gone
        gone.add(left[0])


def any_small(cells: Iterable[int], min_cell_count: int) -> bool:
    """Whether one of the counts, or of the differences, is small; their sign does not matter."""
    return any(is_small(abs(cell), min_cell_count) for cell in cells)


def cells_of(row: Mapping[str, Any]) -> Cells:
    """Improved, not improved and unknown of a row that counts a cohort."""
    n, improved, unknown = (row[name] or 0 for name in ("n_at_risk", "n_events", "n_censored"))
    return improved, n - improved - unknown, unknown


def _told_looks(
    rows: pl.DataFrame,
    free: pl.DataFrame,
    before: ToldBefore,
    cohorts: Mapping[str, Cells],
    told: Mapping[str, Cells],
    min_cell_count: int,
) -> set[str]:
    """Looks told in earlier reports, then the last one, because this report is about it, then the others in the order of time."""
    looks, allowed, known_before = (_looks(one) for one in (rows, free, before.counts))
    last = max(looks, default="")
    standing = [(0,) * 3, *known_before.values()]
    chosen: set[str] = set()
    for name in sorted(allowed, key=lambda one: (one not in known_before, one != last, one)):
        if all(_apart(looks[name], other, cohorts, told, min_cell_count) for other in standing):
            chosen.add(name)
            standing.append(looks[name])
    return chosen


def _apart(one: Cells, other: Cells, cohorts: Mapping[str, Cells], told: Mapping[str, Cells], min_cell_count: int) -> bool:
    """The difference of two looks, and what of it the told cohorts leave, is 0 or enough in every cell."""
    close = _too_close(one, other, cohorts, told, min_cell_count)
    return not (close or any_small(_less(one, other), min_cell_count))


def _too_close(
    one: Cells, other: Cells, cohorts: Mapping[str, Cells], told: Mapping[str, Cells], min_cell_count: int
) -> set[str]:
    """The cohorts between two looks where those that are told leave a small cell of the difference; empty where they do not."""
    less, more = sorted((one, other), key=sum)
    within = _held(more, cohorts) - _held(less, cohorts)
    left = _less(_less(more, less), _added([told[quarter] for quarter in within if quarter in told]))
    return within if any_small(left, min_cell_count) else set()


def _held(look: Cells, cohorts: Mapping[str, Cells]) -> set[str]:
    """The cohorts that a look holds: the earliest ones, as many as come closest to its size."""
    best, held, size = sum(look), 0, 0
    ordered = sorted(cohorts)
    for position, quarter in enumerate(ordered, start=1):
        size += sum(cohorts[quarter])
        if abs(size - sum(look)) < best:
            best, held = abs(size - sum(look)), position
    return set(ordered[:held])


def _immature(rows: pl.DataFrame) -> dict[str, Cells]:
    """Cohorts that are not yet so far, which are the rest of everybody, by a name that no mature one has."""
    found = rows.filter(pl.col("statistic") == "cohort_immature")
    return {f"{_YOUNG}{row['stratum']}": (row["n_at_risk"] or 0,) for row in found.iter_rows(named=True)}


def _sizes(cohorts: Mapping[str, Cells]) -> dict[str, Cells]:
    return {quarter: (sum(cells),) for quarter, cells in cohorts.items()}


def _cohorts(rows: pl.DataFrame, term: str) -> dict[str, Cells]:
    return _by_stratum(rows.filter(pl.col("statistic") == "cohort_share", pl.col("term") == term))


def _looks(rows: pl.DataFrame) -> dict[str, Cells]:
    return _by_stratum(rows.filter(pl.col("statistic") == "look_share"))


def _by_stratum(rows: pl.DataFrame) -> dict[str, Cells]:
    return {row["stratum"]: cells_of(row) for row in rows.iter_rows(named=True)}


def _added(cells: Iterable[Cells]) -> Cells:
    return tuple(sum(column) for column in zip(*cells, strict=True))


def _less(one: Cells, other: Cells) -> Cells:
    return tuple(a - b for a, b in zip(one, other, strict=True)) if other else one
