"""Charts of the share improved, cohort by cohort, each as the first look told it that found it mature.

So all points are of the same age, none is ever moved by what came in later, and limits stay where the baseline put them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tendon_outcomes.analysis.audit.cusums import cusums
from tendon_outcomes.analysis.audit.looks import Told, first_told
from tendon_outcomes.analysis.rails import Rail
from tendon_outcomes.declarations import Estimand
from tendon_outcomes.declarations.audit import AuditEntry
from tendon_outcomes.errors import EstimationRefused
from tendon_outcomes.estimators.monitoring.control_chart import ControlChart, ewma, p_chart
from tendon_outcomes.estimators.monitoring.run_chart import run_chart
from tendon_outcomes.results import Row

BASELINE, WATCHED = "baseline", "watched"
SHIFT, FEW_CROSSINGS, OUTSIDE = "signal: shift", "signal: few crossings", "outside"
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Improved and known of each cohort of which anything is known, in the order of quarters."""

    quarters: tuple[str, ...]
    improved: IntArray
    known: IntArray


def charts(told: Sequence[Told], estimand: Estimand) -> Iterator[Row]:
    """Run chart, p-chart, moving average and cumulative sums, or refusals that say how many quarters would do."""
    if estimand.audit is None:
        return
    entry, points = estimand.audit.entry, known_points(told)
    yield from _run_chart(points, entry)
    n, baseline = len(points.quarters), entry.baseline_quarters
    if n < baseline:
        says = f"No p-chart, moving average or cumulative sums: their limits need a baseline, and mature cohorts so far are {n}."
        yield Rail("too_few_quarters", says, f"{baseline} mature cohorts").refusal(estimator="control charts", stratum="charts")
        return
    try:
        p = p_chart(points.improved, points.known, baseline=baseline)
        moving = ewma(points.improved, points.known, baseline=baseline, weight=entry.ewma_weight)
    except EstimationRefused as refused:
        yield Rail("not_estimated", refused.summary).refusal(estimator="p-chart", stratum="charts")
        return
    yield from _chart_rows("p-chart", "p_chart", p, points)
    yield from _chart_rows("EWMA", "ewma", moving, points)
    yield from cusums(told, estimand)


def known_points(told: Sequence[Told]) -> Points:
    """The cohorts as they were first told, those of which nothing is known left out."""
    known = {quarter: one for quarter, one in first_told(told).items() if one.improved + one.not_improved}
    return Points(
        tuple(known),
        np.array([one.improved for one in known.values()], dtype=np.int64),
        np.array([one.improved + one.not_improved for one in known.values()], dtype=np.int64),
    )


def _run_chart(points: Points, entry: AuditEntry) -> Iterator[Row]:
    if len(points.quarters) < entry.chart_points:
        says = f"No run chart: mature cohorts so far are {len(points.quarters)}."
        yield Rail("too_few_quarters", says, f"{entry.chart_points} mature cohorts").refusal(
            estimator="run chart", stratum="charts"
        )
        return
    found = run_chart(points.improved / points.known)
    shared = {"estimator": "run chart", "statistic": "run_chart", "n_at_risk": found.useful, "bound_low": found.centre}
    yield Row(
        term="longest run",
        estimate=float(found.longest_run),
        conf_high=float(found.longest_limit),
        warning=SHIFT if found.shift else "",
        **shared,  # type: ignore[arg-type]
    )
    yield Row(
        term="crossings",
        estimate=float(found.crossings),
        conf_low=float(found.crossings_limit),
        warning=FEW_CROSSINGS if found.few_crossings else "",
        **shared,  # type: ignore[arg-type]
    )


def _chart_rows(estimator: str, statistic: str, chart: ControlChart, points: Points) -> Iterator[Row]:
    for i, quarter in enumerate(points.quarters):
        yield Row(
            estimator=estimator,
            statistic=statistic,
            stratum=quarter,
            term=BASELINE if i < chart.baseline else WATCHED,
            estimate=float(chart.value[i]),
            bound_low=chart.centre,
            conf_low=float(chart.low[i]),
            conf_high=float(chart.high[i]),
            n_at_risk=int(points.known[i]),
            n_events=int(points.improved[i]),
            warning=OUTSIDE if chart.outside[i] else "",
        )
