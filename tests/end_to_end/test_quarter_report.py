"""`report --quarter` on a clinic that exports every quarter: where it goes, what is kept, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tendon_outcomes.cli import publish as publishing
from tendon_outcomes.cli.publish import publish
from tendon_outcomes.cli.quarter import open_quarter
from tendon_outcomes.cli.study import Study, create, refuse_own_rooms
from tendon_outcomes.declarations import Protocol, declare
from tendon_outcomes.errors import FileAbsent, WouldOverwrite, WrongUse
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.results import Attrition, Results, Row, stamp, told_by
from tendon_outcomes.snapshots import History, verify
from tendon_outcomes.synthetic import quarterly_exports
from tendon_outcomes.vocabulary import Tier
from tests.simulation.frozen_quarters import audit_alone, bytes_of, ingest, silent

ASKED = "meaningful_improvement_by_12_weeks"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Two quarters of a small clinic; its script counts the cohorts and the looks, which takes no time."""
    made = create(tmp_path / "study", None, force=False)
    made.protocol_file.write_text(audit_alone(made.protocol_file.read_text(encoding="utf-8")), encoding="utf-8")
    for export in quarterly_exports(40, 2, seed=3)[0]:
        ingest(made, export, tmp_path / export.quarter)
    monkeypatch.setattr(publishing, "scripts", lambda: {"a4": Path("a4.py")})
    monkeypatch.setattr(publishing, "answer_of", lambda _: Script)
    return made


class Script:
    """A script that asks for the history."""

    ESTIMAND = ASKED

    @staticmethod
    def answer(records: ValidatedRecords, protocol: Protocol, *, history: History | None = None) -> Results:
        n = records.table("episode").height
        looks = [] if history is None else [one.quarter for one in history.looks]
        rows = [Row(estimator="x", statistic="caution", warning=f"looks: {', '.join(looks) or 'none'}")]
        rows += [
            Row(
                estimator="x", statistic="cohort_share", stratum=one, term="as known now", n_at_risk=30, n_events=15, n_censored=0
            )
            for one in looks
        ]
        return Results.collect(protocol.estimand(ASKED), rows, attrition=Attrition().then("all", n_before=n, n_after=n))


def report(study: Study, quarter: str | None, tier: Tier = Tier.INTERNAL, snapshot: str | None = None) -> tuple[Path, str]:
    path, results = publish(study, snapshot, tier, silent, force=False, quarter=quarter)
    return path, str(results[0].select("caution")["warning"][0])


def test_a_quarter_has_its_own_folder_and_its_own_history(study: Study) -> None:
    # Grade: exact.
    path, says = report(study, "2022Q1")
    assert path.parent.name.startswith("2022Q1-")
    assert path.parent.name.endswith("-internal-do-not-share")
    assert says == "looks: 2022Q1"
    assert report(study, "2022Q2")[1] == "looks: 2022Q1, 2022Q2"
    assert report(study, None)[1] == "looks: none"
    assert "quarter 2022Q2" in verify(study.folder)


def test_what_the_report_said_is_kept_and_what_may_be_shared_of_it(study: Study) -> None:
    # Grade: exact: cells of 15, 15 and 0 may be told.
    report(study, "2022Q2")
    kept = json.loads((study.folder / "quarters" / "2022Q2" / "quarter.json").read_text(encoding="utf-8"))
    assert kept["reported"] == {"2022Q1": [30, 15, 0], "2022Q2": [30, 15, 0]}
    assert sorted(row[2] for row in kept["tells"]["counts"]) == ["2022Q1", "2022Q2"]
    assert 40 in kept["tells"]["totals"]
    assert kept["before"] == []


def test_a_later_snapshot_and_an_edited_protocol_change_no_byte(study: Study, tmp_path: Path) -> None:
    # Grade: exact, in both tiers; the protocol that was kept is used.
    for tier in (Tier.SHAREABLE, Tier.INTERNAL):
        report(study, "2022Q1", tier)
    before = bytes_of(study)
    ingest(study, quarterly_exports(40, 2, seed=4)[0][0], tmp_path / "again")
    text = study.protocol_file.read_text(encoding="utf-8")
    study.protocol_file.write_text(text.replace("at_weeks = [8, 12, 26]", "at_weeks = [4, 12]"), encoding="utf-8")
    for tier in (Tier.SHAREABLE, Tier.INTERNAL):
        report(study, "2022Q1", tier)
    assert bytes_of(study) == before
    assert open_quarter(study, "2022Q1").protocol().estimand(ASKED).at_weeks == (8, 12, 26)


def test_other_definitions_than_those_of_the_first_report_are_said_and_overwrite_nothing(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Grade: exact.
    report(study, "2022Q1")
    monkeypatch.setattr(publishing, "declare", lambda: replace(declare(), sha256="others"))
    with pytest.raises(WouldOverwrite):
        report(study, "2022Q1")
    path, results = publish(study, None, Tier.INTERNAL, silent, force=True, quarter="2022Q1")
    says = results[0].select("caution", term="definitions changed")["warning"].to_list()
    assert len(says) == 1
    assert "other definitions" in says[0]
    assert path.exists()


def test_a_protocol_edited_while_the_analyses_run_keeps_nothing(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    # Grade: exact.
    def edited(*arguments: object, **named: object) -> object:
        study.protocol_file.write_bytes(study.protocol_file.read_bytes() + b"# later\n")
        return told_by(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(publishing, "told_by", edited)
    with pytest.raises(WrongUse, match="edited"):
        report(study, "2022Q1")
    assert not (study.folder / "quarters").exists()


def test_a_kept_quarter_that_was_not_logged_is_logged_by_the_next_report(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    # Grade: exact: the power went between the two.
    from tendon_outcomes.cli import quarter as kept

    with monkeypatch.context() as broken:
        broken.setattr(kept, "log_quarter", stop)
        with pytest.raises(KeyboardInterrupt):
            report(study, "2022Q1")
    report(study, "2022Q1")
    assert "quarter 2022Q1" in verify(study.folder)


def stop(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("quarter", "snapshot", "kind", "says"),
    [
        ("2022Q3", None, FileAbsent, "2022Q1, 2022Q2"),
        ("2022-3", None, WrongUse, "2026Q3"),
        ("2022Q1", "abc", WrongUse, "--quarter or --snapshot"),
    ],
)
def test_wrong_use(study: Study, quarter: str, snapshot: str | None, kind: type[Exception], says: str) -> None:
    # Grade: exact; nothing is kept.
    with pytest.raises(kind, match=says):
        report(study, quarter, snapshot=snapshot)
    assert not (study.folder / "quarters").exists()


def test_no_other_output_goes_among_the_kept_quarters(study: Study) -> None:
    # Grade: exact.
    with pytest.raises(WrongUse):
        refuse_own_rooms(study.folder / "quarters" / "mine")


def test_a_quarter_first_reported_says_nothing_of_other_definitions(study: Study) -> None:
    # Grade: exact.
    opened = open_quarter(study, "2022Q1")
    assert opened.changed(stamp(snapshot="s", declarations="d", protocol=opened.protocol_file)) == ()
