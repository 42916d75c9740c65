"""Cox residuals, checks, baselines, concordance and Fine-Gray influences beside loops in fractions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from tendon_outcomes.estimators.observations import checked_weights
from tendon_outcomes.estimators.regression.cox import baseline, residuals
from tendon_outcomes.estimators.regression.cox.concordance import concordance
from tendon_outcomes.estimators.regression.cox.proportionality import proportionality_test
from tendon_outcomes.estimators.regression.cox.sample import CoxSample, cox_sample
from tendon_outcomes.estimators.regression.fine_gray import FineGrayFit, fine_gray
from tendon_outcomes.estimators.regression.subdistribution import SubdistributionSample, evaluated, subdistribution_sample
from tendon_outcomes.estimators.regression.subdistribution_influence import hazard_influence, score_influence
from tests.slow_reference import slow_cox_checks as slow
from tests.slow_reference.check import REFUSALS, Check, Deviation, deviations
from tests.slow_reference.slow_cox_checks import Row

RATIOS = (Fraction(1, 2), Fraction(1), Fraction(2), Fraction(3, 2), Fraction(1, 3))


@dataclass(frozen=True)
class Drawn:
    """Rows (some of weight 0), hazard ratios, a tie rule; `kept` are the rows that count."""

    rows: tuple[Row, ...]
    ratios: tuple[Fraction, ...]
    ties: str

    @property
    def kept(self) -> list[Row]:
        return [row for row in self.rows if row.weight > 0]

    @property
    def beta(self) -> np.ndarray:
        return np.log([float(ratio) for ratio in self.ratios])


def draw(rng: np.random.Generator, *, causes: int = 1, entries: bool = True) -> Drawn:
    """Up to twelve rows on few days: now and then one event, none, time 0, entries, strata, weights of each kind."""
    n, p = int(rng.integers(5, 13) if rng.random() < 0.85 else rng.integers(1, 5)), int(rng.integers(1, 3))
    first = 0 if rng.random() < 0.2 else 1
    longest = int(rng.integers(first + 1, 8))
    happens = (0.0, 0.5, 0.8, 1.0)[rng.choice(4, p=(0.05, 0.4, 0.35, 0.2))]
    weighted, strata, late = rng.integers(0, 4), int(rng.integers(1, 4)) // 2 + 1, entries and rng.random() < 0.5
    rows = []
    for _ in range(n):
        stop = int(rng.integers(first, longest + 1))
        entry = int(rng.integers(-1, stop)) if late and rng.random() < 0.6 else -1
        weight = (Fraction(1), Fraction(int(rng.integers(0, 4))), Fraction(int(rng.integers(0, 9)), 4), Fraction(3, 2))[weighted]
        rows.append(
            Row(
                entry=Fraction(entry),
                stop=Fraction(stop),
                code=int(rng.integers(1, causes + 1)) if rng.random() < happens else 0,
                x=tuple(int(value) for value in rng.integers(-1, 2 if rng.random() < 0.7 else 3, p)),
                weight=weight,
                stratum=int(rng.integers(0, strata)),
                cluster=int(rng.integers(0, 4)),
            )
        )
    return Drawn(tuple(rows), tuple(RATIOS[k] for k in rng.integers(0, len(RATIOS), p)), str(rng.choice(["efron", "breslow"])))


def _arrays(drawn: Drawn) -> dict[str, Any]:
    rows = drawn.rows
    return {
        "time": [float(row.stop) for row in rows],
        "entry": [float(row.entry) for row in rows],
        "weight": [float(row.weight) for row in rows],
        "strata": [row.stratum for row in rows],
        "cluster": [row.cluster for row in rows],
    }


def _sample(drawn: Drawn) -> CoxSample:
    return cox_sample(event=[row.event for row in drawn.rows], covariates=[row.x for row in drawn.rows], **_arrays(drawn))


def _numbers(values: Any) -> np.ndarray:
    return np.array([[float(v) for v in row] if isinstance(row, list) else float(row) for row in values], dtype=np.float64)


def _or_refused(drawn: Drawn, ours: Callable[[], list[Deviation]], *, answers: bool) -> list[Deviation]:
    """What `ours` finds; when it is refused, whether the definition has no answer either."""
    sensible = bool(drawn.kept) and slow.usable_design(drawn.kept) and any(row.event for row in drawn.kept) and answers
    try:
        found = ours()
    except REFUSALS as refusal:
        return [Deviation(f"refused: {refusal}", 1.0, 0.0)] if sensible else []
    return found if sensible else [Deviation("answered where the definition has none", 0.0, 1.0)]


def compare_residuals(drawn: Drawn) -> list[Deviation]:
    rows, ratios, ties = drawn.kept, drawn.ratios, drawn.ties

    def ours() -> list[Deviation]:
        model = (_sample(drawn), drawn.beta, ties)
        events = residuals.schoenfeld(*model)
        expected = slow.schoenfeld(rows, ratios, ties)
        mart = _numbers(slow.martingale(rows, ratios, ties))
        event = np.array([row.event for row in rows])
        gone = np.where(event, event - mart, 1.0)
        deviance = np.sign(mart) * np.sqrt(np.maximum(-2 * (mart + event * np.log(gone)), 0.0))
        return [
            *deviations("martingale", residuals.martingale(*model), mart),
            # A residual near 0 is the root of rounding.
            *deviations("deviance squared", residuals.deviance(*model) ** 2, deviance**2),
            *deviations("score", residuals.score_residuals(*model), _numbers(slow.score_residuals(rows, ratios, ties))),
            *deviations("schoenfeld", events.residual, _numbers([residual for _, residual in expected])),
            *deviations("schoenfeld rows", events.row, [i for i, _ in expected]),
        ]

    return _or_refused(drawn, ours, answers=True)


def compare_changes(drawn: Drawn) -> list[Deviation]:
    rows, ratios, ties = drawn.kept, drawn.ratios, drawn.ties
    events = any(row.event for row in rows)
    covariance = slow.inverse(slow.information(rows, ratios, ties)) if events else None

    def ours() -> list[Deviation]:
        model = (_sample(drawn), drawn.beta, ties)
        changed = residuals.dfbeta(*model)
        if covariance is None:
            return []
        v = _numbers(covariance)
        weight = np.array([float(row.weight) for row in rows])[:, None]
        change = weight * _numbers(slow.score_residuals(rows, ratios, ties)) @ v
        plain = _numbers([residual for _, residual in slow.schoenfeld(rows, ratios, ties)])
        clusters = sorted({row.cluster for row in rows})
        summed = [change[[row.cluster == c for row in rows]].sum(axis=0) for c in clusters]
        return [
            *deviations("dfbeta", changed, change),
            *deviations("dfbetas", residuals.dfbetas(*model), change / np.sqrt(np.diagonal(v))),
            *deviations("dfbeta by cluster", residuals.dfbeta(*model, by_cluster=True), np.array(summed)),
            *deviations("scaled", residuals.scaled_schoenfeld(*model).residual, drawn.beta + len(plain) * plain @ v),
        ]

    return _or_refused(drawn, ours, answers=covariance is not None)


def compare_proportionality(drawn: Drawn) -> list[Deviation]:
    rows, ratios, ties = drawn.kept, drawn.ratios, drawn.ties
    found = []
    for transform in ("identity", "rank", "km"):
        slowly = slow.zph(rows, ratios, ties, transform) if any(row.event for row in rows) else None

        def ours(transform: str = transform, slowly: list[Fraction] | None = slowly) -> list[Deviation]:
            test = proportionality_test(_sample(drawn), drawn.beta, ties, transform=transform)  # type: ignore[arg-type]
            return (
                []
                if slowly is None
                else deviations(transform, np.append(test.statistic, test.global_statistic), _numbers(slowly), 1e-8)
            )

        found += _or_refused(drawn, ours, answers=slowly is not None)
    return found


def compare_baseline(drawn: Drawn) -> list[Deviation]:
    rows, ratios, ties = drawn.kept, drawn.ratios, drawn.ties
    new, p = np.array([[0.0, 0.0], [1.0, -1.0]])[:, : len(ratios)], len(ratios)
    v = np.array([[2.0, 0.5], [0.5, 1.0]])[:p, :p]

    def ours() -> list[Deviation]:
        sample = _sample(drawn)
        base, days = baseline.baseline_hazard(sample, drawn.beta, ties), slow.baseline(rows, ratios, ties)
        found = [*deviations("increment", base.hazard, [float(day[2]) for day in days])]
        for s in sorted({row.stratum for row in rows}):
            mine = [day for day in days if day[0] == s]
            curves = baseline.predicted_curves(sample, drawn.beta, ties, covariance=v, covariates=new, stratum=s)
            found += deviations("time", curves.time, [float(day[1]) for day in mine])
            for k, x in enumerate(new):
                scale = float(np.exp(x @ drawn.beta))
                cumulative = np.cumsum([float(day[2]) for day in mine])
                q = np.cumsum(_numbers([day[4] for day in mine]).reshape(-1, p), axis=0) - cumulative[:, None] * x
                variance = np.cumsum([float(day[3]) for day in mine]) + np.einsum("ij,jk,ik->i", q, v, q)
                found += deviations("cumulative hazard", curves.cumulative_hazard[k], scale * cumulative)
                found += deviations("its standard error", curves.cumulative_std_error[k], scale * np.sqrt(variance))
        return found

    return _or_refused(drawn, ours, answers=True)


def compare_concordance(drawn: Drawn) -> list[Deviation]:
    drawn = replace(drawn, rows=tuple(replace(row, x=row.x[:1]) for row in drawn.rows))
    rows = drawn.kept
    slowly = slow.concordance(rows, [row.x[0] for row in rows])

    def ours() -> list[Deviation]:
        arrays = _arrays(drawn)
        event, score = [row.event for row in drawn.rows], [row.x[0] for row in drawn.rows]
        clustered = concordance(event=event, score=score, **arrays)
        if slowly is None:
            return []
        counts, influence = slowly
        arrays["cluster"] = None
        plain = concordance(event=event, score=score, robust=True, **arrays)
        moved = [float(row.weight * part) for row, part in zip(rows, influence, strict=True)]
        summed = [sum(m for m, row in zip(moved, rows, strict=True) if row.cluster == c) for c in {row.cluster for row in rows}]
        pairs = [plain.concordant, plain.discordant, plain.tied_score, plain.tied_time, plain.tied_both]
        return [
            *deviations("pairs", pairs, _numbers(counts)),
            *deviations("estimate", plain.estimate, float((counts[0] + counts[2] / 2) / sum(counts[:3]))),
            *deviations("influence", plain.influence, _numbers(influence)),
            *deviations("variance", plain.std_error**2, sum(m * m for m in moved)),
            *deviations("variance by cluster", clustered.std_error**2, sum(m * m for m in summed)),
        ]

    return _or_refused(drawn, ours, answers=slowly is not None)


def compare_fine_gray(drawn: Drawn) -> list[Deviation]:
    rows, until = drawn.kept, Fraction(3)

    def ours() -> list[Deviation]:
        sample = _subdistribution(drawn)
        sums, slowly = evaluated(sample, drawn.beta), slow.fine_gray(rows, drawn.ratios, until)
        last = int(np.searchsorted(sample.time, float(until), side="right")) - 1
        scale = np.exp(sums.shift + sample.centre @ drawn.beta)  # from covariates 0 to the largest score
        coefficient = np.arange(sample.day.size * sample.x.shape[1], dtype=float).reshape(sample.x.shape) / 7
        mean = _numbers(slowly.weighted_mean) - float(slowly.baseline) * sample.centre
        return [
            *deviations("gradient", sums.gradient, _numbers(slowly.gradient)),
            *deviations("information", sums.information, _numbers(slowly.information)),
            *deviations("influence", score_influence(sample, sums), _numbers(slowly.own) + _numbers(slowly.censoring)),
            *deviations("baseline", sums.hazard[: last + 1].sum() / scale, float(slowly.baseline)),
            *deviations(
                "baseline influence",
                hazard_influence(sample, sums, coefficient, last) / scale,
                _numbers(slowly.baseline_influence) - coefficient @ mean,
            ),
            *_at_the_maximum(drawn),
        ]

    return _or_refused(drawn, ours, answers=True)


def _subdistribution(drawn: Drawn) -> SubdistributionSample:
    """The checked sample alone: fits of so few rows often have no finite maximum."""
    arrays = _arrays(drawn)
    return subdistribution_sample(
        arrays["time"],
        [row.code for row in drawn.rows],
        np.array([row.x for row in drawn.rows], dtype=float),
        None,
        np.array(arrays["weight"]) if any(arrays["weight"]) else checked_weights(arrays["weight"], len(drawn.rows)),
        1,
        arrays["strata"],
        arrays["cluster"],
    )


def _fitted(drawn: Drawn) -> FineGrayFit | None:
    arrays = _arrays(drawn)
    try:
        return fine_gray(
            arrays["time"],
            [row.code for row in drawn.rows],
            np.array([row.x for row in drawn.rows], dtype=float),
            weight=arrays["weight"],
            censoring_group=arrays["strata"],
            cluster=arrays["cluster"],
        )
    except REFUSALS:
        return None


def _at_the_maximum(drawn: Drawn) -> list[Deviation]:
    """Where a fit is given, the definition's score is 0 there."""
    fit = _fitted(drawn)
    if fit is None:
        return []
    ratios = [Fraction(float(np.exp(b))) for b in fit.coefficients.estimate]
    return deviations(
        "score at the estimate",
        _numbers(slow.fine_gray(drawn.kept, ratios, Fraction(3)).gradient),
        0.0 * fit.coefficients.estimate,
        1e-7,
    )


def draw_competing(rng: np.random.Generator) -> Drawn:
    return draw(rng, causes=2, entries=False)


CHECKS: tuple[Check[Drawn], ...] = (
    Check("cox residuals", draw, compare_residuals),
    Check("cox changes when rows are left out", draw, compare_changes),
    Check("cox score test of proportional hazards", draw, compare_proportionality),
    Check("cox baseline and predicted curves", draw, compare_baseline),
    Check("concordance", draw, compare_concordance),
    Check("fine-gray sums and influences", draw_competing, compare_fine_gray, 0.5),
)
