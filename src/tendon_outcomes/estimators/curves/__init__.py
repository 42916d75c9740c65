"""Curves from times that are known or right-censored: survival, cumulative incidence, states, and means under them."""
