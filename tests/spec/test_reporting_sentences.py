"""Rows in, sentences out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tendon_outcomes.declarations import DecisionRule
from tendon_outcomes.reporting import sentences
from tendon_outcomes.reporting.wording import ENDINGS, NBSP, in_100, percent, percent_range, week
from tendon_outcomes.results import Row, frame
from tendon_outcomes.vocabulary import Code

WITHHELD = "withheld: fewer than 11 runners, or a number from which so few could be worked out"
RULE = DecisionRule(
    claim="Most improve within 8-12 weeks.", at_week=12, threshold=0.5, median_within_weeks=(8, 12), source="article"
)


def row(**changes: Any) -> dict[str, Any]:
    return frame([Row(estimator="e", **{"statistic": "s", "day": 84, **changes})]).row(0, named=True)


def plain(text: str) -> str:
    return text.replace(NBSP, " ")


def milestone(open_because: str = "", **changes: Any) -> str:
    said = sentences.milestone_sentence(
        row(**changes), phrase="pain-free running", conf_level=0.95, min_cell_count=11, open_because=open_because
    )
    return plain(said)


def median(**changes: Any) -> str:
    return plain(sentences.median_sentence(row(**changes), phrase="pain-free running", conf_level=0.95, min_cell_count=11))


def gained(**changes: Any) -> str:
    made = row(**{"day": 182, **changes})
    return plain(sentences.time_gained_sentence(made, phrase="pain-free running", conf_level=0.95, min_cell_count=11))


def test_a_milestone_is_said_in_absolute_numbers_with_its_interval() -> None:
    # Grade: exact. The sentence asked for by the clinic: so many in 100, with the interval, in weeks.
    said = milestone(estimate=0.318, conf_low=0.271, conf_high=0.378)
    assert said == "By week 12, an estimated 32 in 100 runners had reached pain-free running (95 % interval 27 to 38 in 100)."


def test_a_week_between_grid_days_is_said_as_bounds() -> None:
    # Grade: exact. A row without estimate carries bounds; its confidence limits hold for both.
    bounds = {"bound_low": 0.28, "bound_high": 0.41, "conf_low": 0.22, "conf_high": 0.47}
    between = "By week 12, between 28 and 41 in 100 runners had reached pain-free running (95 % limits 22 to 47 in 100); "
    assert milestone("undetermined", **bounds) == f"{between}too few were assessed in that week for a single number."
    unconfirmed = "it depends on whether last passes that nobody confirmed count as reached."
    assert milestone("unconfirmed", **bounds) == f"{between}{unconfirmed}"


def test_a_small_cell_is_said_to_be_withheld_and_shows_no_number() -> None:
    # Grade: exact. The warning is the one that results/disclosure.py leaves.
    reason = "withheld (fewer than 11, or so few could be worked out from it)"
    assert milestone(warning=WITHHELD) == f"The share that had reached pain-free running by week 12 is {reason}."
    assert "withheld" in median(warning=WITHHELD)
    assert "withheld" in gained(warning=WITHHELD)
    loss = sentences.loss_sentence(row(warning=WITHHELD), conf_level=0.95, min_cell_count=11)
    assert "withheld" in loss
    assert "withheld" in sentences.follow_up_sentence(row(warning=WITHHELD), conf_level=0.95, min_cell_count=11)
    assert "withheld" in sentences.unconfirmed_sentence(row(warning=WITHHELD), phrase="pain-free running", min_cell_count=11)
    assert sentences.counts_sentence(row(warning=WITHHELD)) == ""
    assert sentences.gap_sentence(row(warning=WITHHELD)) == ""
    assert sentences.longest_gap_sentence(row(warning=WITHHELD)) == ""
    assert sentences.unplanned_sentence(row(warning=WITHHELD)) == ""


def test_an_estimate_never_stands_without_a_word_about_its_interval() -> None:
    # Grade: exact. House rule: an interval with every estimate.
    assert milestone(estimate=0.3).endswith("(no interval can be given).")
    assert "no interval can be given" in gained(estimate=37.0)
    assert "no interval can be given" in median(estimate=147.0)


def test_counts_behind_a_milestone() -> None:
    # Grade: exact.
    said = plain(sentences.counts_sentence(row(n_events=61, n_at_risk=133, n_censored=20)))
    assert said == "Counted by week 12: 61 seen to have reached it, 133 followed up to that week, 20 had left before."


def test_the_median_is_a_week_with_the_one_before_and_an_interval() -> None:
    # Grade: exact. `estimate` is the grid day by which half had reached it, `bound_low` the one before.
    said = median(bound_low=140.0, bound_high=147.0, estimate=147.0, conf_low=126.0, conf_high=168.0)
    assert said == "Half had reached pain-free running by week 21 (after week 20, by week 21; 95 % interval week 18 to week 24)."
    open_end = median(bound_low=140.0, bound_high=147.0, estimate=147.0, conf_low=126.0)
    assert open_end.endswith("95 % interval from week 18, with no upper limit within follow-up).")


def test_a_median_that_is_not_reached_is_said_so() -> None:
    # Grade: exact. Not reached is a value, and its lower limit is still information.
    said = median(conf_low=140.0, warning="half had not reached it by week 26")
    assert said == (
        "The time by which half had reached pain-free running is not reached: half had not reached it by week 26 "
        "(95 % interval from week 20, with no upper limit within follow-up)."
    )
    assert median(warning="half had not reached it by week 26").endswith("half had not reached it by week 26.")


@pytest.mark.parametrize(
    ("after", "by", "expected"),
    [
        (42, 49.0, "That is sooner than weeks 8 to 12 of the claim."),
        (56, 63.0, "That lies within weeks 8 to 12 of the claim."),
        (77, 84.0, "That lies within weeks 8 to 12 of the claim."),
        (84, 91.0, "That is later than weeks 8 to 12 of the claim."),
        (49, 63.0, "That is at the edge of weeks 8 to 12 of the claim: the assessments do not tell on which side."),
        (70, 98.0, "That is at the edge of weeks 8 to 12 of the claim: the assessments do not tell on which side."),
    ],
)
def test_the_median_against_the_weeks_of_the_claim(after: int, by: float, expected: str) -> None:
    # Grade: exact. The median lies in (after, by]; only when all of that is inside the window it is said to be inside.
    assert sentences.median_in_window_sentence(row(bound_low=float(after), bound_high=by, estimate=by), (8, 12)) == expected


def test_time_gained_is_in_weeks() -> None:
    # Grade: exact. 37.1 days are 5.3 weeks, 29.4 are 4.2, 44.8 are 6.4.
    said = gained(estimate=37.1, conf_low=29.4, conf_high=44.8)
    assert said == "On average, 5.3 of the first 26 weeks lay after reaching pain-free running (95 % interval 4.2 to 6.4 weeks)."
    said = gained(bound_low=35.0, bound_high=61.6, conf_low=29.4, conf_high=70.0)
    assert said == (
        "On average, between 5 and 8.8 of the first 26 weeks lay after reaching pain-free running (95 % limits 4.2 to 10 weeks)."
    )


@pytest.mark.parametrize(
    ("term", "low", "high", "word", "ground"),
    [
        ("supported", 0.541, 0.664, "Supported: these records support", "54 to 66 in 100, lies wholly above 50 in 100."),
        ("refuted", 0.311, 0.446, "Refuted: these records speak against", "31 to 45 in 100, lies wholly below 50 in 100."),
        ("inconclusive", 0.46, 0.58, "Inconclusive: these records neither support", "does not lie wholly above or below"),
        ("supported", 0.503, 0.64, "Supported", "50.3 to 64.0 in 100, lies wholly above 50 in 100."),
        ("refuted", 0.40, 0.4996, "Refuted", "40.00 to 49.96 in 100, lies wholly below 50 in 100."),
        ("not answered", None, None, "Not answered: ", "No interval can be given for week 12."),
    ],
)
def test_every_verdict_is_said_plainly_with_the_interval_it_rests_on(
    term: str, low: float | None, high: float | None, word: str, ground: str
) -> None:
    # Grade: exact. A limit that rounds onto the threshold gets decimals until the reader sees on which side it lies.
    made = row(term=term, conf_low=low, conf_high=high)
    said = sentences.verdict_sentence(made, rule=RULE, min_cell_count=11)
    assert said.startswith(word)
    assert "“Most improve within 8-12 weeks”" in said
    assert ground in plain(sentences.verdict_ground_sentence(made, rule=RULE, conf_level=0.95))


def test_a_withheld_verdict_shows_neither_word_nor_interval() -> None:
    # Grade: exact.
    made = row(term="not shown", warning=WITHHELD)
    assert sentences.verdict_sentence(made, rule=RULE, min_cell_count=11).startswith("Not shown: ")
    assert sentences.verdict_ground_sentence(made, rule=RULE, conf_level=0.95) == ""


def test_the_rule_is_said_as_the_protocol_has_it() -> None:
    # Grade: exact.
    assert plain(sentences.rule_sentence(RULE, conf_level=0.95)) == (
        "The rule is part of the protocol: supported if the whole 95 % interval for week 12 lies above 50 in 100, "
        "refuted if it lies below, otherwise inconclusive."
    )


def test_a_refusal_keeps_its_own_words() -> None:
    # Grade: exact. The words are those of analysis/rails.py.
    made = row(term="beyond_follow_up", warning="week 26 is refused: too few were followed that long.")
    assert sentences.refusal_sentence(made) == "Week 26 is refused: too few were followed that long."


def test_how_follow_up_went() -> None:
    # Grade: exact.
    lost = sentences.loss_sentence(row(estimate=0.121, conf_low=0.084, conf_high=0.172), conf_level=0.95, min_cell_count=11)
    assert plain(lost) == "12 in 100 were lost to follow-up before week 12 (95 % interval 8 to 17 in 100)."
    length = sentences.follow_up_sentence(
        row(estimate=182.0, conf_low=175.0, conf_high=189.0), conf_level=0.95, min_cell_count=11
    )
    assert plain(length) == "Median follow-up was 26 weeks (95 % interval week 25 to week 27; reverse Kaplan–Meier)."
    assert sentences.gap_sentence(row(estimate=7.0)) == "Half of the gaps between two assessments were 7 days or shorter."
    long = sentences.longest_gap_sentence(row(estimate=28.0))
    assert long == "One gap in ten was 28 days or longer: recovery within it is known no more closely."
    flares = sentences.unplanned_sentence(row(estimate=0.031))
    assert flares == "3 in 100 assessments took place because the pain was worse; the estimates set them aside."
    assert sentences.unplanned_sentence(row(estimate=0.0)) == ""
    one = sentences.unconfirmed_sentence(row(n_events=1, warning="counted as not reached"), phrase="x", min_cell_count=1)
    assert one == "1 runner's last assessment showed x without a confirming one: counted as not reached."


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0"), (0.004, "fewer than 1"), (0.005, "1"), (0.325, "33"), (0.994, "99"), (0.996, "more than 99"), (1.0, "100")],
)
def test_shares_round_halves_up_and_never_onto_none_or_all(share: float, words: str) -> None:
    # Grade: exact. 0.4 % is not nobody and 99.6 % is not everybody.
    assert in_100(share) == words


def test_percentages_have_no_false_precision() -> None:
    # Grade: exact.
    assert plain(percent(0.31847)) == "32 %"
    assert plain(percent_range(0.271, 0.378)) == "27 to 38 %"
    assert plain(percent(0.002)) == "< 1 %"
    assert plain(week(84)) == "week 12"
    assert plain(week(87)) == "week 12.4"


def test_every_code_has_plain_words() -> None:
    # Grade: exact. Every member of vocabulary.Code; capital letters alone and underscores are not plain words.
    for code in Code:
        assert code.name.lower() in ENDINGS
        assert "_" not in ENDINGS[code.name.lower()]


def test_no_sentence_calls_recovery_a_failure_or_shows_a_number_of_its_own() -> None:
    # Grade: exact. Every number comes from the row, rounded, or is the level, the 100 of a share, or a week of the row.
    made = row(estimate=0.318, conf_low=0.271, conf_high=0.378, n_events=61, n_at_risk=133, n_censored=20)
    text = milestone(estimate=0.318, conf_low=0.271, conf_high=0.378) + sentences.counts_sentence(made)
    text += median(bound_low=140.0, bound_high=147.0, estimate=147.0, conf_low=126.0, conf_high=168.0)
    text += gained(estimate=37.1, conf_low=29.4, conf_high=44.8)
    numbers = set(re.findall(r"\d+(?:\.\d+)?", text))
    assert numbers <= {"95", "100", "12", "32", "27", "38", "61", "133", "20", "21", "18", "24", "26", "5.3", "4.2", "6.4"}
    assert not re.search(r"surviv|fail|risk of|p-value|p =", text, re.IGNORECASE)
