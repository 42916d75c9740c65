"""How recovery goes with the time it has hurt on day 0: from a cohort to rows of results."""
