"""Worked cases as files: what `tests/spec/cases/*.toml` may hold, read into frozen cases and compared with what came.

A case file is one page of the codebook. TOML has no word for an absent value: `"none"` in `expect` stands for it.
"""

from __future__ import annotations

import importlib
import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases"
GRADES = ("exact", "published", "reference", "simulation", "snapshot")
NONE = "none"

Runner = Callable[[Mapping[str, Any]], Mapping[str, Any]]
Read = TypeVar("Read")


class CaseFileInvalid(ValueError):
    """A case file does not say what it must."""


@dataclass(frozen=True)
class Case:
    """One worked case. `trap`: the mistakes it guards against, by their numbers in tests/spec/traps.toml, with commas between."""

    id: str
    says: str
    source: str
    grade: str
    given: Mapping[str, Any]
    expect: Mapping[str, Any]
    trap: str = ""

    def __post_init__(self) -> None:
        for name in ("id", "says", "source"):
            if not str(getattr(self, name)).strip():
                raise CaseFileInvalid(f"case {self.id or '(no id)'}: {name} is empty")
        if not re.fullmatch(r"[A-Z0-9]+(-[A-Z0-9]+)+", self.id):
            raise CaseFileInvalid(f"case {self.id}: an id is made of capitals and numbers, as PFR-07")
        if self.grade not in GRADES:
            raise CaseFileInvalid(f"case {self.id}: grade {self.grade} is none of {', '.join(GRADES)}")
        if not isinstance(self.given, dict) or not isinstance(self.expect, dict) or not self.expect:
            raise CaseFileInvalid(f"case {self.id}: `given` and `expect` are tables, and `expect` is not empty")
        if unknown := [name for name in self.traps if name not in traps()]:
            raise CaseFileInvalid(f"case {self.id}: trap {', '.join(unknown)} is not in traps.toml")

    @property
    def traps(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.trap.split(",") if part.strip())


@dataclass(frozen=True)
class CasePage:
    """One case file: its cases are all of one kind, which a runner turns from given into got."""

    page: str
    title: str
    kind: str
    intro: str
    case: tuple[Case, ...]


def traps() -> dict[str, str]:
    """Number of each known mistake to its words."""
    return dict(tomllib.loads((HERE / "traps.toml").read_text(encoding="utf-8"))["trap"])


def read_page(path: Path) -> CasePage:
    """One case file, checked."""
    written = tomllib.loads(path.read_text(encoding="utf-8"))
    entries = written.get("case", [])
    page = _build(CasePage, {**written, "case": tuple(_build(Case, one, path.name) for one in entries)}, path.name)
    if page.page != path.stem:
        raise CaseFileInvalid(f"{path.name}: page = {page.page}, which is not the name of its file")
    if not page.case:
        raise CaseFileInvalid(f"{path.name}: no case")
    return page


def read_pages(folder: Path = CASES) -> tuple[CasePage, ...]:
    """Every case file in the order of its name; no id stands twice."""
    pages = tuple(read_page(path) for path in sorted(folder.glob("*.toml")))
    ids = [case.id for page in pages for case in page.case]
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise CaseFileInvalid(f"these ids stand twice: {', '.join(twice)}")
    return pages


def runner_modules() -> list[Any]:
    """Every tests/spec/runners_*.py there is."""
    return [importlib.import_module(f"tests.spec.{path.stem}") for path in sorted(HERE.glob("runners_*.py"))]


def runners() -> dict[str, Runner]:
    """Kind of case to the function that runs it."""
    found: dict[str, Runner] = {}
    for module in runner_modules():
        if twice := sorted(found.keys() & module.RUNNERS.keys()):
            raise CaseFileInvalid(f"{module.__name__}: another module runs {', '.join(twice)} already")
        found |= module.RUNNERS
    return found


def without_runner(pages: Sequence[CasePage], known: Mapping[str, Runner]) -> list[str]:
    """The pages whose kind nothing runs."""
    return [page.page for page in pages if page.kind not in known]


def differences(case: Case, got: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Each expected key whose value did not come, with both values; a key that `got` does not hold differs."""
    absent = "(no such key)"
    return {
        key: (wanted, got.get(key, absent))
        for key, wanted in case.expect.items()
        if key not in got or not agrees(wanted, got[key])
    }


def agrees(wanted: Any, came: Any) -> bool:
    """Whether a value written in TOML is the value that came; a truth value is not a number, and floats agree to 1e-9."""
    if came is None:
        return bool(wanted == NONE)
    if isinstance(wanted, bool) or isinstance(came, bool):
        return isinstance(wanted, bool) and isinstance(came, bool) and wanted == came
    if isinstance(wanted, float) or isinstance(came, float):
        numbers = isinstance(wanted, int | float) and isinstance(came, int | float)
        return numbers and math.isclose(wanted, came, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(wanted, dict) and isinstance(came, Mapping):
        return wanted.keys() == came.keys() and all(agrees(wanted[key], came[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(came, list | tuple):
        return len(wanted) == len(came) and all(map(agrees, wanted, came))
    return bool(wanted == came)


def _build(model: type[Read], written: Mapping[str, Any], origin: str) -> Read:
    known = {one.name for one in fields(model)}  # type: ignore[arg-type]
    needed = {one.name for one in fields(model) if one.default is MISSING}  # type: ignore[arg-type]
    where = f"{origin} {written.get('id', '')}".strip()
    if unknown := sorted(set(written) - known):
        raise CaseFileInvalid(f"{where}: unknown key {', '.join(unknown)}")
    if missing := sorted(needed - set(written)):
        raise CaseFileInvalid(f"{where}: missing {', '.join(missing)}")
    return model(**written)
