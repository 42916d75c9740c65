"""Weekly hazards under weights by plain EM, and censoring weights of a saturated model, in loops over rows and weeks."""

from __future__ import annotations

Row = tuple[int, float, int]  # left, right, cause

SWEEPS, SETTLED = 50_000, 1e-14


def weekly_hazards(
    rows: list[Row], weight: list[list[float]], follow_to: list[int], weeks: int
) -> tuple[list[float], list[float], list[float]]:
    """Hazards of cause 1 and of the competing causes in weeks 1 to `weeks`, and the incidence of cause 1."""
    one, other = [1.0 / (weeks + 1.0)] * weeks, [0.0] * weeks
    for _ in range(SWEEPS):
        masses, free = [], 1.0
        for h, g in zip(one, other, strict=True):
            masses.append(free * h)
            free *= 1.0 - h - g
        events, competing, at_risk = [0.0] * weeks, [0.0] * weeks, [0.0] * weeks
        for (left, right, cause), w, last in zip(rows, weight, follow_to, strict=True):
            for k in range(1, min(weeks, last) + 1):
                chance, still = seen(left, right, cause, k, masses)
                at_risk[k - 1] += w[k - 1] * still
                if cause >= 2:
                    competing[k - 1] += w[k - 1] * chance
                else:
                    events[k - 1] += w[k - 1] * chance
        new = [e / r if r > 0.0 else 0.0 for e, r in zip(events, at_risk, strict=True)]
        other = [c / r if r > 0.0 else 0.0 for c, r in zip(competing, at_risk, strict=True)]
        moved = max(abs(a - b) for a, b in zip(new, one, strict=True))
        one = new
        if moved <= SETTLED:
            break
    incidence, free, total = [], 1.0, 0.0
    for h, g in zip(one, other, strict=True):
        total += free * h
        free *= 1.0 - h - g
        incidence.append(total)
    return one, other, incidence


def seen(left: int, right: float, cause: int, week: int, masses: list[float]) -> tuple[float, float]:
    """The chance that the row's event is in the week, and that the row is at risk at its start."""
    if cause == 0:
        return 0.0, float(week <= left)
    if cause >= 2:
        return float(week == right), float(week <= right)
    inside = {k: masses[k - 1] for k in range(left + 1, int(right) + 1)}
    total = sum(inside.values())
    return inside.get(week, 0.0) / total, sum(mass for k, mass in inside.items() if k >= week) / total


def saturated_weights(
    x: list[int], left: list[int], right: list[float], cause: list[int], departs: list[int], weeks: int, *, stabilised: bool
) -> list[list[float]] | None:
    """Weights (n, weeks) when departing and loss have one chance for each of the two values of x; None where one is 0 or 1."""
    n = len(x)
    end = [min(int(right[i]) if cause[i] else left[i], weeks) for i in range(n)]
    lost = [left[i] + 1 if cause[i] == 0 and left[i] < weeks else weeks + 1 for i in range(n)]
    chances: list[dict[int, float]] = []
    for when in (departs, lost):
        found = {}
        for value in (0, 1):
            there = [(i, k) for i in range(n) if x[i] == value for k in range(1, weeks + 1) if at_risk(i, k, when, end, lost)]
            gone = sum(when[i] == k for i, k in there)
            if not 0 < gone < len(there):
                return None
            found[value] = gone / len(there)
        chances.append(found)
    table, stays = [[0.0] * weeks for _ in range(n)], 1.0
    for k in range(1, weeks + 1):
        before = [i for i in range(n) if end[i] >= k and departs[i] >= k]
        stay = [i for i in before if departs[i] > k]
        followed, of = sum(e >= k for e in end), sum(end[i] >= k or lost[i] == k for i in range(n))
        if before and of:
            stays *= len(stay) / len(before) * followed / of
        for i in stay:
            table[i][k - 1] = (stays if stabilised else 1.0) / ((1.0 - chances[0][x[i]]) * (1.0 - chances[1][x[i]])) ** k
    return table


def at_risk(i: int, week: int, when: list[int], end: list[int], lost: list[int]) -> bool:
    """Whether a row can depart, or be lost, in the week."""
    return when[i] >= week and (end[i] >= week or (when is lost and lost[i] == week))
