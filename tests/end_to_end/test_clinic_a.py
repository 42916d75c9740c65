"""A clinic's own export, as it keeps it, through init, ingest and report. Its files lie beside the project, not in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXPORT = Path(__file__).resolve().parents[3] / "shared/data/clinic_a"
pytestmark = pytest.mark.skipif(not EXPORT.is_dir(), reason="the export is input for trying and is not part of the project")


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tendon_outcomes", *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clinic_a") / "study_a"
    assert command("init", folder, "--like", "clinic_a").returncode == 0
    done = command("ingest", folder, EXPORT, "--as-of", "2025-07-31", "--json")
    assert done.returncode == 0, done.stderr
    return folder


def test_every_record_is_accounted_for(study: Path) -> None:
    # Grade: exact, counted by `wc -l` on the files: 240, 240, 823, 4484, 8364, 240 and 240 records.
    manifest = json.loads(next(study.glob("snapshots/*/manifest.json")).read_text(encoding="utf-8"))
    lines = {(line["file"], line["table"]): line for line in manifest["ledger"]}
    assert {key: line["read"] for key, line in lines.items()} == {
        ("evaluations.csv", "episode"): 240,
        ("evaluations.csv", "visit"): 240,
        ("outcome_forms.csv", "visit"): 823,
        ("weekly_checkin.csv", "run_week"): 4484,
        ("exercise_log.csv", "session"): 8364,
        ("discharges.csv", "event"): 240,
        ("discharges.csv", "procedure"): 240,
    }
    for line in lines.values():
        assert line["read"] == line["accepted"] + line["rejected"] + line["blank"] + line["left_out"]
    assert sum(line["rejected"] for line in lines.values()) == 0


def test_no_calendar_date_survives_intake(study: Path) -> None:
    # Grade: exact, domain.md §0 item 9.
    for path in study.glob("snapshots/*/tables/*.parquet"):
        assert not re.search(rb"20\d\d-\d\d-\d\d", path.read_bytes()), path.name


def test_the_first_page_says_which_definition_and_what_it_cannot_show(study: Path) -> None:
    # Grade: exact, the words of the study's protocol.
    done = command("report", study, "--json")
    assert done.returncode == 0, done.stderr
    page = Path(json.loads(done.stdout)["report"]).read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "study's own definition" in text.replace("’", "'")
    assert "one question on pain while running, at whatever pace" in text
    assert "whether fast or hill running is pain-free" in text
    assert "whether both sides of a runner recovered" in text


def test_counting_by_hand_agrees_with_the_report(study: Path) -> None:
    # Grade: exact: an independent count with the csv module of runners whose confirmed first pass lies by day 84. On the visit
    # dates themselves the naive curve counts the same events.
    done = command("run", "a1", study, "--tier", "internal", "--json")
    rows = json.loads(done.stdout)["rows"]
    naive = next(row for row in rows if row["statistic"] == "naive_cumulative_incidence" and row["day"] == 84)
    assert naive["n_events"] == confirmed_by(84)


def confirmed_by(last_day: int) -> int:
    import csv
    from datetime import date

    with (EXPORT / "evaluations.csv").open(encoding="utf-8-sig", newline="") as file:
        people = {row["Pt ID"]: row for row in csv.DictReader(file)}
    looks: dict[str, list[tuple[int, bool]]] = {name: [] for name in people}
    with (EXPORT / "weekly_checkin.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            person = people[row["Pt ID"]]
            day = (date.fromisoformat(row["Date"]) - date.fromisoformat(person["Initial Eval"])).days
            enough = float(row["Km"]) > 0 and float(row["Km"]) >= 0.5 * float(person["Km/wk before"])
            looks[row["Pt ID"]].append((day, enough and int(row["NRS while running"]) <= 1))
    count = 0
    for story in looks.values():
        first: int | None = None
        for day, passes in sorted(story):
            first = (day if first is None else first) if passes else None
            if first is not None and day >= first + 14:
                count += first <= last_day
                break
    return count
