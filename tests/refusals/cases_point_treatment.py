"""Bad input for the estimators of point treatments: what must be refused, and in which words."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.causal.point_treatment.aipw import aipw
from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans
from tendon_outcomes.estimators.causal.point_treatment.folds import patient_folds
from tendon_outcomes.estimators.causal.point_treatment.g_computation import g_computation
from tendon_outcomes.estimators.causal.point_treatment.iptw_means import iptw_curves, iptw_means
from tendon_outcomes.estimators.causal.point_treatment.monotone import monotone
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import PseudoValues, pseudo_values
from tendon_outcomes.estimators.causal.point_treatment.tmle import tmle
from tendon_outcomes.estimators.causal.weighting.balancing_weights import balancing_weights
from tendon_outcomes.estimators.causal.weighting.propensity import propensity
from tests.refusals.refusal import Refusal

INF = np.inf
N = 40
ARM = np.tile([0, 1], N // 2)
X = np.arange(N) % 7.0
Y = (np.arange(N) % 3 == 0).astype(float)
LEFT, RIGHT = np.where(Y == 1, 0.0, 14.0), np.where(Y == 1, 7.0, INF)
LEFT[1], RIGHT[1] = 7.0, 14.0
CAUSE = np.isfinite(RIGHT).astype(int)


def values(**changed: object) -> PseudoValues:
    """Pseudo-values of a sample that would do, with some arguments changed."""
    arguments = {"left": LEFT, "right": RIGHT, "cause": CAUSE, "group": ARM, "days": [7]} | changed
    return pseudo_values(**arguments)  # type: ignore[arg-type]


def standardised(**changed: object) -> ArmMeans:
    arguments = {"value": Y, "treatment": ARM, "covariates": X} | changed
    return g_computation(**arguments)  # type: ignore[arg-type]


def robust(**changed: object) -> ArmMeans:
    arguments = {"value": Y, "treatment": ARM, "outcome_covariates": X, "propensity_covariates": X, "seed": 1} | changed
    return aipw(**arguments)  # type: ignore[arg-type]


def weighted(**changed: object) -> ArmMeans:
    score = propensity(ARM, X)
    arguments = {
        "left": LEFT,
        "right": RIGHT,
        "cause": CAUSE,
        "treatment": ARM,
        "weights": balancing_weights(score, ARM),
        "propensity": score,
        "days": 7,
    } | changed
    return iptw_means(**arguments)  # type: ignore[arg-type]


def curves_without_a_day() -> object:
    """Nobody of one arm is seen after day 7, when looks begin in the other."""
    left, right = np.where(ARM == 0, 0.0, 14.0), np.where(ARM == 0, INF, INF)
    score = propensity(ARM, X)
    return iptw_curves(left, right, np.zeros(N, int), ARM, balancing_weights(score, ARM), score)


REFUSALS: tuple[Refusal, ...] = (
    Refusal("pseudo-values, no rows", lambda: values(left=[], right=[], cause=[]), "`left`, `right` and `cause` have 0, 0, 0"),
    Refusal("pseudo-values, columns of other lengths", lambda: values(cause=CAUSE[1:]), f"have {N}, {N}, {N - 1} values"),
    Refusal("pseudo-values, nothing asked", lambda: values(days=[]), "neither a day nor a horizon"),
    Refusal("pseudo-values, a missing day", lambda: values(days=[7, np.nan]), "1 of 2 days are missing"),
    Refusal("pseudo-values, groups of another length", lambda: values(group=ARM[1:]), "`group` has 39 values"),
    Refusal("pseudo-values, an unknown group", lambda: values(compared=(0, 3)), "there is no group 3"),
    Refusal("pseudo-values, a group without weight", lambda: values(weight=(ARM == 0) * 1.0), "every weight is zero in group 1"),
    Refusal("pseudo-values, a cell that the day cuts", lambda: values(days=[5]), "a cell of it is (0, 7]"),
    Refusal("pseudo-values, a late day", lambda: values(days=[15]), "beyond the last follow-up of group 0"),
    Refusal("pseudo-values, a late horizon", lambda: values(horizon=15), "the horizon 15 lies beyond the last follow-up"),
    Refusal("pseudo-values, clusters of another length", lambda: values(cluster=[1]), "`cluster` has 1 values"),
    Refusal("g-computation, treatments of another length", lambda: standardised(treatment=ARM[1:]), "`treatment` has 39 values"),
    Refusal("g-computation, a treatment unknown", lambda: standardised(treatment=ARM - 1), "20 of 40 treatments are not codes"),
    Refusal("g-computation, nobody treated", lambda: standardised(treatment=ARM * 0), "nobody has treatment 1"),
    Refusal("g-computation, one arm twice", lambda: standardised(compared=(1, 1)), "compared with itself"),
    Refusal("g-computation, a missing value", lambda: standardised(value=np.where(X == 1, np.nan, Y)), "have no value"),
    Refusal(
        "g-computation, values of three axes", lambda: standardised(value=np.zeros((2, 2, 2))), "values have shape (2, 2, 2)"
    ),
    Refusal("g-computation, missing covariates", lambda: standardised(covariates=np.where(X == 1, np.nan, X)), "missing outcome"),
    Refusal("g-computation, covariates of another length", lambda: standardised(covariates=X[1:]), "for 40 rows"),
    Refusal(
        "g-computation, a constant covariate",
        lambda: standardised(covariates=np.column_stack([X, X * 0 + 2]), names=["km", "site"]),
        "site",
    ),
    Refusal("g-computation, two columns alike", lambda: standardised(covariates=np.column_stack([X, 2 * X])), "covariate x2"),
    Refusal("g-computation, an unknown target", lambda: standardised(target="overlap"), "`target` is everyone or treated"),
    Refusal("g-computation, a negative penalty", lambda: standardised(ridge=-1.0), "`ridge` is a penalty"),
    Refusal(
        "g-computation, more covariates than rows",
        lambda: standardised(covariates=np.random.default_rng(1).normal(size=(N, 20))),
        "20 rows for 20 covariates",
    ),
    Refusal("g-computation, confidence 95", lambda: standardised(conf_level=95), "`conf_level`"),
    Refusal("AIPW, one fold", lambda: robust(folds=1), "at least 2 folds"),
    Refusal("AIPW, folds never dealt", lambda: robust(repeats=0), "`repeats` is how often"),
    Refusal("AIPW, too few patients", lambda: robust(folds=11), "treatment 0 has 20 patients for 11 folds"),
    Refusal("AIPW, too few patients though many sides", lambda: robust(cluster=np.arange(N) // 10), "patients for 5 folds"),
    Refusal("AIPW, bounds upside down", lambda: robust(clip=(0.9, 0.1)), "`clip` is a lower and an upper probability"),
    Refusal("AIPW, missing propensity covariates", lambda: robust(propensity_covariates=X * np.nan), "missing propensity"),
    Refusal("AIPW, no value of one arm", lambda: robust(value=np.where(ARM == 1, np.nan, Y)), "20 of 40 rows of the treatments"),
    Refusal(
        "TMLE, a treatment of 1.5",
        lambda: tmle(Y, ARM * 1.5, outcome_covariates=X, propensity_covariates=X, seed=1),
        "are not codes",
    ),
    Refusal("IPTW, nothing asked", lambda: weighted(days=[]), "neither a day nor a horizon"),
    Refusal("IPTW, rows of another length", lambda: weighted(right=RIGHT[1:]), "`right` has 39 values for 40 rows"),
    Refusal("IPTW, a late day", lambda: weighted(days=99), "beyond the last follow-up of treatment 0"),
    Refusal("IPTW, a cell that the day cuts", lambda: weighted(days=5), "open on day 5"),
    Refusal("IPTW, a late horizon", lambda: weighted(horizon=99), "the horizon 99 lies beyond"),
    Refusal("IPTW, clusters of another length", lambda: weighted(cluster=[1]), "`cluster` has 1 values"),
    Refusal("IPTW, curves without a day", curves_without_a_day, "no day on which both arms are determined"),
    Refusal("ArmMeans, a third arm", lambda: standardised().arm(2), "an arm is 0"),
    Refusal("ArmMeans, an unknown outcome", lambda: standardised().ratio(["day 8"]), "there is no outcome 'day 8'"),
    Refusal("ArmMeans, a ratio of nobody", lambda: standardised(value=Y * ARM).ratio(), "above 0: outcome 1"),
    Refusal(
        "folds of nobody", lambda: patient_folds(np.arange(8), np.zeros(8, int), folds=2, seed=1), "treatment 1 has 0 patients"
    ),
    Refusal("isotonic curve, a missing value", lambda: monotone([0.1, np.nan]), "finite numbers"),
    Refusal("isotonic curve, a day of weight 0", lambda: monotone([0.1, 0.2], weight=[1, 0]), "1 of 2 days have weight 0"),
)
