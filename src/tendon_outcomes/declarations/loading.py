"""TOML text into strict, frozen models; a mistake names the file and the key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tendon_outcomes.errors import DeclarationInvalid, FileAbsent, Finding


class Declared(BaseModel):
    """Base of every declaration: frozen, and a key that nobody knows is an error, not a silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


Model = TypeVar("Model", bound=Declared)


def read_toml(path: Path) -> dict[str, Any]:
    """Parse one TOML file.

    Raises
    ------
    FileAbsent
        There is no such file.
    DeclarationInvalid
        It is not UTF-8 text, or not TOML.
    """
    if not path.is_file():
        raise FileAbsent(f"{path.name} does not exist in {path.parent}", way_out="Name an existing TOML file.")
    try:
        # Editors on Windows put a byte-order mark before UTF-8 text; tomllib would take it for a key.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        pass
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
        raise DeclarationInvalid(f"{path.name} is not valid TOML ({reason})", way_out=f"Correct {path}.") from None
    raise DeclarationInvalid(f"{path.name} is not UTF-8 text", way_out=f"Save {path} as UTF-8.")


def build(model: type[Model], content: dict[str, Any], *, origin: str) -> Model:
    """Check ``content`` against ``model``; ``origin`` is what the message calls the place."""
    findings: list[Finding] = []
    try:
        return model.model_validate(content)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False, include_context=False):
            key = ".".join(str(part) for part in item["loc"]) or "(top level)"
            findings.append(Finding(rule="D-01", place=key, says=item["msg"]))
    raise DeclarationInvalid(
        f"{origin} has {len(findings)} mistakes", findings=findings, way_out=f"Correct these keys in {origin}."
    )
