"""How long it had hurt: who was there, in display bands and quantiles."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import ceil, floor

import numpy as np

from tendon_outcomes.analysis.chronicity.assemble import Chronicity
from tendon_outcomes.analysis.rails import MIN_EPISODES
from tendon_outcomes.results import Row

SHARE, QUANTILE = "share", "quantile"


def who(case: Chronicity) -> Iterator[Row]:
    """Shares of the display bands, which no estimate uses, and whole weeks that 5, 50 and 95 in 100 do not exceed."""
    edges = (0.0, *case.exposure.bands_weeks, np.inf)
    for low, high in pairwise(edges):
        n_band = int(np.count_nonzero((case.weeks >= low) & (case.weeks < high)))
        yield Row(
            estimator=SHARE,
            statistic="duration_share",
            term=_band(low, high),
            estimate=n_band / case.n if case.n else None,
            n_at_risk=n_band,
        )
    if case.n < MIN_EPISODES:
        return
    low, middle, high = case.quantiles
    for term, whole in (("p5", ceil(low)), ("p50", round(middle)), ("p95", floor(high))):
        yield Row(
            estimator=QUANTILE,
            statistic="duration_quantile",
            term=term,
            estimate=float(whole),
            n_at_risk=case.beside(float(whole)),
        )


def _band(low: float, high: float) -> str:
    if low == 0.0:
        return f"<{high:g}"
    return f">{low:g}" if high == np.inf else f"{low:g}-{high:g}"
