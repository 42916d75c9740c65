"""Values as Markdown text and rows as Markdown tables, so that no cell can break its table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from tendon_outcomes.declarations import declare


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; every cell is one line without a bare |."""
    lines = [_line(header), _line(["---"] * len(header)), *(_line([cell(one) for one in row]) for row in rows)]
    return "\n".join(lines)


def cell(value: object) -> str:
    """Text that stays in its cell: one line, signs that Markdown would read as its own are escaped outside code."""
    text = " ".join(str(value).split())
    parts = re.split(r"(`[^`]*`)", text)
    plain = [part if part.startswith("`") else re.sub(r"([*<])", r"\\\1", part) for part in parts]
    return re.sub(r"(?<!\\)\|", r"\\|", "".join(plain))


def prose(text: str) -> str:
    """A paragraph on one line."""
    return " ".join(text.split())


def capital(text: str) -> str:
    """The same with a capital first letter."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """A paragraph with its capital and its full stop."""
    return f"{capital(prose(text)).rstrip('.')}."


def number(value: float) -> str:
    """3 for 3.0, 0.3 for 0.3."""
    return f"{value:g}"


def words(value: Any, *, inside: bool = False) -> str:
    """A value of a case file in readable words; names of columns and other codes stand as code."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        if value and all(re.fullmatch(r"-?\d+", str(key)) for key in value):
            return "; ".join(f"day {key}: {words(one, inside=True) or 'nothing'}" for key, one in value.items())
        return (", " if inside else "; ").join(_pair(key, one) for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_nested(one) for one in value)
    if isinstance(value, float):
        return number(value)
    return code(value) if isinstance(value, str) else str(value)


def code(text: str) -> str:
    """A word with an underscore, or the name of a column, as code; other text as it is."""
    return f"`{text}`" if re.fullmatch(r"[\w.]+", text) and ("_" in text or text in _columns()) else text


def _pair(key: str, value: Any) -> str:
    """A name and its value; a value of several words is set off by a colon, an empty one is "nothing"."""
    if value in ("", [], {}):
        return f"{_key(key)} nothing"
    return f"{_key(key)}{':' if isinstance(value, str) and ' ' in value else ''} {_nested(value)}".strip()


def _nested(value: Any) -> str:
    text = words(value, inside=True)
    return f"({text})" if isinstance(value, Mapping) and len(value) > 1 else text


def _key(name: str) -> str:
    return f"`{name}`" if name in _columns() and "_" in name else name.replace("_", " ")


@cache
def _columns() -> frozenset[str]:
    return frozenset(name for one in declare().tables.values() for name in one.column)


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(str(one) if str(one) else ' ' for one in cells)} |"
