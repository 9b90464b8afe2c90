"""The door to open_clip: pictures and words become unit vectors in one space."""

from __future__ import annotations

import contextlib
import copy
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import numpy as np
from jaxtyping import Float
from PIL import Image

from . import hub
from .batching import LARGEST, SMALLEST, Batches, fitting, is_out_of_memory
from .clip_folder import hash_files, packaged_folder, read_files, tokenizer_of
from .texts import plural
from .vectors import frozen, unit

_OF_HUB = "hf-hub:"  # open_clip's prefix for models that bring their weights
_MOST_TEMPLATES, _LONGEST_TEMPLATE = 1000, 1000  # CLIP's own list for ImageNet has 80, of a few words
Precision = Literal["single", "half"]
TEMPLATES = ("{}", "a photo of {}", "an image of {}", "a close-up of {}")


@runtime_checkable
class Clip(Protocol):
    """What the engine asks of a multimodal model: a name that changes when its vectors would, and two towers.

    `images` (PIL pictures, RGB) and `texts` give float32 unit vectors [row dim], one row per picture or text, in the
    same space; windows call them from threads of their own. A model that knows only some words may also have
    `unknown_words(text) -> list[str]`. Any such object stands in for `OpenClip`; results made with clips of different
    names are never mixed.

    Examples
    --------
    >>> isinstance(sl.OpenClip(sl.demo.clip_folder()), sl.Clip)
    True
    """

    @property
    def name(self) -> str:
        """Changes when the vectors would."""

    def images(self, pictures: Sequence[Image.Image]) -> Float[np.ndarray, "image dim"]:
        """Unit vectors of PIL pictures, one row each.

        Parameters
        ----------
        pictures
            RGB.

        Returns
        -------
        float array [image dim]
            Float32, unit length.
        """

    def texts(self, texts: Sequence[str]) -> Float[np.ndarray, "text dim"]:
        """Unit vectors of texts, one row each.

        Parameters
        ----------
        texts
            Sentences.

        Returns
        -------
        float array [text dim]
            Float32, unit length, in the space of the pictures.
        """


@runtime_checkable
class PreparingClip(Clip, Protocol):
    """A Clip whose preparation of a picture can run in threads of its own, apart from the image tower."""

    @property
    def batch_size(self) -> int: ...

    def prepare(self, picture: Image.Image) -> Any: ...

    def embed_prepared(self, prepared: Sequence[Any]) -> Float[np.ndarray, "image dim"]: ...


class OpenClip:
    """An open_clip model by name and pretrained tag, by name and checkpoint file, or by local folder.

    `OpenClip("MobileCLIP2-S2", "dfndr2b")` downloads the weights on first use, `OpenClip("hf-hub:owner/model")` model
    and weights; a folder holds `open_clip_config.json` and `open_clip_model.safetensors` (and may hold `bpe.txt.gz`, a
    vocabulary of its own, and `words.txt`, the only words it was trained on). Nothing is loaded before it is needed.

    Parameters
    ----------
    model
        A name of open_clip's list, "hf-hub:owner/model", or a folder.
    pretrained
        A tag of open_clip's list, or a checkpoint file.
    device
        Where it runs, "cuda" or "cpu"; None takes a GPU where there is one.
    batch_size
        Pictures per pass; None fits their number to the model's input size, on a GPU to its free memory. Where memory
        runs out all the same, it is halved.
    precision
        "half" halves the model's memory and time on a GPU; vectors then differ in the third digit, and the recipe of a
        space says so. Words and pictures of both precisions may be compared.

    Raises
    ------
    FileNotFoundError
        Where there is no such folder.
    ValueError
        For a model without weights, or half precision on a CPU.
    RuntimeError
        When it is first used and cannot be loaded; says what to give instead.

    Examples
    --------
    >>> clip = sl.OpenClip(sl.demo.clip_folder())
    >>> clip.texts(["ruler", "hair"]).shape
    (2, 128)
    >>> clip.unknown_words("a gauge of ruler")
    ['gauge']
    """

    def __init__(
        self,
        model: str | Path,
        pretrained: str | Path | None = None,
        *,
        device: str | None = None,
        batch_size: int | None = None,
        precision: Precision = "single",
    ) -> None:
        if precision not in get_args(Precision):
            raise ValueError(f"precision={precision!r}; choose {' or '.join(map(repr, get_args(Precision)))}")
        if precision == "half" and device is not None and device.startswith("cpu"):
            raise ValueError("precision='half' is for a GPU; on the CPU it is slower, so leave it out")
        self.precision = precision
        folder = Path(str(model).removeprefix("local-dir:"))
        self._only_listed = False
        self._model_name, self._pretrained = str(model), None if pretrained is None else str(pretrained)
        self._device, self._batch_size = device, batch_size
        of_hub = self._model_name.startswith(_OF_HUB)
        self.folder = folder if (folder / "open_clip_config.json").is_file() else None
        if self.folder is None and not of_hub and ("/" in self._model_name or folder.exists()):
            raise FileNotFoundError(
                f"{self._model_name!r} is no folder with open_clip_config.json; give such a folder, or a model name "
                "and pretrained tag such as OpenClip('ViT-B-32', 'laion2b_s34b_b79k')"
            )
        if self.folder is None and not of_hub and pretrained is None:
            raise ValueError(
                f"OpenClip({self._model_name!r}) would have random weights; give a pretrained tag or checkpoint file, "
                "as in OpenClip('ViT-B-32', 'laion2b_s34b_b79k')"
            )

    @classmethod
    def listed(cls, model: str, pretrained: str) -> OpenClip:
        """A model and tag of open_clip's own list and nothing else: no folder or file that happens to be called so.

        Parameters
        ----------
        model
            Its name.
        pretrained
            Its tag.

        Returns
        -------
        OpenClip
            The CLIP; nothing is loaded yet.

        Raises
        ------
        RuntimeError
            When it is first used and the list has no such pair.
        """
        made = cls.__new__(cls)
        made._model_name, made._pretrained, made._only_listed = model, pretrained, True
        made._device, made._batch_size, made.folder, made.precision = None, None, None, "single"
        return made

    def __repr__(self) -> str:
        return f"OpenClip({self.name!r})"

    @cached_property
    def name(self) -> str:
        """Model and weights in one line; for local weights with a hash of their content."""
        if self._only_listed:
            return f"{self._model_name}/{self._pretrained}"
        if self.folder is not None:
            return f"{self.folder.name}@{hash_files(read_files(self.folder))}"
        if (file := self._checkpoint) is not None:
            return f"{self._model_name}/{file.name}@{hash_files([file])}"
        return self._model_name if self._pretrained is None else f"{self._model_name}/{self._pretrained}"

    @property
    def _checkpoint(self) -> Path | None:
        """The checkpoint file, if the weights are one. A tag of open_clip's list is a tag, whatever file lies here."""
        file = None if self._pretrained is None or self._only_listed else Path(self._pretrained)
        if file is None or not file.is_file():
            return None
        if file.name == self._pretrained:
            import open_clip

            if open_clip.get_pretrained_cfg(self._model_name, self._pretrained):
                return None
        return file

    def called(self, name: str) -> OpenClip:
        """The same under another name, where that speaks of the same weights in a folder that was called otherwise.

        Parameters
        ----------
        name
            What to call it.

        Returns
        -------
        OpenClip
            The same weights under that name.
        """
        _, at, weights = self.name.rpartition("@")
        wanted = name.rpartition("@")[2]
        if not at or name == self.name or (wanted != weights and wanted != self._hash_of_all):
            return self
        other = copy.copy(self)
        vars(other).update(vars(self), name=name)  # what is loaded, too
        return other

    @cached_property
    def _hash_of_all(self) -> str | None:
        """The hash of all files of the folder, its README among them, by which older files know it."""
        return None if self.folder is None else hash_files(sorted(p for p in self.folder.iterdir() if p.is_file()))

    @property
    def spec(self) -> dict[str, str]:
        """What `from_spec` needs to make it again; a folder inside this package is named from there."""
        if self.folder is None:
            return {"model": self._model_name} | ({"pretrained": self._pretrained} if self._pretrained else {})
        folder = self.folder.resolve()
        here = Path(__file__).resolve().parent
        return (
            {"packaged": folder.relative_to(here).as_posix()}
            if folder.is_relative_to(here)
            else {"folder": str(folder)}
        )

    @classmethod
    def from_spec(cls, spec: Mapping[str, str]) -> OpenClip | None:
        """The same CLIP again, or None where its folder or checkpoint is not on this machine.

        Whatever the spec names is taken; for one from a file see `semlens_widgets.trust`.

        Parameters
        ----------
        spec
            What `spec` gave.

        Returns
        -------
        OpenClip or None
            The CLIP, or None.
        """
        if "model" in spec:
            tag = spec.get("pretrained")
            if tag is None:
                return cls(spec["model"])
            return cls(spec["model"], tag) if Path(tag).is_file() or not Path(tag).is_absolute() else None
        folder = packaged_folder(spec["packaged"]) if "packaged" in spec else Path(spec["folder"])
        return cls(folder) if folder is not None and (folder / "open_clip_config.json").is_file() else None

    @cached_property
    def words(self) -> frozenset[str] | None:
        """The words the model was trained on, lower case, where it says so; None when any word may be asked."""
        listed = self.folder / "words.txt" if self.folder else None
        if listed is None or not listed.is_file():
            return None
        return frozenset(listed.read_text(encoding="utf-8").lower().split())

    def unknown_words(self, text: str) -> list[str]:
        """The words of a text that the model never saw, in order; their vectors would mean nothing.

        Parameters
        ----------
        text
            A word or sentence.

        Returns
        -------
        list[str]
            None of them: the text may be asked.
        """
        if self.words is None:
            return []
        spoken = re.findall(r"[^\W_]+(?:['’][^\W_]+)?", text.lower())
        return [w for w in dict.fromkeys(spoken) if w not in self.words]

    def load(self) -> OpenClip:
        """Load now what is otherwise loaded, and may fail, at first use.

        Returns
        -------
        OpenClip
            The CLIP itself.
        """
        self._loaded  # noqa: B018
        return self

    @property
    def is_loaded(self) -> bool:
        """Whether the model is in memory, so that asking it costs little."""
        return "_loaded" in vars(self)

    def run_on(self, device: str) -> None:
        """Run on that device from now on.

        Parameters
        ----------
        device
            Such as "cuda:1".
        """
        self._device = device
        if "_loaded" in vars(self):
            self._loaded[0].to(device)

    @property
    def on_cpu(self) -> bool:
        """Whether it runs on this machine's processors."""
        return next(self._loaded[0].parameters()).device.type == "cpu"

    def __getstate__(self) -> dict[str, Any]:
        """Without what is loaded, which another process loads by itself."""
        return {name: value for name, value in vars(self).items() if name not in ("_loaded", "_torch")}

    def images(self, pictures: Sequence[Image.Image]) -> Float[np.ndarray, "image dim"]:
        """Unit vectors of PIL pictures.

        Parameters
        ----------
        pictures
            Of any size.

        Returns
        -------
        float array [image dim]
            A row each.

        Raises
        ------
        ValueError
            For none.
        """
        if not len(pictures):
            raise ValueError("no picture to embed")
        size = self.batch_size
        blocks = (pictures[start : start + size] for start in range(0, len(pictures), size))
        return np.concatenate([self.embed_prepared([self.prepare(p) for p in block]) for block in blocks])

    def prepare(self, picture: Image.Image) -> Any:
        """One picture as the image tower's input tensor; safe to call from several threads.

        Parameters
        ----------
        picture
            PIL, of any size.

        Returns
        -------
        Any
            A tensor [channel height width].
        """
        return self._loaded[1](picture)

    @property
    def preparation(self) -> Callable[[Image.Image], Any]:
        """`prepare` as a function without the model: what goes to processes that read pictures."""
        prepare: Callable[[Image.Image], Any] = self._loaded[1]
        return prepare

    def embed_prepared(self, prepared: Sequence[Any]) -> Float[np.ndarray, "image dim"]:
        """The image tower on prepared pictures, as one batch, or several where memory does not hold one.

        Parameters
        ----------
        prepared
            What `prepare` gave.

        Returns
        -------
        float array [image dim]
            Unit vectors, a row each.
        """
        return unit(np.concatenate(self._batches.run(self._encoded, list(prepared))))

    def _encoded(self, prepared: Sequence[Any]) -> Float[np.ndarray, "image dim"]:
        torch, model = self._torch, self._loaded[0]
        with torch.inference_mode():
            batch = torch.stack(list(prepared))
            parameter = next(model.parameters())
            kind = torch.float16 if self.precision == "half" else parameter.dtype
            vectors: np.ndarray = model.encode_image(batch.to(parameter.device, kind)).float().cpu().numpy()
        return vectors

    @cached_property
    def _batches(self) -> Batches:
        return Batches()

    @cached_property
    def batch_size(self) -> int:
        """Pictures per batch: as given; else so many that a GPU's memory holds them, and on the CPU so many that their
        inputs stay below 6 MB; from 8 to 256."""
        if self._batch_size is not None:
            return self._batch_size
        one = self.prepare(Image.new("RGB", (64, 64)))
        measured = _memory_of(self._torch, next(self._loaded[0].parameters()).device, self._encoded, [one] * SMALLEST)
        if measured is not None:
            return fitting(*measured)
        return int(np.clip(6e6 / (4 * int(np.prod(one.shape))), SMALLEST, LARGEST))

    def texts(self, texts: Sequence[str]) -> Float[np.ndarray, "text dim"]:
        """Unit vectors of texts.

        Parameters
        ----------
        texts
            As they are; templates are the caller's.

        Returns
        -------
        float array [text dim]
            A row each.
        """
        blocks = (list(texts[start : start + 256]) for start in range(0, len(texts), 256))
        parts = [part for block in blocks for part in self._batches_of_texts.run(self._read, block)]
        return unit(np.concatenate(parts))

    @cached_property
    def _batches_of_texts(self) -> Batches:
        return Batches()

    def _read(self, texts: Sequence[str]) -> Float[np.ndarray, "text dim"]:
        torch, (model, _, tokenizer) = self._torch, self._loaded
        with torch.inference_mode():
            tokens = tokenizer(list(texts)).to(next(model.parameters()).device)
            vectors: np.ndarray = model.encode_text(tokens).float().cpu().numpy()
        return vectors

    @cached_property
    def _torch(self) -> Any:
        import torch

        return torch

    @cached_property
    def _loaded(self) -> tuple[Any, Any, Any]:
        import open_clip

        if self._only_listed and not open_clip.get_pretrained_cfg(self._model_name, self._pretrained):
            raise RuntimeError(
                f"the file asks for the CLIP {self.name!r}, which is not in open_clip's list of pretrained models and "
                "is not loaded unasked; if you trust it, give it, sl.open(path, "
                f"clip=sl.OpenClip({self._model_name!r}, {self._pretrained!r}))"
            )
        cut_off = hub.unreachable() if self._asks_hub(open_clip) else None
        device = self._device or ("cuda" if self._torch.cuda.is_available() else "cpu")
        if self.precision == "half" and device == "cpu":
            raise RuntimeError("precision='half' is for a GPU, and there is none here; leave it out")
        numbers = {"precision": "fp16"} if self.precision == "half" else {}
        with warnings.catch_warnings(), hub.kept_only() if cut_off else contextlib.nullcontext():
            warnings.simplefilter("ignore")
            try:
                if self.folder is not None:
                    model, _, prepare = open_clip.create_model_and_transforms(
                        f"local-dir:{self.folder}", **numbers
                    )
                    tokenizer = tokenizer_of(open_clip, self.folder)
                else:
                    model, _, prepare = open_clip.create_model_and_transforms(
                        self._model_name, pretrained=self._pretrained, **numbers
                    )
                    tokenizer = open_clip.get_tokenizer(self._model_name)
            except Exception as error:
                raise RuntimeError(self._why_not_loaded(open_clip, error, cut_off)) from error
        return model.eval().to(device), prepare, tokenizer

    def _asks_hub(self, open_clip: Any) -> bool:
        """Whether loading may download: weights, or the tokenizer of a text tower that is the hub's."""
        if self._model_name.startswith(_OF_HUB):
            return True
        own = self._model_name if self.folder is None else f"local-dir:{self.folder}"
        config = open_clip.get_model_config(own) or {}
        foreign = any(setting.startswith("hf_") for setting in config.get("text_cfg", {}))
        foreign |= str(config.get("vision_cfg", {}).get("timm_model_name", "")).startswith(("hf-hub:", "hf_hub:"))
        return foreign or self._pretrained in open_clip.list_pretrained_tags_by_model(self._model_name)

    def _why_not_loaded(self, open_clip: Any, error: Exception, cut_off: str | None) -> str:
        reason = cut_off if cut_off and hub.is_missing(error) else _first_line(error)
        what = f"cannot load the CLIP model {self._model_name!r}"
        if self.folder is not None:
            return f"{what} from its folder: {reason}; save it with open_clip's own folder layout"
        if self._model_name not in open_clip.list_models() and ":" not in self._model_name:
            return f"{what}: open_clip does not know it; open_clip.list_pretrained() lists what there is"
        if self._pretrained is None:
            return f"{what} from its hub: {reason}; without a network give a local folder"
        tags = open_clip.list_pretrained_tags_by_model(self._model_name)
        if self._pretrained not in tags and not Path(str(self._pretrained)).exists():
            return f"{what} with weights {self._pretrained!r}; its tags are {', '.join(tags) or 'none'}, or give a file"
        return (
            f"{what} with weights {self._pretrained!r}: {reason}; without a network give a checkpoint "
            "file, OpenClip(name, 'weights.pt'), or a local folder, OpenClip('folder')"
        )


def _memory_of(
    torch: Any, device: Any, run: Callable[[Sequence[Any]], Any], trial: Sequence[Any]
) -> tuple[int, float] | None:
    """(bytes that are free on a device, bytes that one item of a trial took), or None where it cannot be told."""
    if device.type != "cuda":
        return None
    try:
        run(trial[:1])  # libraries take what they need for good at first
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run(trial)
        used = (torch.cuda.max_memory_allocated(device) - before) / len(trial)
    except Exception as error:
        if is_out_of_memory(error):
            return None
        raise
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept, used


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


@dataclass(frozen=True, eq=False)
class Probes:
    """Named unit vectors to hold against a space.

    Parameters
    ----------
    names
        What each is called, such as "ruler".
    vectors
        Unit vectors, [probe dim].
    clip
        The name of the CLIP they come from: a space made with another one refuses them.
    unknown
        Per probe, the words its CLIP never saw; their vectors mean nothing.

    Examples
    --------
    >>> probes = sl.text_probes(sl.OpenClip(sl.demo.clip_folder()), ["ruler", "hair"])
    >>> probes.names, len(probes)
    (('ruler', 'hair'), 2)
    >>> probes.joined("both").names
    ('both',)
    """

    names: tuple[str, ...]
    vectors: Float[np.ndarray, "probe dim"]
    clip: str
    unknown: tuple[tuple[str, ...], ...] = field(default=())

    def __post_init__(self) -> None:
        vectors = np.asarray(self.vectors, np.float32)
        if vectors.ndim != 2 or len(vectors) != len(self.names):
            raise ValueError(f"{len(self.names)} names for vectors of shape {vectors.shape}; needed is [probe dim]")
        if not np.isfinite(vectors).all():
            raise ValueError("a probe vector has NaN or infinite entries")
        object.__setattr__(self, "vectors", frozen(vectors))
        object.__setattr__(self, "unknown", self.unknown or ((),) * len(self.names))

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Probes]:
        return (Probes((n,), self.vectors[i : i + 1], self.clip, (self.unknown[i],)) for i, n in enumerate(self.names))

    def away_from(self, others: Probes, name: str | None = None) -> Probes:
        """Each probe pushed away from the mean of `others`: unit(probe - unit(mean of others)).

        Parameters
        ----------
        others
            What to push away from.
        name
            What the result is called; by default what was done.

        Returns
        -------
        Probes
            As many probes, unit again.
        """
        pushed = unit(self.vectors - unit(others.vectors.mean(0)))
        names = tuple(name or f"{n}, " + ", ".join(f"-{o}" for o in others.names) for n in self.names)
        unseen = tuple(w for words in others.unknown for w in words)
        return Probes(names, pushed, self.clip, tuple(u + unseen for u in self.unknown))

    def joined(self, name: str | None = None) -> Probes:
        """All probes as one: the direction of their mean.

        Parameters
        ----------
        name
            What it is called; by default its parts.

        Returns
        -------
        Probes
            One probe.
        """
        unseen = tuple(dict.fromkeys(w for words in self.unknown for w in words))
        return Probes((name or ", ".join(self.names),), unit(self.vectors.mean(0, keepdims=True)), self.clip, (unseen,))


def checked_templates(templates: str | Sequence[str]) -> tuple[str, ...]:
    """Templates, or one, as a tuple. ValueError unless each has one `{}`, and no other brace.

    A template is text with one place in it, and no format string: one from a stranger's file could ask for widths of
    gigabytes, or for attributes.
    """
    listed = (templates,) if isinstance(templates, str) else tuple(templates)
    if not listed:
        raise ValueError("no template; the plainest is '{}'")
    if len(listed) > _MOST_TEMPLATES:
        raise ValueError(f"{len(listed):,} templates; at most {_MOST_TEMPLATES:,} are asked for each word")
    for template in listed:
        if not isinstance(template, str) or template.count("{}") != 1 or set("{}") & set(template.replace("{}", "")):
            raise ValueError(
                "a template has one {} for the query and no other brace, as in 'a photo of {}'; "
                f"not {template!r:.100}"
            )
        if len(template) > _LONGEST_TEMPLATE:
            raise ValueError(f"a template has {len(template):,} letters; a CLIP reads a sentence")
    return listed


def _filled(template: str, query: str) -> str:
    return template.replace("{}", query)


def text_probes(
    clip: Clip, queries: Sequence[str], templates: str | Sequence[str] = TEMPLATES, *, null: bool = True
) -> Probes:
    """Texts as probes: the mean over templates t of F(t(query)) - F(t("")), made unit.

    The vector of each empty template is subtracted from the same template's vector. (Dreyer et al. 2025, "search")

    Parameters
    ----------
    clip
        Whose text tower is asked.
    queries
        A probe each.
    templates
        Sentences with one `{}`; every query goes into every one.
    null
        False leaves the subtraction out.

    Returns
    -------
    Probes
        One probe for each query.

    Raises
    ------
    ValueError
        For an empty query, or none.

    Examples
    --------
    >>> probes = sl.text_probes(sl.OpenClip(sl.demo.clip_folder()), ["ruler"])
    >>> sl.search(lens.space, probes)[0].found
    True
    """
    queries, templates = list(queries), checked_templates(templates)
    if not queries:
        raise ValueError("no query: give a word or a list of words")
    for text in queries:
        if not isinstance(text, str) or not text.strip(" ,-\t\n"):
            raise ValueError(f"a query is a text with at least one word, not {text!r}")
    sentences = [[_filled(template, query) for template in templates] for query in queries]
    flat = _embedded(clip, "texts", [s for row in sentences for s in row])
    vectors = flat.reshape(len(queries), len(templates), -1)
    if null:
        vectors = vectors - _embedded(clip, "texts", [_filled(template, "") for template in templates])
    unseen: Callable[[str], list[str]] = getattr(clip, "unknown_words", lambda text: [])
    return Probes(tuple(queries), unit(vectors.mean(1)), clip.name, tuple(tuple(unseen(query)) for query in queries))


def image_probes(clip: Clip, pictures: Sequence[Image.Image], name: str = "image") -> Probes:
    """One probe from one or several pictures: the direction of their mean vector.

    Parameters
    ----------
    clip
        Whose image tower is asked.
    pictures
        PIL.
    name
        What the probe is called.

    Returns
    -------
    Probes
        One probe.

    Raises
    ------
    ValueError
        For no picture.

    Examples
    --------
    >>> pictures = [picture for picture, _ in sl.demo.images(3)]
    >>> sl.image_probes(sl.OpenClip(sl.demo.clip_folder()), pictures).names
    ('image',)
    """
    with contextlib.suppress(AttributeError):
        pictures = [p.convert("RGB") for p in pictures]
    if not len(pictures):
        raise ValueError("no picture to search with")
    return Probes((name,), unit(_embedded(clip, "images", pictures).mean(0, keepdims=True)), clip.name)


def _embedded(clip: Clip, what: Literal["texts", "images"], items: Sequence[Any]) -> Float[np.ndarray, "item dim"]:
    if what == "texts":
        return checked_vectors(clip.texts(items), clip, "text", [repr(text[:80]) for text in items])
    return checked_vectors(clip.images(items), clip, "picture", [f"{n + 1} of {len(items)}" for n in range(len(items))])


def checked_vectors(given: Any, clip: Clip, kind: str, names: Sequence[str]) -> Float[np.ndarray, "item dim"]:
    """What a CLIP gave for some texts or pictures of these names, as float32.

    ValueError names the CLIP, and the text or picture, where that is not one vector each, of finite numbers and not of
    zeros only: whatever the model knows, such a vector would be "not found". A text of words that the CLIP says it
    does not know may be zero.
    """
    vectors = np.asarray(given)
    if vectors.ndim != 2 or len(vectors) != len(names) or not vectors.shape[1] or vectors.dtype.kind not in "fiu":
        raise ValueError(
            f"{clip.name} gave {vectors.dtype} numbers of shape {list(vectors.shape)} for {plural(len(names), kind)}; "
            f"needed is one vector for each: [{kind} dim]"
        )
    vectors = vectors.astype(np.float32)
    wrong = ~np.isfinite(vectors).all(1)
    if not hasattr(clip, "unknown_words") or kind != "text":
        wrong |= ~vectors.any(1)
    if wrong.any():
        at = int(wrong.argmax())
        content = "only zeros" if np.isfinite(vectors[at]).all() else "NaN or infinite embeddings"
        raise ValueError(f"{clip.name} gives {content} for {kind} {names[at]}; nothing can be compared with them")
    return vectors
