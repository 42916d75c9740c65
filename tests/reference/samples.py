"""Makes the small samples that R and the estimators are both given. Run once; the CSV files are under version control.

Every value is an integer formula of the row number (no random number generator, so no version of one can change a sample).
The samples have few distinct days on purpose: ties are where programs differ.
"""

from __future__ import annotations

import csv
from pathlib import Path

DATA = Path(__file__).parent / "data"


def scrambled(row: int, salt: int) -> float:
    """A number in [0, 1) that looks unrelated to its neighbours: two rounds of a multiplicative hash on 32 bits."""
    state = (row * 2654435761 + salt * 40503 + 12345) % 2**32
    state = ((state ^ (state >> 15)) * 2246822519) % 2**32
    state = ((state ^ (state >> 13)) * 3266489917) % 2**32
    return (state ^ (state >> 16)) % 2**32 / 2**32


def right_censored(n: int = 160, days: int = 24) -> list[dict[str, object]]:
    """Exit day, cause 0-3, an entry day below it, a fractional weight and a number of copies."""
    rows: list[dict[str, object]] = []
    for i in range(n):
        day = 1 + int(days * scrambled(i, 1) ** 1.3)
        cause = (0, 0, 1, 1, 1, 2, 2, 3)[int(8 * scrambled(i, 2))]
        entry = int(day * scrambled(i, 3) ** 2) if scrambled(i, 4) < 0.5 else 0
        weight = round(0.25 + 3.0 * scrambled(i, 5), 2)
        rows.append({"day": day, "cause": cause, "entry": entry, "weight": weight, "copies": 1 + int(3 * scrambled(i, 6))})
    return rows


def interval_censored(n: int = 90, weeks: int = 12) -> list[dict[str, object]]:
    """Weekly grid with missed visits: (left, right] in days, cause 1 between visits, 2-3 dated, 0 censored at the last visit."""
    rows: list[dict[str, object]] = []
    for i in range(n):
        visits = [7 * week for week in range(1, weeks + 1) if scrambled(i * 31 + week, 7) < 0.55] or [7 * weeks]
        event = 1 + int(7 * weeks * 1.4 * scrambled(i, 8))
        competing = 1 + int(7 * weeks * 4.0 * scrambled(i, 9))
        weight = round(0.25 + 3.0 * scrambled(i, 10), 2)
        if competing < event and competing <= visits[-1]:
            cause, left, right = 2 + int(2 * scrambled(i, 11)), competing - 1, competing
        elif event > visits[-1]:
            cause, left, right = 0, visits[-1], ""
        else:
            cause, right = 1, min(v for v in visits if v >= event)
            left = max([v for v in visits if v < event], default=0)
        rows.append({"left": left, "right": right, "cause": cause, "weight": weight})
    return rows


def write(name: str, rows: list[dict[str, object]]) -> None:
    with (DATA / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    write("right_censored.csv", right_censored())
    write("interval_censored.csv", interval_censored())
