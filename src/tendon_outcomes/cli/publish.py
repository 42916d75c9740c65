"""From a snapshot to a report: run the analysis scripts, stamp, suppress, render, write."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import polars as pl

from tendon_outcomes.cli.quarter import Quarter, keep, open_quarter
from tendon_outcomes.cli.study import Study, log_report
from tendon_outcomes.cli.terminal import Say
from tendon_outcomes.declarations import Protocol, declare, shipped
from tendon_outcomes.errors import EstimationRefused, NoUsableRows, TendonOutcomesError, WrongUse
from tendon_outcomes.records import LedgerLine, RuleCount, ValidatedRecords
from tendon_outcomes.reporting import LedgerView, ReportInput, RuleView, render
from tendon_outcomes.results import (
    Attrition,
    Provenance,
    Results,
    Row,
    ToldBefore,
    is_small,
    results_json,
    stamp,
    suppress_all,
    suppress_parts,
    told_by,
)
from tendon_outcomes.snapshots import OUTPUTS, Manifest, open_snapshot, outputs_manifest, write_whole
from tendon_outcomes.vocabulary import Tier


def scripts() -> dict[str, Path]:
    """The analysis scripts by their short name: a1, a4, ..."""
    return {path.name.partition("_")[0]: path for path in sorted(shipped("analyses").glob("a[0-9]*_*.py"))}


def answer_of(name: str) -> ModuleType:
    """Load one script.

    Raises
    ------
    WrongUse
        There is no such script.
    """
    known = scripts()
    if name not in known:
        raise WrongUse(f"there is no analysis {name}", way_out=f"Analyses: {', '.join(known)}.")
    spec = importlib.util.spec_from_file_location(f"tendon_outcomes_analyses.{known[name].stem}", known[name])
    if spec is None or spec.loader is None:
        raise TendonOutcomesError(f"analysis {name} cannot be loaded", way_out="Install tendon-outcomes again.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_analyses(
    study: Study, names: Iterable[str], snapshot_id: str | None, tier: Tier, say: Say
) -> tuple[list[Results], Manifest]:
    """Answers of the named scripts on one snapshot, stamped and suppressed together for the tier."""
    records, manifest = open_snapshot(study.folder, snapshot_id)
    case = Case(study.protocol(), study.protocol_file, records, manifest)
    answers, _ = _answers(case, names, say)
    return _suppressed(case, answers, tier), manifest


@dataclass(frozen=True, eq=False)
class Case:
    """What one report is worked out from. Without a `quarter` there is one snapshot and no history."""

    protocol: Protocol
    protocol_file: Path
    records: ValidatedRecords
    manifest: Manifest
    quarter: Quarter | None = None

    @property
    def told(self) -> ToldBefore:
        """What earlier quarters told outside the clinic."""
        return ToldBefore() if self.quarter is None else self.quarter.told


def _answers(case: Case, names: Iterable[str], say: Say) -> tuple[list[Results], Provenance]:
    """Answers of the named scripts, stamped, with nothing hidden."""
    provenance = stamp(snapshot=case.manifest.snapshot_id, declarations=declare().sha256, protocol=case.protocol_file)
    gathered: list[Results] = []
    for name in names:
        say(f"analysis {name}")
        gathered.append(_answer(answer_of(name), case, gathered, provenance).stamped(provenance))
    return gathered, provenance


def _suppressed(case: Case, answers: list[Results], tier: Tier) -> list[Results]:
    cell = _cell(tier, case.protocol)
    return suppress_all(answers, min_cell_count=cell, totals=_accepted(case.manifest), before=case.told)


def _asked(protocol: Protocol, say: Say) -> Iterator[str]:
    """The scripts whose question the protocol declares; an older study does not ask every one."""
    for name in scripts():
        estimand = answer_of(name).ESTIMAND
        if estimand in protocol.estimands:
            yield name
        else:
            say(f"analysis {name} left out: the protocol declares no estimand {estimand}")


def _cell(tier: Tier, protocol: Protocol) -> int:
    """The cell size below which counts are withheld; 1 hides nothing."""
    return 1 if tier is Tier.INTERNAL else protocol.min_cell_count


def _accepted(manifest: Manifest) -> list[int]:
    """Numbers of episodes that the intake table tells."""
    return [number for line in manifest.ledger if line.table == "episode" for number in (line.accepted, line.read)]


def _answer(module: ModuleType, case: Case, answers: list[Results], provenance: Provenance) -> Results:
    """A script's answer; when it refuses as a whole, the refusal is the answer. It gets of the rest what it asks for by name."""
    asked = inspect.signature(module.answer).parameters
    offered = {"history": case.quarter.history if case.quarter else None, "answers": tuple(answers)}
    given = {name: value for name, value in offered.items() if name in asked}
    reason = ""
    try:
        results: Results = module.answer(case.records, case.protocol, **given)
    except (EstimationRefused, NoUsableRows) as error:
        reason = error.summary
    estimand = case.protocol.estimand(module.ESTIMAND)
    if reason:
        refusal = Row(estimator="the whole analysis", statistic="refusal", term="not_answered", warning=reason)
        results = Results.collect(estimand, [refusal], attrition=Attrition())
    if case.quarter is None or "history" not in asked:
        return results
    changed = Results.collect(estimand, case.quarter.changed(provenance), attrition=results.attrition)
    return replace(results, rows=pl.concat([results.rows, changed.rows]))


def publish(
    study: Study,
    snapshot_id: str | None,
    tier: Tier,
    say: Say,
    *,
    force: bool,
    notice: str = "",
    quarter: str | None = None,
) -> tuple[Path, list[Results]]:
    """Write report.html, results.json and the list of their hashes as one folder into the study's reports and log it.

    A ``quarter`` is reported from the snapshot that stood at its end, with the history of the looks before; on its first report
    what it rests on is kept for good. `notice` heads the page. The caller holds the study's lock.
    """
    case = _case(study, snapshot_id, quarter)
    protocol, manifest = case.protocol, case.manifest
    answers, provenance = _answers(case, _asked(protocol, say), say)
    if case.quarter is not None:
        shared = _suppressed(case, answers, Tier.SHAREABLE)
        intake = _intake_told(case, shared)
        keep(study, case.quarter, answers, told_by(shared, totals=intake).to_dict(), provenance)
    results = _suppressed(case, answers, tier)
    say("page and figures")
    page = render(
        ReportInput(
            results=tuple(results),
            protocol=protocol,
            tier=tier,
            as_of=manifest.as_of,
            snapshot_id=manifest.snapshot_id,
            ledger=_ledger(case, results, tier),
            rule_counts=tuple(_rule_view(count, tier) for count in manifest.rule_counts),
            left_out_columns=manifest.left_out_columns,
            notice=notice,
        )
    )
    suffix = "-internal-do-not-share" if tier is Tier.INTERNAL else ""
    folder = study.folder / "reports" / f"{quarter or manifest.as_of}-{manifest.snapshot_id}{suffix}"
    files = {f"report{suffix}.html": page, f"results{suffix}.json": results_json(results)}
    outputs = outputs_manifest(files)
    write_whole(folder, {**files, OUTPUTS: outputs}, force=force)
    log_report(study, folder, outputs)
    return folder / f"report{suffix}.html", results


def _case(study: Study, snapshot_id: str | None, quarter: str | None) -> Case:
    """A snapshot under today's protocol, or a quarter under the protocol that it is reported by."""
    if quarter is None:
        records, manifest = open_snapshot(study.folder, snapshot_id)
        return Case(study.protocol(), study.protocol_file, records, manifest)
    if snapshot_id is not None:
        raise WrongUse("a quarter is reported from the snapshot that stood at its end", way_out="Give --quarter or --snapshot.")
    opened = open_quarter(study, quarter)
    records, manifest = open_snapshot(study.folder, opened.snapshot_id)
    return Case(opened.protocol(), opened.protocol_file, records, manifest, opened)


def _told(results: Iterable[Results]) -> set[int]:
    """Every total that a flow of the report tells."""
    steps = [step for one in results for step in one.attrition.steps]
    return {n for step in steps for n in (step.n_before, step.n_after) if n is not None}


def _ledger(case: Case, results: list[Results], tier: Tier) -> tuple[LedgerView, ...]:
    cell = _cell(tier, case.protocol)
    told = _told(results) | (set() if tier is Tier.INTERNAL else case.told.totals)
    return tuple(_ledger_view(line, cell, told) for line in case.manifest.ledger)


def _intake_told(case: Case, shared: list[Results]) -> list[int]:
    """Numbers of episodes that the intake table of the shared report tells."""
    lines = [line for line in _ledger(case, shared, Tier.SHAREABLE) if line.table == "episode"]
    return [number for line in lines for number in (line.read, line.accepted) if number is not None]


def _ledger_view(line: LedgerLine, cell: int, told: set[int]) -> LedgerView:
    """A file's ledger line; small parts and what would give them away are withheld.

    A line of episodes goes whole when its accepted records come close to a total of a flow, which would tell who was left out.
    """
    parts = (line.accepted, line.rejected, line.blank, line.left_out)
    if line.table == "episode" and any(is_small(abs(line.accepted - total), cell) for total in told):
        return LedgerView(line.file, line.table, None, None, None, None, None)
    hidden = suppress_parts(parts, cell)
    shown = [None if gone else part for part, gone in zip(parts, hidden, strict=True)]
    return LedgerView(line.file, line.table, line.read, *shown)


def _rule_view(rule: RuleCount, tier: Tier) -> RuleView:
    """Which rules were broken; how often is told inside the clinic only, because rule counts add up to the ledger's."""
    return RuleView(rule.rule, rule.table, rule.column, rule.says, rule.action, rule.count if tier is Tier.INTERNAL else None)
