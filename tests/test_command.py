"""`semlens demo` and `sl.versions()`: a first minute without a checkout, and what a report of a bug says."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest

import semlens_widgets as sl
from semlens_widgets import __main__ as command

ROOT = Path(__file__).parents[1]


@pytest.fixture
def started(monkeypatch):
    """The command lines that would have been run."""
    lines = []

    def run(line, check):
        lines.append(line)
        return subprocess.CompletedProcess(line, 0)

    monkeypatch.setattr(command.subprocess, "run", run)
    monkeypatch.delenv("LAB", raising=False)
    return lines


def test_the_demo_is_jupyterlab_on_a_copy_of_the_quickstart(started, tmp_path):
    assert command.main(["demo", "--folder", str(tmp_path / "here"), "--no-browser"]) == 0
    copy = tmp_path / "here" / "quickstart.ipynb"
    assert copy.read_bytes() == (ROOT / "notebooks" / "quickstart.ipynb").read_bytes()
    nbformat.validate(nbformat.read(copy, as_version=4))
    (line,) = started
    assert line[:3] == [sys.executable, "-m", "jupyterlab"]
    assert "--ServerApp.ip=127.0.0.1" in line
    assert f"--ServerApp.root_dir={copy.parent}" in line
    assert "--LabApp.default_url=/lab/tree/quickstart.ipynb" in line
    assert "--no-browser" in line


def test_what_somebody_did_in_the_notebook_stays(started, tmp_path):
    (tmp_path / "quickstart.ipynb").write_text("mine")
    command.main(["demo", "--folder", str(tmp_path)])
    assert (tmp_path / "quickstart.ipynb").read_text() == "mine"
    assert "--no-browser" not in started[0]


@pytest.mark.parametrize(("arguments", "lab"), [(["demo", "--no-lab"], None), (["demo"], "no")])
def test_without_lab_the_main_job_runs_in_the_terminal(started, monkeypatch, arguments, lab):
    from semlens_widgets.demo import __main__ as job

    ran = []
    monkeypatch.setattr(job, "main", lambda: ran.append(True))
    if lab:
        monkeypatch.setenv("LAB", lab)
    assert command.main(arguments) == 0
    assert ran == [True]
    assert started == []


def test_a_missing_jupyterlab_is_named(started, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    assert command.main(["demo", "--folder", str(tmp_path)]) == 1
    assert "pip install jupyterlab" in capsys.readouterr().err
    assert started == []


def test_versions_name_what_a_report_needs_and_nobody():
    import torch

    lines = dict(re.split(r" {2,}| (?=\S+$)", line, maxsplit=1) for line in sl.versions().splitlines())
    assert lines["semlens-widgets"] == sl.__version__
    for name in ("torch", "open_clip_torch", "anywidget", "jupyterlab"):
        assert lines[name] == version(name)
    assert lines["python"] == sys.version.split()[0]
    elsewhere = torch.cuda.is_available() or torch.backends.mps.is_available()
    assert lines["device"].startswith("cpu") == (not elsewhere)
    assert str(Path.home()) not in sl.versions()
    assert os.uname().nodename not in sl.versions().split()


def test_a_library_that_is_not_there_is_said_to_be_so(monkeypatch):
    import importlib

    module = importlib.import_module("semlens_widgets.versions")
    monkeypatch.setattr(module, "_ASKED", ("no-such-library",))
    assert re.search(r"^no-such-library +not installed$", sl.versions(), re.M)


def test_the_command_prints_them(capsys):
    assert command.main(["versions"]) == 0
    assert capsys.readouterr().out == sl.versions() + "\n"
