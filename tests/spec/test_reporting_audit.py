"""What the page says of a quarter: both readings, every look, every change and signal, and nobody ranked."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest

from tendon_outcomes.reporting import render
from tendon_outcomes.reporting import tables as shared
from tendon_outcomes.reporting.audit import rows as of
from tendon_outcomes.reporting.audit import sentences, tables
from tendon_outcomes.reporting.audit.quarter import Quarter, quarter
from tendon_outcomes.reporting.audit.view import audit
from tendon_outcomes.reporting.audit.words import definition_words, group_words, quarters_in
from tendon_outcomes.reporting.tables import TableView
from tendon_outcomes.results import Row
from tendon_outcomes.vocabulary import Tier
from tests.spec import audit_fixture as clinic
from tests.spec import chronicity_fixture as over_duration
from tests.spec import comparison_fixture as trial
from tests.spec import report_fixture as shipped
from tests.spec.test_reporting import Page

ASKED = shipped.protocol().estimand(clinic.AUDIT)
WITHHELD = "withheld: fewer than 11 runners"


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def first(rows: list[Row]) -> Quarter:
    return quarter(clinic.results(rows), ASKED)


def hidden(row: Row) -> Row:
    """The row as it leaves the clinic when its numbers may not."""
    gone = dict.fromkeys(("estimate", "bound_low", "bound_high", "conf_low", "conf_high", "n_at_risk", "n_events", "n_censored"))
    return replace(row, warning=WITHHELD, **gone)  # type: ignore[arg-type]


def cells(view: TableView | None) -> dict[str, tuple[str, ...]]:
    assert view is not None
    return {plain(row[0]): tuple(plain(cell) for cell in row[1:]) for row in view.rows}


@cache
def page(kind: str = "everything", tier: Tier = Tier.INTERNAL) -> str:
    rows = {"everything": clinic.everything, "first quarter": clinic.first_quarter}[kind]()
    return render(clinic.report(rows, register=clinic.claims(), tier=tier)).decode()


def test_the_headline_holds_both_readings_and_every_look() -> None:
    # Grade: exact: the rows of the fixture.
    assert first(clinic.everything()).headline == (
        "Improved by week 12, more than 50 in 100: supported by this report alone, inconclusive at every look. The typical "
        "runner within weeks 8 to 12: no, later."
    )
    agreed = [replace(one, term="supported") if one.statistic == "look_verdict" else one for one in clinic.everything()]
    assert "supported, by this report alone and at every look." in first(agreed).headline
    assert first(clinic.first_quarter()).headline.startswith("Improved by week 12, more than 50 in 100: supported. ")


@pytest.mark.parametrize(
    ("term", "says"),
    [("within", "yes"), ("earlier", "no, earlier"), ("later", "no, later"), ("undetermined", "not certain either way")],
)
def test_the_second_reading_is_that_of_its_row(term: str, says: str) -> None:
    # Grade: exact: the words of the verdict rule.
    rows = [replace(one, term=term) if one.statistic == "median_verdict" else one for one in clinic.everything()]
    assert first(rows).headline.endswith(f"within weeks 8 to 12: {says}.")


def test_a_whole_refusal_is_a_headline_with_its_reason() -> None:
    # Grade: exact.
    rows = [Row(estimator="all", statistic="refusal", stratum="proximal_hamstring", term="too_small", warning="too few runners")]
    rows.append(Row(estimator="process", statistic="process", term="adherence", estimate=0.5, n_at_risk=12))
    assert first(rows).headline == "Not answered. Too few runners."


def test_what_changed_is_told_in_the_numbers_of_both_looks() -> None:
    # Grade: exact: 176 and 188 counted, one quarter restated by one runner in 16.
    said = [plain(line) for line in first(clinic.everything()).changed]
    assert said == [
        "The verdict over all looks is unchanged: inconclusive.",
        "Of 176 runners counted then between 59 and 69 in 100 had improved; of 188 runners counted now, between 58 and 69 in "
        "100.",
        "Restated since they were first reported: 2023 Q3 (+6 in 100). Why stands under “Restatement”.",
    ]
    turned = [replace(one, term="refuted") if (one.statistic, one.stratum) == ("look_verdict", clinic.NOW) else one
              for one in clinic.everything()]  # fmt: skip
    assert first(turned).changed[0] == "The verdict over all looks was inconclusive and is now refuted."


def test_outside_the_clinic_only_that_a_quarter_was_restated_is_told() -> None:
    # Grade: exact: the rows that disclosure control leaves.
    totals = [one for one in clinic.restated() if one.term == "total"]
    kept = [replace(hidden(one), warning="restated" if one.n_events else "") for one in totals]
    rows = [*(one for one in clinic.everything() if one.statistic != "restatement"), *kept]
    assert "Restated since they were first reported: 2023 Q3. Why" in plain(first(rows).changed[-1])
    assert sentences.restatement(clinic.results(rows))[-1] == "By how much is told inside the clinic only."
    assert tables.restatement(clinic.results(rows), "q") is None


def test_signals_are_one_line_a_chart() -> None:
    # Grade: exact.
    quiet = {one.chart: one for one in first(clinic.everything()).signals}
    assert [one.word for one in quiet.values()] == ["No signal"] * 5
    assert plain(quiet["Run chart"].says) == (
        "Longest run on one side of the median 5 quarters, more than 7 would be a shift; 7 crossings, fewer than 4 would be too "
        "few."
    )
    drawn = ("p_chart", "ewma", "cusum")
    rows = [one for one in clinic.everything() if one.statistic not in drawn]
    rows += [one for one in clinic.charts(outside="2026Q1", falling=True) if one.statistic in drawn]
    loud = {one.chart: one for one in first(rows).signals}
    assert [name for name, one in loud.items() if one.state == "signal"] == ["p-chart", "CUSUM of the share improved"]
    assert plain(loud["p-chart"].says) == "Outside its control limits: 2026 Q1 (below)."
    assert plain(loud["CUSUM of the share improved"].says).startswith(
        "For worse: signal in 2026 Q1, 2026 Q2, now at 3.6, limit 3.1;"
    )


def test_a_signal_whose_numbers_are_withheld_stays_a_signal() -> None:
    # Grade: exact: the path of the sums stays inside the clinic, the word does not.
    bare = [replace(one, estimate=None, conf_high=None, bound_high=None, n_events=None) for one in clinic.charts(falling=True)]
    rows = [*(one for one in clinic.everything() if one.statistic != "cusum"), *(one for one in bare if one.statistic == "cusum")]
    sums = [one for one in first(rows).signals if one.chart.startswith("CUSUM")]
    assert [(one.state, plain(one.says)) for one in sums] == [
        ("signal", "For worse: signal in 2026 Q1, 2026 Q2."), ("quiet", "Neither sum has reached its limit."),
    ]  # fmt: skip


def test_a_chart_that_was_refused_says_why() -> None:
    # Grade: exact.
    why = "No run chart: 10 cohorts are mature. It would take 12 mature cohorts."
    refusal = Row(estimator="run chart", statistic="refusal", stratum="charts", term="too_few_quarters", warning=why)
    rows = [*clinic.usual(), *clinic.cohorts(), refusal]
    assert (first(rows).signals[0].word, first(rows).signals[0].says) == ("Not drawn", why)
    drawn = audit(clinic.results(rows), ASKED, "q").parts
    charts = next(part for part in drawn if part.title == "Would we notice a change?").figures
    assert charts[0].drawings == ()
    assert charts[0].instead == f"Not drawn. {why}"


def test_groups_stand_in_the_order_of_names_whatever_their_results() -> None:
    # Grade: exact: never a league table.
    names = list(cells(tables.groups(clinic.results(clinic.everything()), ASKED, "q")))
    assert names == [
        "Plan loading-led", "Plan stretching-led", "Hurt for 4 to 12 weeks", "Hurt for 12 to 26 weeks", "Hurt for 26 to 52 weeks",
        "Clinician c01", "Clinician c02", "Clinician c03", "Clinician c04", "Site s1", "Site s2",
    ]  # fmt: skip
    backwards = [one for one in clinic.everything() if one.statistic != "group_incidence"]
    backwards += [one for one in reversed(clinic.groups()) if one.statistic == "group_incidence"]
    turned = list(cells(tables.groups(clinic.results(backwards), ASKED, "q")))
    assert [one for one in turned if one.startswith("Clinician")] == [
        "Clinician c01",
        "Clinician c02",
        "Clinician c03",
        "Clinician c04",
    ]
    assert list(cells(tables.funnel(clinic.results(backwards), ASKED, "q")))[:4] == turned[turned.index("Clinician c01") :][:4]


def test_cohorts_as_reported_and_as_known_now() -> None:
    # Grade: exact: 9 of 16 improved and 2 unknown when reported, 10 and 1 now.
    made = cells(tables.cohorts(clinic.results(clinic.everything()), ASKED, "q"))
    assert made["2023 Q3"][:4] == ("16", "10", "1", "63–69 %")
    assert made["2023 Q3"][5] == "56–69 %"
    assert made[plain(clinic.NOW.replace("Q", " Q"))] == ("–",) * 6 + (str(clinic.NOT_YET),)
    assert list(cells(tables.restatement(clinic.results(clinic.everything()), "q"))) == ["2023 Q3"]
    assert cells(tables.restatement(clinic.results(clinic.everything()), "q"))["2023 Q3"] == (
        "0", "0", "+6 (0, +1, −1)", "+6 (0, +1, −1)",
    )  # fmt: skip


def test_definitions_keep_their_names_and_verdicts() -> None:
    # Grade: exact.
    made = cells(tables.definitions(clinic.results(clinic.everything()), ASKED, "q"))
    assert made["MI-4"] == ("36 % (30 to 43 %)", "48 % (41 to 55 %)", "inconclusive")
    assert plain(definition_words("definition: MI-1, visa_h_gain_14", ASKED)) == "MI-1, VISA-H gain of 14"
    assert plain(definition_words("definition: MI-4, nprs_drop_share_50", ASKED)) == "MI-4, NPRS drop of 50 %"


@pytest.mark.parametrize(
    ("stratum", "says"),
    [
        ("clinician: c03", "Clinician c03"),
        ("duration: <4", "Hurt for under 4 weeks"),
        ("strategy: stretch_then_load", "Plan stretch-then-load"),
        ("all", "All"),
    ],
)
def test_groups_in_words(stratum: str, says: str) -> None:
    # Grade: exact.
    assert plain(group_words(stratum)) == says
    assert plain(quarters_in("since 2025Q1.")) == "since 2025 Q1."


def test_the_lost_and_the_mean_that_scores_fall_back_to() -> None:
    # Grade: exact.
    made = clinic.results(clinic.everything())
    assert sentences.tipping(made) == (
        "Lost before week 12: 21 of 188. The claim would be inconclusive if no more than 14 in 100 of the lost had improved."
    )
    assert plain(sentences.regression_to_the_mean(made, ASKED)).startswith(
        "Mean gain of VISA-H: +18 points (95 % interval +15 to +21), in 158 runners measured both times. Regression to the mean "
        "alone would be expected to give +3 points (+1 to +4):"
    )


def test_a_table_of_which_nothing_is_told_is_a_sentence() -> None:
    # Grade: exact.
    rows = [*clinic.usual(), *(hidden(one) for one in clinic.groups() if one.statistic == "group_incidence")]
    made = next(part for part in audit(clinic.results(rows), ASKED, "q").parts if part.title == "Groups")
    assert made.tables == ()
    assert made.says[-1].startswith("Meaningful improvement by group")
    assert "not given" in made.says[-1]
    assert made.figures[0].drawings == ()


def test_quarters_and_clinicians_are_no_groups_of_the_question() -> None:
    # Grade: exact.
    assert shared.strata(clinic.results(clinic.everything())) == [shipped.GROUP]
    assert of.is_audit(clinic.results(clinic.everything()))
    assert not of.is_audit(trial.results(trial.everything()))
    assert not of.is_audit(over_duration.results(over_duration.everything()))
    assert not of.is_audit(clinic.results(clinic.usual()[:5]))


@pytest.mark.parametrize("tier", list(Tier))
@pytest.mark.parametrize("kind", ["everything", "first quarter"])
def test_the_page_is_well_formed_and_no_figure_is_empty(kind: str, tier: Tier) -> None:
    # Grade: exact.
    content = page(kind, tier)
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
    assert not re.search(r"\b(rank\w*|league|outperform\w*)\b", made.text.replace("Not a league table", ""))
    for figure in re.findall(r"<figure.*?</figure>", content, flags=re.DOTALL):
        assert "<svg" in figure
        assert figure.count("<path") > 3
    for instead in re.findall(r'<p class="instead">(.*?)</p>', content, flags=re.DOTALL):
        assert re.search(r"(Not drawn|No curve is drawn)[.:,]? ?\S+", instead)


def test_the_quarter_stands_before_everything_and_its_sections_follow() -> None:
    # Grade: exact.
    text = Page(page()).text
    parts = (
        "The audit of 2026 Q3", "And at every look?", "What changed since the last look?", "Would we have noticed a change?",
        "The other answers", "What was refused, and cautions", "The audit in full", "Cohorts, and who is counted",
        "The claim at every look", "Those who were lost", "Definitions of improvement", "Clinicians and sites", "Restatement",
        "What was done and recorded", "What would have happened anyway?", "The claims, one by one", "Of 19 claims of the article",
        "Who was analysed", "Not a league table",
    )  # fmt: skip
    places = [0]
    for part in parts:
        places.append(text.index(part, places[-1]))
    assert "c05 – 6 episodes in this group: at least 10 are needed." in text


def test_a_first_quarter_says_what_it_would_take() -> None:
    # Grade: exact.
    text = Page(page("first quarter")).text
    assert text.count("One quarter is on record: always-valid limits need a second look.") >= 2
    assert text.count("One quarter is on record: charts need at least 10.") >= 5
