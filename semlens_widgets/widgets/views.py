"""The windows as anywidgets: traits in step with the lens both ways, questions over the channel."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from ..session import Session
from ..texts import sendable
from . import answers, component_card
from .channel import Buffers, Channel, Job, Verb
from .wire import Answer

STATIC = Path(__file__).parent.parent / "static"
_NAMES = ["labels", "own_labels"]  # of the lens: what components are called
_log = logging.getLogger("semlens_widgets")


def bundle(name: str) -> dict[str, str]:
    """The built script and style of a window. FileNotFoundError saying how to build them in a checkout."""
    paths = {"_esm": STATIC / f"{name}.js", "_css": STATIC / f"{name}.css"}
    for path in paths.values():
        if not path.is_file():
            raise FileNotFoundError(
                f"the window is not built ({path.name} is missing); in a checkout run: npm ci && npm run build"
            )
    return {trait: path.read_text(encoding="utf-8") for trait, path in paths.items()}


@dataclass(frozen=True)
class Live:
    """A trait that a window and its lens share: the lens's value as JSON, and how the lens takes what the browser sets.

    Without `take` the browser only follows.
    """

    shown: Callable[[Any], Any]
    take: Callable[[Any, Any], None] | None = None

    @classmethod
    def same(cls, name: str) -> Live:
        """The lens's trait of that name, as it is, both ways."""
        return cls(lambda lens: getattr(lens, name), lambda lens, value: setattr(lens, name, value))


class LensView(anywidget.AnyWidget):
    """What all windows share: a lens, its live traits, and the channel.

    Traits follow the lens and the lens follows them. Callbacks come on threads of the kernel's choosing, so
    every change goes through the lens's one lock; what fails in one is shown in the window.

    A view of its own adds to `_live` the traits it shares with the lens, to `_counted` the results it shows (lens
    trait → the counter trait whose change makes the browser ask again), and to `_verbs` what it answers; `_in_order`
    names those that must not overtake each other.
    """

    _live: ClassVar[dict[str, Live]] = {
        "query": Live.same("query"),
        "layer": Live.same("layer"),
        "selection": Live(lambda lens: lens.selected_rows(), lambda lens, rows: setattr(lens, "selection", rows)),
    }
    _counted: ClassVar[dict[str, str]] = {"hits": "hits_version"}
    _in_order: ClassVar[tuple[str, ...]] = ()

    _esm: Any = traitlets.Unicode().tag(sync=True)
    _css: Any = traitlets.Unicode().tag(sync=True)
    query = traitlets.Unicode("").tag(sync=True)
    layer = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    selection = traitlets.List(traitlets.Int()).tag(sync=True)
    hits_version = traitlets.Int(0).tag(sync=True)

    _bundle: str
    _still: ClassVar[str | None] = None  # the view whose figure a saved notebook shows
    _open = False

    def __init__(self, lens: Session, **unknown: Any) -> None:
        if unknown:
            raise TypeError(f"{type(self).__name__} has no parameter {', '.join(map(repr, unknown))}; give a lens")
        self.lens = lens
        self._shared = self.over_classes("_live")
        self._versions = self.counters()
        super().__init__(**bundle(self._bundle), **self._initial())
        in_order = {verb for c in type(self).__mro__ for verb in vars(c).get("_in_order", ())}
        self._channel = Channel(self._verbs(), self._say, _log.error, in_order)
        self.on_msg(lambda _, content, buffers: self._channel.receive(content, buffers))
        for name in self._shared:
            self.observe(self._from_browser, name)
        lens.observe(self._from_lens, self._followed)
        lens.observe(self._renamed, _NAMES)
        self._open = True

    def open(self) -> None:
        """Open the comm to the browser, whose messages keep the kernel thread that the browser chose for them.

        JupyterLab gives windows a thread of their own. But ipykernel (since 7.4) passes what comes from the browser to
        the thread that spoke last, so that a cell can wait for the browser. No cell waits for a window; one that sets
        `lens.query` and works on would keep it silent until it ends.
        """
        super().open()
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = lambda data, chosen: chosen

    def get_state(self, *args: Any, **options: Any) -> Any:
        """As ipywidgets has it, in what any WebSocket can carry: a name that is no UTF-8 would close it."""
        return sendable(super().get_state(*args, **options))

    @classmethod
    def over_classes(cls, table: str) -> dict[str, Any]:
        """A table with what all classes this one is made of have in it."""
        return {name: entry for c in reversed(cls.__mro__) for name, entry in vars(c).get(table, {}).items()}

    @classmethod
    def counters(cls) -> dict[str, tuple[str, ...]]:
        """Lens trait → the counters of all views in this one that show it."""
        found: dict[str, dict[str, None]] = {}
        for c in reversed(cls.__mro__):
            for trait, counter in vars(c).get("_counted", {}).items():
                found.setdefault(trait, {})[counter] = None
        return {trait: tuple(names) for trait, names in found.items()}

    @property
    def _followed(self) -> list[str]:
        return list(dict.fromkeys([*self._shared, *self._versions]))

    def _initial(self) -> dict[str, Any]:
        """The traits as the lens has them now."""
        return {name: live.shown(self.lens) for name, live in self._shared.items()}

    def _verbs(self) -> dict[str, Verb]:
        """What this window answers, by name; a view of its own adds to it."""
        lens, plain = self.lens, self._plain

        def query_image(args: dict[str, Any], buffers: Buffers, job: Job) -> Answer:
            if len(buffers) != 1:
                raise ValueError("one picture is needed")
            return answers.query_image(lens, bytes(buffers[0]), str(args.get("name", "")))

        return {
            "hits": plain(answers.hits),
            "components": plain(answers.components, "rows"),
            "sprite": plain(answers.sprite, "rows", "examples", "size"),
            "example": plain(answers.example, "row", "rank", "size"),
            "card": plain(component_card.card, "row"),
            "suggest": plain(answers.suggest, "prefix"),
            "query_image": query_image,
            "looks": self._lasting(component_card.looks, "row", "look", "count", "size"),
            "streams": self._lasting(component_card.streams, "row"),
            "relate": self._lasting(component_card.relate),
        }

    def _plain(self, function: Callable[..., Answer], *names: str) -> Verb:
        """A function of the lens and of arguments by name as a verb."""
        return self._lasting(lambda lens, *given: function(lens, *given[:-1]), *names)

    def _lasting(self, function: Callable[..., Answer], *names: str) -> Verb:
        """As `_plain`, for what takes long: the function is given the job as well, last."""

        def verb(args: dict[str, Any], buffers: Buffers, job: Job) -> Answer:
            missing = [n for n in names if n not in args]
            if missing:
                raise ValueError(f"the request lacks {', '.join(missing)}")
            return function(self.lens, *(args[n] for n in names), job)

        return verb

    def _say(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self.send(content, buffers)

    def _from_browser(self, change: Any) -> None:
        """A trait of this window changed: the lens follows, or the window goes back and says why."""
        name, version = change["name"], self.hits_version
        if change["new"] == self._shared[name].shown(self.lens):
            return  # set by `_follow`, or what the lens has anyway
        take = self._shared[name].take
        if take is not None:
            try:
                with self.lens.lock:
                    take(self.lens, change["new"])
            except Exception as error:
                self._channel.failed(error)
                version = -1  # the browser is told why, and waits for nothing
        self._follow(name)
        if name == "query" and self.hits_version == version:
            self._ask_again("hits_version")  # the browser waits for hits, also where they are the ones it has

    def _from_lens(self, change: Any) -> None:
        name = change["name"]
        if name in self._shared:
            self._follow(name)
        for version in self._versions.get(name, ()):
            self._ask_again(version)

    def _renamed(self, change: Any) -> None:
        """What components are called has changed: the browser forgets the names it knows."""
        self._say({"kind": "event", "name": "components"}, [])

    def _ask_again(self, version: str) -> None:
        with self.lens.lock:
            setattr(self, version, getattr(self, version) + 1)

    def _follow(self, name: str) -> None:
        """Set this window's trait as the lens has it."""
        with self.lens.lock:
            setattr(self, name, self._shared[name].shown(self.lens))
        if name == "layer":
            self._ask_again("hits_version")

    def close(self) -> None:
        """Part from the lens and the browser; a second time does nothing."""
        if self._open:
            self._open = False
            self.lens.unobserve(self._from_lens, self._followed)
            self.lens.unobserve(self._renamed, _NAMES)
            self._channel.close()
        super().close()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The live window, and for hosts without one a small picture and text of what it showed."""
        made = super()._repr_mimebundle_(**options)
        if made is None:
            return None
        data, metadata = made if isinstance(made, tuple) else (made, {})
        return {**data, "text/plain": self._as_text(), "text/html": self._as_html()}, metadata

    def _ipython_display_(self) -> None:
        """The picture first, as an output of its own, then the window, whose style hides it while it lives.

        A notebook that is opened again without its kernel shows no window, but any other output.
        """
        from IPython.display import display

        made = self._repr_mimebundle_()
        if made is None:
            return
        data, metadata = made
        display({"text/html": data.pop("text/html")}, raw=True)
        display(data, metadata=metadata, raw=True)

    def _as_text(self) -> str:
        return repr(self.lens.hits) if self.lens.hits is not None else repr(self.lens)

    def _as_html(self) -> str:
        return f'<div class="semlens-static" data-testid="semlens-static">{self._picture()}</div>'

    def _picture(self) -> str:
        """What the view shows, small, as HTML; the strongest hits where it has no picture of its own."""
        if self._still is not None:
            from ..figures.views import figure_of_view

            try:
                return figure_of_view(self.lens, self._still, width_mm=150, theme="light").to_html(dpi=110)
            except ValueError:
                pass  # it shows nothing yet
        return self._strips()

    def _strips(self) -> str:
        lens = self.lens
        if not lens.fitted:
            return lens._repr_html_()
        shown = lens.hits.rows[:6] if lens.hits is not None else range(min(6, len(lens.components)))
        rows = [int(row) for row in shown]
        examples = max((min(8, int(lens.space.examples.counts[row])) for row in rows), default=1)
        result = answers.sprite(lens, rows, max(examples, 1), 32)
        sheet = result["image"].data
        line = "height:32px;line-height:32px"
        names = "".join(f'<div style="{line}">{escape(str(lens.components[r]))}</div>' for r in rows)
        image = f"data:image/webp;base64,{base64.b64encode(sheet).decode()}"
        size = f'width="{result["columns"] * 32}" height="{len(rows) * 32}"'
        head = escape(lens.hits.message) if lens.hits is not None else escape(repr(lens))
        return (
            f'<div style="font:12px sans-serif"><p>{head}</p><div style="display:flex;gap:12px">'
            f'<div style="font-family:monospace">{names}</div>'
            f'<img alt="strongest examples of these components" {size} src="{image}"></div></div>'
        )


class SearchBox(LensView):
    """The search box alone: type a query, the lens follows, and so does every other window of the lens."""

    _bundle = "search_box"


class Gallery(LensView):
    """The gallery alone: the lens's components as strips of their strongest examples, best hit first."""

    _bundle = "gallery"
    layers: Any = traitlets.List().tag(sync=True)

    def _initial(self) -> dict[str, Any]:
        c = self.lens.components
        layers = [{"name": n, "count": s} for n, s in zip(c.layers, c.sizes, strict=True)]
        return super()._initial() | {"layers": layers}
