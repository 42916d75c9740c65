"""Who computes the blocks: this process, worker processes, or a dask cluster. None of them changes a number."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, ClassVar, Protocol, TypeVar

from tendon_outcomes.errors import EnvironmentFault
from tendon_outcomes.estimators.observations import refuse

Task = TypeVar("Task")
Answer = TypeVar("Answer")


class WorkerLost(EnvironmentFault):
    """A worker process ended before its tasks did; the run as a whole has failed."""


class Executor(Protocol):
    """Applies a function to every task and hands the answers over as they come, in any order."""

    def map(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> Iterator[Answer]: ...


@dataclass(frozen=True, slots=True)
class Serial:
    """One after the other, here."""

    def map(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> Iterator[Answer]:
        """Answers in the order of the tasks."""
        return map(function, tasks)


SERIAL = Serial()


@dataclass(frozen=True, slots=True)
class Processes:
    """`workers` processes, made for one map and gone after it.

    On Linux they are forks, which have the data already; elsewhere they start anew and are sent the function, which then must
    be importable. Tasks are dealt out beforehand, every `workers`-th to the same; answers come back in lots, so that a short
    task is not dominated by its postage. A worker that is killed fails the whole run, naming its task.
    """

    workers: int
    lots: ClassVar[int] = 16  # answers of a worker come in about so many lots

    def map(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> Iterator[Answer]:
        """Answers as the workers send them."""
        if self.workers < 1:
            raise refuse("`workers` must be at least 1")
        if not tasks:
            return
        context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        team = [_Worker.started(context, function, tasks[i :: self.workers], i) for i in range(min(self.workers, len(tasks)))]
        try:
            yield from _gathered(team, tasks, self.workers)
        finally:
            for one in team:
                one.connection.close()
                if one.process.is_alive():
                    one.process.terminate()
                one.process.join()


@dataclass(slots=True)
class _Worker:
    process: Any
    connection: Connection
    at: Any  # shared number: which of its tasks the worker is on
    number: int

    @classmethod
    def started(cls, context: Any, function: Callable[[Any], Any], tasks: Sequence[Any], number: int) -> _Worker:
        here, there = context.Pipe(duplex=False)
        at = context.Value("q", 0, lock=False)
        lot = max(1, len(tasks) // Processes.lots)
        process = context.Process(target=_work, args=(function, tasks, lot, at, there), daemon=True)
        process.start()
        there.close()
        return cls(process, here, at, number)


def _work(function: Callable[[Any], Any], tasks: Sequence[Any], lot: int, at: Any, connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends its workers
    done: list[Any] = []
    try:
        for i, task in enumerate(tasks):
            at.value = i
            done.append(function(task))
            if len(done) == lot:
                connection.send((done, None))
                done = []
        connection.send((done, StopIteration()))
    except Exception as trouble:
        connection.send((done, trouble))


def _gathered(team: list[_Worker], tasks: Sequence[Any], stride: int) -> Iterator[Any]:
    working = {one.connection: one for one in team}
    while working:
        for connection in wait(list(working)):
            one = working[connection]  # type: ignore[index]
            try:
                done, end = one.connection.recv()
            except (EOFError, OSError):
                task = tasks[one.number + stride * int(one.at.value)]
                one.process.join()
                code = one.process.exitcode
                break
            yield from done
            if isinstance(end, StopIteration):
                del working[one.connection]
            elif end is not None:
                raise end
        else:
            continue
        raise WorkerLost(
            f"a worker ended with code {code} on task {task}; the run is not complete",
            way_out="Run it again: with a store, the blocks that were finished are not computed twice.",
        )


@dataclass(frozen=True, slots=True, eq=False)
class DaskCluster:
    """The workers of a dask.distributed client (the extra `cluster`); `client` is yours to open and to close."""

    client: Any
    lots: ClassVar[int] = 64

    def map(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> Iterator[Answer]:
        """Answers as the cluster finishes lots of tasks; a failed lot fails the run."""
        from distributed import as_completed  # noqa: PLC0415 - only who asks for a cluster loads it

        if not tasks:
            return
        size = max(1, -(-len(tasks) // self.lots))
        lots = [list(tasks[start : start + size]) for start in range(0, len(tasks), size)]
        shipped = self.client.scatter(function, broadcast=True)
        futures = self.client.map(_lot, lots, function=shipped, pure=False)
        try:
            finished: Any = as_completed
            for _, answers in finished(futures, with_results=True):
                yield from answers
        finally:
            self.client.cancel(futures)


def _lot(tasks: list[Any], *, function: Callable[[Any], Any]) -> list[Any]:
    return [function(task) for task in tasks]
