"""What the page says of how long it has hurt: absolute first, always an interval, an association and never more."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest

from tendon_outcomes.reporting import render
from tendon_outcomes.reporting.chronicity import doubts, sentences, tables
from tendon_outcomes.reporting.chronicity.rows import lead_day
from tendon_outcomes.reporting.chronicity.runner import NOTICE, of_hundred, runner_box
from tendon_outcomes.reporting.chronicity.selection import selection_sentence, tipping_sentence
from tendon_outcomes.reporting.chronicity.words import band
from tendon_outcomes.reporting.tables import TableView
from tendon_outcomes.reporting.wording import duration
from tests.spec import chronicity_fixture as clinic
from tests.spec import report_fixture as shipped
from tests.spec.test_reporting import Page

ASKED = shipped.protocol().estimand(clinic.QUESTION)
CAUSAL = re.compile(r"\b(caus\w*|effects? of|leads? to|results? in|due to|brings? about|slows?|delays?|harm\w*)\b", re.IGNORECASE)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def answer(rows: list[clinic.Made], lead_week: int | None = 12) -> tuple[str, tuple[str, ...]]:
    (one,) = sentences.chronicity_answers(clinic.results(rows), ASKED, lead_week=lead_week)
    return plain(one.headline), tuple(plain(line) for line in one.support)


@cache
def page() -> str:
    return render(clinic.report(clinic.everything())).decode()


def section_of(text: str) -> str:
    return text[text.index('id="duration"') : text.index('id="who"')]


@pytest.mark.parametrize(
    ("weeks", "says"),
    [(1, "1 week"), (6, "6 weeks"), (12, "12 weeks"), (13, "3 months"), (26, "6 months"), (52, "12 months"), (104, "24 months"),
     (9.5, "9.5 weeks"), (40, "40 weeks")],
)  # fmt: skip
def test_durations_are_told_as_people_say_them(weeks: float, says: str) -> None:
    # Grade: exact: 13 weeks are a quarter of a year.
    assert plain(duration(weeks)) == says


@pytest.mark.parametrize(
    ("term", "says"),
    [("<4", "Under 4 weeks"), ("4-12", "4 to 12 weeks"), ("26–52 wk", "26 to 52 weeks"), (">52", "Over 52 weeks"),
     ("under 4", "Under 4 weeks"), ("unknown", "Unknown")],
)  # fmt: skip
def test_display_bands_in_words(term: str, says: str) -> None:
    # Grade: exact: the bands of domain.md §1a.
    assert plain(band(term)) == says


def test_the_headline_is_two_shares_with_limits() -> None:
    # Grade: exact: 46 in 100 at 6 weeks, 46 - 3 log2(52/6) = 37 at 12 months.
    assert answer(clinic.everything())[0] == (
        "An estimated 46 in 100 runners in pain for 6 weeks before day 0 reached pain-free running by week 12 (95 % interval 38 "
        "to 54 in 100); of those in pain for 12 months, 37 in 100 (95 % interval 29 to 44 in 100)."
    )


def test_differences_are_associations_with_a_verdict() -> None:
    # Grade: exact: -3 log2(52/12) = -6.3 with limits of half their width 0.025.
    support = answer(clinic.everything())[1]
    assert (
        "Having hurt for 12 months rather than 12 weeks is associated with 6 fewer in 100 reaching pain-free running by week 12 "
        "(95 % interval 9 fewer to 4 fewer): the whole interval lies below zero." in support
    )
    wide = [
        {**one, "conf_low": -0.2, "conf_high": 0.1} if one["statistic"] == "duration_difference" else one
        for one in clinic.everything()
    ]
    assert any(line.endswith("inconclusive, the records do not tell the two apart.") for line in answer(wide)[1][1:3])


def test_the_first_page_is_short() -> None:
    # Grade: exact: a dozen lines at most; of four cautions two, and where the others are. Why it is no more than an association
    # and how far round numbers pile up stand further down.
    more = [clinic.row("caution", term=f"c{i}", warning=f"caution number {i}") for i in range(3)]
    support = answer([*clinic.everything(), *more])[1]
    assert len(support) <= 12
    assert sum(line.startswith("Caution: ") for line in support) == 2
    assert support[-1] == "2 more: see “What was refused, and cautions”."
    assert not any("Why it is no more" in line or "Round numbers" in line for line in support)
    below = plain(Page(section_of(page())).text)
    assert "Why it is no more than an association: nobody measured frailty." in below
    assert "Round numbers are told so many times as often" in below


def test_the_lead_week_leads_and_week_12_without_one() -> None:
    # Grade: exact.
    made = clinic.results(clinic.everything())
    assert [lead_day(made, week) for week in (8, 26, 5, None)] == [56, 182, 84, 84]
    assert "by week 8 (" in answer(clinic.everything(), lead_week=8)[0]
    assert lead_day(clinic.results(clinic.wording()), 12) is None


def test_a_flagged_duration_never_leads() -> None:
    # Grade: exact: 24 months are outside the 5th to 95th percentile.
    headline, support = answer(clinic.everything())
    assert "24 months" not in headline
    assert not any("24 months" in line for line in support)


@pytest.mark.parametrize(
    ("ratios", "says"),
    [
        (((0.0, 0.36), (0.5, 0.8), (1.0, 1.0)), "Selection alone could explain what is seen: with a frailty variance of 0.5"),
        (((0.0, 0.36), (1.0, 0.4)), "Selection alone does not explain it at any frailty variance held plausible"),
        (((0.0, 0.36), (2.0, 2.9)), "between the frailty variances 0 and 2 the ratio of the rates of recovery,"),
        (((0.0, 0.9), (1.0, 1.2)), "Even before selection is allowed for, the association is inconclusive"),
    ],
)
def test_the_sentence_on_selection(ratios: tuple[tuple[float, float], ...], says: str) -> None:
    # Grade: exact: limits are the ratio divided and multiplied by 1.4; 0.36 is the oracle of domain.md §4d.
    assert says in selection_sentence(clinic.results(clinic.frailty(ratios)), ASKED)


def test_a_limit_that_does_not_exist_is_open() -> None:
    # Grade: exact: from 0.7 without an end holds 1; up to 0.7 lies below it.
    open_above, open_below = clinic.frailty(((0.0, 0.9),))[:1], clinic.frailty(((0.0, 0.5),))[:1]
    told = selection_sentence(clinic.results([{**open_above[0], "conf_low": 0.7, "conf_high": None}]), ASKED)
    assert told.endswith("is 0.90, 95\u00a0% interval from 0.70 without an end.")
    below = selection_sentence(clinic.results([{**open_below[0], "conf_low": None, "conf_high": 0.7}]), ASKED)
    assert below.startswith("Selection alone does not explain it")


def test_without_the_frailty_analysis_nothing_is_said_of_it() -> None:
    # Grade: exact.
    assert selection_sentence(clinic.results(clinic.who()), ASKED) == ""
    assert tipping_sentence(clinic.results(clinic.who())) == ""
    assert tipping_sentence(clinic.results(clinic.frailty())) == (
        "The estimate itself shows no association once the frailty variance is 0.9."
    )


def test_heaps_are_named_where_their_limits_lie_above_one() -> None:
    # Grade: exact: 24 months at 1.2 with a lower limit of 0.75 is no heap.
    told = plain(sentences.heaping_sentence(clinic.results(clinic.told())))
    assert told == (
        "Round numbers are told so many times as often as a smooth spread has them: 3 months 1.9 (1.2 to 2.8); "
        "6 months 2.4 (1.5 to 3.6); 12 months 2.2 (1.4 to 3.3)."
    )


def test_a_variance_that_fits_only_in_a_limit_is_marked() -> None:
    # Grade: exact: the warning of the row.
    rows = clinic.frailty(((0.0, 0.9), (2.0, 6.0)))
    rows[1]["warning"] = "no finite rate of recovery before day 0 fits this variance best"
    shown = doubts.frailty(clinic.results(rows), ASKED, "q")
    assert list(cells(shown)) == ["0 (no selection)", "2 ‡"]
    assert shown is not None
    assert shown.caption.endswith("‡ no finite rate of recovery before day 0 fits this variance best")


def test_how_far_durations_are_trusted_is_said_once() -> None:
    # Grade: exact: the row's share; nothing without over-imputation.
    assert "93 % of what the durations" in plain(sentences.reliability_sentence(clinic.results(clinic.told())))
    assert sentences.reliability_sentence(clinic.results(clinic.who())) == ""


def test_strategies_are_told_where_they_end() -> None:
    # Grade: exact: 12 - 2 log2(52/6) = 6; 24 months were asked of everybody and not of the strategies.
    (told,) = (plain(one) for one in sentences.by_strategy(clinic.results(clinic.everything()), ASKED, 84))
    assert told.startswith("Loading-led rather than stretching-led rehabilitation, as prescribed, is associated with")
    assert "6 more after 12 months of pain (95 % interval 5 fewer to 17 more; inconclusive)" in told
    assert told.endswith("Beyond 12 months too few runners had either to tell.")


def test_of_100_runners() -> None:
    # Grade: exact, the example of the question.
    assert plain(of_hundred(34.0, 25.0, 44.0, day=84, weeks=26.0, phrase="pain-free running")) == (
        "Of 100 runners like these who had hurt for 6 months, about 34 (25 to 44) reached pain-free running by 12 weeks."
    )
    assert "about fewer than 1 (0 to 2)" in plain(of_hundred(0.2, 0.0, 2.4, day=84, weeks=26.0, phrase="pain-free running"))


def test_the_box_for_runners_tells_supported_durations_only_with_a_notice() -> None:
    # Grade: exact.
    box = runner_box(clinic.results(clinic.everything()), ASKED, 84)
    assert box is not None
    assert [(one.sure, one.likely, one.possible) for one in box.lines[:1]] == [(38, 46, 54)]
    assert [plain(one.hurt_for) for one in box.lines] == ["6 weeks", "3 months", "6 months", "12 months"]
    assert box.notice == NOTICE
    assert "no diagnosis and no forecast" in NOTICE
    assert runner_box(clinic.results(clinic.wording()), ASKED, 84) is None


def cells(view: TableView | None) -> dict[str, tuple[str, ...]]:
    assert view is not None
    return {plain(row[0]): tuple(plain(cell) for cell in row[1:]) for row in view.rows}


def test_the_table_keeps_every_duration_asked_and_flags_the_thin_ones() -> None:
    # Grade: exact: shares as in the headline; no difference was given for 24 months.
    made = clinic.results(clinic.everything())
    shown = tables.shares(made, ASKED, "q")
    assert cells(shown)["6 weeks"] == ("36 % (28 to 44 %)", "46 % (38 to 54 %)", "62 % (54 to 70 %)")
    assert list(cells(shown)) == ["6 weeks", "3 months", "6 months", "12 months", "24 months †"]
    assert shown is not None
    assert "† outside the 5th to 95th percentile" in shown.caption
    assert cells(tables.differences(made, ASKED, "q"))["24 months"] == ("refused",) * 3
    assert cells(tables.strategies(made, ASKED, "q"))["24 months"] == ("too few runners", "–")
    assert cells(tables.strategies(made, ASKED, "q"))["Longest less shortest"] == ("−6 (−16 to +4)", "–")


def test_other_readings_are_tabulated_under_their_own_names() -> None:
    # Grade: exact.
    made = clinic.results(clinic.everything())
    assert cells(doubts.sensitivity(made, ASKED, "q")) == {"With severity: 12 months": ("−3 (−8 to +2)",) * 3}
    onset = doubts.since_onset(made, ASKED, "q")
    assert cells(onset)["6 months"] == ("26 % (21 to 31 %)",)
    assert onset is not None
    assert "of those who had not by week 6, runners entering" in plain(onset.caption)
    bare = clinic.results(clinic.incidence())
    assert doubts.sensitivity(bare, ASKED, "q") is None
    assert doubts.since_onset(bare, ASKED, "q") is None


def test_withheld_numbers_stand_nowhere() -> None:
    # Grade: exact.
    rows = [
        {**one, "estimate": None, "conf_low": None, "conf_high": None, "warning": "withheld"}
        if str(one["statistic"]).startswith("duration_incidence")
        else one
        for one in clinic.incidence()
    ]
    headline, _ = answer(rows)
    assert headline.startswith("The shares by how long it had hurt are ")
    assert set(cells(tables.shares(clinic.results(rows, cell=11), ASKED, "q"))["6 weeks"]) == {"withheld"}


def test_a_refusal_is_text_and_no_empty_figure() -> None:
    # Grade: exact.
    rows = [clinic.row("refusal", estimator="the whole analysis", term="too_small", warning="15 runners are too few for a curve")]
    text = Page(render(clinic.report(rows)).decode()).text
    assert "These data cannot say how recovery goes with the time it has hurt. 15 runners are too few for a curve." in text
    assert "Not drawn, because no estimate was made." in text
    assert "Nothing can be told of it from these records" in text
    assert "Of 100 runners" not in text


def test_the_page_is_whole_and_says_the_same_every_time() -> None:
    # Grade: exact.
    made = Page(page())
    assert made.mismatched == []
    assert page() == render(clinic.report(clinic.everything())).decode()
    ids = re.findall(r'\bid="([^"]+)"', page())
    assert len(ids) == len(set(ids))
    assert "How long has it hurt?" in made.text


def test_every_drawing_has_words_for_who_cannot_see_it() -> None:
    # Grade: exact: a title and a description, or hidden beside a sentence that says the same.
    for svg in re.findall(r"<svg[^>]*>.{0,200}", page(), flags=re.DOTALL):
        assert 'aria-hidden="true"' in svg or ("<title" in svg and 'role="img"' in svg)


def test_nothing_about_duration_speaks_of_a_cause() -> None:
    # Grade: exact, statistics.md §3: "associated with", never "causes". The promise holds for every sentence made here.
    headline, support = answer(clinic.everything())
    made = clinic.results(clinic.everything())
    said = [headline, *support, sentences.banner(made), Page(section_of(page())).text]
    assert [found.group() for one in said for found in CAUSAL.finditer(one)] == []
    assert any("is associated with" in one for one in support)


def test_markup_in_a_row_is_text_on_the_page() -> None:
    # Grade: exact.
    rows = [
        *clinic.everything(),
        clinic.row("duration_heaping", term="<b>3 months</b>", estimate=2.0, conf_low=1.5, conf_high=3.0),
    ]
    text = render(clinic.report(rows)).decode()
    assert "<b>3" not in text
    assert "&lt;b&gt;3" in text


def test_the_other_sections_of_the_page_stay_as_they_were() -> None:
    # Grade: exact: without the question there is no trace of it.
    report = clinic.report(clinic.everything())
    alone = render(replace(report, results=report.results[:1])).decode()
    assert 'id="duration"' not in alone
    assert "Of 100 runners" not in alone
