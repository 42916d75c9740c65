"""Inputs that sequential trials, the g-formula and their agreement refuse, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tendon_outcomes.estimators.causal.sustained.agreement import agreement, resampled_patients
from tendon_outcomes.estimators.causal.sustained.g_formula import g_formula
from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
from tendon_outcomes.estimators.causal.sustained.sequential_trials import sequential_trials
from tests.estimators.weekly_feedback import feedback_sample
from tests.refusals.refusal import Refusal

CLINIC = feedback_sample(60, 4)
NOBODY_RECOVERS = replace(CLINIC, cause=np.zeros(60, dtype=np.int64), right=np.full(60, np.inf))
NOBODY_LOADS = replace(CLINIC, state=np.where(CLINIC.state == 1, 3, CLINIC.state))


def _trials(sample: LongitudinalSample = CLINIC, **options: object) -> Callable[[], object]:
    return lambda: sequential_trials(sample, start_states=(0, 1), **({"seed": 1} | options))  # type: ignore[arg-type]


def _formula(sample: LongitudinalSample = CLINIC, **options: object) -> Callable[[], object]:
    return lambda: g_formula(sample, states=((0,), (1,)), **({"seed": 1} | options))  # type: ignore[arg-type]


REFUSALS: tuple[Refusal, ...] = (
    Refusal("sequential trials: one strategy is never started", _trials(NOBODY_LOADS), "0 rows start loading_led"),
    Refusal("sequential trials: no event", _trials(NOBODY_RECOVERS), "0 events under stretching_led"),
    Refusal("sequential trials: beyond follow-up", _trials(horizon=27), "week 27 was asked for and 26 weeks were followed"),
    Refusal("sequential trials: no first week", _trials(first_weeks=()), "`first_weeks` must be weeks from 1 to 26"),
    Refusal("sequential trials: first week 0", _trials(first_weeks=(0, 1)), "`first_weeks` must be weeks from 1 to 26"),
    Refusal("sequential trials: unknown target", _trials(target="nobody"), "`target` is everyone or starters"),
    Refusal("sequential trials: unknown clock", _trials(clock="noon"), "`clock` is start or day 0"),
    Refusal("sequential trials: unknown resampling", _trials(std_error="guess"), "by jackknife or bootstrap"),
    Refusal("sequential trials: one group", _trials(groups=1), "60 patients in 1 groups"),
    Refusal("sequential trials: negative seed", _trials(seed=-1), "`seed` must be a whole number"),
    Refusal("sequential trials: level of 1", _trials(conf_level=1.0), "conf_level"),
    Refusal("g-formula: no event", _formula(NOBODY_RECOVERS), "0 events"),
    Refusal("g-formula: one strategy is never followed", _formula(NOBODY_LOADS), "nobody was ever on loading_led"),
    Refusal("g-formula: beyond follow-up", _formula(weeks=(8, 30)), "week 30 was asked for and 26 weeks were followed"),
    Refusal("g-formula: no confounder", _formula(replace(CLINIC, varying=CLINIC.varying[:, :, :0])), "no time-varying covariate"),
    Refusal("g-formula: off the scale", _formula(replace(CLINIC, varying=CLINIC.varying + 11.0)), "60 of 60 rows"),
    Refusal("g-formula: missing pain", _formula(replace(CLINIC, varying=CLINIC.varying * np.nan)), "60 of 60 rows"),
    Refusal("g-formula: one group", _formula(groups=1), "60 patients in 1 groups"),
    Refusal("agreement: one method", lambda: agreement([], week=8), "0 method to compare"),
    Refusal("resampled patients: unknown", lambda: resampled_patients(np.arange(5), "x", seed=1), "jackknife or bootstrap"),  # type: ignore[arg-type]
)
