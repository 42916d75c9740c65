"""Gate row `estimators_vs_r`: our estimators against the frozen numbers from R."""

from __future__ import annotations

import sys

from regenerate import compare_frozen


def main() -> int:
    compared, off, worst = compare_frozen()
    print(f"{compared} numbers compared, {off} off by more than 1e-10, worst {worst:.1e}")
    return 0 if compared and not off else 1


if __name__ == "__main__":
    sys.exit(main())
