"""Gate row `layers`: the contracts hold as the code stands, and an upward import planted in a copy is found."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLANTS = {
    "estimators/planted.py": "import tendon_outcomes.cohort\n",
    "records/planted.py": "import tendon_outcomes.results\n",
    "reporting/planted.py": "import tendon_outcomes.estimators\n",
    "cohort/planted.py": "import lifelines\n",
    "cohort/exposure/planted.py": "import tendon_outcomes.cohort.outcome\n",
    "analysis/planted.py": "import pandera\n",
    "synthetic/planted.py": "import tendon_outcomes.results\n",
}


def contracts_hold(root: Path) -> bool:
    """Whether lint-imports accepts the package under ``root``."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=root, env={"PYTHONPATH": str(root / "src"), "PATH": ""}, capture_output=True, check=False)
    return done.returncode == 0


def main() -> int:
    kept = contracts_hold(ROOT)
    found = 0
    for place, text in PLANTS.items():
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder)
            shutil.copytree(ROOT / "src", copy / "src")
            shutil.copy(ROOT / "pyproject.toml", copy)
            (copy / "src/tendon_outcomes" / place).write_text(text, encoding="utf-8")
            found += not contracts_hold(copy)
    print(f"contracts {'kept' if kept else 'broken'}; {found} of {len(PLANTS)} planted imports found")
    return 0 if kept and found == len(PLANTS) else 1


if __name__ == "__main__":
    sys.exit(main())
