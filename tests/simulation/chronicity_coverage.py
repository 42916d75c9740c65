"""Gate row `chronicity_coverage`: curves over the time it has hurt, and their bands, against four known truths.

Aims: does the curve of recovery over duration find its truth, and do its 95 % limits and simultaneous bands hold? Data: clinics
of 120 and 400 runners (chronicity_truths): durations of a first-line clinic, a covariate that goes with them, slows recovery and
makes loss likelier, weekly looks with misses, a competing event; recovery falls with every doubling, is U-shaped, falls in one
step at 26 weeks, or does not depend on duration. Estimands: incidence of recovery by 8, 12 and 26 weeks over duration,
standardised over the covariate, and its difference from that at 12 weeks. Methods: exposure_curve on pseudo-values, a spline of 4
knots; beside it, promised nothing, a split at the median. Performance: bias integrated over the 5th to 95th percentile below 1.5
points; coverage at 6, 13, 26, 52 and 104 weeks, and of whole curves by their bands, each within z Monte-Carlo errors of 95 %, z
Bonferroni at 1 % over all of them. A clinic of which no runner has hurt as long (or as short) as a duration asked for refuses
it; such clinics are counted, and may be 1 %.

No spline of 4 knots follows a step: there the curve is held against the best that this model can come to with endless runners,
and what it misses of the step itself is printed in the columns `misfit` and `truth held`. The other truths are held against as
they are, misfit and all. The split must miss, or this row could not tell a good curve from a bad one.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from statistics import NormalDist
from typing import NamedTuple

os.environ |= {"OPENBLAS_NUM_THREADS": "1"}  # two workers share two cores; read when NumPy loads

import numpy as np

from tendon_outcomes.errors import EstimationRefused, NotConverged
from tendon_outcomes.estimators.causal.exposure.exposure_curve import ExposureCurve, exposure_curve
from tendon_outcomes.estimators.causal.point_treatment.g_computation import g_computation
from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import PseudoValues, pseudo_values
from tests.simulation.chronicity_truths import (
    CENTRE,
    REFERENCE,
    SPREAD,
    TRUTHS,
    WEEKS,
    FloatArray,
    best_spline,
    sample,
    true_curve,
)

FULL, QUICK, BATCH, SEED = 1_000, 200, 20, 6
SIZES, KNOTS = (120, 400), 4
ASKED_WEEKS = (6, 13, 26, 52, 104)
_P95 = NormalDist().inv_cdf(0.95)
GRID = np.linspace(CENTRE - _P95 * SPREAD, CENTRE + _P95 * SPREAD, 21)
AT = np.sort(np.concatenate([GRID, np.log2(ASKED_WEEKS)]))
ASKED = np.searchsorted(AT, np.log2(ASKED_WEEKS))
EVEN = np.searchsorted(AT, GRID)
ESTIMATE, ERROR, LOW, HIGH, BAND_LOW, BAND_HIGH = range(6)
PROJECTED = ("threshold",)
LARGEST_BIAS, MOST_REFUSED = 0.015, 0.01  # of a share; of clinics without a runner beyond a duration asked for


class Found(NamedTuple):
    """Of one clinic. `spline` (2, 6, 3, g): curve and difference; estimate, error, limits, band; weeks; durations."""

    spline: FloatArray
    split: FloatArray
    """(3, 3, g): estimate and limits of the half of the runners that a duration falls into; weeks; durations."""
    linear: bool


def outcomes(truth: str, n: int, replicate: int) -> tuple[PseudoValues, FloatArray, FloatArray]:
    """Pseudo-values of one clinic, its log2 weeks and its covariate."""
    clinic = sample(truth, n, np.random.default_rng([SEED, list(TRUTHS).index(truth), n, replicate]))
    value = pseudo_values(clinic.left, clinic.right, clinic.cause, days=[7 * week for week in WEEKS])
    return value, clinic.log2_weeks, clinic.covariate


def one_clinic(truth: str, n: int, replicate: int) -> Found | None:
    """Everything estimated in one clinic; None where it is refused."""
    try:
        value, x, z = outcomes(truth, n, replicate)
        curve = exposure_curve(value, x, z[:, None], names=["age"], at=AT, reference=REFERENCE, knots=KNOTS, seed=SEED)
    except (EstimationRefused, NotConverged):
        return None
    return Found(_numbers(curve), median_split(value, x, z), bool(curve.linear.any()))


def _numbers(curve: ExposureCurve) -> FloatArray:
    columns = ("estimate", "std_error", "conf_low", "conf_high", "band_low", "band_high")
    return np.array([[getattr(one, name) for name in columns] for one in (curve, curve.difference)])


def median_split(value: PseudoValues, x: FloatArray, z: FloatArray) -> FloatArray:
    """What a split at the median says of each duration, standardised over the covariate as the spline is."""
    cut = float(np.median(x))
    means = g_computation(value, (x > cut).astype(np.int64), z[:, None])
    halves = [means.arm(half) for half in (0, 1)]
    each = np.array([[one.estimate, one.conf_low, one.conf_high] for one in halves])
    return np.asarray(np.moveaxis(each[(cut < AT).astype(int)], 0, -1))


def batch(truth: str, n: int, number: int) -> list[Found | None]:
    np.seterr(all="ignore")
    return [one_clinic(truth, n, replicate) for replicate in range(number * BATCH, (number + 1) * BATCH)]


@dataclass(frozen=True)
class Cell:
    """One truth, size and week over all clinics."""

    truth: str
    n: int
    week: int
    true: FloatArray  # (2, g) curve and difference
    best: FloatArray  # the same of the best spline
    spline: FloatArray  # (clinics, 2, 6, g)
    split: FloatArray  # (clinics, 3, g)
    refused: int
    linear: int

    @property
    def target(self) -> FloatArray:
        return self.best if self.truth in PROJECTED else self.true

    def held(self, against: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shares of clinics whose limits hold at each asked duration (2, 5), and whose bands hold everywhere (2,)."""
        aim = against[None]
        point = (self.spline[:, :, LOW] <= aim) & (aim <= self.spline[:, :, HIGH])
        everywhere = ((self.spline[:, :, BAND_LOW] <= aim) & (aim <= self.spline[:, :, BAND_HIGH])).all(axis=2)
        return point[:, :, ASKED].mean(axis=0), everywhere.mean(axis=0)

    @property
    def bias(self) -> float:
        """Mean distance of the mean curve from its target, over the supported durations."""
        return _over(np.abs(self.spline[:, 0, ESTIMATE].mean(axis=0) - self.target[0]))

    @property
    def misfit(self) -> float:
        return _over(np.abs(self.best[0] - self.true[0]))

    @property
    def error_ratio(self) -> FloatArray:
        """Root mean square of the standard errors over the spread of the estimates, middle of the asked durations (2,)."""
        error = np.sqrt((self.spline[:, :, ERROR] ** 2).mean(axis=0))
        spread = self.spline[:, :, ESTIMATE].std(axis=0, ddof=1)
        return np.asarray(np.median((error / spread)[:, ASKED], axis=1))

    def typical_error(self, estimate: FloatArray) -> float:
        """Root mean square distance from the truth itself, over clinics and supported durations."""
        return float(np.sqrt(_over(((estimate - self.true[0]) ** 2).mean(axis=0))))

    @property
    def split_held(self) -> float:
        """Share of supported durations and clinics at which the limits of the split hold the truth."""
        return _over(((self.split[:, 1] <= self.true[0]) & (self.true[0] <= self.split[:, 2])).mean(axis=0))


def _over(values: FloatArray) -> float:
    """Mean over the 5th to the 95th percentile of the duration, even on the scale of doublings."""
    return float(np.mean(values[..., EVEN]))


def curves(truth: str) -> tuple[FloatArray, FloatArray]:
    """(2, 3, g): the true curves and differences, and those of the best spline."""
    found = []
    for of in (true_curve, best_spline):
        curve = of(truth, np.append(AT, REFERENCE))
        found.append(np.stack([curve[:, :-1], curve[:, :-1] - curve[:, -1:]]))
    return found[0], found[1]


def gathered(clinics: int) -> list[Cell]:
    """All cells over so many clinics each."""
    cells: list[Cell] = []
    with ProcessPoolExecutor(max_workers=2) as pool:
        for truth, n in product(TRUTHS, SIZES):
            jobs = [(truth, n, number) for number in range(clinics // BATCH)]
            found = [one for part in pool.map(batch, *zip(*jobs, strict=True)) for one in part]
            print(f"{truth}, n = {n}: {len(found)} clinics", file=sys.stderr)
            cells += _cells(truth, n, found)
    return cells


def _cells(truth: str, n: int, every: list[Found | None]) -> list[Cell]:
    found = [one for one in every if one is not None]
    true, best = curves(truth)
    spline, split = np.stack([one.spline for one in found]), np.stack([one.split for one in found])
    linear = sum(one.linear for one in found)
    return [
        Cell(truth, n, week, true[:, k], best[:, k], spline[:, :, :, k], split[:, :, k], len(every) - len(found), linear)
        for k, week in enumerate(WEEKS)
    ]


HEAD = (
    f"{'truth':10} {'n':>3} {'week':>4} {'bias':>6} {'misfit':>6} {'SE ratio':>9}  {'curve: at durations, band':27} "
    f"{'difference: at durations, band':32} {'truth held':>11}  {'error':>6} {'split':>6} {'split holds':>11}"
)


def line(cell: Cell, reach: float) -> tuple[str, int, FloatArray]:
    """One line of the table, how many numbers of it fail, and the coverages that were judged."""
    at, bands = cell.held(cell.target)
    coverages = np.concatenate([at.ravel(), bands])
    outside = int((np.abs(coverages - 0.95) > reach).sum())
    too_many_refused = cell.refused > MOST_REFUSED * (cell.refused + len(cell.spline))
    biased = not cell.bias <= LARGEST_BIAS
    ratio = "/".join(f"{one:.2f}" for one in cell.error_ratio)
    words = [f"{row.min():.3f}-{row.max():.3f}, {band:.3f}" for row, band in zip(at, bands, strict=True)]
    true_at, true_bands = cell.held(cell.true)
    notes = [
        f"{cell.refused} refused" if cell.refused else "",
        "TOO MANY" if too_many_refused else "",
        f"{cell.linear} linear" if cell.linear else "",
        "BIAS" if biased else "",
        f"{outside} OUTSIDE" if outside else "",
        "against the best spline" if cell.truth in PROJECTED else "",
    ]
    numbers = (
        f"{cell.truth:10} {cell.n:3} {cell.week:4} {100 * cell.bias:6.2f} {100 * cell.misfit:6.2f} {ratio:>9}  {words[0]:27} "
        f"{words[1]:32} {true_at[0].min():.3f} {true_bands[0]:.3f}  {cell.typical_error(cell.spline[:, 0, ESTIMATE]):6.3f} "
        f"{cell.typical_error(cell.split[:, 0]):6.3f} {cell.split_held:11.3f}"
    )
    return f"{numbers}  {', '.join(filter(None, notes))}".rstrip(), outside + biased + too_many_refused, coverages


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} clinics a cell instead of {FULL:,}, same seeds")
    clinics = QUICK if parser.parse_args(arguments).quick else FULL
    cells = gathered(clinics)
    judged = len(cells) * 2 * (len(ASKED) + 1)
    reach = NormalDist().inv_cdf(1 - 0.01 / (2 * judged)) * np.sqrt(0.95 * 0.05 / clinics)
    rows = [line(cell, reach) for cell in cells]
    failed, mean = sum(row[1] for row in rows), float(np.concatenate([row[2] for row in rows]).mean())
    missed = sum(cell.split_held < 0.95 - reach for cell in cells)
    print(f"bias, misfit in points; coverages of 95 % may be {0.95 - reach:.4f} to {min(0.95 + reach, 1.0):.4f}")
    print("\n".join([HEAD, *(row[0] for row in rows)]))
    print(
        f"{judged} coverages and {len(cells)} biases of {clinics} clinics each, {failed} fail; mean coverage {mean:.4f}; worst "
        f"bias {100 * max(cell.bias for cell in cells):.2f} points; the split at the median misses in {missed} of {len(cells)}"
    )
    return 1 if failed or not missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
