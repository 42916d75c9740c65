"""The same person on days with something and on days without it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, checked_labels, checked_level, one_dimensional, refuse
from tendon_outcomes.estimators.resampling.draws import checked_seed, checked_sizes, generator_of
from tendon_outcomes.estimators.special_functions import student_t_quantile, student_t_two_sided_p

ROUNDING = 1e-9  # share of the largest sum of differences within which two sums are equally far out


@dataclass(frozen=True, slots=True, eq=False)
class WithinPerson:
    """The mean over persons of their own difference, with t limits; `flip_p_value` needs no shape of the differences.

    `persons` have both kinds of days in a block; `one_kind_only` are the others, who say nothing. `rows` are the days that count.
    `exact` when every sign-flip was tried.
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    p_value: float
    flip_p_value: float
    exact: bool
    persons: int
    one_kind_only: int
    rows: int
    conf_level: float
    difference: FloatArray = field(repr=False)


def within_person_difference(
    value: npt.ArrayLike,
    exposed: npt.ArrayLike,
    person: npt.ArrayLike,
    *,
    block: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    replicates: int = 4000,
    seed: int,
) -> WithinPerson:
    """What a person's exposed days differ by from the same person's other days.

    Estimand
        The mean over persons of E[value | exposed] - E[value | not exposed] within the person (and block of time).
    Estimator
        In each person and block the difference of the two means; a person's blocks averaged with weights
        n1 n0 / (n1 + n0); the plain mean over persons.
    Interval
        Student's t over persons, persons - 1 degrees of freedom. Sign-flip p-value: the share of the 2^persons sign patterns
        whose mean is as far from 0, all of them when there are no more than `replicates`, else (1 + far) / (1 + replicates).
    Conventions
        Whoever has one kind of days only in every block says nothing and is counted. Persons count alike, however many days.
    Assumes
        Within a person and block nothing else that moves the value goes with the exposure; no carry-over to the next day.
    Not for
        Differences between persons. Trends over time without `block`: a value that falls while the exposure fades out.
    Parameters
        value, exposed (0 or 1), person: n rows. block: label of a stretch of time, as the week. seed: of the sign patterns.
    Returns
        WithinPerson.
    References
        Maclure (1991) Am J Epidemiol 133:144 (case-crossover); Fisher (1935) The Design of Experiments, ch. 3 (sign flips).
    Checked
        Published (Darwin's maize: t, exact sign-flip p), exact by hand, simulation of the limits:
        tests/estimators/test_within_person.py.
    """
    y, x = one_dimensional("value", value), one_dimensional("exposed", exposed)
    level, start = checked_level(conf_level), checked_seed(seed)
    checked_sizes(replicates, 1, 1)
    if x.size != y.size:
        raise refuse(f"`exposed` has {x.size} values for {y.size} rows")
    if not y.size:
        raise refuse("there are no rows")
    if not np.isfinite(y).all():
        raise refuse(f"{int(np.count_nonzero(~np.isfinite(y)))} of {y.size} values are missing or not finite")
    if ((x != 0.0) & (x != 1.0)).any():
        raise refuse(f"{int(np.count_nonzero((x != 0.0) & (x != 1.0)))} of {x.size} rows have `exposed` neither 0 nor 1")
    difference, everybody, rows = _differences(y, x, checked_labels(person, y.size, "person"), block)
    persons = difference.size
    if persons < 2:
        raise refuse(
            f"{persons} of {everybody} persons have days of both kinds",
            way_out="At least two are needed, for limits worth reading ten.",
        )
    estimate, error = float(difference.mean()), float(difference.std(ddof=1)) / np.sqrt(persons)
    reach = student_t_quantile(0.5 + level / 2.0, persons - 1)
    p = float(student_t_two_sided_p(estimate / error, persons - 1)) if error > 0.0 else float(estimate == 0.0)
    flip, exact = _sign_flip(difference, replicates, start)
    return WithinPerson(
        estimate, float(error), float(estimate - reach * error), float(estimate + reach * error), p, flip, exact,
        persons, everybody - persons, rows, level, difference,
    )  # fmt: skip


def _differences(
    y: FloatArray, x: FloatArray, person: npt.NDArray[np.generic], block: npt.ArrayLike | None
) -> tuple[FloatArray, int, int]:
    """The difference of every person who has one, how many persons there are, and the rows that count."""
    who = np.unique(person, return_inverse=True)[1]
    piece = (
        np.zeros(y.size, dtype=np.int64)
        if block is None
        else np.unique(checked_labels(block, y.size, "block"), return_inverse=True)[1]
    )
    pair, cell = np.unique(np.column_stack([who, piece]), axis=0, return_inverse=True)
    size = len(pair)
    cell = cell.reshape(-1)
    n1, n0 = np.bincount(cell, x, size), np.bincount(cell, 1.0 - x, size)
    s1, s0 = np.bincount(cell, x * y, size), np.bincount(cell, (1.0 - x) * y, size)
    both = (n1 > 0) & (n0 > 0)
    weight = (n1 * n0 / (n1 + n0))[both]
    of_cell = s1[both] / n1[both] - s0[both] / n0[both]
    everybody = int(who.max()) + 1
    total = np.bincount(pair[both, 0], weight, everybody)
    summed = np.bincount(pair[both, 0], weight * of_cell, everybody)
    known = total > 0.0
    return np.asarray(summed[known] / total[known]), everybody, int((n1 + n0)[both].sum())


def _sign_flip(difference: FloatArray, replicates: int, seed: int) -> tuple[float, bool]:
    """The p-value of the mean under random signs, and whether every pattern of signs was tried."""
    size, observed = difference.size, abs(float(difference.sum()))
    slack = ROUNDING * float(np.abs(difference).sum())
    if size < 31 and 2**size <= replicates:
        signs = np.array(list(product((-1.0, 1.0), repeat=size)))
        return float(np.mean(np.abs(signs @ difference) >= observed - slack)), True
    rng, far = generator_of(seed), 0
    for first in range(0, replicates, 500):
        signs = 2.0 * rng.integers(0, 2, size=(min(500, replicates - first), size)) - 1.0
        far += int(np.count_nonzero(np.abs(signs @ difference) >= observed - slack))
    return (1 + far) / (1 + replicates), False
