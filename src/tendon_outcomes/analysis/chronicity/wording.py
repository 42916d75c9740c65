"""What the text may say of duration: that it goes with recovery. Never that it brings it about."""

from __future__ import annotations

from collections.abc import Iterator

from tendon_outcomes.analysis.chronicity.examine import Examined
from tendon_outcomes.results import Row

ASSOCIATED = "associated"
ESTIMATOR = "identification"


def wording(examined: Examined) -> Iterator[Row]:
    """The one word, with the reasons why it is no stronger one."""
    yield Row(
        estimator=ESTIMATOR,
        statistic="duration_wording",
        term=ASSOCIATED,
        warning="; ".join(_reasons(examined)),
    )


def _reasons(examined: Examined) -> Iterator[str]:
    exposure, covariates = examined.case.exposure, examined.case.covariates
    yield "nobody was assigned a duration, and who recovers early is never seen with a long one"
    if exposure.unmeasured:
        yield f"nobody measured {', '.join(exposure.unmeasured)}"
    missing = (*covariates.not_recorded, *covariates.dropped)
    if missing:
        yield f"not adjusted for {', '.join(missing)}"
