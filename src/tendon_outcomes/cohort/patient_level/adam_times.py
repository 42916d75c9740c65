"""Time to each endpoint as rows in the manner of ADTTE: one an episode and question, with the interval and its records."""

from __future__ import annotations

import polars as pl

from tendon_outcomes.cohort.outcome.ascertain import FollowUp
from tendon_outcomes.declarations.exports import Exports
from tendon_outcomes.vocabulary import Code

START_DAY = 0
EVENT, COMPETING = "EVENT", "COMPETING"


def adtte(follow_up: FollowUp, starts: pl.DataFrame, exports: Exports, *, code: str, says: str) -> pl.DataFrame:
    """One row for every episode in a follow-up.

    1. ADY is the right end of the interval, which for an event is the assessment that first saw it; of a censored episode the
       left end.
    2. AVAL = ADY - STARTDY + 1, the duration as CDISC counts it. It dates events late: analyses use (AVALL, AVALR].
    3. CNSR is the code of the ending: 0 event, 1 to 3 censored, 11 and above competing.

    ``starts`` has episode_id and the record_id of the episode. ``code`` and ``says`` are PARAMCD and PARAM.
    """
    rows = follow_up.episodes.join(starts.rename({"record_id": "start_record"}), on="episode_id", how="left")
    kind, happened = _words(exports)
    ended_on = pl.coalesce("right", "left")
    return rows.with_columns(kind.alias("EVNTTYPE"), happened.alias("EVNTDESC")).select(
        USUBJID="episode_id",
        PATID="patient_id",
        SITEID="site_id",
        PARAM=pl.lit(says),
        PARAMCD=pl.lit(code),
        STARTDY=pl.lit(START_DAY, dtype=pl.Int64()),
        ADY=ended_on,
        AVAL=ended_on - START_DAY + 1,
        CNSR="code",
        EVNTTYPE="EVNTTYPE",
        EVNTDESC="EVNTDESC",
        CNSDTDSC=_day_words(exports, follow_up.horizon_days),
        AVALL="left",
        AVALR="right",
        LCENSFL=_flag("left_censored"),
        UNCFFL=_flag("unconfirmed"),
        CONFDY=_if_event("confirmed_day"),
        LASTDY="last_day",
        LSTCTDY="last_contact",
        NASSESS="n_assessments",
        HORIZDY=pl.lit(follow_up.horizon_days, dtype=pl.Int64()),
        STARTREC="start_record",
        LEFTREC="left_record",
        RIGHTREC=_if_event("right_record"),
        CONFREC=_if_event("confirming_record"),
        COMPREC=pl.when(pl.col("EVNTTYPE") == COMPETING).then("competing_record"),
        ENDREC=pl.when(pl.col("code").is_in(_RECORDED_ENDINGS)).then("ending_record"),
    )


_RECORDED_ENDINGS = [code.value for code in Code if code.is_censoring]


def _if_event(name: str) -> pl.Expr:
    return pl.when(pl.col("code") == Code.EVENT.value).then(name)


def _flag(name: str) -> pl.Expr:
    return pl.when(name).then(pl.lit("Y")).otherwise(pl.lit("N"))


def _words(exports: Exports) -> tuple[pl.Expr, pl.Expr]:
    """The kind of an ending and its words, by its code; a code without words is an error, not an empty cell."""
    kinds = {one.code: one.kind for one in exports.outcome}
    says = {one.code: one.says for one in exports.outcome}
    code = pl.col("code")
    return code.replace_strict(kinds, return_dtype=pl.String()), code.replace_strict(says, return_dtype=pl.String())


def _day_words(exports: Exports, horizon_days: int) -> pl.Expr:
    """What the day of an episode without the event is."""
    says = exports.censor_day
    return (
        pl.when(pl.col("EVNTTYPE") == EVENT)
        .then(None)
        .when(pl.col("EVNTTYPE") == COMPETING)
        .then(pl.lit(says.at_competing))
        .when(pl.col("left") >= horizon_days)
        .then(pl.lit(says.at_horizon))
        .when(pl.col("left_record").is_null())
        .then(pl.lit(says.at_start))
        .otherwise(pl.lit(says.at_last_failing))
    )
