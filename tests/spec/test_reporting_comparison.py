"""A comparison of strategies on the page: absolute terms first, the banner when due, and a page whatever was refused."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest

from tendon_outcomes.reporting import render
from tendon_outcomes.reporting.comparison import sentences, tables, words
from tendon_outcomes.results import Row
from tendon_outcomes.vocabulary import Tier
from tests.spec import comparison_fixture as trial
from tests.spec import report_fixture as clinic
from tests.spec.test_reporting import Page

ASKED = trial.protocol().estimand(trial.QUESTION)


def page(rows: list[Row], *, tier: Tier = Tier.INTERNAL, argued: bool = False) -> Page:
    return Page(render(trial.report(rows, tier=tier, argued=argued)).decode())


def answer(rows: list[Row], *, lead_week: int | None = None) -> tuple[str, tuple[str, ...]]:
    (one,) = sentences.comparison_answers(trial.results(rows), ASKED, lead_week=lead_week)
    return plain(one.headline), tuple(plain(line) for line in one.support)


@cache
def everything(tier: Tier) -> Page:
    return page(trial.everything(), tier=tier)


def row_of_week_12() -> Row:
    return trial.contrast("primary", trial.CLONES, 84, 0.094, 0.034, 0.154)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_the_headline_is_absolute_with_limits_and_a_verdict() -> None:
    # Grade: exact. 0.094 (0.034 to 0.154) at week 12, the day of the sensitivity analyses, of strategies as kept up.
    headline, support = answer(trial.everything())
    assert headline == (
        "Loading-led rather than stretching-led rehabilitation, begun within 14 days and kept up for 12 weeks, is associated "
        "with 9 more in 100 runners reaching pain-free running by week 12 (95 % interval 3 more to 15 more): "
        "the whole interval lies above zero."
    )
    assert support[0].startswith("By week 12, an estimated 35 in 100 with stretching-led (95 % interval")
    assert (
        "By week 8: 6 more in 100 (95 % interval 0 to 12 more), inconclusive, the records do not tell the two apart." in support
    )
    assert any("as prescribed by day 14, is associated with 8 more" in line for line in support)
    assert "Other methods for the same difference, in 100 by week 12: g-formula +7." in support


def test_the_lead_week_of_the_report_leads_where_it_has_an_estimate() -> None:
    # Grade: exact.
    assert "by week 8 (" in answer(trial.everything(), lead_week=8)[0]


def test_causal_words_only_without_a_banner() -> None:
    # Grade: exact.
    rows = trial.everything(causal=True)
    assert sentences.banner(trial.results(rows), ASKED) == ""
    headline = answer(rows)[0]
    assert headline.startswith("Had everybody had loading-led rather than stretching-led rehabilitation begun within 14 days")
    assert "an estimated 9 more in 100 would have reached pain-free running by week 12" in headline
    assert "associated" not in headline
    assert (
        'class="association"' not in render(trial.report([*trial.wording(causal=True), row_of_week_12()], argued=True)).decode()
    )


@pytest.mark.parametrize("causal", [True, False])
def test_a_failed_panel_puts_its_banner_on_top_whatever_the_wording(causal: bool) -> None:
    # Grade: exact.
    rows = trial.everything(causal=causal, panel="fails")
    told = sentences.banner(trial.results(rows), ASKED)
    assert told.startswith("Checks whose true answer is nothing found something (change of running before day 0)")
    assert told.endswith("What follows is an association, not an effect of treatment.")
    assert "is associated with" in answer(rows)[0]
    text = page([*trial.wording(causal=causal, panel="fails"), row_of_week_12()]).text
    assert text.index("an association, not an effect of treatment") < text.index("is associated with")


def test_the_banner_counts_assumptions_without_an_argument_and_tells_the_other_reasons() -> None:
    # Grade: exact: 4 of the 7 assumptions of the shipped protocol have none.
    assert ASKED.trial is not None
    open_ = "; ".join(f"nobody has argued that {one.says[:1].lower()}{one.says[1:]}" for one in ASKED.trial.unanswered)
    rows = [
        replace(row, warning=f"{open_}; {row.warning}") if row.statistic == "causal_wording" else row
        for row in trial.everything()
    ]
    assert sentences.banner(trial.results(rows), ASKED) == (
        "What follows is an association, not an effect of treatment: 4 of the 7 assumptions that an effect would need have no "
        "argument yet; nobody measured frailty; these records do not hold prior treatment."
    )


def test_without_the_primary_the_prescribed_leads_and_the_reason_stands_beside_it() -> None:
    # Grade: exact.
    refusal = Row(
        estimator=trial.CLONES,
        statistic="refusal",
        stratum=trial.STRETCHING,
        term="effective_size",
        day=84,
        warning="too few kept on",
    )
    lost = Row(
        estimator=trial.IPTW, statistic="refusal", stratum=trial.CONTRAST, term="loss_weighted", day=84, warning="separated"
    )
    headline, support = answer([*trial.wording(), *trial.prescribed(), *trial.robustness(), refusal, lost])
    assert not any("separated" in line for line in support)  # of a sensitivity analysis: told with the other refusals
    assert "as prescribed by day 14, is associated with 8 more in 100" in headline
    assert headline.endswith("(95 % interval 1 fewer to 18 more): inconclusive, the records do not tell the two apart.")
    assert "Of strategies as kept up nothing is said: stretching-led: too few kept on." in support
    assert "Difference of the time after reaching it, within the first 26 weeks: +12 days (95 % interval −0.3 to +24)." in support
    assert any(line.startswith("Without any adjustment it reads 2 more by week 12 (95 % interval 7 fewer") for line in support)


def test_another_population_is_named_in_the_headline() -> None:
    # Grade: exact.
    rows = [*trial.wording(), trial.contrast("point treatment", "IPTW, overlap population", 84, 0.1, 0.01, 0.19)]
    assert "among runners who could have had either" in answer(rows)[0]


def test_a_comparison_refused_as_a_whole_says_so_without_a_banner() -> None:
    # Grade: exact.
    rows = [trial.refused(), *trial.wording(panel="incomplete"), *trial.curves("interval-censored NPMLE")]
    headline, support = answer(rows)
    assert headline == "These data cannot say. The strategies are described and not compared."
    assert support[0].startswith("As they were, not compared: By week 8, ")
    assert sentences.banner(trial.results(rows), ASKED) == ""
    text = page(rows).text
    assert "Differences by week and method. Not drawn, because no estimate was made." in " ".join(text.split())
    assert "not adjusted: the strategies are described and not compared" in text


@pytest.mark.parametrize("tier", list(Tier))
@pytest.mark.parametrize(
    "rows",
    [
        trial.everything(),
        [*trial.wording(), row_of_week_12()],
        [trial.refused()],
        [trial.refused(), *trial.design()],
        [replace(one, n_events=3, n_at_risk=20) for one in trial.prescribed()],
    ],
    ids=["everything", "a single contrast", "refused", "design alone", "few"],
)
def test_the_page_is_well_formed_whatever_is_missing(rows: list[Row], tier: Tier) -> None:
    # Grade: exact.
    content = render(trial.report(rows, tier=tier)).decode()
    made = Page(content)
    assert made.mismatched == []
    assert made.opened == []
    ids = [attributes["id"] for _, attributes in made.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in made.tags:
        if tag == "a":
            assert (attributes["href"] or "").removeprefix("#") in ids
        assert set((attributes.get("aria-labelledby") or "").split()) <= set(ids)
    assert not re.search(r"surviv|failure|p-value|\bp\s*[<=]|complian|None|nan\b", made.text)
    assert len(content) < 400_000


def test_a_comparison_and_a_description_stand_on_one_page() -> None:
    # Grade: exact.
    both = (trial.results(trial.everything(), cell=11), clinic.results(clinic.PFR, clinic.rows(0.66, 17.0)))
    text = Page(render(clinic.usual(results=both)).decode()).text
    assert "Not a randomised trial" in text
    assert "Not evidence that a treatment works. Where a share is given for everybody, nobody was compared" in text
    assert "“Still followed” counts runners" in text


def test_what_describes_single_runners_is_on_the_internal_page_alone() -> None:
    # Grade: exact.
    inside, outside = everything(Tier.INTERNAL), everything(Tier.SHAREABLE)
    for told in ("Propensities by strategy.", "Weights by strategy.", "Largest weight, propensity", "7.77"):
        assert told in inside.text
        assert told not in outside.text


def test_every_part_of_the_comparison_stands_on_the_page_in_its_order() -> None:
    # Grade: exact.
    text = plain(everything(Tier.INTERNAL).text)
    parts = (
        "What follows is an association",
        "Cumulative incidence of pain-free running by strategy.",
        "Differences by week and method.",
        "What was refused, and cautions",
        "Differences in 100 runners: loading-led against stretching-led",
        "Days more after reaching pain-free running",
        "Ratios of the shares",
        "The target trial and its emulation",
        "What an effect of treatment would need: 3 of 7 with an argument",
        "What the protocol asks to adjust for",
        "Checks whose true answer is nothing: every check could be asked and found nothing",
        "What became of the clones of each strategy.",
        "Balance of the strategies before and after weighting.",
        "Could runners have had either strategy?",
        "The difference under other definitions.",
        "Those lost favour stretching-led",
        "E-values of the ratio by week 12",
        "How many runners with another result by week 12",
        "Pain over the next 24 hours within the same runner",
        "Who was analysed, and how follow-up ended",
        "What was prescribed: everybody stays".lower(),
        "TARGET",
        "STROBE",
        "Not a randomised trial",
    )
    places: list[int] = []
    for part in parts:
        places.append(text.index(part, places[-1] if places else 0))
    assert places == sorted(places)


def test_a_number_in_the_tables_is_the_number_of_its_row() -> None:
    # Grade: exact.
    made = trial.results(trial.everything())
    differences = tables.differences(made, ASKED, "q")
    assert differences is not None
    cells = {row[0]: tuple(plain(cell) for cell in row[1:]) for row in differences.rows}
    assert plain(" ".join(differences.head[1:])) == "By week 8 By week 12 By week 26"
    assert cells["Strategies as kept up: clone-censor-weight"] == ("+6 (0 to +12)", "+9 (+3 to +15)", "–")
    assert cells["Strategies as prescribed: IPTW"] == ("+8 (−1 to +18)",) * 3
    assert "Strategies as kept up, other methods: clone-censor-weight" not in cells
    tipping = tables.tipping(made, "q")
    assert tipping is not None
    assert tuple(plain(cell) for cell in tipping.rows[0][1:4]) == ("14", "40", "+5 (−1 to +11)")


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.094, "9 more"), (-0.03, "3 fewer"), (0.0, "0"), (0.004, "less than 1 more"), (-0.0049, "less than 1 fewer")],
)
def test_more_or_fewer_never_shows_what_is_not_zero_as_zero(value: float, said: str) -> None:
    # Grade: exact.
    assert words.more_or_fewer(value) == said


@pytest.mark.parametrize(
    ("value", "said"), [(11.6, "+12"), (-3.2, "−3"), (0.0, "0"), (-0.365, "−0.4"), (-0.0123, "−0.01"), (0.99999, "+1.0")]
)
def test_signed_never_shows_what_is_not_zero_as_zero(value: float, said: str) -> None:
    # Grade: exact.
    assert words.signed(value) == said


def test_the_verdict_follows_the_limits() -> None:
    # Grade: exact.
    def verdict(low: float | None, high: float | None) -> str:
        return words.verdict_of({"conf_low": low, "conf_high": high})

    assert verdict(0.01, 0.2) == "the whole interval lies above zero"
    assert verdict(-0.2, -0.01) == "the whole interval lies below zero"
    assert verdict(0.0, 0.2).startswith("inconclusive")
    assert verdict(None, None) == "inconclusive, for want of an interval"


def test_refusals_name_the_method_and_the_strategy() -> None:
    # Grade: exact.
    row = Row(estimator=trial.CLONES, statistic="caution", stratum=trial.LOADING, term="w", warning="few who keep loading_led on")
    made = trial.results([row])
    assert sentences.by_method(made, ASKED, "caution") == ("Clone-censor-weight: loading-led: few who keep loading-led on.",)
