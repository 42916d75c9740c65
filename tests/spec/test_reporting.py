"""The page: what it refuses, what it escapes, that it stands alone, and that it is the same every time."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tendon_outcomes.declarations import Support
from tendon_outcomes.errors import UnsuppressedResults, WrongUse
from tendon_outcomes.reporting import ReportInput, render
from tendon_outcomes.reporting.wording import NBSP
from tendon_outcomes.results import Attrition, Results, Row
from tendon_outcomes.vocabulary import Tier
from tests.spec import report_fixture as clinic

PAYLOAD = "<script>alert(1)</script>\"'{{ 7*7 }}&<img src=x onerror=alert(2)>"
HERE = Path(__file__).resolve().parent


class Page(HTMLParser):
    """What a browser would see, as far as the tests ask."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "hr", "base", "source"})

    def __init__(self, content: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[int, list[str]] = {}
        self.words: list[str] = []
        self.mismatched: list[str] = []
        self._stack: list[int] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        for position in self._stack:
            self.inside.setdefault(position, []).append(tag)
        if tag not in self.VOID:
            self.opened.append(tag)
            self._stack.append(len(self.tags) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.opened or self.opened[-1] != tag:
            self.mismatched.append(tag)
            return
        self.opened.pop()
        self._stack.pop()

    def handle_data(self, data: str) -> None:
        if not {"style", "title", "desc", "text"} & set(self.opened):
            self.words.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words).replace(NBSP, " "))


@cache
def usual(tier: Tier = Tier.SHAREABLE) -> str:
    return render(clinic.usual(tier)).decode()


def withheld_report() -> ReportInput:
    """One question with nothing but small cells, one that was refused as a whole."""
    small = [
        replace(one, n_at_risk=min(one.n_at_risk or 8, 8), n_events=min(one.n_events, 7) if one.n_events else one.n_events)
        for one in [*clinic.rows(0.6, 10.0), clinic.verdict("inconclusive", 0.3, 0.7)]
    ]
    small = [replace(one, n_events=7) if one.statistic == "verdict" else one for one in small]
    flow = Attrition().then("not met: 18 years or older", n_before=30, n_after=8)
    refused = Row(estimator="the whole analysis", statistic="refusal", term="not_answered", warning="no episode is left")
    answered = clinic.results(clinic.MI, small, flow=flow)
    return clinic.usual(results=(answered, clinic.results(clinic.PFR, [refused], flow=Attrition())))


def test_results_with_small_cells_are_refused() -> None:
    # Grade: exact. Rule of design.md: render refuses unsuppressed results.
    waiting = clinic.results(clinic.PFR, clinic.rows(0.66, 17.0), cell=None)
    with pytest.raises(UnsuppressedResults):
        render(clinic.usual(results=(waiting,)))


def test_a_shareable_report_needs_the_cells_of_the_protocol() -> None:
    # Grade: exact. The internal tier hides nothing (1); the protocol's shareable cell is 11; 5 lies between and is too small.
    for cell in (1, 5):
        with pytest.raises(UnsuppressedResults):
            render(clinic.usual(results=(clinic.results(clinic.PFR, clinic.rows(0.66, 17.0), cell=cell),)))


def test_a_report_without_results_or_with_an_unknown_question_is_refused() -> None:
    # Grade: exact.
    with pytest.raises(WrongUse):
        render(clinic.usual(results=()))
    stranger = replace(clinic.results(clinic.PFR, clinic.rows(0.66, 17.0)), estimand="something_else")
    with pytest.raises(WrongUse):
        render(clinic.usual(results=(stranger,)))


def test_text_from_outside_is_shown_and_never_run() -> None:
    # Grade: exact. One payload of tag, quotes, template and entity syntax, in every text that a clinic can write.
    question = clinic.results(clinic.PFR, clinic.rows(0.66, 17.0))
    hostile = replace(
        question,
        question=PAYLOAD,
        attrition=Attrition().then(PAYLOAD, n_before=330, n_after=214),
    )
    support = {PAYLOAD: Support(supported=False, records=PAYLOAD, cannot_show=PAYLOAD)}
    protocol = replace(clinic.protocol(), clinic=PAYLOAD, title=PAYLOAD, version=PAYLOAD, support=support)
    refusal = Row(estimator="e", statistic="refusal", stratum=PAYLOAD, term=PAYLOAD, warning=PAYLOAD)
    second = clinic.results(clinic.MI, [refusal])
    made = clinic.usual(
        results=(hostile, second),
        protocol=protocol,
        as_of=PAYLOAD,
        snapshot_id=PAYLOAD,
        notice=PAYLOAD,
        left_out_columns={PAYLOAD: {PAYLOAD: PAYLOAD}},
    )
    content = render(made).decode()
    page = Page(content)
    assert "<script" not in content
    assert "<img" not in content
    assert "{{ 7*7 }}" in content
    assert PAYLOAD in "".join(page.words)
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert page.mismatched == []


@pytest.mark.parametrize(("hash_seed", "zone"), [("1", "UTC"), ("4242", "Pacific/Apia")])
def test_the_same_input_gives_the_same_bytes_in_another_process(hash_seed: str, zone: str) -> None:
    # Grade: exact. Other hash seed, time zone and working folder than this process.
    code = (
        f"import sys, hashlib; sys.path[:0] = [{str(HERE.parent.parent)!r}]\n"
        "from tests.spec import report_fixture as clinic\n"
        "from tendon_outcomes.reporting import render\n"
        "print(hashlib.sha256(render(clinic.usual())).hexdigest())"
    )
    paths = os.pathsep.join(one for one in sys.path if one)
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone, "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(usual().encode()).hexdigest()


@pytest.mark.parametrize("tier", list(Tier))
def test_the_page_is_well_formed_and_stands_alone(tier: Tier) -> None:
    # Grade: exact. WCAG basics that a parser can see; the CSP of the page forbids every load.
    content = usual(tier)
    page = Page(content)
    assert content.startswith("<!DOCTYPE html>")
    assert page.mismatched == []
    assert page.opened == []
    assert page.count("h1") == 1
    assert page.count("main") == 1
    assert ("html", {"lang": "en"}) in page.tags
    assert "http://" not in content
    assert "https://" not in content
    assert not {"script", "link", "iframe", "object", "embed", "form", "img"} & {name for name, _ in page.tags}
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in content
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_every_table_and_every_drawing_says_what_it_is() -> None:
    # Grade: exact.
    page = Page(usual())
    ids = {attributes.get("id") for _, attributes in page.tags}
    for position, (tag, attributes) in enumerate(page.tags):
        if tag == "table":
            assert page.inside[position].count("caption") == 1
        if tag == "th":
            assert attributes.get("scope") in ("col", "row")
        if tag == "svg":
            assert {"title", "desc"} <= set(page.inside[position])
            assert set((attributes["aria-labelledby"] or "").split()) <= ids
        if tag == "a":
            assert (attributes["href"] or "").removeprefix("#") in ids
        assert set((attributes.get("aria-labelledby") or "").split()) <= ids
    assert page.count("figure") == 2
    assert page.count("svg") == 4


def test_references_inside_a_drawing_stay_inside_it() -> None:
    # Grade: exact. Two drawings that share clip paths or markers would spoil each other.
    content = usual(Tier.INTERNAL)
    for drawing in re.findall(r"<svg.*?</svg>", content, flags=re.DOTALL):
        own = set(re.findall(r' id="([^"]+)"', drawing))
        used = set(re.findall(r'href="#([^"]+)"', drawing)) | set(re.findall(r"url\(#([^)]+)\)", drawing))
        assert used <= own


def test_the_answers_stand_first_and_in_plain_words() -> None:
    # Grade: exact. Order asked for: answers, curves, meaning, refusals, then everything else.
    text = Page(usual(Tier.INTERNAL)).text
    places = [
        text.index(words)
        for words in (
            "By week 12, an estimated 33 in 100 runners had reached pain-free running (95 % interval 27 to 40 in 100).",
            "It cannot show:",
            "Inconclusive: these records neither support nor refute the claim",
            "Half had reached meaningful improvement by week 21",
            "What the records of this study do not hold:",
            "Cumulative incidence of pain-free running.",
            "What this study's records cannot support",
            "Week 52 is refused",
            "Cumulative incidence of pain-free running at the weeks asked about",
            "late by up to one visit",
            "How follow-up ended",
            "Data intake: where every record of the export went",
            "Thresholds in the definition of pain-free running",
            "Recovery is seen only at assessments",
            "a change in a single group is not efficacy",
            "What these numbers were made from",
        )
    ]
    assert places == sorted(places)


def test_the_page_never_speaks_of_survival_failure_or_p_values() -> None:
    # Grade: exact. Wording rule of design.md; "failing assessment" is the definition's own word for an assessment.
    for tier in Tier:
        text = Page(usual(tier)).text
        assert not re.search(r"surviv|failure|risk of recovery|p-value|\bp\s*[<=]|complian", text, re.IGNORECASE)


def test_each_tier_says_what_it_is() -> None:
    # Grade: exact.
    internal, shareable = Page(usual(Tier.INTERNAL)).text, Page(usual()).text
    assert "contains patient-level risk – do not share" in internal
    assert "do not share" not in shareable
    assert "designed to support sharing" in shareable
    assert "Counts from 1 to 10" in shareable


def test_every_number_of_the_answers_comes_from_a_row() -> None:
    # Grade: exact. Numbers of the answers, after what formatting may do: percent, weeks, and the protocol's own numbers.
    report = clinic.usual(Tier.INTERNAL)
    allowed = {"100", "95", "8", "12", "26", "50"}
    for one in report.results:
        allowed |= numbers_of(one)
    content = usual(Tier.INTERNAL)
    block = "".join(re.findall(r'<p class="headline">.*?</div>', content, flags=re.DOTALL))
    said = set(re.findall(r"\d+(?:\.\d+)?", Page(block).text))
    assert said
    assert said <= allowed


def numbers_of(results: Results) -> set[str]:
    found: set[str] = set()
    for row in results.rows.iter_rows(named=True):
        for name in ("estimate", "conf_low", "conf_high"):
            value = row[name]
            if value is not None:
                found |= {str(int(100 * value + 0.5)), f"{value / 7:.1f}".removesuffix(".0")}
        found |= {str(row[name]) for name in ("n_at_risk", "n_events", "n_censored") if row[name] is not None}
        found |= {f"{row['day'] / 7:.1f}".removesuffix(".0")} if row["day"] is not None else set()
    return found


def test_a_report_with_nothing_to_show_still_reads_and_has_no_empty_figure() -> None:
    # Grade: exact. Eight runners at a cell size of eleven, and a question refused as a whole.
    content = render(withheld_report()).decode()
    page = Page(content)
    assert page.count("figure") == 0
    assert page.count("svg") == 0
    assert page.mismatched == []
    assert "No curve is drawn: its numbers are withheld" in page.text
    assert "No estimate is given. No episode is left." in page.text
    assert "Not shown: the numbers behind the claim" in page.text
    block = content[content.index('id="answers"') : content.index('id="meaning"')]
    assert not re.search(r"\d+ in 100 (runners|were)", block)


def test_a_definition_of_the_study_s_own_is_said_to_be_one() -> None:
    # Grade: exact. The shipped declarations do not know version `own` of the endpoint.
    assert "This definition comes with the software." in Page(usual()).text
    protocol = clinic.protocol()
    asked = protocol.estimand(clinic.PFR)
    own = replace(asked, endpoint=replace(asked.endpoint, reference="pain_free_running.own"))
    changed = replace(protocol, estimands={**protocol.estimands, clinic.PFR: own})
    small = clinic.results(clinic.PFR, [Row(estimator="e", statistic="refusal", term="too_small", warning="too few")])
    assert "This is the study's own definition" in Page(render(clinic.usual(results=(small,), protocol=changed)).decode()).text
