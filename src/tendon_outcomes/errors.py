"""The exception tree. A message names the rule, the place, the count and the way out; never a patient's value.

Every exit of the command line is one branch of this tree, so a caller can tell what kind of trouble it is without reading text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule at one place: which rule, how many rows, where, and what the rule says."""

    rule: str
    place: str
    says: str
    count: int = 0
    unit: str = "rows"

    def line(self) -> str:
        amount = f"{self.count:>6} {self.unit}  " if self.count else ""
        return f"  {self.rule}  {amount}{self.place}: {self.says}"


class TendonOutcomesError(Exception):
    """Root of everything this package raises on purpose.

    Parameters
    ----------
    summary
        One sentence: what happened and what it meant for the run.
    findings
        The broken rules, one a line of the message.
    way_out
        What the reader can do next.
    """

    exit_code: ClassVar[int] = 4

    def __init__(self, summary: str, *, findings: Sequence[Finding] = (), way_out: str = "") -> None:
        self.summary = summary
        self.findings = tuple(findings)
        self.way_out = way_out
        super().__init__(self._message())

    def _message(self) -> str:
        lines = [f"{type(self).__name__}: {self.summary}", *(finding.line() for finding in self.findings)]
        if self.way_out:
            lines.append(self.way_out)
        return "\n".join(lines)

    def __str__(self) -> str:
        return self._message()


class DataFindings(TendonOutcomesError):
    """The data break a rule (exit 1)."""

    exit_code = 1


class FileUnreadable(DataFindings):
    """A file of the export is empty, cut off, not UTF-8 or not the format its name promises."""


class ColumnsMissing(DataFindings):
    """A file lacks columns that the column map names, or has columns that nobody declared."""


class RecordsRejected(DataFindings):
    """Rows break declared rules and the run was asked to stop at the first such row."""


class NoUsableRows(DataFindings):
    """Nothing is left to analyse."""


class VerificationFailed(DataFindings):
    """A stored byte is not what its manifest says."""


class WrongUse(TendonOutcomesError):
    """The request cannot be carried out as asked (exit 2)."""

    exit_code = 2


class DeclarationInvalid(WrongUse):
    """A TOML declaration, protocol or column map does not say what it must."""


class FileAbsent(WrongUse):
    """A named file or folder does not exist."""


class WouldOverwrite(WrongUse):
    """The target exists and --force was not given."""


class UnsuppressedResults(WrongUse):
    """Results that still hold small cells were about to be rendered or shared."""


class ImmortalTimeError(WrongUse):
    """A label that looks at later days was about to be used as an exposure from an earlier day on.

    Whoever carries it must have stayed unrecovered until it could be given, so that the comparison is decided in advance.
    """


class EnvironmentFault(TendonOutcomesError):
    """The machine refused: disk, permission (exit 3)."""

    exit_code = 3


class FolderUnwritable(EnvironmentFault):
    """A folder cannot be written to."""


class EstimationRefused(TendonOutcomesError):
    """An estimator will not answer for this input; the message says why and what would do.

    Analyses turn it into a row of Results: a refusal is a result.
    """

    exit_code = 1


class NotConverged(EstimationRefused):
    """An iterative fit ended before its optimality conditions held."""
