"""What tests of the windows' kernel side share: a fitted lens, and the other end of a channel."""

import threading

from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.widgets.channel import Channel


def lens(**options):
    data = sl.images(pictures(40), transform=to_pixels)
    made = sl.Lens(ColourNet(), data, ["colour", "head"], ColourClip(), k=5, templates=("{}",), **options)
    return made.fit(cached=False, progress=False)


class Browser:
    """The other end of a channel: sends requests, waits for what comes back."""

    def __init__(self, verbs, in_order=()):
        self.got = []
        self.arrived = threading.Condition()
        self.channel = Channel(verbs, self._receive, lambda text: None, in_order)

    def _receive(self, content, buffers):
        with self.arrived:
            self.got.append((content, buffers))
            self.arrived.notify_all()

    def ask(self, verb, id="1", **args):
        self.channel.receive({"kind": "request", "id": id, "verb": verb, "args": args})

    def wait(self, condition, seconds=10):
        with self.arrived:
            assert self.arrived.wait_for(lambda: any(condition(c) for c, _ in self.got), seconds), self.got
        return next((c, b) for c, b in self.got if condition(c))
