"""Models of time given covariates."""
