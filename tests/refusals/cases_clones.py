"""Clones, censoring weights and weekly incidences: what they will not answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tendon_outcomes.estimators.causal.sustained.censoring_weights import censoring_weights
from tendon_outcomes.estimators.causal.sustained.clone_censor_weight import clone_censor_weight
from tendon_outcomes.estimators.causal.sustained.iptw_weekly import iptw_weekly
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.self_consistent import self_consistent_incidence
from tests.refusals.refusal import Refusal

N, WEEKS = 6, 3
SAMPLE = LongitudinalSample(
    left=np.array([0, 1, 2, 3, 3, 3]),
    right=np.array([1, 2, 3, np.inf, np.inf, np.inf]),
    cause=np.array([1, 1, 1, 0, 0, 0]),
    baseline=np.arange(6.0)[:, None],
    varying=np.zeros((N, WEEKS, 0)),
    state=np.zeros((N, WEEKS), dtype=np.int64),
    deviates=np.array([[4, 2, 4, 4, 2, 4], [4, 4, 2, 4, 4, 2]]),
    phase=np.full((2, N, WEEKS), 3),
    patient=np.arange(N),
)


def cloned(sample: LongitudinalSample = SAMPLE, **changed: object) -> object:
    given = {"weeks": (2,), "horizon": 3, "seed": 1, "loss": False} | changed
    return clone_censor_weight(sample, **given)  # type: ignore[arg-type]


def weekly(**changed: object) -> object:
    given = {"left": [0, 7, 14, 0], "right": [7, 14, np.inf, 7], "cause": [1, 1, 0, 1], "treatment": [0, 1, 0, 1]}
    return iptw_weekly(**(given | {"covariates": [1.0, 2.0, 2.5, 1.5], "days": [7.0]} | changed))  # type: ignore[arg-type]


REFUSALS: tuple[Refusal, ...] = (
    Refusal("self_consistent no rows", lambda: self_consistent_incidence([], [], [], weeks=3), "there are no rows"),
    Refusal("self_consistent no weeks", lambda: self_consistent_incidence([0], [1], [1], weeks=0), "`weeks` must be"),
    Refusal("self_consistent empty interval", lambda: self_consistent_incidence([2], [2], [1], weeks=3), "empty interval"),
    Refusal("self_consistent half week", lambda: self_consistent_incidence([0], [1.5], [1], weeks=3), "no whole week"),
    Refusal("self_consistent weights", lambda: self_consistent_incidence([0], [1], [1], [-1.0], weeks=3), "1 of 1 weights"),
    Refusal("self_consistent shape", lambda: self_consistent_incidence([0], [1], [1], [[1.0, 1.0]], weeks=3), "has shape"),
    Refusal(
        "self_consistent nobody counts", lambda: self_consistent_incidence([0], [1], [1], follow_to=[0], weeks=3), "no row counts"
    ),
    Refusal("clones beyond the weeks", lambda: cloned(weeks=(9,)), "The largest week these data allow is 3"),
    Refusal("clones no week", lambda: cloned(weeks=()), "no week was asked for"),
    Refusal("clones no such strategy", lambda: cloned(strategies=(0, 2)), "there is no strategy 2"),
    Refusal("clones truncation", lambda: cloned(truncate=(0.9, 0.1)), "two rising shares"),
    Refusal("clones level", lambda: cloned(conf_level=95.0), "`conf_level`"),
    Refusal(
        "clones missing covariate", lambda: cloned(replace(SAMPLE, baseline=SAMPLE.baseline * np.nan)), "missing or not finite"
    ),
    Refusal(
        "clones everybody departs",
        lambda: censoring_weights(replace(SAMPLE, deviates=np.ones((2, N), dtype=np.int64)), 0, loss=False),
        "nobody can be weighted",
    ),
    Refusal("iptw weekly open day", lambda: weekly(days=[9.0]), "no end of an interval"),
    Refusal("iptw weekly horizon", lambda: weekly(horizon=99.0), "largest horizon"),
    Refusal("iptw weekly treatment", lambda: weekly(treatment=[0, 1, 3, 1]), "not 0, 1 or 2"),
    Refusal("iptw weekly one arm", lambda: weekly(treatment=[0, 0, 0, 0]), "an arm is empty"),
)
