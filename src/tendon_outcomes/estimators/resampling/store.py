"""Finished blocks, kept so that an interrupted run goes on where it was."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from tendon_outcomes.estimators.observations import FloatArray


class BlockStore(Protocol):
    """Keeps arrays by name. `get` gives back exactly what `put` was given, or None."""

    def get(self, key: str) -> FloatArray | None: ...

    def put(self, key: str, values: FloatArray) -> None: ...


@dataclass(frozen=True, slots=True)
class FolderStore:
    """One npy file a block, written beside its place and moved there whole: a reader never meets half a file.

    A run that was killed may leave one `.part` file, which nobody reads.
    """

    folder: Path

    def get(self, key: str) -> FloatArray | None:
        """The block, or None when there is none, or what is there is no whole block (it is then computed again)."""
        path = Path(self.folder) / f"{key}.npy"
        try:
            with path.open("rb") as file:
                values = np.lib.format.read_array(file, allow_pickle=False)
                torn = file.read(1) != b""
        except FileNotFoundError:
            return None
        except Exception:  # a torn header raises nearly anything: SyntaxError, tokenize.TokenError, MemoryError
            return None
        return None if torn or values.dtype != np.float64 else values

    def put(self, key: str, values: FloatArray) -> None:
        """Write the block and move it to its place; a block that a power cut takes is computed again."""
        folder = Path(self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.save(file, values, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(folder / f"{key}.npy")
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
