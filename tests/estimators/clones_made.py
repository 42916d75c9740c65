"""Patients whose pain decides what they do next and how soon they recover: samples by week with a truth that can be drawn."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample

STRETCH, LOAD = 0, 1


def expit(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def paths(rng: np.random.Generator, n: int, weeks: int, *, forced: int | None) -> dict[str, np.ndarray]:
    """Severity, pain at the start of each week, what is done in it (`forced`: by everybody), and the week of event or surgery.

    Stretching or loading is chosen in week 1 by severity and pain; who hurts switches later. Both choices are logistic. Pain
    follows severity and what was done, and decides the chance to recover in a week.
    """
    severity = rng.normal(size=n)
    pain = np.empty((n, weeks))
    done = np.empty((n, weeks), dtype=np.int64)
    now = severity + rng.normal(size=n)
    event, surgery, lost = (np.full(n, weeks + 1) for _ in range(3))
    for k in range(weeks):
        pain[:, k] = now
        u = rng.random((n, 4))
        if k == 0:
            choice = (u[:, 0] < expit(0.2 - 0.7 * severity - 0.4 * now)).astype(np.int64)
        else:
            switches = u[:, 0] < expit(-3.4 + 0.8 * now + 0.5 * (done[:, k - 1] == STRETCH))
            choice = np.where(switches, 1 - done[:, k - 1], done[:, k - 1])
        done[:, k] = choice if forced is None else forced
        loads = done[:, k] == LOAD
        recovers = u[:, 1] < expit(-2.5 - 0.6 * now - 0.3 * severity + 0.5 * loads)
        operated = u[:, 2] < 0.004
        free = (event > weeks) & (surgery > weeks)
        event[free & recovers] = k + 1
        surgery[free & ~recovers & operated] = k + 1
        if forced is None:
            lost[(lost > weeks) & (u[:, 3] < expit(-4.2 + 0.7 * now))] = k + 1
        now = 0.7 * now + 0.2 * severity - 0.25 * loads + 0.6 * rng.normal(size=n)
    return {"severity": severity, "pain": pain, "done": done, "event": event, "surgery": surgery, "lost": lost}


def longitudinal(found: dict[str, np.ndarray], looks: np.ndarray, *, patients: int | None = None) -> LongitudinalSample:
    """What a clinic sees that looks in the weeks `looks`: events between two looks, surgery in its week, nothing after loss."""
    event, surgery, lost = found["event"], found["surgery"], found["lost"]
    n, weeks = found["pain"].shape
    seen = np.concatenate(([0], looks, [weeks + 1]))
    first = np.minimum(event, surgery)
    last_look = seen[np.searchsorted(seen, np.minimum(lost, weeks + 1), side="left") - 1]
    right = np.append(looks, np.inf)[np.searchsorted(looks, event)]
    recovered = (event <= weeks) & (event < surgery) & (right <= last_look)
    operated = (surgery < event) & (surgery <= weeks) & (surgery < lost) & ~recovered
    before = seen[np.searchsorted(seen, np.minimum(first, weeks + 1), side="left") - 1]
    left = np.where(recovered, seen[np.searchsorted(seen, event, side="left") - 1], np.minimum(before, last_look))
    left = np.where(operated, surgery - 1, left)
    done, week = found["done"], np.arange(1, weeks + 1)
    deviates = np.stack([np.where((done != s).any(axis=1), (done != s).argmax(axis=1) + 1, weeks + 1) for s in (STRETCH, LOAD)])
    phase = np.where(week <= deviates[:, :, None], np.where(week == 1, 2, 3), 0)
    return LongitudinalSample(
        left=left.astype(np.int64),
        right=np.where(operated, surgery, np.where(recovered, right, np.inf)).astype(np.float64),
        cause=np.where(operated, 2, recovered.astype(np.int64)),
        baseline=found["severity"][:, None],
        varying=found["pain"][:, :, None],
        state=done,
        deviates=deviates.astype(np.int64),
        phase=phase.astype(np.int64),
        patient=np.arange(n) if patients is None else np.arange(n) % patients,
        baseline_names=("severity",),
        varying_names=("pain",),
        strategy_names=("stretching", "loading"),
    )


def truth(weeks: int, *, n: int = 400_000, seed: int = 11) -> np.ndarray:
    """(2, weeks): recovered by the end of each week when everybody stretches, and when everybody loads."""
    curves = []
    for forced in (STRETCH, LOAD):
        found = paths(np.random.default_rng(seed), n, weeks, forced=forced)
        when = np.where(found["event"] < found["surgery"], found["event"], weeks + 1)
        curves.append([(when <= k).mean() for k in range(1, weeks + 1)])
    return np.array(curves)
