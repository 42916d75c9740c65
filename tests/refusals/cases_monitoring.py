"""Looking again and again: what charts and sequences will not answer."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.monitoring.confidence_sequence import always_valid_p, confidence_sequence
from tendon_outcomes.estimators.monitoring.control_chart import ewma, p_chart
from tendon_outcomes.estimators.monitoring.cusum import bernoulli_cusum, grouped_cusum, time_to_event_cusum
from tendon_outcomes.estimators.monitoring.funnel import funnel_limits
from tendon_outcomes.estimators.monitoring.multiplicity import holm
from tendon_outcomes.estimators.monitoring.run_chart import run_chart
from tendon_outcomes.estimators.monitoring.run_length import (
    bernoulli_run_length,
    limit_for_run_length,
    markov_run_length,
    simulated_run_length,
    staggered_looks,
)
from tendon_outcomes.estimators.monitoring.shrinkage import beta_binomial_shrinkage
from tests.refusals.refusal import Refusal


def step(w: np.ndarray) -> np.ndarray:
    return np.where(w >= 0.0, 1.0, 0.0)


REFUSALS: tuple[Refusal, ...] = (
    Refusal("sequence more", lambda: confidence_sequence([3], [2]), "1 of 1 looks"),
    Refusal("sequence negative", lambda: confidence_sequence([-1, 2], [3, 3]), "1 of 2 looks"),
    Refusal("sequence missing", lambda: confidence_sequence([np.nan], [3]), "1 of 1 looks"),
    Refusal("sequence unknown", lambda: confidence_sequence([2], [3], unknown=[2]), "1 of 1 looks"),
    Refusal("sequence lengths", lambda: confidence_sequence([1, 2], [3]), "one cumulative count for each look"),
    Refusal("sequence number", lambda: confidence_sequence(1, 3), "one cumulative count for each look"),
    Refusal("sequence level", lambda: confidence_sequence([1], [3], conf_level=95.0), "conf_level"),
    Refusal("sequence prior", lambda: confidence_sequence([1], [3], prior=(0.0, 1.0)), "mixing distribution"),
    Refusal("p threshold", lambda: always_valid_p([1], [3], threshold=1.0), "between 0 and 1"),
    Refusal("p side", lambda: always_valid_p([1], [3], threshold=0.5, side="both"), "greater or less"),  # type: ignore[arg-type]
    Refusal("run chart empty", lambda: run_chart([]), "needs values"),
    Refusal("run chart missing", lambda: run_chart([1.0, np.nan]), "1 of 2"),
    Refusal("chart lengths", lambda: p_chart([1], [2, 3], baseline=1), "1 and 2 values"),
    Refusal("chart trials", lambda: p_chart([1], [0], baseline=1), "no trial"),
    Refusal("chart baseline", lambda: p_chart([1], [2], baseline=2), "baseline of 2"),
    Refusal("chart limits", lambda: p_chart([1], [2], baseline=1, limits="two"), "exact or three_sigma"),  # type: ignore[arg-type]
    Refusal("chart width", lambda: p_chart([1, 1], [2, 2], baseline=1, prime=True), "two points or more"),
    Refusal("average weight", lambda: ewma([1], [2], baseline=1, weight=0.0), "`weight`"),
    Refusal("average width", lambda: ewma([1], [2], baseline=1, width=0.0), "`width`"),
    Refusal("sum outcome", lambda: bernoulli_cusum([2], 0.5, odds_ratio=2.0, limit=1.0), "not 0 or 1"),
    Refusal("sum chance", lambda: bernoulli_cusum([1], 0.0, odds_ratio=2.0, limit=1.0), "between 0 and 1"),
    Refusal("sum ratio", lambda: bernoulli_cusum([1], 0.5, odds_ratio=-2.0, limit=1.0), "lies above 0"),
    Refusal("sum limit", lambda: bernoulli_cusum([1], 0.5, odds_ratio=2.0, limit=-1.0), "limit"),
    Refusal("sum groups", lambda: grouped_cusum([1, 1], [[0.5]], odds_ratio=2.0, limit=1.0), "2 counts"),
    Refusal("sum many", lambda: grouped_cusum([2], [[0.5]], odds_ratio=2.0, limit=1.0), "more outcomes"),
    Refusal("sum events", lambda: time_to_event_cusum([1], [np.inf], hazard_ratio=2.0, limit=1.0), "below 0"),
    Refusal("sum lengths", lambda: time_to_event_cusum([1], [1, 2], hazard_ratio=2.0, limit=1.0), "1 and 2 values"),
    Refusal("length limit", lambda: markov_run_length(step, limit=0.0), "limit above 0"),
    Refusal("length chance", lambda: bernoulli_run_length(1.0, 0.5, odds_ratio=2.0, limit=1.0), "between 0 and 1"),
    Refusal("length series", lambda: simulated_run_length([1.0], limit=1.0), "series of increments"),
    Refusal("length short", lambda: simulated_run_length(np.zeros((4, 9)), limit=1.0), "4 of 4 series"),
    Refusal("length design", lambda: limit_for_run_length(np.zeros((4, 9)), design=5.0), "twice as long"),
    Refusal("length none", lambda: limit_for_run_length(np.full((4, 9), 1e9), design=2.0), "no limit"),
    Refusal("looks sizes", lambda: staggered_looks([0], [0.1], looks=3, replicates=2, seed=1), "staggered entry needs sizes"),
    Refusal("looks hazard", lambda: staggered_looks([5], [-0.1], looks=3, replicates=2, seed=1), "staggered entry needs sizes"),
    Refusal("funnel size", lambda: funnel_limits([0], 0.5), "whole number"),
    Refusal("funnel centre", lambda: funnel_limits([5], -0.1), "the centre"),
    Refusal("funnel correlation", lambda: funnel_limits([5], 0.5, correlation=1.0), "the correlation"),
    Refusal("shrink two", lambda: beta_binomial_shrinkage([1, 2], [3, 4]), "three groups"),
    Refusal("shrink more", lambda: beta_binomial_shrinkage([1, 2, 9], [3, 4, 5]), "not 0 to `trials`"),
    Refusal("shrink none", lambda: beta_binomial_shrinkage([0, 0, 0], [0, 0, 0]), "no group has a trial"),
    Refusal("holm chance", lambda: holm([0.5, -0.1]), "no probability"),
    Refusal("holm missing", lambda: holm([0.5, np.nan]), "no probability"),
)
