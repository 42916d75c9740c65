"""Refusals in the words of who reads the report: strategies and days by name, no arguments of functions."""

from __future__ import annotations

import re

import pytest

from tendon_outcomes.analysis.strategies.answer import answer_trial
from tendon_outcomes.analysis.strategies.assemble import assemble_trials
from tendon_outcomes.analysis.strategies.plain_words import UNFIT, plain, plain_way_out
from tendon_outcomes.cohort import ascertain, assemble_cohort
from tendon_outcomes.declarations import declare
from tendon_outcomes.estimators.regression.logistic import WAY_OUT
from tendon_outcomes.reporting.comparison.sentences import by_method
from tendon_outcomes.results import Attrition, Results, frame
from tendon_outcomes.synthetic import ClinicSettings, simulate_clinics
from tests.simulation.clinic_records import records_of
from tests.spec.test_strategies_sensitivity import asked

CODE = re.compile(
    r"`|\w=\w|\bx\d|np\.|float64|\bNone\b|\bnan\b|True|False|\btreatment \d|\bgroup \d|\barray|_|\breplicates\b|\[|\]"
)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (
            "treatment 1: incidence at 56: 40 of 500 replicates have no such number",
            "the compared strategy, incidence on day 56 does not exist in 40 of 500 samples of the bootstrap",
        ),
        (
            "difference: incidence at 56: 184 of 500 replicates have no such number",
            "the difference of the incidence on day 56 does not exist in 184 of 500 samples of the bootstrap",
        ),
        ("treatment 0 has 9 rows for 12 covariates", "the reference strategy has 9 runners for 12 covariates"),
        ("nobody has treatment 2", "nobody has another strategy"),
        ("the largest is np.float64(3.5)", "the largest is 3.5"),
        ("`truncate` is (0.2, 0.1)", UNFIT),
        ("covariates have shape (3, 2) for 4 rows", UNFIT),
        ("covariate visa_h_total: one value in every row", "covariate visa_h_total: one value in every row"),
    ],
)
def test_a_reason_in_plain_words(reason: str, told: str) -> None:
    # Grade: exact: refusals as the estimators write them.
    assert plain(reason) == told


def test_advice_that_only_a_caller_can_follow_is_left_out() -> None:
    # Grade: exact.
    assert plain_way_out(WAY_OUT) == ""
    assert plain_way_out("Report counts. Or ask for fewer by `per_parameter`.") == "Report counts."


@pytest.mark.parametrize(("n", "seed"), [(60, 4), (70, 5), (90, 3), (120, 2), (220, 2)])
def test_no_code_reaches_the_page_from_clinics_in_which_methods_refuse(n: int, seed: int) -> None:
    # Grade: exact: clinics found by trying many, in each of which something refuses or warns: too few, a bootstrap without
    # numbers, hazards that do not settle, covariates given up.
    drawn = simulate_clinics(1, n, seed=seed, settings=ClinicSettings.confounded(loading=1.6))
    cohort = assemble_cohort(records_of(drawn.tables, declare()), asked().population)
    trial = assemble_trials(cohort, ascertain(cohort, asked().endpoint, horizon_weeks=26), asked())["all"]
    results = Results(estimand="e", question="q", rows=frame(answer_trial(trial)), attrition=Attrition())
    said = [line for statistic in ("refusal", "caution") for line in by_method(results, asked(), statistic)]
    assert said
    assert not [line for line in said if CODE.search(line)]
