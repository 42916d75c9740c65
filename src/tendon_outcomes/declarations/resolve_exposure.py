"""A prognostic factor as written, against the graph, the tables and the instruments that it names."""

from __future__ import annotations

from tendon_outcomes.declarations.adjustment import check_adjustment
from tendon_outcomes.declarations.dag import Dag
from tendon_outcomes.declarations.declare import Declarations
from tendon_outcomes.declarations.prognostic import AdjustmentSet, Exposure, ExposureEntry, Gain, Response
from tendon_outcomes.declarations.resolve_trial import only_node, refuse_unknown_columns
from tendon_outcomes.declarations.target_trial import TargetTrial
from tendon_outcomes.errors import DeclarationInvalid, Finding

_TABLE = "episode"


def resolve_exposure(entry: ExposureEntry, dag: Dag | None, trial: TargetTrial | None, known: Declarations) -> Exposure:
    """Look up the factor's node and column, the thresholds and the precisions, and hold the adjustment set against the graph.

    ``trial`` is that of the estimand named by `strategies_of`.

    Raises
    ------
    DeclarationInvalid
        A name is not declared, the protocol has no graph, or the adjustment set names what must not be adjusted for.
    """
    if dag is None:
        raise DeclarationInvalid(
            "a prognostic question needs a graph of causes", way_out="Write a [dag] into protocol.toml, as in analyses."
        )
    refuse_unknown_columns(dag, known)
    _refuse_other_column(entry, dag)
    _refuse_unknown_precisions(entry, known)
    outcome = only_node(dag, "outcome")
    check = check_adjustment(dag, entry.node, outcome, entry.adjust_for)
    _refuse_unfit_sensitivity(entry, dag)
    return Exposure(
        node=entry.node,
        says=dag.node[entry.node].says,
        column=entry.column,
        scale=entry.scale,
        knots=entry.knots,
        reference_weeks=entry.reference_weeks,
        ask_weeks=entry.ask_weeks,
        most_weeks=entry.most_weeks,
        grid_points=entry.grid_points,
        bands_weeks=entry.bands_weeks,
        adjustment=_adjustment(entry, dag, entry.adjust_for),
        sensitivity=_adjustment(entry, dag, (*entry.sensitivity_adjust_for, *entry.adjust_for))
        if entry.sensitivity_adjust_for
        else None,
        trial=trial,
        compare_week=entry.compare_week,
        seed=entry.seed,
        recall=entry.recall,
        frailty=entry.frailty,
        gain=_gain(entry.response, known) if entry.response is not None else None,
        check=check,
    )


def _adjustment(entry: ExposureEntry, dag: Dag, nodes: tuple[str, ...]) -> AdjustmentSet:
    return AdjustmentSet(dag, nodes, entry.small_level, entry.missing_indicator_from)


def _refuse_other_column(entry: ExposureEntry, dag: Dag) -> None:
    """The factor is a measured node of the graph, and the column one of those that measure it."""
    if entry.node not in dag.node:
        raise DeclarationInvalid(f"the graph has no node {entry.node}", way_out=f"Its nodes: {', '.join(sorted(dag.node))}.")
    columns = [place for measure in dag.node[entry.node].measured_by for place in measure.columns]
    if f"{_TABLE}.{entry.column}" not in columns:
        raise DeclarationInvalid(
            f"exposure: {_TABLE}.{entry.column} does not measure {entry.node} in the graph",
            way_out=f"It is measured by {', '.join(columns) or 'nothing'}.",
        )


def _refuse_unknown_precisions(entry: ExposureEntry, known: Declarations) -> None:
    codes = set(known.onset.margin_days)
    if codes != set(entry.recall.spread_log2):
        raise DeclarationInvalid(
            "exposure.recall.spread_log2 does not name the precisions of onset.toml",
            way_out=f"Give one number for each of {', '.join(sorted(codes))}.",
        )


def _refuse_unfit_sensitivity(entry: ExposureEntry, dag: Dag) -> None:
    """What is tried beside the primary set is measured, and is brought about by the factor: else it belongs to the set."""
    graph = dag.unrolled()
    downstream = graph.descendants(dag.slices(entry.node))
    findings = []
    for name in entry.sensitivity_adjust_for:
        place = f"sensitivity_adjust_for {name}"
        if name not in dag.node:
            findings.append(Finding("D-05", place, "is no node of the graph"))
        elif dag.node[name].varies or not dag.node[name].measured_by:
            findings.append(Finding("D-05", place, "is not measured on day 0"))
        elif dag.node[name].role not in ("confounder", "prognostic"):
            findings.append(Finding("D-05", place, f"is of role {dag.node[name].role}"))
        elif name not in downstream:
            findings.append(Finding("D-05", place, f"is not brought about by {entry.node}: it belongs into adjust_for"))
    if findings:
        raise DeclarationInvalid(
            "sensitivity_adjust_for names what cannot be tried", findings=findings, way_out="Correct the exposure or the [dag]."
        )


def _gain(response: Response, known: Declarations) -> Gain:
    if response.instrument not in known.instruments:
        raise DeclarationInvalid(
            f"exposure.response names an instrument that is not declared: {response.instrument}",
            way_out=f"Declared: {', '.join(sorted(known.instruments))}.",
        )
    instrument = known.instruments[response.instrument]
    found = [one for one in instrument.threshold if one.name == response.threshold]
    if not found:
        raise DeclarationInvalid(
            f"{response.instrument} has no threshold {response.threshold}",
            way_out=f"It has: {', '.join(one.name for one in instrument.threshold)}.",
        )
    low, high = instrument.range
    return Gain(
        response.instrument,
        instrument.total_column,
        float(found[0].value),
        float(low),
        float(high),
        response.week,
        response.window_days,
    )
