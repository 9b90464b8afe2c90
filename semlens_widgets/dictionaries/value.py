"""The value: a dictionary that was learned here, what is known of it, and how it is kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Bool, Float

from .. import texts
from ..model import Layer, Place
from ..model.dictionary import OURS
from ..vectors import frozen
from ..writing import replacing
from .stability import Stability, stability

if TYPE_CHECKING:
    from ..model.sparse import Dictionary

By = Literal["topk", "nmf", "pca", "kmeans"]
CODES = {"topk": "topk", "pca": "linear", "nmf": "nonnegative", "kmeans": "nearest"}  # what makes the codes of each
_WEIGHTS = ("W_enc", "W_dec", "b_enc", "b_dec")


@dataclass(frozen=True, eq=False)
class LearnedDictionary:
    """A dictionary that `learn_dictionary` learned: `learned.layer`, or `sl.Layer("blocks.5", via=learned)`.

    Codes of "topk", "nmf" and "kmeans" are at least zero; those of "pca" have both signs, and its `layer` is signed.
    `sl.dictionary` reads the file that `save` writes as an encoder, `LearnedDictionary.open` as this value.

    Attributes
    ----------
    by
        How it was learned: "topk", "nmf", "pca" or "kmeans".
    asked
        The layer whose features it takes apart.
    weights
        W_enc [feature component], W_dec [component feature], b_enc and b_dec, under SAELens's names. Rows of W_dec have
        length one; those of "kmeans" lead from the features' mean to a centre.
    k
        Of "topk", how many codes a vector has.
    seed
        Of what was drawn.
    epochs
        How often every image was seen.
    losses
        [step], the share of variance that was not explained of each block of vectors, before it was learned from.
    density
        [component], the share of held-out vectors in which each code is not zero.
    explained
        The share of the held-out vectors' variance that decoding gives back.
    vectors, images
        How many were held out.
    stability
        The other seeds, where several were learned beside each other: what of this one they found, too.

    Examples
    --------
    >>> model, data = sl.demo.classifier(), sl.images(sl.demo.images(40), transform=sl.demo.transform())
    >>> learned = sl.learn_dictionary(model, data, "layer4", size=8, kind="pca", epochs=1, progress=False)
    >>> 0 < learned.explained < 1, learned.dead_share
    (True, 0.0)
    """

    by: str
    asked: Layer
    weights: Mapping[str, Float[np.ndarray, ...]] = field(repr=False)
    k: int | None
    seed: int
    epochs: int
    losses: Float[np.ndarray, " step"] = field(repr=False)
    density: Float[np.ndarray, " component"] = field(repr=False)
    explained: float
    vectors: int
    images: int
    stability: tuple[Stability, ...] = ()

    def __post_init__(self) -> None:
        shapes = {name: np.shape(self.weights[name]) for name in _WEIGHTS}
        size, features = shapes["W_dec"]
        if [shapes["W_enc"], shapes["b_enc"], shapes["b_dec"]] != [(features, size), (size,), (features,)]:
            raise ValueError(f"weights of shapes {shapes} are no dictionary")
        if self.density.shape != (size,):
            raise ValueError(f"density of shape {self.density.shape} for {size} latents")
        weights = {name: frozen(np.asarray(self.weights[name], np.float32)) for name in _WEIGHTS}
        object.__setattr__(self, "weights", MappingProxyType(weights))
        for name in ("losses", "density"):
            object.__setattr__(self, name, frozen(np.asarray(getattr(self, name), np.float32)))

    def __len__(self) -> int:
        return len(self.density)

    @property
    def layer(self) -> Layer:
        """The latents as a layer, under a name of its own: `blocks.5.topk:17`."""
        at = self.asked.place or Place(self.asked.name, given=False)
        name = f"{self.asked.name}.{self.by}"
        return replace(self.asked, name=name, via=self.semlens_encoder, signed=self.by == "pca", place=at)

    @cached_property
    def semlens_encoder(self) -> Dictionary:
        """The encoder as a torch module; what `via=` takes."""
        return encoder_of(CODES[self.by], self.weights, self.k, self.by != "nmf")

    @property
    def directions(self) -> Float[np.ndarray, "component feature"]:
        """What a code of 1 of each latent adds to the features."""
        return self.weights["W_dec"]

    @property
    def dead(self) -> Bool[np.ndarray, " component"]:
        """[component], those whose code was zero in all held-out vectors: of n, rarer than about 3 / n."""
        return self.density == 0

    @property
    def dead_share(self) -> float:
        """The part of the latents that is dead."""
        return float(self.dead.mean())

    @property
    def active(self) -> float:
        """How many codes of a vector are not zero, on average (L0)."""
        return float(self.density.sum(dtype=np.float64))

    def compare(self, other: LearnedDictionary) -> Stability:
        """What of this dictionary is in another one of the same layer.

        Parameters
        ----------
        other
            One that was learned by another seed, from other images or in another way. ValueError where it has other
            features.

        Returns
        -------
        Stability
            Each latent's nearest in the other, held against chance.
        """
        return stability(
            self.directions,
            other.directions,
            compared=~self.dead,
            among=~other.dead,
            names=(self._name, other._name),
            either_sign="pca" in (self.by, other.by),
        )

    @property
    def _name(self) -> str:
        return f"{self.by}, {len(self)} latents, seed {self.seed}"

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict for each latent: its number, density, whether it is dead, and of each other seed the nearest cosine
        and whether it is found again there."""
        rows: list[dict[str, Any]] = [
            {"latent": at, "density": float(density), "dead": bool(density == 0)}
            for at, density in enumerate(self.density)
        ]
        for number, one in enumerate(self.stability, start=1):
            for row, told in zip(rows, one.to_rows(), strict=True):
                row |= {f"cosine_{number}": told["cosine"], f"found_again_{number}": told["found_again"]}
        return rows

    def to_csv(self) -> str:
        """The rows as CSV text."""
        return texts.to_csv(self.to_rows())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write weights, density and losses as one safetensors file, all else in its header. No pickle.

        Parameters
        ----------
        path
            The file; one that is there is replaced.

        Returns
        -------
        Path
            Where it lies.
        """
        from safetensors.numpy import save_file

        arrays = {name: np.ascontiguousarray(value) for name, value in self.weights.items()}
        arrays |= {"density": np.array(self.density), "losses": np.array(self.losses)}
        with replacing(path) as temporary:
            save_file(arrays, str(temporary), {OURS: json.dumps(self._document())})
        return Path(path)

    def _document(self) -> dict[str, Any]:
        asked = self.asked
        tokens = asked.tokens if isinstance(asked.tokens, str) else [asked.tokens.start, asked.tokens.stop]
        place = asked.place and asdict(asked.place)
        return {
            "kind": self.semlens_encoder.kind, "k": self.k, "centred": self.semlens_encoder.centred, "by": self.by,
            "layer": {"name": asked.name, "axes": asked.axes, "tokens": tokens, "output": asked.output,
                      "grid": asked.grid, "place": place},
            "seed": self.seed, "epochs": self.epochs, "explained": self.explained, "vectors": self.vectors,
            "images": self.images,
        }  # fmt: skip

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> LearnedDictionary:
        """The value that `save` wrote, without its comparison with other seeds.

        Parameters
        ----------
        path
            The file. ValueError for any other.

        Returns
        -------
        LearnedDictionary
            As it was saved.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), "np") as file:
                told = json.loads((file.metadata() or {}).get(OURS) or "null")
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if told is None:
                raise ValueError("its header does not say what was learned")
            layer, tokens = told["layer"], told["layer"]["tokens"]
            place = layer["place"] and Place(**layer["place"])
            asked = Layer(
                layer["name"],
                axes=layer["axes"],
                tokens=slice(*tokens) if isinstance(tokens, list) else tokens,
                output=layer["output"],
                grid=layer["grid"],
                place=place,
            )
            numbers = {name: told[name] for name in ("by", "k", "seed", "epochs", "explained", "vectors", "images")}
            weights = {name: arrays[name] for name in _WEIGHTS}
            return cls(asked=asked, weights=weights, losses=arrays["losses"], density=arrays["density"], **numbers)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{Path(path).name!r} is no dictionary that was saved here ({error}); sl.dictionary reads others"
            ) from error

    def __repr__(self) -> str:
        few = f" of which {self.active:.1f} are active in a vector," if self.by != "pca" else ""
        return (
            f"<LearnedDictionary of {self.asked.name!r} by {self.by}: {len(self)} latents,{few} {self.explained:.1%} "
            f"of the variance explained, {self.dead_share:.1%} dead; on {self.vectors:,} vectors of {self.images:,} "
            "held-out images>"
        )

    def _repr_html_(self) -> str:
        quarter, half, most = np.quantile(self.density, (0.25, 0.5, 0.75))
        kept = f", {self.k} kept" if self.k is not None else ""
        rows = {
            "layer": self.asked.name,
            "learned by": f"{self.by}{kept}, seed {self.seed}, {texts.plural(self.epochs, 'epoch')}",
            "latents": f"{len(self):,}",
            "variance explained": f"{self.explained:.1%}",
            "active in a vector": f"{self.active:.2f}",
            "dead": f"{self.dead_share:.1%} (zero in {self.vectors:,} vectors of {self.images:,} held-out images)",
            "density": f"{half:.2%} in the middle, half of the latents from {quarter:.2%} to {most:.2%}",
        }
        if len(self.losses):
            rows["not explained while learning"] = f"{self.losses[0]:.1%} at first, {self.losses[-1]:.1%} at the end"
        for one in self.stability:
            rows[f"in {one.names[1]}"] = f"{one.share:.0%} found again (chance {one.null:.0%})"
        lines = "".join(f"<tr><td>{escape(name)}</td><td>{escape(told)}</td></tr>" for name, told in rows.items())
        return f"<table>{lines}</table>"


def encoder_of(kind: str, weights: Mapping[str, np.ndarray], k: int | None, centred: bool) -> Dictionary:
    """The weights as the encoder of a layer; `kind` and `centred` as in `sl.dictionary`."""
    import torch

    from ..model.sparse import Dictionary

    names = {"encoder": "W_enc", "decoder": "W_dec", "encoder_bias": "b_enc", "decoder_bias": "b_dec"}
    parts = {ours: torch.from_numpy(np.array(weights[name], np.float32)) for ours, name in names.items()}
    made = Dictionary(parts, kind, k, centred)
    made.eval()
    return made
