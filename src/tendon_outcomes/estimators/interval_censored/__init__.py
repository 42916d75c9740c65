"""Estimates from events that are known to lie between two looks."""
