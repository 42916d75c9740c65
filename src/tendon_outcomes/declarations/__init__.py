"""TOML into frozen declarations; no data, ever."""

from tendon_outcomes.declarations.adjustment import AdjustmentCheck, check_adjustment, check_varying
from tendon_outcomes.declarations.column_map import ColumnMap, ColumnSource, FileSource, load_column_map
from tendon_outcomes.declarations.criteria import Criterion
from tendon_outcomes.declarations.dag import Dag, Measure, Node
from tendon_outcomes.declarations.declare import Declarations, declare
from tendon_outcomes.declarations.endpoints import Confirmation, Endpoint, EndpointVersion, Relapse, Variation
from tendon_outcomes.declarations.instruments import Instrument, Item, Threshold
from tendon_outcomes.declarations.locate import package_sources, shipped
from tendon_outcomes.declarations.onset import OnsetPrecision
from tendon_outcomes.declarations.phenotypes import UNCLASSIFIED, Phenotype, PhenotypeRule, PhenotypeVersion
from tendon_outcomes.declarations.prognostic import AdjustmentSet, Exposure, ExposureEntry, Gain
from tendon_outcomes.declarations.protocol import DecisionRule, Grid, ProtocolFile, Support, load_protocol
from tendon_outcomes.declarations.regimens import Regimens, RegimenVersion, StrategyPhase, SustainedStrategy
from tendon_outcomes.declarations.study import EndpointAsked, Estimand, Population, Protocol, endpoint_asked, resolve
from tendon_outcomes.declarations.tables import Column, Rule, Table
from tendon_outcomes.declarations.target_trial import Assumption, TargetTrial, Told, TrialEntry, Words
from tendon_outcomes.declarations.tendons import Tendon

__all__ = [
    "UNCLASSIFIED",
    "AdjustmentCheck",
    "AdjustmentSet",
    "Assumption",
    "Column",
    "ColumnMap",
    "ColumnSource",
    "Confirmation",
    "Criterion",
    "Dag",
    "DecisionRule",
    "Declarations",
    "Endpoint",
    "EndpointAsked",
    "EndpointVersion",
    "Estimand",
    "Exposure",
    "ExposureEntry",
    "FileSource",
    "Gain",
    "Grid",
    "Instrument",
    "Item",
    "Measure",
    "Node",
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
    "StrategyPhase",
    "Support",
    "SustainedStrategy",
    "Table",
    "TargetTrial",
    "Tendon",
    "Threshold",
    "Told",
    "TrialEntry",
    "Variation",
    "Words",
    "check_adjustment",
    "check_varying",
    "declare",
    "endpoint_asked",
    "load_column_map",
    "load_protocol",
    "package_sources",
    "resolve",
    "shipped",
]
