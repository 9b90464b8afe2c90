"""What a report of a bug should say: versions, and the device that work runs on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

_ASKED = (
    "semlens-widgets", "torch", "torchvision", "open_clip_torch", "zennit", "numpy", "matplotlib", "umap-learn",
    "anywidget", "ipywidgets", "jupyterlab", "notebook", "marimo",
)  # fmt: skip


def versions() -> str:
    """One line for each: this package, what it stands on, Python, the system and the device. For reports of bugs.

    A library that is not installed is said to be so. It holds no name of a person, a folder or a machine.

    Examples
    --------
    >>> sl.versions().startswith("semlens-widgets")
    True
    """
    return "\n".join(f"{name:<16} {found}" for name, found in found_versions().items())


def found_versions() -> dict[str, str]:
    """The same by name."""
    lines = {name: _version(name) for name in _ASKED}
    lines |= {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    return lines | {"device": _device()}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _device() -> str:
    """What torch would compute on: the GPUs by name, else the processor and its threads."""
    import torch

    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
    if torch.backends.mps.is_available():
        return "mps"
    return f"cpu, {torch.get_num_threads()} threads"
