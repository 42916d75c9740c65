"""Competing procedures and endings as a clinic exports them."""

from __future__ import annotations

import numpy as np
import polars as pl

from tendon_outcomes.synthetic.columns import whole
from tendon_outcomes.synthetic.drawn import Drawn
from tendon_outcomes.synthetic.draws import Flags, Integers
from tendon_outcomes.synthetic.follow_up import last_contact, told_lost
from tendon_outcomes.synthetic.settings import ENDINGS, PROCEDURES


def procedure_table(drawn: Drawn) -> pl.DataFrame:
    """Competing procedures on their exact days."""
    return _competing(drawn, "procedure", {int(code): name for code, name in PROCEDURES.items()})


def event_table(drawn: Drawn) -> pl.DataFrame:
    """Endings. Some of the lost leave no row: only the silence after their last contact shows it."""
    seen = drawn.seen
    told = told_lost(drawn.draws, seen, drawn.settings)
    parts = [
        _competing(drawn, "event", {int(code): name for code, name in ENDINGS.items()}),
        _event(drawn, told, last_contact(seen), "lost_to_follow_up"),
        _event(drawn, seen.end_day == seen.admin_day, seen.admin_day, "administrative_end"),
    ]
    return pl.concat(parts).sort("episode_id", "day", "event")


def _competing(drawn: Drawn, column: str, names: dict[int, str]) -> pl.DataFrame:
    code, day = drawn.truth.competing_code, drawn.truth.competing_day
    who = np.flatnonzero(drawn.seen.competing_seen & np.isin(code, list(names)))
    name = pl.Series(code[who]).replace_strict(names, return_dtype=pl.String)
    return pl.DataFrame({"episode_id": drawn.episode_id.gather(who), "day": whole(day[who]), column: name})


def _event(drawn: Drawn, chosen: Flags, day: Integers, name: str) -> pl.DataFrame:
    who = np.flatnonzero(chosen)
    event = pl.Series([name], dtype=pl.String).new_from_index(0, who.size)
    return pl.DataFrame({"episode_id": drawn.episode_id.gather(who), "day": whole(day[who]), "event": event})
