"""Every notebook runs from top to bottom, and is committed without outputs."""

import subprocess
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@every_notebook
def test_runs_from_top_to_bottom(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=540, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()  # raises with the failing cell's source and traceback
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code, "a notebook without code shows nothing"
    assert all(cell.execution_count for cell in code if cell.source.strip())


@every_notebook
def test_is_committed_without_outputs(path: Path) -> None:
    kept = [
        f"cell {number}"
        for number, cell in enumerate(committed(path).cells, start=1)
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count is not None)
    ]
    assert not kept, f"{path.name}: clear the outputs of {', '.join(kept)} before committing"


def committed(path: Path) -> Any:
    """The notebook as git has it, since JupyterLab saves outputs to disk; without git, as it lies on disk."""
    name = path.relative_to(ROOT).as_posix()
    shown = subprocess.run(["git", "show", f":{name}"], cwd=ROOT, capture_output=True, text=True, check=False)
    return nbformat.reads(shown.stdout if shown.returncode == 0 else path.read_text("utf-8"), as_version=4)
