"""Run the verification rows of gate.toml: one line a row on stdout, and a scoreboard as CSV and HTML in build/."""

from __future__ import annotations

import argparse
import csv
import html
import subprocess
import sys
import time
import tomllib
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Outcome:
    row: str
    figure: str
    target: str
    verdict: str
    seconds: float
    promise: str


def run_row(name: str, declared: dict[str, object], *, quick: bool) -> Outcome:
    """Run one row. What it prints before its last line goes to stderr, where people look."""
    command = declared["command"]
    assert isinstance(command, list)
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, *map(str, command), *(["--quick"] if quick else [])],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines() or ["no figure printed"]
    print("\n".join(lines[:-1]), file=sys.stderr)
    passed = done.returncode == 0 and bool(done.stdout.strip())
    seconds = time.monotonic() - started
    return Outcome(name, lines[-1], str(declared["target"]), "PASS" if passed else "FAIL", seconds, str(declared["promise"]))


def scoreboard(outcomes: list[Outcome]) -> None:
    """build/gate.csv and build/gate.html, with the date and the commit they speak of."""
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    made = f"{datetime.now(tz=UTC):%Y-%m-%d} at commit {commit.stdout.strip() or 'unknown'}"
    names = [field.name for field in fields(Outcome)]
    with (folder / "gate.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([["made", *names], *[[made, *astuple(one)] for one in outcomes]])
    cells = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(value))}</td>" for value in astuple(one)) + "</tr>" for one in outcomes
    )
    head = "".join(f"<th scope='col'>{name}</th>" for name in names)
    page = f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Verification</title><h1>Verification, {made}</h1>"
    (folder / "gate.html").write_text(f"{page}<table><tr>{head}</tr>{cells}</table></html>", encoding="utf-8")


def main(arguments: list[str]) -> int:
    rows = tomllib.loads((ROOT / "tests/gate.toml").read_text(encoding="utf-8"))["row"]
    parser = argparse.ArgumentParser(prog="python make.py gate", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows to run (all when none is named)")
    parser.add_argument("--quick", action="store_true", help="same seeds, fewer replicates")
    parser.add_argument("--list", action="store_true", help="name the rows and their promises")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.rows) - set(rows):
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(rows)}")
    if asked.list:
        print("\n".join(f"{name}: {row['promise']}" for name, row in rows.items()))
        return 0
    outcomes = []
    for name in asked.rows or rows:
        outcomes.append(run_row(name, rows[name], quick=asked.quick))
        one = outcomes[-1]
        print(f"{one.row} | {one.figure} | {one.target} | {one.verdict}", flush=True)
    scoreboard(outcomes)
    return 0 if all(one.verdict == "PASS" for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
