"""What was known of a runner beforehand: on day 0, and at the start of every week. Knows neither strategy nor endpoint."""

from tendon_outcomes.cohort.covariates.baseline import BaselineCovariates, baseline_covariates, day_0_values
from tendon_outcomes.cohort.covariates.weekly import weekly_covariates

__all__ = ["BaselineCovariates", "baseline_covariates", "day_0_values", "weekly_covariates"]
