"""Who computes the blocks: this process, worker processes, or a dask cluster. None of them changes a number."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, ClassVar, Literal, Protocol, TypeVar

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
        for task in tasks:
            yield function(task)


SERIAL = Serial()


@dataclass(frozen=True, slots=True)
class Processes:
    """`workers` processes, made for one map and gone after it.

    "fork" (the default on Linux) has the data already, but not the threads: a function that uses polars or another library
    with threads of its own needs "spawn", which starts anew and is sent the function, which then must be importable. Tasks are
    dealt out beforehand, every `workers`-th to the same; answers come back in lots, so that a short task is not dominated by
    its postage. A worker that is killed fails the whole run, naming its task; workers whose parent is killed end themselves.
    """

    workers: int
    start: Literal["fork", "spawn"] = "fork" if sys.platform == "linux" else "spawn"
    lots: ClassVar[int] = 16  # answers of a worker come in about so many lots

    def map(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> Iterator[Answer]:
        """Answers as the workers send them."""
        if self.workers < 1:
            raise refuse("`workers` must be at least 1")
        if self.start not in multiprocessing.get_all_start_methods():
            raise refuse(f"there is no `start` {self.start} here", way_out="Use spawn, or SERIAL.")
        team: list[_Worker] = []
        try:
            for i in range(min(self.workers, len(tasks))):
                team.append(_Worker.started(self.start, function, tasks[i :: self.workers], i, team))
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
    def started(
        cls, method: str, function: Callable[[Any], Any], tasks: Sequence[Any], number: int, team: Sequence[_Worker]
    ) -> _Worker:
        context: Any = multiprocessing.get_context(method)
        here, there = context.Pipe(duplex=False)
        at = context.Value("q", 0, lock=False)
        lot = max(1, len(tasks) // Processes.lots)
        inherited = (here, *(one.connection for one in team)) if method == "fork" else ()
        process = context.Process(target=_work, args=(function, tasks, lot, at, there, inherited), daemon=True)
        process.start()
        there.close()
        return cls(process, here, at, number)


def _work(
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    lot: int,
    at: Any,
    connection: Connection,
    inherited: Sequence[Connection],
) -> None:
    """Send (answers, trouble or None, whether that was all), lot by lot."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # whatever the parent does at SIGTERM, its worker ends
    for one in inherited:  # a reader's end kept open here would let a worker whose parent was killed wait for ever
        one.close()
    done: list[Any] = []
    try:
        for i, task in enumerate(tasks):
            at.value = i
            done.append(function(task))
            if len(done) == lot:
                connection.send((done, None, False))
                done = []
        connection.send((done, None, True))
    except Exception as trouble:
        with suppress(BrokenPipeError):  # nobody is left who could be told
            try:
                connection.send((done, _sendable(trouble), True))
            except (pickle.PicklingError, AttributeError, TypeError):  # it was the answers that could not be sent
                connection.send(([], _sendable(trouble), True))


def _sendable(trouble: Exception) -> Exception:
    """The exception, or where it does not survive being sent a word with the name of its kind and nothing that it says."""
    try:
        pickle.loads(pickle.dumps(trouble))
    except Exception:
        return WorkerLost(f"a task raised {type(trouble).__name__}, which cannot be sent from a worker")
    return trouble


def _gathered(team: list[_Worker], tasks: Sequence[Any], stride: int) -> Iterator[Any]:
    working = {one.connection: one for one in team}
    while working:
        for connection in wait(list(working)):
            one = working[connection]  # type: ignore[index]
            try:
                answers, trouble, last = one.connection.recv()
            except (EOFError, OSError):
                raise _lost(one, tasks, stride) from None
            yield from answers
            if trouble is not None:
                raise trouble
            if last:
                del working[one.connection]


def _lost(one: _Worker, tasks: Sequence[Any], stride: int) -> WorkerLost:
    one.process.join()
    task = tasks[one.number + stride * int(one.at.value)]
    return WorkerLost(
        f"a worker ended with code {one.process.exitcode} on task {task}; the run is not complete",
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
        shipped = self.client.scatter(function, broadcast=True, hash=False)
        futures = self.client.map(_lot, lots, function=shipped, pure=False)
        try:
            finished: Any = as_completed
            for _, (answers, trouble) in finished(futures, with_results=True):
                yield from answers
                if trouble is not None:
                    raise trouble
        finally:
            self.client.cancel(futures)


def _lot(tasks: list[Any], *, function: Callable[[Any], Any]) -> tuple[list[Any], Exception | None]:
    """Answers, and what stopped them: handed over as a value, because dask writes what a task raises into its workers' logs."""
    answers: list[Any] = []
    try:
        for task in tasks:
            answers.append(function(task))
    except Exception as trouble:
        return answers, _sendable(trouble)
    return answers, None
