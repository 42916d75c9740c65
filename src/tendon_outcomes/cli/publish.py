"""From a snapshot to a report: run the analysis scripts, stamp, suppress, render, write."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType

from tendon_outcomes.cli.study import Study, log_report
from tendon_outcomes.cli.terminal import Say
from tendon_outcomes.declarations import Protocol, declare, shipped
from tendon_outcomes.errors import EstimationRefused, NoUsableRows, TendonOutcomesError, WrongUse
from tendon_outcomes.records import LedgerLine, RuleCount, ValidatedRecords
from tendon_outcomes.reporting import LedgerView, ReportInput, RuleView, render
from tendon_outcomes.results import Attrition, Results, Row, is_small, results_json, stamp, suppress_all, suppress_parts
from tendon_outcomes.snapshots import OUTPUTS, Manifest, open_snapshot, outputs_manifest, write_whole
from tendon_outcomes.vocabulary import Tier

Answer = Callable[[ValidatedRecords, Protocol], Results]


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
    protocol = study.protocol()
    provenance = stamp(snapshot=manifest.snapshot_id, declarations=declare().sha256, protocol=study.protocol_file)
    gathered = []
    for name in names:
        say(f"analysis {name}")
        gathered.append(_answer(answer_of(name), records, protocol).stamped(provenance))
    return suppress_all(gathered, min_cell_count=_cell(tier, protocol), totals=_accepted(manifest)), manifest


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


def _answer(module: ModuleType, records: ValidatedRecords, protocol: Protocol) -> Results:
    """A script's answer; when it refuses as a whole, the refusal is the answer."""
    answer: Answer = module.answer
    reason = ""
    try:
        return answer(records, protocol)
    except (EstimationRefused, NoUsableRows) as error:
        reason = error.summary
    estimand = protocol.estimand(module.ESTIMAND)
    refusal = Row(estimator="the whole analysis", statistic="refusal", term="not_answered", warning=reason)
    return Results.collect(estimand, [refusal], attrition=Attrition())


def publish(
    study: Study, snapshot_id: str | None, tier: Tier, say: Say, *, force: bool, notice: str = ""
) -> tuple[Path, list[Results]]:
    """Write report.html, results.json and the list of their hashes as one folder into the study's reports and log it.

    `notice` heads the page. The caller holds the study's lock.
    """
    protocol = study.protocol()
    results, manifest = run_analyses(study, _asked(protocol, say), snapshot_id, tier, say)
    say("page and figures")
    cell, told = _cell(tier, protocol), _told(results)
    page = render(
        ReportInput(
            results=tuple(results),
            protocol=protocol,
            tier=tier,
            as_of=manifest.as_of,
            snapshot_id=manifest.snapshot_id,
            ledger=tuple(_ledger_view(line, cell, told) for line in manifest.ledger),
            rule_counts=tuple(_rule_view(count, tier) for count in manifest.rule_counts),
            left_out_columns=manifest.left_out_columns,
            notice=notice,
        )
    )
    suffix = "-internal-do-not-share" if tier is Tier.INTERNAL else ""
    folder = study.folder / "reports" / f"{manifest.as_of}-{manifest.snapshot_id}{suffix}"
    files = {f"report{suffix}.html": page, f"results{suffix}.json": results_json(results)}
    outputs = outputs_manifest(files)
    write_whole(folder, {**files, OUTPUTS: outputs}, force=force)
    log_report(study, folder, outputs)
    return folder / f"report{suffix}.html", results


def _told(results: Iterable[Results]) -> set[int]:
    """Every total that a flow of the report tells."""
    steps = [step for one in results for step in one.attrition.steps]
    return {n for step in steps for n in (step.n_before, step.n_after) if n is not None}


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
