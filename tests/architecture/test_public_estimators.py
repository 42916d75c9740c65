"""The names of `tendon_outcomes.estimators`: one list, and behind each something with a docstring."""

from __future__ import annotations

import inspect
import re

import pytest

from tendon_outcomes import estimators
from tendon_outcomes.estimators.regression.cox import baseline, concordance, proportionality
from tendon_outcomes.estimators.resampling import iptw

SLOTS = (
    "Estimand",
    "Estimator",
    "Interval",
    "Conventions",
    "Assumes",
    "Not for",
    "Parameters",
    "Returns",
    "References",
    "Checked",
)
# Views of a fit, small helpers and machinery: documented, but no estimator of their own.
NOT_ESTIMATORS = {
    "between_groups",
    "contrast",
    "cox_residuals",
    "curve_statistic",
    "independent_contrasts",
    "natural_spline",
    "one_by_one",
    "one_sided_patterns",
    "predicted_hazard_ratio",
    "predicted_log_hazard_ratio",
    "restricted_mean_influence",
    "schoenfeld_residuals",
    "time_lost_influence",
}

# The same question asked of a fit: the slots stand with the function that answers it.
ASKED_OF_A_FIT = {
    "cox_concordance": concordance.concordance,
    "cumulative_baseline_hazard": baseline.baseline_hazard,
    "iptw_statistic": iptw.iptw_contrasts,
    "predicted_survival": baseline.predicted_curves,
    "proportional_hazards_test": proportionality.proportionality_test,
}


def functions() -> list[str]:
    return [name for name in estimators.__all__ if inspect.isfunction(getattr(estimators, name))]


def test_every_name_is_found_and_documented() -> None:
    # Exact.
    for name in estimators.__all__:
        documented = getattr(estimators, name)
        assert name in ("SERIAL", "Executor", "IntervalKind", "SurvivalInterval") or inspect.getdoc(documented), name
    with pytest.raises(AttributeError, match="no attribute survival"):
        estimators.survival  # noqa: B018


@pytest.mark.parametrize("name", [name for name in functions() if name not in NOT_ESTIMATORS])
def test_every_estimator_fills_its_slots(name: str) -> None:
    # Exact: the nine slots, parameters and returns being one.
    text = inspect.getdoc(ASKED_OF_A_FIT.get(name, getattr(estimators, name))) or ""
    missing = [slot for slot in SLOTS if not re.search(rf"^{slot}$", text, flags=re.MULTILINE)]
    assert missing == [], f"{name} lacks {missing}"
