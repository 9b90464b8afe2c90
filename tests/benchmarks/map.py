"""The map in Chromium, measured: see `tests/e2e/measure_map.py`, which needs the fixtures that live there."""

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    measured = Path(__file__).parents[1] / "e2e" / "measure_map.py"
    sys.exit(pytest.main(["-q", "-s", "-p", "no:cacheprovider", str(measured)]))
