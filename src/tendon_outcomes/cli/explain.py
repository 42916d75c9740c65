"""One episode told and drawn: internal tier only, whatever else a study publishes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tendon_outcomes.cli.study import REGIMEN, Study, refuse_own_rooms
from tendon_outcomes.cli.terminal import Say
from tendon_outcomes.cohort.assemble import assemble_cohort
from tendon_outcomes.cohort.exposure.weeks import person_weeks
from tendon_outcomes.cohort.outcome.ascertain import FollowUp, ascertain
from tendon_outcomes.cohort.patient_level.explain import Story, explain, one_episode
from tendon_outcomes.cohort.patient_level.timeline import timeline_marks
from tendon_outcomes.declarations import Estimand, declare, endpoint_asked, load_protocol
from tendon_outcomes.errors import NoUsableRows
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.reporting.timeline import draw_timeline
from tendon_outcomes.snapshots import open_snapshot, write_all

PATIENT_LEVEL = "Patient-level: keep it in the clinic."


def questions(study: Study, endpoint: str | None) -> list[Estimand]:
    """The protocol's questions, or its first one asked of another definition."""
    estimands = list(study.protocol().questions)
    if endpoint is None:
        return estimands
    known = declare().for_study(load_protocol(study.protocol_file))
    return [replace(estimands[0], endpoint=endpoint_asked(known, endpoint))]


def stories(records: ValidatedRecords, asked: list[Estimand], episode_id: str, say: Say) -> list[Story]:
    """The story of one episode for each question."""
    told = []
    for one in asked:
        say(f"endpoint {one.endpoint.reference}")
        told.append(explain(records, one.population, one.endpoint, episode_id=episode_id, horizon_weeks=one.horizon_weeks))
    return told


def draw(records: ValidatedRecords, asked: list[Estimand], episode_id: str, target: Path, *, force: bool) -> Path:
    """Write the timeline of one episode as SVG, whether or not it is in the population.

    Raises
    ------
    WrongUse
        The file would stand among a study's own.
    """
    refuse_own_rooms(target)
    own, open_to_all = one_episode(records, asked[0].population, episode_id)
    tendon = declare().tendons[own.table("episode")["tendon"].item()]
    cohort = assemble_cohort(own, replace(open_to_all, tendon=tendon))
    follow_ups: list[FollowUp] = []
    for one in asked:
        try:
            follow_ups.append(ascertain(cohort, one.endpoint, horizon_weeks=one.horizon_weeks))
        except NoUsableRows:  # reached on day 0: there is no interval to draw
            continue
    regimen = declare().regimen(REGIMEN)
    weeks = person_weeks(cohort, regimen, weeks=max(one.horizon_weeks for one in asked))
    svg = draw_timeline(timeline_marks(cohort, episode_id, follow_ups=follow_ups, weeks=weeks), title=f"Episode {episode_id}")
    write_all(target.parent, {target.name: svg}, force=force)
    return target


def opened(study: Study, snapshot: str | None) -> ValidatedRecords:
    """The records of a snapshot, the latest unless one is named."""
    return open_snapshot(study.folder, snapshot)[0]
