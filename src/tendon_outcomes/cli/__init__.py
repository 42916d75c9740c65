"""Arguments, progress, exit codes."""

import sys

from tendon_outcomes.cli.app import app
from tendon_outcomes.cli.terminal import guarded


def main() -> None:
    """Entry point of the command `tendon-outcomes`."""
    sys.exit(guarded(app))
