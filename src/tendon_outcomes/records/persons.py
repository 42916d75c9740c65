"""Rules about who: episodes of one person that nothing orders, links that join two injuries, one person under two ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl

from tendon_outcomes.records.evidence import Evidence

_SAME_INJURY = ["patient_id", "tendon", "side"]
_MUST_AGREE = ["tendon", "side", "age_y", "sex", "onset_day", "wk_km_preinjury"]
_MAY_NOT_DIFFER = ["site_id", "index_year", "height_cm"]

Masks = Iterator[tuple[str, pl.Series]]


def _unordered(evidence: Evidence) -> Masks:
    """Episodes of one patient, tendon and side that do not form one line from the first to the last.

    They do when every one but the first names another as its predecessor and no two name the same one. One episode may instead
    say by `previous_index_day` alone that it is not the first: it and those after it then follow the others.
    """
    links = _links(evidence)
    episodes = links.group_by(_SAME_INJURY).agg(
        pl.col("episode_id").n_unique().alias("n"),
        (~pl.col("linked")).sum().alias("begin"),
        (~pl.col("linked") & ~pl.col("later")).sum().alias("first"),
        pl.col("previous").filter("linked").is_duplicated().any().alias("forked"),
        pl.col("circular").any(),
    )
    one_line = (pl.col("begin") == 1) | ((pl.col("begin") == 2) & (pl.col("first") == 1))
    unordered = episodes.filter(pl.col("n") > 1, ~one_line | pl.col("forked") | pl.col("circular"))
    found = links.join(unordered, on=_SAME_INJURY, how="semi")["episode_id"]
    yield ", ".join(_SAME_INJURY), evidence.frame["episode_id"].is_in(found.implode())


def _links(evidence: Evidence) -> pl.DataFrame:
    """The episodes that share patient, tendon and side with another, and whether each names one of those as its predecessor.

    An episode whose rows disagree about it is left to the rule of contradictions, which rejects it.
    """
    columns = ["episode_id", *_SAME_INJURY, "previous_episode_id", "previous_index_day"]
    once = (
        evidence.frame.select(columns).unique().filter(pl.col("episode_id").is_unique()).drop_nulls(["episode_id", *_SAME_INJURY])
    )
    shared = once.filter(pl.struct(_SAME_INJURY).is_duplicated()).rename({"previous_episode_id": "previous"})
    named = shared.select(*_SAME_INJURY, pl.col("episode_id").alias("previous"), pl.lit(value=True).alias("linked"))
    linked = shared.join(named, on=[*_SAME_INJURY, "previous"], how="left", maintain_order="left").with_columns(
        pl.col("linked").fill_null(value=False), pl.col("previous_index_day").is_not_null().alias("later")
    )
    return linked.with_columns(pl.Series("circular", _in_a_circle(linked)))


def _in_a_circle(linked: pl.DataFrame) -> pl.Series:
    """Episodes whose line of predecessors never ends: after as many steps as there are episodes it still goes on."""
    edges = linked.filter("linked").select(pl.col("episode_id").alias("from"), pl.col("previous").alias("to"))
    for _ in range(len(edges).bit_length()):  # every round doubles the length of the steps
        edges = edges.join(edges.rename({"from": "to", "to": "end"}), on="to").select("from", pl.col("end").alias("to"))
    return linked["episode_id"].is_in(edges["from"].implode())


def _wrong_link(evidence: Evidence) -> Masks:
    rows = evidence.frame.select(pl.int_range(pl.len()).alias("row"), "episode_id", *_SAME_INJURY, "previous_episode_id")
    links = rows.filter(pl.col("previous_episode_id").is_not_null())
    if len(links):
        before = evidence.episodes.select(
            pl.col("episode_id").alias("previous_episode_id"), *(pl.col(name).alias(f"previous_{name}") for name in _SAME_INJURY)
        )
        apart = pl.all_horizontal(pl.col(name) != "unknown" for name in ("side", "previous_side")) & (
            pl.col("side") != pl.col("previous_side")
        )
        fits = (
            (pl.col("previous_patient_id") == pl.col("patient_id"))
            & (pl.col("previous_tendon") == pl.col("tendon"))
            & ~apart
            & (pl.col("previous_episode_id") != pl.col("episode_id"))
        )
        right = links.join(before, on="previous_episode_id").filter(fits)
        yield "previous_episode_id", evidence.mask(links.filter(~pl.col("row").is_in(right["row"].implode()))["row"])


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
}
"""Rules of the episode table about persons, each giving a place and a mask."""
