"""Standard errors and intervals by computing again: bootstrap, jackknife, permutation."""
