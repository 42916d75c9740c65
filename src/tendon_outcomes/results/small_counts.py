"""Arithmetic of small counts: which numbers may stand beside each other so that no difference of two is small.

A count is small when it lies from 1 to `min_cell_count - 1`. Nothing here knows what is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tendon_outcomes.results.attrition import Attrition, Step


def is_small(count: int | None, min_cell_count: int) -> bool:
    return count is not None and 0 < count < min_cell_count


def tellable_totals(
    first: Iterable[int], then: Iterable[int], min_cell_count: int, *, told: Iterable[int] = ()
) -> frozenset[int]:
    """Totals that may be published together: none is small, and any two are equal or far enough apart.

    Those of ``first`` are tried before those of ``then``; each is taken if it goes with those taken before it, and with those
    ``told`` in earlier reports.
    """
    standing = frozenset(told)
    taken: set[int] = set()
    for total in (*first, *then):
        if not any(is_small(abs(total - other), min_cell_count) for other in (0, *standing, *taken)):
            taken.add(total)
    return frozenset(taken)


def longest_chain(values: Sequence[int], min_cell_count: int, *, prefer: Sequence[bool]) -> list[int]:
    """Positions of the longest run of growing counts whose steps, from 0 on, are 0 or large enough.

    Of equally long runs the one with more preferred positions, then the later one. Dynamic programme, quadratic in the length.
    """
    best: list[tuple[int, int, int]] = []
    before: list[int | None] = []
    for i, value in enumerate(values):
        own = (1, int(prefer[i]), i)
        starts = [(own, None)] if not is_small(value, min_cell_count) else []
        follows: list[tuple[tuple[int, int, int], int | None]] = [
            ((best[j][0] + 1, best[j][1] + int(prefer[i]), best[j][2] + i), j)
            for j in range(i)
            if best[j][0] and not is_small(abs(value - values[j]), min_cell_count)
        ]
        score, source = max([*starts, *follows], key=lambda one: one[0], default=((0, 0, 0), None))
        best.append(score)
        before.append(source)
    chain: list[int] = []
    at = max(range(len(values)), key=lambda i: best[i], default=None)
    while at is not None and best[at][0]:
        chain.append(at)
        at = before[at]
    return chain[::-1]


def suppress_parts(parts: Sequence[int], min_cell_count: int, *, withheld: Sequence[bool] = ()) -> list[bool]:
    """Which parts of a published total to withhold so that neither they nor their sum is small. True means withhold.

    ``withheld`` marks parts that go for another reason. A single part cannot hide behind its total, so another goes with it.
    """
    forced = withheld or [False] * len(parts)
    hidden = [is_small(part, min_cell_count) or force for part, force in zip(parts, forced, strict=True)]
    while any(hidden):
        total = sum(part for part, is_hidden in zip(parts, hidden, strict=True) if is_hidden)
        candidates = [i for i, part in enumerate(parts) if not hidden[i] and part > 0]
        if (total >= min_cell_count and sum(hidden) > 1) or not candidates:
            break
        hidden[min(candidates, key=lambda i: parts[i])] = True
    return hidden


def suppress_flow(flow: Attrition, tellable: frozenset[int]) -> Attrition:
    """The flow with its steps merged until only tellable totals stand in it."""
    if not flow.steps:
        return flow
    totals = [step.n_before for step in flow.steps[:1]] + [step.n_after for step in flow.steps]
    published = {position for position, total in enumerate(totals) if total in tellable}
    starts = [position for position in range(len(flow.steps)) if position == 0 or position in published]
    merged = [
        _joined(flow.steps[start:end], before=start in published, after=end in published)
        for start, end in zip(starts, [*starts[1:], len(flow.steps)], strict=True)
    ]
    return replace(flow, steps=tuple(merged))


def _joined(steps: Sequence[Step], *, before: bool, after: bool) -> Step:
    """Several steps as one, with the totals that may be told; a step that left nobody out gives no reason of its own."""
    reasons = [step.says for step in steps if step.n_excluded] or [steps[0].says]
    n_before = steps[0].n_before if before else None
    n_after = steps[-1].n_after if after else None
    excluded = None if n_before is None or n_after is None else n_before - n_after
    return Step("; or ".join(reasons), n_before, excluded, n_after)
