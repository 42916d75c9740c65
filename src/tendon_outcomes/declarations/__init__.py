"""TOML into frozen declarations; no data, ever."""

from tendon_outcomes.declarations.column_map import ColumnMap, ColumnSource, FileSource, load_column_map
from tendon_outcomes.declarations.criteria import Criterion
from tendon_outcomes.declarations.declare import Declarations, declare
from tendon_outcomes.declarations.endpoints import Confirmation, Endpoint, EndpointVersion, Relapse, Variation
from tendon_outcomes.declarations.instruments import Instrument, Item, Threshold
from tendon_outcomes.declarations.locate import package_sources, shipped
from tendon_outcomes.declarations.onset import OnsetPrecision
from tendon_outcomes.declarations.phenotypes import UNCLASSIFIED, Phenotype, PhenotypeRule, PhenotypeVersion
from tendon_outcomes.declarations.protocol import DecisionRule, Grid, ProtocolFile, Support, load_protocol
from tendon_outcomes.declarations.regimens import Regimens, RegimenVersion
from tendon_outcomes.declarations.study import EndpointAsked, Estimand, Population, Protocol, endpoint_asked, resolve
from tendon_outcomes.declarations.tables import Column, Rule, Table
from tendon_outcomes.declarations.tendons import Tendon

__all__ = [
    "UNCLASSIFIED",
    "Column",
    "ColumnMap",
    "ColumnSource",
    "Confirmation",
    "Criterion",
    "DecisionRule",
    "Declarations",
    "Endpoint",
    "EndpointAsked",
    "EndpointVersion",
    "Estimand",
    "FileSource",
    "Grid",
    "Instrument",
    "Item",
    "OnsetPrecision",
    "Phenotype",
    "PhenotypeRule",
    "PhenotypeVersion",
    "Population",
    "Protocol",
    "ProtocolFile",
    "RegimenVersion",
    "Regimens",
    "Relapse",
    "Rule",
    "Support",
    "Table",
    "Tendon",
    "Threshold",
    "Variation",
    "declare",
    "endpoint_asked",
    "load_column_map",
    "load_protocol",
    "package_sources",
    "resolve",
    "shipped",
]
