"""What must hold for the Cox model on every sample: changes of unit, order, copies, pieces, names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.regression.cox.cox_fit import CoxFit
from tendon_outcomes.estimators.regression.cox.firth import firth_cox
from tendon_outcomes.estimators.regression.cox.fit import cox
from tests.slow_reference import slow_cox

every = settings(max_examples=200, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
TIES = ("efron", "breslow", "exact")
CLOSE = {"rtol": 1e-7, "atol": 1e-8}
Sample = dict[str, np.ndarray]


def sample(seed: int, n: int = 40, days: int = 12) -> Sample:
    """Rows with ties, two covariates of which one is binary, entry before the day; rarely separated."""
    rng = np.random.default_rng(seed)
    time = rng.integers(1, days + 1, n) + 0.0
    x = np.column_stack([np.arange(n) % 2, rng.normal(size=n)])
    return {"time": time, "event": rng.random(n) < 0.7, "covariates": x, "entry": np.floor(time * rng.random(n) * 0.99)}


def fit(rows: Sample, **options: object) -> CoxFit:
    return cox(rows["time"], rows["event"], rows["covariates"], entry=rows["entry"], **options)  # type: ignore[arg-type]


def answered(rows: Sample, ties: str) -> CoxFit | None:
    try:
        return fit(rows, ties=ties)
    except EstimationRefused:
        return None


def same(one: CoxFit, other: CoxFit, scale: object = 1.0) -> None:
    error = one.coefficients.std_error
    np.testing.assert_allclose(one.coefficients.estimate / error, other.coefficients.estimate * scale / error, **CLOSE)
    np.testing.assert_allclose(error, other.coefficients.std_error * np.abs(scale), **CLOSE)
    np.testing.assert_allclose(one.log_likelihood, other.log_likelihood, rtol=1e-9)
    np.testing.assert_allclose(one.score_test.statistic, other.score_test.statistic, **CLOSE)


@every
@given(seeds, st.sampled_from(TIES))
def test_shift_scale_and_flip_of_covariates(seed: int, ties: str) -> None:
    # Exact: the partial likelihood sees differences only; c x has beta / c; 1 - x has -beta.
    rows = sample(seed)
    if found := answered(rows, ties):
        same(found, fit(rows | {"covariates": rows["covariates"] + np.array([7.0, -300.0])}, ties=ties))
        same(found, fit(rows | {"covariates": rows["covariates"] * np.array([-1.0, 250.0])}, ties=ties), np.array([-1.0, 250.0]))


@every
@given(seeds, st.sampled_from(TIES))
def test_only_the_order_of_times_counts(seed: int, ties: str) -> None:
    # Exact: any rising map of time leaves every risk set as it is; also days, weeks and years.
    rows = sample(seed)
    if found := answered(rows, ties):
        for moved in (np.sqrt, lambda t: t**3 - 50.0, lambda t: t / 7, lambda t: t / 365.25):
            same(found, fit(rows | {"time": moved(rows["time"]), "entry": moved(rows["entry"])}, ties=ties))


@every
@given(seeds, st.sampled_from(TIES))
def test_order_of_rows_and_of_columns(seed: int, ties: str) -> None:
    # Exact: sums do not know an order.
    rows = sample(seed)
    if found := answered(rows, ties):
        order = np.random.default_rng(seed).permutation(rows["time"].size)
        same(found, fit({key: values[order] for key, values in rows.items()}, ties=ties))
        turned = fit(rows | {"covariates": rows["covariates"][:, ::-1]}, ties=ties)
        np.testing.assert_allclose(turned.coefficients.estimate[::-1], found.coefficients.estimate, **CLOSE)


@every
@given(seeds, st.integers(2, 4))
def test_copies_of_all_rows_under_breslow(seed: int, k: int) -> None:
    # Exact: Breslow's likelihood of k copies is k times it; weights of k and clusters of the copies say the same.
    rows = sample(seed)
    if found := answered(rows, "breslow"):
        many = {key: np.concatenate([values] * k) for key, values in rows.items()}
        copied, weighted = fit(many, ties="breslow"), fit(rows, ties="breslow", weight=np.full(rows["time"].size, k))
        for other in (copied, weighted):
            np.testing.assert_allclose(other.coefficients.estimate, found.coefficients.estimate, **CLOSE)
            np.testing.assert_allclose(other.coefficients.covariance * k, found.coefficients.covariance, **CLOSE)
        clustered = fit(many, ties="breslow", cluster=np.tile(np.arange(rows["time"].size), k))
        np.testing.assert_allclose(
            clustered.coefficients.covariance, fit(rows, ties="breslow", robust=True).coefficients.covariance, **CLOSE
        )


@every
@given(seeds)
def test_without_ties_the_three_likelihoods_are_one(seed: int) -> None:
    # Exact: with one event a day there is one set of one.
    rows = sample(seed)
    rows["time"] = np.random.default_rng(seed).permutation(rows["time"].size) + 2.0
    rows["entry"] = np.minimum(rows["entry"], rows["time"] - 1.0)
    if found := answered(rows, "efron"):
        for ties in ("breslow", "exact"):
            same(found, fit(rows, ties=ties))


@every
@given(seeds, st.sampled_from(["efron", "breslow"]))
def test_rows_cut_into_pieces_change_nothing(seed: int, ties: str) -> None:
    # Exact: (entry, cut] without the event and (cut, time] are at risk on the same days as (entry, time].
    rows = sample(seed)
    if found := answered(rows, ties):
        cut = rows["entry"] + np.floor((rows["time"] - rows["entry"]) / 2)
        split = cut > rows["entry"]
        pieces = {
            "time": np.concatenate([rows["time"], cut[split]]),
            "entry": np.concatenate([np.where(split, cut, rows["entry"]), rows["entry"][split]]),
            "event": np.concatenate([rows["event"], np.zeros(int(split.sum()), dtype=bool)]),
            "covariates": np.concatenate([rows["covariates"], rows["covariates"][split]]),
        }
        same(found, fit(pieces, ties=ties))
        person = np.concatenate([np.arange(split.size), np.flatnonzero(split)])
        whole = fit(rows, ties=ties, robust=True).coefficients.covariance
        np.testing.assert_allclose(fit(pieces, ties=ties, cluster=person).coefficients.covariance, whole, **CLOSE)


@every
@given(seeds, st.sampled_from(["efron", "breslow"]))
def test_rows_that_say_nothing_change_nothing(seed: int, ties: str) -> None:
    # Exact: rows of weight 0, rows gone before the first event, entry before every time.
    rows = sample(seed)
    if found := answered(rows, ties):
        first = float(rows["time"][rows["event"]].min())
        extra = {
            "time": [first - 0.5, 99.0],
            "entry": [-9.0, -9.0],
            "event": [False, True],
            "covariates": [[3.0, 3.0], [5.0, 5.0]],
        }
        more = {key: np.concatenate([rows[key], np.array(values)]) for key, values in extra.items()}
        weight = np.ones(rows["time"].size + 2)
        weight[-1] = 0.0
        same(found, fit(more, ties=ties, weight=weight))
        everybody = rows | {"entry": np.zeros(rows["time"].size)}
        one = answered(everybody, ties)
        if one is not None:
            same(one, cox(rows["time"], rows["event"], rows["covariates"], ties=ties))  # type: ignore[arg-type]


@every
@given(seeds, st.sampled_from(TIES))
def test_strata_names_do_not_matter_and_likelihoods_add(seed: int, ties: str) -> None:
    # Exact: the stratified likelihood at 0 is the sum of the strata's own; labels and a stratum without events change nothing.
    rows = sample(seed)
    stratum = np.random.default_rng(seed).integers(0, 3, rows["time"].size)
    try:
        found = fit(rows, ties=ties, strata=stratum)
        parts = [fit({key: values[stratum == s] for key, values in rows.items()}, ties=ties) for s in range(3)]
    except EstimationRefused:
        return
    same(found, fit(rows, ties=ties, strata=np.array(["z", "a", "m"])[stratum]))
    np.testing.assert_allclose(sum(part.null_log_likelihood for part in parts), found.null_log_likelihood, rtol=1e-10)
    assert sum(part.log_likelihood for part in parts) >= found.log_likelihood - 1e-9


@every
@given(seeds, st.sampled_from(TIES))
def test_tests_and_limits_are_in_order(seed: int, ties: str) -> None:
    # Exact: the maximum is no lower than 0's likelihood; wider levels contain narrower ones; p-values are in [0, 1].
    rows = sample(seed)
    if found := answered(rows, ties):
        wide = fit(rows, ties=ties, conf_level=0.99).coefficients
        c = found.coefficients
        assert found.likelihood_ratio_test.statistic >= 0.0
        assert (wide.conf_low < c.conf_low).all()
        assert (c.conf_high < wide.conf_high).all()
        assert all(0.0 <= test.p_value <= 1.0 for test in (found.score_test, found.wald_test, found.likelihood_ratio_test))
        assert found.gradient_norm <= 1e-6


@every
@given(seeds, st.sampled_from(["efron", "breslow"]))
def test_a_small_separated_sample_is_refused_or_penalised_never_guessed(seed: int, ties: str) -> None:
    # Exact: a linear programme says whether there is a maximum; Firth's estimate is finite either way.
    rows = sample(seed, n=12, days=6)
    plain = slow_cox.Rows(rows["time"], rows["event"], rows["covariates"], rows["entry"], np.ones(12), np.zeros(12, dtype=int))
    try:
        penalised = firth_cox(rows["time"], rows["event"], rows["covariates"], entry=rows["entry"], ties=ties)  # type: ignore[arg-type]
    except EstimationRefused:
        return  # nothing varies inside a risk set, or too few events to follow a profile
    assert np.isfinite(penalised.coefficients.estimate).all()
    assert (penalised.coefficients.conf_low < penalised.coefficients.estimate).all()
    if slow_cox.has_maximum(plain, ties):
        assert answered(rows, ties) is not None
    else:
        with pytest.raises(EstimationRefused, match="has no maximum"):
            fit(rows, ties=ties)
