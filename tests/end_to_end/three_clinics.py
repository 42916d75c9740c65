"""Gate row `three_clinics`: clinics of 15, 40 and 400 patients through `report --quarter`, in both tiers.

What is right for each follows from its size. The share of runners improved by week 12 is known, because the clinics are
synthetic: no verdict may contradict it, and the limits that hold at every look must hold it. Fifteen patients are too few for
charts, groups by clinician and most claims, and each of these is refused with what would do; of four hundred everything is
drawn. No figure on any page is empty: there is a drawing with something in it, or a sentence that says why there is none. All 19
claims stand in each register, the three that need other records among them. Outside the clinic no clinician is named.
`--quick`: the audit alone, without the other questions and the register.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tendon_outcomes.synthetic import quarterly_exports
from tests.simulation.frozen_quarters import audit_alone

WEEK_12 = 84
AUDIT, REGISTER = "meaningful_improvement_by_12_weeks", "claims_register"
NEED_OTHER_RECORDS = ("claim: H10", "claim: H13", "claim: H19")
CHARTS = ("run_chart", "p_chart", "ewma", "cusum")
NEVER = 10**6  # days
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Clinic:
    """A clinic, and what its size makes right: whether charts and groups by clinician can be told."""

    patients: int
    quarters: int
    charted: bool
    by_clinician: bool


CLINICS = (Clinic(15, 5, False, False), Clinic(40, 8, False, False), Clinic(400, 16, True, True))


def told(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command as a clinic would give it."""
    command = [sys.executable, "-m", "tendon_outcomes", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def reports(folder: Path, clinic: Clinic, *, quick: bool) -> tuple[dict[str, Path], pl.DataFrame, list[str]]:
    """The folder of each tier's report of the last quarter, the truth, and commands that did not end well."""
    exports, truth = quarterly_exports(clinic.patients, clinic.quarters, seed=clinic.patients)
    wrong = []
    steps: list[tuple[object, ...]] = [("init", "study")]
    for export in exports:
        place = folder / export.quarter
        place.mkdir()
        for name, content in export.files.items():
            (place / name).write_bytes(content)
        steps.append(("ingest", "study", place, "--as-of", export.as_of.isoformat(), "--on-reject", "exclude"))
    for step in steps:
        done = told(folder, *step)
        wrong += [f"{step[0]} ended with {done.returncode}: {done.stderr[-300:]}"] if done.returncode not in (0, 1) else []
    if quick:
        protocol = folder / "study/protocol.toml"
        protocol.write_text(audit_alone(protocol.read_text(encoding="utf-8")), encoding="utf-8")
    made = {}
    for tier in ("shareable", "internal"):
        done = told(folder, "report", "study", "--quarter", exports[-1].quarter, "--tier", tier, "--json")
        if done.returncode:
            wrong.append(f"report, {tier}: ended with {done.returncode}: {done.stderr[-300:]}")
        else:
            made[tier] = Path(folder / json.loads(done.stdout)["report"])
    return made, truth, wrong


def true_share(truth: pl.DataFrame) -> float:
    """Of runners with a structured plan, how many improve by week 12, before anything else comes in between."""
    planned = truth.filter(pl.col("strategy") != "modification_only")
    first = pl.col("true_mi_day") <= pl.col("competing_day").fill_null(NEVER)
    improved = (pl.col("true_mi_day") <= WEEK_12) & first
    return float(planned.select(improved.fill_null(value=False).mean()).item())


def page_faults(page: str) -> Iterator[str]:
    """Empty figures, sentences without a reason, and what only a program would say."""
    for figure in re.findall(r"<figure.*?</figure>", page, flags=re.DOTALL):
        drawings = re.findall(r"<svg.*?</svg>", figure, flags=re.DOTALL)
        if not drawings or any(len(re.findall(r"<(path|use|rect)\b", one)) < 8 or "<desc" not in one for one in drawings):
            yield f"an empty figure: {re.sub('<[^>]+>', '', figure)[:80]}"
    for instead in re.findall(r'<p class="instead">(.*?)</p>', page, flags=re.DOTALL):
        if len(re.sub(r"<strong>.*?</strong>|<[^>]+>", "", instead).split()) < 4:
            yield f"no figure and no reason: {instead[:80]}"
    text = re.sub(r"<style.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    yield from (f"on the page: {one}" for one in sorted(set(re.findall(r"\b(None|nan|Traceback|undefined)\b", text))))


def answer_faults(rows: Rows, clinic: Clinic, share: float) -> Iterator[str]:
    """Verdicts against the truth, and charts and groups against the size."""
    by_statistic: dict[str, Rows] = {}
    for row in rows:
        by_statistic.setdefault(row["statistic"], []).append(row)
    for statistic in ("verdict", "look_verdict"):
        words = {row["term"] for row in by_statistic.get(statistic, [])}
        if ("supported" in words and share <= 0.5) or ("refuted" in words and share >= 0.5):
            yield f"{statistic} {sorted(words)} though the true share is {share:.2f}"
    for row in by_statistic.get("look_share", []):
        if row["conf_low"] is not None and not row["conf_low"] <= share <= row["conf_high"]:
            yield f"limits of the look of {row['stratum']} miss the true share {share:.2f}"
    if not by_statistic.get("look_share") or not by_statistic.get("cohort_share"):
        yield "no look or no cohort"
    drawn = [one for one in CHARTS if by_statistic.get(one)]
    refused = {row["stratum"] for row in by_statistic.get("refusal", [])}
    if clinic.charted != (len(drawn) == len(CHARTS)) or (not clinic.charted and "charts" not in refused):
        yield f"charts made: {', '.join(drawn) or 'none'}; refused: {'charts' in refused}"
    groups = {row["stratum"] for row in by_statistic.get("group_incidence", []) if row["stratum"].startswith("clinician: ")}
    if clinic.by_clinician != bool(groups):
        yield f"{len(groups)} clinicians told"
    yield from (f"a refusal without a reason: {row['term']}" for row in by_statistic.get("refusal", []) if not row["warning"])


def register_faults(rows: Rows, clinic: Clinic) -> Iterator[str]:
    claims = {row["stratum"]: row for row in rows if row["statistic"] == "claim"}
    if len(claims) != 19:
        yield f"{len(claims)} of 19 claims"
    yield from (f"{one} is answered" for one in NEED_OTHER_RECORDS if claims.get(one, {}).get("term") != "needs_other_records")
    yield from (f"{name}: no ground" for name, row in claims.items() if "answered" in row["term"] and not row["warning"])
    decided = [name for name, row in claims.items() if row["term"] in ("supported", "refuted")]
    if clinic.patients < 20 and len(decided) > 3:
        yield f"{clinic.patients} patients decide {len(decided)} claims"


def faults(clinic: Clinic, folder: Path, *, quick: bool) -> list[str]:
    made, truth, wrong = reports(folder, clinic, quick=quick)
    share = true_share(truth)
    for tier, path in made.items():
        page = path.read_text(encoding="utf-8")
        found = list(page_faults(page))
        name = next(path.parent.glob("results*.json"))
        answers = {one["estimand"]: one["rows"] for one in json.loads(name.read_text(encoding="utf-8"))["results"]}
        if tier == "internal":
            found += answer_faults(answers[AUDIT], clinic, share)
            found += [] if quick else register_faults(answers[REGISTER], clinic)
        elif any(str(row["stratum"]).startswith("clinician: ") for row in answers[AUDIT]) or "-C01" in page:
            found.append("a clinician is named outside the clinic")
        wrong += [f"{tier}: {one}" for one in found]
    print(
        f"{clinic.patients:4d} patients, {clinic.quarters:2d} quarters: true share {share:.2f}, {len(wrong)} faults", flush=True
    )
    for one in wrong:
        print(f"     {one}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the audit alone")
    quick = parser.parse_args().quick
    found = 0
    for clinic in CLINICS:
        with tempfile.TemporaryDirectory() as place:
            found += len(faults(clinic, Path(place), quick=quick))
    print(f"{found} faults on {2 * len(CLINICS)} pages of {len(CLINICS)} clinics")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
