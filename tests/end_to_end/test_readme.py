"""What the README shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_notebook_example_runs_and_says_what_its_comments_say() -> None:
    # Exact: 20 of 80 before week 6, 40 of 80 by week 12; what recovers in (42, 84] is open on day 56.
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    bounds = names["fit"].bounds(1, [56, 84])  # type: ignore[attr-defined]
    assert bounds.lower.tolist() == pytest.approx([0.25, 0.5], abs=1e-9)
    assert bounds.upper.tolist() == pytest.approx([0.5, 0.5], abs=1e-9)
    at = names["smooth"].at(1, [56, 84])  # type: ignore[attr-defined]
    assert 0.25 < at.estimate[0] < 0.5
    assert abs(at.estimate[1] - 0.5) < 0.03
    assert "25–50" in names["figure"].words  # type: ignore[attr-defined]
