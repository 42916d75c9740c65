"""A target trial as written, against the regimen, the graph and the tables that it names."""

from __future__ import annotations

from tendon_outcomes.declarations.adjustment import check_adjustment, check_varying
from tendon_outcomes.declarations.dag import Dag, Node, Role
from tendon_outcomes.declarations.declare import Declarations
from tendon_outcomes.declarations.regimens import RegimenVersion, SustainedStrategy
from tendon_outcomes.declarations.target_trial import TargetTrial, TrialEntry
from tendon_outcomes.errors import DeclarationInvalid, Finding

_READ_FROM = ("episode", "visit")
"""Tables that hold what was known on day 0."""


def resolve_trial(entry: TrialEntry, dag: Dag | None, known: Declarations) -> TargetTrial:
    """Look up strategies, nodes and columns, and hold both adjustment sets against the graph.

    Raises
    ------
    DeclarationInvalid
        A name is not declared, the protocol has no graph, or an adjustment set names what must not be adjusted for.
    """
    if dag is None:
        raise DeclarationInvalid(
            "a comparison of strategies needs a graph of causes", way_out="Write a [dag] into protocol.toml, as in analyses."
        )
    regimen = known.regimen(entry.regimen)
    reference, compared, *further = (_sustained(regimen, name) for name in (*entry.strategies, *entry.further_strategies))
    _refuse_unprescribed(entry, known)
    refuse_unknown_columns(dag, known)
    exposure, outcome = only_node(dag, "exposure"), only_node(dag, "outcome")
    treatments = dag.of_role("treatment")
    baseline = check_adjustment(dag, exposure, outcome, entry.adjust_for)
    weekly = check_varying(dag, treatments, outcome, entry.adjust_for, entry.adjust_for_varying)
    _refuse_unfit_controls(entry, dag, (exposure, *treatments), outcome)
    return TargetTrial(
        strategies=entry.strategies,
        regimen=regimen,
        grace_days=entry.grace_days,
        grace_sensitivity=entry.grace_sensitivity,
        sustain_weeks=entry.sustain_weeks,
        words=entry.words,
        adjust_for=entry.adjust_for,
        adjust_for_varying=entry.adjust_for_varying,
        negative_control_outcomes=entry.negative_control_outcomes,
        negative_control_exposure=entry.negative_control_exposure,
        truncate=entry.truncate,
        folds=entry.folds,
        replicates=entry.replicates,
        jackknife_groups=entry.jackknife_groups,
        seed=entry.seed,
        small_level=entry.small_level,
        missing_indicator_from=entry.missing_indicator_from,
        assumptions=entry.assumption,
        dag=dag,
        sustained=(reference, compared),
        further=tuple(further),
        check=baseline,
        check_varying=weekly,
    )


def _sustained(regimen: RegimenVersion, name: str) -> SustainedStrategy:
    if name not in regimen.sustained:
        raise DeclarationInvalid(
            f"the regimen has no sustained strategy {name}", way_out=f"It declares: {', '.join(sorted(regimen.sustained))}."
        )
    return regimen.sustained[name]


def _refuse_unprescribed(entry: TrialEntry, known: Declarations) -> None:
    codes = known.tables["episode"].column["strategy_prescribed"].codes
    if unknown := [name for name in entry.strategies if name not in codes]:
        raise DeclarationInvalid(
            f"nobody can be assigned to {', '.join(unknown)}: strategy_prescribed has no such code",
            way_out=f"It has: {', '.join(codes)}. Strategies of weeks alone belong into further_strategies.",
        )


def only_node(dag: Dag, role: Role) -> str:
    names = dag.of_role(role)
    if len(names) != 1:
        raise DeclarationInvalid(f"the graph has {len(names)} nodes of role {role}", way_out="It has exactly one.")
    return names[0]


def refuse_unknown_columns(dag: Dag, known: Declarations) -> None:
    findings = [
        Finding("D-02", f"dag.node.{name}", says) for name, node in dag.node.items() for says in _column_mistakes(node, known)
    ]
    if findings:
        raise DeclarationInvalid(
            "the graph names columns that are not declared", findings=findings, way_out="Correct [dag] in protocol.toml."
        )


def _column_mistakes(node: Node, known: Declarations) -> list[str]:
    says: list[str] = []
    for measure in node.measured_by:
        for place in measure.columns:
            table, _, column = place.partition(".")
            if table not in _READ_FROM:
                says.append(f"{place} is in none of the tables of day 0: {', '.join(_READ_FROM)}")
            elif column not in known.tables[table].column:
                says.append(f"{place} is not a declared column")
            else:
                codes = known.tables[table].column[column].codes
                says += [f"{code} is not a declared code of {place}" for code in measure.of if code not in codes]
    return says


def _refuse_unfit_controls(entry: TrialEntry, dag: Dag, treated: tuple[str, ...], outcome: str) -> None:
    """A negative control outcome is no effect of treatment, and a negative control exposure no cause of the outcome."""
    graph = dag.unrolled()
    names = (*entry.negative_control_outcomes, *((entry.negative_control_exposure,) if entry.negative_control_exposure else ()))
    findings = [
        Finding("D-05", f"negative control {name}", "is no node of role negative_control")
        for name in names
        if name not in dag.of_role("negative_control")
    ]
    affected = graph.descendants([part for name in treated for part in dag.slices(name)])
    findings += [
        Finding("D-05", f"negative control {name}", "is brought about by the treatment, so a difference in it proves nothing")
        for name in entry.negative_control_outcomes
        if name in dag.node and not affected.isdisjoint(dag.slices(name))
    ]
    name = entry.negative_control_exposure
    if name in dag.node and not graph.descendants(dag.slices(name)).isdisjoint(dag.slices(outcome)):
        findings.append(Finding("D-05", f"negative control {name}", "brings the outcome about, so a difference proves nothing"))
    if findings:
        raise DeclarationInvalid(
            "a negative control must have no effect of its own", findings=findings, way_out="Name another, or correct [dag]."
        )
