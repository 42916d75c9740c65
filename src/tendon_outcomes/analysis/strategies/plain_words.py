"""What an estimator said when it refused, in the words of who reads the report: no arguments of functions, no codes of arms."""

from __future__ import annotations

import re

UNFIT = "the records do not have the form that this method needs"
"""Instead of a reason that can only be told to who calls the estimator."""
_CODE = re.compile(r"`|\w=\w|\bshape \(|\bNaN\b|\b\w+\(\w*\)")
_WORDS = (
    (r"\bnp\.\w+\(([^()]*)\)", r"\1"),
    (r"\b(?:treatment|group|arm) 0\b", "the reference strategy"),
    (r"\b(?:treatment|group|arm) 1\b", "the compared strategy"),
    (r"\b(?:treatment|group|arm) \d+\b", "another strategy"),
    (r"\b(at|on day) (\d+)\.0\b", r"\1 \2"),
    (r"\bincidence at (\d+)", r"incidence on day \1"),
    (r"\bdifference: incidence\b", "the difference of the incidence"),
    (r"\bstrategy: incidence\b", "strategy, incidence"),
    (r": (\d+) of (\d+) replicates have no such number", r" does not exist in \1 of \2 samples of the bootstrap"),
    (r"\breplicates\b", "samples of the bootstrap"),
    (r"\bperson-weeks\b", "weeks of runners"),
    (r"\bclusters?\b", "runners"),
    (r"\brows\b", "runners"),
    (r"\bcovariate x(\d+)\b", r"covariate number \1"),
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def plain(reason: str) -> str:
    """The reason with strategies and days named; a general one where it speaks of arguments."""
    for code, words in _WORDS:
        reason = re.sub(code, words, reason)
    return UNFIT if _CODE.search(reason) else reason


def plain_way_out(advice: str) -> str:
    """The sentences that somebody can follow who has the report and not the program."""
    sentences = (one.strip() for one in _SENTENCE.split(advice))
    return " ".join(plain(one) for one in sentences if one and not _CODE.search(one))
