"""Bootstrap and jackknife: exact small cases, published formulas, workers, interruptions, refusals."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators import kaplan_meier
from tendon_outcomes.estimators.resampling import intervals
from tendon_outcomes.estimators.resampling.bootstrap import bootstrap
from tendon_outcomes.estimators.resampling.cox import batched_cox
from tendon_outcomes.estimators.resampling.curve_bootstrap import bootstrap_curve
from tendon_outcomes.estimators.resampling.curves import curve_statistic
from tendon_outcomes.estimators.resampling.draws import clusters_of, generator_of
from tendon_outcomes.estimators.resampling.executors import SERIAL, DaskCluster, Processes, WorkerLost
from tendon_outcomes.estimators.resampling.iptw import iptw_statistic
from tendon_outcomes.estimators.resampling.jackknife import jackknife
from tendon_outcomes.estimators.resampling.one_by_one import one_by_one
from tendon_outcomes.estimators.resampling.store import FolderStore

VALUES = np.array([3.0, 5.0, 9.0, 2.0, 8.0, 4.0, 7.0])


@dataclass(frozen=True)
class Mean:
    """A weighted mean as a statistic that can be sent to a worker."""

    values: np.ndarray
    names: tuple[str, ...] = ("mean",)

    @property
    def n(self) -> int:
        return int(self.values.size)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        return (weights @ self.values / weights.sum(axis=1))[:, None]


class Dies(Mean):
    """Kills its worker when a block is drawn, not on the sample."""

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        if weights.shape[0] > 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(weights)


class Fails(Mean):
    def __call__(self, weights: np.ndarray) -> np.ndarray:
        if weights.shape[0] > 1:
            raise ValueError("not today")
        return super().__call__(weights)


def test_three_rows_have_twenty_seven_draws() -> None:
    # Exact: the 27 equally likely draws of three rows; the mean of a draw has variance (n - 1)/n s^2/n = population variance / 3.
    values = np.array([1.0, 2.0, 6.0])
    draws = [Fraction(sum(int(values[i]) for i in one), 3) for one in product(range(3), repeat=3)]
    mean = sum(draws, Fraction(0)) / 27
    variance = sum((one - mean) ** 2 for one in draws) / 27
    assert (mean, variance) == (3, Fraction(14, 9))
    made = bootstrap(Mean(values), replicates=40_000, seed=1, block=500)
    # Four Monte Carlo standard errors at this seed.
    assert made.replicates.mean() == pytest.approx(float(mean), abs=4 * np.sqrt(14 / 9 / 40_000))
    assert made.std_error[0] ** 2 == pytest.approx(float(variance), rel=0.04)
    assert set(np.round(3 * made.replicates[:, 0]).astype(int)) == {int(3 * one) for one in draws}


def test_quantiles_by_hand() -> None:
    # Exact: with 19 replicates the 5 % quantile is the first order statistic; between two the normal scale decides (eq. 5.8).
    ordered = np.arange(1.0, 20.0)
    assert intervals.percentile_limits(ordered, 0.9) == (1.0, 19.0)
    assert intervals.basic_limits(ordered, 10.0, 0.9) == (1.0, 19.0)
    assert intervals.quantile_of_replicates(ordered, 0.5) == 10.0
    z = [-1.6448536269514722, -1.4395314709384563, -1.2815515655446004]  # Phi^-1 of .05, .075, .1 (tables)
    assert intervals.quantile_of_replicates(ordered, 0.075) == pytest.approx(1 + (z[1] - z[0]) / (z[2] - z[0]), abs=1e-12)


def test_bias_correction_and_acceleration_by_hand() -> None:
    # Exact: half of the replicates below gives z0 = 0; ties count half; l = (-1, -1, 2): a = 6 / (6 * 6^1.5).
    assert intervals.bias_correction(np.array([1.0, 2.0, 2.0, 3.0]), 2.0) == 0.0
    assert intervals.acceleration(np.array([-1.0, -1.0, 2.0])) == pytest.approx(6 ** (-1.5), abs=1e-15)
    assert intervals.acceleration(np.zeros(4)) == 0.0
    ordered = np.arange(1.0, 20.0)
    assert intervals.bca_limits(ordered, 0.0, 0.0, 0.9) == pytest.approx(intervals.percentile_limits(ordered, 0.9), abs=1e-9)


def test_jackknife_of_a_mean_is_the_textbook_standard_error() -> None:
    # Exact: s / sqrt(n), no bias; influence = value - mean.
    found = jackknife(Mean(VALUES))
    assert found.std_error[0] == pytest.approx(VALUES.std(ddof=1) / np.sqrt(7), abs=1e-14)
    assert found.bias[0] == pytest.approx(0.0, abs=1e-14)
    np.testing.assert_allclose(found.influence[:, 0], VALUES - VALUES.mean(), atol=1e-13)


def test_draws_are_multinomial_within_strata_and_whole_clusters() -> None:
    # Exact: as many clusters of every stratum as it has; rows of a cluster share its count.
    cluster = np.array(["b", "a", "b", "c", "d", "a", "e"])
    strata = np.array([1, 0, 1, 0, 1, 0, 1])
    made = clusters_of(cluster, strata, None)
    counts = made.drawn(generator_of(3, 0), 50)
    rows = made.rows(counts)
    np.testing.assert_array_equal(rows[:, 0], rows[:, 2])
    np.testing.assert_array_equal(rows[:, 1], rows[:, 5])
    np.testing.assert_array_equal(rows[:, 1] + rows[:, 3], 2)
    np.testing.assert_array_equal(rows[:, 0] + rows[:, 4] + rows[:, 6], 3)


def test_more_replicates_go_on_from_fewer() -> None:
    # Exact property: the first 21 of 50 are the 21.
    few, many = bootstrap(Mean(VALUES), replicates=21, seed=4, conf_level=0.8), bootstrap(Mean(VALUES), replicates=50, seed=4)
    np.testing.assert_array_equal(few.replicates, many.replicates[:21])


def test_one_and_two_workers_give_the_same_bytes() -> None:
    # Exact property.
    made = [bootstrap(Mean(VALUES), replicates=333, seed=9, executor=one) for one in (SERIAL, Processes(1), Processes(2))]
    assert len({one.replicates.tobytes() for one in made}) == 1
    curves = [
        bootstrap_curve([3, 4, 4, 8, 9, 9], [1, 0, 1, 1, 0, 1], days=[5], replicates=100, seed=2, executor=one)
        for one in (SERIAL, Processes(2))
    ]
    assert curves[0].replicates.tobytes() == curves[1].replicates.tobytes()


def test_a_dask_cluster_gives_the_same_bytes() -> None:
    # Exact property, on a cluster of threads in this process.
    distributed = pytest.importorskip("distributed")
    here = bootstrap(Mean(VALUES), replicates=100, seed=9)
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        there = bootstrap(Mean(VALUES), replicates=100, seed=9, executor=DaskCluster(client))
    assert here.replicates.tobytes() == there.replicates.tobytes()


def test_a_killed_worker_fails_the_run_and_names_the_task() -> None:
    # Exact.
    with pytest.raises(WorkerLost, match=r"code -9 on task 0"):
        bootstrap(Dies(VALUES), replicates=64, seed=1, executor=Processes(1))


def test_an_error_in_a_worker_is_the_error_of_the_run() -> None:
    # Exact.
    with pytest.raises(ValueError, match="not today"):
        bootstrap(Fails(VALUES), replicates=64, seed=1, executor=Processes(2))


@dataclass
class Interrupted:
    """Stops after some blocks, as Ctrl-C does."""

    after: int

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Any]:
        for number, task in enumerate(tasks):
            if number == self.after:
                raise KeyboardInterrupt
            yield function(task)


@dataclass
class Counting:
    """Which tasks were asked for."""

    asked: list[Any]

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Any]:
        self.asked += tasks
        return map(function, tasks)


def test_an_interrupted_run_goes_on_from_its_finished_blocks(tmp_path: Path) -> None:
    # Exact property: the same bytes, and finished blocks are not computed twice; a torn file and another seed are not used.
    whole = bootstrap(Mean(VALUES), replicates=160, seed=5)
    store = FolderStore(tmp_path / "blocks")
    with pytest.raises(KeyboardInterrupt):
        bootstrap(Mean(VALUES), replicates=160, seed=5, executor=Interrupted(6), store=store)
    kept = sorted((tmp_path / "blocks").glob("*.npy"))
    assert len(kept) == 6
    assert not list((tmp_path / "blocks").glob("*.part"))
    kept[2].write_bytes(kept[2].read_bytes()[:50])
    counting, seen = Counting([]), []
    resumed = bootstrap(
        Mean(VALUES),
        replicates=160,
        seed=5,
        executor=counting,
        store=store,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert counting.asked == [2, 6, 7, 8, 9]
    assert resumed.replicates.tobytes() == whole.replicates.tobytes()
    assert (seen[0], seen[-1]) == ((80, 160), (160, 160))
    other = Counting([])
    bootstrap(Mean(VALUES), replicates=160, seed=6, executor=other, store=store)
    assert len(other.asked) == 10


def test_studentised_limits_of_a_mean() -> None:
    # Exact: the pivots written out from the same replicates.
    def error(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1)
        mean = weights @ VALUES / total
        return np.sqrt((weights @ VALUES**2 / total - mean**2) / total)[:, None]

    made = bootstrap(Mean(VALUES), replicates=399, seed=3, kind="studentised", std_error=error)
    clusters, pivots = clusters_of(7, None, None), []
    for block in range(25):
        weights = clusters.drawn(generator_of(3, block), 16)
        pivots.append((Mean(VALUES)(weights) - VALUES.mean()) / error(weights))
    pivot = np.sort(np.concatenate(pivots)[:399, 0])
    reach = error(np.ones((1, 7)))[0, 0]
    assert made.conf_low[0] == pytest.approx(VALUES.mean() - pivot[389] * reach, abs=1e-12)
    assert made.conf_high[0] == pytest.approx(VALUES.mean() - pivot[9] * reach, abs=1e-12)


def test_limits_of_a_curve_lie_beside_greenwoods() -> None:
    # Reference, statistical: the bootstrap standard error of S(t) is Greenwood's to within its own error (2,000 replicates: 5 %).
    rng = np.random.default_rng(8)
    time, event = rng.integers(1, 40, 300), rng.random(300) < 0.7
    curve = kaplan_meier(time, event)
    for kind in ("percentile", "bca", "studentised", "basic", "normal"):
        made = bootstrap_curve(time, event, days=[10, 20], replicates=2000, seed=1, kind=kind)  # type: ignore[arg-type]
        np.testing.assert_allclose(made.std_error, curve.at([10, 20]).std_error, rtol=0.07)
        np.testing.assert_allclose(made.conf_low, curve.at([10, 20]).conf_low, atol=0.012)
        np.testing.assert_allclose(made.conf_high, curve.at([10, 20]).conf_high, atol=0.012)


def test_clusters_widen_limits() -> None:
    # Exact: every row twice in one cluster has the standard error of the rows once.
    rng = np.random.default_rng(3)
    time, event = rng.integers(1, 30, 80), rng.random(80) < 0.6
    once = bootstrap_curve(time, event, days=[12], replicates=200, seed=1)
    twice = bootstrap_curve(
        np.tile(time, 2), np.tile(event, 2), days=[12], cluster=np.tile(np.arange(80), 2), replicates=200, seed=1
    )
    np.testing.assert_allclose(once.replicates, twice.replicates, atol=1e-12)


def test_a_function_of_one_sample_is_a_statistic() -> None:
    # Exact: the single estimator, one row at a time, gives the batched numbers; a refusal is a failed replicate.
    time, event = np.array([2, 3, 5, 5, 8, 9, 11, 12]), np.array([1, 0, 1, 1, 1, 0, 1, 0])
    single = one_by_one(lambda w: kaplan_meier(time, event, weight=w).at([5.0]).estimate, 8, names=("S(5)",))
    one = bootstrap(single, replicates=64, seed=7)
    many = bootstrap(curve_statistic(time, event, days=[5]), replicates=64, seed=7)
    np.testing.assert_allclose(one.replicates, many.replicates, atol=1e-12)
    assert one.names == ("S(5)",)


def test_failed_replicates_are_counted_and_too_many_refused() -> None:
    # Exact: a mean that exists only where the first row is drawn misses with probability (1 - 1/n)^n.
    def sometimes(weights: np.ndarray) -> np.ndarray:
        return np.where(weights[:, :1] > 0, Mean(VALUES)(weights), np.nan)

    made = bootstrap(sometimes, cluster=7, replicates=200, seed=1, failures_allowed=0.6)
    assert made.n_failed[0] == np.isnan(made.replicates).sum() > 0
    assert np.isfinite([*made.std_error, *made.bias, *made.conf_low]).all()
    with pytest.raises(EstimationRefused, match="of 200 replicates have no such number"):
        bootstrap(sometimes, cluster=7, replicates=200, seed=1)
    with pytest.raises(EstimationRefused, match="without 1 of the 7 clusters"):
        jackknife(sometimes, cluster=7)


_LONG_RUN = """
import sys, time
import numpy as np
from tendon_outcomes.estimators.resampling.bootstrap import bootstrap
from tendon_outcomes.estimators.resampling.executors import Processes
from tendon_outcomes.estimators.resampling.store import FolderStore

values = np.arange(9.0)

def slow(weights):
    time.sleep(0.05 if weights.shape[0] > 1 else 0.0)
    return (weights @ values / weights.sum(axis=1))[:, None]

print("started", flush=True)
made = bootstrap(slow, cluster=9, replicates=320, seed=3, executor=Processes(2), store=FolderStore(sys.argv[1]))
print(made.replicates.tobytes().hex())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to a process group")
def test_control_c_leaves_finished_blocks_and_the_next_run_ends_the_same(tmp_path: Path) -> None:
    # Exact property, with real processes and a real signal.
    command = [sys.executable, "-c", _LONG_RUN, str(tmp_path)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
    assert running.stdout is not None
    running.stdout.readline()
    while not list(tmp_path.glob("*.npy")):
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGINT)
    running.communicate(timeout=30)
    finished = len(list(tmp_path.glob("*.npy")))
    assert running.returncode != 0
    assert 0 < finished < 20
    resumed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[1]
    values = np.arange(9.0)
    whole = bootstrap(Mean(values), replicates=320, seed=3)
    assert bytes.fromhex(resumed) == whole.replicates.tobytes()
    assert len(list(tmp_path.glob("*.npy"))) == 20


def test_prepared_statistics_can_be_sent() -> None:
    # Exact: what a dask worker unpickles computes the same bytes.
    rng = np.random.default_rng(1)
    time_, event, arm, x = rng.integers(1, 20, 60), rng.random(60) < 0.7, rng.integers(0, 2, 60), rng.normal(size=(60, 2))
    weights = np.ones((2, 60))
    for statistic in (
        curve_statistic(time_, event, days=[5]),
        iptw_statistic(time_, event, arm, x, day=5.0),
        batched_cox(time_, event, x),
    ):
        assert pickle.loads(pickle.dumps(statistic))(weights).tobytes() == statistic(weights).tobytes()
