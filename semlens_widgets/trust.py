"""What a `.semlens` file may have loaded: which CLIP, and what must be asked for first.

A file may come from anybody. The CLIP that it names is loaded without asking only if it is in open_clip's own list of
pretrained weights, or comes with this package. All else waits for a person to allow it: another repository of the
hub would be contacted, and a folder or checkpoint may be anyone's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from .clip import OpenClip
from .clip_folder import packaged_folder

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # as model names and tags of open_clip are: no path, no address
_KEYS = ({"packaged"}, {"folder"}, {"model"}, {"model", "pretrained"})  # of what `OpenClip.spec` gives
_SHOWN = 100  # characters of what a file asks for
_EXTRA = (
    ("name", str, "a text"),
    ("centre", bool, "true or false"),
    ("templates", list | tuple, "a list of texts"),
    ("vocabulary", list | tuple, "a list of words"),
    ("parts", dict, "documents by name"),
)


class FilesClip(NamedTuple):
    """The CLIP that a file names, or None and what to do about it."""

    clip: OpenClip | None
    missing: str = ""


def clip_of_file(spec: Any, *, trust: bool = False) -> FilesClip:
    """The CLIP that a file names in its `spec`, if it may be loaded. Nothing is loaded, looked up or contacted here.

    trust: take whatever it names, as `sl.open(path, trust=True)` does.

    ValueError for a spec that `OpenClip.spec` could not have given.
    """
    if spec is None:
        return FilesClip(None)
    if not isinstance(spec, Mapping) or set(spec) not in _KEYS or not all(isinstance(v, str) for v in spec.values()):
        raise ValueError(f"its CLIP is {_shown(spec)}, needed are a model and its weights, or a folder, by name")
    if "packaged" in spec:
        folder = packaged_folder(spec["packaged"])
        if folder is None:
            return FilesClip(None, f"its file asks for {_shown(spec['packaged'])}, and this package has no such CLIP")
        return FilesClip(OpenClip(folder))
    if not trust and set(spec) == {"model", "pretrained"} and all(_PLAIN.fullmatch(value) for value in spec.values()):
        return FilesClip(OpenClip.listed(spec["model"], spec["pretrained"]))
    if not trust:
        return FilesClip(None, _not_unasked(spec))
    clip = OpenClip.from_spec(spec)
    return FilesClip(clip, "" if clip else f"{_shown(_place(spec))}, which its file asks for, is not on this machine")


def _not_unasked(spec: Mapping[str, str]) -> str:
    given = ", ".join(repr(value) for value in ([spec["folder"]] if "folder" in spec else spec.values()))
    call = f"clip=sl.OpenClip({given})" if len(given) <= 2 * _SHOWN else "clip=sl.OpenClip(…)"
    return (
        f"its file asks for {_what(spec)}, which is not loaded unasked; if you trust it, give it, "
        f"sl.open(path, {call}), or allow what the file asks for, sl.open(path, trust=True)"
    )


def _what(spec: Mapping[str, str]) -> str:
    if "folder" in spec:
        return f"the folder {_shown(spec['folder'])}"
    if spec["model"].startswith("hf-hub:"):
        return f"{_shown(spec['model'])} from the hub"
    tag = f" with the weights {_shown(spec['pretrained'])}" if "pretrained" in spec else ""
    return f"the model {_shown(spec['model'])}{tag}"


def _place(spec: Mapping[str, str]) -> str:
    return spec.get("folder") or spec.get("pretrained") or spec["model"]


def _shown(value: Any) -> str:
    """For one line of a message: letters that would change how it reads are escaped."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def checked_extra(extra: Mapping[str, Any]) -> dict[str, Any]:
    """What a lens keeps in its file beside the space, as it must be. ValueError names what is wrong.

    A vocabulary is a list of words: as a text it would be the name of a file to read.
    """
    for name, kind, needed in _EXTRA:
        value = extra.get(name)
        if value is not None and not isinstance(value, kind):
            raise ValueError(f"its {name} is {_shown(value)}, needed is {needed}")
    for name in ("templates", "vocabulary"):
        odd = [text for text in extra.get(name) or () if not isinstance(text, str)]
        if odd:
            raise ValueError(f"its {name} hold {_shown(odd[0])}, needed are texts")
    parts: Mapping[str, Any] = extra.get("parts") or {}
    for name, document in parts.items():
        if not isinstance(document, dict):
            raise ValueError(f"its part {_shown(name)} is {_shown(document)}, needed is a document")
    return {name: value for name, value in extra.items() if value is not None}
