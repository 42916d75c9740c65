"""Any estimator of one weighted sample as a statistic to be resampled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.observations import FloatArray, refuse


@dataclass(frozen=True, slots=True, eq=False)
class OneByOne:
    """A function of one row of weights as a statistic of many; where it refuses, its numbers are NaN."""

    function: Callable[[FloatArray], npt.ArrayLike]
    n: int
    names: tuple[str, ...] = ()

    def __call__(self, weights: FloatArray) -> FloatArray:
        rows: list[FloatArray | None] = []
        trouble: EstimationRefused | None = None
        for row in weights:
            try:
                rows.append(np.atleast_1d(np.asarray(self.function(row), dtype=np.float64)))
            except EstimationRefused as refused:
                trouble = refused
                rows.append(None)
        width = len(self.names) or max((row.size for row in rows if row is not None), default=0)
        if width == 0:
            raise trouble if trouble is not None else refuse("the statistic gives no numbers")
        return np.stack([np.full(width, np.nan) if row is None else row for row in rows])


def one_by_one(function: Callable[[FloatArray], npt.ArrayLike], n: int, *, names: tuple[str, ...] = ()) -> OneByOne:
    """Wrap an estimator of one weighted sample of n rows; give `names` when whole blocks may fail."""
    return OneByOne(function, n, names)
