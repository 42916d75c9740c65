"""Episodes as rows in the manner of ADSL: who they are, how they stood on day 0, and which questions they belong to."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.cohort.assemble import Cohort
from tendon_outcomes.cohort.duration import DURATION, DURATION_HIGH, DURATION_LOW, with_symptom_duration
from tendon_outcomes.cohort.phenotype import PHENOTYPE, PHENOTYPE_RULE
from tendon_outcomes.declarations import OnsetPrecision

DAYS_A_WEEK = 7


def subjects(cohort: Cohort, precision: OnsetPrecision) -> pl.DataFrame:
    """One row an episode, from what was known on day 0. A derived phenotype stands where the population names its rule."""
    rows = with_symptom_duration(cohort.episodes, precision).join(_day_zero(cohort), on="episode_id", how="left")
    derived = {name: name in rows.columns for name in (PHENOTYPE, PHENOTYPE_RULE)}
    nothing = pl.lit(None, dtype=pl.String())
    return rows.select(
        USUBJID="episode_id",
        PATID="patient_id",
        SITEID="site_id",
        TENDON="tendon",
        SIDE="side",
        INDEXYR="index_year",
        AGE="age_y",
        AGEU=pl.when(pl.col("age_y").is_not_null()).then(pl.lit("YEARS")),
        SEX="sex",
        KMPRE="wk_km_preinjury",
        SYMDUR=pl.col(DURATION) / DAYS_A_WEEK,
        SYMDURLO=pl.col(DURATION_LOW) / DAYS_A_WEEK,
        SYMDURHI=pl.col(DURATION_HIGH) / DAYS_A_WEEK,
        ONSPREC="onset_precision",
        STRATP="strategy_prescribed",
        STRATPDY="prescribed_day",
        PHENO="phenotype",
        PHENORL="phenotype_rule",
        PHENOD=PHENOTYPE if derived[PHENOTYPE] else nothing,
        PHENODRL=PHENOTYPE_RULE if derived[PHENOTYPE_RULE] else nothing,
        SCORENM=pl.lit(_own_score(cohort)[0]),
        SCOREBL="score",
        UWRIBL="uwri",
        NPFASTBL="nprs_run_fast",
        NPEASYBL="nprs_run_easy",
        RECID="record_id",
    )


def _own_score(cohort: Cohort) -> tuple[str, str]:
    """Name and total column of the tendon's own score: the first instrument that it declares."""
    first = cohort.population.tendon.instruments[0]
    found = {one.instrument: one for one in cohort.population.instruments}
    return (found[first].title, found[first].total_column) if first in found else (first, "")


def _day_zero(cohort: Cohort) -> pl.DataFrame:
    """Scores of the visit of day 0, and pain from it or, where it has none, from the weekly report of day 0."""
    _, total = _own_score(cohort)
    visit, report = (cohort.tables[name].filter(pl.col("day") == 0) for name in ("visit", "run_week"))
    pains = ("nprs_run_fast", "nprs_run_easy")
    seen = visit.unique("episode_id", keep="first", maintain_order=True).select(
        "episode_id",
        pl.col(total).cast(pl.Float64).alias("score") if total else pl.lit(None, dtype=pl.Float64()).alias("score"),
        pl.col("uwri_total").cast(pl.Float64).alias("uwri"),
        *pains,
    )
    told = report.unique("episode_id", keep="first", maintain_order=True).select("episode_id", *pains)
    both = seen.join(told, on="episode_id", how="full", coalesce=True, suffix=" told")
    return both.with_columns(pl.coalesce(pain, f"{pain} told").alias(pain) for pain in pains).drop(
        f"{pain} told" for pain in pains
    )
