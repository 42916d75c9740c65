"""The register's clinic: synthetic records, and what the synthetic clinic does not ask put in where a claim needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import polars as pl

from tendon_outcomes.analysis.claims.setting import Setting, setting_of
from tendon_outcomes.declarations import Protocol, declare, load_protocol, resolve, shipped
from tendon_outcomes.declarations.claims import Claim
from tendon_outcomes.records import ValidatedRecords
from tendon_outcomes.results import Attrition, Results, Row, frame
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinic
from tests.simulation.clinic_records import records_of

ASKED = "claims_register"
NAMES = tuple(f"H{number}" for number in range(1, 20))
Change = Callable[[pl.DataFrame], pl.DataFrame]


@cache
def protocol() -> Protocol:
    return resolve(load_protocol(shipped("analyses") / "protocol.toml"), declare())


@cache
def records(n: int) -> ValidatedRecords:
    return records_of(simulate_clinic(n, seed=1, settings=ClinicSettings()).tables, declare())


@cache
def setting(n: int) -> Setting:
    return setting_of(records(n), protocol(), protocol().estimand(ASKED))


def changed(n: int, changes: Mapping[str, Change], answers: tuple[Results, ...] = ()) -> Setting:
    """The setting of the same clinic with some tables changed."""
    tables = {name: changes[name](table) if name in changes else table for name, table in records(n).tables.items()}
    return setting_of(ValidatedRecords(tables=tables, ledger=()), protocol(), protocol().estimand(ASKED), answers)


def claim(name: str) -> Claim:
    register = protocol().claims
    assert register is not None
    return next(one for one in register.claims if one.name == name)


def argued(name: str) -> Claim:
    """The claim with an argument for each of its assumptions."""
    own = claim(name)
    assumptions = tuple(one.model_copy(update={"argument": "argued"}) for one in own.entry.assumption)
    return replace(own, entry=own.entry.model_copy(update={"assumption": assumptions}))


def answered(estimand: str, *rows: Row) -> Results:
    """Results of another analysis, as hand-made rows."""
    return Results(estimand, "asked", frame(rows), Attrition())
