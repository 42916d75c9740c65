"""Curves, groups, comparisons and bands that must be refused by name."""

from __future__ import annotations

import numpy as np

from tendon_outcomes.estimators.curves.aalen_johansen import aalen_johansen
from tendon_outcomes.estimators.curves.bands import simultaneous_band
from tendon_outcomes.estimators.curves.by_group import incidence_by_group, survival_by_group
from tendon_outcomes.estimators.curves.compare import (
    milestone_difference,
    milestone_ratio,
    restricted_mean_difference,
    time_lost_difference,
)
from tendon_outcomes.estimators.curves.kaplan_meier import kaplan_meier
from tendon_outcomes.estimators.curves.restricted_mean import restricted_mean, restricted_mean_time_lost
from tests.refusals.refusal import Refusal

TIME, EVENT, CAUSE, GROUP = [1, 2, 3, 4, 6, 8], [1, 0, 1, 1, 0, 0], [1, 0, 2, 1, 0, 0], [0, 0, 0, 1, 1, 1]
NEVER = [0] * 6


def curve(**how: object) -> object:
    return kaplan_meier(TIME, EVENT, **how)  # type: ignore[arg-type]


def groups(**how: object) -> object:
    return survival_by_group(TIME, EVENT, GROUP, **how)  # type: ignore[arg-type]


REFUSALS: tuple[Refusal, ...] = (
    Refusal("KM: no rows", lambda: kaplan_meier([], []), "there are no rows"),
    Refusal("KM: a time is NaN", lambda: kaplan_meier([1, np.nan], [1, 0]), "1 of 2 times"),
    Refusal("KM: a negative time", lambda: kaplan_meier([1, -2], [1, 0]), "1 of 2 times"),
    Refusal("KM: an infinite time", lambda: kaplan_meier([1, np.inf], [1, 0]), "1 of 2 times"),
    Refusal("KM: an event code of 2", lambda: kaplan_meier([1, 2], [1, 2]), "outside 0 to 1"),
    Refusal("KM: events of another length", lambda: kaplan_meier([1, 2], [1]), "shape"),
    Refusal("KM: a negative weight", lambda: curve(weight=[1, 1, 1, 1, 1, -1]), "1 of 6 weights"),
    Refusal("KM: an infinite weight", lambda: curve(weight=[1, 1, 1, 1, 1, np.inf]), "1 of 6 weights"),
    Refusal("KM: every weight zero", lambda: curve(weight=NEVER), "every weight is zero"),
    Refusal("KM: entry after exit", lambda: curve(entry=[2, 0, 0, 0, 0, 0]), "1 of 6 rows enter"),
    Refusal("KM: clusters of another length", lambda: curve(cluster=[1, 2]), "`cluster` has 2"),
    Refusal("KM: a missing cluster", lambda: curve(cluster=[1, 1, 2, 2, 3, np.nan]), "1 of 6 rows have no `cluster`"),
    Refusal("KM: clusters without robustness", lambda: curve(cluster=GROUP, robust=False), "forbids"),
    Refusal("KM: beta-product with weights", lambda: curve(weight=[0.5] * 6, interval="beta-product"), "whole counts"),
    Refusal("KM: beta-product with clusters", lambda: curve(cluster=GROUP, interval="beta-product"), "whole counts"),
    Refusal("KM: an unknown interval", lambda: curve(interval="arcsine"), "`interval` is one of"),
    Refusal("KM: a level of 95", lambda: curve(conf_level=95), "between 0 and 1"),
    Refusal("KM: influence beyond follow-up", lambda: kaplan_meier(TIME, EVENT).influence_at([9]), "beyond the last follow-up"),
    Refusal("KM: a missing day", lambda: kaplan_meier(TIME, EVENT).at(np.nan), "1 of 1 days are missing"),
    Refusal("RMST: beyond follow-up", lambda: restricted_mean(kaplan_meier(TIME, EVENT), horizon=9), "beyond the last follow-up"),
    Refusal("RMST: a horizon of 0", lambda: restricted_mean(kaplan_meier(TIME, EVENT), horizon=0), "positive"),
    Refusal("AJ: a cause above those declared", lambda: aalen_johansen(TIME, CAUSE, n_causes=1), "outside 0 to 1"),
    Refusal("AJ: an unknown cause", lambda: aalen_johansen(TIME, CAUSE).at(3, 2), "cause 3"),
    Refusal(
        "AJ: Aalen's variance with weights", lambda: aalen_johansen(TIME, CAUSE, weight=[0.5] * 6, variance="aalen"), "no form"
    ),
    Refusal("AJ: Aalen's variance in clusters", lambda: aalen_johansen(TIME, CAUSE, cluster=GROUP, variance="aalen"), "no form"),
    Refusal(
        "time lost: beyond follow-up",
        lambda: restricted_mean_time_lost(aalen_johansen(TIME, CAUSE), 1, horizon=9),
        "beyond the last follow-up",
    ),
    Refusal("groups: another length", lambda: survival_by_group(TIME, EVENT, [0, 1]), "`group` has 2"),
    Refusal("groups: an empty arm by weight", lambda: groups(weight=[1, 1, 1, 0, 0, 0]), "1 of 2 groups have no row"),
    Refusal(
        "groups: a missing label", lambda: survival_by_group(TIME, EVENT, [0, 0, 0, 1, 1, np.nan]), "1 of 6 rows have no `group`"
    ),
    Refusal("groups: an arm that is not there", lambda: survival_by_group(TIME, EVENT, GROUP)["both"], "no group"),
    Refusal(
        "comparison: beyond one arm's follow-up",
        lambda: milestone_difference(*survival_by_group(TIME, NEVER, GROUP).curves, day=4),
        "1 of 1 days lie beyond",
    ),
    Refusal(
        "comparison: a ratio with nobody",
        lambda: milestone_ratio(*incidence_by_group(TIME, CAUSE, GROUP).curves, day=2, cause=1),
        "above 0",
    ),
    Refusal(
        "comparison: too few at risk",
        lambda: restricted_mean_difference(*survival_by_group(TIME, EVENT, GROUP).curves, horizon=2),
        "at risk",
    ),
    Refusal(
        "comparison: no cause",
        lambda: milestone_difference(*incidence_by_group(TIME, CAUSE, GROUP).curves, day=2),
        "needs `cause`",
    ),
    Refusal(
        "comparison: a horizon beyond follow-up",
        lambda: time_lost_difference(*incidence_by_group(TIME, CAUSE, GROUP).curves, cause=1, horizon=20),
        "beyond the last follow-up",
    ),
    Refusal(
        "band: before the first event",
        lambda: simultaneous_band(kaplan_meier(TIME, EVENT), from_day=0, to_day=4),
        "can be given from day 1",
    ),
    Refusal(
        "band: no event at all",
        lambda: simultaneous_band(kaplan_meier(TIME, NEVER), from_day=1, to_day=4),
        "on no day",
    ),
    Refusal(
        "band: beyond follow-up",
        lambda: simultaneous_band(kaplan_meier(TIME, EVENT), from_day=1, to_day=9),
        "after the last follow-up",
    ),
    Refusal(
        "band: resampled without a generator",
        lambda: simultaneous_band(aalen_johansen(TIME, CAUSE), cause=1, from_day=1, to_day=4),
        "random generator",
    ),
)
