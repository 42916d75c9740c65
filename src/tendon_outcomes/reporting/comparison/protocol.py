"""The trial that a comparison stands for, as tables: what it would be, what it rests on, what was adjusted for."""

from __future__ import annotations

from tendon_outcomes.declarations.target_trial import TargetTrial
from tendon_outcomes.reporting.tables import TableView
from tendon_outcomes.reporting.wording import ended, readable, sentence_case

UNARGUED = "No argument yet"


def protocol(trial: TargetTrial, name: str) -> TableView:
    """Two columns: the trial that nobody ran, and what these records do in its place."""
    body = tuple((readable(item), ended(told.target), ended(told.emulation)) for item, told in trial.words.items())
    head = ("Item", "The trial that would answer", "What these records do in its place")
    return TableView(f"{name}-protocol", "The target trial and its emulation", head, body, numeric=False)


def assumptions(trial: TargetTrial, name: str) -> TableView:
    """What must hold for an effect of treatment, each with its argument or the word that it has none."""
    body = tuple(
        (readable(one.id), ended(one.says), ended(one.argument) if one.answered else UNARGUED) for one in trial.assumptions
    )
    caption = f"What an effect of treatment would need: {len(body) - len(trial.unanswered)} of {len(body)} with an argument"
    return TableView(f"{name}-assumptions", caption, ("Assumption", "What has to hold", "Argument"), body, numeric=False)


def adjustment(trial: TargetTrial, name: str) -> TableView:
    """What was adjusted for, from the graph of the protocol, and what nobody measured."""
    sets = (
        (trial.adjust_for, "On day 0"),
        (trial.adjust_for_varying, "Every week, as known before it"),
        (trial.unmeasured, "Not at all: nobody measured it"),
    )
    body = tuple((readable(node), sentence_case(trial.dag.node[node].says), when) for nodes, when in sets for node in nodes)
    caption = "What the protocol asks to adjust for, and what leaves a way open between strategy and outcome"
    return TableView(
        f"{name}-adjustment", caption, ("Node of the graph", "What it is", "To be adjusted for"), body, numeric=False
    )
