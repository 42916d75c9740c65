"""The few words that code branches on. Everything else that people decide is a TOML line."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Code(IntEnum):
    """How the follow-up of an episode ended (0 event, 1-9 censored, 11 and above competing)."""

    EVENT = 0
    ADMINISTRATIVE = 1
    LOST = 2
    WITHDREW = 3
    SURGERY = 11
    PRP = 12
    CORTICOSTEROID_INJECTION = 13
    ESWT = 14
    OTHER_INJURY = 15
    STOPPED_RUNNING = 16
    PREGNANCY_ILLNESS = 17
    RUPTURE = 18
    DEATH = 19

    @property
    def is_competing(self) -> bool:
        return self >= Code.SURGERY

    @property
    def is_censoring(self) -> bool:
        return Code.EVENT < self < Code.SURGERY


class Status(StrEnum):
    """What one assessment says about the endpoint."""

    PASSES = "passes"
    FAILS = "fails"
    UNKNOWN = "unknown"
    VOID = "void"


class State(StrEnum):
    """Where an episode stands between moves. Competing events are absorbing and have their `Code`."""

    SYMPTOMATIC = "symptomatic"
    PAIN_FREE = "pain_free"


class Tier(StrEnum):
    """Who may read a result: inside the clinic, or anybody."""

    INTERNAL = "internal"
    SHAREABLE = "shareable"


class Verdict(StrEnum):
    """The answer of a declared decision rule."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    NOT_ANSWERED = "not answered"


class OnReject(StrEnum):
    """What to do when rows break rules: stop, or go on without them and count them."""

    STOP = "stop"
    EXCLUDE = "exclude"


class WeekState(StrEnum):
    """What was done for the injured tendon in one week. UNKNOWN is not NEITHER: a week that nobody logged is no week of rest."""

    LOADING = "L"
    STRETCHING = "S"
    BOTH = "B"
    NEITHER = "N"
    UNKNOWN = "U"


class Strategy(StrEnum):
    """What a series of weeks amounts to: a description over a window, not a baseline value."""

    LOADING_LED = "loading_led"
    STRETCHING_LED = "stretching_led"
    STRETCH_THEN_LOAD = "stretch_then_load"
    COMBINED = "combined"
    MODIFICATION_ONLY = "modification_only"
    UNCLASSIFIABLE = "unclassifiable"

    @property
    def letter(self) -> str:
        """The short name in tables: A to E, and X."""
        return dict(zip(Strategy, "ABCDEX", strict=True))[self]
