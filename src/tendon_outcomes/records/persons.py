"""Rules about who: episodes of one person that nothing orders, links that join two injuries, one person under two ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl

from tendon_outcomes.records.evidence import Evidence

_SAME_PATIENT = ["patient_id", "tendon"]
_SAME_INJURY = [*_SAME_PATIENT, "side"]
_MUST_AGREE = ["tendon", "side", "age_y", "sex", "onset_day", "wk_km_preinjury"]
_MAY_NOT_DIFFER = ["site_id", "index_year", "height_cm"]

Masks = Iterator[tuple[str, pl.Series]]


def _unordered(evidence: Evidence) -> Masks:
    """Episodes of one patient, tendon and side that do not form one line from the first to the last, and circles of any sides.

    They do when every one but the first names another as its predecessor and no two name the same one. One episode may instead
    say by `previous_index_day` alone that it is not the first: it and those after it then follow the others. A line may run
    through an episode of which only one side is known.
    """
    links = _links(evidence)
    episodes = links.group_by(_SAME_INJURY).agg(
        pl.col("episode_id").n_unique().alias("n"),
        (~pl.col("linked")).sum().alias("begin"),
        (~pl.col("linked") & ~pl.col("later")).sum().alias("first"),
        pl.col("previous").filter("linked").is_duplicated().any().alias("forked"),
        (pl.col("previous") == pl.col("episode_id")).fill_null(value=False).any().alias("itself"),
    )
    one_line = (pl.col("begin") == 1) | ((pl.col("begin") == 2) & (pl.col("first") == 1))
    unordered = episodes.filter(pl.col("n") > 1, ~one_line | pl.col("forked") | pl.col("itself"))
    found = links.join(unordered, on=_SAME_INJURY, how="semi")["episode_id"]
    circular = links.filter("circular")["episode_id"]
    yield ", ".join(_SAME_INJURY), evidence.frame["episode_id"].is_in(pl.concat([found, circular]).implode())


def _links(evidence: Evidence) -> pl.DataFrame:
    """Each episode with the one of its own side that it follows, directly or through episodes of which a side is not known.

    An episode whose rows disagree about it is left to the rule of contradictions, which rejects it.
    """
    columns = ["episode_id", *_SAME_INJURY, "previous_episode_id", "previous_index_day"]
    once = (
        evidence.frame.select(columns).unique().filter(pl.col("episode_id").is_unique()).drop_nulls(["episode_id", *_SAME_INJURY])
    )
    shared = once.filter(pl.struct(_SAME_PATIENT).is_duplicated())
    named = shared.select(*_SAME_PATIENT, pl.col("episode_id").alias("previous_episode_id"), pl.col("side").alias("to_side"))
    joined = shared.join(named, on=[*_SAME_PATIENT, "previous_episode_id"]).filter(~_apart("side", "to_side"))
    steps = joined.select(pl.col("episode_id").alias("from"), "side", pl.col("previous_episode_id").alias("to"), "to_side")
    circular = _in_a_circle(steps)
    straight = steps.filter(~pl.col("from").is_in(circular.implode()))
    own_side = pl.concat([_to_own_side(straight), steps.filter(pl.col("from") == pl.col("to"))])
    linked = shared.join(
        own_side.select(pl.col("from").alias("episode_id"), pl.col("to").alias("previous")), on="episode_id", how="left"
    )
    return linked.with_columns(
        pl.col("previous").is_not_null().alias("linked"),
        pl.col("previous_index_day").is_not_null().alias("later"),
        pl.col("episode_id").is_in(circular.implode()).alias("circular"),
    )


def _in_a_circle(steps: pl.DataFrame) -> pl.Series:
    """Episodes whose line of predecessors never ends: after as many steps as there are episodes it still goes on.

    One that names itself, a circle of one, is the rule's of wrong links.
    """
    edges = steps.filter(pl.col("from") != pl.col("to")).select("from", "to")
    for _ in range(len(edges).bit_length()):  # every round doubles the length of the steps
        edges = edges.join(edges.rename({"from": "to", "to": "end"}), on="to").select("from", pl.col("end").alias("to"))
    return edges["from"]


def _to_own_side(steps: pl.DataFrame) -> pl.DataFrame:
    """Each step to the next episode of the side from which it sets out; no step where the line ends before. Without circles."""
    onward = steps.filter(pl.col("from") != pl.col("to")).select(
        pl.col("from").alias("to"), pl.col("to").alias("next"), pl.col("to_side").alias("next_side")
    )
    there, open_ = steps.filter(pl.col("side") == pl.col("to_side")), steps.filter(pl.col("side") != pl.col("to_side"))
    while len(open_):
        further = open_.join(onward, on="to").select(
            "from", "side", pl.col("next").alias("to"), pl.col("next_side").alias("to_side")
        )
        there = pl.concat([there, further.filter(pl.col("side") == pl.col("to_side"))])
        open_ = further.filter(pl.col("side") != pl.col("to_side"))
    return there.filter(pl.col("from") != pl.col("to"))


def _apart(side: str, other: str) -> pl.Expr:
    """Two known sides that differ."""
    return (pl.col(side) != pl.col(other)) & (pl.col(side) != "unknown") & (pl.col(other) != "unknown")


def _wrong_link(evidence: Evidence) -> Masks:
    links, before = _named(evidence)
    if len(links):
        fits = (
            (pl.col("previous_patient_id") == pl.col("patient_id"))
            & (pl.col("previous_tendon") == pl.col("tendon"))
            & ~_apart("side", "previous_side")
            & (pl.col("previous_episode_id") != pl.col("episode_id"))
        )
        there = links.join(before, on="previous_episode_id")
        wrong = there.filter(~pl.col("row").is_in(there.filter(fits)["row"].implode()))
        yield "previous_episode_id", evidence.mask(wrong["row"].unique())


def _link_beyond(evidence: Evidence) -> Masks:
    links, before = _named(evidence)
    if len(links):
        yield "previous_episode_id", evidence.mask(links.join(before, on="previous_episode_id", how="anti")["row"])


def _named(evidence: Evidence) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that name a previous episode, and every episode that can be named."""
    rows = evidence.frame.select(pl.int_range(pl.len()).alias("row"), "episode_id", *_SAME_INJURY, "previous_episode_id")
    before = evidence.episodes.select(
        pl.col("episode_id").alias("previous_episode_id"), *(pl.col(name).alias(f"previous_{name}") for name in _SAME_INJURY)
    )
    return rows.filter(pl.col("previous_episode_id").is_not_null()), before


def _untold(evidence: Evidence) -> Masks:
    yield "episode_id", evidence.frame["episode_id"].is_in(evidence.untold.implode()).fill_null(value=False)


def _one_person_twice(evidence: Evidence) -> Masks:
    """Every pair of rows of two patients that agree in what must be recorded and differ in nothing else that both record."""
    rows = evidence.frame.select(pl.int_range(pl.len()).alias("row"), "patient_id", *_MUST_AGREE, *_MAY_NOT_DIFFER)
    known = rows.drop_nulls(["patient_id", *_MUST_AGREE]).filter(pl.col("sex") != "unknown")
    alike = known.filter(pl.struct(_MUST_AGREE).is_duplicated())
    pairs = alike.join(alike, on=_MUST_AGREE, suffix="_other").filter(pl.col("patient_id") != pl.col("patient_id_other"))
    agree = [pl.col(name).eq(pl.col(f"{name}_other")).fill_null(value=True) for name in _MAY_NOT_DIFFER]
    yield "patient_id", evidence.mask(pairs.filter(pl.all_horizontal(agree))["row"].unique())


PERSON_CHECKS: dict[str, Callable[[Evidence], Masks]] = {
    "X-06": _unordered,
    "X-07": _wrong_link,
    "X-08": _one_person_twice,
    "X-10": _untold,
    "X-11": _link_beyond,
}
"""Rules of the episode table about persons and their stories, each giving a place and a mask."""
