"""Makes the sample of runners who recover, relapse, or leave by a competing event, and its flares: integer formulas only."""

from __future__ import annotations

from tests.reference.samples import scrambled, write


def relapses(n: int = 70, days: int = 45) -> list[dict[str, object]]:
    """Pieces (start, stop] in from_state 0 (symptomatic) or 1 (pain-free), to 2 or 3 (absorbing) or to the same state (cut)."""
    rows: list[dict[str, object]] = []
    for i in range(n):
        end = 12 + int((days - 12) * scrambled(i, 21))
        state, start = int(scrambled(i, 22) < 0.2), 0
        weight, copies = round(0.25 + 3.0 * scrambled(i, 23), 2), 1 + int(3 * scrambled(i, 24))
        while start < end and state < 2:
            key = i * 64 + start
            stop = min(end, start + 1 + int(14 * scrambled(key, 25)))
            draw = scrambled(key, 26)
            onward = 1 - state if draw < 0.6 else 2 if draw < 0.7 else 3 if draw < 0.76 else state
            onward = onward if stop < end or draw < 0.3 else state
            piece = {"start": start, "stop": stop, "from_state": state, "to_state": onward}
            rows.append({"subject": i, "cluster": i // 2, **piece, "weight": weight, "copies": copies})
            start, state = stop, onward
    return rows


def flares(n: int = 60, days: int = 40) -> list[dict[str, object]]:
    """Pieces (start, stop] that end with or without a flare (event), the last one perhaps with the terminal event."""
    rows: list[dict[str, object]] = []
    for i in range(n):
        end = 10 + int((days - 10) * scrambled(i, 31))
        start = int(6 * scrambled(i, 32)) if scrambled(i, 33) < 0.3 else 0
        weight, terminal = round(0.25 + 3.0 * scrambled(i, 34), 2), int(scrambled(i, 35) < 0.4)
        while start < end:
            key = i * 64 + start
            stop = min(end, start + 1 + int(16 * scrambled(key, 36)))
            last = stop == end
            happened = int(scrambled(key, 37) < (0.3 if last else 0.7))
            piece = {"start": start, "stop": stop, "event": happened, "terminal": terminal if last else 0}
            rows.append({"subject": i, **piece, "weight": weight, "copies": 1 + i % 3})
            start = stop
    return rows


if __name__ == "__main__":
    write("relapses.csv", relapses())
    write("flares.csv", flares())
