"""Every area's bad inputs are refused in the words that the area names."""

from __future__ import annotations

import pytest

from tendon_outcomes.errors import EstimationRefused
from tests.refusals import run
from tests.refusals.refusal import Refusal, fault


@pytest.mark.parametrize("stem", run.modules())
def test_bad_inputs_are_refused_by_name(stem: str) -> None:
    # Exact: the message's own words.
    refusals = run.refusals_of(stem)
    assert len({one.name for one in refusals}) == len(refusals) > 0
    assert run.faults(refusals) == []


def test_an_answer_another_exception_and_other_words_are_faults() -> None:
    # Exact: planted faults.
    def refuse() -> None:
        raise EstimationRefused("12 times are negative")

    assert fault(Refusal("right", refuse, "negative")) is None
    assert fault(Refusal("words", refuse, "constant")) is not None
    assert fault(Refusal("answer", lambda: 1.0, "negative")) == "gave a float"
    assert fault(Refusal("other", lambda: 1 / 0, "negative")) == "raised ZeroDivisionError: division by zero"


def test_words_that_every_refusal_has_name_nothing() -> None:
    # Exact: `says` must tell one refusal from another, so it is not empty.
    everything = [one for stem in run.modules() for one in run.refusals_of(stem)]
    assert [one.name for one in everything if len(one.says) < 4] == []
