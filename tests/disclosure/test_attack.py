"""An attacker with a linear programme over everything that the shareable results of real analyses tell."""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from tendon_outcomes.declarations import declare, load_column_map, load_protocol, resolve, shipped
from tendon_outcomes.records import ingest
from tendon_outcomes.results import Results, suppress_all
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinic
from tendon_outcomes.vocabulary import OnReject

K = 11
KINDS = ("reached", "competing", "censored")


@pytest.fixture(scope="module", params=[(60, 1), (60, 3), (120, 2), (120, 4), (300, 1), (300, 5)], ids=str)
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Results]:
    """All analyses of one synthetic clinic, suppressed together."""
    import datetime as dt
    import importlib

    episodes, seed = request.param
    folder = tmp_path_factory.mktemp("clinic")
    for name, content in simulate_clinic(episodes, seed=seed, settings=ClinicSettings()).files.items():
        (folder / name).write_bytes(content)
    declared = declare()
    column_map = load_column_map(shipped("analyses") / "column_map.toml")
    records = ingest(folder, column_map, declared, as_of=dt.date(2026, 6, 30), on_reject=OnReject.EXCLUDE)
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), declared)
    if str(shipped("analyses")) not in sys.path:
        sys.path.insert(0, str(shipped("analyses")))
    scripts = [importlib.import_module(Path(path).stem) for path in sorted(shipped("analyses").glob("a[0-9]*_*.py"))]
    return suppress_all([one.answer(records, protocol) for one in scripts], min_cell_count=K, totals=[episodes])


def rows_of(results: Results) -> list[dict[str, Any]]:
    return results.rows.to_dicts()


def test_no_count_is_small(told: list[Results]) -> None:
    # Grade: exact.
    for one in told:
        for row in rows_of(one):
            for name in ("n_at_risk", "n_events", "n_censored"):
                assert row[name] is None or not 0 < row[name] < K, (row["statistic"], row["day"], name)


def test_no_two_totals_of_the_flows_differ_by_a_small_count(told: list[Results]) -> None:
    # Grade: exact: across both analyses.
    totals = {n for one in told for step in one.attrition.steps for n in (step.n_before, step.n_after) if n is not None}
    assert not [(a, b) for a, b in combinations(totals, 2) if 0 < abs(a - b) < K]


def test_counts_stand_in_the_incidence_and_in_how_follow_up_ended_only(told: list[Results]) -> None:
    # Grade: exact. History: the median, the restricted mean and the verdict told the events of withheld milestones.
    for one in told:
        for row in rows_of(one):
            if row["statistic"] not in ("cumulative_incidence", "count", "unconfirmed_last_pass", "clone_flow", "tipping_point"):
                assert [row[name] for name in ("n_at_risk", "n_events", "n_censored")] == [None] * 3, row["statistic"]


def test_a_linear_programme_finds_no_small_count(told: list[Results]) -> None:
    # Grade: exact: between any two told days, the reached, the competing and the censored each range beyond 1 to K - 1.
    for one in told:
        leaks = small_counts_found(one)
        assert not leaks, leaks


def small_counts_found(results: Results) -> list[tuple[str, int, int, float, float]]:
    """Sums of events between told days whose feasible range lies within 1 to K - 1."""
    rows = [row for row in rows_of(results) if row["statistic"] in ("cumulative_incidence", "count")]
    n = results.attrition.n_end
    days = sorted({row["day"] for row in rows if row["day"] is not None and row["n_events"] is not None})
    if n is None or not days:
        return []
    gaps = len(days) + 1
    column = {(kind, gap): i for i, (kind, gap) in enumerate((kind, gap) for kind in KINDS for gap in range(gaps))}
    equations, values = [], []

    def say(parts: list[tuple[str, int]], value: int) -> None:
        equation = np.zeros(len(column))
        for part in parts:
            equation[column[part]] += 1
        equations.append(equation)
        values.append(value)

    say(list(column), n)
    for row in rows:
        upto = range(days.index(row["day"]) + 1) if row["day"] in days else range(gaps)
        left = [(kind, gap) for kind in KINDS[1:] for gap in upto]
        if row["statistic"] == "count" and row["n_events"] is not None and row["term"] in ("event", "competing"):
            kind = {"event": "reached", "competing": "competing"}[row["term"]]
            say([(kind, gap) for gap in range(gaps - 1 if days[-1] >= 182 else gaps)], row["n_events"])
        if row["statistic"] == "cumulative_incidence" and row["n_events"] is not None:
            say([("reached", gap) for gap in upto], row["n_events"])
            if row["n_censored"] is not None:
                say(left, row["n_censored"])
    found = []
    for kind in KINDS:
        for start in range(gaps):
            for end in range(start, gaps):
                aim = np.zeros(len(column))
                for gap in range(start, end + 1):
                    aim[column[kind, gap]] = 1
                low, high = (sign * linprog(sign * aim, A_eq=np.array(equations), b_eq=values).fun for sign in (1, -1))
                if low > 0.5 and high < K - 0.5:
                    found.append((kind, start, end, low, high))
    return found
