"""Clinics with known truth, through the front door: raw files as a clinic would export them."""

from tendon_outcomes.synthetic.clinic import SyntheticClinic, simulate_clinic, simulate_clinics
from tendon_outcomes.synthetic.draws import clinic_seeds
from tendon_outcomes.synthetic.population import Population, TrueIncidence, population_truth, strategy_truth, true_incidence
from tendon_outcomes.synthetic.settings import ClinicSettings

__all__ = [
    "ClinicSettings",
    "Population",
    "SyntheticClinic",
    "TrueIncidence",
    "clinic_seeds",
    "population_truth",
    "simulate_clinic",
    "simulate_clinics",
    "strategy_truth",
    "true_incidence",
]
