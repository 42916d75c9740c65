"""Means over patients: repeats do not count for more, shares keep their range."""

from __future__ import annotations

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.patient_means import mean_over_patients
from tendon_outcomes.estimators.proportions import clopper_pearson
from tendon_outcomes.estimators.special_functions import student_t_quantile


def test_a_patient_counts_once() -> None:
    # Grade: exact, by hand: means of the patients 1, 3 and 5; mean 3, standard error 2 / sqrt(3).
    found = mean_over_patients([0.0, 2.0, 3.0, 5.0, 5.0, 5.0, 5.0], ["a", "a", "b", "c", "c", "c", "c"])
    reach = student_t_quantile(0.975, 2) * 2 / np.sqrt(3)
    assert (found.estimate, found.std_error) == (pytest.approx(3.0), pytest.approx(2 / np.sqrt(3)))
    assert (found.conf_low, found.conf_high) == (pytest.approx(3 - reach), pytest.approx(3 + reach))
    assert (found.patients, found.rows) == (3, 7)


def test_p_value_is_that_of_its_limits() -> None:
    # Grade: exact: a null on a limit has p = 0.05.
    found = mean_over_patients([1.0, 2.0, 4.0, 7.0], [1, 2, 3, 4])
    assert found.p_value(found.conf_low) == pytest.approx(0.05)
    assert found.p_value(found.estimate) == pytest.approx(1.0)


def test_a_share_stays_between_0_and_1_with_exact_limits_at_the_ends() -> None:
    # Grade: exact: nobody of 8 patients has the limit of 0 in 8, everybody that of 8 in 8; else limits lie inside.
    none = mean_over_patients(np.zeros(16), np.repeat(np.arange(8), 2), share=True)
    everybody = mean_over_patients(np.ones(16), np.repeat(np.arange(8), 2), share=True)
    assert (none.conf_low, none.conf_high) == (0.0, pytest.approx(clopper_pearson(0, 8).conf_high))
    assert (everybody.conf_low, everybody.conf_high) == (pytest.approx(clopper_pearson(8, 8).conf_low), 1.0)
    some = mean_over_patients([1.0, 1.0, 1.0, 0.0], [1, 2, 3, 4], share=True)
    assert 0.0 < some.conf_low < 0.75 < some.conf_high < 1.0


def test_limits_of_a_share_are_symmetric_on_the_logit() -> None:
    # Grade: exact: the share and its complement have mirrored limits.
    values = np.array([1.0, 0.0, 0.5, 1.0, 0.25, 1.0])
    one = mean_over_patients(values, np.arange(6), share=True)
    other = mean_over_patients(1.0 - values, np.arange(6), share=True)
    assert (one.conf_low, one.conf_high) == (pytest.approx(1 - other.conf_high), pytest.approx(1 - other.conf_low))


def test_one_patient_has_no_spread() -> None:
    # Grade: exact: many repeats of one patient are one patient.
    with pytest.raises(EstimationRefused, match="1 patients have no spread"):
        mean_over_patients([1.0, 2.0, 3.0], ["a", "a", "a"])
