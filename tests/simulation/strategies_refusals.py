"""Gate row `strategies_refusals`: records that cannot compare the strategies are refused, with what would do; sound ones are not.

Synthetic clinics of five designs. Too few: 40 runners of the two strategies with 6 events. No overlap: severity alone decides the
prescription. Unlogged: of at least 60 % of the weeks nobody knows what was done. One arm: hardly anybody was prescribed
stretching. Sound: the confounded clinic of 300 that the estimators are verified on. Each refusal has the right code, with
the number that would do as a second computation below has it, and no row may hold the contrast that was refused; the sound
clinics get the comparison of what was prescribed and of what was done at weeks 8 and 12, the latter but for weeks in which the
weights of the clones leave too few. Of unfit clinics none may pass; of 60 sound ones one may be refused: with 300 runners the
range of propensities that both strategies share is now and then short by chance.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import polars as pl

from tendon_outcomes.analysis.strategies.assemble import assemble_trials
from tendon_outcomes.analysis.strategies.design import DESIGN, Design, examine
from tendon_outcomes.analysis.strategies.point_treatment import point_treatment, unadjusted
from tendon_outcomes.analysis.strategies.sustained import sustained
from tendon_outcomes.analysis.strategies.trial import Trial
from tendon_outcomes.cohort import FollowUp, ascertain, assemble_cohort
from tendon_outcomes.declarations import Estimand, declare, load_protocol, resolve, shipped
from tendon_outcomes.results import WOULD_DO, Row
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinics
from tests.simulation.clinic_records import everyone, records_of

SOUND = ClinicSettings.confounded()
NO_OVERLAP = replace(SOUND, stretching_log_odds_per_10_visa=25.0)
UNLOGGED = replace(SOUND, weeks_logged_share=0.30, exercise_asked=False)
SOUND_TO_ONE_REFUSED = 60
ONE_ARM = replace(SOUND, strategy_shares=(0.60, 0.03, 0.20, 0.17))


@dataclass(frozen=True)
class Case:
    """One design: how its trials are made, what has to be refused and said, and what must not be given."""

    settings: ClinicSettings
    codes: tuple[str, ...]
    refused: tuple[str, ...]
    needed: Callable[[Design], str] | None = None
    few: bool = False


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 clinics a design instead of 20, and of 60 sound ones")
    quick = parser.parse_args(arguments).quick
    print(f"{'design':12} {'clinics':>7} {'right':>6}  said of the first clinic")
    allowed = wrong = total = 0
    for name, case in CASES.items():
        faults, example = [], ""
        clinics = 3 if quick else 20 if case.codes else 60
        for trial in trials(case, clinics):
            made = examine(trial)
            found = fault(case, made)
            faults += [found] if found else []
            example = example or said(case, made)
        spared = 0 if case.codes else min(len(faults), clinics // SOUND_TO_ONE_REFUSED)
        allowed, wrong, total = allowed + spared, wrong + len(faults) - spared, total + clinics
        print(f"{name:12} {clinics:7} {clinics - len(faults):6}  {example}")
        for one in sorted(set(faults)):
            print(f"{'':12} WRONG: {one}")
    print(f"{total} clinics, {wrong} not refused or given as they should be, {allowed} of the sound refused that may be")
    return 1 if wrong else 0


def trials(case: Case, clinics: int) -> Iterator[Trial]:
    """The trials of a design."""
    drawn = simulate_clinics(clinics, 300, seed=7_100, settings=case.settings)
    estimand = asked()
    cohort = assemble_cohort(records_of(drawn.tables, declare()), estimand.population)
    follow_up = ascertain(cohort, estimand.endpoint, horizon_weeks=estimand.horizon_weeks)
    for trial in assemble_trials(cohort, follow_up, estimand, by="site_id").values():
        yield few_of(trial) if case.few else trial


@lru_cache(maxsize=1)
def asked() -> Estimand:
    declared = declare()
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), declared)
    return replace(protocol.estimand("stretching_versus_loading"), population=everyone(declared))


def few_of(trial: Trial) -> Trial:
    """40 runners of the two strategies with 6 events, assembled from the records as any other clinic."""
    data, arms = trial.data, np.isin(trial.treatment, (0, 1))
    with_event, without = np.flatnonzero(arms & (data.cause == 1))[:6], np.flatnonzero(arms & (data.cause != 1))[:34]
    chosen = trial.episode_id.gather(np.sort(np.concatenate([with_event, without])))
    own = pl.col("episode_id").is_in(chosen.implode())
    cohort = replace(
        trial.cohort,
        episodes=trial.cohort.episodes.filter(own),
        tables={name: table.filter(own) for name, table in trial.cohort.tables.items()},
    )
    part: FollowUp = ascertain(cohort, trial.estimand.endpoint, horizon_weeks=trial.estimand.horizon_weeks)
    return assemble_trials(cohort, part, trial.estimand)["all"]


def given(made: Design) -> list[Row]:
    """Every row of the comparison."""
    return [*made.rows, *unadjusted(made), *point_treatment(made), *sustained(made)]


def fault(case: Case, made: Design) -> str:
    """What is not as it should be; empty when all is."""
    rows = given(made)
    refusals = [row for row in rows if row.statistic == "refusal"]
    contrasts = {(row.term, row.day) for row in rows if row.statistic == "incidence_difference"}
    if not case.codes:
        return _fault_of_sound(made, refusals, contrasts)
    if not any(row.term in case.codes for row in refusals):
        return f"no refusal {' or '.join(case.codes)}; refused {sorted({row.term for row in refusals})}"
    kept = sorted({term for term, _ in contrasts if term in case.refused})
    if kept:
        return f"refused, and given all the same: {', '.join(kept)}"
    words = said(case, made)
    if case.needed is not None and case.needed(made) not in words:
        return "the number that would do is not the one computed here"
    return "" if WOULD_DO in words or "instead" in words else "nothing is said of what would do"


def _fault_of_sound(made: Design, refusals: list[Row], contrasts: set[tuple[str, int | None]]) -> str:
    """The design refuses nothing, and both comparisons are given, but for a week in which the clones' weights leave too few."""
    codes = sorted({row.term for row in refusals if row.estimator == DESIGN})
    if codes:
        return f"the design of a sound clinic refused {', '.join(codes)}"
    thin = {row.day for row in refusals if row.term == "effective_size"}
    wanted = {("point treatment", day) for day in (56, 84)} | {("primary", day) for day in (56, 84) if day not in thin}
    missing = sorted(wanted - contrasts)
    why = sorted({row.warning for row in refusals if row.term == "not_estimated"}) if missing else []
    return f"a sound clinic was not given {missing}: {'; '.join(why)}" if missing else ""


def said(case: Case, made: Design) -> str:
    """The words of the refusal that the design asks for."""
    return next((row.warning for row in made.rows if row.term in case.codes and row.statistic == "refusal"), "sound: compared")


def enough_events(made: Design) -> str:
    """As many runners as bring ten events to the strategy with fewer; 60 at least. With none seen, 3 in n are expected."""
    trial = made.trial
    arms = [trial.treatment == arm for arm in (0, 1)]
    fewest = min(int(np.sum(trial.data.cause[arm] == 1)) for arm in arms)
    return str(max(60, math.ceil(sum(int(arm.sum()) for arm in arms) * 10 / (fewest or 3))))


def enough_weeks(made: Design) -> str:
    """So many of the unknown weeks more have to be logged that 40 % remain."""
    sample, weeks = made.trial.sample, 12
    last = np.where(sample.cause == 0, sample.left, np.minimum(sample.right, sample.weeks)).astype(int)
    counted = [(sample.state[i, k] < 0) for i in range(sample.n) for k in range(min(weeks, last[i]))]
    return f"{sum(counted) - math.floor(0.4 * len(counted))} more logged weeks"


CASES = {
    "too few": Case(SOUND, ("descriptive_only",), ("unadjusted", "point treatment", "primary"), enough_events, few=True),
    "no overlap": Case(NO_OVERLAP, ("no_overlap", "positivity"), ("primary",)),
    "unlogged": Case(UNLOGGED, ("unlogged",), ("primary", "agreement"), enough_weeks),
    "one arm": Case(ONE_ARM, ("descriptive_only", "per_parameter"), ("unadjusted", "point treatment", "primary")),
    "sound": Case(SOUND, (), ()),
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
