"""Clinics with known truth, through the front door: raw files as a clinic would export them."""

from tendon_outcomes.synthetic.clinic import SyntheticClinic, csv_of, simulate_clinic, simulate_clinics
from tendon_outcomes.synthetic.draws import clinic_seeds
from tendon_outcomes.synthetic.population import Population, TrueIncidence, population_truth, strategy_truth, true_incidence
from tendon_outcomes.synthetic.quarters import QuarterExport, Shift, quarterly_exports
from tendon_outcomes.synthetic.settings import ClinicSettings

__all__ = [
    "ClinicSettings",
    "Population",
    "QuarterExport",
    "Shift",
    "SyntheticClinic",
    "TrueIncidence",
    "clinic_seeds",
    "csv_of",
    "population_truth",
    "quarterly_exports",
    "simulate_clinic",
    "simulate_clinics",
    "strategy_truth",
    "true_incidence",
]
