"""The one anywidget class: traits in step with the lens both ways, questions over the channel."""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from ..session import Session
from ..texts import sendable
from . import answers
from .channel import Channel, Verb
from .common import COMMON, HITS
from .view import Live, View, bound

STATIC = Path(__file__).parent.parent / "static"
_NAMES = ["labels", "own_labels"]  # of the lens: what components are called
_AT_REST = 1.5  # seconds without a change until the picture of a window is renewed
_log = logging.getLogger("semlens_widgets")
_BLOCKED = (  # seen only where no window takes its place
    "If no window appears then, widgets cannot load here: let this page run scripts and reach where anywidget comes "
    "from (in VS Code the setting jupyter.widgetScriptSources), or write a page of its own: "
    "<code>lens.to_html('lens.html')</code>."
)


def bundle(name: str) -> dict[str, str]:
    """The built script and style of a window. FileNotFoundError saying how to build them in a checkout."""
    paths = {"_esm": STATIC / f"{name}.js", "_css": STATIC / f"{name}.css"}
    for path in paths.values():
        if not path.is_file():
            raise FileNotFoundError(
                f"the window is not built ({path.name} is missing); in a checkout run: npm ci && npm run build"
            )
    return {trait: path.read_text(encoding="utf-8") for trait, path in paths.items()}


class LensWidget(anywidget.AnyWidget):
    """A window: one view of a lens or several, kept in step with the lens, and the channel.

    Traits follow the lens and the lens follows them. Callbacks come on threads of the kernel's choosing, so
    every change goes through the lens's one lock; what fails in one is shown in the window. What it shares with the
    lens and what it answers is said by its views: `class X(LensWidget, views=(...), bundle="x")`.
    """

    views: ClassVar[tuple[View, ...]] = ()
    _bundle: ClassVar[str]
    _live: ClassVar[dict[str, Live]] = {}
    _constants: ClassVar[dict[str, Callable[[Any], Any]]] = {}
    _counters: ClassVar[dict[str, tuple[str, ...]]] = {}  # lens trait → the counters of all views that show it
    _open = False
    _picture_handle: Any = None  # of the picture that stands for the window where it does not live
    _shown_as = ""
    _waiting: threading.Timer | None = None

    _esm: Any = traitlets.Unicode().tag(sync=True)
    _css: Any = traitlets.Unicode().tag(sync=True)
    follows: Any = traitlets.List(traitlets.Unicode(), help="the traits that the browser reads").tag(sync=True)

    def __init_subclass__(cls, views: Sequence[View] = (), bundle: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        if not views:
            return
        cls.views, cls._bundle = (COMMON, *views), bundle
        cls._live = {name: live for view in cls.views for name, live in view.live.items()}
        cls._constants = {name: value for view in cls.views for name, value in view.constants.items()}
        counters_of: dict[str, dict[str, None]] = {}
        for view in cls.views:
            for trait, counter in view.counters.items():
                counters_of.setdefault(trait, {})[counter] = None
            for name, trait_type in view.traits().items():
                if name not in vars(cls):
                    setattr(cls, name, trait_type)
                    trait_type.class_init(cls, name)
        cls._counters = {trait: tuple(counters) for trait, counters in counters_of.items()}

    def __init__(self, lens: Session, **unknown: Any) -> None:
        if unknown:
            raise TypeError(f"{type(self).__name__} has no parameter {', '.join(map(repr, unknown))}; give a lens")
        self.lens = lens
        super().__init__(**bundle(self._bundle), **self._initial())
        own = set(self.trait_names(sync=True)) - set(anywidget.AnyWidget.class_trait_names(sync=True))
        self.follows = sorted(name for name in own if not name.startswith("_") and name != "follows")
        in_order = {verb for view in self.views for verb in view.in_order}
        self._channel = Channel(self._verbs(), self._to_browser, _log.error, in_order)
        self.on_msg(lambda _, content, buffers: self._channel.receive(content, buffers))
        for name in self._live:
            self.observe(self._from_browser, name)
        lens.observe(self._from_lens, self._followed)
        lens.observe(self._renamed, _NAMES)
        self._ends = [view.while_open(self) for view in self.views if view.while_open is not None]
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

    @property
    def _followed(self) -> list[str]:
        return list(dict.fromkeys([*self._live, *self._counters]))

    def _initial(self) -> dict[str, Any]:
        """The traits as the lens has them now."""
        live = {name: live.shown(self.lens) for name, live in self._live.items()}
        return live | {name: value(self.lens) for name, value in self._constants.items()}

    def _verbs(self) -> dict[str, Verb]:
        """What this window answers, by name."""
        return {name: bound(verb, self.lens) for view in self.views for name, verb in view.verbs.items()}

    def _to_browser(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self.send(content, buffers)

    def _from_browser(self, change: Any) -> None:
        """A trait of this window changed: the lens follows, or the window goes back and says why."""
        name, version = change["name"], self._hits_version
        if change["new"] == self._live[name].shown(self.lens):
            return  # set by `_follow`, or what the lens has anyway
        take = self._live[name].take
        if take is not None:
            try:
                with self.lens.lock:
                    take(self.lens, change["new"])
            except Exception as error:
                self.failed(error)
                version = -1  # the browser is told why, and waits for nothing
        self._follow(name)
        if name == "query" and self._hits_version == version:
            self.ask_again(HITS)  # the browser waits for hits, also where they are the ones it has

    @property
    def _hits_version(self) -> int:
        return getattr(self, HITS, 0)

    def _from_lens(self, change: Any) -> None:
        name = change["name"]
        if name in self._live:
            self._follow(name)
        for version in self._counters.get(name, ()):
            self.ask_again(version)
        if name in ("query", "hits", "layer"):
            self._shows_other()

    def _renamed(self, change: Any) -> None:
        """What components are called has changed: the browser forgets the names it knows."""
        self._to_browser({"kind": "event", "name": "components"}, [])

    def failed(self, error: Exception) -> None:
        """Show a failure that belongs to no request: a callback that raised."""
        self._channel.failed(error)

    def ask_again(self, version: str) -> None:
        """Count a change of a result, so that the browser asks for it; nothing where it is not shown here."""
        with self.lens.lock:
            if self.has_trait(version):
                setattr(self, version, getattr(self, version) + 1)

    def _follow(self, name: str) -> None:
        """Set this window's trait as the lens has it."""
        with self.lens.lock:
            setattr(self, name, self._live[name].shown(self.lens))
        if name in ("layer", "template"):
            self.ask_again(HITS)

    def close(self) -> None:
        """Part from the lens and the browser; a second time does nothing."""
        if self._open:
            self._open = False
            self.lens.unobserve(self._from_lens, self._followed)
            self.lens.unobserve(self._renamed, _NAMES)
            for end in self._ends:
                end()
            self._channel.close()
            if self._waiting is not None:
                self._waiting.cancel()
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
        self._shown_as = data.pop("text/html")
        self._picture_handle = display({"text/html": self._shown_as}, raw=True, display_id=True)
        display(data, metadata=metadata, raw=True)

    def _shows_other(self, change: Any = None) -> None:
        """The picture follows what is on the screen, once that has come to rest: a saved notebook shows it."""
        if self._picture_handle is None:
            return
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = threading.Timer(_AT_REST, self._renew_picture)
        self._waiting.daemon = True
        self._waiting.start()

    def _renew_picture(self) -> None:
        if not self._open:
            return
        try:
            with self.lens.lock:
                html = self._as_html()
            if html != self._shown_as and self._picture_handle is not None:
                self._shown_as = html
                self._picture_handle.update({"text/html": html}, raw=True)
        except Exception:  # the picture of before stays; nobody waits for this one
            _log.exception("the picture of a window could not be renewed")

    def _as_text(self) -> str:
        return repr(self.lens.hits) if self.lens.hits is not None else repr(self.lens)

    def _as_html(self) -> str:
        return (
            f'<div class="semlens-static" data-testid="semlens-static">{self._picture()}'
            f'<p style="font:12px sans-serif">{self._connect} {_BLOCKED}</p></div>'
        )

    @property
    def _connect(self) -> str:
        """What a picture says that stands where the window was."""
        return "This is a picture of the window as it was. Run the cell to connect."

    def _picture(self) -> str:
        """What the view shows, small, as HTML; the strongest hits where it has no picture of its own."""
        from ..figures.views import figure_of_view

        for view in self.views if len(self.views) == 2 else ():  # that one view, beside what all have
            if not view.figure:
                continue
            try:
                return figure_of_view(self.lens, view.name, width_mm=150, theme="light").to_html(dpi=110)
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
