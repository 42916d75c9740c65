"""Until what: looks at an endpoint, the interval in which it was reached, what ended it, relapse, and other readings of it."""
