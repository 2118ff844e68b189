"""A download ends in time, whole, and as secure as its address says, or it is an error."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from urllib3.util import connection

from blockctl.io import fetch as module
from blockctl.io.download import download
from blockctl.io.fetch import FetchError, fetch
from blockctl.model.diagnostic import WorldError
from tests.io.list_server import PROXIES, redirect, running

OK = b"HTTP/1.1 200 OK\r\n"
Pieces = Iterator[bytes]


def serve(pieces: Pieces) -> str:
    """Answer one request with these pieces, a while apart; return the address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with listener, listener.accept()[0] as peer:
            peer.recv(65536)
            try:
                for piece in pieces:
                    peer.sendall(piece)
                    time.sleep(0.02)
            except OSError:
                pass  # the other side has hung up

    threading.Thread(target=run, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/list.txt"


def drops(head: bytes) -> Pieces:
    yield head
    for _ in range(500):
        yield b"x"


def test_a_download() -> None:
    assert fetch(serve(iter([OK + b"Content-Length: 4\r\n\r\n", b"list"])), 100).data == b"list"


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        pytest.param(drops(OK + b"Content-Length: 500\r\n\r\n"), "took longer", id="body drop by drop"),
        pytest.param(drops(OK + b"X: "), "took longer", id="head drop by drop"),
        pytest.param(iter([OK + b"Content-Length: 9\r\n\r\nlist"]), "cannot download", id="cut off"),
        pytest.param(iter([OK + b"\r\n" + b"x" * 2000]), "larger than", id="too large"),
        pytest.param(iter([b"HTTP/1.1 302 Found\r\nLocation: file:///etc/hosts\r\n\r\n"]), "cannot", id="to a file"),
        pytest.param(iter([b"HTTP/1.1 404 Not Found\r\n\r\n"]), "404", id="absent"),
    ],
)
def test_what_is_no_download(monkeypatch: pytest.MonkeyPatch, pieces: Pieces, message: str) -> None:
    monkeypatch.setattr(module, "WHOLE", 1.0)
    with pytest.raises(WorldError, match=message):
        fetch(serve(pieces), 1000)


def test_nothing_that_a_terminal_obeys_is_told() -> None:
    with pytest.raises(FetchError) as caught:
        fetch(serve(iter([b"HTTP/1.1 404 \x1b[2J\x9b2J\r\n\r\n"])), 100)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b'ETag: "' + b"a" * 300 + b'"', id="too long"),
        pytest.param(b'ETag: "\xe4\x0b"', id="not ASCII"),
    ],
)
def test_what_cannot_be_sent_back_is_not_kept(said: bytes) -> None:
    answer = OK + said + b"\r\nLast-Modified: Sat, 01 Jan 2022 00:00:00 GMT\r\nContent-Length: 4\r\n\r\nlist"
    kept = fetch(serve(iter([answer])), 100).validators
    assert kept == module.Validators("", "Sat, 01 Jan 2022 00:00:00 GMT")
    assert fetch(serve(iter([OK + b"Content-Length: 4\r\n\r\nlist"])), 100, kept).data == b"list"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.1.2.3"]
)
def test_a_public_server_cannot_send_us_inside(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """What is in the home network may take a question for an order, and trusts who is in it."""
    for name in ("https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with running() as proxy:
        monkeypatch.setenv("http_proxy", proxy.base)  # so there is a public server here
        monkeypatch.setenv("no_proxy", "")
        proxy.faults["http://192.0.43.8/list.txt"] = redirect(f"http://{host}:8080/reboot")
        with pytest.raises(FetchError, match="leads into your own network"):
            fetch("http://192.0.43.8/list.txt", 100)
        assert [path for path, _ in proxy.asked] == ["http://192.0.43.8/list.txt"]


def test_a_server_of_the_own_network_may_lead_on_in_it() -> None:
    with running() as lists, running() as other:
        other.texts["/b.txt"] = b"list"
        lists.faults["/a.txt"] = redirect(other.url("/b.txt"))
        assert fetch(lists.url("/a.txt"), 100).data == b"list"


def test_a_secure_address_does_not_lead_to_an_insecure_one() -> None:
    with pytest.raises(FetchError, match="not secure"):
        module._refuse_hop("https://lists.example/a", "http://lists.example/a", ["https://lists.example/a"], ())


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_is_not_there_is_told_in_short(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(WorldError) as caught:
        fetch(f"{scheme}://127.0.0.1:{port}/list.txt", 100)
    said = str(caught.value)
    assert said.startswith(
        f"cannot download {scheme}://127.0.0.1:{port}/list.txt: Failed to establish a new connection"
    )
    assert "Pool" not in said
    assert "Caused" not in said


def test_who_does_not_answer_is_told_in_short_and_not_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def silent(*place: object, **_: object) -> None:
        asked.append(place)
        raise TimeoutError

    monkeypatch.setattr(connection, "create_connection", silent)
    for proxy in PROXIES:
        monkeypatch.delenv(proxy, raising=False)
        monkeypatch.delenv(proxy.upper(), raising=False)
    with pytest.raises(FetchError) as found:
        download(["http://lists.example/a.txt"], {})
    assert str(found.value) == (
        "cannot download http://lists.example/a.txt: Connection to lists.example timed out. (connect timeout=10.0)"
    )
    assert (len(asked), found.value.again, found.value.is_slow) == (1, None, True)
