"""Targets of an embedding: how like it is to a text, or to another image."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from ..clip import Clip
from ..crops import cut
from ..fingerprints import fingerprint
from ..images import rgb
from ..keys import of_clip
from ..model import stack
from ..outputs import ask, embedding_in
from .goal import Asked, Goal
from .value import Target

if TYPE_CHECKING:
    import torch

_ITSELF = 1e-6
_SAME_TOWER = 0.8  # the least cosine of what model and CLIP make of one picture; they may cut it differently


@dataclass(frozen=True, eq=False, repr=False)
class Text(Target):
    """The likeness to a text: see `text`."""

    kind = "text"
    words: str
    by: Any = None

    @property
    def name(self) -> str:
        return f"text: {self.words}"

    @property
    def key(self) -> str:
        if isinstance(self.by, np.ndarray):
            by = hashlib.sha256(self.by.tobytes()).hexdigest()
        else:
            by = "" if self.by is None else of_clip(self.by) if isinstance(self.by, Clip) else fingerprint(self.by)
        return f"text {self.words!r} {by}"

    def __repr__(self) -> str:
        return f"sl.targets.text({self.words!r})"

    def bound(self, clip: Clip | None) -> Target:
        """With this CLIP, unless it has its own."""
        return self if self.by is not None or clip is None else replace(self, by=clip)

    def goal(self, asked: Asked) -> Goal:
        embedding = embedding_in(asked.answer, asked.output, 1)
        vector = self._vector(self.by if self.by is not None else asked.clip)
        if len(vector) != embedding.shape[1]:
            raise ValueError(
                f"the text's vector has {len(vector)} numbers and the model's embedding {embedding.shape[1]}: the "
                "model is not the image tower of this CLIP; give the one it belongs to, targets.text(…, by=…)"
            )
        by = self.by if self.by is not None else asked.clip
        if isinstance(by, Clip):
            _check_tower(by, embedding, asked)
        return LikenessGoal(self.name, asked.output, vector)

    def _vector(self, by: Any) -> Float[np.ndarray, " dim"]:
        if by is None:
            raise ValueError(
                f"whose text is {self.words!r}? Give the CLIP whose image tower the model is, "
                "targets.text(…, by=sl.OpenClip(…)), a function of texts, or the text's vector"
            )
        if isinstance(by, np.ndarray):
            return by
        known: Any = getattr(by, "unknown_words", None)
        unknown = known(self.words) if known else []
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: words that this CLIP never saw; use others")
        made = by.texts([self.words]) if isinstance(by, Clip) else by([self.words])
        return np.asarray(made.detach().cpu() if hasattr(made, "detach") else made, np.float32).reshape(-1)

    def document(self) -> dict[str, Any]:
        return {"kind": self.kind, "which": self.words}


@dataclass(frozen=True, eq=False, repr=False)
class Similarity(Target):
    """The likeness to another image: see `similarity`."""

    kind = "similarity"
    image: int | Image.Image

    @property
    def name(self) -> str:
        if isinstance(self.image, int):
            return f"likeness to image {self.image}"
        return f"likeness to {getattr(self.image, 'filename', '') or 'a picture'}"

    @property
    def key(self) -> str:
        if isinstance(self.image, int):
            return f"similarity {self.image}"
        return f"similarity {self.image.size} {self.image.mode} {hashlib.sha256(self.image.tobytes()).hexdigest()}"

    def __repr__(self) -> str:
        return f"sl.targets.similarity({self.image if isinstance(self.image, int) else 'picture'})"

    def goal(self, asked: Asked) -> Goal:
        images = asked.images
        if isinstance(self.image, int):
            if not 0 <= self.image < len(images):
                raise IndexError(f"image {self.image}; the data set has 0 to {len(images) - 1}")
            item = images.tensor(self.image)
        else:
            item = images.prepared(rgb(self.image, images.value_range))
        own = embedding_in(asked.answer, asked.output, 1)[0].detach().float().cpu().numpy()
        other = embedding_in(ask(asked.model, stack([item])), asked.output, 1)[0].detach().float().cpu().numpy()
        goal = LikenessGoal(self.name, asked.output, other)
        if asked.one and float(own @ goal.vector) > (1 - _ITSELF) * float(np.linalg.norm(own)):
            raise ValueError(
                "the embedding of the picture is that of the image it is held against: nothing makes it more like "
                "itself. Give another image"
            )
        return goal

    def document(self) -> dict[str, Any] | None:
        return {"kind": self.kind, "which": self.image} if isinstance(self.image, int) else None


class LikenessGoal(Goal):
    """The cosine of the embedding with a vector."""

    of_scores = False

    def __init__(self, name: str, output: Any, vector: np.ndarray) -> None:
        super().__init__(name)
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0:
            raise ValueError(f"the vector of {name} is zero or not finite")
        self.output, self.vector = output, np.asarray(vector, np.float32) / length

    def read(self, answer: Any, images: int) -> torch.Tensor:
        return embedding_in(answer, self.output, images)

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        import torch

        vector = torch.as_tensor(self.vector, device=given.device, dtype=given.dtype)
        return (given @ vector) / given.norm(dim=1).clamp(min=1e-12)


def is_tower(clip: Clip, embedding: torch.Tensor, picture: Image.Image) -> bool:
    """Whether an embedding [1 dim] of a model is what a CLIP makes of the same picture."""
    theirs = np.asarray(clip.images([picture])[0], np.float32)
    return len(theirs) == embedding.shape[1] and _cosine(embedding, theirs) >= _SAME_TOWER


def _cosine(embedding: torch.Tensor, theirs: np.ndarray) -> float:
    ours = embedding[0].detach().float().cpu().numpy()
    return float(ours @ theirs / max(float(np.linalg.norm(ours) * np.linalg.norm(theirs)), 1e-12))


def _check_tower(clip: Clip, embedding: torch.Tensor, asked: Asked) -> None:
    """ValueError where the model is not the image tower of a CLIP: where they see one picture differently."""
    cosine = _cosine(embedding, np.asarray(clip.images([cut(asked.picture, asked.window)])[0], np.float32))
    if cosine < _SAME_TOWER:
        raise ValueError(
            f"the model is not the image tower of {clip.name}: what they make of one picture has a cosine of "
            f"{cosine:.2f}. Give the CLIP that it belongs to, targets.text(…, by=sl.OpenClip(…)), and sl.images the "
            "transform of that CLIP"
        )


def text(words: str, by: Clip | Callable[[list[str]], Any] | np.ndarray | None = None) -> Target:
    """The image–text score of a CLIP's image tower: the cosine of its embedding and that of a text.

    Parameters
    ----------
    words
        The text as it is, such as "a photo of a dog".
    by
        The CLIP whose image tower the model is (`sl.OpenClip(…)`; None for the lens's own), a function that gives
        vectors [text dim] of texts, or the text's vector [dim]. A CLIP is held against the model on one picture.

    Returns
    -------
    Target
        The target.

    Raises
    ------
    ValueError
        Where the model is not the CLIP's image tower, or the CLIP does not know the words.

    Notes
    -----
    A cosine does not change with the embedding's length, so what speaks for a text and what speaks against it add up to
    about nothing: relevance tells what turned the embedding towards the text, which is what switching off shows.

    Examples
    --------
    >>> sl.targets.text("a photo of a dog").name
    'text: a photo of a dog'
    """
    if not isinstance(words, str) or not words.strip():
        raise ValueError(f"text({words!r}); needed is a text, such as 'a dog'")
    if by is not None and not isinstance(by, Clip) and not callable(by):
        by = np.array(by.detach().cpu() if hasattr(by, "detach") else by, np.float32).reshape(-1)
        by.flags.writeable = False
    return Text(words.strip(), by)


def similarity(image: int | np.integer | Image.Image) -> Target:
    """How like the model's embedding of a picture is to that of another image: their cosine.

    Parameters
    ----------
    image
        A number of the data set, or a PIL picture.

    Returns
    -------
    Target
        The target.

    Raises
    ------
    IndexError
        For a number that there is not.

    Examples
    --------
    >>> sl.targets.similarity(3).kind
    'similarity'
    """
    if isinstance(image, Image.Image):
        return Similarity(image.copy() if not getattr(image, "filename", "") else image)
    if isinstance(image, bool) or not isinstance(image, int | np.integer):
        raise TypeError(f"similarity to a {type(image).__name__}; give a number of the data set, or a PIL picture")
    return Similarity(int(image))
