"""Strategies kept to week after week: clones, trials begun every week, and the g-formula, on one weekly sample."""
