"""Makes the samples on which weighted analyses and R are compared: patients with three treatments, and clones of them by week.

Every value is an integer formula of the row number, as in samples.py.
"""

from __future__ import annotations

from math import exp

from tests.reference.samples import scrambled, write

WEEKS = 12


def weighting(n: int = 150) -> list[dict[str, object]]:
    """Two rows a patient: treatment 0-2, three covariates, day, cause, a yes, a value that leaves [0, 1], a weight, copies."""
    rows: list[dict[str, object]] = []
    for i in range(n):
        severity, old = round(4.0 * scrambled(i, 301) - 2.0, 2), int(scrambled(i, 302) < 0.4)
        weeks = (6, 8, 12, 13, 20, 26, 26, 35, 52, 52, 78, 104)[int(12 * scrambled(i, 303))]
        second, third = exp(0.6 * severity - 0.3 + 0.01 * weeks), exp(-1.2 + 0.5 * old)
        place = scrambled(i, 304) * (1.0 + second + third)
        treatment = 0 if place < 1.0 else 1 if place < 1.0 + second else 2
        day = 1 + int(30 * scrambled(i, 305) ** (0.8 + 0.3 * treatment))
        cause = (0, 1, 1, 1, 1, 2)[int(6 * scrambled(i, 306))]
        yes = int(scrambled(i, 307) < 1.0 / (1.0 + exp(0.4 - 0.7 * severity - 0.5 * old)))
        value = round(yes + 0.8 * scrambled(i, 308) - 0.4, 3)
        row: dict[str, object] = {"patient": i // 2, "treatment": treatment, "severity": severity, "old": old, "weeks": weeks}
        row |= {"day": day, "cause": cause, "yes": yes, "value": value, "weight": round(0.25 + 3.0 * scrambled(i, 309), 2)}
        rows.append(row | {"copies": 1 + int(3 * scrambled(i, 310))})
    return rows


def clones(n: int = 60) -> list[dict[str, object]]:
    """Person-weeks (start, stop] of two clones a patient, each with a weight of its own, the event, and a departure.

    A clone ends with the week in which it departs, without the event, or at the patient's own last week.
    """
    rows: list[dict[str, object]] = []
    for i in range(n):
        last, event = 1 + int(WEEKS * scrambled(i, 321)), int(scrambled(i, 322) < 0.7)
        severity = round(4.0 * scrambled(i, 323) - 2.0, 2)
        for strategy in (0, 1):
            departs = 1 + int(20 * scrambled(2 * i + strategy, 324))
            weight = 1.0
            for week in range(1, min(last, departs) + 1):
                pain = int(8 * scrambled(97 * i + week, 325))
                weight = round(weight * (0.9 + 0.25 * scrambled(193 * i + 7 * week + strategy, 326)), 4)
                row: dict[str, object] = {"patient": i, "strategy": strategy, "start": week - 1, "stop": week, "weight": weight}
                row |= {"departed": int(week == departs), "event": int(week == last and event and week < departs)}
                rows.append(row | {"severity": severity, "pain": pain})
    return rows


if __name__ == "__main__":
    write("weighting.csv", weighting())
    write("weighted_clones.csv", clones())
