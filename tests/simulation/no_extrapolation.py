"""Gate row `no_extrapolation`: nothing is told about durations that the records do not hold.

Aims: can any public way be made to tell a number at a duration beyond the 5th to 95th percentile without the flag, or anything at
ten years? Data: synthetic clinics of several sizes, whose longest durations are above ten years. Ways asked: the curve of the
estimator and its companion by strategies on arrays; every row of the analysis, as analysed and as shared; the data of every
figure; the view for one runner, from the results and through a study on disk; the declaration of a longer question. A count of
asks that told what they must not; the target is 0.
"""

from __future__ import annotations

import argparse
import copy
import io
import os
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from pathlib import Path

os.environ |= {"OPENBLAS_NUM_THREADS": "1"}  # read when NumPy loads

import numpy as np
import polars as pl

from tendon_outcomes.analysis.chronicity.assemble import assemble
from tendon_outcomes.analysis.chronicity.rails import OUTSIDE
from tendon_outcomes.analysis.chronicity.runner_view import runners_like_this
from tendon_outcomes.cli.demonstrate import write_clinic
from tendon_outcomes.cli.publish import answer_of
from tendon_outcomes.cli.runner import tell
from tendon_outcomes.cli.study import as_of_date, create, store, validate_files
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations import Protocol, ProtocolFile, declare, load_protocol, resolve, shipped
from tendon_outcomes.declarations.loading import build
from tendon_outcomes.errors import DeclarationInvalid, EstimationRefused
from tendon_outcomes.estimators.causal.exposure.effect_by_exposure import effect_by_exposure
from tendon_outcomes.estimators.causal.exposure.exposure_curve import exposure_curve
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.reporting.chronicity.rows import drawn
from tendon_outcomes.results import Results, suppress
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinic
from tendon_outcomes.vocabulary import OnReject
from tests.simulation.clinic_records import records_of

TEN_YEARS, ESTIMAND = 520.0, "chronicity_and_recovery"
FULL, QUICK = ((300, 1), (300, 2), (300, 3), (120, 4), (120, 5), (800, 6)), ((300, 1), (120, 4))
FIGURES = (
    "duration_incidence",
    "duration_incidence_band",
    "duration_difference",
    "duration_difference_band",
    "strategy_difference_by_duration",
    "strategy_difference_by_duration_band",
    "visa_change_by_duration",
    "responder_share_by_duration",
)
Ask = tuple[str, bool]
"""What was asked, and whether it was handled as it must be."""


def refused(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except EstimationRefused:
        return True
    return False


def of_estimators() -> Iterator[Ask]:
    """Curves on arrays: places beyond the exposures refused, those beyond the percentiles flagged."""
    rng = np.random.default_rng(1)
    log2_weeks = rng.normal(4.3, 1.5, 400)
    reached = (rng.random(400) < 0.5).astype(np.float64)
    low, high = np.quantile(log2_weeks, (0.05, 0.95))
    arm = rng.integers(0, 2, 400)
    for at in (log2_weeks.min() - 0.01, log2_weeks.max() + 0.01, np.log2(1e6)):
        yield (
            "curve beyond the exposures",
            refused(lambda at=at: exposure_curve(reached, log2_weeks, at=[at], reference=4, seed=1)),
        )
        yield (
            "reference beyond the exposures",
            refused(lambda at=at: exposure_curve(reached, log2_weeks, at=[4], reference=at, seed=1)),
        )
        yield (
            "strategies beyond the exposures",
            refused(lambda at=at: effect_by_exposure(reached, arm, log2_weeks, at=[at], seed=1)),
        )
    places = np.linspace(log2_weeks.min(), log2_weeks.max(), 50)
    found = exposure_curve(reached, log2_weeks, at=places, reference=4.0, seed=1)
    yield "curve beyond the percentiles is flagged", bool((found.outside == ((places < low) | (places > high))).all())
    either = np.clip(places, *(max(log2_weeks[arm == a].min() for a in (0, 1)), min(log2_weeks[arm == a].max() for a in (0, 1))))
    ends = [np.quantile(log2_weeks[arm == a], (0.05, 0.95)) for a in (0, 1)]
    beyond = (either < max(low for low, _ in ends)) | (either > min(high for _, high in ends))
    both = effect_by_exposure(reached, arm, log2_weeks, at=either, seed=1)
    yield "strategies beyond the percentiles are flagged", bool((both.outside == beyond).all())


def of_rows(results: Results, low: float, high: float) -> Iterator[Ask]:
    """Every number at a duration: flagged outside, in no band there, never at ten years."""
    numbers = results.rows.filter(
        pl.col("at").is_not_null(),
        pl.col("statistic") != "refusal",
        ~pl.col("statistic").str.starts_with("frailty"),
        pl.any_horizontal(pl.col(name).is_not_null() for name in ("estimate", "bound_low", "conf_low")),
    )
    for row in numbers.iter_rows(named=True):
        held = low <= row["at"] <= high or row["statistic"] == "since_onset_incidence"
        flagged = OUTSIDE in row["warning"] and not row["statistic"].endswith("_band")
        yield f"row of {row['statistic']}", (held or flagged) and row["at"] < TEN_YEARS


def of_figures(results: Results, low: float, high: float) -> Iterator[Ask]:
    """What figures draw lies inside: they draw no flagged point."""
    for statistic in FIGURES:
        for day in results.select(statistic)["day"].drop_nulls().unique().to_list():
            for term in ("curve", "milestone"):
                at = drawn(results, statistic, day, term)["at"]
                yield f"figure of {statistic}", at.is_empty() or bool(low <= at.min() and at.max() <= high)  # type: ignore[operator]


def of_runners(results: Results, low: float, high: float) -> Iterator[Ask]:
    """The view for a runner: everything outside the percentiles refused, ten years always."""
    for weeks in (-1.0, 0.0, 0.1, 0.9 * low, 0.999 * low, 1.001 * high, 1.1 * high, 260.0, 261.0, TEN_YEARS, 1e6, float("nan")):
        if not low <= weeks <= high:
            yield "runner outside the records", refused(lambda weeks=weeks: runners_like_this(results, weeks))


def of_declarations() -> Iterator[Ask]:
    """A question about ten years is no valid question."""
    written = tomllib.loads((shipped("analyses") / "protocol.toml").read_text(encoding="utf-8"))
    for key, value in (("ask_weeks", [6, 13, TEN_YEARS]), ("reference_weeks", TEN_YEARS)):
        changed = copy.deepcopy(written)
        changed["estimand"][ESTIMAND]["exposure"][key] = value
        try:
            build(ProtocolFile, changed, origin="protocol.toml")
            yield f"{key} of ten years", False
        except DeclarationInvalid:
            yield f"{key} of ten years", True


def of_study(folder: Path) -> Iterator[Ask]:
    """The way of the command line, through a study on disk."""

    def silent(_: str) -> None:
        return

    write_clinic(folder / "clinic", 300, 1, silent)
    study = create(folder / "study", None, force=False)
    as_of = as_of_date("2026-06-30")
    store(study, validate_files(study, folder / "clinic", as_of, OnReject.EXCLUDE, silent), as_of)
    for weeks in (0.5, TEN_YEARS):
        yield "runner through a study", refused(lambda weeks=weeks: tell(study, weeks, None, silent))
    yield "runner inside is told", not refused(lambda: tell(study, 26.0, None, silent))


def of_clinic(records: ValidatedRecords, protocol: Protocol) -> Iterator[Ask]:
    """Rows, figures and runners of one clinic, as analysed and as shared."""
    estimand = protocol.estimand(ESTIMAND)
    cohort = assemble_cohort(records, estimand.population)
    case = assemble(cohort, ascertain(cohort, estimand.endpoint, horizon_weeks=estimand.horizon_weeks), estimand)
    low, _, high = case.quantiles
    analysed: Results = answer_of("a3").answer(records, protocol)
    for results in (analysed, suppress(analysed, min_cell_count=1), suppress(analysed, min_cell_count=protocol.min_cell_count)):
        yield from of_rows(results, low, high)
        yield from of_figures(results, low, high)
        yield from of_runners(results, low, high)


def asks(*, quick: bool) -> Iterator[tuple[str, Ask]]:
    declared = declare()
    protocol = resolve(load_protocol(shipped("analyses") / "protocol.toml"), declared)
    yield from (("estimators", ask) for ask in of_estimators())
    yield from (("declarations", ask) for ask in of_declarations())
    for n, seed in QUICK if quick else FULL:
        clinic = simulate_clinic(n, seed=seed, settings=ClinicSettings())
        yield from ((f"clinic of {n}, seed {seed}", ask) for ask in of_clinic(records_of(clinic.tables, declared), protocol))
    with tempfile.TemporaryDirectory() as folder, redirect_stderr(io.StringIO()):
        yield from (("a study on disk", ask) for ask in of_study(Path(folder)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{len(QUICK)} clinics instead of {len(FULL)}, same seeds")
    counts: dict[str, list[int]] = {}
    wrong: dict[str, int] = {}
    for place, (what, handled) in asks(quick=parser.parse_args().quick):
        total = counts.setdefault(place, [0, 0])
        total[0] += 1
        total[1] += not handled
        if not handled:
            wrong[f"{place}: {what}"] = wrong.get(f"{place}: {what}", 0) + 1
    print(f"{'where':28} {'asked':>7} {'told':>6}")
    for place, (asked, told) in counts.items():
        print(f"{place:28} {asked:7d} {told:6d}")
    for what, times in wrong.items():
        print(f"  TOLD {times} times: {what}")
    told = sum(told for _, told in counts.values())
    print(f"{told} of {sum(asked for asked, _ in counts.values())} asks outside the records were told")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
