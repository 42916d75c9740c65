"""The sample of the parametric models: every kind of censoring, whole days, two covariates; a formula of the row number."""

from __future__ import annotations

import csv
from math import exp, inf, log
from pathlib import Path

if __package__:
    from tests.reference.samples import scrambled
else:
    from samples import scrambled

DATA = Path(__file__).parent / "data"
GRID = (14, 42, 84, 126, 182, 260)


def rows(n: int = 140) -> list[dict[str, object]]:
    """`left`, `right`: exact, right-, left-, interval-censored times; `seen_*`: the same people on a visit grid, looks skipped.

    About a fifth never have the event. An empty right end is infinity.
    """
    made: list[dict[str, object]] = []
    for i in range(n):
        arm, dose = int(2 * scrambled(i, 21)), round(3.0 * scrambled(i, 22) - 1.5, 2)
        never = scrambled(i, 23) < 0.2
        time = inf if never else exp(4.1 + 0.4 * arm - 0.3 * dose + 0.7 * log(-log(1.0 - scrambled(i, 24))))
        kind, end = int(4 * scrambled(i, 25)), 60 + int(300 * scrambled(i, 26))
        day = inf if never else 1 + int(time)
        if day > end:
            left, right = end, inf
        elif kind == 0:
            left, right = 14 * int((day - 1) / 14), 14 * int((day - 1) / 14) + 14
        elif kind == 1 and day < 40:
            left, right = 0, day
        else:
            left, right = day, day
        visits = [v for v in GRID if scrambled(i * 17 + v, 27) < 0.75] or [GRID[-1]]
        after = [v for v in visits if v >= time]
        made.append(
            {
                "left": left,
                "right": "" if right == inf else right,
                "seen_left": max([v for v in visits if v < time], default=0),
                "seen_right": after[0] if after else "",
                "step_left": max(g for g in (0, *GRID) if g < min(time, end + 1)),
                "step_right": min(g for g in GRID if g >= time) if time <= min(end, GRID[-1]) else "",
                "arm": arm,
                "dose": dose,
                "weight": round(0.25 + 2.0 * scrambled(i, 28), 2),
                "copies": 1 + int(3 * scrambled(i, 29)),
                "person": int(90 * scrambled(i, 30)),
                "site": int(3 * scrambled(i, 31)),
            }
        )
    return made


if __name__ == "__main__":
    table = rows()
    with (DATA / "parametric.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
