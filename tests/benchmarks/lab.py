"""JupyterLab's start with the extension and without, in Chromium (see tests/e2e/measure_startup.py)."""

import runpy
from pathlib import Path

from _tables import particulars

if __name__ == "__main__":
    print(f"# The extension\n\n{particulars()}\n", flush=True)
    runpy.run_path(str(Path(__file__).parents[1] / "e2e" / "measure_startup.py"), run_name="__main__")
