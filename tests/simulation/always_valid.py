"""Gate row `always_valid`: twenty quarterly looks at a claim that sits exactly on its boundary.

Aims: does the rule that may be looked at every quarter call a claim wrongly in 5 % of clinics or less? Data: the share of runners
improved by week 12 is exactly one half; 15 or 40 runners a quarter; all outcomes known, or a fifth never known, those of the
improved three times as often as the others (so that who is left looks worse) or the other way round. Estimand: that half.
Methods: the verdict of each look by the confidence sequence; the same by fixed-sample exact limits; the z test of normal data
at equal steps, whose 24.9 % at twenty looks is published. Performance: share of clinics with a wrong verdict, supported or
refuted, at any of the looks, at most 5 % and its Monte-Carlo error; also the p-value against "one half or less" ever at 5 % or
below.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from tendon_outcomes.estimators.monitoring.confidence_sequence import always_valid_p, confidence_sequence
from tendon_outcomes.estimators.special_functions import beta_quantile

LOOKS, HALF, LEVEL, Z = 20, 0.5, 0.05, 1.959963984540054
FULL, QUICK, SEED = 20_000, 2_000, 20
UNKNOWN = {"all known": (0.0, 0.0), "improved stay away": (0.3, 0.1), "others stay away": (0.1, 0.3)}
PUBLISHED = 0.249  # Armitage, McPherson & Rowe (1969) JRSS A 132:235, table 2: 20 looks at 5 %


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} clinics a cell instead of {FULL}")
    clinics = QUICK if parser.parse_args(arguments).quick else FULL
    rng = np.random.default_rng(SEED)
    allowed = LEVEL + 2.33 * np.sqrt(LEVEL * (1 - LEVEL) / clinics)
    worst, naive_known = 0.0, 0.0
    print(f"{'runners':>8} {'outcomes':20} {'every look':>11} {'p <= 5 %':>9} {'naive limits':>13}")
    for runners in (15, 40):
        for name, missing in UNKNOWN.items():
            every, p_value, naive = wrong_verdicts(rng, clinics, runners, missing)
            worst = max(worst, every, p_value)
            naive_known = max(naive_known, naive if name == "all known" else 0.0)
            print(f"{runners:8} {name:20} {every:11.4f} {p_value:9.4f} {naive:13.4f}")
    normal = naive_of_normal_data(rng, clinics)
    print(f"the z test of normal data at {LOOKS} equal steps: {normal:.4f} (published {PUBLISHED})")
    right = abs(normal - PUBLISHED) <= 0.005 + 3.3 * np.sqrt(PUBLISHED * (1 - PUBLISHED) / clinics)
    print(
        f"wrong at any of {LOOKS} looks: at most {worst:.2%} (allowed {allowed:.2%}); "
        f"naive rule {normal:.1%} of normal data, up to {naive_known:.1%} of shares with exact limits"
    )
    return 0 if worst <= allowed and right and naive_known > allowed else 1


def wrong_verdicts(
    rng: np.random.Generator, clinics: int, runners: int, missing: tuple[float, float]
) -> tuple[float, float, float]:
    """Shares of clinics with a verdict at any look: by the sequence, by its one-sided p-value, by fixed-sample limits."""
    improved = rng.binomial(runners, HALF, (clinics, LOOKS))
    lost = rng.binomial(improved, missing[0]), rng.binomial(runners - improved, missing[1])
    known, unknown = np.cumsum(improved - lost[0], axis=1), np.cumsum(lost[0] + lost[1], axis=1)
    n = np.broadcast_to(runners * np.arange(1, LOOKS + 1), known.shape)
    found = confidence_sequence(known, n, unknown=unknown)
    every = ((found.conf_low > HALF) | (found.conf_high < HALF)).any(axis=1).mean()
    p_value = (always_valid_p(known, n, threshold=HALF, unknown=unknown)[:, -1] <= LEVEL).mean()
    low, high = (
        beta_quantile(LEVEL / 2, np.maximum(known, 0.5), n - known + 1),
        beta_quantile(1 - LEVEL / 2, known + unknown + 1, np.maximum(n - known - unknown, 0.5)),
    )
    return float(every), float(p_value), float(((low > HALF) | (high < HALF)).any(axis=1).mean())


def naive_of_normal_data(rng: np.random.Generator, clinics: int) -> float:
    """The z test at the usual limit, after each of the steps."""
    total = np.cumsum(rng.standard_normal((clinics, LOOKS)), axis=1)
    return float((np.abs(total) / np.sqrt(np.arange(1, LOOKS + 1)) > Z).any(axis=1).mean())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
