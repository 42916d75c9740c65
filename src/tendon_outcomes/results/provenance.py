"""What a result was made from, as hashes. There is no clock here: the same inputs give the same bytes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from tendon_outcomes.declarations import package_sources, shipped


@dataclass(frozen=True, slots=True)
class Provenance:
    """Hashes of all that decides a result: data lock, declarations, protocol, analysis scripts, code, dependencies, seed."""

    snapshot: str
    declarations: str
    protocol: str
    analyses: str
    code: str
    lock: str
    seed: int
    package_version: str

    @property
    def provenance_id(self) -> str:
        """Short name of this combination, carried by every row."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


def hash_files(paths: tuple[Path, ...]) -> str:
    """One hash over names and contents, with line endings evened out so that every checkout agrees."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def stamp(*, snapshot: str, declarations: str, protocol: Path, seed: int = 0) -> Provenance:
    """Collect the hashes for one run."""
    return Provenance(
        snapshot=snapshot,
        declarations=declarations,
        protocol=hash_files((protocol,)),
        analyses=hash_files(tuple(sorted(shipped("analyses").glob("a*.py")))),
        code=hash_files(package_sources()),
        lock=hash_files((shipped("requirements.lock"),)),
        seed=seed,
        package_version=version("tendon-outcomes"),
    )
