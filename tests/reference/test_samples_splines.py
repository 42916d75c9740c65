"""The sample of the spline comparisons is what its formula makes."""

from __future__ import annotations

from tests.reference import samples_splines
from tests.reference.comparison import DATA


def test_the_sample_is_what_its_formula_makes() -> None:
    # Exact: the committed rows come from the integer formulas in samples_splines.py.
    written = (DATA / "splines.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert written == [",".join(str(value) for value in row.values()) for row in samples_splines.rows()]
