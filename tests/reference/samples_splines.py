"""Makes the sample of the spline comparisons: `python -m tests.reference.samples_splines`. Every value is an integer formula."""

from __future__ import annotations

import csv

from tests.reference.samples import DATA, scrambled

ROWS = 240
LOOKS = (14, 42, 84, 126, 182)
HEAPS = (13, 26, 52, 104)


def rows() -> list[dict[str, object]]:
    """Weeks it has hurt, a third of them told as 3, 6, 12 or 24 months; age, treatment, patient; recovery in four readings.

    `day` with `event`: right-censored, whole days. `left` to `right`: between looks of which a third are missed, empty if never.
    `step_left` to `step_right`: every look kept. `share`: a number between 0 and 1, `reached` one that is 0 or 1.
    """
    found = []
    for i in range(1, ROWS + 1):
        weeks = 1 + int(150 * scrambled(i, 11) ** 2.2)
        weeks = min(HEAPS, key=lambda heap: abs(heap - weeks)) if weeks > 8 and scrambled(i, 12) < 0.33 else weeks
        age, treated = 20 + int(45 * scrambled(i, 13)), int(scrambled(i, 14) < 0.5)
        recovers = 1 + int((30 + weeks + age - 15 * treated) * (0.15 + 3.0 * scrambled(i, 15) ** 1.5))
        stops = 1 + int(40 + 200 * scrambled(i, 16))
        kept = [look for look in LOOKS if scrambled(i * 17 + look, 17) < 0.67]
        found.append(
            {
                "weeks": weeks,
                "age": age,
                "treated": treated,
                "patient": (i + 2) // 3,
                "day": min(recovers, stops),
                "event": int(recovers <= stops),
                **_between("", recovers, kept or [LOOKS[-1]]),
                **_between("step_", recovers, list(LOOKS)),
                "share": round(0.5 * scrambled(i, 18) + 15 / (30 + weeks), 2),
                "reached": int(recovers <= 84),
            }
        )
    return found


def _between(name: str, day: int, looks: list[int]) -> dict[str, object]:
    after = [look for look in looks if look >= day]
    before = [look for look in looks if look < day]
    return {f"{name}left": before[-1] if before else 0, f"{name}right": after[0] if after else ""}


if __name__ == "__main__":
    with (DATA / "splines.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows()[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows())
