"""Gate row `demo_reproducible`: the documented commands twice from scratch give the same bytes, and the kept demo's numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OUTPUTS = ("report.html", "results.json")


def whole_way(folder: Path, environment: dict[str, str]) -> Path:
    """simulate, init, ingest, report in an empty folder; the folder of the report."""
    steps = (
        ("simulate", "--episodes", "300", "--seed", "1", "--out", "clinic"),
        ("init", "study"),
        ("ingest", "study", "clinic", "--as-of", "2026-06-30"),
        ("report", "study"),
    )
    for step in steps:
        subprocess.run(
            [sys.executable, "-m", "tendon_outcomes", *step],
            cwd=folder,
            env={**os.environ, **environment},
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    return next((folder / "study/reports").iterdir())


def numbers(results: bytes) -> list[dict[str, Any]]:
    """Everything in results.json but the hashes, which change with every line of code."""
    content = json.loads(results)["results"]
    for one in content:
        one.pop("provenance")
        for row in one["rows"]:
            row.pop("provenance_id")
    found: list[dict[str, Any]] = content
    return found


def main() -> int:
    mixes = ({"TZ": "UTC", "PYTHONHASHSEED": "1"}, {"TZ": "Pacific/Auckland", "PYTHONHASHSEED": "77", "POLARS_MAX_THREADS": "1"})
    outputs: list[dict[str, bytes]] = []
    for mix in mixes:
        with tempfile.TemporaryDirectory() as folder:
            report = whole_way(Path(folder), mix)
            outputs.append({name: (report / name).read_bytes() for name in OUTPUTS})
    differing = sum(a != b for name in OUTPUTS for a, b in zip(outputs[0][name], outputs[1][name], strict=False))
    differing += sum(abs(len(outputs[0][name]) - len(outputs[1][name])) for name in OUTPUTS)
    committed = (ROOT / "reports/demo/results.json").read_bytes()
    same_numbers = numbers(outputs[0]["results.json"]) == numbers(committed)
    size = sum(map(len, outputs[0].values()))
    print(f"{differing} of {size} bytes differ; committed demo holds {'the same' if same_numbers else 'OTHER'} numbers")
    return 0 if not differing and same_numbers else 1


if __name__ == "__main__":
    sys.exit(main())
