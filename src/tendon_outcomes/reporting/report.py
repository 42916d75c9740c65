"""What a report is made from, and when it is not made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tendon_outcomes.declarations import Protocol
from tendon_outcomes.errors import UnsuppressedResults, WrongUse
from tendon_outcomes.results import Results
from tendon_outcomes.vocabulary import Tier


@dataclass(frozen=True, slots=True)
class LedgerView:
    """Where the physical records of one file went, as far as the reader may know. None was withheld by the caller."""

    file: str
    table: str
    read: int | None
    accepted: int | None
    rejected: int | None
    blank: int | None
    left_out: int | None


@dataclass(frozen=True, slots=True)
class RuleView:
    """How often one rule was broken and what followed. A count of None was withheld by the caller."""

    rule: str
    table: str
    column: str
    says: str
    action: str
    count: int | None


@dataclass(frozen=True)
class ReportInput:
    """Everything the page says. `results` went through disclosure control for `tier`; so did the counts of the ledger.

    `as_of` is the date of the data lock (ISO), the only date on the page. `left_out_columns` gives, for every file, the columns
    that were not read and why. `notice` stands on top of the page, for instance that the data are simulated.
    """

    results: Sequence[Results]
    protocol: Protocol
    tier: Tier
    as_of: str
    snapshot_id: str
    ledger: tuple[LedgerView, ...] = ()
    rule_counts: tuple[RuleView, ...] = ()
    left_out_columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notice: str = ""


def require_renderable(report: ReportInput) -> None:
    """Refuse what must not reach a page.

    Raises
    ------
    UnsuppressedResults
        Some results still hold small cells, or smaller ones than the protocol lets out of the clinic.
    WrongUse
        There is nothing to report, or results answer a question that the protocol does not ask.
    """
    if not report.results:
        raise WrongUse("there are no results to report", way_out="Run at least one analysis first.")
    waiting = sum(one.min_cell_count is None for one in report.results)
    if waiting:
        raise UnsuppressedResults(
            f"{waiting} of {len(report.results)} results still hold small cells",
            way_out="Pass each through suppress(results, min_cell_count=...) first; 1 hides nothing, for the internal tier.",
        )
    least = report.protocol.min_cell_count
    if report.tier is Tier.SHAREABLE and any((one.min_cell_count or 0) < least for one in report.results):
        raise UnsuppressedResults(
            f"a shareable report needs cells of at least {least}, as the protocol says",
            way_out=f"Suppress with min_cell_count={least}, or render the internal tier.",
        )
    for one in report.results:
        report.protocol.estimand(one.estimand)
