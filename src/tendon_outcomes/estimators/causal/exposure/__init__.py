"""A numeric exposure: means standardised over everybody as a curve over it, and two treatments compared along it."""
