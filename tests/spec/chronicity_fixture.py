"""Results over how long it has hurt, made by hand: the rows that the analysis writes, no patient behind them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from tendon_outcomes.reporting import ReportInput
from tendon_outcomes.results import Results, Row, frame
from tendon_outcomes.vocabulary import Tier
from tests.spec import report_fixture as clinic

GCOMP, CLOGLOG, COX, AFT = "g-computation", "pooled complementary log-log", "Cox", "accelerated failure time"
CONTRAST = "loading_led - stretching_led"
ASKED = (6.0, 13.0, 26.0, 52.0)
GRID = tuple(3.0 * 2 ** (k * math.log2(96 / 3) / 39) for k in range(40))
DAYS = (56, 84, 182)
OUTSIDE = "outside the 5th-95th percentile"
Made = dict[str, Any]


def row(statistic: str, **values: Any) -> Made:
    return {"statistic": statistic, "estimator": GCOMP, "stratum": "all", "term": "", "warning": "", **values}


def with_limits(estimate: float, half: float) -> Made:
    return {"estimate": estimate, "conf_low": estimate - half, "conf_high": estimate + half}


def share(weeks: float, day: int) -> float:
    """A share that falls by 3 in 100 a doubling, from 46 in 100 at 6 weeks by week 12."""
    return (0.36, 0.46, 0.62)[DAYS.index(day)] - 0.03 * math.log2(weeks / 6)


def half(weeks: float) -> float:
    return 0.05 + 0.02 * abs(math.log2(weeks / 20))


def over_duration(statistic: str, day: int, value: Any, spread: Any, *, wider: float = 1.45, **fixed: Any) -> list[Made]:
    """Grid, asked durations and simultaneous band of one statistic on one day."""
    places = [(weeks, "curve") for weeks in GRID] + [(weeks, "milestone") for weeks in ASKED]
    made = []
    for weeks, term in places:
        for kind, factor in ((statistic, 1.0), (f"{statistic}_band", wider)):
            limits = with_limits(value(weeks), factor * spread(weeks))
            made.append(row(kind, term=term, at=weeks, day=day, **{**limits, **fixed}))
    return made


def incidence() -> list[Made]:
    made = []
    for day in DAYS:
        made += over_duration("duration_incidence", day, lambda weeks, d=day: share(weeks, d), half)
        made += over_duration(
            "duration_difference",
            day,
            lambda weeks, d=day: share(weeks, d) - share(12, d),
            lambda weeks: 0.012 * abs(math.log2(weeks / 12)),
        )
    late = {**with_limits(0.3, 0.2), "warning": OUTSIDE}
    made += [row("duration_incidence", term="milestone", at=104.0, day=day, **late) for day in DAYS]
    return made


def companions() -> list[Made]:
    return [
        row("duration_hazard_ratio", estimator=model, term=term, at=weeks, **with_limits((weeks / 12) ** -0.15, 0.1))
        for model in (CLOGLOG, COX, AFT)
        for weeks, term in [(w, "milestone") for w in ASKED]
    ]


def who() -> list[Made]:
    bands = {"<4": 0.06, "4-12": 0.27, "12-26": 0.31, "26-52": 0.22, ">52": 0.14}
    made = [row("duration_share", estimator="share", term=t, estimate=s, n_at_risk=round(214 * s)) for t, s in bands.items()]
    made += [
        row("duration_quantile", estimator="quantile", term=t, estimate=q) for t, q in (("p5", 3.0), ("p50", 20.0), ("p95", 96.0))
    ]
    return made


def told() -> list[Made]:
    made = [
        row("duration_heaping", estimator="exact Poisson", term=t, estimate=r, conf_low=r / 1.6, conf_high=r * 1.5)
        for t, r in (("3 months", 1.9), ("6 months", 2.4), ("12 months", 2.2), ("24 months", 1.2))
    ]
    made.append(row("duration_heaping", estimator="exact Poisson", term="overall", estimate=0.0004, warning="heaping detected"))
    made.append(row("duration_reliability", estimator="over-imputation", term="overall", estimate=0.93))
    for day in DAYS:
        for weeks in ASKED:
            limits = with_limits(share(weeks, day) + 0.01, 0.08)
            made.append(row("duration_over_imputed_incidence", term="milestone", at=weeks, day=day, **limits))
            limits = with_limits(1.3 * (share(weeks, day) - share(12, day)), 0.09)
            made.append(row("duration_over_imputed_difference", term="milestone", at=weeks, day=day, **limits))
    return made


def frailty(ratios: Sequence[tuple[float, float]] = ((0.0, 0.55), (0.5, 0.8), (1.0, 1.05), (2.0, 1.5))) -> list[Made]:
    made = [
        row("frailty_hazard_ratio", estimator="gamma frailty", at=v, estimate=r, conf_low=r / 1.4, conf_high=r * 1.4)
        for v, r in ratios
    ]
    return [*made, row("frailty_tipping", estimator="gamma frailty", estimate=0.9)]


def strategies(last: float = 52.0) -> list[Made]:
    made = []
    for statistic, value in (
        ("strategy_difference_by_duration", lambda weeks: 0.12 - 0.02 * math.log2(weeks / 6)),
        ("strategy_ratio_by_duration", lambda weeks: 1.35 - 0.03 * math.log2(weeks / 6)),
    ):
        made += over_duration(statistic, 84, value, lambda weeks: 0.08 + 0.02 * abs(math.log2(weeks / 20)), stratum=CONTRAST)
    trend = row("strategy_trend_by_duration", stratum=CONTRAST, term="longest - shortest", day=84, **with_limits(-0.06, 0.1))
    return [*(one for one in made if one["at"] <= last), trend]


def responders() -> list[Made]:
    made = []
    for weeks in GRID:
        made.append(
            row("visa_change_by_duration", term="curve", at=weeks, day=84, **with_limits(18 - 2 * math.log2(weeks / 6), 4))
        )
        made.append(
            row("responder_share_by_duration", term="curve", at=weeks, day=84, **with_limits(0.5 - 0.02 * math.log2(weeks), 0.1))
        )
    return made


def other_readings() -> list[Made]:
    """With severity among the covariates, and with the clock started at the first pain."""
    severity = [
        row("sensitivity_duration_difference", term="with severity", at=52.0, day=day, **with_limits(-0.03, 0.05)) for day in DAYS
    ]
    onset = [
        row("since_onset_incidence", estimator="NPMLE", term="milestone", at=weeks, **with_limits(weeks / 100, 0.05))
        for weeks in (13.0, 26.0)
    ]
    return [*severity, *onset]


def wording() -> list[Made]:
    return [
        row("duration_wording", estimator="identification", term="associated", warning="nobody measured frailty"),
        row("refusal", term="beyond_duration", at=520.0, warning="10 years are refused: the records end at 96 weeks"),
        row("caution", term="recall", warning="durations of half of the runners were told in months"),
    ]


def everything() -> list[Made]:
    return [*incidence(), *companions(), *who(), *told(), *frailty(), *strategies(), *responders(), *other_readings(), *wording()]


def results(rows: Iterable[Made], *, cell: int | None = 1) -> Results:
    """Results of the question, as disclosure control for the clinic leaves them."""
    table = frame(Row(**{"estimand": QUESTION, **one}) for one in rows)
    return Results(QUESTION, "How long has it hurt, and how soon do runners recover?", table, clinic.FLOW, clinic.ORIGIN, cell)


QUESTION = "chronicity_and_recovery"


def report(rows: Iterable[Made], *, tier: Tier = Tier.INTERNAL) -> ReportInput:
    """A report of this question beside another one."""
    usual = clinic.usual(Tier.INTERNAL)
    return replace(usual, results=(usual.results[0], results(rows)), tier=tier)
