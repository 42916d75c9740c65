"""What one claim came to: the number it rests on, the parts beside it, the verdict, and the ground of the verdict in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tendon_outcomes.analysis.verdict import decide
from tendon_outcomes.declarations.claims import Claim, Side
from tendon_outcomes.results import WOULD_DO, Row
from tendon_outcomes.vocabulary import Verdict

CLAIM, PART = "claim", "claim_part"
NOT_ANSWERED, NEEDS_OTHER_RECORDS = "not_answered", "needs_other_records"
REGISTER = "claims register"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One number of a claim. `verdict` is None where no rule holds it; NOT_ANSWERED where it could not be had, with `reason`.

    `n` of whom it is, `n_events` how many of them had it, `n_unknown` how many could not be judged. `would_do`: a number of
    runners, in words.
    """

    part: str
    estimator: str
    verdict: Verdict | None = None
    day: int | None = None
    estimate: float | None = None
    bound_low: float | None = None
    bound_high: float | None = None
    std_error: float | None = None
    conf_low: float | None = None
    conf_high: float | None = None
    n: int | None = None
    n_events: int | None = None
    n_unknown: int | None = None
    p_value: float | None = None
    reason: str = ""
    would_do: str = ""

    @property
    def words(self) -> str:
        return f"{self.reason} {WOULD_DO}{self.would_do}.".strip() if self.would_do else self.reason


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim. `lead` is the number that the claim row tells, None where there is none."""

    claim: Claim
    term: str
    ground: str
    lead: Judged | None = None
    parts: tuple[Judged, ...] = ()
    p_value: float | None = None

    def rows(self) -> Iterator[Row]:
        """The claim's row, then its parts."""
        yield _row(self.claim, CLAIM, self.term, self.lead, self.ground)
        for part in self.parts:
            yield _row(self.claim, PART, part.part, part, part.words)

    def with_rider(self, says: str) -> Finding:
        """The same with a further sentence of its ground, before the number that would do."""
        reason, mark, number = self.ground.partition(WOULD_DO)
        return replace(self, ground=sentences(reason, says) + (f" {mark}{number}" if mark else ""))


def _row(claim: Claim, statistic: str, term: str, told: Judged | None, warning: str) -> Row:
    number = told or Judged(part="", estimator=REGISTER)
    return Row(
        estimator=number.estimator,
        statistic=statistic,
        stratum=claim.stratum,
        term=term,
        day=number.day,
        estimate=number.estimate,
        bound_low=number.bound_low,
        bound_high=number.bound_high,
        std_error=number.std_error,
        conf_low=number.conf_low,
        conf_high=number.conf_high,
        n_at_risk=number.n,
        n_events=number.n_events,
        n_censored=number.n_unknown,
        warning=warning,
    )


def needs_other_records(claim: Claim) -> Finding:
    """A claim that no number of records like these could answer."""
    return Finding(claim, NEEDS_OTHER_RECORDS, sentences(claim.entry.needs))


def not_answered(claim: Claim, reason: str, *, would_do: str = "", lead: Judged | None = None) -> Finding:
    """A claim that these records could hold an answer to, and do not."""
    number = f" {WOULD_DO}{would_do}." if would_do else ""
    return Finding(claim, NOT_ANSWERED, sentences(reason, claim.entry.caution) + number, lead)


def judged_by(low: float | None, high: float | None, threshold: float, side: Side) -> Verdict:
    """Supported where the interval lies on the claim's side of the threshold, refuted where it lies on the other."""
    found = decide(low, high, threshold)
    if side == "above" or found in (Verdict.INCONCLUSIVE, Verdict.NOT_ANSWERED):
        return found
    return Verdict.REFUTED if found is Verdict.SUPPORTED else Verdict.SUPPORTED


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of a claim that says several things: refuted by any, supported by all, and answered only by all."""
    for found in (Verdict.REFUTED, Verdict.NOT_ANSWERED, Verdict.INCONCLUSIVE):
        if found in verdicts:
            return found
    return Verdict.SUPPORTED if verdicts else Verdict.NOT_ANSWERED


def jointly_p(parts: Sequence[Judged]) -> float | None:
    """The p-value of a claim that says several things: the largest of theirs; None where one of them has none.

    Berger (1982) Technometrics 24:295: the intersection-union test. A claim that is refuted is so by any of its parts, and the
    largest would be that of another: it has the smallest of those that refute it, times the number of parts (Bonferroni).
    """
    ruled = [part for part in parts if part.verdict is not None]
    if together([part.verdict for part in ruled if part.verdict is not None]) is Verdict.REFUTED:
        against = [part.p_value for part in ruled if part.verdict is Verdict.REFUTED and part.p_value is not None]
        return min(1.0, len(ruled) * min(against)) if against else None
    found = [part.p_value for part in ruled if part.p_value is not None]
    return max(found) if found and len(found) == len(ruled) else None


def term_of(found: Verdict) -> str:
    """How the claim row says the verdict."""
    return NOT_ANSWERED if found is Verdict.NOT_ANSWERED else found.value


def sentences(*parts: str) -> str:
    """Parts as sentences of one paragraph; empty ones fall away."""
    said = (part.strip() for part in parts)
    return " ".join((part[0].upper() + part[1:]).rstrip(".") + "." for part in said if part)
