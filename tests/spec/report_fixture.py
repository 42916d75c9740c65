"""Results made by hand for the tests of the page: rows as the analyses write them, no patient behind them."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

from tendon_outcomes.declarations import Protocol, Support, declare, load_protocol, resolve, shipped
from tendon_outcomes.reporting import LedgerView, ReportInput, RuleView
from tendon_outcomes.results import Attrition, Provenance, Results, Row, suppress
from tendon_outcomes.vocabulary import Tier

PFR, MI = "pain_free_by_26_weeks", "meaningful_improvement_by_12_weeks"
NPMLE = "interval-censored NPMLE with competing events"
GROUP = "proximal_hamstring"
ENDED = {
    "total": 214,
    "event": 95,
    "administrative": 60,
    "lost": 26,
    "corticosteroid_injection": 14,
    "other_injury": 19,
}


@cache
def _shipped_protocol() -> Protocol:
    return resolve(load_protocol(shipped("analyses/protocol.toml")), declare())


def protocol(**changes: object) -> Protocol:
    """The shipped protocol, with what a study might add."""
    support = {
        "pain_in_fast_running": Support(
            supported=False, records="Pain is asked once for every pace.", cannot_show="Pain at speed apart from easy running."
        ),
        "weekly_distance": Support(supported=True, records="Weekly distance comes from the running log."),
    }
    return replace(_shipped_protocol(), support=support, clinic="Riverside Running Clinic", **changes)  # type: ignore[arg-type]


def incidence(day: int, share: float, *, n: int, term: str) -> Row:
    """A row of cumulative incidence with counts that a cohort of ``n`` could have given."""
    half = 1.96 * math.sqrt(share * (1 - share) / n)
    reached, left = round(0.85 * n * share), round(n * day / 900)
    return Row(
        estimator=NPMLE,
        statistic="cumulative_incidence",
        stratum=GROUP,
        term=term,
        day=day,
        estimate=share,
        std_error=half / 1.96,
        conf_low=max(share - half, 0.0),
        conf_high=min(share + half, 1.0),
        n_at_risk=n - reached - left,
        n_events=reached,
        n_censored=left,
    )


def share_at(day: int, ceiling: float, weeks: float) -> float:
    return ceiling * (1 - math.exp(-day / 7 / weeks))


def rows(ceiling: float, weeks: float, n: int = 214) -> list[Row]:
    """Everything that the recovery script gives, in its order."""
    at = [incidence(7 * w, share_at(7 * w, ceiling, weeks), n=n, term="milestone") for w in (8, 12, 26)]
    curve = [incidence(7 * w, share_at(7 * w, ceiling, weeks), n=n, term="curve") for w in range(1, 27)]
    late = [
        replace(
            one,
            statistic="naive_cumulative_incidence",
            estimator="Aalen-Johansen on visit dates",
            stratum="all",
            estimate=(one.estimate or 0) - 0.06,
            conf_low=(one.conf_low or 0) - 0.06,
            conf_high=(one.conf_high or 0) - 0.06,
            warning="late by up to one visit",
        )
        for one in at
    ]
    return [
        *at,
        *curve,
        Row(
            estimator=NPMLE,
            statistic="median_days",
            stratum=GROUP,
            estimate=147.0,
            bound_low=140.0,
            bound_high=147.0,
            conf_low=126.0,
            conf_high=168.0,
            n_at_risk=n,
            n_events=at[-1].n_events,
        ),
        Row(
            estimator="restricted mean",
            statistic="restricted_mean_time_lost",
            stratum=GROUP,
            day=182,
            estimate=51.8,
            conf_low=43.4,
            conf_high=60.2,
            n_at_risk=n,
            n_events=at[-1].n_events,
        ),
        *(
            Row(
                estimator=NPMLE,
                statistic="competing_incidence",
                stratum=GROUP,
                term=term,
                day=7 * w,
                estimate=share,
                conf_low=share / 2,
                conf_high=2 * share,
                n_at_risk=100,
                n_events=round(n * share),
            )
            for term, share in (("corticosteroid_injection", 0.06), ("other_injury", 0.09))
            for w in (8, 12, 26)
        ),
        *(
            replace(
                one,
                statistic="sensitivity_cumulative_incidence",
                term="last passes that nobody confirmed count as reached",
                estimate=(one.estimate or 0) + 0.04,
            )
            for one in at
        ),
        *late,
        *(Row(estimator="count", statistic="count", term=term, n_events=number) for term, number in ENDED.items()),
        Row(estimator="reverse Kaplan-Meier", statistic="follow_up_median_days", estimate=182.0, conf_low=175.0, n_at_risk=n),
        Row(estimator="quantile", statistic="assessment_gap_median_days", estimate=7.0, n_at_risk=n),
        Row(
            estimator="count",
            statistic="unconfirmed_last_pass",
            n_events=12,
            n_at_risk=n,
            warning="counted as not reached; the sensitivity row counts them as reached",
        ),
        Row(
            estimator="Wilson",
            statistic="lost_share",
            day=84,
            estimate=0.121,
            conf_low=0.084,
            conf_high=0.172,
            n_at_risk=n,
            n_events=26,
        ),
    ]


def verdict(term: str, low: float | None, high: float | None, *, warning: str = "") -> Row:
    return Row(
        estimator="decision rule",
        statistic="verdict",
        stratum=GROUP,
        term=term,
        day=84,
        conf_low=low,
        conf_high=high,
        n_at_risk=120,
        n_events=90,
        warning=warning,
    )


FLOW = (
    Attrition()
    .then("another tendon than proximal hamstring tendinopathy", n_before=330, n_after=288)
    .then("not recorded: has run for at least 3 months", n_before=288, n_after=276)
    .then("not met: pain at the sit bone in an area smaller than a tennis ball", n_before=276, n_after=240)
    .then("had reached pain-free running on day 0 already", n_before=240, n_after=214)
)
ORIGIN = Provenance(
    snapshot="a" * 64,
    declarations="b" * 64,
    protocol="c" * 64,
    analyses="d" * 64,
    code="e" * 64,
    lock="f" * 64,
    seed=0,
    package_version="0.1.0",
)


def results(name: str, table: list[Row], *, cell: int | None = 11, flow: Attrition = FLOW) -> Results:
    """Results of one question, suppressed for ``cell`` unless it is None."""
    made = Results.collect(_shipped_protocol().estimand(name), table, attrition=flow).stamped(ORIGIN)
    return made if cell is None else suppress(made, min_cell_count=cell)


def usual(tier: Tier = Tier.SHAREABLE, **changes: object) -> ReportInput:
    """A clinic of fair size: one caution, one refusal, an inconclusive claim."""
    cell = 1 if tier is Tier.INTERNAL else 11
    improved = rows(0.62, 8.0)
    at_12 = next(one for one in improved if one.day == 84)
    improved.insert(0, verdict("inconclusive", at_12.conf_low, at_12.conf_high))
    improved.append(
        Row(
            estimator="Wilson",
            statistic="caution",
            term="loss",
            day=84,
            warning="more than 20 % were lost to follow-up before week 12",
        )
    )
    improved.append(
        Row(
            estimator=NPMLE,
            statistic="refusal",
            stratum=GROUP,
            term="beyond_follow_up",
            day=364,
            warning="week 52 is refused: too few were followed that long. The latest answerable week is 26.",
        )
    )
    report = ReportInput(
        results=(results(PFR, rows(0.66, 17.0), cell=cell), results(MI, improved, cell=cell)),
        protocol=protocol(),
        tier=tier,
        as_of="2024-03-31",
        snapshot_id="5f0c2d9ab131",
        ledger=(
            LedgerView("episode.csv", "episode", 330, 330, 0, 0, 0),
            LedgerView("visit.csv", "visit", 2104, 2081, None, None, 0),
        ),
        rule_counts=(RuleView("V-03", "visit", "nprs_run_fast", "a run that was not attempted has no pain score", "reject", 17),),
        left_out_columns={"visit.csv": {"note": "free text is not read"}},
    )
    return replace(report, **changes)  # type: ignore[arg-type]
