"""Could it be selection alone? Ratios of the rates of two durations among runners of equal frailty, for supposed variances."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tendon_outcomes.analysis.chronicity.assemble import Chronicity
from tendon_outcomes.analysis.chronicity.examine import Examined
from tendon_outcomes.analysis.strategies.rails_causal import not_estimated
from tendon_outcomes.errors import EstimationRefused, NotConverged
from tendon_outcomes.estimators.regression.frailty.selection import FrailtySelection, frailty_selection
from tendon_outcomes.results import Row, finite

GAMMA = "gamma frailty"
UNBOUNDED = "no finite rate of recovery before day 0 fits this variance best; the ratio is the limit of ever faster ones"


def frailty(examined: Examined) -> Iterator[Row]:
    """The ratio at every variance of the protocol, and the variance at which it is 1.

    Where the likelihood of the largest variance does not settle, that is said and the smaller ones are told.
    """
    if not examined.tells:
        return
    variances = examined.case.exposure.frailty.variances
    while variances:
        try:
            found = selection(examined.case, variances)
        except NotConverged as refused:
            yield not_estimated(refused.summary).refusal(estimator=GAMMA)
            variances = variances[:-1]
            continue
        except EstimationRefused as refused:
            yield not_estimated(refused.summary).refusal(estimator=GAMMA)
            return
        yield from frailty_rows(found)
        return


def frailty_rows(found: FrailtySelection) -> Iterator[Row]:
    """One row a variance, and the tipping point with what it says in words."""
    stratum = f"{found.compared[1]:g} - {found.compared[0]:g} weeks"
    for i, variance in enumerate(found.variances):
        yield Row(
            estimator=GAMMA,
            statistic="frailty_hazard_ratio",
            stratum=stratum,
            at=float(variance),
            estimate=finite(float(found.estimate[i])),
            std_error=finite(float(found.std_error[i])),
            conf_low=finite(float(found.conf_low[i])),
            conf_high=finite(float(found.conf_high[i])),
            n_at_risk=found.n,
            n_events=found.n_events,
            warning=UNBOUNDED if bool(found.unbounded[i]) else "",
        )
    yield Row(
        estimator=GAMMA,
        statistic="frailty_tipping",
        stratum=stratum,
        estimate=found.tipping,
        n_at_risk=found.n,
        n_events=found.n_events,
        warning=selection_words(found),
    )


def selection_words(found: FrailtySelection) -> str:
    """What the variances that were tried leave of the association."""
    if found.variances[0] == 0.0 and found.conf_low[0] <= 1.0 <= found.conf_high[0]:
        return "there is nothing that selection would have to explain: without any frailty the limits hold a ratio of 1"
    if found.explained:
        return (
            "selection alone could explain it: with runners who differ in how readily they recover, the limits hold a ratio of 1"
        )
    return "selection alone does not explain it at any variance that was tried"


def selection(case: Chronicity, variances: tuple[float, ...]) -> FrailtySelection:
    """The likelihood given each variance; the follow-up is that of the visit grid, in days, the durations are weeks."""
    declared = case.exposure.frailty
    left, right, cause = case.outcome
    followed = (left > 0) | np.isfinite(right)
    return frailty_selection(
        left[followed],
        right[followed],
        cause[followed],
        case.weeks[followed],
        case.covariates.value[followed] if case.covariates.names else None,
        names=case.covariates.names or None,
        variances=variances,
        pieces=tuple(7.0 * weeks for weeks in declared.pieces_weeks),
        before=declared.before,
        compared=declared.compared_weeks,
        cluster=case.patient[followed],
        conf_level=case.estimand.conf_level,
    )
