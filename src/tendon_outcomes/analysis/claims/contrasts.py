"""Differences held against a claim: what they say of an association, and whether they may say more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

from tendon_outcomes.analysis.claims.finding import NOT_ANSWERED, Finding, Judged, judged_by, sentences
from tendon_outcomes.analysis.claims.setting import Setting
from tendon_outcomes.declarations.claims import Claim, Side
from tendon_outcomes.estimators.sample_size import rescaled_sample_size
from tendon_outcomes.estimators.special_functions import normal_two_sided_p, student_t_two_sided_p
from tendon_outcomes.results import WOULD_DO, finite
from tendon_outcomes.vocabulary import Verdict

NOT_IDENTIFIED = "not identified as cause and effect"
NOBODY_ARGUED = "nobody has argued that"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """One difference with its limits. `df` None: normal. `largest`: what a mean cannot exceed, 1 for a share.

    `n` runners behind it, `n_events` of them with the endpoint by the day.
    """

    part: str
    estimator: str
    day: int
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    n: int
    n_events: int
    df: float | None = None
    largest: float = 1.0

    def p_value(self, null: float) -> float | None:
        """Two-sided, of no more difference than `null`."""
        if not self.std_error > 0.0 or not isfinite(self.std_error):
            return None
        t = (self.estimate - null) / self.std_error
        return float(normal_two_sided_p(t) if self.df is None else student_t_two_sided_p(t, self.df))

    def reversed(self) -> Contrast:
        """The same with the groups exchanged."""
        return Contrast(
            part=self.part,
            estimator=self.estimator,
            day=self.day,
            estimate=-self.estimate,
            std_error=self.std_error,
            conf_low=-self.conf_high,
            conf_high=-self.conf_low,
            n=self.n,
            n_events=self.n_events,
            df=self.df,
            largest=self.largest,
        )

    def judged(self, null: float | None = None, side: Side = "above") -> Judged:
        """As a part of a claim; with ``null`` it is held against that difference."""
        limits = finite(self.conf_low), finite(self.conf_high)
        return Judged(
            part=self.part,
            estimator=self.estimator,
            verdict=None if null is None else judged_by(*limits, null, side),
            day=self.day,
            estimate=finite(self.estimate),
            std_error=finite(self.std_error),
            conf_low=limits[0],
            conf_high=limits[1],
            n=self.n,
            n_events=self.n_events,
            p_value=None if null is None else self.p_value(null),
        )


def association(
    claim: Claim,
    contrasts: Sequence[Contrast],
    setting: Setting,
    *,
    side: Side,
    margin: float = 0.0,
    unidentified: Iterable[str] | None = None,
    also: Sequence[str] = (),
    beside: Sequence[Judged] = (),
) -> Finding:
    """The claim by its first difference; the others and ``beside`` are told as parts.

    1. The difference is held against none, or against ``margin`` on the other side of it: certainly not worse than so much.
    2. A causal claim is answered only where nothing in ``unidentified`` is left: by default the assumptions of the claim that
       nobody has argued. Else it is not answered, and the ground tells what the association says.
    3. An inconclusive one has the number of runners that would tell a difference worth knowing, or the margin.
    """
    lead = contrasts[0]
    null = (-margin if side == "above" else margin) * lead.largest
    judged = lead.judged(null, side)
    assert judged.verdict is not None
    reasons = list(unargued(claim) if unidentified is None else unidentified)
    identified = claim.entry.kind != "causal" or not reasons
    said = judged.verdict.value if identified and claim.entry.kind == "causal" else f"as an association: {judged.verdict.value}"
    ground = sentences(
        "" if identified else f"{NOT_IDENTIFIED}: {'; '.join(_in_short(reasons))}",
        f"{said} ({_rule(lead, null, side)})",
        *also,
        claim.entry.caution,
    )
    if judged.verdict is Verdict.INCONCLUSIVE and (more := _more(lead, setting, margin)):
        ground += f" {WOULD_DO}{more}."
    parts = (*(one.judged() for one in contrasts), *beside)
    return Finding(claim, judged.verdict.value if identified else NOT_ANSWERED, ground, judged, parts, judged.p_value)


def _in_short(reasons: Sequence[str]) -> list[str]:
    """The reasons, of several assumptions without an argument only the first in words."""
    argued = [one for one in reasons if one.startswith(NOBODY_ARGUED)]
    if len(argued) < 2:
        return list(reasons)
    rest = [one for one in reasons if one not in argued]
    return [f"{len(argued)} of its assumptions have no argument, the first that{argued[0].removeprefix(NOBODY_ARGUED)}", *rest]


def unargued(claim: Claim) -> list[str]:
    """The assumptions for which nobody has given an argument, as reasons."""
    return [f"{NOBODY_ARGUED} {one.says[:1].lower()}{one.says[1:]}" for one in claim.entry.assumption if not one.answered]


def _rule(lead: Contrast, null: float, side: Side) -> str:
    at = "no difference" if null == 0.0 else f"a difference of {null:+.2f}"
    first, second = ("lower", "upper") if side == "above" else ("upper", "lower")
    other = "below" if side == "above" else "above"
    return f"{lead.part}; supported if the {first} limit is {side} {at}, refuted if the {second} limit is {other} it"


def _more(lead: Contrast, setting: Setting, margin: float) -> str:
    rules = setting.register.rules
    if not lead.std_error > 0.0 or not isfinite(lead.std_error) or not lead.n:
        return ""
    worth = (margin or rules.worth) * lead.largest
    n = rescaled_sample_size(lead.n, lead.std_error, worth=worth, power=rules.power, conf_level=setting.conf_level)
    return f"about {n} runners like these" if n > lead.n else ""
