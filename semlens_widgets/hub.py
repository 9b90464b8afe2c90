"""The hub that models are downloaded from: whether it can be reached, before its client tries for a minute."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from time import sleep

_LOCK = threading.RLock()  # `kept_only` changes a setting that all threads share
_PAUSE = 1.0  # seconds before the second try: a name may not resolve once, while a laptop wakes up


def unreachable() -> str | None:
    """Why the hub plainly cannot be reached, in a few words; None where it can, or where that is not plain.

    Asked through the hub client's own session, so with its proxies and certificates, and with its own patience (ten
    seconds, or `HF_HUB_ETAG_TIMEOUT`). Any answer means that it can be reached, and one that is slow to come does not
    mean that it cannot: only where no connection is made, twice, is there plainly none.
    """
    from huggingface_hub import constants, get_session

    with _LOCK:
        if constants.HF_HUB_OFFLINE:  # asked for by the user: the client does not even try
            return None
        reason = None
        for pause in (0.0, _PAUSE):
            sleep(pause)
            try:
                get_session().head(constants.ENDPOINT, timeout=constants.HF_HUB_ETAG_TIMEOUT)
            except Exception as error:
                kinds = [kind.__name__ for kind in type(error).__mro__]  # of httpx, or of requests in older clients
                if not any(kind.startswith("Connect") for kind in kinds):
                    return None
                reason = (str(error).strip().splitlines() or [kinds[0]])[0]
                if any("Timeout" in kind for kind in kinds):
                    break
            else:
                return None
        return f"{constants.ENDPOINT} cannot be reached: {reason:.120}"


@contextlib.contextmanager
def kept_only() -> Iterator[None]:
    """The hub's client answers from what it has kept on this machine, at once; afterwards it is as it was."""
    from huggingface_hub import constants, utils

    forget_sessions = getattr(utils, "reset_sessions", lambda: None)  # clients before 1.0 ask the setting once
    with _LOCK:
        before = constants.HF_HUB_OFFLINE
        constants.HF_HUB_OFFLINE = True
        forget_sessions()
        try:
            yield
        finally:
            constants.HF_HUB_OFFLINE = before
            forget_sessions()


def is_missing(error: BaseException | None) -> bool:
    """Whether something failed because a file of the hub is not on this machine."""
    from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

    return error is not None and (
        isinstance(error, LocalEntryNotFoundError | OfflineModeIsEnabled) or is_missing(error.__context__)
    )
