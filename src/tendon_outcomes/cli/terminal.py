"""What a person or a script sees: results on stdout, progress and messages on stderr, and the exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from tendon_outcomes.errors import EnvironmentFault, TendonOutcomesError

Say = Callable[[str], None]


@contextlib.contextmanager
def progress(title: str) -> Iterator[Say]:
    """A moving line on a terminal; plain lines when stderr goes to a file or a pipe."""
    if not sys.stderr.isatty():
        yield lambda step: _tell(f"{title}: {step}")
        return
    from rich.console import Console

    with Console(stderr=True).status(title) as status:
        yield lambda step: status.update(f"{title}: {step}")


def show(content: dict[str, Any], text: str, *, as_json: bool) -> None:
    """The command's result: one JSON object with --json, else text for people."""
    if not as_json:
        _out(text + "\n")
        return
    import json

    _out(json.dumps(content, ensure_ascii=False, sort_keys=True) + "\n")


def guarded(command: Callable[[], None]) -> int:
    """Run a command and turn what went wrong into its exit code, without a traceback and without a patient's value.

    An error that nobody foresaw is named by its type and place only, because its message may quote a cell.
    """
    code, says = 4, ""
    try:
        code = _exit_code(command)
        _out("")
    except TendonOutcomesError as error:
        code, says = error.exit_code, str(error)
    except OSError as error:
        _silence(sys.stdout)  # in case it was stdout: what could not be written now fails again when the interpreter ends
        code, says = 3, f"EnvironmentFault: the system refused ({error.strerror}) at {_last_own_frame(error)}."
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        says = f"InternalError: {type(error).__name__} at {_last_own_frame(error)}. Please report this line."
    _tell("stopped; what is stored is whole" if code == 130 else says)
    return code


def _exit_code(command: Callable[[], None]) -> int:
    """Typer leaves the interpreter at its end: with 2 after its own message on wrong usage, with 130 on Ctrl-C."""
    try:
        command()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _out(text: str) -> None:
    """Write to stdout now. A reader that closed the pipe has what it wanted; any other refusal is said.

    Raises
    ------
    EnvironmentFault
        stdout cannot be written to.
    """
    reason: OSError | None = None
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        reason = error
    if reason is None:
        return
    _silence(sys.stdout)
    if not isinstance(reason, BrokenPipeError):
        raise EnvironmentFault(
            f"the command did its work, but its result could not be written to stdout ({reason.strerror})",
            way_out="Send stdout to a terminal or to a place with room; the study is as the command left it.",
        )


def _tell(text: str) -> None:
    """A message to people; when stderr is gone there is nobody to tell."""
    try:
        print(text, file=sys.stderr, end="\n" if text else "", flush=True)
    except OSError:
        _silence(sys.stderr)


def _silence(stream: TextIO) -> None:
    """Send what is still buffered nowhere, else the interpreter fails on it again when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())


def _last_own_frame(error: BaseException) -> str:
    trace, place = error.__traceback__, "an unknown place"
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.startswith("tendon_outcomes"):
            place = f"{module}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place
