"""One quarter's report: its looks, the protocol it was first reported under, and what is kept of it for good."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tendon_outcomes.cli.study import Study, log_quarter
from tendon_outcomes.declarations import Protocol, declare, load_protocol, resolve
from tendon_outcomes.errors import WrongUse
from tendon_outcomes.results import Provenance, Results, Row, ToldBefore, gathered_before
from tendon_outcomes.snapshots import History, QuarterRef, freeze, frozen, history, look_refs
from tendon_outcomes.snapshots.quarters import protocol_file, quarter_bytes, quarter_named

COHORT_KNOWN = ("cohort_share", "as known now")
"""The rows that say how many of a quarter's cohort improved, from which a later quarter tells what changed."""


@dataclass(frozen=True, eq=False)
class Quarter:
    """A quarter about to be reported. `ref` is what was kept when it was first reported, None before that.

    `before`: names of the quarters that had been reported by then, and `told` what their shared reports told.
    """

    name: str
    history: History
    protocol_file: Path
    protocol_bytes: bytes
    ref: QuarterRef | None
    before: tuple[str, ...]
    told: ToldBefore

    @property
    def snapshot_id(self) -> str:
        return self.history.looks[-1].snapshot_id

    def protocol(self) -> Protocol:
        return resolve(load_protocol(self.protocol_file), declare())

    def changed(self, provenance: Provenance) -> tuple[Row, ...]:
        """The caution that the quarter is worked out by other definitions or another program than when it was first reported."""
        if self.ref is None:
            return ()
        now = {"definitions": provenance.declarations, "program": provenance.code, "analysis scripts": provenance.analyses}
        then = {"definitions": self.ref.declarations, "program": self.ref.code, "analysis scripts": self.ref.analyses}
        differs = [name for name in now if now[name] != then[name]]
        if not differs:
            return ()
        says = (
            f"{self.name} was first reported under version {self.ref.package_version} with other {' and '.join(differs)}: "
            "this page need not be the one that was shared then"
        )
        return (Row(estimator="what was kept", statistic="caution", term="definitions changed", warning=says),)


def open_quarter(study: Study, name: str) -> Quarter:
    """The looks and the protocol of a quarter: those kept when it was first reported, else those of today."""
    known = frozen(study.folder)
    ref = known.get(quarter_named(name))
    file = study.protocol_file if ref is None else protocol_file(study.folder, name)
    before = tuple(sorted(known)) if ref is None else ref.before
    return Quarter(
        name=name,
        history=history(study.folder, until=name),
        protocol_file=file,
        protocol_bytes=file.read_bytes(),
        ref=ref,
        before=before,
        told=gathered_before([known[one].tells for one in before]),
    )


def keep(study: Study, quarter: Quarter, answers: Sequence[Results], tells: dict[str, Any], provenance: Provenance) -> None:
    """Freeze a quarter on its first report: ``answers`` are those that hide nothing, ``tells`` what may be shared of them.

    Raises
    ------
    WrongUse
        The protocol was edited while the analyses ran; nothing was kept.
    """
    if quarter.ref is not None:
        log_quarter(study, quarter.name, quarter_bytes(quarter.ref))
        return
    if quarter.protocol_file.read_bytes() != quarter.protocol_bytes:
        raise WrongUse("the protocol was edited while the analyses ran; nothing was kept", way_out="Report the quarter again.")
    ref = QuarterRef(
        quarter=quarter.name,
        looks=look_refs(study.folder, until=quarter.name),
        protocol_sha256=hashlib.sha256(quarter.protocol_bytes).hexdigest(),
        declarations=provenance.declarations,
        code=provenance.code,
        analyses=provenance.analyses,
        package_version=provenance.package_version,
        before=quarter.before,
        reported=_reported(answers),
        tells=tells,
    )
    log_quarter(study, quarter.name, freeze(study.folder, ref, quarter.protocol_bytes))


def _reported(answers: Sequence[Results]) -> dict[str, tuple[int, int, int]]:
    statistic, term = COHORT_KNOWN
    rows = [row for one in answers for row in one.select(statistic, term=term).iter_rows(named=True)]
    return {row["stratum"]: (row["n_at_risk"] or 0, row["n_events"] or 0, row["n_censored"] or 0) for row in rows}
