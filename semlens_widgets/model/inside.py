"""Parts of a transformer that no module gives: attention heads, and the hidden units of an MLP.

Both are what a projection is given. Which projection that is, is read off the shapes of the modules and the order in
which they stand.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .layer import Layer, Place, Tokens

if TYPE_CHECKING:
    import torch

_COUNTS = ("num_heads", "num_attention_heads", "n_heads", "n_head", "nhead", "heads")
_READ = ("q", "k", "v", "qkv", "kv", "qk", "query", "key", "value", "to_q", "to_k", "to_v", "to_qkv", "to_kv")


@dataclass(frozen=True)
class Heads:
    """The attention heads of a transformer as components: `Heads("blocks.5.attn")`, or with wildcards `Heads("*")`.

    A head's response at a token is the length of what it writes to the stream there: of the part of the output
    projection's answer that comes from it, without the bias. A head that is switched off writes nothing; one held at
    its mean writes in its own direction, as strongly as on average. Components print as `blocks.5.attn.heads:3`.

    Parameters
    ----------
    name
        An attention module, or a module around one, as in `model.named_modules()`; in a list also a wildcard.
    tokens
        Which tokens are pooled, see `Layer`.
    heads
        How many heads there are, where the module does not say.
    out
        The module that is the output projection, where it is not found.

    Examples
    --------
    >>> from torchvision.models import VisionTransformer
    >>> vit = VisionTransformer(image_size=64, patch_size=16, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32)

    >>> [layer.name for layer in sl.Heads("encoder.layers.encoder_layer_1").layers(vit)]
    ['encoder.layers.encoder_layer_1.self_attention.heads']
    """

    name: str
    tokens: Tokens | slice = "all"
    heads: int | None = None
    out: str | None = None

    def __post_init__(self) -> None:
        _check("Heads", self.name, self.tokens, self.out)
        if self.heads is not None and (not isinstance(self.heads, int) or self.heads < 1):
            raise ValueError(f"heads={self.heads!r}; needed is the number of heads, as in heads=12")

    def layers(self, model: torch.nn.Module) -> tuple[Layer, ...]:
        """What is read of a model.

        Parameters
        ----------
        model
            A torch module.

        Returns
        -------
        tuple[Layer, ...]
            One for each module that is meant.

        Raises
        ------
        KeyError
            With what there is, where there are no heads by that name.
        """
        found = attentions(model)
        if self.out is not None:
            found = [_given(model, self)]
        chosen = _named(self.name, {one.module: one for one in found}, "attention heads", "Heads", model)
        return tuple(self._layer(model, one) for one in chosen)

    def _layer(self, model: torch.nn.Module, attention: Attention) -> Layer:
        from .heads import HeadStrength

        if self.heads not in (None, attention.heads):
            raise ValueError(
                f"heads={self.heads}, and the module {attention.module!r} says that it has {attention.heads}; leave "
                "heads= away"
            )
        projection = model.get_submodule(attention.projection)
        return Layer(
            f"{attention.module}.heads",
            via=HeadStrength(projection, attention.heads),
            tokens=self.tokens,
            place=Place(attention.projection, attention.module if _does_it_itself(model, attention) else None),
        )


@dataclass(frozen=True)
class Mlp:
    """The hidden units of an MLP as components, after the nonlinearity (and the gate): `Mlp("blocks.5")`.

    They are what the MLP's second projection is given. Components print as `blocks.5.mlp.hidden:17`.

    Parameters
    ----------
    name
        An MLP, or a module around one, as in `model.named_modules()`; in a list also a wildcard.
    signed
        Each unit becomes two, see `Layer`.
    tokens
        Which tokens are pooled, see `Layer`.
    out
        The module that is the second projection, where it is not found.

    Examples
    --------
    >>> from torchvision.models import VisionTransformer
    >>> vit = VisionTransformer(image_size=64, patch_size=16, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32)

    >>> [layer.name for layer in sl.Mlp("encoder.layers.encoder_layer_1").layers(vit)]
    ['encoder.layers.encoder_layer_1.mlp.hidden']
    """

    name: str
    signed: bool = False
    tokens: Tokens | slice = "all"
    out: str | None = None

    def __post_init__(self) -> None:
        _check("Mlp", self.name, self.tokens, self.out)

    def layers(self, model: torch.nn.Module) -> tuple[Layer, ...]:
        """What is read of a model.

        Parameters
        ----------
        model
            A torch module.

        Returns
        -------
        tuple[Layer, ...]
            One for each module that is meant.

        Raises
        ------
        KeyError
            With what there is, where there is no MLP by that name.
        """
        found = dict(mlps(model))
        if self.out is not None:
            found = {self.name: _existing(model, self.out)}
        chosen = _named(
            self.name, {module: (module, out) for module, out in found.items()}, "hidden units of an MLP", "Mlp", model
        )
        return tuple(
            Layer(f"{module}.hidden", signed=self.signed, tokens=self.tokens, place=Place(out))
            for module, out in chosen
        )


def _check(kind: str, name: Any, tokens: Any, out: Any) -> None:
    """TypeError or ValueError for what cannot be asked for, before there is a model."""
    for what, value in (("name", name), ("out", out)):
        if not isinstance(value, str) and not (what == "out" and value is None):
            raise TypeError(f"{kind}: {what} is {value!r}; give the name of a module, as in {kind}('blocks.5')")
    Layer(name, tokens=tokens)


def _given_to(model: torch.nn.Module, projection: str) -> Place:
    import torch

    convolution = isinstance(model.get_submodule(projection), torch.nn.Conv2d)
    return Place(projection, features=1 if convolution else -1)


@dataclass(frozen=True)
class Attention:
    """An attention in a model: the module that has the heads, its output projection, and how many heads there are."""

    module: str
    projection: str
    heads: int


def attentions(model: torch.nn.Module) -> list[Attention]:
    """Every attention of a model whose output projection is found."""
    modules = dict(model.named_modules())
    counted = {name: count for name, module in modules.items() if name and (count := _heads(module)) is not None}
    found = []
    for name, count in counted.items():
        if any(other.startswith(name + ".") for other in counted):
            continue
        for around in (name, name.rpartition(".")[0]):  # the projection stands beside what has the heads, at times
            projection = _projection(modules, around, name, count) if around else None
            if projection is not None:
                found.append(Attention(around, projection, count))
                break
    return found


def _heads(module: torch.nn.Module) -> int | None:
    for name in _COUNTS:
        count = getattr(module, name, None)
        if isinstance(count, int) and not isinstance(count, bool) and count > 0:
            return count
    return None


def _projection(modules: dict[str, Any], around: str, owner: str, heads: int) -> str | None:
    """The last linear map of an attention that does not make queries, keys or values; it follows those that do."""
    import torch

    linear = [n for n, m in modules.items() if n.startswith(around + ".") and isinstance(m, torch.nn.Linear)]
    if around != owner:  # nothing of a whole block
        linear = [n for n in linear if n.startswith(owner + ".") or n.removeprefix(around + ".").startswith("output.")]
    outward = [n for n in linear if not _reads(n) and modules[n].in_features % heads == 0]
    return outward[-1] if outward else None


def _reads(name: str) -> bool:
    return name.rpartition(".")[2].removesuffix("_proj").removesuffix("_lin") in _READ


def _does_it_itself(model: torch.nn.Module, attention: Attention) -> bool:
    import torch

    return isinstance(model.get_submodule(attention.module), torch.nn.MultiheadAttention)


def mlps(model: torch.nn.Module) -> Iterator[tuple[str, str]]:
    """Every MLP of a model: the module around its projections, and the second of them."""
    attention = [one.module + "." for one in attentions(model)]
    maps = [
        (name, *sizes)
        for name, module in model.named_modules()
        if not name.startswith(tuple(attention)) and (sizes := _sizes(module)) is not None
    ]
    done: set[str] = set()
    for at, (out, hidden, written, kind) in enumerate(maps):
        before = maps[max(0, at - 3) : at]
        for name, read, made, other in reversed(before):
            around = _around(name, out)
            if other == kind and around and read == written and made in (hidden, 2 * hidden) and hidden >= written:
                between = [k for n, *_, k in maps[:at] if n.startswith(around + ".")]
                plain = kind == "linear" or "convolution" not in between
                if around not in done and len(between) <= 2 and plain:
                    done.add(around)
                    yield around, out
                break


def _sizes(module: torch.nn.Module) -> tuple[int, int, str] | None:
    """(features read, features made, kind) of a map of features at each place."""
    import torch

    if isinstance(module, torch.nn.Linear):
        return module.in_features, module.out_features, "linear"
    if isinstance(module, torch.nn.Conv2d):
        pointwise = module.kernel_size == (1, 1) and module.groups == 1
        return module.in_channels, module.out_channels, "pointwise" if pointwise else "convolution"
    return None


def _around(one: str, other: str) -> str:
    """The path of the innermost module that holds two."""
    parts = []
    for a, b in zip(one.split(".")[:-1], other.split(".")[:-1], strict=False):
        if a != b:
            break
        parts.append(a)
    return ".".join(parts)


def _named(name: str, found: dict[str, Any], what: str, kind: str, model: torch.nn.Module) -> list[Any]:
    """Those of what was found that a name means: by itself, around it, or as a wildcard."""
    wild = any(mark in name for mark in "*?[")
    if wild:
        matching = [n for n, _ in model.named_modules() if n and fnmatch.fnmatchcase(n, name)]
        chosen = [n for n in found if any(n == m or n.startswith(m + ".") for m in matching)]
    else:
        chosen = [name] if name in found else [n for n in found if n.startswith(name + ".")]
    if len(chosen) == 1 or (wild and chosen):
        return [found[n] for n in chosen]
    if chosen:
        raise KeyError(
            f"{name!r} has {what} in {len(chosen)} modules, {_listed(chosen)}; name one of them, or take all with "
            f"{kind}({name + '.*'!r})"
        )
    existing = [n for n, _ in model.named_modules() if n]
    there = f"; they are in {_listed(list(found))}" if found else f"; none were found in this {type(model).__name__}"
    if wild or name in existing:
        says = f"; where the module {name!r} has some, give its output projection, {kind}({name!r}, out='…')"
        raise KeyError(f"{kind}({name!r}) finds no {what}{there}{'' if wild else says}")
    near = difflib.get_close_matches(name, [*found, *existing], n=1)
    raise KeyError(f"no module {name!r} with {what}{there}" + (f" (did you mean {near[0]!r}?)" if near else ""))


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names if len(names) <= 6 else [*names[:3], "…", *names[-2:]])).replace("'…'", "…")


def _existing(model: torch.nn.Module, name: str) -> str:
    names = [n for n, _ in model.named_modules() if n]
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        raise KeyError(f"no module {name!r}" + (f" (did you mean {near[0]!r}?)" if near else ""))
    return name


def _given(model: torch.nn.Module, asked: Heads) -> Attention:
    """An attention as somebody described it."""
    out = _existing(model, str(asked.out))
    projection: Any = model.get_submodule(out)
    module = model.get_submodule(_existing(model, asked.name))
    heads = asked.heads or _heads(module)
    if heads is None:
        raise ValueError(f"how many heads {asked.name!r} has is not known; say it, Heads({asked.name!r}, heads=12, …)")
    if getattr(projection, "in_features", 0) % heads:
        raise ValueError(f"{out!r} reads {projection.in_features} features, which {heads} heads do not share evenly")
    return Attention(asked.name, out, heads)
