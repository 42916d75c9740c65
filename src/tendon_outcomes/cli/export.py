"""Person-level tables for the clinic's own statistician: internal tier only, with what every column means beside them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import polars as pl

from tendon_outcomes.cli.study import REGIMEN, Study, log_export, refuse_file, refuse_own_rooms
from tendon_outcomes.cli.terminal import Say
from tendon_outcomes.cohort.patient_level.adam import AnalysisData, analysis_data
from tendon_outcomes.declarations import Declarations, declare
from tendon_outcomes.errors import WouldOverwrite, WrongUse
from tendon_outcomes.results import Provenance, stamp
from tendon_outcomes.snapshots import Manifest, csv_bytes, faults_named, open_snapshot, parquet_bytes, write_whole
from tendon_outcomes.vocabulary import Tier

Format = Literal["csv", "parquet"]
TABLES = ("adsl", "adqs", "adtte", "weeks")
METADATA = ("define.csv", "define.json", "README.txt")
_LEFT_BY_SYSTEMS = (".DS_Store", "Thumbs.db", "desktop.ini")
"""What file browsers leave behind in a folder that somebody looked into."""


def export(
    study: Study, folder: Path, snapshot_id: str | None, tier: Tier, kind: Format, say: Say, *, force: bool
) -> dict[str, int]:
    """Write the tables of a snapshot with their metadata as one folder and log it; returns the rows of each table.

    The caller holds the study's lock.

    Raises
    ------
    WrongUse
        Another tier than internal was asked for, or the folder lies where the study keeps its own.
    WouldOverwrite
        Something stands there: another export without ``force``, or files that are no export's.
    """
    _refuse_sharing(tier)
    refuse_own_rooms(folder)
    say("reading the snapshot")
    records, manifest = open_snapshot(study.folder, snapshot_id)
    protocol, declared = study.protocol(), declare()
    say("episodes, scores, times and weeks")
    data = analysis_data(records, protocol.questions, declared, declared.regimen(REGIMEN), study=protocol.title)
    provenance = stamp(snapshot=manifest.snapshot_id, declarations=declared.sha256, protocol=study.protocol_file)
    say("writing")
    files = _files(data, declared, manifest, provenance, kind)
    _write(folder, files, force=force)
    log_export(study, manifest.snapshot_id, files["README.txt"])
    return {name: frame.height for name, frame in data.frames.items()}


def _refuse_sharing(tier: Tier) -> None:
    if tier is not Tier.INTERNAL:
        raise WrongUse(
            f"an export holds one row a patient's episode and cannot be {tier.value}; nothing was written",
            way_out="Leave out --tier and keep the files in the clinic; `tendon-outcomes report` writes what can be shared.",
        )


def _files(
    data: AnalysisData, declared: Declarations, manifest: Manifest, provenance: Provenance, kind: Format
) -> dict[str, bytes]:
    tables = {
        f"{name}.{kind}": csv_bytes(frame) if kind == "csv" else parquet_bytes(frame) for name, frame in data.frames.items()
    }
    definitions = declared.exports.definitions(declared.tables, n_questions=len(data.questions))
    files = {**tables, "define.csv": csv_bytes(pl.DataFrame(definitions)), "define.json": _define(data, declared, definitions)}
    return {**files, "README.txt": _readme(files, data, declared, manifest, provenance)}


def _define(data: AnalysisData, declared: Declarations, definitions: list[dict[str, str | int]]) -> bytes:
    """Data sets, columns, parameters, questions and outcomes, for programs; define.csv has the columns for people."""
    exports = declared.exports
    content: dict[str, Any] = {
        "says": list(exports.says),
        "datasets": {
            name: {
                "title": one.title,
                "structure": one.structure,
                "keys": list(one.keys),
                "rows": data.frames[name].height,
                "variables": [
                    {key: value for key, value in row.items() if key != "dataset"}
                    for row in definitions
                    if row["dataset"] == name
                ],
            }
            for name, one in exports.dataset.items()
        },
        "questions": _questions(data),
        "parameters": {code: one.model_dump() for code, one in exports.parameter.items()},
        "outcomes": [one.model_dump() for one in exports.outcome],
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _questions(data: AnalysisData) -> list[dict[str, Any]]:
    return [
        {
            "question": f"Q{number:02d}",
            "paramcd": one.code,
            "estimand": one.estimand.name,
            "asks": one.estimand.question,
            "endpoint": one.estimand.endpoint.reference,
            "population": one.estimand.population.name,
            "population_says": one.estimand.population.says,
            "horizon_days": one.estimand.horizon_days,
            "not_followed_because": one.refused,
        }
        for number, one in enumerate(data.questions, start=1)
    ]


def _readme(
    files: dict[str, bytes], data: AnalysisData, declared: Declarations, manifest: Manifest, provenance: Provenance
) -> bytes:
    exports = declared.exports
    tables = [f"  {name}: {one.structure}; {data.frames[name].height} rows" for name, one in exports.dataset.items()]
    asked = [f"  Q{n:02d} {one.code}: {one.says}{_not_followed(one.refused)}" for n, one in enumerate(data.questions, start=1)]
    hashes = [f"  {hashlib.sha256(content).hexdigest()}  {name}" for name, content in sorted(files.items())]
    made_from = [f"  {name}: {value}" for name, value in asdict(provenance).items()]
    parts = [
        "PATIENT-LEVEL DATA: keep it in the clinic. It is not de-identified for sharing.",
        "",
        "What the files hold (define.csv says what each column means):",
        *tables,
        "",
        "Questions of the protocol:",
        *asked,
        "",
        "Read this first:",
        *(f"  - {says}" for says in exports.says),
        "",
        f"Made from the snapshot as of {manifest.as_of}:",
        *made_from,
        "",
        "sha256 of the files:",
        *hashes,
    ]
    return ("\n".join(parts) + "\n").encode()


def _not_followed(reason: str) -> str:
    return f"; no rows: {reason}" if reason else ""


def _write(folder: Path, files: dict[str, bytes], *, force: bool) -> None:
    """The whole folder or nothing. An earlier export gives way to ``force``; a folder that holds anything else never does."""
    refuse_file(folder)
    ours = {*METADATA, *(f"{name}.{kind}" for name in TABLES for kind in ("csv", "parquet"))}
    with faults_named(folder):
        others = [path for path in folder.iterdir() if path.name not in {*ours, *_LEFT_BY_SYSTEMS}] if folder.is_dir() else []
    if others:
        raise WouldOverwrite(
            f"{folder} holds {len(others)} other files or folders; nothing was written", way_out="Give --out a new folder."
        )
    taken = False
    try:
        write_whole(folder, files, force=force, private=True)
    except WouldOverwrite:
        taken = True
    if taken:
        raise WouldOverwrite(f"{folder} exists with another content", way_out="Give --force to replace it, or another place.")
