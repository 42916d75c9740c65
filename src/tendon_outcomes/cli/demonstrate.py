"""The synthetic clinic on disk, and the whole way from it to a report."""

from __future__ import annotations

from pathlib import Path

from tendon_outcomes.cli.publish import publish
from tendon_outcomes.cli.study import as_of_date, create, refuse_file, store, validate_files
from tendon_outcomes.cli.terminal import Say
from tendon_outcomes.errors import WouldOverwrite
from tendon_outcomes.snapshots import LOCK_FILE, faults_named, remove, study_lock, write_all, write_new
from tendon_outcomes.synthetic import ClinicSettings, csv_of, quarterly_exports, simulate_clinic
from tendon_outcomes.vocabulary import OnReject, Tier

MARKER = ".made-by-demo"
NOTICE = "Simulated data with known truth: no real runner is in this report."
DEMO_EPISODES, DEMO_SEED, DEMO_AS_OF = 300, 1, "2026-06-30"


def write_clinic(out: Path, episodes: int, seed: int, say: Say, *, visits_only: bool = False, force: bool = False) -> list[str]:
    """Write a synthetic clinic's export to ``out`` and its truth to ``out/truth``."""
    say(f"{episodes} episodes, seed {seed}")
    settings = ClinicSettings.visits_only() if visits_only else ClinicSettings()
    clinic = simulate_clinic(episodes, seed=seed, settings=settings)
    files = {**clinic.files, **{f"truth/{name}": content for name, content in clinic.truth.items()}}
    refuse_file(out)
    write_all(out, files, force=force)
    return sorted(files)


def write_quarters(
    out: Path, episodes: int, quarters: int, seed: int, say: Say, *, visits_only: bool = False, force: bool = False
) -> list[str]:
    """Write what a synthetic clinic exports at the end of each quarter, each export in its own folder, and the truth beside."""
    say(f"{episodes} episodes over {quarters} quarters, seed {seed}")
    settings = ClinicSettings.visits_only() if visits_only else ClinicSettings()
    exports, truth = quarterly_exports(episodes, quarters, seed=seed, settings=settings)
    files = {f"{one.quarter}/{name}": content for one in exports for name, content in one.files.items()}
    dates = "".join(f"{one.quarter},{one.as_of.isoformat()}\n" for one in exports)
    files |= {"as_of.csv": f"quarter,as_of\n{dates}".encode(), "truth/truth_episodes.csv": csv_of(truth)}
    refuse_file(out)
    write_all(out, files, force=force)
    return sorted(files)


def demonstrate(folder: Path, say: Say, *, force: bool = False) -> Path:
    """Simulate, init, ingest and report in ``folder``; returns the report's path."""
    _make_room(folder, force=force)
    write_new(folder / MARKER, b"`tendon-outcomes demo --force` may make this folder anew.\n", force=True)
    write_clinic(folder / "clinic", DEMO_EPISODES, DEMO_SEED, say, force=force)
    study = create(folder / "study", None, force=False)
    say("ingest")
    as_of = as_of_date(DEMO_AS_OF)
    with study_lock(study.folder):
        store(study, validate_files(study, folder / "clinic", as_of, OnReject.EXCLUDE, say), as_of)
        report, _ = publish(study, None, Tier.SHAREABLE, say, force=False, notice=NOTICE)
    return report


def _make_room(folder: Path, *, force: bool) -> None:
    """An absent or empty folder is taken as it is; a full one only with ``force``, and only when the demo made it.

    Raises
    ------
    WouldOverwrite
        The folder holds something that is not the demo's own.
    """
    refuse_file(folder)
    with faults_named(folder):
        full = folder.exists() and any(folder.iterdir())
    study = folder / "study"
    if not full:
        return
    if not force:
        raise WouldOverwrite(f"{folder} is not empty", way_out="Give --force to make the demo anew, or another folder.")
    if not (folder / MARKER).is_file() or study.is_symlink():
        raise WouldOverwrite(f"{folder} was not made by demo; nothing in it is touched", way_out="Choose another folder.")
    if study.exists():
        _empty(study)


def _empty(study: Path) -> None:
    """Remove everything of a study but its lock, which is held meanwhile."""
    with study_lock(study):
        for one in study.iterdir():
            if one.name != LOCK_FILE:
                remove(one)
