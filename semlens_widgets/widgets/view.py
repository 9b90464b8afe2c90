"""A view as a value: what it shares with the lens, what it answers, and what of it paper and files have."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import traitlets

from .channel import Buffers, Job, Verb
from .wire import Answer

TABLE: list[dict[str, Any]] = json.loads(Path(__file__).parents[1].joinpath("views.json").read_text(encoding="utf-8"))
"""All views, tabs (those with a title) in their order, then those that only stand alone. A view has a folder of its
own in `js`, which exports `view`; a tab has a module of the same name beside this one, whose `VIEW` is the value.
`alone_kB`: it also stands alone, in a bundle of at most so many kB; `works`: with a line that tells long work."""

Verbs = Mapping[str, Callable[..., Answer]]


@dataclass(frozen=True)
class Live:
    """A trait that a window and its lens share: its kind, the lens's value as JSON, and how the lens takes what the
    browser sets. Without `take` the browser only follows."""

    kind: Callable[[], traitlets.TraitType[Any, Any]]
    shown: Callable[[Any], Any]
    take: Callable[[Any, Any], None] | None = None

    @classmethod
    def same(cls, name: str, kind: Callable[[], traitlets.TraitType[Any, Any]]) -> Live:
        """The lens's trait of that name, as it is, both ways."""
        return cls(kind, lambda session: getattr(session, name), lambda session, value: setattr(session, name, value))


text = partial(traitlets.Unicode, "")
maybe_text = partial(traitlets.Unicode, None, allow_none=True)
rows: Callable[[], Any] = partial(traitlets.List, traitlets.Int())
texts: Callable[[], Any] = partial(traitlets.List, traitlets.Unicode())


@dataclass(frozen=True)
class View:
    """One view of a lens. Windows of one view or of several are made of these.

    name:     of its tab, and of `lens.figure(name)` where it has a figure.
    live:     traits it shares with the lens.
    counters: results it shows: the lens's trait → the trait that counts its changes, so that the browser asks again.
    constants: traits that are set once, from the lens.
    verbs:    what it answers, by name: functions of the lens. Other parameters are asked of the browser by their
              names; `job`, `buffers` and `args` (all that the browser gave) are the request's own.
    in_order: verbs that must not overtake each other, and are done even if nobody waits any more.
    figure:   whether `lens.figure(name)` shows it on paper.
    recorded: the questions a file answers without a kernel: (verb, arguments, answer).
    has_content: whether a file has something to show in this tab.
    while_open: what else goes on while a window with it is open; gives the way to end it.
    """

    name: str
    live: Mapping[str, Live] = field(default_factory=dict)
    counters: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    verbs: Verbs = field(default_factory=dict)
    in_order: tuple[str, ...] = ()
    figure: bool = False
    recorded: Callable[[Any], Iterable[tuple[str, dict[str, Any], Answer]]] | None = None
    has_content: Callable[[Any], bool] = lambda session: False
    while_open: Callable[[Any], Callable[[], None]] | None = None

    def traits(self) -> dict[str, traitlets.TraitType[Any, Any]]:
        """The traits of a window with this view, new ones at each call."""
        made = {name: live.kind() for name, live in self.live.items()}
        made |= {counter: traitlets.Int(0) for counter in self.counters.values()}
        made |= {name: traitlets.Any() for name in self.constants}
        return {name: trait.tag(sync=True) for name, trait in made.items()}


def bound(function: Callable[..., Answer], session: Any) -> Verb:
    """A verb of a view as the channel asks it. ValueError for a request that lacks a parameter."""
    asked = list(inspect.signature(function).parameters.values())[1:]

    def verb(args: dict[str, Any], buffers: Buffers, job: Job) -> Answer:
        known = args | {"args": args, "buffers": buffers, "job": job}
        missing = [p.name for p in asked if p.name not in known and p.default is p.empty]
        if missing:
            raise ValueError(f"the request lacks {', '.join(missing)}")
        return function(session, **{p.name: known[p.name] for p in asked if p.name in known})

    return verb
