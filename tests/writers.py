"""Several notebooks that edit one audit at the same time, each in a process of its own; and what of it was lost."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.audit.state import AuditState
from semlens_widgets.checklist import Concept
from semlens_widgets.session.auditing import exchange

_WORKER = """
import sys
sys.path[:0] = [{tests!r}]
from writers import work
work(int(sys.argv[1]), int(sys.argv[2]))
"""


def work(number, edits):
    """One notebook: edits of all kinds, of its own things and of things that all of them change."""
    data = sl.images(pictures(60), transform=to_pixels, labels=[i % 2 for i in range(60)], classes=("warm", "cold"))
    mine = sl.Lens(ColourNet(), data, ["colour"], ColourClip(), k=5, crop=None, templates=("{}",))
    mine.fit(progress=False)
    mine.auditor = f"person {number}"
    for step in range(edits):
        kind, name = step % 8, f"c{number}-{step}"
        if kind == 0:
            mine.checklist = mine.checklist.adding(Concept(name, ("red",), note=f"note {name}"), f"group {number}")
        elif kind == 1:
            mine.verdicts[f"@c{number}-{step - 1}"] = {"decision": "valid", "note": f"why {name}"}
        elif kind == 2:
            mine.verdicts[f"colour:{number}"] = {"decision": "spurious", "label": name}
        elif kind == 3:
            mine.own_labels = {**mine.own_labels, f"colour:{number}": name}
        elif kind == 4:
            before = mine.checklist[f"c{number}-{step - 4}"]
            mine.checklist = mine.checklist.replacing(before.name, replace(before, prompts=(*before.texts, "blue")))
        elif kind == 5:
            mine.checklist = mine.checklist.moving(f"c{number}-{step - 5}", "shared", kind="spurious")
        elif kind == 6:
            line = ("margin", "used", "min_effect")[number]
            work = mine.audit_session
            work.thresholds = replace(work.thresholds, **{line: (step + 1) / 10_000})
            exchange(mine)
        else:
            mine.checklist = mine.checklist.adding(Concept(f"gone{number}-{step}", ("red",)), "shared")
            mine.checklist = mine.checklist.without(f"gone{number}-{step}")


def lost(state, notebooks, edits):
    """What of the work of some notebooks is not in the file."""
    missing = []
    for number in range(notebooks):
        for step in range(edits):
            kind, name = step % 8, f"c{number}-{step}"
            if kind == 0:
                wanted = Concept(
                    name, ("red", "blue") if step + 4 < edits else ("red",), note=f"note {name}",
                    kind="spurious" if step + 5 < edits else "valid",
                )  # fmt: skip
                group = "shared" if step + 5 < edits else f"group {number}"
                there = name in state.checklist and state.checklist[name] == wanted
                if not there or state.checklist.group_of(name).name != group:
                    missing.append(name)
            elif kind == 1:
                missing += [name] * (f"why {name}" not in {v.note for v in state.verdicts.entries})
            elif kind == 2:
                missing += [name] * (name not in {v.label for v in state.verdicts.entries})
            elif kind == 7:
                missing += [name] * (f"gone{number}-{step}" in state.checklist)
        last = {kind: max((s for s in range(edits) if s % 8 == kind), default=None) for kind in (3, 6)}
        if last[3] is not None and state.own_labels[f"colour:{number}"] != f"c{number}-{last[3]}":
            missing.append(f"label {number}")
        line = ("margin", "used", "min_effect")[number]
        if last[6] is not None and getattr(state.thresholds, line) != (last[6] + 1) / 10_000:
            missing.append(line)
    return missing


def at_once(folder, notebooks, edits):
    """What is lost when so many processes edit one audit at the same time; none of them may fail."""
    env = os.environ | {"SEMLENS_CACHE": str(folder)}
    command = [sys.executable, "-c", _WORKER.format(tests=str(Path(__file__).parent))]
    subprocess.run([*command, "0", "0"], env=env, check=True)  # the space is made once, so that all begin together
    running = [
        subprocess.Popen([*command, str(number), str(edits)], env=env, stderr=subprocess.PIPE, text=True)
        for number in range(notebooks)
    ]
    for process in running:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
    (file,) = Path(folder).glob("*.audit.json")
    return lost(AuditState.from_file(file), notebooks, edits)
