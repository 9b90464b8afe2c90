"""A world with planted truth: synthetic pictures, a classifier that takes shortcuts, and a CLIP that knows its words.

Everything here is synthetic: drawings that resemble dermoscopy, made by a program. They are not medical data, and
nothing trained on them may be used on people. What the drawings are good for: it is known what is in every picture,
so it can be measured whether a search finds what is really there.

    lens = sl.demo.lens()                  # a fitted lens on the biased classifier, offline, in seconds
    lens.search("ruler")                   # which components respond to rulers?
    sl.demo.truth().auroc                  # which really do: [component factor]

The CLIP knows about a hundred words (``checkpoints/clip/words.txt``), the words of its own training captions:
searching here proves the pipeline, not open-vocabulary understanding. It does not understand negations.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from semlens_widgets.demo.factors import CLASS_NAMES, FACTORS, SPLITS, TEMPLATES, Factor, Split

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Bool

    from semlens_widgets.counterfactual import Pairs
    from semlens_widgets.demo.dataset import DemoImages, Normalise
    from semlens_widgets.demo.factors import Probabilities
    from semlens_widgets.demo.network import Classifier
    from semlens_widgets.demo.planted import Truth
    from semlens_widgets.demo.segmentation import Segmenter
    from semlens_widgets.demo.transformer import VisionTransformer
    from semlens_widgets.demo.world import Pictures
    from semlens_widgets.lens import Lens

__all__ = [
    "CLASS_NAMES",
    "FACTORS",
    "SPLITS",
    "TEMPLATES",
    "Factor",
    "checkpoints",
    "classifier",
    "clip_folder",
    "images",
    "lens",
    "pairs",
    "render",
    "segmenter",
    "series",
    "transform",
    "truth",
    "vit",
]

Which = Literal["biased", "unbiased", "weak"]
_CHECKPOINTS = Path(__file__).with_name("checkpoints")


def render(
    n: int,
    seed: int = 0,
    *,
    start: int = 0,
    size: int = 64,
    probabilities: Probabilities = SPLITS["independent"],
    flags: Bool[np.ndarray, "image factor"] | None = None,
) -> Pictures:
    """Pictures of an endless series, with all that is true about them.

    The value holds ``images`` (uint8 [image height width 3]), ``factors`` (bool [image factor], in the order of
    ``FACTORS``), ``masks`` (where each factor is visible, one bit each), ``labels`` and ``captions()``. Picture i
    depends on the seed and i only. Synthetic pictures, not medical data.

    Parameters
    ----------
    n
        How many.
    seed
        Of the series.
    start
        The number of the first.
    size
        Pixels, a multiple of 32.
    probabilities
        How often factors occur, see `SPLITS`.
    flags
        [image factor], overrides what is in the pictures and leaves everything else as it is: two calls that differ in
        one flag give counterfactual pairs of the same lesions.

    Returns
    -------
    Pictures
        Pictures and truth.

    Examples
    --------
    >>> drawn = sl.demo.render(5, seed=1)
    >>> drawn.images.shape
    (5, 64, 64, 3)
    """
    from semlens_widgets.demo import world

    return world.render(n, seed, start=start, size=size, probabilities=probabilities, flags=flags)


def images(n: int = 1000, seed: int = 0, split: Split = "independent", *, size: int = 64) -> DemoImages:
    """A torch data set of (PIL picture, label): 0 nevus, 1 melanoma. Drawn on first use, the same every time.

    ``split`` is one of ``SPLITS``: "independent" (every factor by itself: where truth is computed), "biased" (what the
    biased classifier was trained on: artefacts go with the diagnosis), "unbiased", "clean", "balanced", "reversed", and
    "weak": artefacts as often among nevi and melanomas as published counts over 2,594 dermoscopy pictures have them,
    which is nearly alike. Synthetic pictures, not medical data.

    Parameters
    ----------
    n
        How many.
    seed
        Of the series of pictures.
    split
        How factors go together: one of `SPLITS`.
    size
        Pixels, a multiple of 32.

    Returns
    -------
    DemoImages
        `len()`, and (picture, label) by number.

    Examples
    --------
    >>> data = sl.demo.images(10)
    >>> picture, label = data[0]
    >>> picture.size, label in (0, 1)
    ((64, 64), True)
    """
    from semlens_widgets.demo.dataset import DemoImages

    return DemoImages(n, seed, split, size)


def pairs(factor: str, n: int = 100, seed: int = 0, split: Split = "independent", *, size: int = 64) -> Pairs:
    """Pictures of a split, each with and without one factor and otherwise the same pixel by pixel:
    ``lens.counterfactual(sl.demo.pairs("ruler"))``.

    The same picture has the same nuisance values on both sides, so the difference is the factor alone, also for what no
    drawing on top could make, such as an irregular border. Synthetic pictures, not medical data.

    Parameters
    ----------
    factor
        The name of one of `FACTORS`, or its query, such as "coloured patch".
    n
        How many.
    seed
        Of the series of pictures.
    split
        How factors go together: one of `SPLITS`.
    size
        Pixels, a multiple of 32.

    Returns
    -------
    Pairs
        Both sides.

    Raises
    ------
    KeyError
        For another factor.

    Examples
    --------
    >>> len(sl.demo.pairs("ruler", 8))
    8
    """
    from semlens_widgets.counterfactual import Pairs
    from semlens_widgets.demo.dataset import DemoImages

    known = {called: one for one in FACTORS for called in (one.name, one.query)}
    if factor not in known:
        raise KeyError(f"no factor {factor!r}; there are {', '.join(one.name for one in FACTORS)}")
    one = known[factor]
    with_, without = (DemoImages(n, seed, split, size, {one.name: on}) for on in (True, False))
    return Pairs(with_, without, one.query)


def transform() -> Normalise:
    """What the classifier needs: PIL picture → normalised float tensor [3 64 64]. Pure, small, picklable.

    Examples
    --------
    >>> picture, _ = sl.demo.images(1)[0]
    >>> tuple(sl.demo.transform()(picture).shape)
    (3, 64, 64)
    """
    from semlens_widgets.demo.dataset import Normalise

    return Normalise()


def classifier(which: Which = "biased") -> Classifier:
    """A nevus-or-melanoma classifier in eval mode: half a million parameters, ``stem, layer1 … layer4, fc``.

    "biased" was fine-tuned on pictures where coloured patches mark nevi and rulers, ink and red skin mostly melanomas,
    and relies on them; "unbiased" saw the artefacts as often, but independent of the diagnosis; "weak" saw them as
    often among nevi and melanomas as published counts over dermoscopy pictures have them (see
    ``demo.factors.PUBLISHED_COUNTS``), and relies on them a little.

    Parameters
    ----------
    which
        "biased", "unbiased" or "weak".

    Returns
    -------
    Classifier
        A new module.

    Raises
    ------
    ValueError
        For another name.

    Examples
    --------
    >>> sl.demo.classifier("unbiased").training
    False
    """
    from semlens_widgets.demo.network import load_classifier

    return load_classifier(_CHECKPOINTS / f"classifier-{_checked(which)}.safetensors")


def segmenter() -> Segmenter:
    """A segmentation in eval mode: which of the planted parts ("lesion", "ruler", "patch", …) is visible where.

    ``stem, layer1 … layer4`` are those of the unbiased classifier, ``head`` a linear map at every place; it answers
    with {"out": [image part height width]}, and ``class_names`` says what the parts are. Each call gives a new module.

    Examples
    --------
    >>> "lesion" in sl.demo.segmenter().class_names
    True
    """
    from semlens_widgets.demo.segmentation import load

    return load(classifier("unbiased"))


def vit() -> VisionTransformer:
    """A small vision transformer in eval mode, trained as the biased classifier: nevus or melanoma, by shortcuts too.

    ``blocks.0 … blocks.3`` of 64 features with four heads and 256 hidden units each, a class token and 8 x 8 patches:
    ``sl.Heads("*")``, ``sl.Mlp("blocks.3")``, ``sl.layers(sl.demo.vit())``. Each call gives a new module.

    Returns
    -------
    VisionTransformer
        The module.

    Examples
    --------
    >>> [offer.ask for offer in sl.layers(sl.demo.vit()) if offer.kind == "heads"][-1]
    "sl.Heads('blocks.3.attn')"
    """
    from semlens_widgets.demo.transformer import FILE, load_vit

    return load_vit(_CHECKPOINTS / FILE)


def checkpoints() -> dict[str, Classifier]:
    """Ten moments of a training, by name ("step 0" … "step 300"): the unbiased classifier goes on with biased data.

    At first it looks at lesions; within some twenty steps of 128 pictures it has learned the shortcuts. Only layers 3,
    4 and ``fc`` change. Each call gives new modules, in eval mode.

    Examples
    --------
    >>> list(sl.demo.checkpoints())[0]
    'step 0'
    """
    from semlens_widgets.demo.checkpoint_series import load_series

    return load_series(_CHECKPOINTS / "classifier-unbiased.safetensors", _CHECKPOINTS / "classifier-series.safetensors")


def clip_folder() -> Path:
    """The folder of the demo's CLIP, an open_clip local folder: ``sl.OpenClip(sl.demo.clip_folder())``.

    ``words.txt`` in it lists the words it knows; other words would give vectors without meaning.

    Examples
    --------
    >>> (sl.demo.clip_folder() / "words.txt").exists()
    True
    """
    return _CHECKPOINTS / "clip"


def lens(
    which: Which = "biased",
    n: int = 1500,
    *,
    seed: int = 0,
    split: Split = "independent",
    layers: Sequence[str] = ("layer3", "layer4"),
    k: int = 20,
    progress: bool = True,
    **settings: Any,
) -> Lens:
    """A fitted lens on a demo classifier and freshly drawn pictures: offline, in seconds, nothing trained.

    Examples are whole pictures (``crop=None``): crops would hide size and outline, two of the twelve factors. Truth is
    ``truth(which)``. The result is cached like any other lens. Synthetic pictures, not medical data.

    Parameters
    ----------
    which
        The classifier.
    n
        How many pictures.
    seed
        Of the series of pictures.
    split
        How factors go together: one of `SPLITS`.
    layers
        Which of ``layer1 … layer4``.
    k
        Examples of each component.
    progress
        Show bars.
    **settings
        Those of `sl.Lens`, for example `centre=True` or `crop="activation"`.

    Returns
    -------
    Lens
        The lens.

    Examples
    --------
    >>> small = sl.demo.lens("unbiased", n=100, progress=False)
    >>> small.components.layers
    ('layer3', 'layer4')
    """
    from semlens_widgets.clip import OpenClip
    from semlens_widgets.images import images as data
    from semlens_widgets.lens import Lens

    settings = {
        "crop": None, "name": f"demo, {_checked(which)} classifier", "templates": TEMPLATES,
        "vocabulary": tuple(factor.query for factor in FACTORS), **settings,
    }  # fmt: skip
    pictures = data(images(n, seed, split), transform=transform(), classes=CLASS_NAMES)
    made = Lens(classifier(which), pictures, list(layers), OpenClip(clip_folder()), k=k, **settings)
    return made.fit(progress=progress)


def series(
    n: int = 400,
    *,
    only: Sequence[str] | None = None,
    seed: int = 0,
    split: Split = "independent",
    layers: Sequence[str] = ("layer4",),
    k: int = 20,
    relevance: bool = True,
    progress: bool = True,
    **settings: Any,
) -> dict[str, Lens]:
    """A fitted lens on each of ``checkpoints()``, over the same pictures: ``sl.compare_many(sl.demo.series())``.

    Every picture goes through the CLIP once for all. Synthetic pictures, not medical data.

    Parameters
    ----------
    n
        How many pictures.
    only
        The moments wanted; all unless given.
    seed, split, layers, k
        As for `lens`.
    relevance
        Each lens knows how much its components move its predictions.
    progress, **settings
        As for `lens`.

    Returns
    -------
    dict[str, Lens]
        A lens for each moment, in the order of the training.

    Raises
    ------
    ValueError
        For a moment there is not.

    Examples
    --------
    >>> moments = sl.demo.series(n=60, only=["step 0"], relevance=False, progress=False)
    >>> list(moments)
    ['step 0']
    """
    from semlens_widgets.demo.checkpoint_series import RememberingClip
    from semlens_widgets.images import images as data
    from semlens_widgets.lens import Lens

    models = checkpoints()
    if unknown := set(only or ()) - set(models):
        raise ValueError(f"no moment {', '.join(sorted(unknown))} in the series; there are {', '.join(models)}")
    settings = {
        "crop": None, "templates": TEMPLATES, "vocabulary": tuple(factor.query for factor in FACTORS), **settings,
    }  # fmt: skip
    pictures = data(images(n, seed, split), transform=transform(), classes=CLASS_NAMES)
    clip = RememberingClip(clip_folder())
    return {
        name: Lens(model, pictures, list(layers), clip, k=k, **{"name": name, **settings}).fit(
            relevance=relevance, progress=progress
        )
        for name, model in models.items()
        if only is None or name in only
    }


@functools.cache
def truth(which: Which = "biased") -> Truth:
    """What the classifier's layers 3 and 4 really encode, measured on 2,000 pictures with independent factors.

    From an ``.auroc`` of .95 on, the component encodes the factor. ``.layer("layer4")`` is the part of one layer. Takes
    some seconds once per process.

    Parameters
    ----------
    which
        The classifier.

    Returns
    -------
    Truth
        ``.factors`` the query words, ``.components`` (layer, index) pairs, ``.auroc`` [component factor].

    Examples
    --------
    >>> "ruler" in sl.demo.truth().factors
    True
    """
    from semlens_widgets.demo.planted import measure_truth

    return measure_truth(classifier(which))


def _checked(which: str) -> str:
    if which not in get_args(Which):
        raise ValueError(f"no classifier {which!r}; there are {', '.join(map(repr, get_args(Which)))}")
    return which
