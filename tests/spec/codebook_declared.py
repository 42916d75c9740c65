"""Codebook pages of what is declared: tables, instruments, tendons, endpoints, rules of diagnosis, regimens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from tendon_outcomes.declarations import (
    Column,
    Criterion,
    Declarations,
    EndpointVersion,
    Instrument,
    Table,
    Tendon,
    Threshold,
    declare,
)
from tendon_outcomes.declarations.endpoints import Endpoint
from tendon_outcomes.declarations.loading import Declared
from tendon_outcomes.declarations.phenotypes import Phenotype
from tendon_outcomes.declarations.regimens import RegimenVersion, Setting
from tendon_outcomes.declarations.tables import Rule
from tests.spec.markdown import capital, number, prose, sentence, table


class Sourced(Protocol):
    """Everything that is declared with its source."""

    @property
    def source(self) -> str: ...
    @property
    def status(self) -> str: ...


Pages = dict[str, tuple[str, str]]


def declared_pages() -> Pages:
    """File name to title and text."""
    known = declare()
    pages: Pages = {}
    for name, one in known.tables.items():
        pages[f"table_{name}.md"] = (f"Table {name}", _table_page(one, known))
    for name, endpoint in known.endpoints.items():
        pages[f"endpoint_{name}.md"] = (f"Endpoint: {endpoint.phrase}", _endpoint_page(endpoint))
    for name, instrument in known.instruments.items():
        pages[f"instrument_{name}.md"] = (f"Instrument {instrument.title}", _instrument_page(instrument))
    for name, tendon in known.tendons.items():
        pages[f"tendon_{name}.md"] = (f"Tendon: {tendon.title}", _tendon_page(tendon))
    for name, phenotype in known.phenotypes.items():
        pages[f"phenotype_{name}.md"] = (
            f"Rules of diagnosis: {known.tendons[phenotype.tendon].title}",
            _phenotype_page(phenotype),
        )
    for name, regimen in known.regimens.version.items():
        pages[f"regimen_{name}.md"] = (f"Regimen {name}: {regimen.title}", _regimen_page(name, regimen))
    return pages


# --- Tables


def _table_page(one: Table, known: Declarations) -> str:
    rows = [
        (
            f"`{name}`",
            column.meaning,
            column.type,
            column.unit,
            _allowed(column),
            _empty(column),
            _sourced(column),
            _rules_of(name, one, known),
        )
        for name, column in one.column.items()
    ]
    header = ("column", "meaning", "type", "unit", "range or codes", "when empty", "source and status", "rules")
    rules = [(rule.id, rule.says, rule.why, rule.place, rule.action) for rule in one.rule]
    parts = [f"# Table {one.table}", f"{one.meaning}. Key: {', '.join(f'`{key}`' for key in one.key)}.", table(header, rows)]
    if rules:
        parts += ["## Rules across columns and tables", table(("rule", "says", "why", "place", "action"), rules)]
    parts.append("Every column also has the rules `.type`, `.range`, `.code` and `.required` of its own, where it declares them.")
    return "\n\n".join(parts)


def _allowed(column: Column) -> str:
    if column.codes:
        several = "several, joined by `;`: " if column.type == "codes" else ""
        return several + "; ".join(f"`{code}` {says}" for code, says in column.codes.items())
    return f"{number(column.range[0])} to {number(column.range[1])}" if column.range else ""


def _empty(column: Column) -> str:
    return "never: required" if column.required else column.null_means


def _sourced(one: Sourced) -> str:
    """Where it comes from and what that is worth: "Goom 2016 (published)"; a bare decision is just that."""
    return one.status if one.source.lower() in ("", one.status) else f"{one.source} ({one.status})"


def _rules_of(name: str, one: Table, known: Declarations) -> str:
    return ", ".join(
        rule.id for other in known.tables.values() for rule in other.rule if _speaks_of(rule, name, one, own=other is one)
    )


def _speaks_of(rule: Rule, name: str, one: Table, *, own: bool) -> bool:
    """Whether a rule's place names the column: `x, y` in its own table, `x of TABLE, TABLE; y of TABLE` across tables."""
    if rule.place.startswith("the key of every table"):
        return name in one.key
    across = re.findall(r"([\w ,]+?) of ([\w ,]+?)(?:;|$)", rule.place)
    if across:
        return any(name in _names(columns) and one.table in _names(tables) for columns, tables in across)
    base = name.removesuffix("_reason")
    return own and (
        name in _names(rule.place) or ("_reason columns" in rule.place and base != name and base in _names(rule.place))
    )


def _names(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


# --- Endpoints


def _endpoint_page(one: Endpoint) -> str:
    parts = [f"# {capital(one.phrase)}", f"Asked for as `{one.endpoint}.VERSION`; else: {one.not_yet}."]
    for name, version in one.version.items():
        parts += [f"## `{one.endpoint}.{name}` {version.title}", *_version(version)]
    if one.variation:
        rows = [
            (f"`{v.name}`", v.says, ", ".join(v.versions), _changes(v.thresholds, v.without), _sourced(v)) for v in one.variation
        ]
        parts += ["## Other readings", table(("reading", "says", "versions", "changes", "source and status"), rows)]
    if one.relapse:
        relapse = one.relapse
        parts += [
            "## Relapse",
            f"{sentence(relapse.says)} Painful looks needed: {relapse.occasions}. {_sourced(relapse)}.",
            _criteria([("painful", relapse.painful_when), ("relapse at once", relapse.at_once_when)]),
            _thresholds(relapse.threshold),
        ]
    return "\n\n".join(part for part in parts if part)


def _version(version: EndpointVersion) -> Iterator[str]:
    confirmed = version.confirmation
    held = "once" if confirmed.assessments == 1 else f"on {confirmed.assessments} assessments {confirmed.days} days apart or more"
    yield sentence(version.says)
    yield (
        f"Assessed in {_codes(version.assessed_in)}; held {held}; lost after {version.max_gap_days} days of silence. "
        f"{_sourced(version)}."
    )
    yield _criteria([("holds when", version.criterion), ("void when", version.void_when)])
    yield _thresholds(version.threshold)
    yield _cannot_show(version.cannot_show)


def _changes(thresholds: dict[str, float], without: Sequence[str]) -> str:
    changed = [f"`{name}` = {number(value)}" for name, value in thresholds.items()]
    return ", ".join([*changed, *(f"without `{name}`" for name in without)])


def _criteria(groups: Iterable[tuple[str, Sequence[Criterion]]]) -> str:
    rows = [(word, f"`{one.id}`", one.says, _reads(one), _by_name(one)) for word, criteria in groups for one in criteria]
    return table(("", "criterion", "says", "reads", "thresholds"), rows)


def _reads(one: Criterion) -> str:
    return ", ".join(f"`{name}`" for name in sorted(one.variables()))


def _by_name(one: Criterion) -> str:
    return ", ".join(f"`{name}`" for name in sorted({name for part in one.parts() for name in part.named.values()}))


def _thresholds(stated: Sequence[Threshold]) -> str:
    rows = [(f"`{one.name}`", number(one.value), one.unit, one.says, one.source, one.status) for one in stated]
    return table(("threshold", "value", "unit", "says", "source", "status"), rows) if rows else ""


def _cannot_show(says: Sequence[str]) -> str:
    return "It cannot show:\n\n" + "\n".join(f"- {one}" for one in says) if says else ""


# --- Instruments, tendons, diagnoses


def _instrument_page(one: Instrument) -> str:
    whole = "every item is owed" if not one.min_items else f"at least {one.min_items} items"
    scored = f"the {one.combine} of its items; {whole}" if one.items else "one number, without items"
    facts = [
        ("range", f"{number(one.range[0])} to {number(one.range[1])}, {one.direction.replace('_', ' is ')}"),
        ("score", f"`{one.total_column}`: {scored}"),
        ("made for", _made_for(one)),
        ("source", _sourced(one)),
    ]
    items = [
        (f"`{i.code}`", f"{number(i.range[0])} to {number(i.range[1])}", ", ".join(map(number, i.values)), i.branch)
        for i in one.items
    ]
    parts = [f"# {one.title}", table(("", ""), facts), prose(one.notes)]
    parts.append(table(("item", "range", "values", "one of the branch"), items) if items else "")
    parts.append(_thresholds(one.threshold))
    return "\n\n".join(part for part in parts if part)


def _made_for(one: Instrument) -> str:
    if one.only_for is None:
        return "any complaint"
    return ", ".join(f"`{name}`" for name in one.only_for) or "none of the declared tendons"


def _tendon_page(one: Tendon) -> str:
    exercises = one.exercises
    facts = [
        ("where it hurts", _codes(one.pain_sites)),
        ("instruments", _codes(one.instruments)),
        ("provocation tests", _codes(one.provocation_tests)),
        ("exclusions", _codes(one.exclusions)),
        ("also followed", _codes(one.measures)),
        ("pain at speed tells of it", "yes" if one.pace_gradient else "no"),
        ("loading", ", ".join(f"`{name}` stage {stage}" for name, stage in exercises.stages.items())),
        ("stretching of it", _codes(exercises.stretch_modalities)),
        ("exercises", f"{exercises.says}. {_sourced(exercises)}"),
        ("ICD-10", f"{', '.join(one.icd10.codes)}: {one.icd10.says}. {_sourced(one.icd10)}"),
        ("source", _sourced(one)),
    ]
    return "\n\n".join([f"# {capital(one.title)}", table(("", ""), facts), _thresholds([one.pain_rule])])


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _phenotype_page(one: Phenotype) -> str:
    parts = [f"# Rules of diagnosis: `{one.phenotype}`"]
    for name, version in one.version.items():
        rows = [(at, f"`{c.name}`", c.says, _all_read(c.criterion), _sourced(c)) for at, c in enumerate(version.classes, start=1)]
        parts += [
            f"## `{one.phenotype}.{name}` {version.title}",
            "Classes are tried in order; the first whose criteria all hold is given.",
            table(("", "class", "says", "reads", "source and status"), rows),
            _cannot_show(version.cannot_show),
        ]
    return "\n\n".join(part for part in parts if part)


def _all_read(criteria: Sequence[Criterion]) -> str:
    return ", ".join(f"`{name}`" for name in sorted({name for one in criteria for name in one.variables()}))


# --- Regimens


def _regimen_page(name: str, one: RegimenVersion) -> str:
    rows = [(f"`{place}`", _value(found.value), found.unit, found.says, _sourced(found)) for place, found in _settings(one)]
    parts = [
        f"# Regimen {name}: {one.title}",
        sentence(one.says),
        table(("setting", "value", "unit", "says", "source and status"), rows),
    ]
    order = ", ".join(f"{label.letter} {label.value.replace('_', ' ')}" for label in one.strategy.precedence)
    parts += [f"Strategies are tried in this order: {order}.", _sustained(one), _cannot_show(one.cannot_show)]
    return "\n\n".join(part for part in parts if part)


def _sustained(one: RegimenVersion) -> str:
    """What the weeks of a clone have to show, a row a phase."""
    rows = [
        (
            f"`{name}`",
            strategy.says if phase is strategy.phase[0] else "",
            phase.from_week.value,
            "within grace" if phase.starts else "goes on",
            *(", ".join(states) for states in (phase.follows, phase.departs, phase.departs_once_started)),
            strategy.not_met_weeks.value,
            _sourced(phase.from_week),
        )
        for name, strategy in one.sustained.items()
        for phase in strategy.phase
    ]
    header = ("strategy", "says", "from week", "begins", "follows", "departs", "departs once begun", "lapses in a row", "source")
    return f"## Sustained strategies\n\n{table(header, rows)}" if rows else ""


def _settings(one: Declared, place: str = "") -> Iterator[tuple[str, Setting[object]]]:
    """Every number of a declaration with its place, in the order of the declaration."""
    for name in type(one).model_fields:
        found = getattr(one, name)
        where = f"{place}.{name}".removeprefix(".")
        if isinstance(found, Setting):
            yield where, found
        elif isinstance(found, Declared):
            yield from _settings(found, where)


def _value(value: object) -> str:
    return (
        ", ".join(map(_value, value)) if isinstance(value, tuple) else number(value) if isinstance(value, float) else str(value)
    )
