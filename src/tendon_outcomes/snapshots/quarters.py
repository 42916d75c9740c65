"""A quarter as it was reported: which snapshots stood behind it, under which protocol, and what it said of each cohort.

It is written once, when the quarter is first reported, and never again: a later snapshot, a snapshot dated back into the quarter
or an edited protocol changes none of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from tendon_outcomes.errors import VerificationFailed, WrongUse
from tendon_outcomes.snapshots.durable import atomic_folder, clear_partials, hidden
from tendon_outcomes.snapshots.lock import sha256_of

QUARTERS = "quarters"
QUARTER_FILE = "quarter.json"
FROZEN_PROTOCOL = "protocol.toml"
FORMAT = 1
_FORM = re.compile(r"\d{4}Q[1-4]")


@dataclass(frozen=True)
class LookRef:
    """One look of a frozen quarter. `protocol_sha256` is "" where the look's own quarter had not been reported before."""

    quarter: str
    as_of: str
    snapshot_id: str
    protocol_sha256: str


@dataclass(frozen=True)
class QuarterRef:
    """What a quarter's report was made from, and what it said.

    `before`: the quarters reported before it, whatever their order in time. `reported`: of each cohort its size, the improved and
    the unknown. `tells`: the totals and counts of what may be shared of it, which later reports must not stand too close to.
    """

    quarter: str
    looks: tuple[LookRef, ...]
    protocol_sha256: str
    declarations: str
    code: str
    analyses: str
    package_version: str
    before: tuple[str, ...] = ()
    reported: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    tells: dict[str, Any] = field(default_factory=lambda: {"totals": [], "counts": []})
    format: int = FORMAT


def quarter_of(day: date) -> str:
    """The calendar quarter of a day: "2026Q3"."""
    return f"{day.year:04d}Q{(day.month + 2) // 3}"


def quarter_named(text: str) -> str:
    """The quarter as it was given.

    Raises
    ------
    WrongUse
        It is not of the form 2026Q3.
    """
    if _FORM.fullmatch(text) is None:
        raise WrongUse("the quarter is not of the form 2026Q3", way_out="Give the year, the letter Q and 1 to 4.")
    return text


def frozen(study: Path) -> dict[str, QuarterRef]:
    """Every quarter that was reported, by its name, in the order of time.

    Raises
    ------
    VerificationFailed
        What was kept of one cannot be read, or its protocol is not the one that it names.
    """
    folders = sorted(path for path in (study / QUARTERS).glob("*") if not hidden(path))
    return {folder.name: read_quarter(folder) for folder in folders}


def read_quarter(folder: Path) -> QuarterRef:
    """What was kept of one quarter, checked against its protocol."""
    ref: QuarterRef | None = None
    with contextlib.suppress(ValueError, FileNotFoundError, NotADirectoryError, IsADirectoryError):
        ref = TypeAdapter(QuarterRef).validate_json((folder / QUARTER_FILE).read_bytes())
    protocol = folder / FROZEN_PROTOCOL
    sound = ref is not None and (ref.format, ref.quarter) == (FORMAT, folder.name) and bool(ref.looks)
    if ref is None or not sound or not protocol.is_file() or sha256_of(protocol) != ref.protocol_sha256:
        raise VerificationFailed(
            f"what was kept of the reported quarter {folder.name} is absent, unreadable or not as it was written",
            way_out=f"Restore {QUARTERS}/{folder.name} from a backup; `tendon-outcomes verify` lists what differs.",
        )
    return ref


def freeze(study: Path, ref: QuarterRef, protocol: bytes) -> bytes:
    """Keep a quarter as it is reported; returns the bytes of its file. The caller holds the study's lock.

    Raises
    ------
    WrongUse
        The quarter was kept before, or the protocol is not the one that it names.
    """
    folder = study / QUARTERS / ref.quarter
    clear_partials(study / QUARTERS)
    if folder.exists() or hashlib.sha256(protocol).hexdigest() != ref.protocol_sha256:
        raise WrongUse(
            f"quarter {ref.quarter} was reported before, or under another protocol", way_out="Report it again as it is."
        )
    content = quarter_bytes(ref)
    atomic_folder(folder, {QUARTER_FILE: content, FROZEN_PROTOCOL: protocol}, locked=True)
    return content


def quarter_bytes(ref: QuarterRef) -> bytes:
    return (json.dumps(asdict(ref), indent=1, sort_keys=True) + "\n").encode()


def protocol_file(study: Path, quarter: str) -> Path:
    """Where the protocol lies under which a quarter was reported."""
    return study / QUARTERS / quarter / FROZEN_PROTOCOL


def counts_told(ref: QuarterRef | None) -> Mapping[str, tuple[int, int, int]]:
    """What a quarter's report said of each cohort; nothing when it was not reported."""
    return {} if ref is None else ref.reported
