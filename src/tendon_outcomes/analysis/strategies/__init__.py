"""Comparing strategies as a trial would: who, when, what, and whether the records can say."""
