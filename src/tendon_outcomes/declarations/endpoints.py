"""What counts as recovery: versioned definitions made of criteria, confirmation and voids."""

from __future__ import annotations

from pydantic import Field

from tendon_outcomes.declarations.criteria import Criterion
from tendon_outcomes.declarations.instruments import Threshold
from tendon_outcomes.declarations.loading import Declared
from tendon_outcomes.declarations.tables import SourceStatus


class Confirmation(Declared):
    """How often and how far apart the definition must hold, with no failing assessment between. `assessments = 1`: once."""

    assessments: int = Field(default=1, ge=1, le=2)
    days: int = Field(default=0, ge=0)


class EndpointVersion(Declared):
    """One definition. `assessed_in` names the tables whose rows are assessments.

    `change_since_day_0`: nobody has reached it on day 0, by its very meaning, so that day 0 need not be assessed.
    """

    title: str
    says: str
    assessed_in: tuple[str, ...]
    criterion: tuple[Criterion, ...]
    void_when: tuple[Criterion, ...] = ()
    confirmation: Confirmation = Confirmation()
    change_since_day_0: bool = False
    max_gap_days: int = Field(default=42, ge=1)
    threshold: tuple[Threshold, ...] = ()
    cannot_show: tuple[str, ...] = ()
    source: str
    status: SourceStatus


class Endpoint(Declared):
    """An endpoint and its versions, which are asked for as `name.version`."""

    endpoint: str
    phrase: str
    not_yet: str
    version: dict[str, EndpointVersion]
