"""Milestones of an incidence as the claims read them: of how many, why not, how many would do, and the p-value of a threshold."""

from __future__ import annotations

from math import log, log1p
from typing import Any

import polars as pl

from tendon_outcomes.analysis.claims.setting import Setting
from tendon_outcomes.estimators.limits import two_sided_z
from tendon_outcomes.estimators.sample_size import share_sample_size
from tendon_outcomes.estimators.special_functions import normal_two_sided_p
from tendon_outcomes.results import WOULD_DO


def total(row: dict[str, Any]) -> int:
    """Everybody: at risk, with the event, and left."""
    return int(row["n_at_risk"] + row["n_events"] + row["n_censored"])


def refused_because(rows: pl.DataFrame, day: int) -> str:
    """Why the day has no verdict: the refusal of that day, or of the whole."""
    refused = rows.filter(pl.col("statistic") == "refusal", pl.col("day").is_null() | (pl.col("day") == day))["warning"]
    return str(refused[0]).partition(WOULD_DO)[0] if refused.len() else f"week {day // 7} cannot be answered"


def needed(setting: Setting, threshold: float) -> int:
    """How many runners of known result tell a share `worth` above the threshold from it."""
    rules = setting.register.rules
    worth = min(rules.worth, 1.0 - threshold)
    return share_sample_size(threshold, worth=worth, power=rules.power, conf_level=setting.conf_level)


def followed(setting: Setting, threshold: float) -> str:
    """The same in words."""
    return f"about {needed(setting, threshold)} runners followed to the week"


def incidence_p(row: dict[str, Any], threshold: float, conf_level: float) -> float | None:
    """Two-sided, on the scale log(-log(1 - F)) of the limits, whose distance gives the standard error there.

    None where the estimate is open, or a limit lies at 0 or 1.
    """
    values = [row["estimate"], row["conf_low"], row["conf_high"]]
    if any(value is None or not 0.0 < value < 1.0 for value in values):
        return None
    estimate, low, high = (log(-log1p(-value)) for value in values)
    error = (high - low) / (2.0 * two_sided_z(conf_level))
    return float(normal_two_sided_p((estimate - log(-log1p(-threshold))) / error)) if error > 0.0 else None
