"""The oldest versions that pyproject.toml allows, one line each, as constraints for pip: `make test-oldest`."""

from __future__ import annotations

import sys
from pathlib import Path

from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lower_bound(line: str) -> str:
    """A dependency at the oldest version it may have. ValueError where none is said."""
    asked = Requirement(line)
    oldest = [bound.version for bound in asked.specifier if bound.operator == ">="]
    if len(oldest) != 1:
        raise ValueError(f"pyproject.toml says no oldest version of {asked.name}: {line!r}")
    return f"{asked.name}=={oldest[0]}"


def constraints() -> list[str]:
    """All that users install, at its oldest."""
    return [lower_bound(line) for line in tomllib.loads(PROJECT.read_text("utf-8"))["project"]["dependencies"]]


if __name__ == "__main__":
    sys.stdout.write("\n".join(constraints()) + "\n")
