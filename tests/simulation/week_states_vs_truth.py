"""Gate row `week_states_vs_truth`: week states and strategies against what synthetic runners truly did.

Weeks: in a clinic that logs everything, the state of every whole week of follow-up is the true one. In clinics that log less, a
week that nobody logged is U whatever was done in it, and a logged week is right. Weeks after the follow-up are U. Where the log
tells, stretching sessions, minutes and the stage are the true ones too.

Strategies: `classify_strategies` gives what a second reading of the domain model gives, written below in plain Python over lists
of weeks, with its own numbers, from the true states of the logged weeks; with the window cut at the end of follow-up, and again
at recovery or a competing event.

Each threshold is then moved in the regimen alone: the states or labels must differ from the truth, or the clinics could not have
shown that it is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass, replace

import polars as pl
from clinic_records import everyone, records_of

from tendon_outcomes.cohort import assemble_cohort
from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.cohort.exposure.strategies import classify_strategies
from tendon_outcomes.cohort.exposure.weeks import PersonWeeks, person_weeks
from tendon_outcomes.declarations import RegimenVersion, declare
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinics
from tendon_outcomes.synthetic.latent import NEVER

CLINICS = 10
WEEKS = 36  # two more than the longest follow-up
COMPLETE = ClinicSettings.complete_log()
LOGS = {
    "complete log": COMPLETE,
    "complete log, diligent, quick to switch": replace(COMPLETE, adherence_mean=0.93, switch_per_week=0.9),
    "usual log, and the weekly question": ClinicSettings(),
    "usual log, no question": replace(ClinicSettings(), exercise_asked=False),
    "thin log, also after recovery": replace(
        ClinicSettings(), weeks_logged_share=0.7, weeks_logged_drop_per_pain_point=0.05, weeks_logged_recovered_share=0.3
    ),
    "log without reports, loss 55 %": replace(ClinicSettings.visits_only(), lost_by_week_12=0.55),
    "visit notes, no log": ClinicSettings.visit_notes(),
    "visit notes every 2 weeks": replace(ClinicSettings.visit_notes(), visit_weeks=tuple(range(0, 35, 2)), adherence_mean=0.93),
}


@dataclass(frozen=True)
class Clinic:
    """One clinic's cohort and its truth. `truth` has what the export tells: `told`, the true state or U, and `told_stage`."""

    complete: bool
    cohort: Cohort
    truth: pl.DataFrame
    until: dict[str, pl.DataFrame]


def clinic(settings: ClinicSettings, episodes: int, seed: int) -> Clinic:
    made = simulate_clinics(CLINICS, episodes, seed=seed, settings=settings)
    declared = declare()
    cohort = assemble_cohort(records_of(made.tables, declared), everyone(declared))
    truth = made.truth_weeks.with_columns(
        pl.when("logged").then("true_state").otherwise(pl.lit("U")).alias("told"),
        pl.when(pl.col("logged") & (settings.weeks_logged_share > 0)).then("stage").alias("told_stage"),  # no note tells it
    )
    whole_weeks = truth.group_by("episode_id").agg((7 * pl.col("week").max()).alias("until_day"))
    ends = made.truth_episodes.join(whole_weeks, on="episode_id", how="left").with_columns(pl.col("until_day").fill_null(0))
    sooner = pl.min_horizontal("until_day", pl.col("true_pfr_day").fill_null(NEVER), pl.col("competing_day").fill_null(NEVER))
    until = {
        "end": ends.select("episode_id", "until_day"),
        "recovery": ends.select("episode_id", sooner.alias("until_day")),
    }
    return Clinic(settings.weeks_logged_share == 1.0, cohort, truth, until)


# --- Weeks


def wrong_weeks(one: Clinic, weeks: PersonWeeks) -> dict[str, int]:
    """How many weeks break each sentence."""
    both = one.truth.join(weeks.frame, on=["episode_id", "week"], how="left", suffix="_found")
    last = one.truth.group_by("episode_id").agg(pl.col("week").max().alias("last"))
    rest = weeks.frame.join(last, on="episode_id", how="left").filter(pl.col("week") > pl.col("last").fill_null(0) + 1)
    logged, state = pl.col("logged"), pl.col("state").fill_null("missing")
    from_log = both.filter(pl.col("known_from") == "log")
    same = [pl.col(name).eq_missing(pl.col(f"{name}_found")) for name in ("n_stretching", "stage")]
    same.append((pl.col("stretch_minutes") - pl.col("stretch_minutes_found")).abs() < 0.01)
    return {
        "logged and wrong": both.filter(logged & (state != pl.col("true_state"))).height,
        "not logged and not U": both.filter(~logged & (state != "U")).height,
        "after the end and not U": rest.filter(state != "U").height,
        "counted wrongly": from_log.filter(~pl.all_horizontal(same).fill_null(value=False)).height,
        "not logged in a complete log": both.filter(~logged).height if one.complete else 0,
    }


# --- Strategies, read a second time


def second_reading(states: list[str], stages: list[int]) -> str:
    """The strategy of the weeks of a window, from week 1; `stages` has the highest loading stage of each as logged, or 0."""
    window = len(states)
    known = [(number, state) for number, state in enumerate(states, start=1) if state != "U"]
    if window < 4 or (window - len(known)) / window > 0.40:
        return "X"
    if is_loading_led(states, known):
        return "A"
    if share(known, "B") >= 0.50:
        return "D"
    if any(switches_in(known, week) for week in (4, 6, 8)):
        return "C"
    if is_stretching_led(known, stages):
        return "B"
    if share(known, "N") >= 0.75:
        return "E"
    return "X"


def is_loading_led(states: list[str], known: list[tuple[int, str]]) -> bool:
    """It starts by day 14, which is in week 2 at the latest; three quarters of the known weeks; no stretching from week 3 on."""
    starts = [number for number, state in known if state in "LB"]
    stretches_later = any(state in "SB" for state in states[2:])
    return bool(starts) and starts[0] <= 2 and share(known, "L") >= 0.75 and not stretches_later


def switches_in(known: list[tuple[int, str]], week: int) -> bool:
    """Stretching in 60 % of the known weeks before, loading in 75 % of those from this week on; two known weeks on each side."""
    before = [one for one in known if one[0] < week]
    after = [one for one in known if one[0] >= week]
    return len(before) >= 2 and len(after) >= 2 and share(before, "S") >= 0.60 and share(after, "L") >= 0.75


def is_stretching_led(known: list[tuple[int, str]], stages: list[int]) -> bool:
    """It starts by day 14, goes on in half of the known weeks, and nothing above isometrics is done before week 6."""
    starts = [number for number, state in known if state in "SB"]
    loads_early = any(stage >= 2 for stage in stages[:5])
    return bool(starts) and starts[0] <= 2 and share(known, "SB") >= 0.50 and not loads_early


def share(weeks: list[tuple[int, str]], letters: str) -> float:
    return sum(state in letters for _, state in weeks) / len(weeks)


def expected_labels(one: Clinic, until: pl.DataFrame) -> dict[str, str]:
    within = one.truth.join(until, on="episode_id").filter(pl.col("week") <= 12, 7 * pl.col("week") <= pl.col("until_day"))
    by_episode = within.sort("episode_id", "week").group_by("episode_id").agg("told", pl.col("told_stage").fill_null(0))
    labels = dict.fromkeys(one.cohort.episodes["episode_id"], "X")
    return labels | {name: second_reading(states, stages) for name, states, stages in by_episode.iter_rows()}


def found_labels(weeks: PersonWeeks, until: pl.DataFrame) -> dict[str, str]:
    frame = classify_strategies(weeks, until=until).frame
    return dict(zip(frame["episode_id"], frame["strategy"], strict=True))


def wrong_labels(one: Clinic, weeks: PersonWeeks) -> tuple[int, Counter[str]]:
    """Over both ends of the window: labels that the second reading does not give, and how often it gives each."""
    wrong, given = 0, Counter[str]()
    for until in one.until.values():
        expected = expected_labels(one, until)
        found = found_labels(weeks, until)
        wrong += sum(found.get(name) != letter for name, letter in expected.items()) + len(found.keys() - expected.keys())
        given.update(expected.values())
    return wrong, given


# --- Moved thresholds


def moved(regimen: RegimenVersion, path: str, value: object) -> RegimenVersion:
    """The regimen with one number changed, by its place in regimens.toml."""
    name, *rest = path.split(".")
    inner = getattr(regimen, name)
    update = moved(inner, ".".join(rest), value) if rest else inner.model_copy(update={"value": value})
    return regimen.model_copy(update={name: update})


OF_WEEKS: dict[str, object] = {
    "loading.min_sessions": 1,
    "loading.min_sets": 2,
    "loading.min_stage": 2,
    "stretching.min_sessions": 4,
    "stretching.min_minutes": 4.0,
}
OF_STRATEGIES: dict[str, object] = {
    "window_weeks": 11,
    "strategy.max_unknown_share": 0.30,
    "strategy.min_weeks": 3,
    "strategy.loading_led.min_share": 0.80,
    "strategy.loading_led.start_by_day": 7,
    "strategy.combined.min_share": 0.55,
    "strategy.stretch_then_load.switch_weeks": (4, 6, 9),
    "strategy.stretch_then_load.min_share_before": 0.70,
    "strategy.stretch_then_load.min_share_after": 0.60,
    "strategy.stretch_then_load.min_known_weeks": 4,
    "strategy.stretching_led.start_by_day": 7,
    "strategy.stretching_led.late_stage": 1,
    "strategy.stretching_led.late_stage_from_week": 12,
    "strategy.stretching_led.min_share": 0.60,
    "strategy.modification_only.min_share": 0.80,
}


def planted(clinics: list[Clinic], regimen: RegimenVersion) -> dict[str, int]:
    """What is found wrong when one number of the regimen is moved, or when unlogged weeks are read as weeks of nothing."""
    found = {}
    for path, value in OF_WEEKS.items():
        other = moved(regimen, path, value)
        found[path] = sum(sum(wrong_weeks(one, person_weeks(one.cohort, other, weeks=WEEKS)).values()) for one in clinics)
    right = [person_weeks(one.cohort, regimen, weeks=WEEKS) for one in clinics]
    for path, value in OF_STRATEGIES.items():
        other = moved(regimen, path, value)
        found[path] = sum(wrong_labels(one, replace(weeks, regimen=other))[0] for one, weeks in zip(clinics, right, strict=True))
    nothing = [replace(weeks, frame=weeks.frame.with_columns(pl.col("state").replace("U", "N"))) for weeks in right]
    found["unlogged weeks read as weeks of nothing"] = sum(
        sum(wrong_weeks(one, weeks).values()) for one, weeks in zip(clinics, nothing, strict=True)
    )
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="clinics of 100 episodes instead of 300")
    episodes = 100 if parser.parse_args(arguments).quick else 300
    regimen = declare().regimen("1")
    made, wrong, weeks_read, labels_read = [], 0, 0, 0
    for number, (name, settings) in enumerate(LOGS.items()):
        one = clinic(settings, episodes, seed=3_000 + number)
        weeks = person_weeks(one.cohort, regimen, weeks=WEEKS)
        breaks = {sentence: count for sentence, count in wrong_weeks(one, weeks).items() if count}
        wrong_ones, given = wrong_labels(one, weeks)
        known = one.truth["logged"].mean()
        tally = " ".join(f"{letter} {given[letter]}" for letter in "ABCDEX")
        print(
            f"{name}: {one.truth.height} weeks, {known:.1%} logged, {breaks or 'all as they were'}; {tally}, {wrong_ones} wrong"
        )
        made.append(one)
        wrong += sum(breaks.values()) + wrong_ones
        weeks_read, labels_read = weeks_read + one.truth.height, labels_read + given.total()
    found = planted(made, regimen)
    for name, count in found.items():
        print(f"planted: {name}: {count} wrong")
    missed = sum(count == 0 for count in found.values())
    print(
        f"{weeks_read} weeks and {labels_read} labels over {len(LOGS)} logs: {wrong} wrong; "
        f"{len(found) - missed} of {len(found)} planted faults found"
    )
    return 0 if weeks_read and not wrong and not missed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
