"""Samples that no Cox model can answer, refused by name."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray, refuse
from tendon_outcomes.estimators.regression.cox.sample import CoxSample
from tendon_outcomes.estimators.regression.cox.separation import unit_of_weight
from tendon_outcomes.estimators.regression.design_matrix import dependent_columns

SMALLEST_SPREAD = 1e-11  # Share of a covariate's variance that must lie within risk sets.


def refuse_unanswerable(sample: CoxSample, ties: str, *, robust: bool) -> None:
    """Refuse what no fit of these rows can answer."""
    if ties not in ("efron", "breslow", "exact"):
        raise refuse(f"`ties` is {ties!r}", way_out="Use 'efron', 'breslow' or 'exact'.")
    if not sample.event.any():
        raise refuse(f"none of {sample.n} rows has the event", way_out="A hazard ratio needs events; report the counts.")
    if ties == "exact" and (robust or (sample.weight is not None and bool((sample.weight != 1.0).any()))):
        raise refuse("the exact partial likelihood has no weights and no robust variance", way_out="Use ties='efron'.")
    if robust and sample.cluster is not None:
        clusters = int(sample.cluster.max()) + 1
        if clusters <= len(sample.names):
            raise refuse(
                f"{clusters} clusters for {len(sample.names)} coefficients",
                way_out="A robust covariance needs more clusters than coefficients.",
            )


def refuse_uninformative(sample: CoxSample, information: FloatArray) -> None:
    """Refuse covariates that do not vary, or not apart from others, among those at risk at any event."""
    spread = np.diagonal(information) / unit_of_weight(sample)
    whole = sample.x.var(axis=0) if sample.n < 4096 else sample.x[:: sample.n // 4096].var(axis=0)
    flat = [name for name, s, v in zip(sample.names, spread, whole, strict=True) if not s > SMALLEST_SPREAD * v]
    if flat:
        raise refuse(
            f"covariate {', '.join(flat)}: does not vary among those at risk at any event",
            way_out="Leave it out; a covariate that only differs between strata has no coefficient.",
        )
    scale = np.sqrt(np.diagonal(information))
    redundant = [sample.names[j] for j in dependent_columns(information / (scale[:, None] * scale))]
    if redundant:
        raise refuse(
            f"covariate {', '.join(redundant)}: among those at risk a linear combination of the others",
            way_out="Leave out one of the covariates that say the same.",
        )
