"""Clones: what the cases do not show, on many episodes at once."""

from __future__ import annotations

import random
from dataclasses import replace

import polars as pl
import pytest

from tendon_outcomes.cohort.exposure.clones import CANNOT, MUST_START, STARTED, Clones, clone
from tendon_outcomes.cohort.exposure.weeks import PersonWeeks
from tendon_outcomes.declarations import SustainedStrategy
from tendon_outcomes.errors import WrongUse
from tests.spec.runners_exposure import REGIMEN, Series, series

BOTH = (REGIMEN.sustained["stretching_led"], REGIMEN.sustained["loading_led"])
TEMPLATE = series(Series(weeks="LLLLLLLLLLLL")).frame


def person_weeks(*letters: str) -> PersonWeeks:
    """Episodes e0, e1, ... with these weeks and nothing else told of them."""
    parts = [
        TEMPLATE.with_columns(
            pl.lit(f"e{number}").alias("episode_id"), pl.Series("state", list(weeks)), pl.lit("not_met").alias("adherence")
        )
        for number, weeks in enumerate(letters)
    ]
    return PersonWeeks(REGIMEN, 12, pl.concat(parts))


def clones(weeks: PersonWeeks, strategies: tuple[SustainedStrategy, ...] = BOTH, until: pl.DataFrame | None = None) -> Clones:
    return clone(weeks, strategies, grace_days=14, sustain_weeks=12, until=until)


def test_every_episode_has_a_clone_in_each_strategy_and_a_phase_in_each_week() -> None:
    # Grade: exact: strategies in the order asked for, episodes in order within each.
    made = clones(person_weeks("LLLLLLLLLLLL", "SSSSSSSSSSSS"))
    assert made.frame.select("strategy", "episode_id", "departs_week").rows() == [
        ("stretching_led", "e0", 1),
        ("stretching_led", "e1", None),
        ("loading_led", "e0", None),
        ("loading_led", "e1", 1),
    ]
    assert made.weeks.shape == (2 * 2 * 12, 4)
    assert made.weeks.select("strategy", "episode_id", "week").is_duplicated().sum() == 0


def test_the_flow_counts_what_became_of_the_clones() -> None:
    # Grade: exact by hand: in stretching-led one follows, one loads, one never begins, one lapses.
    made = clones(person_weeks("SSSSSSSSSSSS", "LLLLLLLLLLLL", "NNNNNNNNNNNN", "SSNNSSSSSSSS"))
    assert made.flow().row(0, named=True) == {
        "strategy": "stretching_led",
        "cloned": 4,
        "started": 2,
        "other_regimen": 1,
        "not_started": 1,
        "not_met": 1,
        "never_departs": 1,
    }


def test_until_is_read_by_episode_and_may_leave_some_out() -> None:
    # Grade: exact: e1 is judged in every week, as nothing is said of it.
    until = pl.DataFrame({"episode_id": ["e0"], "until_day": [21]})
    made = clones(person_weeks("LLLSSSSSSSSS", "LLLSSSSSSSSS"), (BOTH[1],), until)
    assert made.frame["departs_week"].to_list() == [None, 4]


def test_more_weeks_than_the_strategy_has_are_asked_nothing() -> None:
    # Grade: exact: person-weeks reach to the horizon, the strategy to week 8.
    made = clone(person_weeks("LLLLLLLLSSSS"), [BOTH[1]], grace_days=14, sustain_weeks=8)
    assert made.weeks.filter(pl.col("week") > 8)["phase"].unique().to_list() == [CANNOT]
    assert made.frame["reason"].to_list() == [None]


@pytest.mark.parametrize("grace", [1, 7, 8, 14, 28, 84])
def test_what_holds_for_every_series(grace: int) -> None:
    # Grade: exact, on 200 random series: a departure lies in a known and judged week, nothing comes after it, and
    # strategies do not know each other.
    rng = random.Random(grace)
    weeks = person_weeks(*("".join(rng.choices("LSBNU", k=12)) for _ in range(200)))
    days = pl.DataFrame(
        {"episode_id": [f"e{n}" for n in range(0, 200, 2)], "judged_day": [rng.randint(0, 90) for _ in range(100)]}
    )
    until = days.rename({"judged_day": "until_day"})
    every = tuple(REGIMEN.sustained.values())
    made, turned = (clone(weeks, one, grace_days=grace, sustain_weeks=12, until=until) for one in (every, every[::-1]))
    assert made.frame.sort("strategy", "episode_id").equals(turned.frame.sort("strategy", "episode_id"))
    states = weeks.frame.select("episode_id", pl.col("week").cast(pl.Int64), "state", "day_to")
    joined = made.weeks.join(made.frame, on=("episode_id", "strategy")).join(states, on=("episode_id", "week"))
    departing = joined.join(days, on="episode_id", how="left").filter(pl.col("week") == pl.col("departs_week"))
    assert departing.height > 400
    assert (departing["state"] != "U").all()
    assert (departing["day_to"] <= departing["judged_day"].fill_null(84)).all()
    assert (departing["phase"] != CANNOT).all()
    assert (departing.filter(pl.col("reason") == "not_met")["phase"] == STARTED).all()
    assert (departing.filter(pl.col("reason") == "not_started")["phase"] == MUST_START).all()
    assert (joined.filter(pl.col("week") > pl.col("departs_week"))["phase"] == CANNOT).all()
    assert (joined.filter(pl.col("state") == "U")["phase"] == CANNOT).all()


def test_what_nobody_logged_never_brings_another_regimen_forward() -> None:
    # Grade: exact, on 400 random series with about a third of their weeks hidden: who is seen in another regimen has departed by
    # then in the whole record too.
    rng = random.Random(1)
    whole = ["".join(rng.choices("LSBNU", k=12)) for _ in range(400)]
    partly = ["".join("U" if rng.random() < 0.3 else letter for letter in weeks) for weeks in whole]
    frames = [clones(person_weeks(*one), (BOTH[1],)).frame for one in (whole, partly)]
    both = frames[0].join(frames[1], on="episode_id", suffix="_partly").filter(pl.col("reason_partly") == "other_regimen")
    assert both.height > 100
    assert (both["departs_week"] <= both["departs_week_partly"]).all()
    assert both["departs_week"].null_count() == 0


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"strategies": []}, "in no strategy"),
        ({"strategies": [BOTH[0], BOTH[0]]}, "twice in one"),
        ({"sustain_weeks": 13}, "the person-weeks have 12"),
        ({"grace_days": 0}, "grace period of 0 days"),
        ({"grace_days": 85}, "grace period of 85 days"),
        ({"until": pl.DataFrame({"episode_id": ["e9"], "until_day": [3]})}, "1 episodes that have no person-weeks"),
    ],
)
def test_clones_that_cannot_be_are_refused(changed: dict[str, object], says: str) -> None:
    # Grade: exact.
    asked = {"strategies": BOTH, "grace_days": 14, "sustain_weeks": 12, **changed}
    with pytest.raises(WrongUse) as refusal:
        clone(person_weeks("LLLLLLLLLLLL"), **asked)  # type: ignore[arg-type]
    assert says in str(refusal.value)
    assert refusal.value.way_out


def test_the_lapses_that_are_declared_are_those_that_count() -> None:
    # Grade: exact by hand: with three lapses in a row two are no departure.
    three = BOTH[1].not_met_weeks.model_copy(update={"value": 3})
    patient = BOTH[1].model_copy(update={"not_met_weeks": three})
    weeks = person_weeks("LLNNLNNNLLLL")
    assert clones(weeks, (BOTH[1],)).frame["departs_week"].to_list() == [4]
    assert clones(weeks, (patient,)).frame["departs_week"].to_list() == [8]


def test_rows_in_another_order_are_the_same_clones() -> None:
    # Grade: exact.
    weeks = person_weeks("LLLLLLLLLLLL", "SSSSLLLLLLLL", "NNUULLLLLLLL")
    shuffled = replace(weeks, frame=weeks.frame.sample(fraction=1.0, shuffle=True, seed=1))
    assert clones(shuffled).frame.equals(clones(weeks).frame)
