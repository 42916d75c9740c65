"""Could selection alone make long-standing cases look slower? Ratios of hazards given a gamma frailty of supposed variances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import labelled_clusters
from tendon_outcomes.estimators.observations import FloatArray, IntArray, checked_level, one_dimensional, refuse
from tendon_outcomes.estimators.regression.coefficients import Coefficients
from tendon_outcomes.estimators.regression.frailty.given_variance import GivenVariance, fitted, ratio_of, tipping_between
from tendon_outcomes.estimators.regression.frailty.sample import EXPOSURE, PrevalentSample, prevalent_sample


@dataclass(frozen=True, slots=True, eq=False)
class FrailtySelection:
    """Ratio of the hazards of recovery after day 0 at `compared[1]` against `compared[0]`, of people of equal frailty.

    Arrays (m,) go with `variances`: `estimate`, `std_error`, `conf_low`, `conf_high`, `log_likelihood`, and `unbounded`: so many
    recovered after so long a time that the higher the rate before day 0, the better this variance fits; the ratio is then that
    of the limit. `coefficients`: for each variance log hazard ratios, the first per doubling of the duration. `rate` (m, K):
    hazard a day of a person of frailty 1, duration `reference` and mean covariates, in pieces that begin on the days `pieces`;
    inf where unbounded. `tipping`: the smallest variance within the range tried at which the estimate is 1, or None.
    """

    variances: FloatArray
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    log_likelihood: FloatArray
    unbounded: npt.NDArray[np.bool_]
    coefficients: tuple[Coefficients, ...] = field(repr=False)
    rate: FloatArray = field(repr=False)
    tipping: float | None
    compared: tuple[float, float]
    reference: float
    before: float
    pieces: tuple[float, ...]
    names: tuple[str, ...]
    n: int
    n_events: int
    conf_level: float

    @property
    def explained(self) -> bool:
        """Whether selection alone could do it: at a variance above 0 the limits hold 1, or the estimate passes 1 on the way.

        Where the limits hold 1 at variance 0 already, there is nothing to explain; that is for the reader of `conf_low` to see.
        """
        holds = (self.conf_low <= 1.0) & (self.conf_high >= 1.0) & (self.variances > 0.0)
        return bool(holds.any()) or self.tipping is not None


def frailty_selection(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    cause: npt.ArrayLike,
    duration: npt.ArrayLike,
    covariates: npt.ArrayLike | None = None,
    *,
    names: Sequence[str] | None = None,
    variances: Sequence[float] = (0.0, 0.5, 1.0, 2.0),
    pieces: Sequence[float],
    before: float = 1.0,
    compared: tuple[float, float] = (6.0, 52.0),
    cluster: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
) -> FrailtySelection:
    """How the hazard of recovery depends on the time it has hurt, had people of a supposed frailty been selected by that time.

    Estimand
        exp(b log2(compared[1] / compared[0])) in the hazard Z a(t) exp(b log2(duration / reference) + x'c) on day t after day 0,
        Z the frailty, of mean 1 and variance v: the ratio between two durations of people of equal frailty and covariates.
    Estimator
        Z is gamma, so that of those still ill after a cumulative hazard L (given Z = 1) the share exp(-H) of the next one becomes
        S = [(1 + v L) / (1 + v (L + H))]^(1/v). Maximum likelihood of S(left) - S(right), or S(left), for each v; v itself is
        supposed, never estimated. a is constant within pieces. L = before * abar * 7 * duration, abar the mean of a over the
        days followed (to the middle of the interval of who recovered).
    Interval
        Wald on the log scale, the inverse observed information C; with `cluster` C J C, J the squared scores summed by cluster.
        Where the rates are unbounded the information at that limit.
    Conventions
        L holds neither b nor c. Who has been ill for a year was once ill for six weeks, so the hazard at the present duration did
        not act on the past, and summing exp(b log2 u) over the past has no finite value once a doubling halves the hazard. L is
        thus the past at the rate of the typical duration, `reference` (the geometric mean), and of mean covariates; `before`
        says how much faster or slower it was. Under selection alone b is 0 and every such choice is the same. With x'c in L
        large variances would leave c without a finite estimate; what it costs to leave it out is in gate row `frailty_null`.
        A competing event (cause >= 2) ends
        follow-up at `left` (missing: the day before). A piece with fewer than 3 recoveries, each in the middle of its
        interval, joins the next, the last the one before.
    Assumes
        Gamma frailty that multiplies the hazard before and after day 0; people come into the sample at any duration if they are
        still ill, whatever their frailty otherwise; competing events, visits and loss unrelated to it given the covariates.
    Not for
        Telling how large the variance is: samples entered late hold next to no information on it beside b. Exposures other than
        the time at risk before day 0.
    Parameters
        left, right: n days, cause: n codes, as in interval_censored_incidence. duration: n weeks on day 0, above 0. covariates:
        (n, p) or None, names: p words. variances: ascending, 0 or more. pieces: days after day 0 on which the rate may change,
        ascending; may be empty. before: the rate before day 0 over the mean rate after it. compared: two durations in weeks.
        cluster: n labels of patients. conf_level in (0, 1).
    Returns
        FrailtySelection.
    References
        Vaupel, Manton & Stallard (1979) Demography 16:439; Lancaster (1990) The Econometric Analysis of Transition Data, ch. 4;
        Aalen, Borgan & Gjessing (2008) Survival and Event History Analysis, ch. 6.
    Checked
        Exact (one piece, two durations; no frailty), reference (R: glm with a complementary log-log link at variance 0, the
        likelihood by optim above 0), properties, a slow second implementation, known truth by simulation:
        tests/estimators/test_frailty_selection.py, tests/reference/frailty.R, tests/properties, tests/slow_reference; gate row
        `frailty_null`.
    """
    level, tried = checked_level(conf_level), _checked_variances(variances)
    low, high = _checked_pair(compared)
    sample = prevalent_sample(left, right, cause, duration, covariates, names=names, pieces=pieces, before=before)
    groups = None if cluster is None else labelled_clusters(cluster, sample.n_given).number
    fits: list[GivenVariance] = []
    for v in tried:
        fits.append(fitted(sample, float(v), fits[-1] if fits else None))
    doublings = float(np.log2(high / low))
    return _collected(sample, tried, fits, groups, level, (low, high), doublings)


def _collected(
    sample: PrevalentSample,
    tried: FloatArray,
    fits: list[GivenVariance],
    groups: IntArray | None,
    level: float,
    compared: tuple[float, float],
    doublings: float,
) -> FrailtySelection:
    coefficients = tuple(fit.coefficients(sample, groups, level) for fit in fits)
    ratios = np.array([ratio_of(one, doublings) for one in coefficients])
    return FrailtySelection(
        variances=tried,
        estimate=ratios[:, 0],
        std_error=ratios[:, 1],
        conf_low=ratios[:, 2],
        conf_high=ratios[:, 3],
        log_likelihood=np.array([fit.top.value for fit in fits]),
        unbounded=np.array([fit.unbounded for fit in fits]),
        coefficients=coefficients,
        rate=np.stack([fit.rate for fit in fits]),
        tipping=tipping_between(sample, fits),
        compared=compared,
        reference=sample.reference,
        before=sample.before,
        pieces=sample.begins,
        names=(EXPOSURE, *sample.names),
        n=sample.n_given,
        n_events=int(sample.recovered.sum()),
        conf_level=level,
    )


def _checked_variances(variances: Sequence[float]) -> FloatArray:
    tried = one_dimensional("variances", list(variances), truth_values=False)
    if tried.size == 0 or not np.isfinite(tried).all() or tried[0] < 0.0 or (np.diff(tried) <= 0.0).any():
        raise refuse("`variances` must be ascending numbers, 0 or more", way_out="(0, 0.5, 1, 2) are usual.")
    return tried


def _checked_pair(compared: tuple[float, float]) -> tuple[float, float]:
    pair = one_dimensional("compared", list(compared), truth_values=False)
    if pair.size != 2 or not np.isfinite(pair).all() or (pair <= 0.0).any() or pair[0] == pair[1]:
        raise refuse("`compared` must be two different durations above 0, in weeks")
    return float(pair[0]), float(pair[1])
