"""The verb `compute_layout`: where components lie on the semantic map."""

from __future__ import annotations

from ..layout import NEIGHBOURS, SAMPLE, Layout, OnTick, pca, umap
from .state import LiveState


def compute_layout(
    session: LiveState, method: str = "umap", *, seed: int = 0, neighbours: int = NEIGHBOURS,
    sample: int | None = SAMPLE, on_tick: OnTick | None = None,
) -> Layout:  # fmt: skip
    """See `Lens.compute_layout`."""
    if method == "pca":
        made = pca(session.space)
    elif method == "umap":
        made = umap(session.space, seed=seed, neighbours=neighbours, sample=sample, on_tick=on_tick)
    else:
        raise ValueError(f"method={method!r}; layouts are made by 'pca' or 'umap'")
    with session.lock:
        session.set_trait("layout", made)
    return made


def current_layout(session: LiveState) -> Layout:
    """The layout a map shows now: the last one made, or the principal coordinates until there is one."""
    return session.map_state.first(session.space) if session.layout is None else session.layout


def wait_for_layout(session: LiveState, on_tick: OnTick, whole: bool = False) -> Layout:
    """The layout there is, or UMAP made now; whoever asks while it is being made waits for the same one.

    whole: of all components, where there is a preview of some.
    """
    with session.map_state.turn(on_tick):
        known = session.layout
        if known is not None and not (whole and known.preview):
            return known
        return compute_layout(session, sample=None if whole else SAMPLE, on_tick=on_tick)
