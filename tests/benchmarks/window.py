"""The window in Chromium, measured: see `tests/e2e/measure_window.py`, which needs the fixtures that live there."""

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    measured = Path(__file__).parents[1] / "e2e" / "measure_window.py"
    sys.exit(pytest.main(["-q", "-s", "-p", "no:cacheprovider", "-k", "usual", str(measured)]))
