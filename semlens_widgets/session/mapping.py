"""The verb `lay_out`: where components lie on the semantic map."""

from __future__ import annotations

from ..layout import NEIGHBOURS, SAMPLE, Layout, OnTick, pca, umap
from .state import LiveState


def lay_out(
    session: LiveState, method: str = "umap", *, seed: int = 0, neighbours: int = NEIGHBOURS,
    sample: int | None = SAMPLE, asked: OnTick | None = None,
) -> Layout:  # fmt: skip
    """See `Lens.lay_out`."""
    if method == "pca":
        made = pca(session.space)
    elif method == "umap":
        made = umap(session.space, seed=seed, neighbours=neighbours, sample=sample, asked=asked)
    else:
        raise ValueError(f"method={method!r}; layouts are made by 'pca' or 'umap'")
    with session.lock:
        session.set_trait("layout", made)
    return made


def current_layout(session: LiveState) -> Layout:
    """The layout a map shows now: the last one made, or the principal coordinates until there is one."""
    return session.map_state.first(session.space) if session.layout is None else session.layout


def wait_for_layout(session: LiveState, asked: OnTick) -> Layout:
    """The layout there is, or UMAP made now; whoever asks while it is being made waits for the same one."""
    with session.map_state.turn(asked):
        return lay_out(session, asked=asked) if session.layout is None else session.layout
