"""Limits for small risk sets: the beta product confidence procedure."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.estimators.curves.kaplan_meier import kaplan_meier
from tendon_outcomes.estimators.proportions import clopper_pearson


def test_without_censoring_it_is_clopper_pearson() -> None:
    # Exact identity: the product of the betas is one beta, and method of moments finds it.
    n = 9
    fit = kaplan_meier(np.arange(1, n + 1), np.ones(n), interval="beta-product")
    for day in range(1, n + 1):
        exact = clopper_pearson(n - day, n)
        assert fit.conf_low[day - 1] == pytest.approx(exact.conf_low, abs=1e-10)
        assert fit.conf_high[day - 1] == pytest.approx(exact.conf_high, abs=1e-10)


def test_ties_are_taken_together() -> None:
    # Exact identity: 3 of 8 at once, then 2 of 5: Clopper-Pearson for 5/8 and 3/8.
    fit = kaplan_meier([1] * 3 + [2] * 2 + [4] * 3, [1] * 5 + [0] * 3, interval="beta-product")
    for place, left in ((0, 5), (1, 3)):
        exact = clopper_pearson(left, 8)
        assert (fit.conf_low[place], fit.conf_high[place]) == (
            pytest.approx(exact.conf_low, abs=1e-10),
            pytest.approx(exact.conf_high, abs=1e-10),
        )
    assert fit.conf_low[2] == 0.0  # nobody is left to speak for later days


def test_before_any_event_only_the_lower_limit_moves() -> None:
    # Exact: 0 events with 4 left after the first day: low = 0.025^(1/4); the upper limit is 1.
    fit = kaplan_meier([1, 2, 3, 4, 5], [0, 1, 1, 0, 1], interval="beta-product")
    assert fit.conf_low[0] == pytest.approx(0.025**0.25, abs=1e-12)
    assert fit.conf_high[0] == 1.0


def test_after_a_censoring_by_hand() -> None:
    # Exact: 1 of 4, one lost, 1 of 2. Upper: Beta(4, 1) Beta(2, 1) has mean 8/15 and second moment 2/3 * 1/2 = 1/3, so
    # a = m (m - s)/(s - m^2) = (8/15)(1/5)/(11/225) = 24/11 and b = 21/11; its 0.975 quantile by R's qbeta.
    fit = kaplan_meier([1, 2, 3, 4], [1, 0, 1, 0], interval="beta-product")
    assert fit.conf_high[2] == pytest.approx(QBETA_0975, abs=1e-9)


QBETA_0975 = 0.920536340059724


def test_the_default_is_log_log_until_twenty_are_at_risk() -> None:
    # Exact: the rule, on 40 rows of which one has the event every other day: where both neighbours agree nothing is widened.
    time, event = np.arange(1, 41), np.arange(1, 41) % 2
    default = kaplan_meier(time, event)
    log_log, product = (kaplan_meier(time, event, interval=kind) for kind in ("log-log", "beta-product"))
    few = default.n_at_risk < 20
    assert default.interval == "mixed"
    assert (default.conf_low[few] <= product.conf_low[few]).all()
    np.testing.assert_array_equal(default.conf_high[few], product.conf_high[few])
    assert (default.conf_low[~few] <= log_log.conf_low[~few]).all()
    assert (default.conf_high[~few] >= log_log.conf_high[~few]).all()
    np.testing.assert_array_equal(default.conf_high[:18], log_log.conf_high[:18])
    assert (np.diff(default.conf_low) <= 0).all()
    assert (np.diff(default.conf_high) <= 0).all()


def test_weights_clusters_and_entry_keep_log_log() -> None:
    # Exact: the default of a sample for which no beta-product limits are known.
    time, event = [1, 2, 3, 4], [1, 1, 0, 1]
    for how in ({"weight": [1, 0.5, 1, 2]}, {"cluster": [1, 1, 2, 2]}, {"entry": [0, 1, 1, 0]}, {"robust": True}):
        fit = kaplan_meier(time, event, **how)  # type: ignore[arg-type]
        explicit = kaplan_meier(time, event, interval="log-log", **how)  # type: ignore[arg-type]
        assert fit.interval == "log-log"
        np.testing.assert_array_equal(fit.conf_low, explicit.conf_low)


def test_copies_are_counted() -> None:
    # Exact: whole-number weights are rows.
    time, event, copies = [1, 2, 3, 5], [1, 0, 1, 1], [2, 1, 3, 2]
    one = kaplan_meier(time, event, weight=copies, interval="beta-product")
    two = kaplan_meier(np.repeat(time, copies), np.repeat(event, copies), interval="beta-product")
    np.testing.assert_allclose(one.conf_low, two.conf_low, rtol=0, atol=1e-14)
    np.testing.assert_allclose(one.conf_high, two.conf_high, rtol=0, atol=1e-14)


def test_quantile_limits_invert_the_limits_shown() -> None:
    # Exact: without censoring, 10 rows: the median's upper limit is the first day whose upper limit has come down to one half.
    fit = kaplan_meier(np.arange(1, 11), np.ones(10))
    median = fit.quantile(0.5)
    below = fit.time[fit.conf_high <= 0.5]
    assert median.conf_high == (below[0] if below.size else np.inf)


@pytest.mark.parametrize(("n", "day"), [(12, 3.0), (25, 12.0)])
def test_coverage_in_small_samples_where_log_log_falls_short(n: int, day: float) -> None:
    # Known truth by simulation: exponential events (mean 8) and censorings (mean 16), 1,500 samples; Monte Carlo error 0.6
    # points.
    # The procedure is conservative by design: at least 95 % less three errors.
    rng = np.random.default_rng(5)
    truth, held, replicates = np.exp(-day / 8.0), 0, 1500
    for _ in range(replicates):
        event, lost = rng.exponential(8.0, n), rng.exponential(16.0, n)
        fit = kaplan_meier(np.minimum(event, lost), event <= lost, interval="beta-product")
        at = fit.at(min(day, float(fit.time[-1])))
        held += at.conf_low <= truth <= at.conf_high
    assert held / replicates >= 0.95 - 3 * 0.0056
