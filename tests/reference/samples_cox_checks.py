"""Makes the sample on which residuals, checks and baselines of Cox models and Fine-Gray fits are compared with R.

An integer formula of the row number, as in samples.py: few distinct days, late entries, strata, two rows a patient.
"""

from __future__ import annotations

from tests.reference.samples import scrambled, write


def cox_checks(n: int = 60, days: int = 15) -> list[dict[str, object]]:
    """Exit day, cause 0-2, entry below it, fractional weight, stratum a-c, patient, two covariates, and a continuous exit."""
    rows: list[dict[str, object]] = []
    for i in range(n):
        z = int(scrambled(i, 23) < 0.4)
        day = 1 + int(days * scrambled(i, 21) ** (1.2 + 0.6 * z))
        entry = int(day * scrambled(i, 24) ** 2) if scrambled(i, 25) < 0.5 else 0
        rows.append(
            {
                "day": day,
                "cause": (0, 1, 1, 2, 1)[int(5 * scrambled(i, 22))],
                "entry": entry,
                "weight": round(0.25 + 3.0 * scrambled(i, 26), 2),
                "stratum": 1 + int(3 * scrambled(i, 27)),
                "patient": i // 2,
                "x": round(4.0 * scrambled(i, 28) - 2.0, 2),
                "z": z,
                "exact": round(day - scrambled(i, 29), 6),
            }
        )
    return rows


if __name__ == "__main__":
    write("cox_checks.csv", cox_checks())
