"""What the page says of a quarter: verdict and looks, signals, cohorts, groups, charts and restatement, from rows of results."""
