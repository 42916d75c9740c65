"""When a question over durations is refused, and what would do: computed from the records at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

from tendon_outcomes.analysis.rails import MIN_EPISODES, MIN_EVENTS, Rail
from tendon_outcomes.results import Row

# statistics.md, §6: events are those of the scarcer kind, reached or not reached.
REFUSE_PER_PARAMETER, FIRTH_PER_PARAMETER, ANNOTATE_PER_PARAMETER = 5.0, 10.0, 20.0
MIN_RUNNERS = 60  # decision: below, the 5th and 95th percentile are the third runner from either end
MIN_BEYOND = 5  # decision: fewer runners beyond a duration, and it is refused rather than flagged
OUTSIDE = "outside the 5th-95th percentile of the durations: few runners stand behind it"
"""The flag of every number at a duration that few had. A reader looks for its first words."""
BEYOND = "beyond_duration"


def too_few(n: int, n_events: int, n_others: int) -> Rail | None:
    """Fewer than 10 runners or 5 events: counts. Fewer than 60, or 20 of either outcome for a curve of 4 parameters: no curve."""
    scarcer = min(n_events, n_others)
    if n < MIN_EPISODES or n_events < MIN_EVENTS:
        says = (
            f"too few for an estimate: at least {MIN_EPISODES} runners and {MIN_EVENTS} events are needed. Only counts are given."
        )
        return Rail("too_small", says, _runners(n, scarcer, _least(4)), min(n, n_events))
    if n < MIN_RUNNERS or scarcer < _least(4):
        says = (
            f"no curve over durations: it takes {MIN_RUNNERS} runners of known duration, and {_least(4)} who reached the "
            "endpoint and as many who did not. Who was there is described."
        )
        return Rail("descriptive_only", says, _runners(n, scarcer, _least(4)), scarcer)
    return None


def few_per_parameter(day: int, scarcer: int, parameters: int, n: int) -> Rail | None:
    """Events of the scarcer kind for each parameter of the model of one day: below 5 refused."""
    if scarcer >= REFUSE_PER_PARAMETER * parameters:
        return None
    return Rail(
        "per_parameter",
        f"week {day / 7:g} is refused: the curve over durations has {parameters} parameters, and fewer than "
        f"{REFUSE_PER_PARAMETER:g} runners for each had reached the endpoint by then, or had not.",
        _runners(n, scarcer, ceil(REFUSE_PER_PARAMETER * parameters)),
        scarcer,
    )


def thinness(scarcer: int, parameters: int) -> float | None:
    """Of 10 and 20 the smaller number for each parameter that was not reached; None where both were."""
    return next((few for few in (FIRTH_PER_PARAMETER, ANNOTATE_PER_PARAMETER) if scarcer < few * parameters), None)


def thin(days: Sequence[int], few: float) -> Rail:
    """Days with fewer than `few` for each parameter: said once for all of them."""
    drawn = "; the model is drawn towards no association" if few == FIRTH_PER_PARAMETER else ""
    weeks = f"week{'s' if len(days) > 1 else ''} {_listed([f'{day / 7:g}' for day in days])}"
    return Rail(
        "few_per_parameter",
        f"{weeks}: fewer than {few:g} runners for each parameter of the model had reached the endpoint by then, or had "
        f"not{drawn}; limits may be somewhat narrow.",
    )


def given_up(nodes: Sequence[str]) -> Rail | None:
    """Nodes of the adjustment set that the events do not bear."""
    if not nodes:
        return None
    return Rail("adjusted_for_less", f"not adjusted for, because there are too few runners for it: {', '.join(nodes)}.")


def not_held(nodes: Sequence[str]) -> Rail | None:
    """Nodes of the adjustment set of which the records hold nothing."""
    if not nodes:
        return None
    return Rail("not_recorded", f"not adjusted for, because these records do not hold it: {', '.join(nodes)}.")


def unknown_duration(n_unknown: int) -> Rail | None:
    """Runners without a duration on record are left out."""
    if not n_unknown:
        return None
    return Rail("unknown_duration", "runners without a duration on record are left out; the flow says how many.")


def beyond_duration(at_weeks: float, middle: float, estimator: str, *, stratum: str = "all", of: tuple[int, int] = (0, 0)) -> Row:
    """A duration that the records do not reach. Where they end is told by the curve, as far as that may be told.

    `of`: how many runners there are, and how many of them had hurt for so short or so long; none is no ground to tell how many
    would do.
    """
    side, (n, beyond) = "short" if at_weeks < middle else "long", of
    says = f"a duration of {at_weeks:g} weeks is refused: too few runners had hurt for so {side}."
    would_do = f"about {ceil(n * MIN_BEYOND / beyond)} runners like these" if beyond else ""
    return replace(Rail(BEYOND, says, would_do, beyond).refusal(estimator=estimator, stratum=stratum), at=at_weeks)


def few_since_onset(n: int, most: int, needed: int) -> Rail:
    """At no duration asked about were enough at risk on the clock of the onset; `most` were at risk at one of them."""
    return Rail(
        "few_since_onset",
        f"the share counted from the first pain is refused: at no duration asked about were {needed} runners followed who had "
        "not reached the endpoint.",
        f"about {ceil(n * needed / most)} runners like these" if most else "",
        most,
    )


def alike() -> Rail:
    """Durations that hardly differ say nothing of duration."""
    return Rail(
        "durations_alike", "no curve over durations: those of nine in ten runners lie within a doubling, too narrow for one."
    )


def no_reference(reference: float) -> Rail:
    """The reference lies where the records are thin."""
    return Rail(
        "reference_beyond",
        f"no differences between durations: the reference of {reference:g} weeks lies where too few runners were.",
    )


def _listed(words: Sequence[str]) -> str:
    """`8`, `8 and 12`, `8, 12 and 26`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _least(parameters: int) -> int:
    return ceil(REFUSE_PER_PARAMETER * parameters)


def _runners(n: int, scarcer: int, needed: int) -> str:
    """How many runners would give enough of the scarcer outcome."""
    share = max(scarcer, 1) / max(n, 1)
    return f"about {max(MIN_RUNNERS, ceil(needed / share))} runners like these"
