"""A window as a guest: our module in a frame of another origin, no Jupyter around it, over a lens of this process.

The frame gets what anywidget gives (a model with traits and messages), and the policy, sandbox and lacks of a host.
"""

import base64
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from semlens_widgets.widgets.widget import LensWidget, bundle


@dataclass(frozen=True)
class Host:
    """What a host does to the page of an output.

    `policy` is its Content-Security-Policy, `sandbox` what its frame may do, `lacks` a script that takes away what is
    not there. `most`: larger messages are dropped, in bytes; `buffers`: whether those of messages arrive.
    """

    policy: str
    sandbox: str
    lacks: str
    buffers: bool = True
    most: int | None = None


MODEL = """
const listeners = new Map(), state = await tellLens(%(number)d, {kind: 'state'}), changed = {};
const emit = (name, ...args) => [...(listeners.get(name) ?? [])].forEach(listener => listener(...args));
const text = bytes => btoa(Array.from(new Uint8Array(bytes.buffer ?? bytes), b => String.fromCharCode(b)).join(''));
const bytes = text => new DataView(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer);
const model = {
    get: name => state[name],
    set(name, value) { state[name] = value; changed[name] = value; emit('change:' + name); emit('change'); },
    save_changes() {
        tellLens(%(number)d, {kind: 'update', state: {...changed}});
        for (const name of Object.keys(changed)) delete changed[name];
    },
    on(name, listener) { listeners.set(name, (listeners.get(name) ?? new Set()).add(listener)); },
    off(name, listener) { listeners.get(name)?.delete(listener); },
    send(content, _, buffers = []) { tellLens(%(number)d, {kind: 'custom', content, buffers: buffers.map(text)}); },
};
(async () => {
    for (;;) {
        for (const {state: news, content, buffers} of await tellLens(%(number)d, {kind: 'take'})) {
            if (news) {
                Object.assign(state, news);
                for (const name of Object.keys(news)) emit('change:' + name);
                emit('change');
            } else emit('msg:custom', content, buffers.map(bytes));
        }
        await new Promise(resolve => setTimeout(resolve, 15));
    }
})();
window.violations = [];
document.addEventListener('securitypolicyviolation', event => violations.push(event.effectiveDirective));
const {default: widget} = await import('/window.js');
widget.render({model, el: document.getElementById('output')});
"""
FRAME = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>An output</title>
<style>body {{ margin: 0 }}</style><style>{style}</style><script>{lacks}</script>
<body><div id="output"></div><script type="module">{script}</script></body></html>"""
OUTER = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>A notebook</title><body>{frames}</body></html>"""


@dataclass
class Kernel:
    """A widget's other end: what the browser says goes to it, what it says waits to be taken."""

    widget: LensWidget
    host: Host
    waiting: list = field(default_factory=list)
    dropped: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self):
        self.widget.send = self._send
        self.widget.observe(self._changed, list(self.widget.follows))

    def _push(self, message):
        size = len(json.dumps(message))
        if self.host.most is not None and size > self.host.most:
            self.dropped.append(size)
            return
        with self.lock:
            self.waiting.append(message)

    def _send(self, content, buffers=None):
        carried = [base64.b64encode(one).decode() for one in buffers or []] if self.host.buffers else []
        self._push({"content": content, "buffers": carried})

    def _changed(self, change):
        self._push({"state": {change["name"]: change["new"]}})

    def told(self, message):
        """What the browser says, and what it gets for it."""
        if message["kind"] == "state":
            return {name: getattr(self.widget, name) for name in [*self.widget.follows, "follows"]}
        if message["kind"] == "take":
            with self.lock:
                taken, self.waiting = self.waiting, []
            return taken
        if message["kind"] == "update":
            self.widget.set_state(message["state"])
        else:
            carried = [base64.b64decode(one) for one in message["buffers"]] if self.host.buffers else []
            self.widget._handle_custom_msg(message["content"], carried)
        return None


@contextmanager
def answering(pages):
    """The address of a server of (type, headers, text) by path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            kind, headers, text = pages.get(self.path, ("text/plain", {}, ""))
            self.send_response(200 if self.path in pages else 404)
            for name, value in {"Content-Type": kind, "Access-Control-Allow-Origin": "*", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


@contextmanager
def hosted(browser, host, widgets):
    """(page, frames, kernels) of a page with an output for each widget, as the host has them."""
    kernels = [Kernel(widget, host) for widget in widgets]
    built = bundle("window")
    policy = {"Content-Security-Policy": host.policy} if host.policy else {}
    pages = {"/window.js": ("text/javascript", {}, built["_esm"])}
    for number in range(len(kernels)):
        frame = FRAME.format(style=built["_css"], lacks=host.lacks, script=MODEL % {"number": number})
        pages[f"/output-{number}"] = ("text/html", policy, frame)
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, accept_downloads=True)
    page = context.new_page()
    page.expose_binding("tellLens", lambda source, number, message: kernels[number].told(message))
    with answering(pages) as inner:
        one = '<iframe sandbox="{}" src="{}/output-{}" style="width:100%;height:720px;border:0"></iframe>'
        frames = "".join(one.format(host.sandbox, inner, number) for number in range(len(kernels)))
        with answering({"/": ("text/html", {}, OUTER.format(frames=frames))}) as outer:
            try:
                page.goto(outer)
                yield page, [page.frame(url=f"{inner}/output-{number}") for number in range(len(kernels))], kernels
            finally:
                context.close()
                for widget in widgets:
                    widget.close()
