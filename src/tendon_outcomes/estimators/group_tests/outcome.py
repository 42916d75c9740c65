"""What every test between groups returns."""

from __future__ import annotations

from dataclasses import dataclass

from tendon_outcomes.estimators.observations import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class GroupTest:
    """A test that groups do not differ. `name` says which test the p-value belongs to; it is printed with it.

    `groups` are the labels in sorted order; `n`, `observed`, `expected` have one value a group (in units of weight);
    `variance` is the (G, G) covariance of observed - expected. `z` is the signed square root when there are two groups.
    """

    name: str
    statistic: float
    df: int
    p_value: float
    groups: tuple[object, ...]
    n: FloatArray
    observed: FloatArray
    expected: FloatArray
    variance: FloatArray
    z: float | None
