"""Smooth models of time: accelerated failure time, cure, spline hazards."""
