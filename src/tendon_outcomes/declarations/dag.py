"""What causes what, as a list of arrows: the graph that an adjustment set is held against. Its code knows arrows, no medicine."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from tendon_outcomes.declarations.loading import Declared

Role = Literal[
    "exposure",
    "treatment",
    "outcome",
    "confounder",
    "feedback",
    "prognostic",
    "unmeasured",
    "mediator",
    "observation",
    "negative_control",
]
Weekly = Literal["pain", "visa", "flare", "km_share", "adherence", "weeks_since_pain"]
Reading = Literal["number", "log2", "level", "any_of", "recorded"]

SLICES = 3
"""Weeks that a varying node is drawn for. A path through later ones repeats what three show: cause, effect and return."""


class Measure(Declared):
    """One column that measures a node, as `table.column`, and how it becomes a number.

    `number` as it is; `log2` its logarithm to base 2, of at least 1; `level` an indicator for each code but the most frequent;
    `any_of` 1 where one of the codes in `of` is recorded; `recorded` 1 where there is a value. `or_else`: columns that stand in
    where this one is empty. `name` is that of the covariate; without one it is the column's.
    """

    column: str
    reading: Reading = Field(default="number", alias="as")
    of: tuple[str, ...] = ()
    or_else: tuple[str, ...] = ()
    name: str = ""

    @model_validator(mode="after")
    def _codes_belong_to_any_of(self) -> Self:
        if (self.reading == "any_of") != bool(self.of):
            raise ValueError('`of` lists the codes of as = "any_of", and only of it')
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, *self.or_else)

    @property
    def covariate(self) -> str:
        return self.name or self.column.partition(".")[2]


class Node(Declared):
    """One variable of the graph. `varies`: it has a value every week. `weekly`: the weekly covariates that measure it."""

    says: str
    role: Role
    varies: bool = False
    measured_by: tuple[Measure, ...] = ()
    weekly: tuple[Weekly, ...] = ()

    @model_validator(mode="after")
    def _measured_where_it_can_be(self) -> Self:
        if self.role == "unmeasured" and (self.measured_by or self.weekly):
            raise ValueError("an unmeasured node has no columns")
        if self.weekly and not self.varies:
            raise ValueError("`weekly` belongs to nodes that vary")
        if self.role in ("treatment", "feedback", "observation") and not self.varies:
            raise ValueError(f"a node of role {self.role} has a value every week: varies = true")
        return self


class Edge(Declared):
    """Arrows from one node. Between nodes that vary `lag` says how many weeks the effect takes: 0 in the same week, or 1."""

    from_: str = Field(alias="from")
    to: tuple[str, ...] = Field(min_length=1)
    lag: int = Field(default=0, ge=0, le=1)


@dataclass(frozen=True)
class Graph:
    """Nodes and their arrows, drawn out over weeks."""

    parents: dict[str, frozenset[str]]
    children: dict[str, frozenset[str]]

    @classmethod
    def of(cls, nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> Self:
        parents: dict[str, set[str]] = {node: set() for node in nodes}
        children: dict[str, set[str]] = {node: set() for node in parents}
        for cause, effect in edges:
            parents[effect].add(cause)
            children[cause].add(effect)
        return cls(*({node: frozenset(ends) for node, ends in side.items()} for side in (parents, children)))

    def edges(self) -> Iterator[tuple[str, str]]:
        return ((cause, effect) for cause, effects in self.children.items() for effect in effects)

    def without(self, *, out_of: Set[str] = frozenset(), into: Set[str] = frozenset()) -> Graph:
        """This graph without the arrows that leave some nodes or enter others."""
        kept = ((cause, effect) for cause, effect in self.edges() if cause not in out_of and effect not in into)
        return Graph.of(self.parents, kept)

    def descendants(self, of: Iterable[str]) -> frozenset[str]:
        """Everything that these nodes bring about, directly or not; they themselves are not among it."""
        found: set[str] = set()
        waiting = list(of)
        while waiting:
            new = self.children[waiting.pop()] - found
            found |= new
            waiting += new
        return frozenset(found)

    def circular(self) -> frozenset[str]:
        """The nodes on circles of arrows, or between two circles; none in a graph without circles."""
        return _not_peeled(self.parents, self.children) & _not_peeled(self.children, self.parents)

    def open_trail(self, start: Iterable[str], end: Set[str], given: Set[str]) -> tuple[str, ...]:
        """The shortest trail from ``start`` to ``end`` that ``given`` leaves open, empty where they are d-separated.

        Breadth first over (node, came from a child or from a parent): a trail goes on through a node that is not given, and
        turns upwards where two arrows meet in a node that is given.
        """
        first = [(node, True) for node in sorted(start)]
        came: dict[tuple[str, bool], tuple[str, bool] | None] = dict.fromkeys(first)
        waiting = deque(first)
        while waiting:
            here = waiting.popleft()
            node, from_child = here
            if node in end:
                return self._walked(came, here)
            up = from_child != (node in given)
            nearby = [(parent, True) for parent in sorted(self.parents[node])] if up else []
            nearby += [(child, False) for child in sorted(self.children[node])] if node not in given else []
            for step in nearby:
                if step not in came:
                    came[step] = here
                    waiting.append(step)
        return ()

    @staticmethod
    def _walked(came: dict[tuple[str, bool], tuple[str, bool] | None], end: tuple[str, bool]) -> tuple[str, ...]:
        trail: list[str] = []
        here: tuple[str, bool] | None = end
        while here is not None:
            trail.append(here[0])
            here = came[here]
        return tuple(reversed(trail))

    def drawn(self, trail: tuple[str, ...]) -> str:
        """A trail with its arrows: strategy ← severity → recovery."""
        parts = list(trail[:1])
        for before, after in pairwise(trail):
            parts += ["→" if after in self.children[before] else "←", after]
        return " ".join(parts)


def _not_peeled(before: dict[str, frozenset[str]], after: dict[str, frozenset[str]]) -> frozenset[str]:
    """What is left when nodes with nothing before them are taken away again and again."""
    left = {node: len(ends) for node, ends in before.items()}
    free = [node for node, count in left.items() if count == 0]
    while free:
        node = free.pop()
        del left[node]
        for effect in after[node]:
            left[effect] -= 1
            if left[effect] == 0:
                free.append(effect)
    return frozenset(left)


class Dag(Declared):
    """The graph of one study: nodes, and arrows from causes to effects."""

    says: str
    source: str
    node: dict[str, Node]
    edge: tuple[Edge, ...]

    @model_validator(mode="after")
    def _arrows_join_declared_nodes(self) -> Self:
        if unknown := sorted({name for one in self.edge for name in (one.from_, *one.to)} - set(self.node)):
            raise ValueError(f"edges name nodes that are not declared: {', '.join(unknown)}")
        for one in self.edge:
            for effect in one.to:
                self._refuse_backwards(one, effect)
        if circle := self.unrolled().circular():
            raise ValueError(f"the arrows go round in a circle through {', '.join(sorted(circle))}")
        return self

    def _refuse_backwards(self, edge: Edge, effect: str) -> None:
        cause, target = self.node[edge.from_], self.node[effect]
        if edge.lag and not (cause.varies and target.varies):
            raise ValueError(f"edge {edge.from_} to {effect}: `lag` belongs between nodes that vary")
        if cause.varies and not target.varies and target.role not in ("outcome", "negative_control"):
            raise ValueError(f"edge {edge.from_} to {effect}: a weekly value cannot bring about what was there on day 0")

    def slices(self, name: str) -> tuple[str, ...]:
        """The node as it stands in the graph: itself, or one for every week drawn."""
        return tuple(f"{name}[{week}]" for week in range(1, SLICES + 1)) if self.node[name].varies else (name,)

    def unrolled(self) -> Graph:
        """The graph with a node a week for everything that varies.

        An arrow into a varying node from one that does not vary enters every week; one to the outcome leaves every week.
        """
        edges: list[tuple[str, str]] = []
        for one in self.edge:
            causes = self.slices(one.from_)
            for name in one.to:
                effects = self.slices(name)
                if len(causes) == len(effects) == SLICES:
                    edges += zip(causes[: SLICES - one.lag], effects[one.lag :], strict=True)
                else:
                    edges += [(cause, effect) for cause in causes for effect in effects]
        return Graph.of((part for name in self.node for part in self.slices(name)), edges)

    def of_role(self, *roles: Role) -> tuple[str, ...]:
        return tuple(name for name, node in self.node.items() if node.role in roles)
