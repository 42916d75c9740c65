"""Runners who recover early are never seen with long-standing pain: how much of an association that selection alone makes."""
