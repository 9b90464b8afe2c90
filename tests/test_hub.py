"""Where no network is, a CLIP that must be downloaded fails at once; a slow network is waited for."""

import http.server
import socket
import threading

import pytest
from huggingface_hub import constants

import semlens_widgets as sl
from semlens_widgets import hub


@pytest.fixture(autouse=True)
def as_users_have_it(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def slept(monkeypatch):
    """The pauses that were asked for, none of which is made."""
    pauses = []
    monkeypatch.setattr(hub, "sleep", pauses.append)
    return pauses


def refused(*_):
    raise ConnectionRefusedError("no network in this test")


def unresolved(*_, **__):
    raise socket.gaierror(-2, "Name or service not known")


@pytest.mark.parametrize("model", [("ViT-B-32", "laion2b_s34b_b79k"), ("hf-hub:owner/model",)])
@pytest.mark.parametrize(("part", "fails"), [("connect", refused), ("getaddrinfo", unresolved)])
def test_without_a_network_nothing_is_waited_for(monkeypatch, slept, model, part, fails):
    monkeypatch.setattr(socket.socket if part == "connect" else socket, part, fails)
    with pytest.raises(RuntimeError, match=r"cannot be reached: .*; without a network give a") as raised:
        sl.OpenClip(*model).texts(["a"])
    assert sum(slept) <= 2
    assert "\n" not in str(raised.value)
    assert not constants.HF_HUB_OFFLINE, "the hub's client is as it was"


@pytest.fixture
def place():
    """A port of this machine that nothing listens on yet, as the hub's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()


def serve(place, answer):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            answer(self)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(place, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def endpoint(monkeypatch, place):
    address = f"http://{place[0]}:{place[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    return address


def test_a_hub_that_answers_anything_is_reached(place, endpoint, slept):
    server = serve(place, lambda request: request.send_error(503))
    assert hub.unreachable() is None
    assert sum(slept) == 0
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("endpoint")
def test_a_hub_that_is_slow_is_not_given_up(place, monkeypatch):
    done = threading.Event()
    server = serve(place, lambda _: done.wait(60))
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.2)
    assert hub.unreachable() is None
    done.set()
    server.shutdown()
    server.server_close()


def test_a_connection_that_fails_once_is_tried_again(place, endpoint, monkeypatch):
    servers = []
    monkeypatch.setattr(
        hub, "sleep", lambda pause: pause and servers.append(serve(place, lambda request: request.send_error(404)))
    )
    assert hub.unreachable() is None
    assert len(servers) == 1
    servers[0].shutdown()
    servers[0].server_close()


def test_where_nothing_listens_the_address_is_named(endpoint, slept):
    assert hub.unreachable().startswith(f"{endpoint} cannot be reached: ")
    assert 0 < sum(slept) <= 2


def test_who_works_without_the_hub_on_purpose_is_not_asked_again(monkeypatch, slept):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(socket.socket, "connect", refused)
    assert hub.unreachable() is None
    assert slept == []
    with hub.kept_only():
        pass
    assert constants.HF_HUB_OFFLINE


def test_the_client_is_as_it_was_also_after_an_error():
    def fail():
        with hub.kept_only():
            assert constants.HF_HUB_OFFLINE
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not constants.HF_HUB_OFFLINE
