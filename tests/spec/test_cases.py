"""Every worked case of tests/spec/cases comes to what it says, and the codebook shows it as it is."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.spec import case_files
from tests.spec.case_files import Case, CaseFileInvalid, agrees, differences, read_pages, runners, without_runner
from tests.spec.codebook import FOLDER, rendered

PAGES = read_pages()
RUNNERS = runners()
AT_LEAST = 150


@pytest.mark.parametrize(
    ("kind", "case"), [pytest.param(page.kind, case, id=f"{page.page}:{case.id}") for page in PAGES for case in page.case]
)
def test_case(kind: str, case: Case) -> None:
    # Grade and source: those of the case, in its file.
    assert kind in RUNNERS, f"no tests/spec/runners_*.py runs cases of kind {kind}"
    assert differences(case, RUNNERS[kind](case.given)) == {}, case.says


def test_the_cases_are_many_and_every_kind_is_run() -> None:
    # Grade: exact, the number promised.
    assert sum(len(page.case) for page in PAGES) >= AT_LEAST
    assert without_runner(PAGES, RUNNERS) == []


def test_two_runners_of_one_kind_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # Grade: exact: which of the two ran would depend on the names of their files.
    twice = [SimpleNamespace(__name__=name, RUNNERS={"story": dict}) for name in ("runners_a", "runners_b")]
    monkeypatch.setattr(case_files, "runner_modules", lambda: twice)
    with pytest.raises(CaseFileInvalid, match="runners_b: another module runs story already"):
        runners()


def test_no_two_cases_ask_the_same() -> None:
    # Grade: exact: a case that stands twice would be counted twice.
    asked = [(page.kind, repr(case.given), repr(case.expect)) for page in PAGES for case in page.case]
    assert sorted(one for one in set(asked) if asked.count(one) > 1) == []


# --- What a case file must say

PAGE: dict[str, Any] = {"page": "x", "title": "X", "kind": "story", "intro": "An intro."}
CASE: dict[str, Any] = {
    "id": "X-01",
    "says": "it works",
    "source": "by hand",
    "grade": "exact",
    "given": {"a": 1},
    "expect": {"b": 2},
}


def toml(written: dict[str, Any], *, times: int = 1) -> str:
    """A good case file with changes; a value of None leaves its key out. Keys of the case are written as `case.key`."""
    page = {**PAGE, **{key: value for key, value in written.items() if not key.startswith("case.")}}
    case = {**CASE, **{key.removeprefix("case."): value for key, value in written.items() if key.startswith("case.")}}
    return "\n".join([*_lines(page), *["[[case]]", *_lines(case)] * times])


def _lines(table: dict[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items() if value is not None]


def _value(value: Any) -> str:
    return "{ " + ", ".join(_lines(value)) + " }" if isinstance(value, dict) else repr(value)


def test_a_good_case_file_is_read(tmp_path: Path) -> None:
    # Grade: exact: what the refusals below change is read as it stands here.
    (tmp_path / "x.toml").write_text(toml({}), encoding="utf-8")
    [page] = read_pages(tmp_path)
    assert (page.kind, page.case[0].given, page.case[0].expect) == ("story", {"a": 1}, {"b": 2})
    assert without_runner([page], {}) == ["x"]


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ({"page": "y"}, "not the name of its file"),
        ({"colour": "blue"}, "unknown key colour"),
        ({"title": None}, "missing title"),
        ({"case.colour": "blue"}, "unknown key colour"),
        ({"case.expect": {}}, "`expect` is not empty"),
        ({"case.expect": None}, "missing expect"),
        ({"case.grade": None}, "missing grade"),
        ({"case.grade": "guess"}, "grade guess is none of"),
        ({"case.source": None}, "missing source"),
        ({"case.source": " "}, "source is empty"),
        ({"case.id": "a case"}, "an id is made of"),
        ({"case.trap": "0.11"}, "trap 0.11 is not in traps.toml"),
    ],
)
def test_a_case_file_that_does_not_say_what_it_must_is_refused(written: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    # Grade: exact, the format of case files.
    (tmp_path / "x.toml").write_text(toml(written), encoding="utf-8")
    with pytest.raises(CaseFileInvalid, match=complaint):
        read_pages(tmp_path)


def test_an_id_that_stands_twice_is_refused(tmp_path: Path) -> None:
    # Grade: exact: in one file, and in two.
    (tmp_path / "x.toml").write_text(toml({}, times=2), encoding="utf-8")
    with pytest.raises(CaseFileInvalid, match="stand twice: X-01"):
        read_pages(tmp_path)
    (tmp_path / "x.toml").write_text(toml({}), encoding="utf-8")
    (tmp_path / "y.toml").write_text(toml({"page": "y"}), encoding="utf-8")
    with pytest.raises(CaseFileInvalid, match="stand twice: X-01"):
        read_pages(tmp_path)


@pytest.mark.parametrize(
    ("wanted", "came", "same"),
    [
        (1, 1, True),
        (1, 2, False),
        (1, True, False),
        (True, 1, False),
        (0, False, False),
        ("none", None, True),
        (0, None, False),
        ("", None, False),
        (0.3, 0.1 + 0.2, True),
        (1, 1.0, True),
        (1.0, 1.1, False),
        (1.0, "1.0", False),
        (["a", 1], ("a", 1), True),
        (["a"], ["a", "b"], False),
        ({"a": "none"}, {"a": None}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
    ],
)
def test_what_came_is_compared_value_by_value(wanted: Any, came: Any, same: bool) -> None:
    # Grade: exact, the meaning of `expect`.
    assert agrees(wanted, came) is same


def test_an_expected_key_that_did_not_come_is_a_difference() -> None:
    # Grade: exact: also where "none" was expected.
    case = Case("X-01", "x", "x", "exact", {}, {"left": 1, "right": "none"})
    assert differences(case, {"left": 1}) == {"right": ("none", "(no such key)")}
    assert differences(case, {"left": 2, "right": None}) == {"left": (1, 2)}
    assert differences(case, {"left": 1, "right": None}) == {}


# --- The codebook


def test_the_committed_codebook_is_what_would_be_generated_now() -> None:
    # Grade: snapshot of the declarations and the cases; it holds them together with the pages that people read.
    now = rendered()
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    changed = sorted(name for name in now.keys() | kept.keys() if now.get(name) != kept.get(name))
    assert changed == [], "run `python make.py codebook`"


def test_no_cell_breaks_a_table_of_the_codebook() -> None:
    # Grade: exact: every row of a table has as many cells as its header; a | or a newline in a cell would change that.
    broken = []
    for name, text in rendered().items():
        columns = 0
        for number, line in enumerate(text.splitlines(), start=1):
            cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
            if cells and columns and cells != columns:
                broken.append(f"{name}:{number}")
            columns = cells and (columns or cells)
    assert broken == []


def test_every_case_stands_on_its_page() -> None:
    # Grade: exact.
    now = rendered()
    for page in PAGES:
        assert [case.id for case in page.case if f"| {case.id} |" not in now[f"cases_{page.page}.md"]] == []
