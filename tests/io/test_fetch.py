"""A download ends in time, whole, and as secure as its address says, or it is an error."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from blockctl.io import fetch as module
from blockctl.io.fetch import FetchError, fetch
from blockctl.model.diagnostic import WorldError

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
