"""Every reading of an endpoint side by side: each version, variation and confirmation, from one pass over the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.cohort.outcome.ascertain import FollowUp, Looks, Unconfirmed, eligible, from_looks, look
from tendon_outcomes.declarations import Endpoint, EndpointAsked
from tendon_outcomes.errors import NoUsableRows
from tendon_outcomes.results import Attrition
from tendon_outcomes.vocabulary import Code

AS_DECLARED = "as_declared"
"""The variation that varies nothing."""


@dataclass(frozen=True)
class Reading:
    """One way to read an endpoint: which version, with what varied, confirmed how, and what a last unconfirmed pass counts as."""

    version: str
    variation: str
    assessments: int
    days: int
    unconfirmed: Unconfirmed
    is_declared: bool
    endpoint: EndpointAsked


@dataclass(frozen=True)
class Cell:
    """One reading and what it makes of the cohort; `follow_up` is None where nobody can be followed to it."""

    reading: Reading
    follow_up: FollowUp | None
    attrition: Attrition


@dataclass(frozen=True)
class Multiverse:
    """All readings of some endpoints for one cohort and horizon."""

    cells: tuple[Cell, ...]
    horizon_weeks: int

    @property
    def table(self) -> pl.DataFrame:
        """One row a cell: the reading, n (followed), n_already (reached on day 0), n_not_assessable, n_events, n_competing,
        n_censored, n_lost, n_unconfirmed (last passes that nobody confirmed).
        """
        return pl.DataFrame([_counted(cell) for cell in self.cells], schema=_COUNTS)


_COUNTS = {
    "version": pl.String(),
    "variation": pl.String(),
    "assessments": pl.Int64(),
    "days": pl.Int64(),
    "unconfirmed": pl.String(),
    "is_declared": pl.Boolean(),
    "n": pl.Int64(),
    "n_not_assessable": pl.Int64(),
    "n_already": pl.Int64(),
    "n_events": pl.Int64(),
    "n_competing": pl.Int64(),
    "n_censored": pl.Int64(),
    "n_lost": pl.Int64(),
    "n_unconfirmed": pl.Int64(),
}


def multiverse(
    cohort: Cohort,
    endpoints: Sequence[Endpoint],
    *,
    horizon_weeks: int,
    unconfirmed: Sequence[Unconfirmed] = ("censor", "event"),
) -> Multiverse:
    """Ascertain every reading of the endpoints.

    Records are judged once for each version and variation; confirmations and the reading of a last unconfirmed pass are tried on
    the same looks. Each cell is what :func:`ascertain` gives for the endpoint of its reading.
    """
    cells: list[Cell] = []
    looks: dict[tuple[str, str], Looks] = {}
    for reading in readings(endpoints, unconfirmed, tendon=cohort.population.tendon.tendon):
        key = reading.version, reading.variation
        if key not in looks:
            looks = {key: look(cohort, reading.endpoint)}
        own = replace(looks[key], endpoint=reading.endpoint)
        cells.append(Cell(reading, _followed(own, reading, horizon_weeks), eligible(own)[1]))
    return Multiverse(tuple(cells), horizon_weeks)


def readings(
    endpoints: Sequence[Endpoint], unconfirmed: Sequence[Unconfirmed] = ("censor", "event"), *, tendon: str
) -> Iterator[Reading]:
    """Versions that can be asked of the tendon, as declared and in each variation, with each confirmation, the declared first."""
    for endpoint in endpoints:
        for key, version in endpoint.version.items():
            if version.tendons and tendon not in version.tendons:
                continue
            variants = {AS_DECLARED: version}
            for one in endpoint.variation:
                if key in one.versions:
                    variants[one.name] = version.varied(thresholds=one.thresholds, without=one.without)
            reference = f"{endpoint.endpoint}.{key}"
            for name, variant in variants.items():
                for confirmation in dict.fromkeys((version.confirmation, *endpoint.confirmations)):
                    read = variant.model_copy(update={"confirmation": confirmation})
                    asked = EndpointAsked(reference, endpoint.phrase, endpoint.not_yet, read, endpoint.relapse)
                    # Where one pass is enough there is no unconfirmed one, so both readings are the same.
                    once: tuple[Unconfirmed, ...] = ("censor",)
                    for last_pass in once if confirmation.assessments == 1 else unconfirmed:
                        declared = name == AS_DECLARED and confirmation == version.confirmation and last_pass == "censor"
                        how = confirmation.assessments, confirmation.days
                        yield Reading(reference, name, *how, last_pass, declared, asked)


def _followed(looks: Looks, reading: Reading, horizon_weeks: int) -> FollowUp | None:
    try:
        return from_looks(looks, horizon_weeks=horizon_weeks, unconfirmed=reading.unconfirmed)
    except NoUsableRows:
        return None


def _counted(cell: Cell) -> dict[str, object]:
    reading, follow_up = cell.reading, cell.follow_up
    row: dict[str, object] = {
        "version": reading.version,
        "variation": reading.variation,
        "assessments": reading.assessments,
        "days": reading.days,
        "unconfirmed": reading.unconfirmed,
        "is_declared": reading.is_declared,
        "n": cell.attrition.n_end,
        "n_not_assessable": cell.attrition.steps[-2].n_excluded,
        "n_already": cell.attrition.steps[-1].n_excluded,
    }
    if follow_up is None:
        return row
    code = follow_up.episodes["code"]
    return row | {
        "n_events": int((code == Code.EVENT.value).sum()),
        "n_competing": int((code >= Code.SURGERY.value).sum()),
        "n_censored": int(code.is_between(Code.ADMINISTRATIVE.value, Code.WITHDREW.value).sum()),
        "n_lost": int((code == Code.LOST.value).sum()),
        "n_unconfirmed": int(follow_up.episodes["unconfirmed"].sum()),
    }
