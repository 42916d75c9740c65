"""Two places of a curve over an exposure as one difference."""

from __future__ import annotations

from tendon_outcomes.analysis.claims.contrasts import Contrast
from tendon_outcomes.estimators.causal.exposure.exposure_curve import ExposureCurve

TIME_LOST = "time lost"
"""How the name of an outcome begins that is the time after the event."""
ESTIMATOR = "g-computation"


def contrast_of(found: ExposureCurve, k: int, *, part: str, day: int, n_events: int) -> Contrast:
    """The first place of the curve less its reference, of outcome k."""
    name, one = found.names[k], found.difference
    return Contrast(
        part=part,
        estimator=ESTIMATOR,
        day=day,
        estimate=float(one.estimate[k, 0]),
        std_error=float(one.std_error[k, 0]),
        conf_low=float(one.conf_low[k, 0]),
        conf_high=float(one.conf_high[k, 0]),
        df=found.df,
        n=found.n,
        n_events=n_events,
        largest=float(name.rpartition(" ")[2]) if name.startswith(TIME_LOST) else 1.0,
    )
