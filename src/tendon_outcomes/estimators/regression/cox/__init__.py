"""The proportional hazards model: fit, residuals, checks of its assumption."""
