"""Sparse autoencoders as people have them: read from files and objects, as the encoder of a layer."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from .sparse import Dictionary, Encoder

Kind = Literal["relu", "topk", "jumprelu", "gated", "linear", "nonnegative", "nearest"]

_NAMES = {  # ours: those of others; a "weight" is laid [out in], a "W" [in out]
    "encoder": ("W_enc", "encoder.weight", "encoder"),
    "decoder": ("W_dec", "decoder.weight", "dictionary", "decoder"),
    "encoder_bias": ("b_enc", "encoder.bias", "encoder_bias", "latent_bias"),
    "decoder_bias": ("b_dec", "pre_bias", "decoder.bias", "decoder_bias"),
    "threshold": ("threshold", "log_threshold"),
    "gate_bias": ("b_gate",),
    "magnitude_bias": ("b_mag",),
    "magnitude": ("r_mag",),
}
_ARCHITECTURES: dict[str, Kind] = {
    "standard": "relu", "relu": "relu", "topk": "topk", "jumprelu": "jumprelu", "gated": "gated",
}  # fmt: skip
_SAELENS = ("cfg.json", "sae_weights.safetensors")
OURS = "semlens_dictionary"  # what a file that `learn_dictionary` saved says of itself, in its header


def dictionary(
    source: Any,
    *,
    kind: str | None = None,
    k: int | None = None,
    centred: bool | None = None,
) -> Dictionary | Encoder:
    """A sparse autoencoder as the encoder of a layer: `sl.Layer("blocks.5", via=sl.dictionary(path))`.

    Parameters
    ----------
    source
        A folder that SAELens saved (cfg.json and sae_weights.safetensors), a file that saev or `LearnedDictionary.save`
        saved, a .safetensors or .pt file with weights, a `state_dict`, or an object with `encode` and `decode`
        (overcomplete, SAELens, a class of your own), whose codes are the last tensor that `encode` gives.
    kind
        What makes codes of what the encoder gives: "relu", "topk" (the k largest, and of these what is positive),
        "jumprelu" (what exceeds a threshold of its own), "gated", "linear"; "nonnegative" are the codes from 0 on whose
        sum of decoder rows comes nearest (NMF), "nearest" how far features lie along the nearest of the decoder's rows
        (k-means). Needed where the source does not say.
    k
        Of "topk", how many codes a feature vector has.
    centred
        Whether the decoder's bias is subtracted from features before they are encoded. Needed where the source has one
        and does not say.

    Returns
    -------
    Dictionary or Encoder
        What `sl.Layer(…, via=…)` takes.

    Raises
    ------
    ValueError
        For what is missing or does not fit, by name.
    FileNotFoundError
        For a file that is not there.

    Notes
    -----
    Its latents are components as any others: searched, described, audited. `lens.without` encodes, switches off and
    adds the difference of what is decoded, so that what the dictionary does not explain stays as it is (Templeton et
    al. 2024); the relevance of a latent is its code times the target's slope along its decoder row.

    Weights are loaded without running code: a file that needs more is refused.

    Examples
    --------
    >>> import torch
    >>> weights = {"encoder.weight": torch.randn(24, 16), "decoder.weight": torch.randn(16, 24)}
    >>> sae = sl.dictionary(weights, kind="topk", k=4)
    >>> sl.Layer("blocks.5", via=sae).name
    'blocks.5'
    """
    if isinstance(source, str | os.PathLike):
        weights, said = _read(Path(source))
    elif isinstance(source, Mapping):
        weights, said = dict(source), {}
    elif callable(getattr(source, "encode", None)):
        if kind is not None or k is not None or centred is not None:
            raise ValueError(
                f"kind, k and centred belong to weights; a {type(source).__name__} says them by its encode"
            )
        from .sparse import Encoder

        return Encoder.of(source)
    else:
        raise TypeError(
            f"source is a {type(source).__name__}; give a file or folder, a state_dict, or an object with encode and "
            "decode"
        )
    given = {"kind": kind, "k": k, "centred": centred}
    return _made(weights, said | {name: value for name, value in given.items() if value is not None})


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(weights by name, what the file says of them)."""
    if not path.exists():
        raise FileNotFoundError(f"no dictionary at {str(path)!r}; give a file or a folder that is there")
    if path.is_dir():
        missing = [name for name in _SAELENS if not (path / name).exists()]
        if missing:
            raise FileNotFoundError(
                f"the folder {path.name!r} has no {' and no '.join(missing)}; give a folder that SAELens saved, or the "
                "file with the weights"
            )
        return _safetensors(path / _SAELENS[1]), _of_saelens(json.loads((path / _SAELENS[0]).read_text("utf-8")))
    if path.suffix == ".safetensors":
        return _safetensors(path), _of_ours(path)
    content = path.read_bytes()
    line, _, rest = content.partition(b"\n")
    if line.startswith(b"{"):
        return _torch(rest, path), _of_saev(json.loads(line))
    return _torch(content, path), {}


def _safetensors(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(path)


def _of_ours(path: Path) -> dict[str, Any]:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        said = (file.metadata() or {}).get(OURS)
    told = json.loads(said) if said else {}
    return {name: told[name] for name in ("kind", "k", "centred") if told.get(name) is not None}


def _torch(content: bytes, path: Path) -> dict[str, Any]:
    import pickle

    import torch

    try:
        weights = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(
            f"{path.name!r} is no file of weights alone, and what else it holds would run code ({_first(error)}); load "
            "it with the project that wrote it and give sl.dictionary the object, or its state_dict"
        ) from error
    inner = weights.get("state_dict", weights) if isinstance(weights, Mapping) else None
    if not isinstance(inner, Mapping):
        raise ValueError(f"{path.name!r} holds a {type(weights).__name__}; needed are weights by name")
    return dict(inner)


def _first(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _of_saelens(said: Mapping[str, Any]) -> dict[str, Any]:
    architecture = str(said.get("architecture", "standard"))
    if architecture not in _ARCHITECTURES:
        raise ValueError(
            f"cfg.json says architecture {architecture!r}; read are {', '.join(_ARCHITECTURES)}. Load it with SAELens "
            "and give sl.dictionary the object"
        )
    norm = said.get("normalize_activations", "none")
    if norm != "none":
        raise ValueError(
            f"cfg.json says normalize_activations {norm!r}; read is 'none'. Load it with SAELens, fold the scaling in "
            "or give sl.dictionary the object"
        )
    kind = _ARCHITECTURES[architecture]
    function = str(said.get("activation_fn_str", said.get("activation_fn", "relu")))
    options = said.get("activation_fn_kwargs") or {}
    if kind == "relu" and function == "topk":
        kind = "topk"
    elif function not in ("relu", "topk"):
        raise ValueError(f"cfg.json says activation_fn {function!r}; read are 'relu' and 'topk'")
    found: dict[str, Any] = {"kind": kind, "centred": bool(said.get("apply_b_dec_to_input", True))}
    if kind == "topk":
        found["k"] = said.get("k", options.get("k"))
        found["by_norm"] = bool(said.get("rescale_acts_by_decoder_norm", False))
    return found


def _of_saev(said: Mapping[str, Any]) -> dict[str, Any]:
    options = said.get("cfg", said)
    activation = options.get("activation") if isinstance(options, Mapping) else None
    found: dict[str, Any] = {"kind": "relu", "centred": True}
    if isinstance(activation, Mapping):
        k = activation.get("top_k", activation.get("k"))
        found |= {} if k is None else {"kind": "topk", "k": int(k)}
    return found


def _made(weights: Mapping[str, Any], said: Mapping[str, Any]) -> Dictionary:
    from .sparse import Dictionary

    named = {ours: name for ours, names in _NAMES.items() if (name := _called(weights, names)) is not None}
    for needed in ("encoder", "decoder"):
        if needed not in named:
            raise ValueError(
                f"no {needed} among the weights {', '.join(map(repr, weights)) or '(none)'}; needed is one of "
                f"{', '.join(map(repr, _NAMES[needed]))}"
            )
    kind = said.get("kind", "jumprelu" if "threshold" in named else "gated" if "gate_bias" in named else None)
    if kind not in get_args(Kind):
        kinds = ", ".join(map(repr, get_args(Kind)))
        raise ValueError(
            f"kind={kind!r}; kinds are {kinds}"
            if kind is not None
            else f"the weights do not say what makes codes of what the encoder gives; say it, kind= one of {kinds}"
        )
    parts = {ours: _tensor(weights[name], name) for ours, name in named.items()}
    if named.get("threshold") == "log_threshold":
        parts["threshold"] = parts["threshold"].exp()
    centred = said.get("centred", True if named.get("decoder_bias") == "pre_bias" else None)
    if centred is None and "decoder_bias" in parts and bool(parts["decoder_bias"].any()):
        raise ValueError(
            f"the weights have a decoder bias ({named['decoder_bias']!r}) and do not say whether it is subtracted from "
            "features before they are encoded; say it, centred=True or centred=False"
        )
    parts["encoder"], parts["decoder"] = _laid(parts, named)
    return Dictionary(parts, kind, said.get("k"), bool(centred), bool(said.get("by_norm", False)))


def _called(weights: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The name among the weights: as it is, or behind a prefix that all of them may have (`module.W_enc`)."""
    for name in names:
        for key in weights:
            if key == name or key.endswith("." + name):
                return str(key)
    return None


def _tensor(value: Any, name: str) -> Any:
    import torch

    tensor = torch.as_tensor(value).detach().clone().float()
    if not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"the weights {name!r} are NaN or infinite")
    return tensor


def _laid(parts: Mapping[str, Any], named: Mapping[str, str]) -> tuple[Any, Any]:
    """(encoder [feature component], decoder [component feature]): by their names, held against the biases' sizes."""
    encoder, decoder = parts["encoder"], parts["decoder"]
    if encoder.ndim != 2 or decoder.ndim != 2 or sorted(encoder.shape) != sorted(decoder.shape):
        raise ValueError(
            f"the encoder {named['encoder']!r} has shape {tuple(encoder.shape)}, the decoder {named['decoder']!r} "
            f"{tuple(decoder.shape)}; needed is one row or column per component in both"
        )
    encoder = encoder.T if named["encoder"].endswith("weight") else encoder
    decoder = decoder.T if named["decoder"].endswith("weight") else decoder
    sizes = {"encoder_bias": 1, "gate_bias": 1, "magnitude_bias": 1, "decoder_bias": 0}
    known = [(parts[name].numel(), axis) for name, axis in sizes.items() if name in parts and parts[name].numel() > 1]
    if any(encoder.shape[axis] != size for size, axis in known):
        encoder = encoder.T
    if any(encoder.shape[axis] != size for size, axis in known):
        raise ValueError(
            f"encoder {tuple(parts['encoder'].shape)}, decoder {tuple(parts['decoder'].shape)} and biases of "
            f"{', '.join(str(size) for size, _ in known)} do not belong together"
        )
    decoder = decoder if decoder.shape == (encoder.shape[1], encoder.shape[0]) else decoder.T
    return encoder.contiguous(), decoder.contiguous()
