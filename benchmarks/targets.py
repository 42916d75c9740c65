"""The ratios promised beside each peer: the floor that a run prints against, and the goal. Ratios are peer's time / ours."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """The floor and the goal of the rows whose name starts with `row`, beside `peer`."""

    row: str
    peer: str
    floor: float
    goal: float
    at_most: bool = False  # the ratio must stay below, not reach above


TARGETS = (
    Target("cox 300 x 5", "1 ms", 1.0, 2.0),
    Target("cox continuous", "coxph", 2.0, 6.0),
    Target("cox continuous", "coxph.fit", 0.7, 1.5),
    Target("cox memory 1M x 20", "coxph", 1 / 0.3, 1 / 0.15),
    *(Target(f"cox {n} x {p}", "coxph", 5.0, 20.0) for n in ("10k", "100k", "1M") for p in (5, 20)),
    *(Target(f"cox {n} x 5", "coxph.fit", 1.0, 3.0) for n in ("10k", "100k", "1M")),
    *(Target(f"cox {n} x 20", "coxph.fit", 2.0, 5.0) for n in ("10k", "100k", "1M")),
    *(Target(f"cox {n} x {p}", "lifelines_cox", 4.0, 20.0) for n in ("10k", "100k", "1M") for p in (5, 20)),
    Target("km 1M", "survfit", 100.0, 250.0),
    Target("km 1M", "copy_three", 1 / 8, 1 / 3),
    Target("npmle 10k", "lifelines_npmle", 500.0, 3500.0),
    Target("npmle 10k KKT", "1e-6", 1.0, 100.0),
    Target("startup --help, over bare", "60 ms", 1.0, 3.0),
    Target("startup import", "numpy + polars", 1 / 1.2, 3.0),
    Target("startup memory", "numpy + polars", 1.0, 1.0),
    Target("bootstrap n=600, 2 cores", "R tight", 15.0, 40.0),
    Target("bootstrap n=600, 2 cores", "R formulas", 50.0, 140.0),
    Target("bootstrap n=600, 1 core", "Python loop", 500.0, 1500.0),  # the loop has one core: like beside like
    Target("bootstrap n=5000, 1 core", "R tight", 15.0, 45.0),
    Target("bootstrap n=5000, 1 core", "Python loop", 120.0, 350.0),
    Target("iptw_bootstrap n=600, 1 core", "R tight", 15.0, 40.0),
    Target("iptw_bootstrap n=600, 1 core", "R formulas", 50.0, 140.0),
    Target("clone_censor_weight 100k", "R glm.fit", 5.0, 15.0),
    Target("clone_censor_weight 100k memory", "100 MB", 1.0, 2.0),
    Target("bootstrap n=600, draws alone", "all, 1 core", 20.0, 6.0, at_most=True),
)


def judged(row: str, peer: str, ratio: float) -> tuple[str, bool | None]:
    """What to print beside a ratio, and whether its floor is met; None where nothing is promised."""
    for one in TARGETS:
        if (row == one.row or row.startswith(f"{one.row} ") or row.startswith(f"{one.row},")) and peer == one.peer:
            sign = -1.0 if one.at_most else 1.0
            met = sign * ratio >= sign * one.floor
            words = "goal" if sign * ratio >= sign * one.goal else "floor met" if met else "BELOW FLOOR"
            return f"{words} (floor {one.floor:.3g}, goal {one.goal:.3g})", met
    return "", None
