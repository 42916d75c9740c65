"""Quarterly exports: what had happened and been entered by then, the same people throughout, and a change that is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from tendon_outcomes.declarations import declare, load_column_map, shipped
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.records import ingest
from tendon_outcomes.synthetic import ClinicSettings, QuarterExport, Shift, quarterly_exports
from tendon_outcomes.vocabulary import OnReject

DATED = ("visit", "run_week", "session", "procedure", "event")


@pytest.fixture(scope="module")
def made() -> tuple[tuple[QuarterExport, ...], pl.DataFrame]:
    return quarterly_exports(120, 6, seed=5, sites=2)


def test_each_export_is_of_the_last_day_of_its_quarter(made: tuple[tuple[QuarterExport, ...], pl.DataFrame]) -> None:
    # Grade: exact.
    assert [(one.quarter, one.as_of) for one in made[0]] == [
        ("2022Q1", date(2022, 3, 31)),
        ("2022Q2", date(2022, 6, 30)),
        ("2022Q3", date(2022, 9, 30)),
        ("2022Q4", date(2022, 12, 31)),
        ("2023Q1", date(2023, 3, 31)),
        ("2023Q2", date(2023, 6, 30)),
    ]


def test_nothing_is_exported_before_its_day(made: tuple[tuple[QuarterExport, ...], pl.DataFrame]) -> None:
    # Grade: exact: of no table, and nobody before entry; everybody has entered by the last export.
    exports, truth = made
    for one in exports:
        entered = dict(truth.select("episode_id", "entered").iter_rows())
        assert all(entered[name] <= one.as_of for name in one.tables["episode"]["episode_id"])
        for name in DATED:
            latest = one.tables[name].group_by("episode_id").agg(pl.col("day").max())
            assert all(entered[who] + timedelta(days=day) <= one.as_of for who, day in latest.iter_rows()), name
    assert exports[-1].tables["episode"].height == 120 == truth.height


def test_rows_come_late_and_ratings_are_corrected(made: tuple[tuple[QuarterExport, ...], pl.DataFrame]) -> None:
    # Grade: simulation, 4 standard errors: of the visits after day 0 a tenth is not there on its day; of the ratings of visits
    # half a year old none is wrong.
    exports, truth = made
    last = exports[-1].tables["visit"].join(truth.select("episode_id", "entered"), on="episode_id")
    happened = last.with_columns((pl.col("entered") + pl.duration(days="day")).alias("on"))
    before = exports[3]
    due = happened.filter(pl.col("on") <= before.as_of, pl.col("day") > 0)
    recent = due.filter(pl.col("on") > before.as_of - timedelta(days=91))
    missing = recent.join(before.tables["visit"], on=["episode_id", "day"], how="anti").height
    assert abs(missing / recent.height - 0.1) < 4 * (0.09 / recent.height) ** 0.5
    both = due.join(before.tables["visit"], on=["episode_id", "day"], suffix="_then").filter(pl.col("pgic").is_not_null())
    wrong = both.filter(pl.col("pgic") != pl.col("pgic_then"))
    assert 0 < wrong.height < 0.06 * both.height
    exact, _ = quarterly_exports(120, 6, seed=5, sites=2, late=0.0, corrected=0.0)
    assert (
        exact[3].tables["visit"].height == due.height + happened.filter(pl.col("on") <= before.as_of, pl.col("day") == 0).height
    )


def test_who_is_still_followed_has_an_end_on_the_day_of_the_export(made: tuple[tuple[QuarterExport, ...], pl.DataFrame]) -> None:
    # Grade: exact: every episode has at most one end of follow-up, and nobody both is lost and still followed.
    for one in made[0]:
        ends = one.tables["event"].filter(pl.col("event").is_in(["administrative_end", "lost_to_follow_up"]))
        assert ends["episode_id"].n_unique() == ends.height


def test_every_export_is_accepted_as_it_is(made: tuple[tuple[QuarterExport, ...], pl.DataFrame], tmp_path: Path) -> None:
    # Grade: exact: nothing is rejected.
    column_map = load_column_map(shipped("analyses") / "column_map.toml")
    for one in (made[0][0], made[0][-1]):
        folder = tmp_path / one.quarter
        folder.mkdir()
        for name, content in one.files.items():
            (folder / name).write_bytes(content)
        found = ingest(folder, column_map, declare(), as_of=one.as_of, on_reject=OnReject.EXCLUDE)
        assert sum(line.rejected for line in found.ledger) == 0


def test_a_change_concerns_those_who_enter_after_it_and_nobody_else() -> None:
    # Grade: exact for those before; of those after it, far fewer improve within 12 weeks.
    own = ClinicSettings()
    plain, truth = quarterly_exports(80, 4, seed=2)
    shifted, changed = quarterly_exports(80, 4, seed=2, shift=Shift(2, replace(own, mi_responders=0.1, pfr_scale_weeks=80.0)))
    before = pl.col("entry_quarter") < 2
    assert truth.filter(before).equals(changed.filter(before))
    improved = [one.filter(~before, pl.col("true_mi_day") <= 84).height for one in (truth, changed)]
    assert improved[1] < 0.7 * improved[0]
    assert plain[1].files == shifted[1].files


def test_the_same_seed_gives_the_same_bytes_and_nothing_is_made_of_nothing() -> None:
    # Grade: exact.
    assert [one.files for one in quarterly_exports(10, 2, seed=1)[0]] == [
        one.files for one in quarterly_exports(10, 2, seed=1)[0]
    ]
    with pytest.raises(WrongUse):
        quarterly_exports(10, 0, seed=1)
