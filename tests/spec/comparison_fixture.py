"""Results of a comparison made by hand: the rows that the analysis writes, no patient behind them."""

from __future__ import annotations

from dataclasses import replace

from tendon_outcomes.declarations import Protocol
from tendon_outcomes.reporting import ReportInput
from tendon_outcomes.results import Results, Row
from tendon_outcomes.vocabulary import Tier
from tests.spec import report_fixture as clinic

QUESTION = "stretching_versus_loading"
STRETCHING, LOADING = "stretching_led", "loading_led"
CONTRAST = f"{LOADING} - {STRETCHING}"
CLONES, IPTW = "clone-censor-weight", "IPTW"
FLOW = {
    "cloned": 240,
    "started": 130,
    "other_regimen": 60,
    "not_started": 40,
    "not_met": 30,
    "reached": 50,
    "competing": 20,
    "lost": 25,
    "followed_to_end": 15,
}


def protocol(*, argued: bool = False) -> Protocol:
    """The shipped protocol; `argued`: every assumption has an argument and nothing known is left open."""
    made = clinic.protocol()
    if not argued:
        return made
    asked = made.estimand(QUESTION)
    assert asked.trial is not None
    trial = replace(
        asked.trial, assumptions=tuple(one.model_copy(update={"argument": "argued"}) for one in asked.trial.assumptions)
    )
    return replace(made, estimands={**made.estimands, QUESTION: replace(asked, trial=trial)})


def contrast(
    term: str, estimator: str, day: int, estimate: float, low: float | None, high: float | None, statistic: str = ""
) -> Row:
    return Row(
        estimator=estimator,
        statistic=statistic or "incidence_difference",
        stratum=CONTRAST,
        term=term,
        day=day,
        estimate=estimate,
        conf_low=low,
        conf_high=high,
        n_at_risk=240,
        n_events=100,
    )


def curves(estimator: str) -> list[Row]:
    """26 weeks of both strategies, with milestones and effective numbers; enough events for every asked week to be told."""
    rows = []
    for strategy, ceiling in ((STRETCHING, 0.5), (LOADING, 0.6)):
        for week in range(1, 27):
            share = clinic.share_at(7 * week, ceiling, 10.0)
            for term in ("curve", "milestone") if week in (8, 12, 26) else ("curve",):
                row = clinic.incidence(7 * week, share, n=240, term=term)
                rows.append(replace(row, statistic="strategy_incidence", stratum=strategy, estimator=estimator))
            rows.append(
                Row(
                    estimator=estimator,
                    statistic="effective_at_risk",
                    stratum=strategy,
                    term="curve",
                    day=7 * week,
                    estimate=200.0 - 6 * week,
                    n_at_risk=230 - 6 * week,
                )
            )
    return rows


def wording(*, causal: bool = False, panel: str = "passes") -> list[Row]:
    """The checks, the panel, and the words that they leave."""
    verdict = {"fails": "fails", "incomplete": "cannot be asked"}.get(panel, "passes")
    reason = "nobody measured frailty; these records do not hold prior_treatment"
    first = Row(
        estimator="weighted regression",
        statistic="falsification",
        stratum=verdict,
        term="pre_period_trend",
        estimate=None if verdict == "cannot be asked" else 0.4,
        conf_low=None if verdict == "cannot be asked" else 0.1,
        conf_high=None if verdict == "cannot be asked" else 0.7,
        n_at_risk=200,
        warning="change of running before day 0",
    )
    second = replace(
        first, stratum="passes", term="foam_rolling", estimate=0.0, conf_low=-0.1, conf_high=0.1, warning="foam rolling"
    )
    return [
        first,
        second,
        Row(estimator="falsification panel", statistic="falsification_panel", term=panel),
        Row(
            estimator="identification",
            statistic="causal_wording",
            stratum=CONTRAST,
            term="causal" if causal else "association",
            warning="" if causal else reason,
        ),
    ]


def design() -> list[Row]:
    """Clones, balance, overlap, weights."""
    rows = [
        Row(estimator="count", statistic="clone_flow", stratum=strategy, term=term, n_events=n)
        for strategy in (STRETCHING, LOADING)
        for term, n in FLOW.items()
    ]
    rows += [
        Row(estimator="propensity", statistic=statistic, stratum=when, term=term, estimate=value, n_at_risk=240)
        for statistic in ("standardised_mean_difference", "variance_ratio", "ks_distance")
        for when, values in (("before", (0.6, -1.7)), ("after", (0.04, -0.12)))
        for term, value in zip(("visa_h_total", "log2_duration_wk"), values, strict=True)
    ]
    for strategy in (STRETCHING, LOADING):
        rows += [
            *(
                Row(estimator="propensity", statistic=statistic, stratum=strategy, term=term, estimate=value, n_at_risk=120)
                for statistic, term, value in (
                    ("effective_sample_size", "point treatment", 90.0),
                    ("weight_summary", "mean", 1.01),
                    ("weight_summary", "largest", 7.77),
                )
            ),
            *(
                Row(estimator="propensity", statistic=statistic, stratum=strategy, term=term, estimate=0.25)
                for statistic in ("propensity_share", "weight_share")
                for term in ("0", "0.25", "0.5", "2")
            ),
        ]
    rows.append(Row(estimator="propensity", statistic="overlap", term="overlap coefficient", estimate=0.83, n_at_risk=240))
    rows.append(Row(estimator="count", statistic="clone_overlap", day=7, estimate=0.4, n_at_risk=240, n_events=96))
    rows.append(Row(estimator="count", statistic="clone_overlap", day=21, estimate=0.0, n_at_risk=220, n_events=0))
    return rows


def robustness() -> list[Row]:
    """What the answer of week 12 rests on."""
    rows = [
        contrast("sensitivity: those lost favour stretching_led", IPTW, 84, -0.021, -0.15, 0.11),
        contrast("estimate", "E-value", 84, 2.44, None, None, "e_value"),
        contrast("limit", "E-value", 84, 1.0, None, None, "e_value"),
        contrast("visa_h_total", "E-value", 84, 1.61, None, None, "e_value"),
        replace(
            contrast("lost who would have reached it", IPTW, 84, 0.05, -0.01, 0.11, "tipping_point"),
            stratum=STRETCHING,
            n_events=14,
            n_at_risk=40,
        ),
        Row(
            estimator="within-runner difference",
            statistic="crossover_difference",
            stratum="days with stretching - other exercise days",
            term="nprs_24h",
            estimate=-0.104,
            conf_low=-0.294,
            conf_high=0.086,
            n_at_risk=94,
        ),
    ]
    for reading in ("strict", "generous"):
        for grace in (14, 7):
            term = f"pain_free_running.2, {reading}, grace {grace} days, weights as they are"
            rows.append(contrast(term, IPTW, 84, 0.083, -0.012, 0.178, "multiverse_difference"))
    return rows


def sustained() -> list[Row]:
    """Strategies as kept up, at weeks 8 and 12."""
    rows = curves(CLONES)
    for day, estimate in ((56, 0.06), (84, 0.094)):
        rows.append(contrast("primary", CLONES, day, estimate, estimate - 0.06, estimate + 0.06))
        rows.append(contrast("agreement", CLONES, day, estimate, estimate - 0.06, estimate + 0.06))
        rows.append(contrast("agreement", "g-formula", day, estimate - 0.02, estimate - 0.08, estimate + 0.04))
    return rows


def prescribed() -> list[Row]:
    """Strategies as prescribed, and without any adjustment."""
    rows = curves(IPTW)
    for day in (56, 84, 182):
        rows.append(contrast("unadjusted", "interval-censored NPMLE", day, 0.021, -0.07, 0.11))
        rows.append(contrast("point treatment", IPTW, day, 0.083, -0.012, 0.178))
        rows.append(contrast("point treatment", "AIPW", day, 0.071, -0.03, 0.172))
        rows.append(contrast("point treatment", IPTW, day, 1.25, 0.97, 1.6, "incidence_ratio"))
    rows.append(contrast("point treatment", IPTW, 182, 11.6, -0.3, 23.5, "restricted_mean_difference"))
    return rows


def refused(term: str = "descriptive_only", warning: str = "the strategies are described and not compared") -> Row:
    return Row(estimator="design of the comparison", statistic="refusal", term=term, warning=warning)


def results(rows: list[Row], *, cell: int = 1) -> Results:
    return clinic.results(QUESTION, rows, cell=cell)


def report(rows: list[Row], *, tier: Tier = Tier.INTERNAL, argued: bool = False) -> ReportInput:
    """A page with this comparison alone."""
    made = results(rows, cell=1 if tier is Tier.INTERNAL else 11)
    return clinic.usual(tier, results=(made,), protocol=protocol(argued=argued))


def everything(**words: object) -> list[Row]:
    return [*wording(**words), *design(), *sustained(), *prescribed(), *robustness()]  # type: ignore[arg-type]
