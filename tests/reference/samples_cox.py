"""Makes the sample of the Cox comparisons: `python -m tests.reference.samples_cox`. Every value is an integer formula."""

from __future__ import annotations

import csv

from tests.reference.samples import DATA, scrambled

ROWS = 180


def rows() -> list[dict[str, float]]:
    """Few days, entry before the day, whole and fractional weights, three strata, two rows a patient."""
    found = []
    for i in range(1, ROWS + 1):
        arm, age, weeks = int(scrambled(i, 1) < 0.45), 25 + int(40 * scrambled(i, 2)), int(60 * scrambled(i, 3) ** 2)
        day = 1 + int(26 * scrambled(i, 4) ** (1.2 if arm else 0.8))
        found.append(
            {
                "day": day,
                "event": int(scrambled(i, 5) < 0.65),
                "entry": int(day * scrambled(i, 6) * 0.9) if scrambled(i, 7) < 0.5 else 0,
                "copies": 1 + int(3 * scrambled(i, 8)),
                "weight": (20 + int(180 * scrambled(i, 9))) / 100,
                "stratum": int(3 * scrambled(i, 10)),
                "patient": (i + 1) // 2,
                "arm": arm,
                "age": age,
                "weeks": weeks,
            }
        )
    return found


if __name__ == "__main__":
    with (DATA / "cox.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows()[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows())
