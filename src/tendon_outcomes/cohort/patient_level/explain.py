"""Why an episode counts as it does: every derivation of one endpoint as a numbered story with the records behind it.

The story shows what was recorded of one runner. It belongs to the internal tier and never leaves the clinic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort, assemble_cohort, select_episodes
from tendon_outcomes.cohort.outcome.ascertain import FollowUp, ascertain
from tendon_outcomes.cohort.outcome.endings import endings_of
from tendon_outcomes.cohort.outcome.histories import histories
from tendon_outcomes.cohort.patient_level.told_looks import Step, asked, told_looks, words
from tendon_outcomes.cohort.phenotype import PHENOTYPE
from tendon_outcomes.cohort.recurrence import SAME_TENDON
from tendon_outcomes.declarations import EndpointAsked, Population
from tendon_outcomes.errors import NoUsableRows, WrongUse
from tendon_outcomes.records import RECORD_ID, ValidatedRecords
from tendon_outcomes.vocabulary import Code, State

_SAYS = {
    Code.ADMINISTRATIVE: "follow-up ended as planned",
    Code.LOST: "lost to follow-up",
    Code.WITHDREW: "withdrew or went elsewhere",
    Code.SURGERY: "an operation",
    Code.PRP: "an injection of platelet-rich plasma or whole blood",
    Code.CORTICOSTEROID_INJECTION: "a corticosteroid injection",
    Code.ESWT: "shock-wave therapy",
    Code.OTHER_INJURY: "another injury that stopped the running",
    Code.STOPPED_RUNNING: "giving up running for a reason that is not an injury",
    Code.PREGNANCY_ILLNESS: "pregnancy or illness",
    Code.RUPTURE: "rupture of the tendon",
    Code.DEATH: "death",
}
_GOES_ON = "it continues an earlier episode, or how long after that one it began is not recorded"


@dataclass(frozen=True)
class Story:
    """Why one episode counts as it does for one endpoint."""

    episode_id: str
    endpoint: str
    answer: str
    steps: tuple[Step, ...]
    words: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The story for a program."""
        return asdict(self)

    def text(self) -> str:
        """The story as numbered lines."""
        lines = [f"{self.episode_id}, {self.endpoint}: {self.answer}"]
        for number, step in enumerate(self.steps, start=1):
            day = "" if step.day is None else f"day {step.day}: "
            source = f"  [{', '.join(step.records)}]" if step.records else ""
            lines.append(f"{number:>3}. {day}{step.says}{source}")
        return "\n".join([*lines, *(f"     {name}: {says}" for name, says in self.words.items())])


def explain(
    records: ValidatedRecords, population: Population, endpoint: EndpointAsked, *, episode_id: str, horizon_weeks: int
) -> Story:
    """Tell how the endpoint of one episode was derived, from the same functions that derive it for everybody.

    1. Whether the episode is in the population, and by which criterion not.
    2. What the definition asks, and every look in its order: what was recorded, and which criteria failed or could not be judged.
    3. The run of passes that counts, its confirmation, what ended follow-up, and the interval that follows.
    4. What came after, where the endpoint declares a relapse.

    Raises
    ------
    WrongUse
        There is no such episode on record.
    """
    own = _alone(records, episode_id)
    story = Story(episode_id, endpoint.reference, "", ())
    in_cohort, belongs = _selection(records, own, population, episode_id)
    if not belongs:
        return replace(story, answer="not in the population", steps=in_cohort)
    cohort = assemble_cohort(own, replace(population, recurrence_gap_days=0))
    looks = [asked(endpoint.version), *told_looks(cohort, endpoint.version)]
    try:
        follow_up = ascertain(cohort, endpoint, horizon_weeks=horizon_weeks)
    except NoUsableRows:
        why = Step(
            f"{endpoint.phrase} had been reached on day 0, or a day-0 value that it is measured against is missing or leaves no "
            "room for it: the episode is not followed to this endpoint, and is counted in the flow"
        )
        steps = (*in_cohort, *looks, why)
        return replace(story, answer="not followed to this endpoint", steps=steps, words=words(endpoint.version, looks))
    settled = follow_up.episodes["confirmed_day"].item()
    looks = [asked(endpoint.version), *told_looks(cohort, endpoint.version, in_full_until=settled)]
    steps = (
        *in_cohort,
        *looks,
        *_derivation(cohort, follow_up),
        *_path(cohort, follow_up, gap_days=population.recurrence_gap_days),
    )
    return replace(story, answer=_answer(follow_up), steps=steps, words=words(endpoint.version, looks))


def _alone(records: ValidatedRecords, episode_id: str) -> ValidatedRecords:
    tables = {name: table.filter(pl.col("episode_id") == episode_id) for name, table in records.tables.items()}
    if tables["episode"].is_empty():
        raise WrongUse(
            "there is no such episode in this snapshot",
            way_out="Give an episode_id of the episode table, as the clinic's pseudonym is written there.",
        )
    return replace(records, tables=tables)


def one_episode(records: ValidatedRecords, population: Population, episode_id: str) -> tuple[ValidatedRecords, Population]:
    """The records of one episode, and the population with all its conditions but the tendon set aside.

    Raises
    ------
    WrongUse
        There is no such episode on record.
    """
    everyone = replace(
        population,
        criteria=(),
        phenotype=None,
        phenotypes=(),
        recurrence_gap_days=0,
        washout_procedures=(),
        excluded_procedures=(),
    )
    return _alone(records, episode_id), everyone


def _selection(
    records: ValidatedRecords, own: ValidatedRecords, population: Population, episode_id: str
) -> tuple[tuple[Step, ...], bool]:
    """The episode itself, and its class of diagnosis or the line of the flow that leaves it out; and whether it belongs."""
    row = own.table("episode").row(0, named=True)
    record = (row[RECORD_ID],)
    itself = Step(f"{row['tendon'].replace('_', ' ')}, {row['side']} side", 0, record)
    # Whether it goes on from an earlier episode is told by that one's records; the other conditions need only its own.
    same = records.table("episode").filter(pl.col(name) == row[name] for name in SAME_TENDON)
    family = pl.concat([same["episode_id"], pl.Series([row["previous_episode_id"]], dtype=pl.String)]).drop_nulls().unique()
    both = {name: table.filter(pl.col("episode_id").is_in(family.implode())) for name, table in records.tables.items()}
    kept, _ = select_episodes(replace(records, tables=both), population)
    if episode_id in kept["episode_id"].to_list():
        diagnosis = ""
        if population.phenotype is not None:
            given = kept.filter(pl.col("episode_id") == episode_id)[PHENOTYPE].item()
            diagnosis = f"; diagnosis {given} by rule {population.phenotype.reference}"
        return (itself, Step(f"in population {population.name}{diagnosis}", 0, record)), True
    reason = _first_reason(both, own, records, population, episode_id)
    return (itself, Step(f"left out of population {population.name}: {reason}", None, record)), False


def _first_reason(
    both: dict[str, pl.DataFrame], own: ValidatedRecords, records: ValidatedRecords, population: Population, episode_id: str
) -> str:
    """The line of the flow that leaves the episode out: the tendon is asked first, then whether it continues an earlier one."""
    _, of_its_own = select_episodes(own, replace(population, recurrence_gap_days=0))
    if of_its_own.steps[0].n_excluded:
        return of_its_own.steps[0].says
    _, everyone = one_episode(records, population, episode_id)
    gap_alone = replace(everyone, recurrence_gap_days=population.recurrence_gap_days)
    apart, flow = select_episodes(replace(records, tables=both), gap_alone)
    if episode_id not in apart["episode_id"].to_list():
        lines = [step.says for step in flow.steps[1:] if step.n_excluded]
        return lines[0] if len(lines) == 1 else _GOES_ON
    return next(step.says for step in of_its_own.steps if step.n_excluded)


def _derivation(cohort: Cohort, follow_up: FollowUp) -> Iterator[Step]:
    """The run that counts, its confirmation, and what ended follow-up."""
    row = follow_up.episodes.row(0, named=True)
    code, rule = Code(row["code"]), follow_up.endpoint.version.confirmation
    if not row["assessed_at_start"]:
        yield Step("there is no assessment on day 0; day 0 stands as the last day on which it had not been reached")
    if code is Code.EVENT:
        if row["left_record"]:
            yield Step("the last assessment that fails before the run that counts", row["left"], _ids(row["left_record"]))
        yield Step("the first pass of the run that counts", row["right"], _ids(row["right_record"]))
        if rule.assessments > 1:
            says = f"confirmed: {rule.days} days or more after the first pass, with no failing assessment between"
            yield Step(says, row["confirmed_day"], _ids(row["confirming_record"]))
        return
    if row["unconfirmed"]:
        yield Step(
            f"the last assessments pass, and none {rule.days} days after their first one confirms them: they prove nothing yet"
        )
    if row["left_record"] and not code.is_competing:
        yield Step("the last assessment that fails", row["last_failing"], _ids(row["left_record"]))
    if code.is_competing:
        yield Step(f"{_SAYS[code]} comes before the endpoint, on its exact day", row["right"], _ids(row["competing_record"]))
    else:
        yield _why_censored(cohort, follow_up)


def _why_censored(cohort: Cohort, follow_up: FollowUp) -> Step:
    """The recorded end, or what the silence before the end comes to."""
    row = follow_up.episodes.row(0, named=True)
    code, gap, horizon = Code(row["code"]), follow_up.endpoint.version.max_gap_days, follow_up.horizon_days
    reason = endings_of(cohort).reasons.filter(pl.col("ending_day") <= horizon)
    heard = row["last_contact"]
    if reason.height:
        end, recorded = reason["ending_day"].item(), Code(reason["ending_code"].item())
        stands = recorded is code
        silence = f"; nothing was heard in the {gap} days before it, so it counts as lost" if not stands else ""
        seen = (
            f"; but something was heard on day {heard}, so that it is not lost"
            if recorded is Code.LOST and not stands
            else silence
        )
        return Step(f"on record is the end of follow-up: {_SAYS[recorded]}{seen}", end, _ids(row["ending_record"]))
    if code is Code.LOST:
        return Step(
            f"no end is on record by the horizon (day {horizon}), and nothing was heard in the {gap} days before it", heard
        )
    return Step(f"no end is on record by the horizon (day {horizon}), and something was heard in the {gap} days before it", heard)


def _path(cohort: Cohort, follow_up: FollowUp, *, gap_days: int) -> Iterator[Step]:
    """Relapses and later recoveries."""
    if follow_up.endpoint.relapse is None:
        return
    moves = histories(cohort, follow_up, gap_days=gap_days).transitions.filter(
        pl.col("to_state").is_not_null(), pl.col("number") > 1
    )
    words = {State.PAIN_FREE.value: "pain-free again", State.SYMPTOMATIC.value: "relapse: symptomatic again"}
    for row in moves.iter_rows(named=True):
        says = f"{words[row['to_state']]}, after day {row['left']} and no later than day {row['right']}"
        yield Step(says, row["right"], (*_ids(row["left_record"]), *_ids(row["right_record"])))


def _answer(follow_up: FollowUp) -> str:
    row = follow_up.episodes.row(0, named=True)
    code, phrase = Code(row["code"]), follow_up.endpoint.phrase
    if code is Code.EVENT:
        return f"{phrase} reached after day {row['left']} and no later than day {row['right']} (code 0)"
    if code.is_competing:
        return f"{phrase} not reached before {_SAYS[code]} on day {row['right']} (code {code.value})"
    return f"{phrase} not reached up to day {row['left']}; then censored: {_SAYS[code]} (code {code.value})"


def _ids(record: str | None) -> tuple[str, ...]:
    return tuple(record.split(";")) if record else ()
