"""The view for one runner: a range with every number, the notice with every answer, refused outside the data."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tendon_outcomes.cli.terminal import guarded
from tendon_outcomes.errors import EstimationRefused

RUNNER_VIEW = "tendon_outcomes.analysis.chronicity.runner_view"


@dataclass(frozen=True)
class Found:
    count: float
    low: float
    high: float
    day: int


def refused_beyond_two_years(_results: object, weeks: float) -> Found:
    if weeks > 104:
        raise EstimationRefused("it had hurt for so long in too few runners of these records", way_out="Ask for 3 to 96 weeks.")
    return Found(34.2, 25.4, 44.4, 84)


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command with a study whose analysis is a stand-in."""
    view = ModuleType(RUNNER_VIEW)
    view.runners_like_this = refused_beyond_two_years  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, RUNNER_VIEW, view)
    from tendon_outcomes.cli import publish, study
    from tendon_outcomes.cli.app import app

    asked = SimpleNamespace(endpoint=SimpleNamespace(phrase="pain-free running"), conf_level=0.95)
    opened = SimpleNamespace(protocol=lambda: SimpleNamespace(estimand=lambda _name: asked))
    made = [SimpleNamespace(estimand="chronicity_and_recovery")], SimpleNamespace(snapshot_id="5f0c2d9ab131", as_of="2024-03-31")
    monkeypatch.delitem(sys.modules, "tendon_outcomes.cli.runner", raising=False)
    monkeypatch.setattr(publish, "run_analyses", lambda *_arguments: made)
    monkeypatch.setattr(study, "open_study", lambda _folder: opened)

    def run(*arguments: str) -> int:
        return guarded(lambda: app(["runner", *arguments], prog_name="tendon-outcomes"))

    return run


def test_the_answer_has_a_range_and_the_notice(ask: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    # Grade: exact, the sentence of the question.
    assert ask("study", "--weeks", "26") == 0
    told = capsys.readouterr().out.replace("\u00a0", " ")
    assert told.startswith(
        "Of 100 runners like these who had hurt for 6 months, about 34 (25 to 44) reached pain-free running by 12 weeks. "
        "In brackets is the 95 % interval.\n"
    )
    assert "This is no diagnosis and no forecast for one person." in told
    assert "data as of 2024-03-31" in told


def test_json_holds_the_same_with_the_notice(ask: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    # Grade: exact.
    assert ask("study", "--weeks", "26", "--json") == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert {name: told[name] for name in ("count", "low", "high", "day", "weeks")} == {
        "count": 34, "low": 25, "high": 44, "day": 84, "weeks": 26.0,
    }  # fmt: skip
    assert told["notice"].startswith("This is no diagnosis")


def test_ten_years_are_refused_without_a_number(ask: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    # Grade: exact, promise 5.
    assert ask("study", "--weeks", "520") == 1
    told = capsys.readouterr()
    assert told.out.strip() == ""
    assert "too few runners" in told.err


@pytest.mark.parametrize("arguments", [("study",), ("study", "--weeks", "0"), ("study", "--weeks", "long")])
def test_wrong_use_is_exit_2(ask: Callable[..., int], arguments: tuple[str, ...]) -> None:
    # Grade: exact.
    assert ask(*arguments) == 2
