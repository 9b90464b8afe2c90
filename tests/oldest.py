"""The oldest versions that pyproject.toml allows, one line each, as constraints for pip: `make test-oldest`.

    python tests/oldest.py            # of what users install
    python tests/oldest.py pytest …   # and of these, from the extra `test`
"""

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
    oldest = [bound.version for bound in asked.specifier if bound.operator in (">=", "==", "~=")]
    if len(oldest) != 1:
        raise ValueError(f"pyproject.toml says no oldest version of {asked.name}: {line!r}")
    return f"{asked.name}=={oldest[0]}"


def constraints(tools: list[str]) -> list[str]:
    """All run-time dependencies at their oldest, and of the tests' own those that are named."""
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    tests = {Requirement(line).name: line for line in project["optional-dependencies"]["test"]}
    return [lower_bound(line) for line in [*project["dependencies"], *(tests[name] for name in tools)]]


if __name__ == "__main__":
    sys.stdout.write("\n".join(constraints(sys.argv[1:])) + "\n")
