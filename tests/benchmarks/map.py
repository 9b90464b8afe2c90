"""The map in Chromium, measured: see `tests/e2e/measure_map.py`."""

import runpy
from pathlib import Path

if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).parents[1] / "e2e" / "measure_map.py"), run_name="__main__")
