"""Gate row `oracle`: our estimators against the frozen numbers of R, area by area; at least 2,000 numbers."""

from __future__ import annotations

import sys

from regenerate import report_comparisons

AT_LEAST = 2_000


def main() -> int:
    compared, off, worst = report_comparisons()
    print(f"{compared} numbers compared, {off} off by more than their tolerance, worst {worst:.1e} where none is loose")
    return 0 if compared >= AT_LEAST and not off else 1


if __name__ == "__main__":
    sys.exit(main())
