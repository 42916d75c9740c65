"""Rules about when and where: a label against its day, a side against its episode, a row against the end, a row twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl

from tendon_outcomes.records.evidence import Evidence

_ENDS_ALL_CONTACT = ("death", "withdrew", "transferred", "administrative_end")
_LOSS = "lost_to_follow_up"

Masks = Iterator[tuple[str, pl.Series]]


def _outside_its_window(evidence: Evidence) -> Masks:
    windows = evidence.declarations.visit_windows.window
    bounds = pl.DataFrame(
        [(label, one.from_day, one.to_day) for label, one in windows.items()],
        schema={"visit_label": pl.String, "from": pl.Int64, "to": pl.Int64},
        orient="row",
    )
    labelled = evidence.frame.select("visit_label", "day").join(bounds, on="visit_label", how="left", maintain_order="left")
    outside = labelled.select((~pl.col("day").is_between("from", "to")).alias("outside"))["outside"]
    yield "visit_label, day", outside


def _other_side(evidence: Evidence) -> Masks:
    if "side" in evidence.recorded:
        sides = pl.DataFrame({"here": evidence.frame["side"], "episode": evidence.of_episode("side")})
        known = pl.all_horizontal(pl.col(name).is_in(["left", "right"]) for name in sides.columns)
        yield "side", sides.select((known & (pl.col("here") != pl.col("episode"))).alias("other"))["other"]


def _plan_of_later(evidence: Evidence) -> Masks:
    """A plan that is recorded as unknown is no label at all."""
    last = evidence.declarations.visit_windows.plan_at_baseline.value
    labelled = (pl.col("strategy_prescribed") != "unknown").fill_null(value=False)
    late = pl.col("prescribed_day").is_null() | (pl.col("prescribed_day") > last)
    yield "strategy_prescribed, prescribed_day", evidence.frame.select((labelled & late).alias("late"))["late"]


def _after_the_end(evidence: Evidence) -> Masks:
    if "day" not in evidence.table.column:
        return
    events = evidence.frame if evidence.table.table == "event" else evidence.accepted_events
    reckoned = evidence.declarations.visit_windows.loss_is_dated_within.value
    last_day = (
        pl.when(pl.col("event").is_in(_ENDS_ALL_CONTACT))
        .then(pl.col("day"))
        .when(pl.col("event") == _LOSS)
        .then(pl.col("day") + int(reckoned))
    )
    ends = events.select("episode_id", last_day.alias("last")).drop_nulls().group_by("episode_id").agg(pl.col("last").min())
    if len(ends):
        rows = evidence.frame.select("episode_id", "day").join(ends, on="episode_id", how="left", maintain_order="left")
        yield "day", rows.select((pl.col("day") > pl.col("last")).alias("after"))["after"]


def _entered_twice(evidence: Evidence) -> Masks:
    """Every row after the first of its kind; a copy under the same session_id is X-02's and not told again."""
    content = [name for name in evidence.table.column if name in evidence.recorded and name != "session_id"]
    numbered = evidence.frame.select(pl.int_range(pl.len()).alias("row"), "session_id", *content).drop_nulls(
        ["episode_id", "day"]
    )
    # Comparing every cell is dear: it is done only where a day has several rows.
    same_day = numbered.filter(pl.struct("episode_id", "day").is_duplicated())
    alike = same_day.filter(pl.struct(content).is_duplicated())
    first = pl.col("session_id").first().over(content)
    yield "every column but session_id", evidence.mask(alike.filter(pl.col("session_id") != first)["row"])


OCCASION_CHECKS: dict[str, Callable[[Evidence], Masks]] = {
    "E-05": _plan_of_later,
    "S-03": _entered_twice,
    "V-25": _outside_its_window,
    "V-26": _other_side,
    "X-09": _after_the_end,
}
"""Rules of the day and the side, each giving a place and a mask."""
