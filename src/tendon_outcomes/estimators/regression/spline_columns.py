"""Named columns of a design with some of them bent: natural cubic splines at Harrell's knots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, refuse
from tendon_outcomes.estimators.regression.natural_spline import natural_spline

# Harrell (2015) Regression Modeling Strategies, 2nd ed., table 2.3.
KNOT_QUANTILES: Mapping[int, tuple[float, ...]] = {
    3: (0.10, 0.5, 0.90),
    4: (0.05, 0.35, 0.65, 0.95),
    5: (0.05, 0.275, 0.5, 0.725, 0.95),
    6: (0.05, 0.23, 0.41, 0.59, 0.77, 0.95),
    7: (0.025, 0.1833, 0.3417, 0.5, 0.6583, 0.8167, 0.975),
}
# Below FEW rows the outer knots are the fifth smallest and the fifth largest value (p. 27); below FEWEST those are inner ones.
FEW, FEWEST, FIFTH = 100, 20, 5


@dataclass(frozen=True, slots=True)
class SplineColumns:
    """Which columns are bent, and at which knots: kept with a fit, so that other rows get the same columns."""

    names: tuple[str, ...]
    knots: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def column_names(self) -> tuple[str, ...]:
        """A bent column is followed by its curved parts: age, age', age''."""
        found: list[str] = []
        for name in self.names:
            found += [name + "'" * j for j in range(max(1, len(self.knots.get(name, ())) - 1))]
        return tuple(found)

    def columns(self, x: FloatArray) -> FloatArray:
        """(n, p) covariates as (n, p') columns. A curved part is in the unit of the distance between the outer knots."""
        if x.shape[1] != len(self.names):
            raise refuse(f"covariates have {x.shape[1]} columns where {len(self.names)} are expected")
        parts: list[FloatArray] = []
        for j, name in enumerate(self.names):
            parts.append(x[:, j : j + 1])
            if name in self.knots:
                parts.append(natural_spline(x[:, j], np.array(self.knots[name]))[:, 2:])
        return np.concatenate(parts, axis=1) if parts else np.zeros((x.shape[0], 0))


def harrell_knots(values: FloatArray, knots: int) -> tuple[float, ...]:
    """Knots at Harrell's quantiles of the values; those that fall together (heaped values) are one."""
    if knots not in KNOT_QUANTILES:
        raise refuse(f"a spline with {knots} knots", way_out="Use 3 to 7 knots.")
    placed = np.quantile(values, KNOT_QUANTILES[knots])
    if FEWEST <= values.size < FEW:
        ordered = np.sort(values)
        placed[0], placed[-1] = ordered[FIFTH - 1], ordered[-FIFTH]
    return tuple(np.unique(placed).tolist())


def spline_columns(x: FloatArray, names: Sequence[str], splines: Mapping[str, int]) -> SplineColumns:
    """Knots found in the rows of x (n, p) for the named columns."""
    unknown = sorted(set(splines) - set(names))
    if unknown:
        raise refuse(f"a spline of {', '.join(unknown)}, which is no covariate", way_out=f"Covariates: {', '.join(names)}.")
    found: dict[str, tuple[float, ...]] = {}
    for name, knots in splines.items():
        found[name] = harrell_knots(x[:, list(names).index(name)], knots)
        distinct = np.unique(x[:, list(names).index(name)]).size
        if len(found[name]) < 3 or distinct < len(found[name]):
            raise refuse(
                f"covariate {name}: its {distinct} different values leave {len(found[name])} distinct knots of {knots}",
                way_out="Leave it straight, or make categories of it.",
            )
    return SplineColumns(tuple(names), found)
