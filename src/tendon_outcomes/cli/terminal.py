"""What a person or a script sees: results on stdout, progress and messages on stderr, and the exit code."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from tendon_outcomes.errors import TendonOutcomesError

Say = Callable[[str], None]


@contextlib.contextmanager
def progress(title: str) -> Iterator[Say]:
    """A moving line on a terminal; plain lines when stderr goes to a file or a pipe."""
    if not sys.stderr.isatty():
        yield lambda step: print(f"{title}: {step}", file=sys.stderr)
        return
    from rich.console import Console

    with Console(stderr=True).status(title) as status:
        yield lambda step: status.update(f"{title}: {step}")


def show(content: dict[str, Any], text: str, *, as_json: bool) -> None:
    """The command's result: one JSON object with --json, else text for people."""
    print(json.dumps(content, ensure_ascii=False, sort_keys=True) if as_json else text)


def guarded(command: Callable[[], None]) -> int:
    """Run a command and turn what went wrong into its exit code, without a traceback and without a patient's value.

    An error that nobody foresaw is named by its type and place only, because its message may quote a cell.
    """
    try:
        command()
    except TendonOutcomesError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped; nothing half-written is left", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        place = _last_own_frame(error)
        print(f"InternalError: {type(error).__name__} at {place}; nothing was changed. Please report this line.", file=sys.stderr)
        return 4
    return 0


def _last_own_frame(error: BaseException) -> str:
    trace, place = error.__traceback__, "an unknown place"
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.startswith("tendon_outcomes"):
            place = f"{module}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place
