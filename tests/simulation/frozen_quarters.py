"""Gate row `frozen_quarters`: a quarter once reported never changes, and what is restated adds up.

A synthetic clinic exports every quarter; rows come late and ratings are corrected. Each quarter is reported, in both tiers, when
its snapshot is there. Then everything is tried that could change an earlier report: later quarters, another snapshot inside each
reported quarter, a snapshot dated back before the first, an edited protocol. Every quarter is reported again: each byte of each
report, and of what was kept of each quarter, must be as it was. Beside that, in every report the steps of every restatement must
add up to its total, in the counts exactly; and they must not all be 0, or nothing would have been shown.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from tendon_outcomes.cli.publish import publish
from tendon_outcomes.cli.study import Study, create, store, validate_files
from tendon_outcomes.snapshots import verify
from tendon_outcomes.synthetic import QuarterExport, quarterly_exports
from tendon_outcomes.vocabulary import OnReject, Tier

FULL, QUICK = (160, 7), (90, 4)
SEED = 20_26
ASKED = "meaningful_improvement_by_12_weeks"
COLUMNS = ("n_at_risk", "n_events", "n_censored", "estimate")
STEPS = ("changed definitions", "corrections", "late data")
EDIT = ('endpoint = "meaningful_improvement.1"', 'endpoint = "meaningful_improvement.2"')


def audit_alone(protocol: str) -> str:
    """The protocol with the audited question only: the others take minutes and have no history."""
    sections = re.split(r"(?m)^(?=\[)", protocol)
    kept = [
        one for one in sections if not re.match(r"\[+(estimand|claim)\.", one) or f"estimand.{ASKED}" in one.partition("]")[0]
    ]
    return "".join(kept)


def ingest(study: Study, export: QuarterExport, folder: Path, *, days_before: int = 0) -> None:
    """Store an export, as of its day or of an earlier one."""
    folder.mkdir(parents=True)
    for name, content in export.files.items():
        (folder / name).write_bytes(content)
    as_of = export.as_of - timedelta(days=days_before)
    store(study, validate_files(study, folder, as_of, OnReject.EXCLUDE, silent), as_of)


def report(study: Study, quarters: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Report quarters in both tiers; the rows of the internal one by quarter."""
    rows = {}
    for quarter in quarters:
        publish(study, None, Tier.SHAREABLE, silent, force=False, quarter=quarter)
        _, results = publish(study, None, Tier.INTERNAL, silent, force=False, quarter=quarter)
        rows[quarter] = [row for one in results for row in one.rows.to_dicts()]
    return rows


def bytes_of(study: Study) -> dict[str, str]:
    """The hash of every file of every report and of what was kept of every quarter."""
    files = (path for room in ("reports", "quarters") for path in sorted((study.folder / room).rglob("*")) if path.is_file())
    return {str(path.relative_to(study.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def added_up(rows: list[dict[str, Any]]) -> tuple[int, int, int]:
    """Restatements of one report, those that do not add up, and those with a step other than 0."""
    made = [row for row in rows if row["statistic"] == "restatement"]
    by_quarter: dict[str, dict[str, dict[str, Any]]] = {}
    for row in made:
        by_quarter.setdefault(row["stratum"], {})[row["term"]] = row
    wrong = moved = 0
    for terms in by_quarter.values():
        sums = {name: [terms[step][name] for step in STEPS] for name in COLUMNS}
        told = {name: values for name, values in sums.items() if None not in values}
        off = [name for name, values in told.items() if abs(sum(values) - terms["total"][name]) > 1e-12]
        wrong += bool(off)
        moved += any(value for values in told.values() for value in values)
    return len(by_quarter), wrong, moved


def silent(_: str) -> None:
    """No progress is shown."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    episodes, quarters = QUICK if parser.parse_args().quick else FULL
    exports, _ = quarterly_exports(episodes, quarters, seed=SEED, sites=2)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        study = create(folder / "study", None, force=False)
        study.protocol_file.write_text(audit_alone(study.protocol_file.read_text(encoding="utf-8")), encoding="utf-8")
        rows: dict[str, list[dict[str, Any]]] = {}
        first: dict[str, str] = {}
        for export in exports[:-1]:
            ingest(study, export, folder / export.quarter)
            rows |= report(study, [export.quarter])
            first |= {name: found for name, found in bytes_of(study).items() if name not in first}
        for export in exports[:-1]:
            ingest(study, exports[-1], folder / f"again {export.quarter}", days_before=(exports[-1].as_of - export.as_of).days)
        ingest(study, exports[0], folder / "before", days_before=60)
        ingest(study, exports[-1], folder / exports[-1].quarter)
        edited = study.protocol_file.read_text(encoding="utf-8").replace(*EDIT)
        study.protocol_file.write_text(edited, encoding="utf-8")
        rows |= report(study, [exports[-1].quarter])
        again = report(study, [export.quarter for export in exports[:-1]])
        same_rows = all(json.dumps(again[quarter]) == json.dumps(rows[quarter]) for quarter in again)
        now = bytes_of(study)
        changed = sorted(name for name, found in first.items() if now.get(name) != found)
        checked = verify(study.folder)
    print(f"{'quarter':8s} {'restated':>8s} {'do not add up':>14s} {'moved':>6s}")
    told = {quarter: added_up(found) for quarter, found in rows.items()}
    for quarter, (n, wrong, moved) in told.items():
        print(f"{quarter:8s} {n:8d} {wrong:14d} {moved:6d}")
    restated, wrong, moved = (sum(column) for column in zip(*told.values(), strict=True))
    print(f"verified: {len(checked)} lines; changed files: {', '.join(changed) or 'none'}")
    adds = f"{wrong} of {restated} restatements do not add up, {moved} of them moved"
    print(f"{len(changed)} of {len(first)} files changed by a later quarter; {adds}")
    return int(bool(changed or wrong or not moved or not same_rows))


if __name__ == "__main__":
    sys.exit(main())
