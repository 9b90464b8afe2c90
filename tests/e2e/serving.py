"""Servers of hosts as processes of their own."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager


@contextmanager
def served(command, folder, path="/", **environment):
    """The address of what `command(port)` serves from a folder, once it answers at a path; it ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "server.log"
    with log.open("w") as told:
        process = subprocess.Popen(command(port), cwd=folder, stdout=told, stderr=subprocess.STDOUT,
                                   env=os.environ | {"OMP_NUM_THREADS": "1"} | environment)  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(address + path, timeout=60).read()
                break
            except urllib.error.HTTPError:
                break  # it answers
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError(log.read_text()) from None
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
