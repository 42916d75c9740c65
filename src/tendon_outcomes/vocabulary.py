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
