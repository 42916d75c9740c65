"""Whether the text may say what a strategy brings about, or only what it goes with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tendon_outcomes.analysis.strategies import rails_causal as causal
from tendon_outcomes.analysis.strategies.design import Design
from tendon_outcomes.results import Row

CAUSAL, ASSOCIATION = "causal", "association"
ESTIMATOR = "identification"


def wording(design: Design, falsification: Iterable[Row]) -> Iterator[Row]:
    """Causal words only when every assumption has an argument, nothing known is left open, and the panel passes.

    1. An assumption of the protocol without an argument, an unmeasured node of the graph that leaves a way open, and a node of
       the adjustment set that these records do not hold or bear each leave an identification item unanswered.
    2. A refusal of the effect among everyone does too: what is given then is of other runners.
    3. The panel of falsification has to pass; incomplete is not passed.
    """
    reasons = [*_identification(design), *_panel(falsification)]
    rail = causal.association_only(reasons)
    if rail is not None:
        yield rail.caution(estimator=ESTIMATOR)
    yield Row(
        estimator=ESTIMATOR,
        statistic="causal_wording",
        stratum=design.contrast,
        term=ASSOCIATION if reasons else CAUSAL,
        warning="; ".join(reasons),
    )


def _identification(design: Design) -> Iterator[str]:
    declared = design.declared
    for one in declared.unanswered:
        yield f"nobody has argued that {one.says[:1].lower()}{one.says[1:]}"
    if declared.unmeasured:
        yield f"nobody measured {', '.join(declared.unmeasured)}"
    if design.trial.not_recorded:
        yield f"these records do not hold {', '.join(design.trial.not_recorded)}"
    if design.dropped:
        yield f"too few runners to adjust for {', '.join(design.dropped)}"
    if not design.everyone:
        yield "a comparison among everyone is refused"


def _panel(falsification: Iterable[Row]) -> Iterator[str]:
    terms = [row.term for row in falsification if row.statistic == "falsification_panel"]
    if "fails" in terms:
        yield "a check whose true answer is nothing found something"
    elif "passes" not in terms:
        yield "the checks whose true answer is nothing could not all be asked"
