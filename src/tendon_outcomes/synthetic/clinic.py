"""A synthetic clinic: the files it would export, and beside them the truth that no clinic knows."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from functools import cached_property

import polars as pl
from numpy.random import SeedSequence

from tendon_outcomes.errors import WrongUse
from tendon_outcomes.synthetic.care import event_table, procedure_table
from tendon_outcomes.synthetic.drawn import draw_clinics
from tendon_outcomes.synthetic.draws import clinic_seeds, seed_of
from tendon_outcomes.synthetic.episodes import episode_table, recent_procedures
from tendon_outcomes.synthetic.sessions import session_table
from tendon_outcomes.synthetic.settings import ClinicSettings
from tendon_outcomes.synthetic.truth import truth_document, truth_table
from tendon_outcomes.synthetic.visits import run_week_table, visit_table
from tendon_outcomes.synthetic.weeks import week_table


@dataclass(frozen=True)
class SyntheticClinic:
    """Tables of a synthetic clinic and its truth.

    `truth_weeks` has a row for each whole week of follow-up: what was done in it (`true_state`, and the counts behind it), and
    whether the export tells (`logged`). `files` are the CSV exports by name, `truth` are truth.json, truth_episodes.csv and
    truth_weeks.csv. Both are written when first asked for, so that a simulation which reads the frames does not pay for them.
    """

    tables: dict[str, pl.DataFrame]
    truth_episodes: pl.DataFrame
    truth_weeks: pl.DataFrame
    settings: ClinicSettings
    seed: str
    clinics: int
    episodes: int

    @cached_property
    def files(self) -> dict[str, bytes]:
        return {f"{name}.csv": csv_of(table) for name, table in self.tables.items()}

    @cached_property
    def truth(self) -> dict[str, bytes]:
        document = {
            "seed": self.seed,
            "clinics": self.clinics,
            "episodes_per_clinic": self.episodes,
            "settings": asdict(self.settings),
            **truth_document(self.settings, self.truth_episodes),
        }
        text = json.dumps(document, indent=2, sort_keys=True) + "\n"
        return {
            "truth.json": text.encode(),
            "truth_episodes.csv": csv_of(self.truth_episodes),
            "truth_weeks.csv": csv_of(self.truth_weeks),
        }


def simulate_clinic(
    episodes: int, *, seed: int | SeedSequence, settings: ClinicSettings | None = None, site: int = 1
) -> SyntheticClinic:
    """Draw one clinic with ``episodes`` episodes. The same seed gives the same bytes; ``site`` only names it."""
    own = seed_of(seed)
    return _simulate((own,), episodes, (site,), settings or ClinicSettings(), _named(own))


def simulate_clinics(clinics: int, episodes: int, *, seed: int, settings: ClinicSettings | None = None) -> SyntheticClinic:
    """Draw many clinics of equal size in one set of tables; `site_id` is S0001, S0002, …

    Clinic i equals ``simulate_clinic(episodes, seed=clinic_seeds(seed, clinics)[i - 1], site=i)``, row by row.
    """
    if clinics < 1:
        raise WrongUse(f"{clinics} clinics cannot be drawn", way_out="Ask for one clinic or more.")
    seeds = clinic_seeds(seed, clinics)
    return _simulate(seeds, episodes, tuple(range(1, clinics + 1)), settings or ClinicSettings(), str(seed))


def _simulate(
    seeds: tuple[SeedSequence, ...], episodes: int, sites: tuple[int, ...], settings: ClinicSettings, seed: str
) -> SyntheticClinic:
    if episodes < 1:
        raise WrongUse(f"a clinic of {episodes} episodes cannot be drawn", way_out="Ask for one episode or more.")
    drawn = draw_clinics(seeds, episodes, sites, settings)
    tables = {
        "episode": episode_table(drawn),
        "visit": visit_table(drawn),
        "run_week": run_week_table(drawn),
        "session": session_table(drawn),
        "procedure": pl.concat([recent_procedures(drawn), procedure_table(drawn)]).sort("episode_id", "day", "procedure"),
        "event": event_table(drawn),
    }
    truth = truth_table(drawn.episode_id, drawn.runners, drawn.truth)
    weeks = week_table(drawn.episode_id, drawn.weeks)
    return SyntheticClinic(tables, truth, weeks, settings, seed, len(seeds), episodes)


def _named(seed: SeedSequence) -> str:
    return f"{seed.entropy}" + "".join(f".{key}" for key in seed.spawn_key)


def csv_of(table: pl.DataFrame) -> bytes:
    """A table as a clinic writes it."""
    buffer = io.BytesIO()
    table.write_csv(buffer)
    return buffer.getvalue()
