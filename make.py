"""The project's commands, with nothing but Python and git needed beforehand: the first call sets up .venv from requirements.lock.

python make.py demo      simulate a clinic, ingest it, write its report and print where it is (--keep: into reports/demo too)
python make.py test      the whole test suite
python make.py check     format, lint, layers, types
python make.py gate      verification rows of tests/gate.toml [ROW ...] [--quick] [--list]
python make.py oracle    reference numbers again from R, where R is installed, and compared
python make.py codebook  data_schemas/codebook again from the declarations and the worked cases
python make.py bench     speed beside peers [ROW ...]
python make.py lock      requirements.lock again from pyproject.toml
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
READY = VENV / "ready"
LOCK_COMMAND = (
    "uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-emit-find-links "
    "--no-header --no-annotate -o requirements.lock"
)


def run(*command: str | Path) -> int:
    """Run one command in the repository; its output is the reader's."""
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode


def wanted() -> str:
    """What the environment was made from; another lock or another Python makes it anew."""
    digest = hashlib.sha256((ROOT / "requirements.lock").read_bytes() + (ROOT / "pyproject.toml").read_bytes())
    return f"{digest.hexdigest()} {sys.version_info[:2]} {ROOT}"


def set_up() -> None:
    """Make .venv from the lock, every package checked against its hash, and the project itself editable in it."""
    if READY.is_file() and READY.read_text(encoding="utf-8") == wanted():
        return
    print("setting up .venv from requirements.lock (once)", file=sys.stderr)
    if not PYTHON.exists():
        venv.create(VENV, with_pip=True)
    pip = (PYTHON, "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    steps = (
        (*pip, "--require-hashes", "-r", "requirements.lock"),
        (*pip, "--no-deps", "--no-build-isolation", "--editable", "."),
    )
    for step in steps:
        if run(*step):
            sys.exit("the environment could not be set up; the message above says why")
    READY.write_text(wanted(), encoding="utf-8")


def demo(*, keep: bool = False) -> int:
    """Write the demo's report; with `keep` also as reports/demo, the page, the numbers and the README's curve."""
    code = run(BIN / "tendon-outcomes", "demo", "build/demo", "--force")
    if keep and not code:
        made = next((ROOT / "build/demo/study/reports").iterdir())
        kept = ROOT / "reports/demo"
        for name in ("report.html", "results.json"):
            (kept / name).write_bytes((made / name).read_bytes())
        page = (made / "report.html").read_text(encoding="utf-8")
        drawing = page[page.index("<svg") : page.index("</svg>") + len("</svg>")]
        svg = drawing.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
        (kept / "pain_free_running.svg").write_text(svg, encoding="utf-8", newline="\n")
    return code


def test(*arguments: str) -> int:
    return run(PYTHON, "-m", "pytest", "-n", str(min(4, os.cpu_count() or 1)), "-q", *arguments)


def check() -> int:
    steps = (
        (BIN / "ruff", "format", "--check", "."),
        (BIN / "ruff", "check", "."),
        (BIN / "lint-imports",),
        (BIN / "mypy",),
    )
    codes = [run(*step) for step in steps]
    return int(any(codes))  # a step that a signal ended has a negative code


def main(arguments: list[str]) -> int:
    """Run one command; the exit code is the command's."""
    scripts = {"gate": "tests/gate.py", "oracle": "tests/reference/regenerate.py", "bench": "benchmarks/run.py"}
    match arguments:
        case ["lock"]:
            if shutil.which("uv") is None:
                sys.exit("uv is needed to make the lock: install it, or leave requirements.lock as it is")
            return run(*LOCK_COMMAND.split())
        case ["demo", *rest] if rest in ([], ["--keep"]):
            set_up()
            return demo(keep=bool(rest))
        case ["test", *rest]:
            set_up()
            return test(*rest)
        case ["check"]:
            set_up()
            return check()
        case ["codebook"]:
            set_up()
            return run(PYTHON, "-m", "tests.spec.codebook")
        case [name, *rest] if name in scripts:
            set_up()
            return run(PYTHON, scripts[name], *rest)
        case _:
            print(__doc__, file=sys.stderr)
            return 0 if arguments in ([], ["--help"]) else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
