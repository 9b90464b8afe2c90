"""What the JupyterLab extension asks a kernel: which lenses are alive in it?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .lens import Lens


def lenses(namespace: Mapping[str, Any]) -> str:
    """The lenses of a namespace as JSON text in ASCII, one entry per name that does not begin with "_".

    Each has `name`, `title` (the lens's own name), `layers`, `components` (0 before `fit`) and `fitted`.
    """
    alive = [
        {
            "name": name,
            "title": lens.name,
            "layers": list(lens.components.layers) if lens.fitted else [layer.name for layer in lens.source.layers],
            "components": len(lens.components) if lens.fitted else 0,
            "fitted": lens.fitted,
        }
        for name, lens in list(namespace.items())
        if isinstance(lens, Lens) and not name.startswith("_")
    ]
    return json.dumps(alive)
