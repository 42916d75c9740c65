"""The truth beside a synthetic clinic: of the population it was drawn from, and of the very runners that were drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from tendon_outcomes.synthetic.columns import coded, whole
from tendon_outcomes.synthetic.latent import NEVER, Runners, Truth
from tendon_outcomes.synthetic.population import ENDPOINTS, STRUCTURED, TrueIncidence, population_truth
from tendon_outcomes.synthetic.settings import STRATEGIES, ClinicSettings

AT_WEEKS = (8, 12, 26)
HORIZON_WEEKS = 26
_COLUMNS = {"pain_free_running": "true_pfr_day", "meaningful_improvement": "true_mi_day"}
_DIGITS = 6


def truth_table(episode_id: pl.Series, runners: Runners, truth: Truth) -> pl.DataFrame:
    """True days of each episode; empty means never.

    `true_pfr_day` and `true_mi_day` are those without any competing event; `competing_day` is the first such event before
    pain-free running. An endpoint was reached first when its day is not after `competing_day`.
    """
    return pl.DataFrame(
        {
            "episode_id": episode_id,
            "strategy": coded(STRATEGIES, runners.strategy),
            "true_pfr_day": whole(truth.pfr_day, truth.pfr_day < NEVER),
            "true_mi_day": whole(truth.mi_day, truth.mi_day < NEVER),
            "competing_code": whole(truth.competing_code, truth.competing_day < NEVER),
            "competing_day": whole(truth.competing_day, truth.competing_day < NEVER),
        }
    )


def truth_document(settings: ClinicSettings, episodes: pl.DataFrame) -> dict[str, Any]:
    """What truth.json says: the population with its Monte Carlo errors, and this draw, which has none."""
    population = population_truth(settings)
    return {
        "population": {
            endpoint: {group: _population_entry(curve) for group, curve in groups.items()}
            for endpoint, groups in population.incidence.items()
        },
        "this_draw": {endpoint: _draw_entry(episodes, _COLUMNS[endpoint]) for endpoint in ENDPOINTS},
        "what": {
            "cumulative_incidence": "probability of reaching the endpoint by the week and before any competing event",
            "restricted_mean_time_weeks": f"area under that curve to week {HORIZON_WEEKS}",
            "error": "Monte Carlo standard error of the number",
            "structured_plan": f"prescribed {', '.join(STRUCTURED)}",
        },
    }


def _population_entry(curve: TrueIncidence) -> dict[str, Any]:
    return {
        "cumulative_incidence": {
            str(week): {"value": _tidy(curve.at_week(week)), "error": _tidy(curve.error_at_week(week))} for week in AT_WEEKS
        },
        "restricted_mean_time_weeks": {
            "value": _tidy(curve.restricted_mean_time(HORIZON_WEEKS)),
            "error": _tidy(curve.restricted_mean_error(HORIZON_WEEKS)),
        },
        "median_weeks": {"value": _tidy(curve.median_weeks()), "error": _tidy(curve.median_error())},
        "episodes_drawn": curve.episodes,
    }


def _draw_entry(episodes: pl.DataFrame, column: str) -> dict[str, Any]:
    groups = {"all": STRATEGIES, "structured_plan": STRUCTURED, **{one: (one,) for one in STRATEGIES}}
    entries: dict[str, Any] = {}
    for group, names in groups.items():
        chosen = episodes.filter(pl.col("strategy").is_in(names))
        first = pl.col(column) <= pl.col("competing_day").fill_null(NEVER)
        days = chosen.filter(first)[column].to_numpy()
        entries[group] = {"episodes": chosen.height, **_finite(days, chosen.height)}
    return entries


def _finite(days: np.ndarray[Any, Any], episodes: int) -> dict[str, Any]:
    if not episodes:
        return {}
    horizon = 7 * HORIZON_WEEKS
    middle = (episodes + 1) // 2
    median = float(np.sort(days)[middle - 1] / 7) if days.size >= middle else None
    return {
        "cumulative_incidence": {str(week): _tidy(float((days <= 7 * week).sum() / episodes)) for week in AT_WEEKS},
        "restricted_mean_time_weeks": _tidy(float(np.maximum(horizon - days, 0).sum() / 7 / episodes)),
        "median_weeks": _tidy(median),
    }


def _tidy(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
