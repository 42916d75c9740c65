"""Bootstrap limits of curves and of their differences, in one call."""

from __future__ import annotations

import numpy.typing as npt

from tendon_outcomes.estimators.resampling.blocks import Progress
from tendon_outcomes.estimators.resampling.bootstrap import Bootstrap, IntervalOfBootstrap, bootstrap
from tendon_outcomes.estimators.resampling.curves import Combined, CurveStatistic, between_groups, curve_statistic
from tendon_outcomes.estimators.resampling.executors import SERIAL, Executor
from tendon_outcomes.estimators.resampling.store import BlockStore


def bootstrap_curve(
    time: npt.ArrayLike,
    cause: npt.ArrayLike,
    *,
    days: npt.ArrayLike = (),
    horizons: npt.ArrayLike = (),
    group: npt.ArrayLike | None = None,
    contrast: tuple[object, object] | None = None,
    entry: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    incidence: bool = False,
    n_causes: int | None = None,
    cluster: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    replicates: int = 2000,
    seed: int,
    conf_level: float = 0.95,
    kind: IntervalOfBootstrap = "percentile",
    block: int = 16,
    executor: Executor = SERIAL,
    progress: Progress | None = None,
    store: BlockStore | None = None,
) -> Bootstrap:
    """Bootstrap limits of survival or incidence at days, of restricted means, and of their differences between two groups.

    Estimand
        S(t), F_k(t), E[min(T, tau)], mean time lost; with `contrast=(a, b)` those of group a less those of group b.
    Estimator
        `curve_statistic` on the sample.
    Interval
        `bootstrap` by `cluster` (by row when none is given). "studentised" divides by Greenwood's standard error, hence needs
        Kaplan-Meier without `contrast` or sampling weights.
    Conventions
        As `curve_statistic` and `bootstrap`.
    Assumes
        As `curve_statistic` and `bootstrap`.
    Not for
        Limits beside 0 or 1, where replicates do not vary: use those of the curve.
    Parameters
        As `curve_statistic` and `bootstrap`. contrast: two labels of `group`.
    Returns
        Bootstrap, one number for each of `names`.
    References
        Efron (1981) JASA 76:312 (censored data).
    Checked
        tests/estimators/test_bootstrap.py, tests/properties/test_resampling_properties.py.
    """
    curves = curve_statistic(
        time, cause, days=days, horizons=horizons, group=group, entry=entry, weight=weight, incidence=incidence, n_causes=n_causes
    )
    statistic: CurveStatistic | Combined = curves if contrast is None else between_groups(curves, *contrast)
    studentised = kind == "studentised" and contrast is None and weight is None
    return bootstrap(
        statistic,
        cluster=curves.n if cluster is None else cluster,
        strata=strata,
        replicates=replicates,
        seed=seed,
        conf_level=conf_level,
        kind=kind,
        block=block,
        executor=executor,
        progress=progress,
        store=store,
        std_error=curves.std_error if studentised else None,
    )
