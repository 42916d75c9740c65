"""Where the shipped declarations lie: beside a checkout, or inside the installed package. Nobody else builds such a path."""

from __future__ import annotations

from pathlib import Path

from tendon_outcomes.errors import FileAbsent

_PACKAGE = Path(__file__).resolve().parent.parent
_SHIPPED = _PACKAGE / "_shipped"  # pyproject.toml force-includes the folders here in a wheel
_CHECKOUT = _PACKAGE.parent.parent


def shipped(name: str) -> Path:
    """Path of a shipped file or folder such as ``data_schemas``, ``analyses``, ``reports/templates`` or ``requirements.lock``.

    Raises
    ------
    FileAbsent
        The installation is incomplete.
    """
    for root in (_SHIPPED, _CHECKOUT):
        if (root / name).exists():
            return root / name
    raise FileAbsent(f"{name} was not found beside the package", way_out="Install tendon-outcomes again.")


def package_sources() -> tuple[Path, ...]:
    """Every Python source file of the package, in a fixed order: what the code hash in the provenance covers."""
    return tuple(sorted(_PACKAGE.rglob("*.py")))
