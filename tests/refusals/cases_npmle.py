"""Bad input for the interval-censored estimators: what must be refused, and in which words."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators import interval_censored_incidence, turnbull
from tendon_outcomes.estimators.interval_censored.bands import interval_band
from tendon_outcomes.estimators.interval_censored.comparisons import interval_milestone_contrast, interval_time_lost_contrast
from tendon_outcomes.estimators.interval_censored.groups import GroupedIncidence, interval_incidence_by_group
from tendon_outcomes.estimators.interval_censored.log_rank import interval_log_rank
from tests.refusals.refusal import Refusal

INF = np.inf
LEFT, RIGHT, CAUSE, GROUP = [0, 7, 0, 7], [7, INF, 7, INF], [1, 0, 1, 0], list("xxyy")


def groups() -> GroupedIncidence:
    """Two groups of two, followed to day 7."""
    return interval_incidence_by_group(LEFT, RIGHT, CAUSE, GROUP)


def undetermined() -> GroupedIncidence:
    """A group of four whose masses are not unique: the rows hold two cells in turn."""
    left, right = [0, 7, 14, 0, 0], [14, 21, 28, 28, 7]
    return interval_incidence_by_group([*left, 0], [*right, 28], [1] * 6, [*"xxxxx", "y"])


def compare(**changed: object) -> object:
    """The rank test on a sample that would do, with one argument changed."""
    arguments = {"left": LEFT, "right": RIGHT, "group": list("xyxy")} | changed
    return interval_log_rank(**arguments)  # type: ignore[arg-type]


REFUSALS: tuple[Refusal, ...] = (
    Refusal("NPMLE, no rows", lambda: turnbull([], []), "there are no rows"),
    Refusal("NPMLE, every weight zero", lambda: turnbull([0, 7], [7, INF], weight=[0, 0]), "every weight is zero"),
    Refusal("NPMLE, a negative weight", lambda: turnbull([0, 7], [7, INF], weight=[1, -1]), "1 of 2 weights are negative"),
    Refusal("NPMLE, weights of another length", lambda: turnbull([0, 7], [7, INF], weight=[1]), "`weight` has 1 values"),
    Refusal("NPMLE, a missing left end", lambda: turnbull([np.nan, 7], [7, INF]), "negative or missing `left`"),
    Refusal("NPMLE, a negative left end", lambda: turnbull([-1, 7], [7, INF]), "negative or missing `left`"),
    Refusal("NPMLE, an empty interval", lambda: turnbull([7, 7], [7, INF]), "empty interval"),
    Refusal("NPMLE, lengths that differ", lambda: turnbull([0, 7], [7]), "values"),
    Refusal("NPMLE, a finite end of a censored row", lambda: interval_censored_incidence([0], [7], [0]), "give inf"),
    Refusal("NPMLE, a cause of 1.5", lambda: interval_censored_incidence([0], [7], [1.5]), "have a cause that is not"),
    Refusal("NPMLE, a row off the grid", lambda: turnbull([0, 7], [8, INF], grid=[7, 14]), "1 of 2 rows"),
    Refusal("NPMLE, confidence 95", lambda: turnbull([0], [7], conf_level=95), "`conf_level`"),
    Refusal("NPMLE, clusters of another length", lambda: turnbull([0, 7], [7, INF], cluster=[1]), "`cluster` has 1 values"),
    Refusal("NPMLE, an entry after the end", lambda: turnbull([0, 7], [7, INF], entry=[8, 0]), "enter at or after the end"),
    Refusal("NPMLE, a missing entry", lambda: turnbull([0, 7], [7, INF], entry=[np.nan, 0]), "negative or missing `entry`"),
    Refusal("NPMLE, entries of another length", lambda: turnbull([0, 7], [7, INF], entry=[0]), "`entry` has 1 values"),
    Refusal("NPMLE, an entry after the curve ran out", lambda: turnbull([0, 6], [5, 9], entry=[0, 6]), "reaches 1 before rows"),
    Refusal("NPMLE, an unknown cause asked", lambda: turnbull(LEFT, RIGHT).lower(2, 7), "cause 2 is not among the causes"),
    Refusal(
        "NPMLE, mean beyond follow-up", lambda: turnbull(LEFT, RIGHT).restricted_mean_time_lost(1, 8), "beyond the last follow-up"
    ),
    Refusal("NPMLE, a horizon of 0", lambda: turnbull(LEFT, RIGHT).restricted_mean_time_lost(1, 0), "positive number"),
    Refusal("NPMLE, quantile 1", lambda: turnbull(LEFT, RIGHT).quantile(1, 1.0), "strictly between 0 and 1"),
    Refusal(
        "NPMLE, limits beyond follow-up", lambda: turnbull(LEFT, RIGHT).likelihood_ratio_limits(1, 8), "beyond the last follow-up"
    ),
    Refusal(
        "NPMLE, not enough steps for an impossible tolerance",
        lambda: turnbull([0, 3, 1, 4, 2], [5, 6, 3, 9, 4], tolerance=-1.0),
        "the likelihood was not maximised",
    ),
    Refusal(
        "groups, one label for two rows", lambda: interval_incidence_by_group([0, 7], [7, INF], [1, 0], ["x"]), "`group` has 1"
    ),
    Refusal("groups, no rows", lambda: interval_incidence_by_group([], [], [], []), "there are no rows"),
    Refusal(
        "groups, a missing label",
        lambda: interval_incidence_by_group([0, 7], [7, INF], [1, 0], [1.0, np.nan]),
        "1 of 2 rows have no `group`",
    ),
    Refusal(
        "groups, one group without weight",
        lambda: interval_incidence_by_group(LEFT, RIGHT, CAUSE, GROUP, weight=[0, 0, 1, 1]),
        "every weight is zero",
    ),
    Refusal("groups, an unknown label", lambda: groups()["z"], "there is no group"),
    Refusal(
        "contrast beyond follow-up",
        lambda: interval_milestone_contrast(groups(), 1, 14, group="x", reference="y"),
        "beyond the last follow-up of group",
    ),
    Refusal(
        "ratio of incidences of zero",
        lambda: interval_milestone_contrast(
            interval_incidence_by_group([7, 7, 0, 7], [14, INF, 7, INF], CAUSE, GROUP),
            1,
            7,
            group="x",
            reference="y",
            scale="ratio",
        ),
        "a ratio needs two estimates above 0",
    ),
    Refusal(
        "time lost beyond follow-up",
        lambda: interval_time_lost_contrast(groups(), 1, 14, group="x", reference="y"),
        "beyond the last follow-up",
    ),
    Refusal(
        "band without days", lambda: interval_band(turnbull(LEFT, RIGHT), 1, [], rng=np.random.default_rng(1)), "at least one day"
    ),
    Refusal(
        "band beyond follow-up",
        lambda: interval_band(turnbull(LEFT, RIGHT), 1, [14], rng=np.random.default_rng(1)),
        "beyond the last",
    ),
    Refusal("rank test, one group", lambda: compare(group=list("xxxx")), "one group only"),
    Refusal("rank test, one group a stratum", lambda: compare(strata=list("xyxy")), "no two groups"),
    Refusal("rank test, no events", lambda: compare(left=[7] * 4, right=[INF] * 4), "no two groups"),
    Refusal("rank test, sampling weights", lambda: compare(weight=[0.5] * 4), "not whole numbers"),
    Refusal("rank test, labels of another length", lambda: compare(group=list("xy")), "`group` has 2 values"),
    Refusal("rank test, permutations without a source", lambda: compare(method="permutation"), "needs `rng`"),
    Refusal("rank test, unknown scores", lambda: compare(scores="gehan"), "`scores` is"),
    Refusal(
        "rank test, Finkelstein with causes",
        lambda: compare(cause=[1, 0, 2, 0], right=[7, INF, 9, INF], scores="finkelstein"),
        "one cause",
    ),
    Refusal("rank test, an empty interval", lambda: compare(right=[0, INF, 7, INF]), "empty interval"),
)
