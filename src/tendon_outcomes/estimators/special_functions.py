"""Distribution functions on arrays, from scipy. Loaded at the first call: importing the package must not load scipy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray


def normal_two_sided_p(z: npt.ArrayLike) -> FloatArray:
    """Pr(|Z| >= |z|) for standard normal Z."""
    from scipy.special import ndtr

    return np.asarray(2.0 * ndtr(-np.abs(np.asarray(z, dtype=np.float64))), dtype=np.float64)


def chi_square_p(statistic: float, df: int) -> float:
    """Pr(X >= statistic) for X chi-square with `df` degrees of freedom; 1 when df is 0."""
    if df <= 0:
        return 1.0
    from scipy.special import chdtrc

    return float(chdtrc(df, max(statistic, 0.0)))


def chi_square_quantile(p: float, df: float) -> float:
    """The value below which a chi-square variable with `df` degrees of freedom lies with probability `p`."""
    from scipy.special import chdtri

    return float(chdtri(df, 1.0 - p))


def log_normal_tail(z: npt.ArrayLike) -> FloatArray:
    """log Pr(Z > z) for standard normal Z, accurate far into both tails."""
    from scipy.special import log_ndtr

    return np.asarray(log_ndtr(-np.asarray(z, dtype=np.float64)), dtype=np.float64)


def beta_quantile(p: float, a: npt.ArrayLike, b: npt.ArrayLike) -> FloatArray:
    """The value below which a Beta(a, b) variable lies with probability `p`, for a, b > 0."""
    from scipy.special import betaincinv

    return np.asarray(betaincinv(a, b, p), dtype=np.float64)


def student_t_quantile(p: float, df: float) -> float:
    """The value below which a Student t variable with `df` degrees of freedom lies with probability `p`."""
    from scipy.special import stdtrit

    return float(stdtrit(df, p))


def feasible_direction(at_least_zero: FloatArray, cost: FloatArray) -> FloatArray:
    """The d in [-1, 1]^p with the largest cost'd with at_least_zero @ d >= 0 (which 0 has): a linear programme."""
    from scipy.optimize import linprog

    found = linprog(
        -cost,
        A_ub=-at_least_zero,
        b_ub=np.zeros(at_least_zero.shape[0]),
        bounds=(-1.0, 1.0),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    return np.zeros(cost.size) if found.x is None else np.asarray(found.x, dtype=np.float64)


def student_t_two_sided_p(t: npt.ArrayLike, df: npt.ArrayLike) -> FloatArray:
    """Pr(|T| >= |t|) for Student's T with `df` degrees of freedom."""
    from scipy.special import stdtr

    return np.asarray(2.0 * stdtr(df, -np.abs(np.asarray(t, dtype=np.float64))), dtype=np.float64)


def normal_quantile_of_t(t: float, df: float) -> float:
    """The z that is as far out under the normal distribution as `t` is under Student's with `df` degrees of freedom."""
    from scipy.special import ndtri, stdtr

    return float(np.sign(t) * -ndtri(max(float(stdtr(df, -abs(t))), 1e-300)))


def beta_cdf(x: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> FloatArray:
    """Pr(X <= x) for X Beta(a, b), a, b > 0; for whole a it is Pr(Y >= a) of a binomial Y of a + b - 1 trials."""
    from scipy.special import betainc

    return np.asarray(betainc(a, b, x), dtype=np.float64)


def truncated_normal_quantile(p: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> FloatArray:
    """The value below which a standard normal variable that is known to lie in [low, high] is with probability `p`.

    Where the range lies above 0 the quantile is that of the mirrored range, so that the far upper tail keeps its digits.
    """
    from scipy.special import log_ndtr, ndtri_exp

    share, first, last = np.broadcast_arrays(*(np.asarray(one, dtype=np.float64) for one in (p, low, high)))
    above = first > 0.0
    start, end = np.where(above, -last, first), np.where(above, -first, last)
    part = np.where(above, 1.0 - share, share)
    with np.errstate(divide="ignore"):
        log_start, log_end, log_part, log_rest = log_ndtr(start), log_ndtr(end), np.log(part), np.log1p(-part)
    found = ndtri_exp(np.minimum(np.logaddexp(log_rest + log_start, log_part + log_end), 0.0))
    return np.asarray(np.clip(np.where(above, -found, found), first, last), dtype=np.float64)


def log_beta(a: npt.ArrayLike, b: npt.ArrayLike) -> FloatArray:
    """log of the beta function B(a, b), for a, b > 0."""
    from scipy.special import betaln

    return np.asarray(betaln(a, b), dtype=np.float64)
