"""The whole register, claim by claim, and what is left of each once all of them are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tendon_outcomes.analysis.claims.finding import REGISTER, Finding, needs_other_records, not_answered
from tendon_outcomes.analysis.claims.incidence import incidence_claim
from tendon_outcomes.analysis.claims.index_day import index_claim
from tendon_outcomes.analysis.claims.landmark import landmark_claim
from tendon_outcomes.analysis.claims.prognosis import prognosis_claim
from tendon_outcomes.analysis.claims.question_verdict import verdict_claim
from tendon_outcomes.analysis.claims.sessions import session_claim
from tendon_outcomes.analysis.claims.setting import Setting, setting_of
from tendon_outcomes.analysis.claims.strategies import strategies_claim
from tendon_outcomes.analysis.strategies.plain_words import plain
from tendon_outcomes.declarations.claims import Claim
from tendon_outcomes.errors import EstimationRefused, NoUsableRows
from tendon_outcomes.estimators.monitoring.multiplicity import holm
from tendon_outcomes.results import Attrition, Row
from tendon_outcomes.vocabulary import Verdict

Way = Callable[[Claim, Setting], Finding]
_WAYS: dict[str, Way] = {
    "verdict_of": verdict_claim,
    "index": index_claim,
    "incidence": incidence_claim,
    "prognosis": prognosis_claim,
    "strategies": strategies_claim,
    "landmark": landmark_claim,
    "session": session_claim,
}
UNADJUSTED, HOLM = "unadjusted", "Holm"
NOT_AFTER_HOLM = "once all claims with a p-value are counted (Holm), chance is not ruled out"

NO_P_VALUE = "its limits give no p-value: it is not among the claims that are counted together (Holm)"


def findings(setting: Setting) -> tuple[Finding, ...]:
    """Every claim of the register in its order; none is left out."""
    return tuple(_found(claim, setting) for claim in setting.register.claims)


def _found(claim: Claim, setting: Setting) -> Finding:
    """One claim in its declared way. A refusal on the way is its answer."""
    if claim.entry.needs:
        return needs_other_records(claim)
    way = next(way for name, way in _WAYS.items() if getattr(claim.entry, name))
    try:
        return way(claim, setting)
    except (EstimationRefused, NoUsableRows) as refused:
        reason = plain(refused.summary)
    return not_answered(claim, reason)


def attrition(setting: Setting) -> Attrition:
    """The flow to the runners of the register; none where nobody is in it."""
    try:
        return setting.cohort.attrition
    except NoUsableRows:
        return Attrition()


def rows(found: Sequence[Finding], *, conf_level: float) -> Iterator[Row]:
    """The claims with their parts, then the p-values as they are and after Holm.

    A verdict that does not stand once all claims are counted keeps its word and says so: the rule of the claim is about its own
    interval. One without a p-value, which could not be counted, says that.
    """
    told = [one for one in found if one.p_value is not None]
    adjusted = holm([one.p_value for one in told if one.p_value is not None]) if told else ()
    after = {one.claim.name: float(p) for one, p in zip(told, adjusted, strict=True)}
    for one in found:
        yield from _counted(one, after.get(one.claim.name), conf_level).rows()
    for one in told:
        for term, p in ((UNADJUSTED, one.p_value), (HOLM, after[one.claim.name])):
            yield Row(estimator=REGISTER, statistic="p_value", stratum=one.claim.stratum, term=term, estimate=p)


def _counted(one: Finding, adjusted: float | None, conf_level: float) -> Finding:
    """The claim with what counting all of them says of its verdict, where it has decided."""
    if one.term not in (Verdict.SUPPORTED, Verdict.REFUTED):
        return one
    if adjusted is None:
        return one.with_rider(NO_P_VALUE)
    return one.with_rider(NOT_AFTER_HOLM) if adjusted > 1.0 - conf_level else one


__all__ = ["Setting", "attrition", "findings", "rows", "setting_of"]
