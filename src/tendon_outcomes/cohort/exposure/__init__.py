"""Doing what: weeks of loading and stretching, strategies, adherence, switching, and what was prescribed."""
