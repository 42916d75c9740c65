"""The samples of weighted patients and clones are what their formulas make."""

from __future__ import annotations

from tests.reference import samples_weighting
from tests.reference.comparison import DATA


def test_samples_are_what_their_formula_makes() -> None:
    # Exact: the committed rows come from the integer formulas in samples_weighting.py.
    made = (("weighting.csv", samples_weighting.weighting()), ("weighted_clones.csv", samples_weighting.clones()))
    for name, rows in made:
        written = (DATA / name).read_text(encoding="utf-8").splitlines()[1:]
        assert written == [",".join(str(value) for value in row.values()) for row in rows]
