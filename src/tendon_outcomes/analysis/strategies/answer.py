"""The whole comparison of two strategies, step by step, as rows of results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tendon_outcomes.analysis.strategies import falsification as panel
from tendon_outcomes.analysis.strategies.clone_balance import clone_balance
from tendon_outcomes.analysis.strategies.crossover import crossover
from tendon_outcomes.analysis.strategies.design import Design, examine
from tendon_outcomes.analysis.strategies.loss_robustness import loss_robustness, lost_by_strategy
from tendon_outcomes.analysis.strategies.point_treatment import point_treatment, unadjusted
from tendon_outcomes.analysis.strategies.rails_causal import not_estimated
from tendon_outcomes.analysis.strategies.sensitivity import definitions, e_values
from tendon_outcomes.analysis.strategies.sustained import clone_flow, sustained
from tendon_outcomes.analysis.strategies.tipping import tipping_points
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.analysis.strategies.week_twelve import DAY, compare
from tendon_outcomes.analysis.strategies.weights_rows import balance_and_weights
from tendon_outcomes.analysis.strategies.wording import wording
from tendon_outcomes.declarations import EndpointAsked
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.results import Row


def answer_trial(trial: Trial) -> Iterator[Row]:
    """Rails, falsification, what may be claimed, the estimates, how far they can be trusted: in this order."""
    made = examine(trial)
    yield from rails(made)
    yield from claims(made)
    yield from description(made)
    yield from effects(made)
    yield from robustness(made, endpoints=trial.estimand.other_endpoints)


def rails(made: Design) -> Iterator[Row]:
    """Refusals and cautions of the design, and how alike weighting made the strategies."""
    yield from made.rows
    yield from balance_and_weights(made)


def claims(made: Design) -> Iterator[Row]:
    """The falsification panel, where there is anything to compare, and the words that it leaves."""
    checks = panel.falsification(made.trial, seed=made.declared.seed) if made.compares else ()
    rows = tuple(panel.rows(checks))
    yield from rows
    yield from wording(made, rows)


def description(made: Design) -> Iterator[Row]:
    """What became of the clones, who was lost under either prescription, and the curves as they were."""
    yield from clone_flow(made)
    yield from lost_by_strategy(made)
    yield from unadjusted(made)


def effects(made: Design) -> Iterator[Row]:
    """Strategies as sustained, with how alike their weights made the clones, and as prescribed."""
    yield from sustained(made)
    yield from clone_balance(made)
    yield from point_treatment(made)


def robustness(made: Design, *, endpoints: Sequence[EndpointAsked] = ()) -> Iterator[Row]:
    """Pain after stretching within runners; and sensitivity analyses of week 12, where an effect among everyone was given.

    ``endpoints``: stricter and laxer ones, under which the difference is told too.
    """
    yield from crossover(made.trial, seed=made.declared.seed)
    if not made.everyone or not made.answers(DAY):
        return
    try:
        found = compare(made.trial, truncate=made.declared.truncate)
    except EstimationRefused as refused:
        yield not_estimated(refused.summary).refusal(estimator="sensitivity analyses")
        return
    yield from e_values(found)
    yield from tipping_points(found)
    yield from loss_robustness(found)
    yield from definitions(found, endpoints=endpoints)


__all__ = ["answer_trial", "claims", "description", "effects", "examine", "rails", "robustness"]
