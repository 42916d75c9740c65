"""Weekly hazards by plain expectation and maximisation: slow and sure, for the samples in which faster steps do not settle."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.causal.sustained.hazard_equations import Hazards, WeekTotals, solved
from tendon_outcomes.estimators.observations import FloatArray
from tendon_outcomes.estimators.resampling.sums import sums_from_the_end

SWEEPS = 5000
SETTLED = 1e-7  # largest change of a hazard in one sweep


def settled_hazards(totals: WeekTotals, *, tolerance: float) -> Hazards:
    """`solved`, and by sweeps alone whatever that leaves open; `converged` tells what is still open then.

    In the sweeps the weeks that no row tells apart share one hazard.
    """
    fit = solved(totals, tolerance=tolerance)
    open_rows = np.flatnonzero(~fit.converged)
    if open_rows.size == 0:
        return fit
    hazard, competing, at_risk, step = _swept(totals.of(open_rows))
    for whole, part in ((fit.hazard, hazard), (fit.competing_hazard, competing), (fit.at_risk, at_risk)):
        whole[open_rows] = part
    fit.residual[open_rows], fit.converged[open_rows] = step, step <= SETTLED
    return fit


def _swept(totals: WeekTotals) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Hazards of cause 1 and of the others, weight at risk, (b, K), and the largest change of a hazard in the last sweep."""
    others = totals.competing.sum(axis=2)
    share = np.broadcast_to(totals.inside / np.maximum(totals.inside.sum(axis=1, keepdims=True), 1.0), totals.spread.shape)
    hazard, step = np.zeros_like(totals.events), np.full(totals.events.shape[0], np.inf)
    for _ in range(SWEEPS):
        at_risk = totals.at_risk + (totals.spread * sums_from_the_end(share)).sum(axis=1)
        safe = np.where(at_risk > 0.0, at_risk, 1.0)
        events, competing = totals.events + (totals.spread * share).sum(axis=1), others / safe
        raised = ((events @ totals.stretch) / np.maximum(at_risk @ totals.stretch, 1e-300)) @ totals.stretch.T
        step, hazard = np.abs(raised - hazard).max(axis=1), raised
        if (step <= SETTLED).all():
            break
        free = np.cumprod(np.maximum(1.0 - hazard - competing, 0.0), axis=1)
        mass = hazard * np.concatenate([np.ones((hazard.shape[0], 1)), free[:, :-1]], axis=1)
        inside = totals.inside * mass[:, None, :]
        total = inside.sum(axis=2, keepdims=True)
        share = np.where(total > 0.0, inside / np.where(total > 0.0, total, 1.0), share)
    return hazard, competing, at_risk, step
