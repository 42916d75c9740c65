"""Resampling that a review found wrong, in its smallest form: silent wrong numbers, hanging workers, words that told too much."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.resampling import intervals
from tendon_outcomes.estimators.resampling.bootstrap import bootstrap
from tendon_outcomes.estimators.resampling.cox import batched_cox
from tendon_outcomes.estimators.resampling.curves import curve_statistic
from tendon_outcomes.estimators.resampling.draws import clusters_of, generator_of
from tendon_outcomes.estimators.resampling.executors import SERIAL, DaskCluster, Executor, Processes, WorkerLost
from tendon_outcomes.estimators.resampling.permutation import permutation_test
from tendon_outcomes.estimators.resampling.store import FolderStore
from tendon_outcomes.estimators.resampling.tied_sums import EXACT, TieNodes

VALUES = np.array([3.0, 5.0, 9.0, 2.0, 8.0, 4.0, 7.0, 1.0, 20.0])
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")


def mean(weights: np.ndarray) -> np.ndarray:
    return np.asarray((weights @ VALUES / weights.sum(axis=1))[:, None])


def error(weights: np.ndarray) -> np.ndarray:
    total = weights.sum(axis=1)
    return np.asarray(np.sqrt((weights @ VALUES**2 / total - (weights @ VALUES / total) ** 2) / total)[:, None])


@dataclass
class Recorded:
    """Hands tasks over last first, and keeps which were asked for."""

    asked: list[Any]

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Any]:
        self.asked += tasks
        return (function(task) for task in reversed(tasks))


def test_a_store_does_not_give_one_statistic_the_replicates_of_another(tmp_path: Path) -> None:
    # Grade: exact. Both have the same number in the sample: the second was given the first one's replicates.
    def middle(weights: np.ndarray) -> np.ndarray:
        return np.where((weights == 1.0).all(axis=1, keepdims=True), mean(weights), np.median(VALUES) + 0.01 * mean(weights))

    store = FolderStore(tmp_path)
    bootstrap(mean, cluster=9, seed=1, replicates=99, store=store)
    with_store = bootstrap(middle, cluster=9, seed=1, replicates=99, store=store)
    alone = bootstrap(middle, cluster=9, seed=1, replicates=99)
    assert with_store.replicates.tobytes() == alone.replicates.tobytes()
    again = Recorded([])
    bootstrap(middle, cluster=9, seed=1, replicates=99, store=store, executor=again)
    assert again.asked == []


@pytest.mark.parametrize("torn", [b"", b"\x93NUMPY", b"PK\x03\x04 no zip", b"{'descr': (1,", b"text"])
def test_a_torn_block_is_computed_again(tmp_path: Path, torn: bytes) -> None:
    # Grade: exact. A header broken in the right place raised zipfile's or the tokenizer's own errors.
    store = FolderStore(tmp_path)
    whole = bootstrap(mean, cluster=9, seed=1, replicates=40, store=store)
    file = min(tmp_path.glob("*.npy"))
    kept = file.read_bytes()
    for written in (torn, kept.replace(b"(16, 1)", b"(16, (1"), kept[:-3], kept + b"more"):
        file.write_bytes(written)
        assert store.get(file.stem) is None
        assert bootstrap(mean, cluster=9, seed=1, replicates=40, store=store).replicates.tobytes() == whole.replicates.tobytes()


def test_threads_that_share_a_statistic_do_not_spoil_each_other() -> None:
    # Grade: exact. A growing table of tie terms was changed in place: threads of a dask worker got each other's terms.
    nodes = TieNodes()
    exact = np.array([EXACT])
    first = nodes.holding(exact, np.array([7]))
    before = [one.copy() for one in first]
    nodes.holding(np.array([0, EXACT]), np.array([40, 9]))
    assert all(np.array_equal(one, two) for one, two in zip(first, before, strict=True))

    rng = np.random.default_rng(1)
    day, event, x = rng.integers(1, 8, 500), rng.random(500) < 0.8, rng.normal(size=(500, 2))
    weights = rng.multinomial(500, np.full(500, 1 / 500), size=(32, 4)).astype(float)
    alone = [batched_cox(day, event, x)(one) for one in weights]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(3):
            shared, found = batched_cox(day, event, x), {}

            def work(start: int, shared: Any = shared, found: dict[int, np.ndarray] = found) -> None:
                found.update({i: shared(weights[i]) for i in range(start, 32, 4)})

            team = [threading.Thread(target=work, args=(start,)) for start in range(4)]
            for one in team:
                one.start()
            for one in team:
                one.join()
            np.testing.assert_allclose([found[i] for i in range(32)], alone, rtol=0, atol=1e-10)
    finally:
        sys.setswitchinterval(interval)


class Unsendable(Exception):
    def __init__(self, said: str, more: object) -> None:
        super().__init__(said)
        self.more = more


class Broken:
    """Goes into a pickle and never comes out of it."""

    def __reduce__(self) -> tuple[type[int], tuple[str]]:
        return int, ("no number",)


def raising(trouble: Callable[[], Exception]) -> Callable[[np.ndarray], np.ndarray]:
    def statistic(weights: np.ndarray) -> np.ndarray:
        if weights.shape[0] > 1:
            raise trouble()
        return mean(weights)

    return statistic


@pytest.mark.parametrize("executor", [SERIAL, Processes(2, "fork")])
def test_a_statistic_that_raises_stop_iteration_is_an_error(executor: Executor) -> None:
    # Grade: exact. It ended the run early, which then failed on a missing block as KeyError: 0.
    with pytest.raises((RuntimeError, StopIteration)):
        bootstrap(raising(StopIteration), cluster=9, seed=1, replicates=64, executor=executor)


@pytest.mark.parametrize("trouble", [lambda: Unsendable("runner 7", Broken()), lambda: Unsendable("runner 7", lambda: 1)])
def test_an_exception_that_cannot_be_sent_is_told_by_its_kind(trouble: Callable[[], Exception], capfd: Any) -> None:
    # Grade: exact. The worker printed its message with a traceback, or the parent failed with a TypeError of pickle's.
    with pytest.raises(WorkerLost, match="a task raised Unsendable, which cannot be sent") as raised:
        bootstrap(raising(trouble), cluster=9, seed=1, replicates=64, executor=Processes(2, "fork"))
    assert "runner 7" not in str(raised.value) + "".join(capfd.readouterr())


_TWO_WORKERS = """
import sys, time
import numpy as np
from tendon_outcomes.estimators.resampling.executors import Processes

def large(task):
    time.sleep(0.02)
    return np.zeros(50_000)

made = Processes(2).map(large, list(range(2_000)))
next(made)
print("started", flush=True)
for _ in made:
    pass
"""


def children_of(parent: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()]


@linux
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_worker_is_left_when_the_parent_is_stopped(sent: int) -> None:
    # Grade: exact. Every worker held the reading ends of all pipes: after kill -9 of the parent they waited for ever to send.
    running = subprocess.Popen(
        [sys.executable, "-c", _TWO_WORKERS], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    assert running.stdout is not None
    running.stdout.readline()
    workers = children_of(running.pid)
    assert len(workers) == 2
    os.kill(running.pid, sent)
    running.wait(timeout=20)
    end = time.monotonic() + 20
    while any(Path(f"/proc/{one}").exists() and "Z" not in _state(one) for one in workers):
        assert time.monotonic() < end, "a worker is left"
        time.sleep(0.05)
    running.stdout.close()


def _state(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_workers_are_gone_whatever_stops_the_run() -> None:
    # Grade: exact, also where the parent ignores the signal that ends its workers, and with the exception still held.
    def stop(_done: int, _all: int) -> None:
        raise RuntimeError("enough")

    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with pytest.raises(RuntimeError, match="enough"):
            bootstrap(mean, cluster=9, seed=1, replicates=20_000, executor=Processes(2), progress=stop)
        assert multiprocessing.active_children() == []
    finally:
        signal.signal(signal.SIGTERM, before)


def test_processes_that_start_anew_give_the_same_bytes() -> None:
    # Grade: exact. What other systems than Linux do was never run.
    curves = curve_statistic([3, 4, 4, 8, 9, 9], [1, 0, 1, 1, 0, 1], days=[5])
    one, two = (bootstrap(curves, replicates=80, seed=2, executor=who) for who in (SERIAL, Processes(2, "spawn")))
    assert one.replicates.tobytes() == two.replicates.tobytes()


def test_two_processes_of_a_dask_cluster(caplog: Any) -> None:
    # Grade: exact: the same bytes, progress that never falls, and what a statistic says when it fails is in no log.
    distributed = pytest.importorskip("distributed")
    curves, seen = curve_statistic([3, 4, 4, 8, 9, 9], [1, 0, 1, 1, 0, 1], days=[5]), []
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        there = bootstrap(curves, replicates=333, seed=9, executor=DaskCluster(client), progress=lambda *now: seen.append(now))
        with pytest.raises(KeyError):
            list(DaskCluster(client).map({1: "a"}.__getitem__, [1, "runner 7"]))
        assert "runner 7" not in str(client.get_worker_logs())
    assert there.replicates.tobytes() == bootstrap(curves, replicates=333, seed=9).replicates.tobytes()
    assert seen == sorted(seen)
    assert seen[-1] == (333, 333)
    assert "runner 7" not in caplog.text


def test_progress_counts_replicates_and_not_blocks() -> None:
    # Grade: exact. The short last block counted as a whole one.
    seen: list[tuple[int, int]] = []
    bootstrap(mean, cluster=9, seed=1, replicates=40, executor=Recorded([]), progress=lambda *now: seen.append(now))
    assert seen == [(8, 40), (24, 40), (40, 40)]


def test_standard_errors_of_another_number_are_refused() -> None:
    # Grade: exact. One standard error for two numbers was an IndexError, two for one a result whose failures were counted twice.
    def twice(weights: np.ndarray) -> np.ndarray:
        return np.hstack([mean(weights), mean(weights)])

    for statistic, errors in ((twice, error), (mean, twice)):
        with pytest.raises(EstimationRefused, match="`std_error` gives"):
            bootstrap(statistic, cluster=9, seed=1, replicates=99, kind="studentised", std_error=errors)


def test_rows_without_a_label_are_no_cluster() -> None:
    # Grade: exact. Patients without an id were one patient.
    labels = [1.0, 2.0, 3.0, np.nan, np.nan, np.nan, 7.0, 8.0, 9.0]
    for missing in (labels, [None if np.isnan(one) else one for one in labels]):
        with pytest.raises(EstimationRefused, match="3 of 9 labels of `cluster`"):
            bootstrap(mean, cluster=missing, seed=1, replicates=99)  # type: ignore[arg-type]
        with pytest.raises(EstimationRefused, match="3 of 9 labels of `strata`"):
            bootstrap(mean, cluster=9, strata=missing, seed=1, replicates=99)  # type: ignore[arg-type]
        with pytest.raises(EstimationRefused, match="3 of 9 labels of `group`"):
            permutation_test(lambda g: g @ VALUES, missing, seed=1)  # type: ignore[arg-type]
        with pytest.raises(EstimationRefused, match="3 of 9 labels of `group`"):
            curve_statistic(np.arange(1, 10), np.ones(9, dtype=int), group=missing, days=[2])  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", [{"replicates": 99.5}, {"block": 2.0}, {"cluster": 9.7}, {"replicates": True}])
def test_numbers_that_are_not_whole_are_refused(asked: dict[str, Any]) -> None:
    # Grade: exact. 9.7 rows were 9; 99.5 replicates a TypeError.
    with pytest.raises(EstimationRefused, match="whole number"):
        bootstrap(mean, **({"cluster": 9, "seed": 1, "replicates": 99} | asked))


def test_acceleration_in_strata_is_a_sixth_of_the_skewness() -> None:
    # Grade: exact: sum of the means of two strata of 3 and 6: its resampling skewness in fractions of the strata's own moments.
    # The influence values of strata of different size had been thrown together.
    first, second = VALUES[:3], VALUES[3:]
    strata = np.repeat([0, 1], [3, 6])

    def total(weights: np.ndarray) -> np.ndarray:
        return np.asarray(
            (weights[:, :3] @ first / weights[:, :3].sum(1) + weights[:, 3:] @ second / weights[:, 3:].sum(1))[:, None]
        )

    third = sum(np.mean((part - part.mean()) ** 3) / part.size**2 for part in (first, second))
    square = sum(np.mean((part - part.mean()) ** 2) / part.size for part in (first, second))
    made = bootstrap(total, cluster=9, strata=strata, seed=1, replicates=999, kind="bca")
    assert made.acceleration is not None
    assert made.acceleration[0] == pytest.approx(third / square**1.5 / 6, rel=1e-12)


def quantile(ordered: list[float], p: float) -> float:
    """Davison & Hinkley (1997), eq. 5.8, by a plain search."""
    normal, r = NormalDist(), len(ordered)
    for k in range(1, r + 1):
        if abs(k - (r + 1) * p) < 1e-9:
            return ordered[k - 1]
    k = max(k for k in range(1, r) if k < (r + 1) * p)
    low, high = normal.inv_cdf(k / (r + 1)), normal.inv_cdf((k + 1) / (r + 1))
    return ordered[k - 1] + (normal.inv_cdf(p) - low) / (high - low) * (ordered[k] - ordered[k - 1])


def test_bca_and_studentised_limits_by_plain_loops() -> None:
    # Grade: exact: Davison & Hinkley (1997), eqs 5.6 and 5.21 with w and a as in 5.22-5.23, row after row, clusters of rows.
    cluster = np.array([0, 0, 1, 2, 2, 3, 4, 5, 5])
    design, rows = clusters_of(cluster, None, None), []
    for block in range(63):
        rows += [[int(c) for c in one] for one in design.drawn(generator_of(5, block), 16)]
    counted = [[row[c] for c in cluster] for row in rows[:999]]

    def loops(weights: list[int]) -> tuple[float, float]:
        total = sum(weights)
        centre = sum(w * v for w, v in zip(weights, VALUES, strict=True)) / total
        return centre, (sum(w * (v - centre) ** 2 for w, v in zip(weights, VALUES, strict=True)) / total**2) ** 0.5

    whole, own = loops([1] * 9)
    drawn = [loops(one) for one in counted]
    ordered, normal = sorted(t for t, _ in drawn), NormalDist()
    pivots = sorted((t - whole) / se for t, se in drawn)
    expected = (whole - quantile(pivots, 0.975) * own, whole - quantile(pivots, 0.025) * own)
    made = bootstrap(mean, cluster=cluster, seed=5, replicates=999, kind="studentised", std_error=error)
    assert (made.conf_low[0], made.conf_high[0]) == pytest.approx(expected, abs=1e-11)

    left = [loops([int(c != out) for c in cluster])[0] for out in range(6)]
    pull = [5 * (sum(left) / 6 - one) for one in left]
    a = sum(one**3 for one in pull) / (6 * sum(one**2 for one in pull) ** 1.5)
    near = [0.5 if abs(t - whole) < 1e-12 else float(t < whole) for t, _ in drawn]
    w = normal.inv_cdf(sum(near) / 999)
    z = [w + normal.inv_cdf(p) for p in (0.025, 0.975)]
    levels = [normal.cdf(w + one / (1 - a * one)) for one in z]
    made = bootstrap(mean, cluster=cluster, seed=5, replicates=999, kind="bca")
    assert (made.conf_low[0], made.conf_high[0]) == pytest.approx([quantile(ordered, p) for p in levels], abs=1e-11)


def test_an_acceleration_beyond_its_pole_is_refused() -> None:
    # Grade: exact. 1 - a (z0 + z) below 0 turned the upper limit into a far lower one.
    with pytest.raises(EstimationRefused, match="acceleration is too large"):
        intervals.bca_limits(np.arange(1.0, 1e5), 3.5, 0.17, 0.999)


def test_few_deals_of_many_rows_are_all_enumerated() -> None:
    # Grade: exact: one of 1,500 is in the group: 1,500 deals. Above 170 rows deals were drawn, and more rows ended the recursion.
    value = np.arange(1500.0)
    found = permutation_test(lambda g: g @ value, [0] * 1498 + [1, 0], seed=1, alternative="greater")
    assert (found.exact, found.p_value) == (True, 2 / 1500)
    three = permutation_test(lambda g: g @ VALUES, [0, 1, 2, 0, 1, 2, 2, 0, 0], seed=1, replicates=2000)
    every = set(itertools.permutations([0, 1, 2, 0, 1, 2, 2, 0, 0]))
    assert (three.exact, three.deals.size) == (True, len(every))
    assert sorted(three.deals) == sorted(float(np.dot(deal, VALUES)) for deal in every)


def test_rounding_of_a_statistic_of_nothing_is_as_far_out_as_nothing() -> None:
    # Grade: exact: 0.1 + 0.2 - 0.3 is 0 but for rounding; deals that give 0 exactly were not counted (p 0.89).
    value = np.array([0.1, 0.2, -0.3, 0.3, -0.1, -0.2, 0.1, -0.1])
    assert permutation_test(lambda g: g @ value, [1, 1, 1, 0, 0, 0, 0, 0], seed=1).p_value == 1.0
