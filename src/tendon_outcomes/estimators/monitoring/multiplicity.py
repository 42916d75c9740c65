"""Several claims at once: p-values that keep the chance of any false one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tendon_outcomes.estimators.observations import FloatArray, one_dimensional, refuse_rows


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """p-values adjusted by Holm's step-down rule, in the order given.

    Estimand
        Which of m hypotheses are false, with the chance of any wrong rejection at most the level.
    Estimator
        With p sorted, max over j <= i of min(1, (m - j + 1) p_(j)).
    Interval
        None.
    Conventions
        Ties get the same value. An empty list stays empty.
    Assumes
        Nothing about how the p-values hang together.
    Not for
        Claims that were picked after looking.
    Parameters
        p_values: m values in [0, 1].
    Returns
        (m,).
    References
        Holm (1979) Scand J Stat 6:65.
    Checked
        Exact (by hand), reference (R p.adjust): tests/estimators/test_multiplicity.py.
    """
    p = one_dimensional("p_values", p_values) if np.size(p_values) else np.empty(0)
    refuse_rows(~((p >= 0.0) & (p <= 1.0)), "hold no probability")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(np.minimum(1.0, p[order] * np.arange(p.size, 0, -1)))
    adjusted = np.empty_like(p)
    adjusted[order] = stepped
    return adjusted
