"""The kernel's end of the request channel: questions from the browser, answers with buffers.

On the wire, both ways, stand the messages that `js/shared/channel.js` lists. Requests run in threads of
their own, so a long one holds up neither the others nor a running cell; an abort drops a request that waits
and tells one that runs, through its `Job`. Requests that change what is kept are done in the order they came,
whether or not anybody waits for the answer.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

Buffers = Sequence[Any]
Answer = tuple[dict[str, Any], list[bytes]]
Verb = Callable[[dict[str, Any], Buffers, "Job"], Answer]
Send = Callable[[dict[str, Any], list[bytes]], None]

WORKERS = 3


class Aborted(Exception):
    """Nobody waits for this answer any more."""


@dataclass
class Job:
    """One request while it runs; a `lasting` one is done even when nobody waits any more."""

    id: str
    send: Send
    lasting: bool = False
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

    def receive(self, message: Any, buffers: Buffers = ()) -> None:
        """A message from the browser; foreign messages are ignored."""
        if not isinstance(message, dict):
            return
        if message.get("kind") == "abort":
            with self._lock:
                job = self._jobs.get(message.get("id", ""))
            if job is not None and not job.lasting:
                job.abort()
        elif message.get("kind") == "request" and isinstance(message.get("id"), str):
            verb = str(message.get("verb"))
            job = Job(message["id"], self._send, lasting=verb in self._in_order)
            with self._lock:
                self._jobs[job.id] = job
            (self._queue if job.lasting else self._pool).submit(
                self._answer, job, verb, message.get("args") or {}, buffers
            )

    def failed(self, error: BaseException) -> None:
        """Show a failure that belongs to no request: a callback that raised."""
        self._log("".join(traceback.format_exception(error)))
        self._send({"kind": "event", "name": "error"} | _told(error), [])

    def _answer(self, job: Job, verb: str, args: dict[str, Any], buffers: Buffers) -> None:
        try:
            job.check()
            if verb not in self.verbs:
                raise ValueError(f"no request {verb!r}; this window answers {', '.join(sorted(self.verbs))}")
            result, sent = self.verbs[verb](args, buffers, job)
            job.check()
            self._send({"kind": "reply", "id": job.id, "result": result}, sent)
        except Aborted:
            pass
        except Exception as error:
            self._log("".join(traceback.format_exception(error)))
            self._send({"kind": "error", "id": job.id, "error": _told(error)}, [])
        finally:
            with self._lock:
                self._jobs.pop(job.id, None)

    def close(self) -> None:
        """Drop what waits, but for what is done in order; what runs is told."""
        with self._lock:
            jobs = [job for job in self._jobs.values() if not job.lasting]
        for job in jobs:
            job.abort()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._queue.shutdown(wait=False)


def _told(error: BaseException) -> dict[str, str]:
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    return {"type": type(error).__name__, "message": str(message)}


def _pong(args: dict[str, Any], buffers: Buffers, job: Job) -> Answer:
    return {}, []
