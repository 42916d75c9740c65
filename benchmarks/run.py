"""Speed beside peers: the same data, fresh processes in turn; medians and the ratio. `python make.py bench [ROW ...]`.

A line is a row, a peer, our figure, the peer's and the ratio peer / ours, and what is promised of it (targets.py); an indented
line tells agreement, memory and growth. Times are of one machine and one moment: quote the ratios. Peers that cannot be
imported are named and left out.
"""

from __future__ import annotations

import importlib
import math
import os
import sys
import warnings
from collections.abc import Iterator

from measured import Figure, Line
from targets import judged


def derivation() -> Iterator[Line]:
    """Visits and sessions to endpoints, week states and strategies, beside polars sorting the same rows by episode and day."""
    from derivation import SESSIONS, VISITS, timed

    for share in (0.25, 0.5, 1.0):
        found = timed(share)
        rows = f"{share * VISITS / 1e6:g}M+{share * SESSIONS / 1e6:g}M rows, {found['peak_gb']:.1f} GB"
        yield f"derivation {rows}", "polars sort", found["seconds"], found["sort_seconds"]


ROWS = (
    "cox",
    "cumulative_incidence",
    "npmle",
    "bootstrap",
    "iptw_bootstrap",
    "clone_censor_weight",
    "startup",
    "derivation",
)


def lines_of(name: str) -> Iterator[Line | Figure | str]:
    """What a row of the bench yields: its module's rows()."""
    return derivation() if name == "derivation" else importlib.import_module(name).rows()


def shown(line: Line | Figure | str) -> tuple[str, bool | None]:
    """The printed line, and whether its floor is met."""
    if isinstance(line, str):
        return line, None
    row, peer, ours, theirs = line if isinstance(line, tuple) else (line.row, line.peer, line.ours, line.theirs)
    ratio = theirs / ours if ours > 0.0 else math.inf
    unit, scale = ("ms", 1e3) if isinstance(line, tuple) else (line.unit, 1.0)
    words, met = judged(row, peer, ratio)
    return f"{row:34} {peer:20} {scale * ours:10.3g} {scale * theirs:10.3g} {unit:3} {ratio:9.2f}  {words}", met


def main(arguments: list[str]) -> int:
    if unknown := set(arguments) - set(ROWS):
        print(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}", file=sys.stderr)
        return 2
    warnings.simplefilter("ignore")
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the first row (above 1, other work is being measured too)"
    )
    print(f"{'row':34} {'peer':20} {'ours':>10} {'peer':>10} {'':3} {'ratio':>9}  promised")
    floors = []
    for name in arguments or ROWS:
        try:
            for line in lines_of(name):
                text, met = shown(line)
                floors += [] if met is None else [met]
                print(text, flush=True)
        except ImportError as error:
            print(f"{name}: not here: {error}", flush=True)
    print(f"{sum(floors)} of {len(floors)} floors met")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
