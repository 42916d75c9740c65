"""Heaping, over-imputation and pooling: what they will not answer."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.imputation.heaping import heaping
from tendon_outcomes.estimators.imputation.over_imputation import over_impute
from tendon_outcomes.estimators.imputation.pooling import pooled
from tests.refusals.refusal import Refusal

SMOOTH = np.exp(np.linspace(0.0, 3.0, 60))
TOLD = np.sin(np.arange(40.0))
Z = np.cos(3.0 * np.arange(40.0))[:, None]
BOTH = np.column_stack([Z, 2.0 * Z])

REFUSALS: tuple[Refusal, ...] = (
    Refusal("heaping: no values", lambda: heaping([], heaps=[6.0], width=0.5), "0 of 0 values lie away"),
    Refusal("heaping: zero weeks", lambda: heaping([0.0, *SMOOTH], heaps=[6.0], width=0.5), "1 of 61 rows have no value above 0"),
    Refusal("heaping: missing", lambda: heaping([None, *SMOOTH], heaps=[6.0], width=0.5), "1 of 61 rows"),
    Refusal("heaping: text", lambda: heaping(["3"] * 60, heaps=[6.0], width=0.5), "not made of numbers"),
    Refusal("heaping: no heaps", lambda: heaping(SMOOTH, heaps=[], width=0.5), "no heaps"),
    Refusal("heaping: missing heap", lambda: heaping(SMOOTH, heaps=[np.nan], width=0.5), "no heaps"),
    Refusal("heaping: no width", lambda: heaping(SMOOTH, heaps=[6.0], width=0.0), "half a window"),
    Refusal("heaping: width beyond zero", lambda: heaping(SMOOTH, heaps=[0.5, 6.0], width=0.5), "half a window"),
    Refusal("heaping: windows meet", lambda: heaping(SMOOTH, heaps=[6.0, 7.0], width=0.5), "windows of two heaps meet"),
    Refusal("heaping: all at heaps", lambda: heaping([3.0] * 50, heaps=[3.0], width=0.5), "0 of 50 values lie away"),
    Refusal("heaping: two values", lambda: heaping([2.0, 4.0] * 30, heaps=[3.0], width=0.5), "only 2 different ones"),
    Refusal("heaping: level", lambda: heaping(SMOOTH, heaps=[6.0], width=0.5, conf_level=1.0), "conf_level"),
    Refusal("over_impute: no rows", lambda: over_impute([], 0.5, seed=1), "for 0 told values"),
    Refusal("over_impute: spread negative", lambda: over_impute(TOLD, -0.1, seed=1), "40 of 40 rows have a `spread`"),
    Refusal("over_impute: spread missing", lambda: over_impute(TOLD, [np.nan] * 40, seed=1), "negative or missing"),
    Refusal("over_impute: lengths", lambda: over_impute(TOLD, [0.1] * 39, seed=1), "shape (39,) for 40 told"),
    Refusal("over_impute: untold", lambda: over_impute([None, *TOLD[1:]], 0.1, seed=1), "1 of 40 rows have no told value"),
    Refusal("over_impute: predictors", lambda: over_impute(TOLD, 0.1, Z[:5], seed=1), "5 rows for 40"),
    Refusal("over_impute: same twice", lambda: over_impute(TOLD, 0.1, BOTH, seed=1), "linear combination"),
    Refusal("over_impute: constant", lambda: over_impute(TOLD, 0.1, np.ones(40), seed=1), "one value in every row"),
    Refusal("over_impute: few", lambda: over_impute(TOLD[:10], 0.1, Z[:10], seed=1), "at least 11"),
    Refusal("over_impute: nothing told", lambda: over_impute([np.nan] * 40, np.inf, seed=1), "0 told values"),
    Refusal("over_impute: too wide", lambda: over_impute(TOLD, 5.0, seed=1), "vary less than errors"),
    Refusal("over_impute: constant told", lambda: over_impute([1.0] * 40, 0.5, seed=1), "vary less than errors"),
    Refusal("over_impute: once", lambda: over_impute(TOLD, 0.1, seed=1, imputations=1), "2 or more"),
    Refusal("over_impute: seed", lambda: over_impute(TOLD, 0.1, seed=-1), "seed"),
    Refusal("over_impute: limits", lambda: over_impute(TOLD, 0.1, seed=1, low=2.0, high=1.0), "`low` must lie below"),
    Refusal("over_impute: limit missing", lambda: over_impute(TOLD, 0.1, seed=1, low=np.nan), "`low` must lie below"),
    Refusal("over_impute: clusters", lambda: over_impute(TOLD, 0.1, seed=1, cluster=[1, 2]), "2 values"),
    Refusal("pooled: one imputation", lambda: pooled([[1.0, 2.0]], [[1.0, 1.0]]), "1 imputation has no variance"),
    Refusal("pooled: no estimates", lambda: pooled(np.zeros((3, 0)), np.zeros((3, 0))), "shape (3, 0)"),
    Refusal("pooled: shapes", lambda: pooled([1.0, 2.0], [1.0, 1.0, 1.0]), "variances have shape"),
    Refusal("pooled: missing estimate", lambda: pooled([1.0, np.nan], [1.0, 1.0]), "1 of 2 estimates"),
    Refusal("pooled: negative variance", lambda: pooled([1.0, 2.0], [1.0, -1.0]), "1 of 2 estimates"),
    Refusal(
        "pooled: missing covariance", lambda: pooled([[1.0, 2.0]] * 2, [[[1.0, np.nan], [0.0, 1.0]]] * 2), "covariance is missing"
    ),
    Refusal("pooled: no variance within", lambda: pooled([1.0, 2.0], [0.0, 0.0], df_complete=9), "no variance within"),
    Refusal("pooled: names", lambda: pooled([1.0, 2.0], [1.0, 1.0], names=("a", "b")), "2 names for 1 estimates"),
    Refusal("pooled: df", lambda: pooled([1.0, 2.0], [1.0, 1.0], df_complete=0), "df_complete"),
    Refusal("pooled: critical", lambda: pooled([1.0, 2.0], [1.0, 1.0], critical=-1.0), "`critical`"),
    Refusal("pooled: interval", lambda: pooled([1.0, 2.0], [1.0, 1.0], interval="log"), "plain or logit"),  # type: ignore[arg-type]
    Refusal("pooled: share of 1", lambda: pooled([1.0, 1.0], [0.0, 0.0], interval="logit"), "not between 0 and 1"),
    Refusal("pooled: level", lambda: pooled([1.0, 2.0], [1.0, 1.0], conf_level=0.0), "conf_level"),
)
