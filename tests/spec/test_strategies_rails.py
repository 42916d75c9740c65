"""Every rail of the comparison of strategies: what trips it, what just misses it, and the number that would do."""

from __future__ import annotations

import pytest

from tendon_outcomes.analysis.rails import Rail
from tendon_outcomes.analysis.strategies import rails_causal as causal
from tendon_outcomes.results import WOULD_DO

# Grade of all: exact, worked from the thresholds of the rails (too small, events per parameter, positivity, weights, balance,
# loss, extrapolation, causal words) and the arithmetic written beside each.
TRIPS: list[tuple[str, Rail | None, str, str]] = [
    ("9 runners", causal.counts_only(9, 5), "too_small", "10 runners"),
    ("4 events of 40: 5 need 40 x 5 / 4", causal.counts_only(40, 4), "too_small", "about 50 runners"),
    ("none of 40 seen: 3 at most are expected", causal.counts_only(40, 0), "too_small", "at least 67 runners"),
    (
        "nobody under one strategy",
        causal.one_strategy_only((0, 119)),
        "one_strategy_only",
        "more runners like these would not do",
    ),
    ("59 runners", causal.descriptive_only(59, (10, 12)), "descriptive_only", "60 runners"),
    ("9 events in one arm of 60: 60 x 10 / 9", causal.descriptive_only(60, (9, 30)), "descriptive_only", "about 67 runners"),
    ("40 runners, 3 and 3 events", causal.descriptive_only(40, (3, 3)), "descriptive_only", "about 134 runners"),
    ("24 runners for 5 parameters: 100 x 25 / 24", causal.per_parameter(24, 5, 100), "per_parameter", "about 105 runners"),
    ("9.9 a parameter", causal.per_parameter(99, 10, 300), "few_per_parameter", ""),
    ("19.9 a parameter", causal.per_parameter(199, 10, 600), "few_per_parameter", ""),
    ("a node given up", causal.per_parameter(300, 10, 900, dropped=("clinician",)), "few_per_parameter", ""),
    ("6 % outside", causal.positivity(0.06, 0.9, overlap_n=50.0, n=100), "positivity", ""),
    ("common support 0.79", causal.positivity(0.0, 0.79, overlap_n=50.0, n=100), "positivity", ""),
    ("effective 29 of 100: 100 x 30 / 29", causal.no_overlap(29.0, 100), "no_overlap", "about 104 runners"),
    ("no overlap at all", causal.no_overlap(0.0, 100), "no_overlap", "no number of runners like these would do"),
    ("apart", causal.strategies_apart(0.63, 0.80), "overlap", ""),
    ("a pattern with one strategy", causal.one_treatment_only(("sex",)), "one_treatment_only", ""),
    ("a weight of 20.1", causal.extreme_weights(20.1, 1.0), "weights", ""),
    ("a mean of 0.94", causal.extreme_weights(3.0, 0.94), "weights", ""),
    ("effective 49 of 100", causal.effective_size(49.0, 100, 200), "few_effective", ""),
    ("effective 29 of 50: 200 x 30 / 29", causal.effective_size(29.0, 50, 200), "effective_size", "about 207 runners"),
    (
        "effective 24 % of 200",
        causal.effective_size(48.0, 200, 400),
        "effective_size",
        "those who could have had either strategy",
    ),
    ("clones in effect below a quarter", causal.clones_left(4, 12), "effective_size", "more runners like these would not do"),
    ("a difference left", causal.imbalance(("age_y",)), "balance", ""),
    (
        "41 of 100 weeks unknown: 40 may be",
        causal.unlogged(41, 100, sustain_weeks=12),
        "unlogged",
        "1 more logged weeks of the 100",
    ),
    ("21 of 100 lost", causal.loss_of_strategies((21, 21), (100, 100)), "loss", ""),
    ("11 points apart", causal.loss_of_strategies((2, 13), (100, 100)), "loss", ""),
    ("lost in pain", causal.loss_follows_pain(1.97), "loss_follows_pain", ""),
    ("methods apart", causal.methods_disagree(12, ("one and other",)), "agreement", ""),
    ("29 left in week 12", causal.few_by_week(29.0, 12), "few_effective", ""),
    ("an item without an answer", causal.association_only(("nobody has argued it",)), "causal_words", ""),
]
MISSES: list[tuple[str, Rail | None]] = [
    ("10 runners, 5 events", causal.counts_only(10, 5)),
    ("one runner under either", causal.one_strategy_only((1, 1))),
    ("60 runners, 10 events each", causal.descriptive_only(60, (10, 10))),
    ("20 a parameter", causal.per_parameter(200, 10, 600)),
    ("5 % outside, 80 % common", causal.positivity(0.05, 0.80, overlap_n=50.0, n=100)),
    ("effective 30", causal.no_overlap(30.0, 100)),
    ("nearly as alike as chance has it", causal.strategies_apart(0.65, 0.80)),
    ("no pattern", causal.one_treatment_only(())),
    ("a weight of 20, a mean of 0.95", causal.extreme_weights(20.0, 0.95)),
    ("a mean of 1.05", causal.extreme_weights(3.0, 1.05)),
    ("half in effect", causal.effective_size(50.0, 100, 200)),
    ("nothing left", causal.imbalance(())),
    ("40 of 100 weeks unknown", causal.unlogged(40, 100, sustain_weeks=12)),
    ("20 of 100 lost, 10 points apart", causal.loss_of_strategies((10, 20), (100, 100))),
    ("not told by pain", causal.loss_follows_pain(1.96)),
    ("methods agree", causal.methods_disagree(12, ())),
    ("30 left in week 12", causal.few_by_week(30.0, 12)),
    ("every item answered", causal.association_only(())),
]


@pytest.mark.parametrize(("says", "rail", "code", "would_do"), TRIPS, ids=[one[0] for one in TRIPS])
def test_a_rail_trips_and_says_what_would_do(says: str, rail: Rail | None, code: str, would_do: str) -> None:
    # Grade: exact (see the table).
    assert rail is not None, says
    assert rail.code == code
    assert would_do in rail.would_do
    row = rail.refusal(estimator="design")
    assert (WOULD_DO in row.warning) == bool(rail.would_do)


@pytest.mark.parametrize(("says", "rail"), MISSES, ids=[one[0] for one in MISSES])
def test_a_near_miss_says_nothing(says: str, rail: Rail | None) -> None:
    # Grade: exact (the thresholds themselves).
    assert rail is None, says


def test_five_to_ten_for_each_parameter_is_kept_with_a_penalty_and_fewer_is_not() -> None:
    # Grade: exact: 50 runners for 10 parameters are five each, 49 are fewer.
    kept, refused = causal.per_parameter(50, 10, 200), causal.per_parameter(49, 10, 200)
    assert kept is not None
    assert "Firth" in kept.says
    assert refused is not None
    assert refused.code == causal.TOO_MANY_PARAMETERS
    assert "about 205 runners" in refused.would_do  # 200 x 50 / 49


def test_a_week_beyond_follow_up_names_the_last_that_can_be_answered() -> None:
    # Grade: exact.
    assert "The latest week that can be answered is 12." in causal.beyond(26, 12).words
    assert "No week can be answered." in causal.beyond(8, 0).words
    assert "about" not in causal.kept_to_it(26, 20, 334).would_do
    assert causal.kept_to_it(26, 20, 334).words.endswith("It would take 334 runners.")


def test_with_no_event_the_number_that_would_do_gives_the_runners_away() -> None:
    # Grade: exact: 7 x 5 / 3 is 12 at least, which tells 7; 76 x 5 / 3 tells 76 and so the 6 others of 82.
    few, rest, some = causal.counts_only(7, 0), causal.counts_only(76, 0, others=6), causal.counts_only(40, 4, others=3)
    assert few is not None
    assert rest is not None
    assert some is not None
    assert (few.n_behind, rest.n_behind, some.n_behind) == (7, 6, 4)
    none = causal.descriptive_only(119, (0, 40))
    assert none is not None
    assert none.n_behind == 119


def test_a_refusal_of_one_strategy_speaks_of_one() -> None:
    # Grade: exact.
    rail = causal.counts_only(4, 0, of="the strategy")
    assert rail is not None
    assert "5 events in the strategy are needed" in rail.says


def test_who_is_too_few_to_be_compared_is_not_promised() -> None:
    # Grade: exact: of 29 in effect `no_overlap` refuses; 30 are compared. Half of 20.8 is 10 of each strategy.
    refused, compared = (causal.positivity(0.06, 0.9, overlap_n=n, n=100) for n in (29.0, 30.0))
    assert refused is not None
    assert compared is not None
    assert "compared" not in refused.says.replace("A comparison", "")
    assert "29%" not in refused.says
    assert "about 30% of the runners compared) are compared instead" in compared.says
    rail = causal.no_overlap(20.8, 100)
    assert rail is not None
    assert rail.n_behind == 10
