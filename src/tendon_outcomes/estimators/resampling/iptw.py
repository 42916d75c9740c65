"""Two arms compared after weighting by a propensity that every replicate fits anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from tendon_outcomes.errors import NotConverged
from tendon_outcomes.estimators.observations import FloatArray, IntArray, checked_weights, one_dimensional, refuse
from tendon_outcomes.estimators.resampling.blocks import Progress
from tendon_outcomes.estimators.resampling.bootstrap import Bootstrap, IntervalOfBootstrap, bootstrap
from tendon_outcomes.estimators.resampling.curves import areas_under, curves_of
from tendon_outcomes.estimators.resampling.day_tables import DayGrid, DayTotals, day_grid
from tendon_outcomes.estimators.resampling.executors import SERIAL, Executor
from tendon_outcomes.estimators.resampling.logistic import BatchedLogistic, batched_logistic
from tendon_outcomes.estimators.resampling.store import BlockStore
from tendon_outcomes.estimators.resampling.sums import ColumnSums
from tendon_outcomes.estimators.resampling.tied_sums import TieNodes
from tendon_outcomes.estimators.resampling.two_group_cox import TwoGroupCox

Target = Literal["everyone", "treated", "overlap"]


@dataclass(frozen=True, slots=True, eq=False)
class IptwContrasts:
    """Prepared by `iptw_statistic`: (b, n) copies of rows to (b, k) contrasts, treated less (or against) not treated."""

    names: tuple[str, ...]
    n: int
    order: IntArray  # columns as the sums want them; rows that leave before anything happens come last
    treated: FloatArray  # in that order, as are the propensity's rows
    base: FloatArray | None
    propensity: BatchedLogistic
    grid: DayGrid
    event_days: ColumnSums
    target: Target
    day: int  # grid number
    horizon: float
    cox: TwoGroupCox | None

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Risk difference, difference of restricted means and (where asked) log hazard ratio."""
        copies = np.take(weights, self.order, axis=1)
        weighted = copies if self.base is None else copies * self.base
        beta, settled, _ = self.propensity.standardised(weighted)
        odds = self.propensity.odds_against(np.where(settled[:, None], beta, 0.0))
        share = np.clip(weighted @ self.treated / np.maximum(weighted.sum(axis=1), 1e-300), 0.0, 1.0)
        self._weigh(odds, weighted)
        totals = self.grid.totals_of_ordered(odds[:, : self.grid.exits.order.size])
        numbers = [*self._curve_contrasts(totals)]
        if self.cox is not None:
            numbers.append(self._log_hazard_ratio(copies, totals, share))
        result = np.column_stack(numbers)
        result[~settled] = np.nan
        return result

    def _weigh(self, odds: FloatArray, weighted: FloatArray) -> None:
        """Turn the odds of the other arm into weights, in place."""
        if self.target == "everyone":
            odds += 1.0
        elif self.target == "treated":
            odds[:, self.treated > 0.0] = 1.0
        else:
            odds /= 1.0 + odds
        odds *= weighted

    def _curve_contrasts(self, totals: DayTotals) -> tuple[FloatArray, FloatArray]:
        cut = self.day + 1
        early = DayTotals(totals.events[..., :cut], totals.at_risk[..., :cut], totals.followed[..., :cut])
        survival = curves_of(early).survival
        at_day = survival[..., -1]
        mean = areas_under(survival, self.grid.time[:cut], np.array([self.horizon]), 1.0)[..., 0]
        known = ((totals.followed[..., self.day] > 0.0) | (at_day <= 0.0)) & (totals.followed[..., 0] > 0.0)
        mean = np.where(known, mean, np.nan)
        at_day = np.where(known, at_day, np.nan)
        return at_day[:, 0] - at_day[:, 1], mean[:, 1] - mean[:, 0]

    def _log_hazard_ratio(self, copies: FloatArray, totals: DayTotals, share: FloatArray) -> FloatArray:
        events, at_risk = totals.events[:, :, 0], totals.at_risk
        if self.target == "everyone":  # stabilised: each arm's weights times the arm's share
            factor = np.column_stack([1.0 - share, share])[:, :, None]
            events, at_risk = events * factor, at_risk * factor
        assert self.cox is not None
        return np.asarray(self.cox.fit(self.event_days(copies), events, at_risk).estimate[:, 0])


def iptw_statistic(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    treated: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    day: float,
    target: Target = "everyone",
    hazard_ratio: bool = True,
    names: Sequence[str] | None = None,
    weight: npt.ArrayLike | None = None,
) -> IptwContrasts:
    """The statistic that `iptw_contrasts` resamples; see there."""
    arm = _checked_arms(treated, one_dimensional("time", time).size, target, day)
    grid = day_grid(time, event, group=arm, asked=day, n_causes=1)
    inside = grid.exits.order
    order = np.concatenate([inside, np.setdiff1d(np.arange(grid.n), inside)]).astype(np.intp)
    x = np.asarray(covariates, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if x.shape[0] != grid.n:
        raise refuse(f"covariates have {x.shape[0]} rows for {grid.n} times")
    base = None if weight is None else checked_weights(weight, grid.n)[order]
    labels = ("risk difference", "restricted mean difference") + (("log hazard ratio",) if hazard_ratio else ())
    statistic = IptwContrasts(
        names=labels,
        n=grid.n,
        order=order,
        treated=arm[order],
        base=base,
        propensity=batched_logistic(arm[order], x[order], names=None if names is None else list(names), weight=base),
        grid=grid,
        event_days=ColumnSums.by(np.where(np.asarray(event) > 0, grid.last_days(), -1)[order], grid.time.size),
        target=target,
        day=int(grid.asked[0]),
        horizon=float(day),
        cox=TwoGroupCox(TieNodes(), 1.0, 0.0) if hazard_ratio else None,
    )
    numbers = statistic(np.ones((1, grid.n)))[0]
    _refuse_unknown(numbers, labels, day)
    if hazard_ratio:
        return replace(statistic, cox=TwoGroupCox(TieNodes(), 1.0, float(numbers[-1])))
    return statistic


def _checked_arms(treated: npt.ArrayLike, n: int, target: str, day: float) -> FloatArray:
    arm = one_dimensional("treated", treated)
    wrong = int(np.count_nonzero((arm != 0.0) & (arm != 1.0)))
    if wrong:
        raise refuse(f"{wrong} of {arm.size} rows have `treated` neither 0 nor 1")
    if target not in ("everyone", "treated", "overlap"):
        raise refuse("`target` is everyone, treated or overlap")
    if not (np.isfinite(day) and day > 0.0):
        raise refuse("`day` must be a positive number")
    if n != arm.size:
        raise refuse(f"`treated` has {arm.size} values for {n} rows")
    if arm.min() == arm.max():
        raise refuse("every row has the same `treated`", way_out="A comparison needs two arms.")
    return arm


def _refuse_unknown(numbers: FloatArray, names: Sequence[str], day: float) -> None:
    if np.isnan(numbers[:2]).any():
        raise refuse(f"an arm has nobody who was followed to day {day:g}", way_out="Ask for an earlier day.")
    if np.isnan(numbers).any():
        raise NotConverged(
            f"no finite {names[-1]}: events are missing in an arm, or every event is before the other arm's",
            way_out="Ask for the absolute contrasts alone (hazard_ratio=False).",
        )


def iptw_contrasts(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    treated: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    day: float,
    target: Target = "everyone",
    hazard_ratio: bool = True,
    names: Sequence[str] | None = None,
    weight: npt.ArrayLike | None = None,
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
    """Treated against not treated after inverse probability weighting, with limits that know the propensity was estimated.

    Estimand
        Pr(T <= day) had everyone (the treated; the overlap population) been treated, less the same had nobody been; the
        difference of E[min(T, day)]; the log of the marginal hazard ratio.
    Estimator
        A logistic propensity e(x) on the covariates as given; weights 1/e and 1/(1 - e) ("everyone", stabilised by the arm's
        share for the hazard ratio), 1 and e/(1 - e) ("treated"), or 1 - e and e ("overlap"); weighted Kaplan-Meier in each arm;
        weighted Cox regression on treatment alone (Efron).
    Interval
        Bootstrap of rows (or of `cluster`s) with the propensity fitted anew in every replicate.
    Conventions
        As `batched_logistic` (a covariate that a replicate leaves constant is left out of its propensity), `curve_statistic`
        and `batched_cox`. A row drawn c times is c rows to Efron's ties. Weights are
        not truncated.
    Assumes
        Exchangeability given the covariates, positivity, a right propensity model, censoring independent within arm.
    Not for
        Separated arms (refused); few rows in an arm: look at balance and effective sample size first.
    Parameters
        time, event, treated (0 or 1): n rows. covariates: (n, p) without intercept. day: of the risk difference and horizon of
        the restricted means. weight: sampling weights. Others as in `bootstrap`.
    Returns
        Bootstrap of risk difference, restricted mean difference and (with `hazard_ratio`) log hazard ratio.
    References
        Cole & Hernán (2004) Comput Methods Programs Biomed 75:45; Austin (2016) Stat Med 35:5642 (bootstrap); Li, Morgan &
        Zaslavsky (2018) JASA 113:390 (overlap).
    Checked
        Against a plain loop over copied rows, reference (R glm, survfit, coxph on the same resampled rows), properties:
        tests/estimators/test_iptw_contrasts.py, tests/properties/test_resampling_properties.py, tests/reference.
    """
    statistic = iptw_statistic(
        time, event, treated, covariates, day=day, target=target, hazard_ratio=hazard_ratio, names=names, weight=weight
    )
    return bootstrap(
        statistic,
        cluster=statistic.n if cluster is None else cluster,
        strata=strata,
        replicates=replicates,
        seed=seed,
        conf_level=conf_level,
        kind=kind,
        block=block,
        executor=executor,
        progress=progress,
        store=store,
    )
