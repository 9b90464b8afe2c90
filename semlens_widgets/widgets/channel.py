"""The kernel's end of the request channel: questions from the browser, answers with buffers.

On the wire, both ways, stand the messages that `js/shared/channel.js` lists; `pieces` says how large ones travel.
Requests run in threads of their own, so a long one holds up neither the others nor a running cell; an abort drops a
request that waits and tells one that runs, through its `Job`. Requests that change what is kept are done in the order
they came, whether or not anybody waits for the answer.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

from ..texts import sendable
from .pieces import Received, messages
from .wire import Answer, encode

Buffers = Sequence[Any]
Verb = Callable[[dict[str, Any], Buffers, "Job"], Answer]
Send = Callable[[dict[str, Any], list[bytes]], None]

WORKERS = 3
_LONGEST_MESSAGE = 2000  # of an error, in characters


class Aborted(Exception):
    """Nobody waits for this answer any more."""


@dataclass
class Job:
    """One request while it runs; an `uncancellable` one is done even when nobody waits any more.

    `plain`: its browser gets no buffers, so they are sent as text.
    """

    id: str
    send: Send
    uncancellable: bool = False
    plain: bool = False
    _aborted: threading.Event = field(default_factory=threading.Event)

    def abort(self) -> None:
        self._aborted.set()

    def check(self) -> None:
        """Raises Aborted once the browser lost interest; long work calls it between steps."""
        if self._aborted.is_set():
            raise Aborted

    def progress(self, done: int, total: int | None, what: str) -> None:
        """Tell the browser how far it is; raises Aborted like `check`."""
        self.check()
        self.send({"kind": "progress", "id": self.id, "done": done, "total": total, "what": what}, [])


class Channel:
    """Answers requests by name with `verbs`; every failure reaches the browser as an error with its type.

    Those named `in_order` are done one after the other, as they came, also when the window has gone meanwhile: the
    last word is the one that stays, and none is lost.
    """

    def __init__(
        self,
        verbs: dict[str, Verb],
        send: Send,
        log: Callable[[str], None],
        in_order: Collection[str] = (),
    ) -> None:
        self.verbs = {"ping": _pong} | verbs
        self._send, self._log = send, log
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="semlens")
        self._queue = ThreadPoolExecutor(1, thread_name_prefix="semlens in order")
        self._in_order = frozenset(in_order)
        self._received = Received()

    def receive(self, message: Any, buffers: Buffers = ()) -> None:
        """A message from the browser. What is no request or abort with a text as id is ignored: nobody could be
        answered; any other fault in it is answered as an error."""
        if not isinstance(message, dict) or not isinstance(message.get("id"), str):
            return
        kind, number = message.get("kind"), message["id"]
        if kind == "part":
            self._keep(message, buffers)
        elif kind == "abort":
            with self._lock:
                job = self._jobs.get(number)
            if job is not None and not job.uncancellable:
                job.abort()
        elif kind == "request":
            verb = message.get("verb")
            in_order = isinstance(verb, str) and verb in self._in_order
            job = Job(number, self._deliver, uncancellable=in_order, plain=message.get("plain") is True)
            try:
                buffers = self._received.buffers(message, buffers)
            except (ValueError, TypeError) as error:
                self._deliver({"kind": "error", "id": number, "error": _error_payload(error)}, [])
                return
            with self._lock:
                self._jobs[job.id] = job
            try:
                (self._queue if job.uncancellable else self._pool).submit(
                    self._answer, job, verb, message.get("args"), buffers
                )
            except RuntimeError:  # the window was closed meanwhile
                self._forget(job)

    def _keep(self, message: dict[str, Any], buffers: Buffers) -> None:
        """A piece of the buffers of a request that is still to come."""
        try:
            self._received.part(message, buffers)
        except (ValueError, TypeError) as error:
            self._deliver({"kind": "error", "id": message["id"], "error": _error_payload(error)}, [])

    def failed(self, error: BaseException) -> None:
        """Show a failure that belongs to no request: a callback that raised."""
        self._log("".join(traceback.format_exception(error)))
        self._deliver({"kind": "event", "name": "error"} | _error_payload(error), [])

    def _deliver(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Send what any WebSocket can carry: names that are no UTF-8 would close it."""
        self._send(sendable(message), buffers)

    def _answer(self, job: Job, verb: Any, args: Any, buffers: Buffers) -> None:
        try:
            job.check()
            if not isinstance(verb, str) or verb not in self.verbs:
                raise ValueError(f"no request {verb!r:.80}; this window answers {', '.join(sorted(self.verbs))}")
            if not isinstance(args, dict | NoneType):
                raise TypeError(f"the arguments of {verb!r} are {args!r:.80}; they are values by name")
            result, sent = encode(self.verbs[verb](args or {}, buffers, job))
            for content, carried in messages({"kind": "reply", "id": job.id, "result": result}, sent, job.plain):
                job.check()
                self._deliver(content, carried)
        except Aborted:
            pass
        except Exception as error:
            self._log("".join(traceback.format_exception(error)))
            self._deliver({"kind": "error", "id": job.id, "error": _error_payload(error)}, [])
        finally:
            self._forget(job)

    def _forget(self, job: Job) -> None:
        with self._lock:
            if self._jobs.get(job.id) is job:  # an id that came twice is the later one's
                del self._jobs[job.id]

    def close(self) -> None:
        """Cancel queued jobs except those done in order; signal the ones that run."""
        with self._lock:
            jobs = [job for job in self._jobs.values() if not job.uncancellable]
        for job in jobs:
            job.abort()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._queue.shutdown(wait=False)


def _error_payload(error: BaseException) -> dict[str, str]:
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    return {"type": type(error).__name__, "message": str(message)[:_LONGEST_MESSAGE]}


def _pong(args: dict[str, Any], buffers: Buffers, job: Job) -> Answer:
    """A sign of life; `received`: how many buffers came with the question."""
    return {"received": len(buffers)}
