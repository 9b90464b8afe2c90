"""To and from others: semanticlens' concept databases, CLIP-Dissect's labels, crops as a folder of images."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load_file

from .components import Component
from .session import Session
from .space import SemanticSpace
from .texts import from_csv, read_text, to_csv, whole_number
from .writing import file_names, write_bytes, write_text


def concept_database(path: str | os.PathLike[str]) -> dict[str, Float[np.ndarray, "component example dim"]]:
    """The embeddings in a concept database of semanticlens (`concept_db-….safetensors`), by layer.

    They go into `clarity`, `redundancy` and `polysemanticity` as they are. Such a file says neither which images the
    examples are nor which CLIP made it, and holds no random images to weigh answers by: it is no lens.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    dict[str, float array [component example dim]]
        Unit vectors by layer, [component example dim].

    Raises
    ------
    ValueError
        For a file of another kind.

    Examples
    --------
    >>> from safetensors.numpy import save_file
    >>> save_file({"layer4": lens.space.embeddings_of(slice(0, 3))}, "concept_db-demo.safetensors")
    >>> sl.concept_database("concept_db-demo.safetensors")["layer4"].shape[0]
    3
    """
    try:
        tensors = load_file(os.fspath(path))
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no safetensors file that can be read here: {error}") from error
    wrong = {name: array.shape for name, array in tensors.items() if array.ndim != 3}
    if wrong or not tensors:
        name, shape = next(iter(wrong.items()), ("nothing", ()))
        raise ValueError(
            f"{path} is no concept database of semanticlens: it holds {name} {list(shape)}, needed is "
            "[component example dim] per layer; a .semlens file is opened by sl.open"
        )
    return {name: array.astype(np.float32) for name, array in sorted(tensors.items())}


def dissect_labels(path: str | os.PathLike[str]) -> dict[str, str]:
    r"""The labels of a CLIP-Dissect run (`descriptions.csv`: layer, unit, description), by component.

    `lens.own_labels = dissect_labels(path)` shows them in every window, where the layers have the same names.

    Parameters
    ----------
    path
        `descriptions.csv`, as CLIP-Dissect writes it.

    Returns
    -------
    dict[str, str]
        Words by component, as "layer4:57".

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("descriptions.csv").write_text("layer,unit,description,similarity\nlayer4,57,ruler,0.3\n")
    >>> sl.dissect_labels("descriptions.csv")
    {'layer4:57': 'ruler'}
    """
    rows = from_csv(read_text(path))
    missing = [name for name in ("layer", "unit", "description") if not rows or name not in rows[0]]
    if missing:
        raise ValueError(
            f"{path} has no column {missing[0]!r}; CLIP-Dissect writes layer, unit, description, similarity"
        )
    labels = {}
    for line, row in enumerate(rows, start=2):
        unit = whole_number(row["unit"].strip())
        if unit is None:
            raise ValueError(f"{path}, line {line}: the unit is {row['unit'][:80]!r}, needed is a number")
        labels[str(Component(row["layer"].strip(), unit))] = row["description"].strip()
    return labels


def export_crops(
    lens: Session | SemanticSpace,
    folder: str | os.PathLike[str],
    components: Sequence[int | str | Component] | None = None,
    *,
    examples: int = 10,
) -> Path:
    """Write the strongest examples of components as PNG files, and `crops.csv` about them.

    `layer4/0057/00.png` is the strongest example of layer4:57; crops are those of the original images where the data
    set is at hand, else the file's thumbnails (column `source`). Existing files are overwritten. Layers whose names are
    no names of folders, or the same on a disk without upper and lower case, have a hash in it.

    Parameters
    ----------
    lens
        A lens, or a bare space.
    folder
        Where they go; made where it is not there.
    components
        Which; all living ones unless given.
    examples
        How many of each.

    Returns
    -------
    Path
        The folder.

    Examples
    --------
    >>> folder = sl.export_crops(lens, "crops", ["layer4:57"], examples=2)
    >>> sorted(file.name for file in folder.rglob("*.png"))
    ['00.png', '01.png']
    """
    if examples < 1:
        raise ValueError(f"examples={examples}; at least one of each component")
    space = lens if isinstance(lens, SemanticSpace) else lens.space
    rows = np.flatnonzero(space.alive) if components is None else [space.components.row(c) for c in components]
    base, listed, folders = Path(folder), [], file_names(space.components.layers)
    for row in map(int, rows):
        component = space.components[row]
        place = Path(folders[component.layer], f"{component.index:04d}{component.sign}")
        (base / place).mkdir(parents=True, exist_ok=True)
        for rank in range(min(examples, int(space.examples.counts[row]))):
            image = int(space.examples.images[row, rank])
            file = place / f"{rank:02d}.png"
            write_bytes(base / file, _png(space.shown(row, rank)))
            listed.append({
                "file": file.as_posix(), "component": str(component), "rank": rank, "image": image,
                "name": space.image_name(image), "class": space.label(image),
                "response": float(space.examples.responses[row, rank]),
                "source": "thumbnail" if space.originals is None else "original",
            })  # fmt: skip
    write_text(base / "crops.csv", to_csv(listed))
    return base


def _png(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()
