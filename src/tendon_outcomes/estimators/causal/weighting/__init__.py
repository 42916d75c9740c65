"""Propensities, the weights made of them, and whether these weights can be trusted."""
