"""Statistics on arrays: arrays in, small frozen fits out. Nothing here has heard of tendons, files of patients or clocks.

Randomness comes in as a seed or a generator. Names are looked up on first use, so that one curve costs one curve's imports.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tendon_outcomes.estimators.causal.exposure.effect_by_exposure import EffectByExposure, effect_by_exposure
    from tendon_outcomes.estimators.causal.exposure.exposure_curve import ExposureContrast, ExposureCurve, exposure_curve
    from tendon_outcomes.estimators.causal.point_treatment.aipw import aipw
    from tendon_outcomes.estimators.causal.point_treatment.arm_means import ArmMeans, MeanLimits
    from tendon_outcomes.estimators.causal.point_treatment.g_computation import g_computation
    from tendon_outcomes.estimators.causal.point_treatment.iptw_means import IptwCurves, iptw_curves, iptw_means
    from tendon_outcomes.estimators.causal.point_treatment.monotone import monotone
    from tendon_outcomes.estimators.causal.point_treatment.pseudo_values import PseudoValues, pseudo_values
    from tendon_outcomes.estimators.causal.point_treatment.tmle import tmle
    from tendon_outcomes.estimators.causal.sensitivity.e_value import EValue, confounder_strength, e_value
    from tendon_outcomes.estimators.causal.sensitivity.permuted_strategy import PermutedStrategy, permuted_strategy
    from tendon_outcomes.estimators.causal.sensitivity.tipping_point import TippingPoint, tipping_point
    from tendon_outcomes.estimators.causal.sensitivity.within_person import WithinPerson, within_person_difference
    from tendon_outcomes.estimators.causal.sustained.agreement import Agreement, WeeklyContrast, agreement
    from tendon_outcomes.estimators.causal.sustained.censoring_weights import CensoringWeights, censoring_weights
    from tendon_outcomes.estimators.causal.sustained.clone_censor_weight import CloneCensorWeight, clone_censor_weight
    from tendon_outcomes.estimators.causal.sustained.g_formula import GFormula, g_formula
    from tendon_outcomes.estimators.causal.sustained.longitudinal import LongitudinalSample
    from tendon_outcomes.estimators.causal.sustained.self_consistent import SelfConsistentIncidence, self_consistent_incidence
    from tendon_outcomes.estimators.causal.sustained.sequential_trials import SequentialTrials, sequential_trials
    from tendon_outcomes.estimators.causal.weighting.balance import Balance, balance
    from tendon_outcomes.estimators.causal.weighting.balancing_weights import (
        BalancingWeights,
        balancing_weights,
        effective_sample_size,
    )
    from tendon_outcomes.estimators.causal.weighting.overlap import OneSided, Overlap, one_sided_patterns, overlap
    from tendon_outcomes.estimators.causal.weighting.propensity import Propensity, propensity
    from tendon_outcomes.estimators.contrasts import Contrast, contrast, independent_contrasts
    from tendon_outcomes.estimators.curves.aalen_johansen import CumulativeIncidence, aalen_johansen
    from tendon_outcomes.estimators.curves.bands import SimultaneousBand, simultaneous_band
    from tendon_outcomes.estimators.curves.by_group import GroupedCurves, incidence_by_group, survival_by_group
    from tendon_outcomes.estimators.curves.compare import (
        milestone_difference,
        milestone_ratio,
        restricted_mean_difference,
        restricted_mean_ratio,
        time_lost_difference,
        time_lost_ratio,
    )
    from tendon_outcomes.estimators.curves.crossing import TimeQuantile
    from tendon_outcomes.estimators.curves.kaplan_meier import SurvivalCurve, kaplan_meier
    from tendon_outcomes.estimators.curves.recurrent import MeanCumulativeCount, mean_cumulative_count
    from tendon_outcomes.estimators.curves.restricted_mean import (
        RestrictedMean,
        restricted_mean,
        restricted_mean_influence,
        restricted_mean_time_lost,
        time_lost_influence,
    )
    from tendon_outcomes.estimators.curves.state_occupancy import StateOccupancy, state_occupancy
    from tendon_outcomes.estimators.group_tests.gray import gray_test
    from tendon_outcomes.estimators.group_tests.log_rank import log_rank
    from tendon_outcomes.estimators.group_tests.outcome import GroupTest
    from tendon_outcomes.estimators.imputation.heaping import HeapCount, Heaping, heaping
    from tendon_outcomes.estimators.imputation.over_imputation import OverImputed, over_impute
    from tendon_outcomes.estimators.imputation.pooling import Pooled, pooled
    from tendon_outcomes.estimators.interval_censored.bands import IntervalBand, interval_band
    from tendon_outcomes.estimators.interval_censored.comparisons import (
        ContrastBracket,
        TimeLostContrast,
        interval_milestone_contrast,
        interval_time_lost_contrast,
    )
    from tendon_outcomes.estimators.interval_censored.groups import GroupedIncidence, interval_incidence_by_group
    from tendon_outcomes.estimators.interval_censored.incidence import (
        IncidenceBounds,
        IntervalIncidence,
        LikelihoodRatioLimits,
        QuantileBracket,
        TimeLostBracket,
    )
    from tendon_outcomes.estimators.interval_censored.log_rank import interval_log_rank
    from tendon_outcomes.estimators.interval_censored.npmle import interval_censored_incidence, turnbull
    from tendon_outcomes.estimators.limits import IntervalKind, Pointwise, SurvivalInterval
    from tendon_outcomes.estimators.monitoring.confidence_sequence import ConfidenceSequence, always_valid_p, confidence_sequence
    from tendon_outcomes.estimators.monitoring.control_chart import ControlChart, ewma, p_chart
    from tendon_outcomes.estimators.monitoring.cusum import Cusum, bernoulli_cusum, grouped_cusum, time_to_event_cusum
    from tendon_outcomes.estimators.monitoring.funnel import FunnelLimits, funnel_limits
    from tendon_outcomes.estimators.monitoring.multiplicity import holm
    from tendon_outcomes.estimators.monitoring.run_chart import RunChart, run_chart
    from tendon_outcomes.estimators.monitoring.run_length import (
        RunLength,
        bernoulli_run_length,
        limit_for_run_length,
        markov_run_length,
        simulated_run_length,
        staggered_looks,
    )
    from tendon_outcomes.estimators.monitoring.shrinkage import Shrunken, beta_binomial_shrinkage
    from tendon_outcomes.estimators.patient_means import PatientMean, mean_over_patients
    from tendon_outcomes.estimators.proportions import Proportion, clopper_pearson, newcombe, wilson
    from tendon_outcomes.estimators.regression.coefficients import Coefficients
    from tendon_outcomes.estimators.regression.cox.baseline import BaselineHazard, PredictedCurves
    from tendon_outcomes.estimators.regression.cox.concordance import Concordance, concordance
    from tendon_outcomes.estimators.regression.cox.cox_fit import CoxFit, HazardRatios, NullTest
    from tendon_outcomes.estimators.regression.cox.diagnostics import (
        cox_concordance,
        cox_residuals,
        cumulative_baseline_hazard,
        predicted_hazard_ratio,
        predicted_log_hazard_ratio,
        predicted_survival,
        proportional_hazards_test,
        schoenfeld_residuals,
    )
    from tendon_outcomes.estimators.regression.cox.event_residuals import SchoenfeldResiduals
    from tendon_outcomes.estimators.regression.cox.firth import firth_cox
    from tendon_outcomes.estimators.regression.cox.fit import cox
    from tendon_outcomes.estimators.regression.cox.proportionality import ProportionalHazardsTest
    from tendon_outcomes.estimators.regression.cox.schoenfeld_smooth import SchoenfeldSmooth, schoenfeld_smooth
    from tendon_outcomes.estimators.regression.fine_gray import FineGrayFit, fine_gray
    from tendon_outcomes.estimators.regression.frailty.oracle import frailty_hazard_ratio
    from tendon_outcomes.estimators.regression.frailty.selection import FrailtySelection, frailty_selection
    from tendon_outcomes.estimators.regression.frailty.since_onset import SinceOnset, since_onset
    from tendon_outcomes.estimators.regression.logistic import LogisticFit, logistic
    from tendon_outcomes.estimators.regression.multinomial import MultinomialFit, multinomial
    from tendon_outcomes.estimators.regression.natural_spline import natural_spline
    from tendon_outcomes.estimators.regression.parametric.accelerated_failure_time import accelerated_failure_time
    from tendon_outcomes.estimators.regression.parametric.mixture_cure import MixtureCureFit, mixture_cure
    from tendon_outcomes.estimators.regression.parametric.parametric_fit import ParametricFit
    from tendon_outcomes.estimators.regression.parametric.smooth_incidence import SmoothIncidence
    from tendon_outcomes.estimators.regression.parametric.spline_incidence import spline_incidence
    from tendon_outcomes.estimators.regression.pooled_cloglog import CloglogFit, pooled_cloglog
    from tendon_outcomes.estimators.regression.spline_columns import SplineColumns
    from tendon_outcomes.estimators.regression.spline_contrasts import SplineContrasts, spline_contrasts
    from tendon_outcomes.estimators.resampling.bootstrap import Bootstrap, bootstrap
    from tendon_outcomes.estimators.resampling.cox import batched_cox
    from tendon_outcomes.estimators.resampling.curve_bootstrap import bootstrap_curve
    from tendon_outcomes.estimators.resampling.curves import between_groups, curve_statistic
    from tendon_outcomes.estimators.resampling.executors import SERIAL, DaskCluster, Executor, Processes, Serial, WorkerLost
    from tendon_outcomes.estimators.resampling.iptw import iptw_contrasts, iptw_statistic
    from tendon_outcomes.estimators.resampling.jackknife import Jackknife, jackknife
    from tendon_outcomes.estimators.resampling.logistic import batched_logistic
    from tendon_outcomes.estimators.resampling.one_by_one import one_by_one
    from tendon_outcomes.estimators.resampling.permutation import PermutationTest, permutation_test
    from tendon_outcomes.estimators.resampling.store import BlockStore, FolderStore
    from tendon_outcomes.estimators.sample_size import difference_sample_size, rescaled_sample_size, share_sample_size
    from tendon_outcomes.estimators.signed_rank import PairedMedian, paired_median

_MODULES = {
    "causal.exposure.effect_by_exposure": (
        "EffectByExposure",
        "effect_by_exposure",
    ),
    "causal.exposure.exposure_curve": (
        "ExposureContrast",
        "ExposureCurve",
        "exposure_curve",
    ),
    "causal.point_treatment.aipw": ("aipw",),
    "causal.point_treatment.arm_means": (
        "ArmMeans",
        "MeanLimits",
    ),
    "causal.point_treatment.g_computation": ("g_computation",),
    "causal.point_treatment.iptw_means": (
        "IptwCurves",
        "iptw_curves",
        "iptw_means",
    ),
    "causal.point_treatment.monotone": ("monotone",),
    "causal.point_treatment.pseudo_values": (
        "PseudoValues",
        "pseudo_values",
    ),
    "causal.point_treatment.tmle": ("tmle",),
    "causal.sensitivity.e_value": (
        "EValue",
        "confounder_strength",
        "e_value",
    ),
    "causal.sensitivity.permuted_strategy": (
        "PermutedStrategy",
        "permuted_strategy",
    ),
    "causal.sensitivity.tipping_point": (
        "TippingPoint",
        "tipping_point",
    ),
    "causal.sensitivity.within_person": (
        "WithinPerson",
        "within_person_difference",
    ),
    "causal.sustained.agreement": (
        "Agreement",
        "WeeklyContrast",
        "agreement",
    ),
    "causal.sustained.censoring_weights": (
        "CensoringWeights",
        "censoring_weights",
    ),
    "causal.sustained.clone_censor_weight": (
        "CloneCensorWeight",
        "clone_censor_weight",
    ),
    "causal.sustained.g_formula": (
        "GFormula",
        "g_formula",
    ),
    "causal.sustained.longitudinal": ("LongitudinalSample",),
    "causal.sustained.self_consistent": (
        "SelfConsistentIncidence",
        "self_consistent_incidence",
    ),
    "causal.sustained.sequential_trials": (
        "SequentialTrials",
        "sequential_trials",
    ),
    "causal.weighting.balance": (
        "Balance",
        "balance",
    ),
    "causal.weighting.balancing_weights": (
        "BalancingWeights",
        "balancing_weights",
        "effective_sample_size",
    ),
    "causal.weighting.overlap": (
        "OneSided",
        "Overlap",
        "one_sided_patterns",
        "overlap",
    ),
    "causal.weighting.propensity": (
        "Propensity",
        "propensity",
    ),
    "contrasts": (
        "Contrast",
        "contrast",
        "independent_contrasts",
    ),
    "curves.aalen_johansen": (
        "CumulativeIncidence",
        "aalen_johansen",
    ),
    "curves.bands": (
        "SimultaneousBand",
        "simultaneous_band",
    ),
    "curves.by_group": (
        "GroupedCurves",
        "incidence_by_group",
        "survival_by_group",
    ),
    "curves.compare": (
        "milestone_difference",
        "milestone_ratio",
        "restricted_mean_difference",
        "restricted_mean_ratio",
        "time_lost_difference",
        "time_lost_ratio",
    ),
    "curves.crossing": ("TimeQuantile",),
    "curves.kaplan_meier": (
        "SurvivalCurve",
        "kaplan_meier",
    ),
    "curves.recurrent": (
        "MeanCumulativeCount",
        "mean_cumulative_count",
    ),
    "curves.restricted_mean": (
        "RestrictedMean",
        "restricted_mean",
        "restricted_mean_influence",
        "restricted_mean_time_lost",
        "time_lost_influence",
    ),
    "curves.state_occupancy": (
        "StateOccupancy",
        "state_occupancy",
    ),
    "group_tests.gray": ("gray_test",),
    "group_tests.log_rank": ("log_rank",),
    "group_tests.outcome": ("GroupTest",),
    "imputation.heaping": (
        "HeapCount",
        "Heaping",
        "heaping",
    ),
    "imputation.over_imputation": (
        "OverImputed",
        "over_impute",
    ),
    "imputation.pooling": (
        "Pooled",
        "pooled",
    ),
    "interval_censored.bands": (
        "IntervalBand",
        "interval_band",
    ),
    "interval_censored.comparisons": (
        "ContrastBracket",
        "TimeLostContrast",
        "interval_milestone_contrast",
        "interval_time_lost_contrast",
    ),
    "interval_censored.groups": (
        "GroupedIncidence",
        "interval_incidence_by_group",
    ),
    "interval_censored.incidence": (
        "IncidenceBounds",
        "IntervalIncidence",
        "LikelihoodRatioLimits",
        "QuantileBracket",
        "TimeLostBracket",
    ),
    "interval_censored.log_rank": ("interval_log_rank",),
    "interval_censored.npmle": (
        "interval_censored_incidence",
        "turnbull",
    ),
    "limits": (
        "IntervalKind",
        "Pointwise",
        "SurvivalInterval",
    ),
    "monitoring.confidence_sequence": (
        "ConfidenceSequence",
        "always_valid_p",
        "confidence_sequence",
    ),
    "monitoring.control_chart": (
        "ControlChart",
        "ewma",
        "p_chart",
    ),
    "monitoring.cusum": (
        "Cusum",
        "bernoulli_cusum",
        "grouped_cusum",
        "time_to_event_cusum",
    ),
    "monitoring.funnel": (
        "FunnelLimits",
        "funnel_limits",
    ),
    "monitoring.multiplicity": ("holm",),
    "monitoring.run_chart": (
        "RunChart",
        "run_chart",
    ),
    "monitoring.run_length": (
        "RunLength",
        "bernoulli_run_length",
        "limit_for_run_length",
        "markov_run_length",
        "simulated_run_length",
        "staggered_looks",
    ),
    "monitoring.shrinkage": (
        "Shrunken",
        "beta_binomial_shrinkage",
    ),
    "patient_means": (
        "PatientMean",
        "mean_over_patients",
    ),
    "proportions": (
        "Proportion",
        "clopper_pearson",
        "newcombe",
        "wilson",
    ),
    "regression.coefficients": ("Coefficients",),
    "regression.cox.baseline": (
        "BaselineHazard",
        "PredictedCurves",
    ),
    "regression.cox.concordance": (
        "Concordance",
        "concordance",
    ),
    "regression.cox.cox_fit": (
        "CoxFit",
        "HazardRatios",
        "NullTest",
    ),
    "regression.cox.diagnostics": (
        "cox_concordance",
        "cox_residuals",
        "cumulative_baseline_hazard",
        "predicted_hazard_ratio",
        "predicted_log_hazard_ratio",
        "predicted_survival",
        "proportional_hazards_test",
        "schoenfeld_residuals",
    ),
    "regression.cox.event_residuals": ("SchoenfeldResiduals",),
    "regression.cox.firth": ("firth_cox",),
    "regression.cox.fit": ("cox",),
    "regression.cox.proportionality": ("ProportionalHazardsTest",),
    "regression.cox.schoenfeld_smooth": (
        "SchoenfeldSmooth",
        "schoenfeld_smooth",
    ),
    "regression.fine_gray": (
        "FineGrayFit",
        "fine_gray",
    ),
    "regression.frailty.oracle": ("frailty_hazard_ratio",),
    "regression.frailty.selection": (
        "FrailtySelection",
        "frailty_selection",
    ),
    "regression.frailty.since_onset": (
        "SinceOnset",
        "since_onset",
    ),
    "regression.logistic": (
        "LogisticFit",
        "logistic",
    ),
    "regression.multinomial": (
        "MultinomialFit",
        "multinomial",
    ),
    "regression.natural_spline": ("natural_spline",),
    "regression.parametric.accelerated_failure_time": ("accelerated_failure_time",),
    "regression.parametric.mixture_cure": (
        "MixtureCureFit",
        "mixture_cure",
    ),
    "regression.parametric.parametric_fit": ("ParametricFit",),
    "regression.parametric.smooth_incidence": ("SmoothIncidence",),
    "regression.parametric.spline_incidence": ("spline_incidence",),
    "regression.pooled_cloglog": (
        "CloglogFit",
        "pooled_cloglog",
    ),
    "regression.spline_columns": ("SplineColumns",),
    "regression.spline_contrasts": (
        "SplineContrasts",
        "spline_contrasts",
    ),
    "resampling.bootstrap": (
        "Bootstrap",
        "bootstrap",
    ),
    "resampling.cox": ("batched_cox",),
    "resampling.curve_bootstrap": ("bootstrap_curve",),
    "resampling.curves": (
        "between_groups",
        "curve_statistic",
    ),
    "resampling.executors": (
        "DaskCluster",
        "Executor",
        "Processes",
        "SERIAL",
        "Serial",
        "WorkerLost",
    ),
    "resampling.iptw": (
        "iptw_contrasts",
        "iptw_statistic",
    ),
    "resampling.jackknife": (
        "Jackknife",
        "jackknife",
    ),
    "resampling.logistic": ("batched_logistic",),
    "resampling.one_by_one": ("one_by_one",),
    "resampling.permutation": (
        "PermutationTest",
        "permutation_test",
    ),
    "resampling.store": (
        "BlockStore",
        "FolderStore",
    ),
    "sample_size": (
        "difference_sample_size",
        "rescaled_sample_size",
        "share_sample_size",
    ),
    "signed_rank": (
        "PairedMedian",
        "paired_median",
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "SERIAL",
    "Agreement",
    "ArmMeans",
    "Balance",
    "BalancingWeights",
    "BaselineHazard",
    "BlockStore",
    "Bootstrap",
    "CensoringWeights",
    "CloglogFit",
    "CloneCensorWeight",
    "Coefficients",
    "Concordance",
    "ConfidenceSequence",
    "Contrast",
    "ContrastBracket",
    "ControlChart",
    "CoxFit",
    "CumulativeIncidence",
    "Cusum",
    "DaskCluster",
    "EValue",
    "EffectByExposure",
    "Executor",
    "ExposureContrast",
    "ExposureCurve",
    "FineGrayFit",
    "FolderStore",
    "FrailtySelection",
    "FunnelLimits",
    "GFormula",
    "GroupTest",
    "GroupedCurves",
    "GroupedIncidence",
    "HazardRatios",
    "HeapCount",
    "Heaping",
    "IncidenceBounds",
    "IntervalBand",
    "IntervalIncidence",
    "IntervalKind",
    "IptwCurves",
    "Jackknife",
    "LikelihoodRatioLimits",
    "LogisticFit",
    "LongitudinalSample",
    "MeanCumulativeCount",
    "MeanLimits",
    "MixtureCureFit",
    "MultinomialFit",
    "NullTest",
    "OneSided",
    "OverImputed",
    "Overlap",
    "PairedMedian",
    "ParametricFit",
    "PatientMean",
    "PermutationTest",
    "PermutedStrategy",
    "Pointwise",
    "Pooled",
    "PredictedCurves",
    "Processes",
    "Propensity",
    "Proportion",
    "ProportionalHazardsTest",
    "PseudoValues",
    "QuantileBracket",
    "RestrictedMean",
    "RunChart",
    "RunLength",
    "SchoenfeldResiduals",
    "SchoenfeldSmooth",
    "SelfConsistentIncidence",
    "SequentialTrials",
    "Serial",
    "Shrunken",
    "SimultaneousBand",
    "SinceOnset",
    "SmoothIncidence",
    "SplineColumns",
    "SplineContrasts",
    "StateOccupancy",
    "SurvivalCurve",
    "SurvivalInterval",
    "TimeLostBracket",
    "TimeLostContrast",
    "TimeQuantile",
    "TippingPoint",
    "WeeklyContrast",
    "WithinPerson",
    "WorkerLost",
    "aalen_johansen",
    "accelerated_failure_time",
    "agreement",
    "aipw",
    "always_valid_p",
    "balance",
    "balancing_weights",
    "batched_cox",
    "batched_logistic",
    "bernoulli_cusum",
    "bernoulli_run_length",
    "beta_binomial_shrinkage",
    "between_groups",
    "bootstrap",
    "bootstrap_curve",
    "censoring_weights",
    "clone_censor_weight",
    "clopper_pearson",
    "concordance",
    "confidence_sequence",
    "confounder_strength",
    "contrast",
    "cox",
    "cox_concordance",
    "cox_residuals",
    "cumulative_baseline_hazard",
    "curve_statistic",
    "difference_sample_size",
    "e_value",
    "effect_by_exposure",
    "effective_sample_size",
    "ewma",
    "exposure_curve",
    "fine_gray",
    "firth_cox",
    "frailty_hazard_ratio",
    "frailty_selection",
    "funnel_limits",
    "g_computation",
    "g_formula",
    "gray_test",
    "grouped_cusum",
    "heaping",
    "holm",
    "incidence_by_group",
    "independent_contrasts",
    "interval_band",
    "interval_censored_incidence",
    "interval_incidence_by_group",
    "interval_log_rank",
    "interval_milestone_contrast",
    "interval_time_lost_contrast",
    "iptw_contrasts",
    "iptw_curves",
    "iptw_means",
    "iptw_statistic",
    "jackknife",
    "kaplan_meier",
    "limit_for_run_length",
    "log_rank",
    "logistic",
    "markov_run_length",
    "mean_cumulative_count",
    "mean_over_patients",
    "milestone_difference",
    "milestone_ratio",
    "mixture_cure",
    "monotone",
    "multinomial",
    "natural_spline",
    "newcombe",
    "one_by_one",
    "one_sided_patterns",
    "over_impute",
    "overlap",
    "p_chart",
    "paired_median",
    "permutation_test",
    "permuted_strategy",
    "pooled",
    "pooled_cloglog",
    "predicted_hazard_ratio",
    "predicted_log_hazard_ratio",
    "predicted_survival",
    "propensity",
    "proportional_hazards_test",
    "pseudo_values",
    "rescaled_sample_size",
    "restricted_mean",
    "restricted_mean_difference",
    "restricted_mean_influence",
    "restricted_mean_ratio",
    "restricted_mean_time_lost",
    "run_chart",
    "schoenfeld_residuals",
    "schoenfeld_smooth",
    "self_consistent_incidence",
    "sequential_trials",
    "share_sample_size",
    "simulated_run_length",
    "simultaneous_band",
    "since_onset",
    "spline_contrasts",
    "spline_incidence",
    "staggered_looks",
    "state_occupancy",
    "survival_by_group",
    "time_lost_difference",
    "time_lost_influence",
    "time_lost_ratio",
    "time_to_event_cusum",
    "tipping_point",
    "tmle",
    "turnbull",
    "wilson",
    "within_person_difference",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
