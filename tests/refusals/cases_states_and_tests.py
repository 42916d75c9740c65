"""Bad inputs of the tests between groups, state occupancy and mean counts, each refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from tendon_outcomes.estimators.curves.recurrent import mean_cumulative_count
from tendon_outcomes.estimators.curves.state_occupancy import state_occupancy
from tendon_outcomes.estimators.group_tests.gray import gray_test
from tendon_outcomes.estimators.group_tests.log_rank import log_rank
from tests.refusals.refusal import Refusal

TIME, CAUSE, GROUP = [1, 2, 3, 4], [1, 2, 1, 0], ["a", "b", "b", "a"]
WALK: dict[str, Any] = {
    "subject": [1, 1, 2, 2],
    "start": [0, 2, 0, 1],
    "stop": [2, 4, 1, 5],
    "from_state": [0, 1, 0, 0],
    "to_state": [1, 2, 0, 1],
}
FLARES: dict[str, Any] = {"subject": [1, 1, 2], "start": [0, 2, 0], "stop": [2, 4, 3], "event": [1, 0, 1]}


def _log_rank(**change: Any) -> object:
    return log_rank(**{"time": TIME, "event": [1, 1, 1, 0], "group": GROUP, **change})


def _gray(**change: Any) -> object:
    return gray_test(**{"time": TIME, "cause": CAUSE, "group": GROUP, **change})


def _states(**change: Any) -> object:
    return state_occupancy(**{**WALK, "n_states": 3, **change})


def _counts(**change: Any) -> object:
    return mean_cumulative_count(**{**FLARES, **change})


REFUSALS: tuple[Refusal, ...] = (
    Refusal("log-rank: no rows", lambda: _log_rank(time=[], event=[], group=[]), "no rows"),
    Refusal("log-rank: no events", lambda: _log_rank(event=[0, 0, 0, 0]), "no row has the event"),
    Refusal("log-rank: one arm empty", lambda: _log_rank(weight=[1, 0, 0, 1]), "are in one group"),
    Refusal("log-rank: arms in different strata", lambda: _log_rank(strata=[0, 1, 1, 0]), "no two groups are at risk together"),
    Refusal("log-rank: arms after one another", lambda: _log_rank(time=[4, 2, 2, 5], entry=[3, 0, 0, 3]), "no two groups"),
    Refusal("log-rank: missing time", lambda: _log_rank(time=[1, np.nan, 3, 4]), "1 of 4 rows have a negative, missing"),
    Refusal("log-rank: negative time", lambda: _log_rank(time=[1, -2, 3, 4]), "1 of 4 rows have a negative, missing"),
    Refusal("log-rank: event code 2", lambda: _log_rank(event=CAUSE), "1 of 4 rows have a wrong `event`"),
    Refusal("log-rank: missing group", lambda: _log_rank(group=["a", None, "b", "a"]), "1 of 4 rows have no `group`"),
    Refusal("log-rank: group too short", lambda: _log_rank(group=["a", "b"]), "`group` has 2 values for 4 rows"),
    Refusal("log-rank: strata too short", lambda: _log_rank(strata=[0, 1]), "`strata` has 2 values for 4 rows"),
    Refusal("log-rank: entry after exit", lambda: _log_rank(entry=[0, 0, 0, 4]), "1 of 4 rows enter at or after their exit"),
    Refusal("log-rank: negative weight", lambda: _log_rank(weight=[1, 1, -1, 1]), "1 of 4 weights"),
    Refusal("log-rank: fractions as copies", lambda: _log_rank(weight=[1, 1, 0.5, 1], robust=False), "not whole numbers"),
    Refusal("log-rank: one cluster", lambda: _log_rank(cluster=[1, 1, 1, 1], group=["a", "b", "c", "a"]), "fewer directions"),
    Refusal("log-rank: negative rho", lambda: _log_rank(rho=-0.5), "not negative"),
    Refusal("log-rank: constant scores", lambda: _log_rank(scores=[1, 1]), "not all the same"),
    Refusal("Gray: no rows", lambda: _gray(time=[], cause=[], group=[]), "no rows"),
    Refusal("Gray: no events of the cause", lambda: _gray(cause=[0, 2, 2, 0]), "no row has cause 1"),
    Refusal("Gray: a cause that nobody had", lambda: _gray(cause_of_interest=7), "no row has cause 7"),
    Refusal("Gray: one arm empty", lambda: _gray(weight=[1, 0, 0, 1]), "are in one group"),
    Refusal("Gray: sampling weights", lambda: _gray(weight=[1, 0.5, 1, 1]), "not whole numbers"),
    Refusal("Gray: missing cause", lambda: _gray(cause=[1, np.nan, 1, 0]), "1 of 4 rows have a wrong `cause`"),
    Refusal("Gray: all events at once", lambda: _gray(time=[1, 1, 1, 1], cause=[1, 1, 1, 1]), "fewer directions"),
    Refusal("Gray: arms in different strata", lambda: _gray(strata=[0, 1, 1, 0]), "no two groups are at risk together"),
    Refusal("states: no rows", lambda: _states(**{key: [] for key in WALK}), "no rows"),
    Refusal("states: one state", lambda: _states(n_states=1), "at least 2"),
    Refusal("states: unknown state", lambda: _states(to_state=[1, 3, 0, 1]), "1 of 4 rows have a `to_state`"),
    Refusal("states: missing state", lambda: _states(from_state=[0, np.nan, 0, 0]), "1 of 4 rows have a `from_state`"),
    Refusal("states: overlap", lambda: _states(start=[0, 1, 0, 1]), "1 of 4 rows start before the same subject's row"),
    Refusal("states: broken path", lambda: _states(to_state=[0, 2, 0, 1]), "1 of 4 rows start in another state"),
    Refusal("states: unseen move", lambda: _states(start=[0, 3, 0, 1], to_state=[0, 2, 0, 1]), "a move that nobody saw"),
    Refusal("states: empty piece", lambda: _states(start=[0, 4, 0, 1]), "1 of 4 rows start at or after their stop"),
    Refusal("states: infinite stop", lambda: _states(stop=[2, np.inf, 1, 5]), "missing or infinite start or stop"),
    Refusal("states: wrong initial", lambda: _states(initial=[1, 1, 0]), "add up to 1"),
    Refusal("states: cluster within subject", lambda: _states(cluster=[1, 2, 3, 3]), "another cluster than their subject"),
    Refusal("states: weights all zero", lambda: _states(weight=[0, 0, 0, 0]), "every weight is zero"),
    Refusal("states: beyond follow-up", lambda: _fit().restricted_mean(0, horizon=6), "beyond the last follow-up"),
    Refusal("states: horizon at the origin", lambda: _fit().restricted_mean(0, horizon=0), "after the origin"),
    Refusal("states: state that is not there", lambda: _fit().at(5, 1), "state 5 is not one of 0 to 2"),
    Refusal("counts: no rows", lambda: _counts(subject=[], start=[], stop=[], event=[]), "no rows"),
    Refusal("counts: half an event", lambda: _counts(event=[1, 0.5, 1]), "1 of 3 rows have an `event`"),
    Refusal("counts: missing event", lambda: _counts(event=[1, np.nan, 1]), "1 of 3 rows have an `event`"),
    Refusal("counts: life after the end", lambda: _counts(terminal=[1, 0, 0]), "before the subject's last row"),
    Refusal("counts: terminal code 2", lambda: _counts(terminal=[0, 2, 0]), "not 0 or 1"),
    Refusal("counts: overlap", lambda: _counts(start=[0, 1, 0]), "1 of 3 rows start before the same subject's row"),
    Refusal("counts: negative start", lambda: _counts(start=[-1, 2, 0]), "1 of 3 rows have a negative, missing"),
    Refusal("counts: start too short", lambda: _counts(start=[0, 2]), "`start` has 2 values for 3 rows"),
)


def _fit() -> Any:
    return _states()
