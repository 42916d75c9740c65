"""Clinicians and sites beside one another: what chance explains, and shares drawn together. In alphabetical order, no ranking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tendon_outcomes.analysis.audit.cohorts import IMPROVED, UNKNOWN
from tendon_outcomes.analysis.audit.groups import labelled
from tendon_outcomes.analysis.audit.looks import Told
from tendon_outcomes.analysis.rails import Rail
from tendon_outcomes.cohort import Cohort
from tendon_outcomes.declarations import Estimand
from tendon_outcomes.declarations.audit import AuditEntry, Group
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.monitoring.funnel import funnel_limits
from tendon_outcomes.estimators.monitoring.shrinkage import beta_binomial_shrinkage
from tendon_outcomes.results import Row

PLACES: tuple[Group, ...] = ("clinician", "site")
LEVELS = (0.95, 0.998)  # Spiegelhalter 2005: two and three standard deviations
EXACT, BETA_BINOMIAL = "exact", "beta-binomial"
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Improved and known of each group that is large enough, in alphabetical order."""

    labels: tuple[str, ...]
    improved: IntArray
    known: IntArray
    centre: float


def funnel(cohort: Cohort, told: Sequence[Told], estimand: Estimand) -> Iterator[Row]:
    """For clinicians and for sites: the share among the known of the mature cohorts, limits of chance, and the drawn-in share.

    The centre is the share of everybody known. Groups below the minimum are in it, and are not told. The beta-binomial limits
    let groups differ as much as these do.
    """
    if estimand.audit is None:
        return
    last = told[-1]
    known = last.people.filter(pl.col("quarter").is_in(sorted(last.mature)), pl.col("state") != UNKNOWN)
    for place in (one for one in PLACES if one in estimand.audit.entry.groups):
        found = _groups(cohort, known, place, estimand.audit.entry)
        if len(found.labels) < 2:
            says = f"No funnel of {place}s: fewer than two have enough mature runners whose state is known."
            would_do = f"{estimand.audit.entry.min_group} of each of two {place}s"
            yield Rail("too_small", says, would_do).refusal(estimator="funnel", stratum=place)
            continue
        yield from _limits(found, EXACT, 0.0)
        try:
            drawn = beta_binomial_shrinkage(found.improved, found.known, conf_level=estimand.conf_level)
        except EstimationRefused as refused:
            yield Rail("not_estimated", refused.summary).refusal(estimator=BETA_BINOMIAL, stratum=place)
            continue
        yield from _limits(found, BETA_BINOMIAL, drawn.correlation)
        for i, label in enumerate(found.labels):
            yield Row(
                estimator=BETA_BINOMIAL,
                statistic="shrunken_share",
                stratum=label,
                estimate=float(drawn.estimate[i]),
                bound_low=drawn.centre,
                conf_low=float(drawn.conf_low[i]),
                conf_high=float(drawn.conf_high[i]),
                n_at_risk=int(found.known[i]),
            )


def _groups(cohort: Cohort, known: pl.DataFrame, place: Group, entry: AuditEntry) -> Groups:
    labels = labelled(cohort, place, entry).select("episode_id", "label")
    joined = known.join(labels, on="episode_id", how="inner")
    counts = joined.group_by("label").agg(pl.len().alias("known"), (pl.col("state") == IMPROVED).sum().alias("improved"))
    told = counts.filter(pl.col("known") >= entry.min_group).sort("label")
    centre = int((joined["state"] == IMPROVED).sum()) / max(joined.height, 1)
    return Groups(
        tuple(told["label"]), told["improved"].to_numpy().astype(np.int64), told["known"].to_numpy().astype(np.int64), centre
    )


def _limits(found: Groups, term: str, correlation: float) -> Iterator[Row]:
    limits = funnel_limits(found.known, found.centre, levels=LEVELS, correlation=correlation)
    for i, label in enumerate(found.labels):
        yield Row(
            estimator=term,
            statistic="funnel",
            stratum=label,
            term=term,
            estimate=float(found.improved[i] / found.known[i]),
            conf_low=float(limits.low[0, i]),
            conf_high=float(limits.high[0, i]),
            bound_low=float(limits.low[1, i]),
            bound_high=float(limits.high[1, i]),
            n_at_risk=int(found.known[i]),
            n_events=int(found.improved[i]),
        )
