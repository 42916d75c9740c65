"""Makes the sample on which resampled estimators and R are compared: rows with two arms and twelve sets of copies.

Every value is an integer formula of the row number, as in samples.py.
"""

from __future__ import annotations

from tests.reference.samples import scrambled, write

SETS = 12


def resampling(n: int = 90, days: int = 30) -> list[dict[str, object]]:
    """Exit day, cause 0-2, arm, two covariates, and how often each set draws the row (with replacement)."""
    drawn = [[int(n * scrambled(i, 200 + s)) for i in range(n)] for s in range(SETS)]
    rows: list[dict[str, object]] = []
    for i in range(n):
        x1, x2 = round(4.0 * scrambled(i, 101) - 2.0, 2), int(scrambled(i, 102) < 0.4)
        treated = int(scrambled(i, 103) < 0.3 + 0.1 * x1 + 0.2 * x2)
        day = 1 + int(days * scrambled(i, 104) ** (1.2 + 0.5 * treated))
        cause = (0, 1, 1, 1, 1, 2)[int(6 * scrambled(i, 105))]
        row: dict[str, object] = {"day": day, "cause": cause, "treated": treated, "x1": x1, "x2": x2}
        rows.append(row | {f"copies_{s + 1}": drawn[s].count(i) for s in range(SETS)})
    return rows


if __name__ == "__main__":
    write("resampling.csv", resampling())
