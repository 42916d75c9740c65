"""Gate row `falsification_power`: how often the falsification panel speaks when it should, and when it should not.

Aims: does the panel see confounding that nobody measured, and stay quiet without it? Data: synthetic clinics of 300 episodes with
confounding by severity and chronicity, pain-driven switching and informative drop-out; once as they are, and once with an
unmeasured cause of prescription and recovery that marks the negative controls. Estimands: the verdicts of each check and of the
panel. Performance: the share of clinics flagged. A check passes when it flags no more clean clinics than 5 % and the Monte-Carlo
error that goes with it, one-sided, Bonferroni at 1 % over the checks, and could be asked in nearly every clinic; the panel when
it flags at least 80 % of the planted ones. The bias that the unmeasured cause leaves at week 12 is printed beside.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from statistics import NormalDist

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}  # two workers share two cores; read when NumPy loads

import numpy as np

from tendon_outcomes.analysis.strategies.assemble import assemble_trials
from tendon_outcomes.analysis.strategies.falsification import falsification, panel
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.analysis.strategies.week_twelve import compare, limits
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations import Estimand, declare, load_protocol, resolve, shipped
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinics
from tests.simulation.clinic_records import everyone, records_of

EPISODES, BATCH = 300, 25
PANEL, BIAS = "panel", "difference"
LEAST_FLAGGED, MOST_FLAGGED, LEAST_ASKED = 0.80, 0.05, 0.95
KINDS = {"clean": ClinicSettings.confounded(), "planted": ClinicSettings.confounded().with_unmeasured()}
Found = tuple[dict[str, str], float]
"""The verdict of each check and of the panel, and the weighted difference at week 12."""


@dataclass
class Tally:
    """Verdicts over the clinics of one kind."""

    verdicts: dict[str, Counter[str]] = field(default_factory=dict)
    differences: list[float] = field(default_factory=list)

    def add(self, found: Found) -> None:
        for name, verdict in found[0].items():
            self.verdicts.setdefault(name, Counter())[verdict] += 1
        self.differences.append(found[1])

    def share(self, name: str, verdict: str = "fails") -> float:
        """Of the clinics in which it could be asked; of all, when the verdict is that it could not."""
        counted = self.verdicts[name]
        all_ = counted.total() if verdict == "cannot be asked" else counted["passes"] + counted["fails"]
        return counted[verdict] / all_ if all_ else 0.0

    @property
    def difference(self) -> float:
        return float(np.nanmean(self.differences))


@lru_cache(maxsize=1)
def asked() -> Estimand:
    """The shipped question, asked of every episode: eligibility does not depend on the outcome."""
    declared = declare()
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), declared)
    return replace(protocol.estimand("stretching_versus_loading"), population=everyone(declared))


def trials(kind: str, batch: int, clinics: int) -> Iterator[Trial]:
    """The trials of one batch of clinics."""
    drawn = simulate_clinics(clinics, EPISODES, seed=70_000 + batch, settings=KINDS[kind])
    estimand = asked()
    cohort = assemble_cohort(records_of(drawn.tables, declare()), estimand.population)
    follow_up = ascertain(cohort, estimand.endpoint, horizon_weeks=estimand.horizon_weeks)
    yield from assemble_trials(cohort, follow_up, estimand, by="site_id").values()


def run(kind: str, batch: int, clinics: int) -> list[Found]:
    np.seterr(all="ignore")
    return [_one(trial) for trial in trials(kind, batch, clinics)]


def _one(trial: Trial) -> Found:
    found = compare(trial)
    checks = falsification(trial, seed=5, found=found)
    verdicts = {one.id: one.verdict for one in checks}
    flagged = "fails" if panel(checks) == "fails" else "passes"
    try:
        difference = limits(found.means())[0]
    except EstimationRefused:
        difference = float("nan")
    return verdicts | {PANEL: flagged}, difference


def report(tallies: dict[str, Tally], clinics: int) -> tuple[list[str], bool]:
    """The table, and whether everything holds."""
    clean, planted = tallies["clean"], tallies["planted"]
    checks = [name for name in clean.verdicts if name != PANEL]
    z = NormalDist().inv_cdf(1 - 0.01 / len(checks))
    most = MOST_FLAGGED + z * np.sqrt(MOST_FLAGGED * (1 - MOST_FLAGGED) / clinics)
    lines, sound = [f"{'check':28} {'not asked':>9} {'clean':>7} {'planted':>8}  clean at most {most:.3f}"], True
    for name in (*checks, PANEL):
        false, missing = clean.share(name), clean.share(name, "cannot be asked")
        wrong = name != PANEL and (false > most or missing > 1 - LEAST_ASKED)
        wrong |= name == PANEL and planted.share(name) < LEAST_FLAGGED
        sound &= not wrong
        lines.append(f"{name:28} {missing:9.3f} {false:7.3f} {planted.share(name):8.3f}{'  OUTSIDE' if wrong else ''}")
    lines.append(f"weighted difference at week 12: clean {clean.difference:+.3f}, planted {planted.difference:+.3f}")
    return lines, sound


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 clinics of each kind instead of 500")
    clinics = 100 if parser.parse_args(arguments).quick else 500
    tallies = {kind: Tally() for kind in KINDS}
    with ProcessPoolExecutor(max_workers=2) as pool:
        for kind, tally in tallies.items():
            batches = range(clinics // BATCH)
            for found in pool.map(run, [kind] * len(batches), batches, [BATCH] * len(batches)):
                for one in found:
                    tally.add(one)
                print(f"{kind}: {len(tally.differences)} of {clinics}", file=sys.stderr)
    lines, sound = report(tallies, clinics)
    print("\n".join(lines))
    worst = max(tallies["clean"].share(name) for name in tallies["clean"].verdicts if name != PANEL)
    print(f"planted flagged {tallies['planted'].share(PANEL):.1%}, clean at most {worst:.1%} per check, {clinics} clinics")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
