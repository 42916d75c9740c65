"""Gate row `multiverse_equals_single_runs`: each cell of the table of readings is what one fresh run of that reading gives.

A fresh run knows nothing of the table: its definition is the endpoint's TOML with the numbers, criteria and confirmation changed
and read anew, and its cohort is assembled anew from the records.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tendon_outcomes.cohort import FollowUp, ascertain, assemble_cohort  # noqa: E402
from tendon_outcomes.cohort.outcome.multiverse import AS_DECLARED, Cell, multiverse  # noqa: E402
from tendon_outcomes.declarations import EndpointAsked, EndpointVersion, Population, declare, shipped  # noqa: E402
from tendon_outcomes.errors import NoUsableRows  # noqa: E402
from tendon_outcomes.records import ValidatedRecords  # noqa: E402
from tendon_outcomes.synthetic import simulate_clinic  # noqa: E402
from tests.simulation.clinic_records import everyone, records_of  # noqa: E402

HORIZON_WEEKS = 26


def written(name: str) -> dict[str, Any]:
    return tomllib.loads((shipped("data_schemas") / f"endpoints/{name}.toml").read_text(encoding="utf-8"))


def fresh_definition(cell: Cell) -> EndpointAsked:
    """The cell's endpoint, read from TOML that says it in so many words."""
    name, _, key = cell.reading.version.partition(".")
    endpoint = written(name)
    version = endpoint["version"][key]
    if cell.reading.variation != AS_DECLARED:
        [wanted] = [one for one in endpoint["variation"] if one["name"] == cell.reading.variation]
        for threshold in version["threshold"]:
            threshold["value"] = wanted.get("thresholds", {}).get(threshold["name"], threshold["value"])
        version["criterion"] = [one for one in version["criterion"] if one["id"] not in wanted.get("without", ())]
    version["confirmation"] = {"assessments": cell.reading.assessments, "days": cell.reading.days}
    declared = cell.reading.endpoint
    return EndpointAsked(declared.reference, declared.phrase, declared.not_yet, EndpointVersion.model_validate(version))


def fresh_run(records: ValidatedRecords, population: Population, cell: Cell) -> FollowUp | None:
    cohort = assemble_cohort(records, population)
    try:
        return ascertain(cohort, fresh_definition(cell), horizon_weeks=HORIZON_WEEKS, unconfirmed=cell.reading.unconfirmed)
    except NoUsableRows:
        return None


def same(one: FollowUp | None, other: FollowUp | None) -> bool:
    if one is None or other is None:
        return one is other
    return (
        one.episodes.equals(other.episodes)
        and one.assessments.equals(other.assessments)
        and one.attrition == other.attrition
        and one.horizon_days == other.horizon_days
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args(arguments)
    declared = declare()
    records = records_of(simulate_clinic(100 if asked.quick else 1_000, seed=7).tables, declared)
    population = everyone(declared)
    table = multiverse(assemble_cohort(records, population), list(declared.endpoints.values()), horizon_weeks=HORIZON_WEEKS)
    single = [fresh_run(records, population, cell) for cell in table.cells]
    unequal = [cell.reading for cell, fresh in zip(table.cells, single, strict=True) if not same(cell.follow_up, fresh)]
    names = [f"{one.version} {one.variation} {one.assessments}x{one.days} {one.unconfirmed}" for one in unequal]
    print("\n".join(f"differs: {name}" for name in names) or "every cell is its single run")
    # The comparison must be able to fail: neighbouring cells are different readings and mostly give other intervals.
    moved = sum(not same(cell.follow_up, other) for cell, other in zip(table.cells, single[1:], strict=False))
    answered = sum(cell.follow_up is not None for cell in table.cells)
    counts = f"{len(unequal)} of {len(table.cells)} cells differ ({answered} can be followed)"
    print(f"{counts}; {moved} differ from their neighbour's run")
    return 0 if not unequal and moved > len(table.cells) / 2 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
