"""Words for an audit: groups, definitions, quarters, verdicts, and counts of runners."""

from __future__ import annotations

import re

from tendon_outcomes.declarations import Estimand
from tendon_outcomes.reporting.chronicity.words import band
from tendon_outcomes.reporting.comparison.words import spaced, strategy_name
from tendon_outcomes.reporting.wording import NBSP, ResultRow, count, quarter_words, readable, sentence_case
from tendon_outcomes.vocabulary import Verdict

KINDS = {
    "strategy": "Plan that was prescribed",
    "duration": "How long it had hurt on day 0",
    "clinician": "Clinician",
    "site": "Site",
    "definition": "Definition",
    "claim": "Claim",
}
_SHORT = {"strategy": "Plan", "clinician": "Clinician", "site": "Site"}
_INSTRUMENTS = re.compile(r"\b(visa[ -]h|nprs|uwri|groc|pgic|mi|pfr)\b", re.IGNORECASE)
_WORDS = {
    Verdict.SUPPORTED: "supported",
    Verdict.REFUTED: "refuted",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.NOT_ANSWERED: "not answered",
}


def group_kind(stratum: str) -> str:
    """`clinician` of `clinician: c03`; empty where the stratum is no group of the audit."""
    kind, colon, _ = stratum.partition(": ")
    return kind if colon else ""


def group_name(stratum: str) -> str:
    """`c03`, `loading-led`, `4 to 12 weeks`: the group without its kind, as people say it."""
    kind, _, name = stratum.rpartition(": ")
    if kind == "duration":
        return band(name)
    return strategy_name(name) if kind == "strategy" else name


def group_words(stratum: str) -> str:
    """`Clinician c03`, `Hurt for 4 to 12 weeks`; a stratum that is no group as it is."""
    kind, name = group_kind(stratum), group_name(stratum)
    if not kind:
        return sentence_case(stratum)
    if kind == "duration":
        return f"Hurt for {name[:1].lower()}{name[1:]}"
    return f"{_SHORT.get(kind, readable(kind))} {name}"


def definition_words(stratum: str, estimand: Estimand) -> str:
    """`MI-1, VISA-H gain of 14` for `definition: MI-1, visa_h_gain_14`; a version by its short title."""
    name = stratum.partition(": ")[2] or stratum
    for one in (estimand.endpoint, *estimand.other_endpoints):
        name = name.replace(one.reference, one.version.title.partition(":")[0].rstrip("."))
    name = name.replace("_", " ")
    name = re.sub(r"\b(gain|drop) share (\d+)", rf"\1 of \2{NBSP}%", name)
    name = re.sub(r"\b(gain|drop) (\d+)", rf"\1 of{NBSP}\2", name)
    return spaced(_INSTRUMENTS.sub(lambda found: found[0].replace(" ", "-").upper(), name))


def verdict_word(term: str) -> str:
    """The verdict of a row in a table; another term as it stands, readable."""
    spaced_out = term.replace("_", " ")
    return _WORDS.get(Verdict(spaced_out), spaced_out) if spaced_out in set(Verdict) else spaced_out


def runners(number: int | None) -> str:
    """`1 runner`, `14 runners`."""
    return f"{count(number)}{NBSP}runner{'' if number == 1 else 's'}"


def quarters_in(text: str) -> str:
    """The text with its quarters as the page writes them."""
    return re.sub(r"\b\d{4}Q[1-4]\b", lambda found: quarter_words(found[0]), text)


def is_signal(row: ResultRow) -> bool:
    """The rule of a chart found something."""
    return str(row["warning"] or "").startswith(("signal", "outside"))
