"""Results of an audit, made by hand: the rows that the analysis writes for sixteen quarters, no patient behind them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tendon_outcomes.reporting import ReportInput
from tendon_outcomes.results import Results, Row, suppress
from tendon_outcomes.vocabulary import Tier
from tests.spec import report_fixture as clinic

AUDIT, REGISTER = "meaningful_improvement_by_12_weeks", "claims_register"
QUARTERS = tuple(f"{year}Q{number}" for year in (2023, 2024, 2025, 2026) for number in (1, 2, 3, 4))[:15]
NOW, BEFORE = QUARTERS[-1], QUARTERS[-2]
BASELINE = 8
COHORTS = (  # mature, improved, unknown of every quarter but the last, which is not yet 12 weeks in
    (14, 8, 1), (11, 6, 2), (16, 10, 1), (12, 7, 0), (13, 8, 2), (15, 9, 1), (12, 6, 2), (14, 9, 1),
    (13, 7, 2), (15, 10, 1), (11, 6, 1), (16, 10, 2), (14, 8, 1), (12, 5, 3),
)  # fmt: skip
NOT_YET = 9


def wilson(improved: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Limits of a share, as wide as z has it."""
    share, spread = improved / n, z * math.sqrt(improved / n * (1 - improved / n) / n + z * z / (4 * n * n))
    middle, scale = share + z * z / (2 * n), 1 + z * z / n
    return (middle - spread) / scale, (middle + spread) / scale


def counted(statistic: str, stratum: str, n: int, improved: int, unknown: int, *, z: float = 1.96, **more: Any) -> Row:
    """A share of `n`, its bounds for the unknown, and limits of the bounds."""
    known = n - unknown
    return Row(
        **{
            "estimator": "counted",
            "statistic": statistic,
            "stratum": stratum,
            "day": 84,
            "estimate": improved / known if known else None,
            "bound_low": improved / n,
            "bound_high": (improved + unknown) / n,
            "conf_low": wilson(improved, n, z)[0],
            "conf_high": wilson(improved + unknown, n, z)[1],
            "n_at_risk": n,
            "n_events": improved,
            "n_censored": unknown,
            **more,
        }
    )


def cohorts() -> list[Row]:
    """Each quarter as reported then and as known now; the third was reported with one improved fewer."""
    made = []
    for quarter, (n, improved, unknown) in zip(QUARTERS, COHORTS, strict=False):
        then = (n, improved - 1, unknown + 1) if quarter == "2023Q3" else (n, improved, unknown)
        made.append(counted("cohort_share", quarter, *then, term="as reported"))
        made.append(counted("cohort_share", quarter, n, improved, unknown, term="as known now"))
    made.append(Row(estimator="counted", statistic="cohort_immature", stratum=NOW, n_at_risk=NOT_YET))
    return made


def restated() -> list[Row]:
    """One quarter in which a visit came in late; nothing else moved."""
    made = []
    for quarter, (n, improved, _) in zip(QUARTERS, COHORTS, strict=False):
        for term in ("changed definitions", "corrections", "late data", "total"):
            moved = quarter == "2023Q3" and term in ("late data", "total")
            before = improved - moved
            values: dict[str, Any] = {
                "estimate": (improved - before) / n,
                "n_at_risk": 0,
                "n_events": int(moved),
                "n_censored": -int(moved),
            }
            made.append(Row(estimator="restatement", statistic="restatement", stratum=quarter, term=term, day=84, **values))
    return made


def looks(*, shift: int = 0) -> list[Row]:
    """The running share, cohorts counted a quarter after they entered; with `shift` fewer improved in each."""
    made, so_far = [], [0, 0, 0]
    stood = "inconclusive"
    for quarter, cohort in zip(QUARTERS[1:], COHORTS, strict=True):
        so_far = [a + b for a, b in zip(so_far, (cohort[0], cohort[1] - shift, cohort[2]), strict=True)]
        sure = counted("look_share", quarter, *so_far, z=3.1, estimator="confidence sequence")
        made += [sure, counted("look_share_naive", quarter, *so_far, estimator="Clopper-Pearson")]
        stood = "supported" if sure.conf_low and sure.conf_low > 0.5 else stood
        made.append(replace(sure, statistic="look_verdict", term=stood, n_at_risk=None, n_events=None, n_censored=None))
    return made


def charts(*, outside: str = "", falling: bool = False) -> list[Row]:
    """Charts over the known; `outside` names a quarter beyond its limits, `falling` makes the sums for worse signal."""
    made, ewma = [], 0.63
    for position, (quarter, (n, improved, unknown)) in enumerate(zip(QUARTERS, COHORTS, strict=False)):
        known, term = n - unknown, "baseline" if position < BASELINE else "watched"
        low, high = max(0.63 - 3 * math.sqrt(0.63 * 0.37 / known), 0), min(0.63 + 3 * math.sqrt(0.63 * 0.37 / known), 1)
        share = 0.1 if quarter == outside else improved / known
        ewma = 0.8 * ewma + 0.2 * share
        shared: dict[str, Any] = {"stratum": quarter, "term": term, "bound_low": 0.63, "n_at_risk": known, "n_events": improved}
        flag: dict[str, Any] = {"warning": "outside" if quarter == outside else ""}
        made.append(Row(estimator="p-chart", statistic="p_chart", estimate=share, conf_low=low, conf_high=high, **shared, **flag))
        made.append(
            Row(estimator="EWMA", statistic="ewma", estimate=ewma, conf_low=0.5, conf_high=0.76, **{**shared, "n_events": None})
        )
        for kind, limit in (("share worse", 3.1), ("share better", 2.9), ("time worse", 2.6), ("time better", 2.4)):
            value = (
                0.28 * position
                if falling and kind == "share worse"
                else abs(math.sin(position + len(kind))) * (0.9 - 0.02 * position)
            )
            made.append(
                Row(
                    estimator="CUSUM",
                    statistic="cusum",
                    stratum=quarter,
                    term=kind,
                    estimate=value,
                    bound_high=0.63 * known,
                    conf_high=limit,
                    n_events=improved,
                    warning="signal" if value >= limit else "",
                )
            )
    for kind in ("share worse", "share better", "time worse", "time better"):
        made.append(
            Row(estimator="simulation", statistic="cusum_run_length", term=kind, estimate=41.2, std_error=0.6, bound_low=40.0)
        )
    longest: dict[str, Any] = {"estimate": 5.0, "conf_high": 7.0, "n_at_risk": 14, "bound_low": 0.64}
    crossings: dict[str, Any] = {"estimate": 7.0, "conf_low": 4.0, "n_at_risk": 14, "bound_low": 0.64}
    made.append(Row(estimator="run chart", statistic="run_chart", term="longest run", **longest))
    made.append(Row(estimator="run chart", statistic="run_chart", term="crossings", **crossings))
    return made


GROUPS = {
    "clinician: c01": (52, 33, 4), "clinician: c02": (47, 25, 5), "clinician: c03": (41, 27, 3), "clinician: c04": (40, 24, 6),
    "site: s1": (110, 67, 9), "site: s2": (78, 42, 9),
}  # fmt: skip


def groups() -> list[Row]:
    made = []
    everybody = {
        "strategy: loading_led": (96, 62, 9), "strategy: stretching_led": (60, 31, 7), "duration: 4-12 weeks": (61, 42, 4),
        "duration: 12-26 weeks": (58, 34, 7), "duration: 26-52 weeks": (45, 24, 4), **GROUPS,
    }  # fmt: skip
    for stratum, (n, improved, unknown) in everybody.items():
        for day, part in ((56, 0.75), (84, 1.0)):
            reached = round(part * improved)
            share = reached / (n - unknown)
            low, high = wilson(reached, n - unknown)
            made.append(
                Row(
                    estimator=clinic.NPMLE,
                    statistic="group_incidence",
                    stratum=stratum,
                    term="milestone",
                    day=day,
                    estimate=share,
                    conf_low=low,
                    conf_high=high,
                    n_at_risk=n - reached - unknown,
                    n_events=reached,
                    n_censored=unknown,
                )
            )
    small = "6 episodes in this group: at least 10 are needed"
    made.append(
        Row(estimator=clinic.NPMLE, statistic="refusal", stratum="duration: over 52 weeks", term="too_small", warning=small)
    )
    made.append(Row(estimator=clinic.NPMLE, statistic="refusal", stratum="clinician: c05", term="too_small", warning=small))
    for stratum, (n, improved, unknown) in GROUPS.items():
        known = n - unknown
        for term, wider in (("exact", 1.0), ("beta-binomial", 1.2)):
            spread = math.sqrt(0.63 * 0.37 / known) * wider
            made.append(
                Row(
                    estimator=term,
                    statistic="funnel",
                    stratum=stratum,
                    term=term,
                    estimate=improved / known,
                    conf_low=0.63 - 1.96 * spread,
                    conf_high=0.63 + 1.96 * spread,
                    bound_low=0.63 - 3.09 * spread,
                    bound_high=0.63 + 3.09 * spread,
                    n_at_risk=known,
                    n_events=improved,
                )
            )
        low, high = wilson(improved, known)
        drawn_in = 0.63 + 0.4 * (improved / known - 0.63)
        made.append(
            Row(
                estimator="beta-binomial",
                statistic="shrunken_share",
                stratum=stratum,
                estimate=drawn_in,
                conf_low=(low + 0.63) / 2,
                conf_high=(high + 0.63) / 2,
                n_at_risk=known,
            )
        )
    return made


def definitions() -> list[Row]:
    read = {
        "MI-1": (0.62, "supported"), "MI-2": (0.53, "inconclusive"), "MI-3": (0.57, "inconclusive"),
        "MI-4": (0.48, "inconclusive"), "MI-1, visa_h_gain_14": (0.71, "supported"), "MI-1, visa_h_gain_18": (0.66, "supported"),
        "MI-1, visa_h_gain_26": (0.58, "inconclusive"),
    }  # fmt: skip
    made = []
    for name, (share, word) in read.items():
        for day, part in ((56, 0.75), (84, 1.0)):
            low, high = wilson(round(188 * part * share), 188)
            values: dict[str, Any] = {"day": day, "estimate": part * share, "conf_low": low, "conf_high": high}
            made.append(
                Row(
                    estimator=clinic.NPMLE,
                    statistic="definition_incidence",
                    stratum=f"definition: {name}",
                    term="milestone",
                    n_events=round(188 * part * share),
                    **values,
                )
            )
        made.append(
            Row(
                estimator="decision rule",
                statistic="definition_verdict",
                stratum=f"definition: {name}",
                term=word,
                day=84,
                estimate=share,
                conf_low=values["conf_low"],
                conf_high=values["conf_high"],
            )
        )
    return made


def one_arm() -> list[Row]:
    """What a change in one group may be: gain, regression to the mean, others elsewhere, process."""
    limits: dict[str, Any] = {"conf_low": 15.1, "conf_high": 20.9}
    process = {
        "visits attended": 0.86, "adherence": 0.71, "completeness: pain over a given time": 0.94,
        "completeness: physical functional capacity": 0.81, "completeness: disability": 0.9,
    }  # fmt: skip
    turn = Row(
        estimator="count",
        statistic="tipping_point",
        term="verdict turns",
        day=84,
        estimate=0.14,
        n_at_risk=188,
        n_events=21,
        warning="inconclusive if no more than 14 in 100 of the lost had improved",
    )
    return [
        turn,
        Row(estimator="mean", statistic="gain", term="VISA-H at 12 weeks", estimate=18.0, n_at_risk=158, **limits),
        Row(
            estimator="shrinkage by reliability",
            statistic="gain",
            term="expected from regression to the mean",
            estimate=2.6,
            conf_low=1.3,
            conf_high=3.9,
            n_at_risk=158,
        ),
        Row(
            estimator="published",
            statistic="benchmark",
            term="LEAP, wait and see, week 8",
            day=56,
            estimate=20 / 68,
            conf_low=0.2,
            conf_high=0.41,
            n_at_risk=68,
            warning="Mellor 2018: global improvement, no treatment",
        ),
        Row(
            estimator="published",
            statistic="benchmark",
            term="runners in physical therapy",
            day=84,
            estimate=0.48,
            conf_low=0.43,
            conf_high=0.53,
            n_at_risk=396,
            warning="Nelson 2020: significant improvement, self-rated",
        ),
        *(
            Row(
                estimator="Wilson",
                statistic="process",
                term=term,
                estimate=share,
                conf_low=share - 0.03,
                conf_high=share + 0.02,
                n_at_risk=188,
            )
            for term, share in process.items()
        ),
        Row(
            estimator="median",
            statistic="process",
            term="onset to first loading",
            estimate=143.0,
            conf_low=120.0,
            conf_high=171.0,
            n_at_risk=150,
        ),
    ]


def usual() -> list[Row]:
    """The rows of the question as they were before there was an audit, the claim supported."""
    rows = clinic.rows(0.71, 6.4)
    at_12 = next(one for one in rows if one.day == 84)
    second = replace(next(one for one in rows if one.statistic == "median_days"), statistic="median_verdict", term="later")
    rider = (
        "At one look chosen beforehand this is the verdict; by the limits that hold however often one looks it is not decided."
    )
    caution = Row(estimator="decision rule", statistic="caution", stratum=clinic.GROUP, term="not_at_every_look", warning=rider)
    return [clinic.verdict("supported", at_12.conf_low, at_12.conf_high), *rows, second, caution]


def everything() -> list[Row]:
    return [*usual(), *groups(), *definitions(), *cohorts(), *restated(), *looks(), *charts(), *one_arm()]


def first_quarter() -> list[Row]:
    """A clinic with one look: everything about looks is refused."""
    needs = {
        "looks": "one quarter is on record: always-valid limits need a second look. Ingest the next quarter's data.",
        "charts": "one quarter is on record: charts need at least 10. Ingest every quarter.",
    }
    refused = [
        Row(estimator="audit", statistic="refusal", stratum=what, term="too_few", warning=why) for what, why in needs.items()
    ]
    return [*usual(), *groups()[:8], *definitions(), *one_arm(), *refused]


def claims() -> list[Row]:
    """A register in which every kind of answer occurs."""
    from_week: dict[str, Any] = {"day": 84}
    answered = {
        "H1": ("supported", 0.62, 0.55, 0.69, from_week), "H2": ("inconclusive", -0.06, -0.17, 0.05, from_week),
        "H3": ("not_answered", -0.09, -0.2, 0.02, from_week), "H8": ("supported", 0.71, 0.63, 0.78, {}),
        "H11": ("supported", 0.77, 0.7, 0.83, {}), "H12": ("inconclusive", 0.55, 0.47, 0.62, {}),
        "H14": ("refuted", 0.31, 0.24, 0.39, {}), "H16": ("not_answered", None, None, None, {"day": 364}),
    }  # fmt: skip
    grounds = {
        "H3": "the assumption exchangeability has no argument: what was found is an association",
        "H16": "23 runners have been followed to week 52; about 97 would do",
    }
    needs = ("H10", "H13", "H19")
    made = []
    for number in range(1, 20):
        name = f"H{number}"
        word, estimate, low, high, more = answered.get(name, ("not_answered", None, None, None, {}))
        if name in needs:
            word = "needs_other_records"
        ground = grounds.get(name, "" if name in answered else "too few runners; about 120 would do")
        why = "runners without the injury are needed" if name in needs else ground
        made.append(
            Row(
                estimator="decision rule",
                statistic="claim",
                stratum=f"claim: {name}",
                term=word,
                estimate=estimate,
                conf_low=low,
                conf_high=high,
                n_at_risk=None if estimate is None else 188,
                warning=why,
                **more,
            )
        )
    for name, p, holm in (("H2", 0.21, 0.6), ("H11", 0.0001, 0.0004), ("H12", 0.19, 0.6)):
        for term, value in (("unadjusted", p), ("Holm", holm)):
            made.append(Row(estimator="exact", statistic="p_value", stratum=f"claim: {name}", term=term, estimate=value))
    return made


def results(rows: Iterable[Row], *, name: str = AUDIT, cell: int = 1) -> Results:
    """Results of one question, as disclosure control for the clinic leaves them."""
    made = Results.collect(clinic.protocol().estimand(name), rows, attrition=clinic.FLOW).stamped(clinic.ORIGIN)
    return suppress(made, min_cell_count=cell)


def report(rows: Iterable[Row], *, register: Iterable[Row] = (), tier: Tier = Tier.INTERNAL) -> ReportInput:
    """A report of the audit beside another question, with the register where it is given."""
    usual_report = clinic.usual(tier)
    cell = 1 if tier is Tier.INTERNAL else 11
    parts = [usual_report.results[0], results(rows, cell=cell)]
    asked = list(register)
    if asked:
        parts.append(results(asked, name=REGISTER, cell=cell))
    return replace(usual_report, results=tuple(parts), as_of="2026-09-30", tier=tier)
