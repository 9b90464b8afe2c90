"""Documents whose Python runs as it is written."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def text_of(name):
    return (DOCS / name).read_text("utf-8")


def run(name):
    """What the document's blocks define, run one after the other."""
    names = {}
    for block in re.findall(r"```python\n(.*?)```", text_of(name), re.DOTALL):
        exec(compile(block, f"docs/{name}", "exec"), names)
    return names
