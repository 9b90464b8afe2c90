"""What holds for every test: one torch thread, folders of its own, shapes checked as the signatures say."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# Before torch and Jupyter are imported: both read their environment once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test waits for a network

_home = Path(tempfile.mkdtemp(prefix="semlens-tests-"))
atexit.register(shutil.rmtree, _home, ignore_errors=True)
for _variable in (
    "XDG_CACHE_HOME",
    "HF_HOME",
    "TORCH_HOME",
    "MPLCONFIGDIR",
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
):
    os.environ[_variable] = str(_home / _variable.lower())
# One cache for all processes of a run, begun by the first of them: what one has fitted the others read.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["SEMLENS_CACHE"] = str(_home / "semlens_cache")

from jaxtyping import install_import_hook  # noqa: E402

install_import_hook("semlens_widgets", "beartype.beartype")

import hypothesis  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

# A busy machine is no fault of a test: how long its examples take to draw, or to run, says nothing.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("busy")

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


@pytest.fixture
def as_installed():
    """The package without the tests' type checks, to see what a user's mistake meets: our own messages."""
    import jaxtyping

    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
