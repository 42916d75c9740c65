"""The synthetic clinic on disk, and the whole way from it to a report."""

from __future__ import annotations

import shutil
from pathlib import Path

from tendon_outcomes.cli.publish import publish
from tendon_outcomes.cli.study import as_of_date, create, store, validate_files
from tendon_outcomes.cli.terminal import Say
from tendon_outcomes.errors import WouldOverwrite
from tendon_outcomes.snapshots import write_new
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinic
from tendon_outcomes.vocabulary import OnReject, Tier

NOTICE = "Simulated data with known truth: no real runner is in this report."
DEMO_EPISODES, DEMO_SEED, DEMO_AS_OF = 300, 1, "2026-06-30"


def write_clinic(out: Path, episodes: int, seed: int, say: Say, *, visits_only: bool = False, force: bool = False) -> list[str]:
    """Write a synthetic clinic's export to ``out`` and its truth to ``out/truth``."""
    say(f"{episodes} episodes, seed {seed}")
    settings = ClinicSettings.visits_only() if visits_only else ClinicSettings()
    clinic = simulate_clinic(episodes, seed=seed, settings=settings)
    files = {**clinic.files, **{f"truth/{name}": content for name, content in clinic.truth.items()}}
    for name, content in files.items():
        write_new(out / name, content, force=force)
    return sorted(files)


def demonstrate(folder: Path, say: Say, *, force: bool = False) -> Path:
    """Simulate, init, ingest and report in ``folder``; returns the report's path."""
    study_folder = folder / "study"
    if folder.exists() and any(folder.iterdir()):
        if not force:
            raise WouldOverwrite(f"{folder} is not empty", way_out="Give --force to make the demo anew, or another folder.")
        if study_folder.exists():
            shutil.rmtree(study_folder)
    write_clinic(folder / "clinic", DEMO_EPISODES, DEMO_SEED, say, force=force)
    study = create(study_folder, None, force=False)
    say("ingest")
    as_of = as_of_date(DEMO_AS_OF)
    store(study, validate_files(study, folder / "clinic", as_of, OnReject.EXCLUDE, say), as_of)
    report, _ = publish(study, None, Tier.SHAREABLE, say, force=False, notice=NOTICE)
    return report
