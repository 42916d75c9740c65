"""Graphs of causes: what is d-separated, what an adjustment set leaves open, and what may not be adjusted for."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tendon_outcomes.declarations import Dag, check_adjustment, check_varying
from tendon_outcomes.declarations.dag import Graph
from tendon_outcomes.declarations.loading import build
from tendon_outcomes.errors import DeclarationInvalid

VARYING = ("treatment", "feedback", "observation", "mediator")


def graph(arrows: str) -> Graph:
    """A graph from arrows such as "a>b b>c"."""
    edges = [(part[0], part[2]) for part in arrows.split()]
    return Graph.of(dict.fromkeys(node for edge in edges for node in edge), edges)


def dag(arrows: str, **roles: str) -> Dag:
    """A declared graph: "a>b" within a week, "a>>b" a week later; nodes are confounders unless a role is given."""
    edges: list[dict[str, Any]] = []
    for part in arrows.split():
        cause, _, effect = part.partition(">")
        edges.append({"from": cause, "to": [effect.lstrip(">")], "lag": int(effect.startswith(">"))})
    names = dict.fromkeys(name for one in edges for name in (one["from"], *one["to"]))
    given_roles = {"x": "exposure", "y": "outcome", **roles}
    node: dict[str, Any] = {}
    for name in names:
        role = given_roles.get(name, "confounder")
        node[name] = {"says": name, "role": role, "varies": role in VARYING}
    return build(Dag, {"says": "x", "source": "x", "node": node, "edge": edges}, origin="test")


def refused(made: Dag, *adjust_for: str) -> list[tuple[str, str]]:
    with pytest.raises(DeclarationInvalid) as refusal:
        check_adjustment(made, "x", "y", adjust_for)
    assert refusal.value.way_out
    return [(one.place, one.says) for one in refusal.value.findings]


# --- d-separation


@pytest.mark.parametrize(
    ("arrows", "given_nodes", "trail"),
    [
        ("a>b b>c", "", "a → b → c"),
        ("a>b b>c", "b", ""),
        ("b>a b>c", "", "a ← b → c"),
        ("b>a b>c", "b", ""),
        ("a>b c>b", "", ""),
        ("a>b c>b", "b", "a → b ← c"),
        ("a>b c>b b>d", "d", "a → b → d ← b ← c"),
        ("a>b c>b b>d", "", ""),
        ("u>a u>m v>m v>c", "m", "a ← u → m ← v → c"),
        ("u>a u>m v>m v>c", "m u", ""),
        ("a>b b>c u>b u>c", "b", "a → b ← u → c"),
    ],
)
def test_a_trail_is_open_or_blocked_by_the_rules_of_d_separation(arrows: str, given_nodes: str, trail: str) -> None:
    # Grade: exact by hand: chain, fork, collider, descendant of a collider, M, and a mediator that is a collider too.
    made = graph(arrows)
    found = made.open_trail(["a"], {"c"}, set(given_nodes.split()))
    assert made.drawn(found) == trail


def separated_by_moral_graph(made: Graph, start: str, end: str, given_nodes: frozenset[str]) -> bool:
    """The other definition: no path in the moral graph of the ancestors once the given nodes are taken out (Lauritzen 1990)."""
    wanted = {start, end, *given_nodes}
    while (more := wanted | {cause for node in wanted for cause in made.parents[node]}) != wanted:
        wanted = more
    joined: dict[str, set[str]] = {node: set() for node in wanted}
    for node in wanted:
        family = [(node, cause) for cause in made.parents[node]] + list(combinations(sorted(made.parents[node]), 2))
        for one, other in family:
            joined[one].add(other)
            joined[other].add(one)
    reached, waiting = {start}, [start]
    while waiting:
        new = joined[waiting.pop()] - reached - given_nodes
        reached |= new
        waiting += new
    return end not in reached


NODES = "abcdefg"
PAIRS = list(combinations(NODES, 2))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(arrows=st.sets(st.sampled_from(PAIRS), max_size=14), taken=st.sets(st.sampled_from(NODES[1:-1])))
def test_both_definitions_of_d_separation_agree(arrows: set[tuple[str, str]], taken: set[str]) -> None:
    # Grade: exact: two definitions that are proved to be one, on random graphs of seven nodes.
    made = Graph.of(NODES, arrows)
    for end in NODES[1:]:
        if end not in taken:
            apart = separated_by_moral_graph(made, "a", end, frozenset(taken))
            assert (made.open_trail(["a"], {end}, taken) == ()) is apart


# --- Adjustment sets


def test_a_confounder_closes_the_way_back() -> None:
    # Grade: exact by hand.
    made = dag("c>x c>y x>y")
    assert check_adjustment(made, "x", "y", ["c"]).open_paths == ()
    assert refused(made) == [("adjust_for", "x ← c → y is open: c would close it")]


def test_an_unmeasured_common_cause_is_reported_and_not_refused() -> None:
    # Grade: exact by hand: nothing that is measured closes x <- u -> y.
    check = check_adjustment(dag("c>x c>y u>x u>y x>y", u="unmeasured"), "x", "y", ["c"])
    assert (check.open_paths, check.unmeasured) == (("x ← u → y",), ("u",))


def test_an_unmeasured_cause_behind_a_measured_one_is_closed() -> None:
    # Grade: exact by hand: frailty acts on the choice through the duration only.
    assert check_adjustment(dag("u>d u>y d>x x>y", u="unmeasured"), "x", "y", ["d"]).unmeasured == ()


@pytest.mark.parametrize(
    ("arrows", "roles", "named", "says"),
    [
        ("x>m m>y", {"m": "mediator"}, "m", "lies on the way from the exposure to the outcome"),
        ("x>m m>y", {}, "m", "is brought about by x"),
        ("x>y x>v", {"v": "observation"}, "v", "says when somebody looked"),
        ("c>x c>y c>v", {"v": "observation"}, "v", "says when somebody looked"),
        ("x>y u>y u>x", {"u": "unmeasured"}, "u", "is not measured"),
        ("x>y c>n c>x", {"n": "negative_control"}, "n", "is a negative control"),
        ("x>y", {}, "y", "is the outcome"),
        ("x>y", {}, "x", "is the exposure"),
        ("x>y p>y", {"p": "feedback"}, "p", "comes after day 0"),
    ],
)
def test_what_must_not_be_adjusted_for_is_refused_by_name(arrows: str, roles: dict[str, str], named: str, says: str) -> None:
    # Grade: published, domain dossier §3e: mediators and observation nodes are not conditioned on.
    [(place, why)] = refused(dag(arrows, **roles), named)
    assert place == f"adjust_for {named}"
    assert why.startswith(says)


def test_a_collider_is_refused_by_name() -> None:
    # Grade: exact by hand, M: adjusting for m opens a way that nothing else had opened.
    made = dag("u>x u>m v>m v>y x>y", u="unmeasured", v="unmeasured")
    assert check_adjustment(made, "x", "y", []).open_paths == ()
    assert refused(made, "m") == [("adjust_for m", "is a collider: adjusting for it opens x ← u → m ← v → y")]


def test_every_mistake_is_told_at_once() -> None:
    # Grade: exact.
    made = dag("x>m m>y c>v c>x c>y", m="mediator", v="observation")
    assert [place for place, _ in refused(made, "c", "m", "v")] == ["adjust_for m", "adjust_for v"]


def test_a_node_that_is_not_there_is_refused_with_those_that_are() -> None:
    # Grade: exact.
    with pytest.raises(DeclarationInvalid, match="no node d") as refusal:
        check_adjustment(dag("c>x c>y x>y"), "x", "y", ["d"])
    assert refusal.value.way_out == "Its nodes: c, x, y."


# --- Over the weeks

FEEDBACK = "x>a p>>a a>>p p>>p p>y s>x s>p s>y"


def test_feedback_that_is_adjusted_for_week_by_week_is_closed() -> None:
    # Grade: exact by hand: pain sets the load a week later, the load changes the pain, pain decides recovery.
    made = dag(FEEDBACK, a="treatment", p="feedback")
    assert check_varying(made, ["a"], "y", ["s"], ["p"]).open_paths == ()
    with pytest.raises(DeclarationInvalid, match=r"a\[2\] ← p\[1\] → y is open: p\[1\] would close it"):
        check_varying(made, ["a"], "y", ["s"], [])


def test_feedback_is_no_baseline_covariate() -> None:
    # Grade: published, domain dossier §3e: pain after day 0 is brought about by the treatment.
    assert refused(dag(FEEDBACK, a="treatment", p="feedback"), "s", "p") == [("adjust_for p", "is brought about by x")]


@pytest.mark.parametrize(("role", "says"), [("observation", "says when somebody looked"), ("mediator", "lies on the way")])
def test_weekly_observation_and_mediators_are_refused(role: str, says: str) -> None:
    # Grade: published, domain dossier §3e.
    made = dag(f"{FEEDBACK} p>w", a="treatment", p="feedback", w=role)
    with pytest.raises(DeclarationInvalid) as refusal:
        check_varying(made, ["a"], "y", ["s"], ["p", "w"])
    [finding] = refusal.value.findings
    assert finding.place == "adjust_for_varying w"
    assert finding.says.startswith(says)


def test_a_day_0_node_is_no_weekly_covariate() -> None:
    # Grade: exact.
    with pytest.raises(DeclarationInvalid, match="does not vary"):
        check_varying(dag(FEEDBACK, a="treatment", p="feedback"), ["a"], "y", ["s"], ["p", "s"])


def test_an_unmeasured_weekly_cause_is_reported() -> None:
    # Grade: exact by hand: mood moves the load of the week and the recovery.
    made = dag(f"{FEEDBACK} u>a u>y", a="treatment", p="feedback", u="unmeasured")
    assert check_varying(made, ["a"], "y", ["s"], ["p"]).unmeasured == ("u",)


# --- What a declared graph may be


@pytest.mark.parametrize(
    ("arrows", "roles", "says"),
    [
        ("x>c c>x x>y", {}, "in a circle through c, x"),
        ("p>q q>p p>y x>y", {"p": "feedback", "q": "feedback"}, "in a circle through"),
        ("c>>x x>y", {}, "`lag` belongs between nodes that vary"),
        ("p>c c>y x>y", {"p": "feedback"}, "cannot bring about what was there on day 0"),
    ],
)
def test_a_graph_that_cannot_be_is_refused(arrows: str, roles: dict[str, str], says: str) -> None:
    # Grade: exact: effects come after their causes.
    with pytest.raises(DeclarationInvalid) as refusal:
        dag(arrows, **roles)
    assert says in str(refusal.value)
    assert "through c, x, y" not in str(refusal.value)


def test_feedback_with_a_lag_is_no_circle() -> None:
    # Grade: exact: three weeks, each arrow a week on.
    made = dag("p>>q q>>p p>y x>y", p="feedback", q="feedback").unrolled()
    assert sorted(made.children["p[1]"]) == ["q[2]", "y"]
    assert sorted(made.children["p[3]"]) == ["y"]


def test_an_arrow_to_a_node_that_is_not_declared_is_refused() -> None:
    # Grade: exact.
    written = {
        "says": "x",
        "source": "x",
        "node": {"a": {"says": "a", "role": "confounder"}},
        "edge": [{"from": "a", "to": ["b"]}],
    }
    with pytest.raises(DeclarationInvalid, match="not declared: b"):
        build(Dag, written, origin="test")


@pytest.mark.parametrize(
    ("node", "says"),
    [
        ({"role": "unmeasured", "measured_by": [{"column": "episode.age_y"}]}, "has no columns"),
        ({"role": "confounder", "weekly": ["pain"]}, "nodes that vary"),
        ({"role": "feedback"}, "varies = true"),
        ({"role": "confounder", "measured_by": [{"column": "episode.comorbid", "as": "any_of"}]}, "lists the codes"),
        ({"role": "confounder", "measured_by": [{"column": "episode.age_y", "of": ["a"]}]}, "lists the codes"),
    ],
)
def test_a_node_that_contradicts_itself_is_refused(node: dict[str, Any], says: str) -> None:
    # Grade: exact.
    with pytest.raises(DeclarationInvalid) as refusal:
        build(Dag, {"says": "x", "source": "x", "node": {"a": {"says": "a", **node}}, "edge": []}, origin="test")
    assert says in str(refusal.value)
