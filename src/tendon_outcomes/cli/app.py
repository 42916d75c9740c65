"""The commands. Each loads what it needs when it runs, so that --help answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tendon_outcomes.cli.terminal import progress, show
from tendon_outcomes.vocabulary import OnReject, Tier

if TYPE_CHECKING:
    from tendon_outcomes.records import ValidatedRecords
    from tendon_outcomes.snapshots import Manifest

app = typer.Typer(
    name="tendon-outcomes",
    help="How soon do runners with tendon pain recover? From a clinic's records to an honest report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its help loads a Markdown parser: twice the time of all the rest
    add_completion=False,
)

_DONE = {"reject": "rejected", "flag": "flagged"}

StudyFolder = Annotated[Path, typer.Argument(metavar="STUDY", help="A study folder made by `init`.")]
ExportFolder = Annotated[Path, typer.Argument(metavar="FILES", help="The folder that holds the clinic's export.")]
AsOf = Annotated[str, typer.Option("--as-of", metavar="YYYY-MM-DD", help="The day on which the export was made.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what stands there.")]
SnapshotId = Annotated[str | None, typer.Option("--snapshot", metavar="ID", help="A snapshot; the latest when not given.")]
TierOption = Annotated[Tier, typer.Option("--tier", help="internal hides nothing and stays in the clinic.")]


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR")] = Path("tendon-outcomes-demo"),
    *,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Simulate a clinic, ingest it, write its report and print where it is."""
    from tendon_outcomes.cli.demonstrate import demonstrate

    with progress("demo") as say:
        report = demonstrate(folder, say, force=force)
    show({"report": str(report)}, str(report), as_json=as_json)


@app.command()
def init(
    folder: StudyFolder,
    *,
    like: Annotated[str | None, typer.Option("--like", help="Start from an example study, such as clinic_a.")] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Make a study folder with a protocol and a column map to edit."""
    from tendon_outcomes.cli.study import COLUMN_MAP, PROTOCOL, create

    study = create(folder, like, force=force)
    text = f"{study.folder} is ready. Edit {PROTOCOL} (what is asked) and {COLUMN_MAP} (which column is which), then ingest."
    show({"study": str(study.folder)}, text, as_json=as_json)


@app.command()
def check(study: StudyFolder, files: ExportFolder, *, as_of: AsOf, as_json: Json = False) -> None:
    """Validate an export without storing anything; exit 1 when a row would be rejected."""
    from tendon_outcomes.cli.study import as_of_date, open_study, validate_files

    with progress("check") as say:
        records = validate_files(open_study(study), files, as_of_date(as_of), OnReject.EXCLUDE, say)
    show(_intake(records), _intake_text(records), as_json=as_json)
    if any(line.rejected for line in records.ledger):
        raise typer.Exit(1)


@app.command()
def ingest(
    study: StudyFolder,
    files: ExportFolder,
    *,
    as_of: AsOf,
    on_reject: Annotated[OnReject, typer.Option("--on-reject", help="What to do when rows break rules.")] = OnReject.STOP,
    as_json: Json = False,
) -> None:
    """Validate an export and lock it into the study as an immutable snapshot."""
    from tendon_outcomes.cli.study import Stored, as_of_date, open_study, store, validate_files
    from tendon_outcomes.snapshots import study_lock

    opened, day = open_study(study), as_of_date(as_of)
    with progress("ingest") as say, study_lock(opened.folder):
        records = validate_files(opened, files, day, on_reject, say)
        manifest, stored = store(opened, records, day)
    says = {
        Stored.NEW: f"snapshot {manifest.snapshot_id} stored",
        Stored.SAME: f"snapshot {manifest.snapshot_id} was stored before from the same files; it stands, and the log says so",
        Stored.SAME_ROWS: f"the accepted rows are the same as in snapshot {manifest.snapshot_id}, stored before from other files "
        "or with other rejected rows; the ledger stored there stands, not the one above",
    }[stored]
    content = {**_intake(records), "snapshot": manifest.snapshot_id, "new": stored is Stored.NEW, "stored": stored.value}
    if stored is Stored.SAME_ROWS:
        content["stored_ledger"] = _intake(manifest)["ledger"]
    show(content, f"{_intake_text(records)}\n{says}", as_json=as_json)


@app.command()
def snapshots(study: StudyFolder, *, as_json: Json = False) -> None:
    """List the study's snapshots, the latest as-of date last."""
    from tendon_outcomes.cli.study import open_study
    from tendon_outcomes.snapshots import list_snapshots

    found = list_snapshots(open_study(study).folder)
    rows = [{"snapshot": one.snapshot_id, "as_of": one.as_of, "files": sorted(one.inputs)} for one in found]
    lines = [f"{one.snapshot_id}  as of {one.as_of}  {len(one.inputs)} files" for one in found] or ["no snapshot yet"]
    show({"snapshots": rows}, "\n".join(lines), as_json=as_json)


@app.command()
def run(
    analysis: Annotated[str, typer.Argument(metavar="ANALYSIS", help="a1, a4, ...")],
    study: StudyFolder,
    *,
    snapshot: SnapshotId = None,
    tier: TierOption = Tier.SHAREABLE,
    as_json: Json = False,
) -> None:
    """Run one analysis script and print its answer."""
    from tendon_outcomes.cli.publish import run_analyses
    from tendon_outcomes.cli.study import open_study

    with progress("run") as say:
        results, _ = run_analyses(open_study(study), [analysis], snapshot, tier, say)
    show(results[0].to_dict(), results[0].summary(), as_json=as_json)


@app.command()
def report(
    study: StudyFolder,
    *,
    snapshot: SnapshotId = None,
    quarter: Annotated[
        str | None, typer.Option("--quarter", metavar="2026Q3", help="The audit of a quarter, from its last snapshot.")
    ] = None,
    tier: TierOption = Tier.SHAREABLE,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the report of a snapshot, or of a quarter with all the looks before it, and print where it is."""
    from tendon_outcomes.cli.publish import publish
    from tendon_outcomes.cli.study import open_study
    from tendon_outcomes.snapshots import study_lock

    opened = open_study(study)
    with progress("report") as say, study_lock(opened.folder):
        path, results = publish(opened, snapshot, tier, say, force=force, quarter=quarter)
    show({"report": str(path), "answers": [one.glance() for one in results]}, str(path), as_json=as_json)


@app.command()
def explain(
    episode: Annotated[str, typer.Argument(metavar="EPISODE", help="An episode_id, as the clinic's pseudonym is written.")],
    study: StudyFolder = Path(),
    *,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", metavar="NAME.VERSION", help="One definition; those of the protocol if not given.")
    ] = None,
    snapshot: SnapshotId = None,
    figure: Annotated[Path | None, typer.Option("--figure", help="Draw the timeline into this SVG file too.")] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Tell why one episode counts as it does, step by step with record ids. Patient-level: it stays in the clinic."""
    from tendon_outcomes.cli.explain import PATIENT_LEVEL, draw, opened, questions, stories
    from tendon_outcomes.cli.study import open_study

    with progress("explain") as say:
        asked, records = questions(open_study(study), endpoint), opened(open_study(study), snapshot)
        told = stories(records, asked, episode, say)
        drawn = [f"timeline: {draw(records, asked, episode, figure, force=force)}"] if figure else []
    text = "\n\n".join([PATIENT_LEVEL, *(story.text() for story in told), *drawn])
    show({"note": PATIENT_LEVEL, "stories": [one.to_dict() for one in told]}, text, as_json=as_json)


@app.command()
def runner(
    study: StudyFolder = Path(),
    *,
    weeks: Annotated[float, typer.Option("--weeks", min=0.1, help="For how many weeks it has hurt; 26 is half a year.")],
    snapshot: SnapshotId = None,
    as_json: Json = False,
) -> None:
    """Tell how 100 runners fared who had hurt for as long. No diagnosis, no forecast; refused where the records hold too few."""
    from tendon_outcomes.cli.runner import tell
    from tendon_outcomes.cli.study import open_study

    with progress("runner") as say:
        told = tell(open_study(study), weeks, snapshot, say)
    show(told.to_dict(), told.text(), as_json=as_json)


@app.command()
def export(
    study: StudyFolder,
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder for the tables.")],
    snapshot: SnapshotId = None,
    tier: Annotated[Tier, typer.Option("--tier", help="Only internal: the tables hold one row a person.")] = Tier.INTERNAL,
    kind: Annotated[Literal["csv", "parquet"], typer.Option("--format", help="What the tables are written as.")] = "csv",
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write person-level tables named as in CDISC ADaM, with their metadata. They stay in the clinic."""
    from tendon_outcomes.cli.export import export as write_tables
    from tendon_outcomes.cli.study import open_study
    from tendon_outcomes.snapshots import study_lock

    opened = open_study(study)
    with progress("export") as say, study_lock(opened.folder):
        rows = write_tables(opened, out, snapshot, tier, kind, say, force=force)
    text = "\n".join(
        [str(out), *(f"  {name}: {number} rows" for name, number in rows.items()), "patient-level: keep it in the clinic"]
    )
    show({"folder": str(out), "rows": rows}, text, as_json=as_json)


@app.command()
def verify(study: StudyFolder, *, as_json: Json = False) -> None:
    """Read every stored byte again and compare it with its manifest and the log; lists every difference and exits 1."""
    from tendon_outcomes.cli.study import open_study
    from tendon_outcomes.snapshots import verify as check_bytes

    with progress("verify") as say:
        say("hashing")
        checked = check_bytes(open_study(study).folder)
    show({"checked": list(checked)}, "\n".join([*checked, "every byte is as stored"]), as_json=as_json)


@app.command()
def simulate(
    *,
    episodes: Annotated[int, typer.Option("--episodes", min=1, help="How many episodes.")] = 300,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same files.")] = 1,
    out: Annotated[Path, typer.Option("--out", help="Folder for the files; the truth goes to OUT/truth.")],
    visits_only: Annotated[bool, typer.Option("--visits-only", help="No weekly running reports.")] = False,
    quarters: Annotated[
        int, typer.Option("--quarters", min=0, help="So many exports, one a quarter, each in a folder named by its quarter.")
    ] = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Make a synthetic clinic whose truth is known, as raw files."""
    from tendon_outcomes.cli.demonstrate import write_clinic, write_quarters

    with progress("simulate") as say:
        if quarters:
            names = write_quarters(out, episodes, quarters, seed, say, visits_only=visits_only, force=force)
        else:
            names = write_clinic(out, episodes, seed, say, visits_only=visits_only, force=force)
    show({"folder": str(out), "files": names}, f"{len(names)} files in {out}", as_json=as_json)


def _intake(records: ValidatedRecords | Manifest) -> dict[str, Any]:
    from dataclasses import asdict

    return {"ledger": [asdict(line) for line in records.ledger], "rules": [asdict(rule) for rule in records.rule_counts]}


def _intake_text(records: ValidatedRecords) -> str:
    lines = [
        f"{line.file} -> {line.table}: {line.read} read = {line.accepted} accepted + {line.rejected} rejected + "
        f"{line.blank} blank + {line.left_out} for another table"
        for line in records.ledger
    ]
    rules = [f"  {rule.rule}  {rule.count} rows {_DONE[rule.action]}  {rule.column}: {rule.says}" for rule in records.rule_counts]
    return "\n".join([*lines, *rules])
