"""Gate row `truth_covered`: coverage of the printed 95 % intervals over many synthetic clinics whose truth is known.

Aims: do the intervals of the report hold, from raw files to milestone rows? Data: synthetic clinics of 300 episodes, written as
files and ingested, one schedule with weekly reports and one with visits only. Estimands: cumulative incidence at 8, 12 and
26 weeks, restricted mean and median of both endpoints. Method: the rows that the report's analyses make. Performance:
coverage, bias and the ratio of model to empirical standard error. A cell passes when its coverage lies within z Monte-Carlo
errors of 95 %, z Bonferroni at 1 % over all cells, and no interval was refused. Weeks left open are bounds: they may cover more.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import NormalDist

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}  # two workers share two cores; read when NumPy loads

import numpy as np

from tendon_outcomes.analysis import recovery
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations import ColumnMap, Estimand, declare, load_column_map, load_protocol, resolve, shipped
from tendon_outcomes.records import ValidatedRecords, ingest
from tendon_outcomes.results import Row
from tendon_outcomes.synthetic import ClinicSettings, population_truth, simulate_clinics
from tendon_outcomes.vocabulary import OnReject

EPISODES = 300
BATCH = 100
MOSTLY_OPEN = 0.25  # a cell given as bounds more often than this may cover more than 95 %, never less
SCHEDULES = {"weekly reports": ClinicSettings(), "visits only": ClinicSettings.visits_only()}
ESTIMANDS = {"pain_free_by_26_weeks": "all", "meaningful_improvement_by_12_weeks": "structured_plan"}


@dataclass
class Cell:
    """One interval over all replicates: which limits it had, what it estimated, and what is true."""

    truth: float
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    estimate: list[float] = field(default_factory=list)
    std_error: list[float] = field(default_factory=list)
    open_weeks: int = 0

    def add(self, row: Row) -> None:
        """Count one replicate; an interval without an end reaches as far as one can."""
        self.low.append(row.conf_low if row.conf_low is not None else -np.inf)
        self.high.append(row.conf_high if row.conf_high is not None else np.inf)
        self.estimate.append(row.estimate if row.estimate is not None else np.nan)
        self.std_error.append(row.std_error if row.std_error is not None else np.nan)
        self.open_weeks += row.estimate is None and row.statistic != "median_days"

    @property
    def replicates(self) -> int:
        return len(self.low)

    @property
    def coverage(self) -> float:
        low, high = np.array(self.low), np.array(self.high)
        return float(np.mean((low <= self.truth) & (self.truth <= high)))

    @property
    def bias(self) -> float:
        """Mean of the point estimates less the truth; nan where none was given."""
        given = np.array(self.estimate)[np.isfinite(self.estimate)]
        return float(given.mean() - self.truth) if given.size else np.nan

    @property
    def error_ratio(self) -> float:
        """Mean model standard error over the spread of the estimates; nan where there is no standard error."""
        error = np.array(self.std_error)[np.isfinite(self.std_error)]
        given = np.array(self.estimate)[np.isfinite(self.estimate)]
        return float(error.mean() / given.std(ddof=1)) if error.size > 1 and given.size > 1 else np.nan


def estimates(schedule: str, batch: int, replicates: int) -> list[tuple[str, str, Row]]:
    """The rows of one batch of clinics: (estimand, cell, row)."""
    clinics = simulate_clinics(replicates, EPISODES, seed=1_000 + batch, settings=SCHEDULES[schedule])
    records = through_the_front_door(clinics.files)
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), declare())
    found = []
    for name in ESTIMANDS:
        found += [(name, cell, row) for cell, row in milestone_rows(records, protocol.estimand(name))]
    return found


def through_the_front_door(files: dict[str, bytes]) -> ValidatedRecords:
    """Write the files, read them, validate them: what an export goes through. Sessions play no part in these estimands."""
    whole = load_column_map(shipped("analyses") / "column_map.toml")
    column_map = ColumnMap(clinic=whole.clinic, source=tuple(one for one in whole.source if one.table != "session"))
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return ingest(Path(folder), column_map, declare(), as_of=date(2026, 6, 30), on_reject=OnReject.EXCLUDE)


def milestone_rows(records: ValidatedRecords, estimand: Estimand) -> list[tuple[str, Row]]:
    """What the report prints for each clinic."""
    cohort = assemble_cohort(records, estimand.population)
    follow_up = ascertain(cohort, estimand.endpoint, horizon_weeks=estimand.horizon_weeks)
    generous = ascertain(cohort, estimand.endpoint, horizon_weeks=estimand.horizon_weeks, unconfirmed="event")
    strata = recovery.fit_strata(follow_up, grid=estimand.grid, by="site_id", conf_level=estimand.conf_level, generous=generous)
    rows = [*recovery.cumulative_incidence(strata, at_weeks=estimand.at_weeks)]
    rows += recovery.restricted_mean_time_lost(strata, horizon_weeks=estimand.horizon_weeks)
    rows += recovery.median_time(strata)
    named = [
        (f"week {(row.day or 0) // 7}", row)
        for row in rows
        if row.term == "milestone" and row.statistic == "cumulative_incidence"
    ]
    named += [("restricted mean, days", row) for row in rows if row.statistic == "restricted_mean_time_lost"]
    named += [("median, days", row) for row in rows if row.statistic == "median_days"]
    return named


def truths(schedule: str) -> dict[tuple[str, str], float]:
    """The population truth of each cell, from a draw of two million latent episodes."""
    table = {}
    for estimand, group in ESTIMANDS.items():
        endpoint = "pain_free_running" if estimand.startswith("pain_free") else "meaningful_improvement"
        truth = population_truth(SCHEDULES[schedule]).of(endpoint, group)
        table |= {(estimand, f"week {week}"): truth.at_week(week) for week in (8, 12, 26)}
        table[estimand, "restricted mean, days"] = 7 * truth.restricted_mean_time(26)
        table[estimand, "median, days"] = 7 * truth.median_weeks()
    return table


def verdicts(cells: dict[tuple[str, str, str], Cell]) -> tuple[list[str], int]:
    """The table, and how many cells lie outside the band."""
    z = NormalDist().inv_cdf(1 - 0.01 / (2 * len(cells)))
    lines = [f"{'schedule':15} {'estimand':36} {'cell':22} {'n':>5} {'truth':>8} {'bias':>8} {'se ratio':>8} {'cover':>7}  band"]
    outside = 0
    for (schedule, estimand, name), cell in cells.items():
        band = z * np.sqrt(0.95 * 0.05 / cell.replicates)
        conservative = cell.open_weeks > MOSTLY_OPEN * cell.replicates or name.startswith("median")
        below, above = cell.coverage < 0.95 - band, cell.coverage > 0.95 + band and not conservative
        outside += below or above
        kind = f"bounds in {cell.open_weeks}" if cell.open_weeks else "at least" if conservative else ""
        numbers = f"{cell.replicates:5} {cell.truth:8.4f} {cell.bias:8.4f} {cell.error_ratio:8.3f} {cell.coverage:7.4f}"
        verdict = f"{0.95 - band:.4f}-{0.95 + band:.4f} {kind}{' OUTSIDE' if below or above else ''}"
        lines.append(f"{schedule:15} {estimand:36} {name:22} {numbers}  {verdict}")
    return lines, outside


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 clinics a schedule instead of 2,000")
    replicates = 200 if parser.parse_args(arguments).quick else 2_000
    cells: dict[tuple[str, str, str], Cell] = {}
    counted: dict[str, int] = defaultdict(int)
    np.seterr(all="ignore")
    with ProcessPoolExecutor(max_workers=2) as pool:
        for schedule in SCHEDULES:
            true = truths(schedule)
            batches = range(replicates // BATCH)
            for found in pool.map(estimates, [schedule] * len(batches), batches, [BATCH] * len(batches)):
                counted[schedule] += BATCH
                print(f"{schedule}: {counted[schedule]} of {replicates}", file=sys.stderr)
                for estimand, name, row in found:
                    cells.setdefault((schedule, estimand, name), Cell(true[estimand, name])).add(row)
    lines, outside = verdicts(cells)
    print("\n".join(lines))
    missing = sum(replicates - cell.replicates for cell in cells.values())
    print(f"{len(cells)} cells of {replicates} clinics, {missing} intervals refused, {outside} cells outside the band")
    return 0 if cells and not outside and not missing else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
