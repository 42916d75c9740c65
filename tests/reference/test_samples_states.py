"""The samples of relapses and flares are what their formulas make."""

from __future__ import annotations

from tests.reference import samples_states
from tests.reference.comparison import DATA


def test_samples_are_what_their_formula_makes() -> None:
    # Exact: the committed rows come from the integer formulas in samples_states.py.
    for name, rows in (("relapses.csv", samples_states.relapses()), ("flares.csv", samples_states.flares())):
        written = (DATA / name).read_text(encoding="utf-8").splitlines()[1:]
        assert written == [",".join(str(value) for value in row.values()) for row in rows]
