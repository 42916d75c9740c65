"""Residuals, checks and predictions of Cox models, concordance, and Fine-Gray: what is refused."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.regression.cox import residuals
from tendon_outcomes.estimators.regression.cox.baseline import baseline_hazard, predicted_curves
from tendon_outcomes.estimators.regression.cox.concordance import concordance
from tendon_outcomes.estimators.regression.cox.diagnostics import cox_residuals, proportional_hazards_test
from tendon_outcomes.estimators.regression.cox.fit import cox
from tendon_outcomes.estimators.regression.cox.predict import linear_predictor
from tendon_outcomes.estimators.regression.cox.proportionality import proportionality_test
from tendon_outcomes.estimators.regression.cox.sample import CoxSample, cox_sample
from tendon_outcomes.estimators.regression.fine_gray import fine_gray
from tests.refusals.refusal import Refusal

TIME, EVENT, X = [1, 1, 6, 6, 8, 9], [1, 0, 1, 1, 0, 1], [1.0, 1, 1, 0, 0, 0]
ZERO, ONE = np.zeros(1), np.ones((1, 1))
DAYS, CAUSE = [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 1, 0, 1, 2, 1, 0]
Z = [1.0, 0, 0, 1, 1, 0, 0, 1]


def six(**change: object) -> CoxSample:
    return cox_sample(change.pop("time", TIME), change.pop("event", EVENT), change.pop("x", X), **change)  # type: ignore[arg-type]


def curves(**change: object) -> object:
    sample = six(strata=change.pop("strata", None))
    return predicted_curves(sample, ZERO, "efron", covariance=ONE, **{"covariates": [0.0], **change})  # type: ignore[arg-type]


def competing(**change: object) -> object:
    arguments = {"time": DAYS, "cause": CAUSE, "covariates": Z, **change}
    return fine_gray(**arguments)  # type: ignore[arg-type]


REFUSALS: tuple[Refusal, ...] = (
    # Residuals
    Refusal("cox residuals: exact ties", lambda: residuals.martingale(six(), ZERO, "exact"), "efron and breslow, not exact"),
    Refusal("cox residuals: no events", lambda: residuals.score_residuals(six(event=[0] * 6), ZERO, "efron"), "no events"),
    Refusal("cox residuals: length of beta", lambda: residuals.deviance(six(), np.zeros(3), "efron"), "3 coefficients for 1"),
    Refusal("cox residuals: beta missing", lambda: residuals.schoenfeld(six(), np.array([np.nan]), "efron"), "not finite"),
    Refusal("cox residuals: beta beyond exp", lambda: residuals.martingale(six(), np.array([9e5]), "efron"), "exp() can hold"),
    Refusal("cox residuals: no clusters", lambda: residuals.dfbeta(six(), ZERO, "efron", by_cluster=True), "no clusters"),
    Refusal(
        "cox dfbeta: constant at every event",
        lambda: residuals.dfbeta(cox_sample([1, 2, 3], [0, 0, 1], [0.0, 1, 1], names=("side",)), ZERO, "efron"),
        "side: does not vary among those at risk",
    ),
    Refusal(
        "cox dfbeta: columns that say the same at every event",
        lambda: residuals.dfbeta(
            cox_sample([1, 5, 6, 7], [0, 1, 1, 0], [[5.0, 1], [1, 1], [0, 0], [1, 1]]), np.zeros(2), "efron"
        ),
        "say the same at every event",
    ),
    Refusal("cox residuals: unknown kind", lambda: cox_residuals(cox(TIME, EVENT, X), "raw"), "no 'raw' residuals"),  # type: ignore[arg-type]
    # Proportional hazards
    Refusal(
        "proportionality: events on one day",
        lambda: proportionality_test(six(event=[1, 1, 0, 0, 0, 0], x=[1.0, 0, 1, 0, 1, 0]), ZERO, "efron"),
        "cannot be told from these events",
    ),
    Refusal(
        "proportionality: one day with variation",
        lambda: proportionality_test(cox_sample([1, 2, 3, 4], [0, 1, 1, 1], [1.0, 1, 0, 0]), ZERO, "efron"),
        "x1: a change of its hazard ratio",
    ),
    Refusal(
        "proportionality: log of day 0",
        lambda: proportionality_test(six(time=[0, 1, 6, 6, 8, 9]), ZERO, "efron", transform="log"),
        "no logarithm",
    ),
    Refusal(
        "proportionality: unknown scale",
        lambda: proportionality_test(six(), ZERO, "efron", transform="sqrt"),  # type: ignore[arg-type]
        "km, rank, identity or log",
    ),
    Refusal(
        "proportionality: unknown covariate",
        lambda: proportionality_test(six(), ZERO, "efron", terms={"site": ("north",)}),
        "no covariate is called north",
    ),
    Refusal(
        "proportionality: exact ties",
        lambda: proportional_hazards_test(cox([1, 2, 2, 3, 4, 5], EVENT, [1.0, 0, 0, 1, 1, 0], ties="exact")),
        "not exact",
    ),
    Refusal(
        "proportionality: a penalised fit",
        lambda: proportional_hazards_test(
            cox([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 0, 0], [1.0, 1, 1, 0, 0, 0], on_separation="firth")
        ),
        "this fit is penalised",
    ),
    # Concordance
    Refusal("concordance: no events", lambda: concordance(TIME, [0] * 6, TIME), "no two rows can be compared"),
    Refusal("concordance: only the last has the event", lambda: concordance([1, 2], [0, 1], [1, 2]), "no two rows"),
    Refusal("concordance: constant score", lambda: concordance(TIME, EVENT, [2] * 6), "score: one value in every row"),
    Refusal("concordance: score missing", lambda: concordance(TIME, EVENT, [np.nan, 1, 2, 3, 4, 5]), "1 of 6 values"),
    Refusal("concordance: length of score", lambda: concordance(TIME, EVENT, [1, 2]), "2 rows for 6 times"),
    Refusal("concordance: negative weight", lambda: concordance(TIME, EVENT, TIME, weight=[-1] * 6), "6 of 6 weights"),
    Refusal("concordance: entry after exit", lambda: concordance(TIME, EVENT, TIME, entry=[7] * 6), "at or after their time"),
    # Baseline and predictions
    Refusal("baseline: exact ties", lambda: baseline_hazard(six(), ZERO, "exact"), "not exact"),
    Refusal(
        "baseline: reference of another length", lambda: baseline_hazard(six(), ZERO, "efron", reference=[0, 1]), "2 covariates"
    ),
    Refusal("predicted curve: which stratum", lambda: curves(strata=list("ababab")), "2 strata"),
    Refusal("predicted curve: unknown stratum", lambda: curves(strata=list("ababab"), stratum="c"), "no stratum with that label"),
    Refusal("predicted curve: covariate missing", lambda: curves(covariates=[np.nan]), "missing or not finite"),
    Refusal("predicted curve: beyond follow-up", lambda: curves().at(10), "latest day with an answer is 9"),  # type: ignore[attr-defined]
    Refusal("predicted curve: day missing", lambda: curves().at(np.nan), "beyond the last follow-up"),  # type: ignore[attr-defined]
    Refusal("predicted curve: level", lambda: curves(conf_level=1.0), "conf_level"),
    Refusal("linear predictor: wrong width", lambda: linear_predictor(six(), ZERO, ONE, [[1.0, 2]]), "2 covariates"),
    # Fine and Gray
    Refusal("fine-gray: delayed entry", lambda: competing(entry=[0.5] * 8), "delayed entry is not handled"),
    Refusal("fine-gray: no event of the cause", lambda: competing(cause_of_interest=3), "none of 8 rows has cause 3"),
    Refusal("fine-gray: censored as a cause", lambda: competing(cause_of_interest=0), "0 means censored"),
    Refusal(
        "fine-gray: monotone likelihood",
        lambda: competing(covariates=[float(c == 1) for c in CAUSE], names=("treated",)),
        "treated: the likelihood rises without end",
    ),
    Refusal(
        "fine-gray: monotone in a combination",
        lambda: competing(covariates=[[float(c == 1) + v, v] for c, v in zip(CAUSE, [3, 1, 2, 2, 1, 3, 5, 4], strict=True)]),
        "the likelihood rises without end",
    ),
    Refusal("fine-gray: constant column", lambda: competing(covariates=[1.0] * 8), "one value in every row"),
    Refusal("fine-gray: collinear", lambda: competing(covariates=[[v, 2 * v + 1] for v in Z]), "linear combination"),
    Refusal("fine-gray: does not vary at events", lambda: fine_gray([1, 2, 3], [0, 0, 1], [0.0, 1, 1]), "does not vary"),
    Refusal("fine-gray: times", lambda: competing(time=[-1.0] * 8), "8 of 8 times are negative"),
    Refusal("fine-gray: codes", lambda: competing(cause=[0.5] * 8), "not whole numbers"),
    Refusal("fine-gray: length of codes", lambda: competing(cause=[1]), "shape (1,) for 8 rows"),
    Refusal("fine-gray: length of covariates", lambda: competing(covariates=[1.0, 2]), "2 rows for 8 times"),
    Refusal("fine-gray: weights all zero", lambda: competing(weight=[0] * 8), "every weight is zero"),
    Refusal("fine-gray: cluster length", lambda: competing(cluster=[1, 2]), "`cluster` has 2 values"),
    Refusal("fine-gray: no rows", lambda: fine_gray([], [], np.zeros((0, 1))), "no rows"),
    Refusal("fine-gray: beyond follow-up", lambda: competing().incidence([0.0], 20), "latest day with an answer is 8"),  # type: ignore[attr-defined]
    Refusal("fine-gray: too few steps", lambda: competing(max_iterations=1), "did not converge in 1 steps"),
)
