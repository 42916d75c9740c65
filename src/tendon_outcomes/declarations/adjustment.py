"""Whether an adjustment set closes every way back from the exposure, and whether it may be adjusted for at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from tendon_outcomes.declarations.dag import SLICES, Dag, Graph
from tendon_outcomes.errors import DeclarationInvalid, Finding

_RULE = "D-05"
_NEVER = {
    "observation": "says when somebody looked: whoever is looked at more often differs, and adjusting makes the arms differ too",
    "mediator": "lies on the way from the exposure to the outcome: adjusting for it takes a part of the effect away",
    "outcome": "is the outcome",
    "exposure": "is the exposure",
    "treatment": "is what was done under the strategies",
    "negative_control": "is a negative control: it shows what the adjustment missed, so it cannot be part of it",
    "unmeasured": "is not measured",
}


@dataclass(frozen=True)
class AdjustmentCheck:
    """What an adjustment set leaves open: the shortest such path of each kind, and the unmeasured nodes that hold it open."""

    open_paths: tuple[str, ...] = ()
    unmeasured: tuple[str, ...] = ()


def check_adjustment(dag: Dag, exposure: str, outcome: str, adjust_for: Sequence[str]) -> AdjustmentCheck:
    """Hold a set of day-0 nodes against the back-door criterion.

    1. Refused by name: nodes that are not declared, are not measured, are observation nodes, mediators or negative controls,
       that the exposure brings about, or that come after day 0.
    2. A node without which no way back would be open is a collider, and refused.
    3. Ways back (trails into the exposure that the set does not block) through a measured node that the set leaves out are
       refused with the nodes that would close them; those through unmeasured nodes are reported.

    Raises
    ------
    DeclarationInvalid
        Steps 1 to 3.
    """
    _refuse_unknown(dag, (exposure, outcome, *adjust_for))
    graph = dag.unrolled()
    downstream = graph.descendants(dag.slices(exposure))
    findings = [found for name in adjust_for if (found := _mistake(dag, name, exposure, downstream))]
    _raise(findings, "adjust_for names what must not be adjusted for")
    back = graph.without(out_of=frozenset(dag.slices(exposure)))
    start, end, given = dag.slices(exposure), frozenset(dag.slices(outcome)), frozenset(adjust_for)
    return _held(dag, back, start, end, given, downstream)


def check_varying(
    dag: Dag, treatments: Sequence[str], outcome: str, adjust_for: Sequence[str], adjust_for_varying: Sequence[str]
) -> AdjustmentCheck:
    """Hold weekly covariates against the sequential back-door criterion, week by week.

    Given the day-0 set, what the weekly nodes were before the week and what was done before it, no way back may lead from what
    is done in the week to the outcome, when the arrows into all later treatment are taken away (Pearl and Robins 1995).

    1. Refused by name: nodes that do not vary, and those that are no feedback (observation nodes, mediators, treatment).
    2. As step 3 of :func:`check_adjustment`.

    Raises
    ------
    DeclarationInvalid
        Steps 1 and 2.
    """
    _refuse_unknown(dag, (*treatments, outcome, *adjust_for, *adjust_for_varying))
    findings = [
        Finding(_RULE, f"adjust_for_varying {name}", _NEVER.get(dag.node[name].role, "does not vary: it belongs into adjust_for"))
        for name in adjust_for_varying
        if dag.node[name].role != "feedback"
    ]
    _raise(findings, "adjust_for_varying names what must not be adjusted for")
    graph = dag.unrolled()
    checks = []
    for week in range(1, SLICES + 1):
        now = frozenset(_in_weeks(dag, treatments, range(week, week + 1)))
        later = frozenset(_in_weeks(dag, treatments, range(week + 1, SLICES + 1)))
        before = _in_weeks(dag, (*treatments, *adjust_for_varying), range(1, week))
        back = graph.without(out_of=now, into=later)
        given = frozenset((*adjust_for, *before))
        checks.append(_held(dag, back, now, frozenset(dag.slices(outcome)), given, graph.descendants(now) | now))
    return AdjustmentCheck(
        tuple(dict.fromkeys(path for one in checks for path in one.open_paths)),
        tuple(dict.fromkeys(name for one in checks for name in one.unmeasured)),
    )


def _in_weeks(dag: Dag, names: Sequence[str], weeks: range) -> list[str]:
    return [part for name in names for week, part in enumerate(dag.slices(name), start=1) if week in weeks]


def _refuse_unknown(dag: Dag, names: Sequence[str]) -> None:
    if unknown := sorted(set(names) - set(dag.node)):
        raise DeclarationInvalid(
            f"the graph has no node {', '.join(unknown)}", way_out=f"Its nodes: {', '.join(sorted(dag.node))}."
        )


def _mistake(dag: Dag, name: str, exposure: str, downstream: Set[str]) -> Finding | None:
    """Why a node of day 0 must not be adjusted for; None where it may."""
    node = dag.node[name]
    if node.role in _NEVER:
        return Finding(_RULE, f"adjust_for {name}", _NEVER[node.role])
    if not downstream.isdisjoint(dag.slices(name)):
        return Finding(_RULE, f"adjust_for {name}", f"is brought about by {exposure}")
    if node.varies:
        return Finding(_RULE, f"adjust_for {name}", "comes after day 0: it belongs into adjust_for_varying")
    return None


def _raise(findings: Sequence[Finding], summary: str) -> None:
    if findings:
        raise DeclarationInvalid(summary, findings=findings, way_out="Correct the trial or the [dag] of protocol.toml.")


def _held(
    dag: Dag, back: Graph, start: Iterable[str], end: Set[str], given: frozenset[str], downstream: Set[str]
) -> AdjustmentCheck:
    """Close every open trail by a node on it, and tell which of these nodes are measured and which are not."""
    start = tuple(start)
    _refuse_colliders(back, start, end, given)
    findings: list[Finding] = []
    paths: list[str] = []
    unmeasured: list[str] = []
    closed = given
    while trail := back.open_trail(start, end, closed):
        hidden, measured = _blockers(dag, back, trail, closed | downstream)
        if not (hidden or measured):
            findings.append(Finding(_RULE, "adjust_for", f"{back.drawn(trail)} is open, and no node on it can close it"))
            break
        if measured:
            findings.append(Finding(_RULE, "adjust_for", f"{back.drawn(trail)} is open: {' or '.join(measured)} would close it"))
        else:
            paths.append(back.drawn(trail))
            unmeasured.append(hidden[0])
        closed |= {(measured or hidden)[0]}
    _raise(findings, "the adjustment set leaves ways back from the exposure open")
    return AdjustmentCheck(tuple(paths), tuple(dict.fromkeys(name.partition("[")[0] for name in unmeasured)))


def _refuse_colliders(back: Graph, start: Sequence[str], end: Set[str], given: frozenset[str]) -> None:
    if not (trail := back.open_trail(start, end, given)):
        return
    colliders = [name for name in sorted(given) if not back.open_trail(start, end, given - {name})]
    says = f"is a collider: adjusting for it opens {back.drawn(trail)}"
    _raise([Finding(_RULE, f"adjust_for {name}", says) for name in colliders], "adjust_for names what must not be adjusted for")


def _blockers(dag: Dag, back: Graph, trail: tuple[str, ...], taken: Set[str]) -> tuple[list[str], list[str]]:
    """The unmeasured and the measured nodes on a trail that would close it: those in which no two arrows meet."""
    hidden, measured = [], []
    for before, node, after in zip(trail, trail[1:], trail[2:], strict=False):
        if {before, after} <= back.parents[node] or node in taken:
            continue
        role = dag.node[node.partition("[")[0]].role
        if role == "unmeasured":
            hidden.append(node)
        elif role not in _NEVER:
            measured.append(node)
    return hidden, measured
