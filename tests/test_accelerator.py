"""Every verb keeps to the device its model is on: the claims of `on_the_accelerator.py`, in a process of their own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

CLAIMS = Path(__file__).with_name("on_the_accelerator.py")


def test_every_verb_runs_on_an_accelerator_and_answers_as_on_the_cpu():
    """A device that torch was told of stays for the process, hence another one."""
    if not hasattr(pytest.importorskip("torch.utils.backend_registration"), "_setup_privateuseone_for_python_backend"):
        pytest.skip("this torch cannot be told of a device in Python")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(CLAIMS)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=540, cwd=CLAIMS.parent.parent)
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2_000:]
    assert int(re.search(r"(\d+) passed", run.stdout)[1]) > 40
