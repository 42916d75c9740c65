"""Episodes sorted by how sure the diagnosis is, from what was found on day 0."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.cohort.duration import with_duration_from_onset
from tendon_outcomes.cohort.logic import every
from tendon_outcomes.declarations import UNCLASSIFIED, PhenotypeRule

PHENOTYPE, PHENOTYPE_RULE = "phenotype_derived", "phenotype_rule_derived"


def with_phenotype(episodes: pl.DataFrame, rule: PhenotypeRule) -> pl.DataFrame:
    """Episodes with `phenotype_derived` and the name and version of the rule that gave it.

    1. The classes are tried in their declared order; an episode gets the first whose criteria are all true.
    2. A class whose criteria are unknown is not given: silence of the record is no finding.
    3. Who gets none is `unclassified`.

    A duration is that of the day of onset, where one is on record. The clinic's own word (`phenotype`) is one of the findings
    that a rule may read; it is kept beside the derived class.
    """
    read = with_duration_from_onset(episodes)
    given = pl.coalesce(
        *(pl.when(every(one.criterion)).then(pl.lit(one.name)) for one in rule.version.classes), pl.lit(UNCLASSIFIED)
    )
    return episodes.with_columns(read.select(given.alias(PHENOTYPE)).to_series(), pl.lit(rule.reference).alias(PHENOTYPE_RULE))
