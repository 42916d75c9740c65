"""Middles of pairs, means over patients and planned numbers: what they will not answer."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.patient_means import mean_over_patients
from tendon_outcomes.estimators.sample_size import difference_sample_size, rescaled_sample_size, share_sample_size
from tendon_outcomes.estimators.signed_rank import MOST_DISTINCT, paired_median
from tests.refusals.refusal import Refusal

SIX = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]

REFUSALS: tuple[Refusal, ...] = (
    Refusal("pairs none", lambda: paired_median([]), "0 pairs have no limits"),
    Refusal("pairs few", lambda: paired_median(SIX[:5]), "six pairs are the fewest"),
    Refusal("pairs level few", lambda: paired_median(SIX, conf_level=0.99), "6 pairs have no limits"),
    Refusal("pairs missing", lambda: paired_median([*SIX, np.nan]), "1 of 7 differences"),
    Refusal("pairs level", lambda: paired_median(SIX, conf_level=95.0), "`conf_level`"),
    Refusal("pairs shape", lambda: paired_median([SIX, SIX]), "2 dimensions"),
    Refusal("pairs text", lambda: paired_median(["a"] * 6), "not made of numbers"),
    Refusal("pairs distinct", lambda: paired_median(np.arange(MOST_DISTINCT + 1.0)), "too many averages"),
    Refusal("patients none", lambda: mean_over_patients([], []), "0 patients"),
    Refusal("patients one", lambda: mean_over_patients([1.0, 2.0], [1, 1]), "1 patients"),
    Refusal("patients missing", lambda: mean_over_patients([1.0, np.nan], [1, 2]), "1 of 2 values"),
    Refusal("patients share", lambda: mean_over_patients([1.0, 1.5], [1, 2], share=True), "outside 0 to 1"),
    Refusal("patients labels", lambda: mean_over_patients([1.0, 2.0], [1]), "`cluster` has 1 values"),
    Refusal("size threshold", lambda: share_sample_size(1.0, worth=0.1, power=0.8), "must lie between 0 and 1"),
    Refusal("size beyond", lambda: share_sample_size(0.95, worth=0.1, power=0.8), "must lie between 0 and 1"),
    Refusal("size worth", lambda: share_sample_size(0.5, worth=0.0, power=0.8), "must lie between 0 and 1"),
    Refusal("size power", lambda: share_sample_size(0.5, worth=0.1, power=0.4), "`power`"),
    Refusal("size level", lambda: share_sample_size(0.5, worth=0.1, power=0.8, conf_level=1.0), "`conf_level`"),
    Refusal("size groups", lambda: difference_sample_size(worth=0.1, power=0.8, share_in_second=1.0), "`share_in_second`"),
    Refusal("size error", lambda: rescaled_sample_size(100, np.inf, worth=0.1, power=0.8), "a standard error"),
    Refusal("size nobody", lambda: rescaled_sample_size(0, 0.1, worth=0.1, power=0.8), "a plan needs rows"),
)
