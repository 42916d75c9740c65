"""Whether something says which of several episodes of one injury came first (X-06), against every order there is."""

from __future__ import annotations

import datetime as dt
import random
from itertools import permutations

import polars as pl

from tendon_outcomes.records import empty_table
from tendon_outcomes.records.evidence import Evidence
from tendon_outcomes.records.persons import PERSON_CHECKS
from tests.made_records import DECLARED

TABLE = DECLARED.tables["episode"]
Episode = tuple[str, str | None, int | None]


def kept_apart(episodes: list[Episode]) -> set[bool]:
    return set(masks(episodes, ["left"] * len(episodes)))


def masks(episodes: list[Episode], sides: list[str]) -> list[bool]:
    """For each episode whether X-06 keeps it apart."""
    cells = ("episode_id", "previous_episode_id", "previous_index_day")
    rows = pl.DataFrame(episodes, schema=dict(zip(cells, (pl.String, pl.String, pl.Int64), strict=True)), orient="row")
    same = rows.with_columns(patient_id=pl.lit("P1"), tendon=pl.lit("gluteal"), side=pl.Series(sides))
    frame = pl.concat([empty_table(TABLE), same], how="diagonal")
    evidence = Evidence(
        declarations=DECLARED,
        table=TABLE,
        frame=frame,
        recorded=frozenset(same.columns),
        unread=pl.Series([], dtype=pl.Int64),
        episodes=frame,
        accepted_episodes=frame["episode_id"],
        accepted_events=pl.DataFrame(),
        as_of=dt.date(2026, 1, 31),
    )
    return [broken for _, mask in PERSON_CHECKS["X-06"](evidence) for broken in mask]


def possible_orders(episodes: list[Episode]) -> int:
    """Orders in which each linked episode comes right after the one it names, and one with nothing before it comes first."""
    names = {name for name, *_ in episodes}

    def fits(order: tuple[Episode, ...], at: int) -> bool:
        _, previous, earlier = order[at]
        if previous in names:
            return at > 0 and order[at - 1][0] == previous
        return at == 0 or earlier is not None

    return sum(all(fits(order, at) for at in range(len(order))) for order in permutations(episodes))


def test_episodes_are_kept_apart_unless_exactly_one_order_is_possible() -> None:
    # Grade: exact, every order of up to five episodes is tried; links to one another, to none of them, to themselves, at random.
    rng = random.Random(20251122)
    outcomes = []
    for _ in range(400):
        names = [f"E{number}" for number in range(rng.randint(2, 5))]
        episodes = [(name, rng.choice([None, "E9", *names, *names]), rng.choice([None, None, -300])) for name in names]
        ordered = possible_orders(episodes) == 1
        assert kept_apart(episodes) == {not ordered}, episodes
        outcomes.append(ordered)
    assert min(outcomes.count(True), outcomes.count(False)) > 10


def test_a_line_through_unknown_sides_is_a_line_and_a_circle_is_none() -> None:
    # Grade: exact: each episode names the one before it, in an order of its own; then the first names the last as well.
    rng = random.Random(20251123)
    for _ in range(200):
        names = [f"E{number}" for number in rng.sample(range(9), rng.randint(2, 6))]
        sides = [rng.choice(["left", "unknown"]) for _ in names]
        line: list[Episode] = [(name, before, None) for name, before in zip(names, [None, *names], strict=False)]
        assert masks(line, sides) == [False] * len(names), (line, sides)
        circle: list[Episode] = [(names[0], names[-1], None), *line[1:]]
        assert masks(circle, sides) == [True] * len(names), (circle, sides)
