"""The register as the page shows it: a sentence that counts verdicts, one line a claim, and the numbers behind it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tendon_outcomes.declarations.claims import Claim, ClaimsRegister
from tendon_outcomes.reporting.audit.words import runners
from tendon_outcomes.reporting.claims.words import KINDS, NONE, VERDICTS, claim_name, claim_order, number, verdict_of
from tendon_outcomes.reporting.comparison.words import decimal, spaced
from tendon_outcomes.reporting.sentences import refusal_sentence
from tendon_outcomes.reporting.tables import TableView, rows_of
from tendon_outcomes.reporting.wording import WITHHELD, ResultRow, count, ended, is_withheld, sentence_case, week
from tendon_outcomes.results import WOULD_DO, Results

_LEAST_P = 0.001


@dataclass(frozen=True)
class ClaimLine:
    """One claim in the register. `state` is the verdict as a name for the page's style."""

    name: str
    says: str
    kind: str
    verdict: str
    state: str
    number: str
    ground: str


@dataclass(frozen=True)
class Claims:
    """The register in the order of its numbers."""

    headline: str
    lines: tuple[ClaimLine, ...]
    tables: tuple[TableView, ...]
    refusals: tuple[str, ...]


def holds_claims(results: Results) -> bool:
    """The results are a register of claims."""
    return results.rows["statistic"].eq("claim").any()


def claims(results: Results, register: ClaimsRegister | None, name: str) -> Claims:
    """Everything that the page says of the register."""
    written = {claim.stratum: claim for claim in register.claims} if register else {}
    rows = sorted(rows_of(results, "claim"), key=lambda row: claim_order(row["stratum"]))
    tables = (_parts(results, written, name), _p_values(results, name))
    return Claims(
        headline=_headline(rows),
        lines=tuple(_line(row, written.get(row["stratum"])) for row in rows),
        tables=tuple(one for one in tables if one is not None),
        refusals=tuple(refusal_sentence(row) for row in rows_of(results, "refusal")),
    )


def _headline(rows: list[ResultRow]) -> str:
    found = Counter(verdict_of(row) for row in rows)
    named = [word for word in VERDICTS.values() if found[word]]
    told = [f"{found[word]} {_many(word, found[word])}" for word in (*named, *sorted(set(found) - set(named)))]
    noun = "claim" if len(rows) == 1 else "claims"
    return f"Of {len(rows)} {noun} of the article: {', '.join(told)}."


def _many(word: str, number: int) -> str:
    return word if number == 1 else word.replace("needs", "need")


def _line(row: ResultRow, claim: Claim | None) -> ClaimLine:
    entry = claim.entry if claim else None
    withheld = is_withheld(row)
    told = NONE if row["estimate"] is None and not withheld else number(row, entry)
    verdict = verdict_of(row)
    return ClaimLine(
        name=claim_name(row["stratum"]),
        says=entry.says if entry else "",
        kind=KINDS.get(entry.kind, entry.kind) if entry else "",
        verdict=verdict,
        state=verdict.replace(" ", "-"),
        number=f"{told}{_of(row)}" if told not in (NONE, WITHHELD) else told,
        ground=_ground(row),
    )


def _ground(row: ResultRow) -> str:
    """What the row says of its number, sentence by sentence; nothing where it is withheld or says nothing."""
    if is_withheld(row) or not row["warning"]:
        return ""
    reason, mark, number = str(row["warning"]).partition(WOULD_DO)
    said = [spaced(ended(sentence_case(one))) for one in (reason, f"{mark}{number}") if one.strip()]
    return " ".join(said)


def _of(row: ResultRow) -> str:
    when = f", by {week(row['day'])}" if row["day"] else ""
    return f"{when}, {runners(row['n_at_risk'])}" if row["n_at_risk"] is not None else when


def _parts(results: Results, written: dict[str, Claim], name: str) -> TableView | None:
    """What the claims are made of."""
    rows = sorted(rows_of(results, "claim_part"), key=lambda row: claim_order(row["stratum"]))
    if not rows:
        return None
    body = tuple(
        (
            claim_name(row["stratum"]),
            sentence_case(str(row["term"])),
            number(row, written[row["stratum"]].entry if row["stratum"] in written else None, str(row["term"])),
            NONE if row["n_at_risk"] is None and not is_withheld(row) else count(row["n_at_risk"]),
            _ground(row),
        )
        for row in rows
    )
    head = ("Claim", "Part", "Number with its interval", "Of", "Note")
    caption = "What each claim rests on, part by part"
    return TableView(f"{name}-claim-parts", caption, head, body, numeric=False, min_cell_count=results.min_cell_count)


def _p_values(results: Results, name: str) -> TableView | None:
    """p-values as they are, and after all claims are counted."""
    rows = rows_of(results, "p_value")
    if not rows:
        return None
    cells = {(row["stratum"], row["term"]): row for row in rows}
    strata = sorted({row["stratum"] for row in rows}, key=claim_order)
    body = tuple((claim_name(one), *(_p(cells.get((one, term))) for term in ("unadjusted", "Holm"))) for one in strata)
    caption = (
        "Chance, where a claim has such a number: as it is, and with all claims counted (Holm). The verdicts rest on intervals"
    )
    return TableView(
        f"{name}-p-values", caption, ("Claim", "p as it is", "p after Holm"), body, min_cell_count=results.min_cell_count
    )


def _p(row: ResultRow | None) -> str:
    if row is None or row["estimate"] is None:
        return NONE if row is None or not is_withheld(row) else WITHHELD
    return f"< {_LEAST_P}" if row["estimate"] < _LEAST_P else decimal(row["estimate"], 3)
