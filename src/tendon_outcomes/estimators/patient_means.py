"""Means over patients of what each of them repeats many times."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.clusters import checked_clusters
from tendon_outcomes.estimators.limits import exact_limit_beside_zero
from tendon_outcomes.estimators.observations import checked_level, one_dimensional, refuse
from tendon_outcomes.estimators.special_functions import student_t_quantile, student_t_two_sided_p


@dataclass(frozen=True, slots=True)
class PatientMean:
    """The mean over patients with t limits. `rows` are the repeats behind it."""

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    patients: int
    rows: int
    conf_level: float

    def p_value(self, null: float) -> float:
        """Two-sided, by t over patients; 1 or 0 where everybody is alike."""
        if self.std_error <= 0.0:
            return float(self.estimate == null)
        return float(student_t_two_sided_p((self.estimate - null) / self.std_error, self.patients - 1))


def mean_over_patients(
    value: npt.ArrayLike, patient: npt.ArrayLike, *, share: bool = False, conf_level: float = 0.95
) -> PatientMean:
    """The mean over patients of the mean of their own repeats.

    Estimand
        E[E[value | patient]]: a patient counts once, however often he repeats.
    Estimator
        The plain mean of the patients' means.
    Interval
        Student's t over patients, m - 1 degrees of freedom. A `share` has its limits on the logit scale, and at 0 or 1 the
        Clopper-Pearson limit of m.
    Conventions
        Repeats of a patient need not be equally many; a patient without any is in no mean.
    Assumes
        Independent patients; how often a patient repeats has nothing to do with the value, or patients are what is asked about.
    Not for
        Trends over the repeats of a patient; fewer than 2 patients: refused.
    Parameters
        value: n finite numbers, of a share between 0 and 1. patient: n labels. share. conf_level in (0, 1).
    Returns
        PatientMean.
    References
        Donner & Klar (2000) Design and Analysis of Cluster Randomization Trials, section 5.3 (cluster-level analysis).
    Checked
        Exact by hand: tests/estimators/test_patient_means.py.
    """
    y, level = one_dimensional("value", value), checked_level(conf_level)
    if wrong := int(np.count_nonzero(~np.isfinite(y))):
        raise refuse(f"{wrong} of {y.size} values are missing or not finite", way_out="Leave these rows out.")
    if share and ((y < 0.0) | (y > 1.0)).any():
        raise refuse(f"{int(np.count_nonzero((y < 0.0) | (y > 1.0)))} of {y.size} values of a share lie outside 0 to 1")
    number = checked_clusters(patient, y.size) if y.size else np.zeros(0, dtype=np.int64)
    patients = int(number.max()) + 1 if y.size else 0
    if patients < 2:
        raise refuse(f"{patients} patients have no spread between them", way_out="At least two are needed, ten to be of use.")
    own = np.bincount(number, y) / np.bincount(number)
    estimate, error = float(own.mean()), float(own.std(ddof=1)) / sqrt(patients)
    reach = student_t_quantile(0.5 + level / 2.0, patients - 1)
    low, high = estimate - reach * error, estimate + reach * error
    if share:
        low, high = _share_limits(estimate, error, reach, patients, level)
    return PatientMean(estimate, error, float(low), float(high), patients, int(y.size), level)


def _share_limits(estimate: float, error: float, reach: float, patients: int, level: float) -> tuple[float, float]:
    beside = float(exact_limit_beside_zero(np.array([float(patients)]), conf_level=level)[0])
    if estimate <= 0.0:
        return 0.0, beside
    if estimate >= 1.0:
        return 1.0 - beside, 1.0
    spread = reach * error / (estimate * (1.0 - estimate))
    ends = [1.0 / (1.0 + (1.0 - estimate) / estimate * np.exp(-sign * spread)) for sign in (-1.0, 1.0)]
    return float(ends[0]), float(ends[1])
