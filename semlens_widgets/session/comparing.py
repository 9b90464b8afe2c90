"""The verbs `compare`, `overlay`, `concept_table` and `compare_many`: other models beside this one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..clip import Probes
from ..compare import Comparison, ConceptTable, Series
from ..compare import compare as compare_spaces
from ..compare import compare_many as compare_spaces_many
from ..compare.pairs import check_comparable
from ..layout import SAMPLE, Layout, OnTick
from ..layout import overlay as overlay_of
from ..space import SemanticSpace
from .compared import concepts_of, models_of
from .file import of_space
from .query import tidy_words
from .state import LiveState, Other


def compare(session: LiveState, other: Any, name: str | None, **options: Any) -> Comparison:
    """See `Lens.compare`."""
    beside = other if isinstance(other, LiveState) else _of_bare(session, other, name)
    called = name or beside.name
    if called == session.name:
        called = f"{called} (B)"
    return take(session, beside, compare_spaces(session.space, beside.space, names=(session.name, called), **options))


def take(session: LiveState, beside: LiveState, answer: Comparison) -> Comparison:
    """Have this comparison with another lens from now on."""
    called = answer.names[1]
    with session.lock:
        session.compared[called] = Other(beside, answer)
        if session.other == called:
            session.set_trait("comparison", answer)
        else:
            session.other = called
    return answer


def free_name(session: LiveState, beside: LiveState) -> str:
    """What another lens is called here: its own name, unless this one or yet another has it."""
    known = session.compared
    if (called := next((name for name, other in known.items() if other.state is beside), None)) is not None:
        return called
    names = (beside.name, f"{beside.name} (B)", *(f"{beside.name} ({n})" for n in range(2, len(known) + 3)))
    return next(name for name in names if name not in known and name != session.name)


def _of_bare(session: LiveState, space: Any, name: str | None) -> LiveState:
    if not isinstance(space, SemanticSpace):
        raise TypeError(
            f"cannot compare with a {type(space).__name__}; give a lens (sl.open(path) for a file), or its space"
        )
    return of_space(type(session), space, {"name": name or "B"}, clip=session.clip_or_none)


def overlay(
    session: LiveState, method: str = "pca", *, seed: int = 0, sample: int | None = SAMPLE,
    on_tick: OnTick | None = None,
) -> tuple[Layout, Layout]:  # fmt: skip
    """See `Lens.overlay`."""
    if session.other is None:
        raise ValueError("nothing is compared yet; call lens.compare(other)")
    other = session.compared[session.other]
    spaces = session.space, other.state.space
    other.overlay = overlay_of(*spaces, method, seed=seed, sample=sample, on_tick=on_tick)
    return other.overlay


def current_overlay(session: LiveState) -> tuple[Layout, Layout]:
    """The last `overlay` of the two models, or that by PCA."""
    other = session.compared.get(session.other or "")
    return overlay(session) if other is None or other.overlay is None else other.overlay


def concept_table(
    models: Mapping[str, LiveState], words: str | Sequence[str], *, by_layer: bool = False,
    allow: str | Collection[str] = (),
) -> ConceptTable:  # fmt: skip
    """Who knows which of the words: each searched in every model.

    The words go through the CLIP, templates and centring of the first lens.

    Parameters
    ----------
    models
        Lenses by name.
    words
        One or several.
    by_layer
        Search in every layer of every model.
    allow
        "data" compares over different images, see `Lens.compare`.

    Returns
    -------
    ConceptTable
        One row for each word.

    Raises
    ------
    ValueError
        Where the models cannot be compared.

    Examples
    --------
    >>> table = sl.concept_table({"ours": lens}, ["ruler", "hair"])
    >>> table.concepts
    ('ruler', 'hair')
    """
    _check_named(models)
    if not models:
        raise ValueError("no model to look in; give a dict such as {'resnet50': lens}")
    listed = tidy_words(words)
    if not listed:
        raise ValueError("no word to look for; give words such as ['ruler', 'hair'], or set lens.concepts")
    check_comparable({name: lens.space for name, lens in models.items()}, allow)  # before words go through the CLIP
    next(iter(models.values())).probes(listed)  # all at once
    return concepts_of(models, listed, by_layer=by_layer, allow=allow)


def own_concept_table(
    session: LiveState, words: str | Sequence[str] | None = None, *, by_layer: bool = False
) -> ConceptTable:
    """See `Lens.concept_table`."""
    models, allow = models_of(session)
    return concept_table(models, session.concepts if words is None else words, by_layer=by_layer, allow=allow)


def _check_named(models: Any) -> None:
    if not isinstance(models, Mapping):
        raise TypeError(f"models is a {type(models).__name__}; give them by name, as in {{'epoch 1': a, 'epoch 2': b}}")


def compare_many(
    models: Mapping[str, LiveState | SemanticSpace], *, concepts: Sequence[str] | None = None,
    probes: Probes | None = None, allow: str | Collection[str] = (), centre: bool = True, seed: int = 0,
) -> Series:  # fmt: skip
    """Compare every two of several models, in the order given: checkpoints, architectures, seeds, dropout rates.

    Parameters
    ----------
    models
        Lenses (also opened from files) or spaces, by name.
    concepts
        Words to track along the series; those of the first lens unless given.
    probes
        Probes of your own, instead of words.
    allow, centre, seed
        As in `Lens.compare`.

    Returns
    -------
    Series
        Every two compared.

    Raises
    ------
    ValueError
        For fewer than two models, and as in `Lens.compare`.

    Examples
    --------
    >>> one = sl.demo.lens("biased", n=100, progress=False)
    >>> two = sl.demo.lens("unbiased", n=100, progress=False)
    >>> sl.compare_many({"biased": one, "unbiased": two})["biased", "unbiased"].names
    ('biased', 'unbiased')
    """
    _check_named(models)
    spaces = {name: m.space if isinstance(m, LiveState) else m for name, m in models.items()}
    lens = next((m for m in models.values() if isinstance(m, LiveState) and m.clip_or_none is not None), None)
    if probes is None and concepts and lens is None:
        raise ValueError("concepts are words, and only a lens can read them; give lenses, or probes instead")
    if spaces:
        check_comparable(spaces, allow)  # before words go through the CLIP
    if probes is None and lens is not None:
        words = tidy_words(lens.concepts if concepts is None else concepts)
        probes = lens.probes(words) if words else None
    as_searched = None if lens is None else lens.probe_cache.centre
    return compare_spaces_many(
        spaces, probes=probes, allow=allow, centre=centre, centre_probes=as_searched, seed=seed
    )  # fmt: skip
