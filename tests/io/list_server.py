"""A server of lists on loopback that can do all that servers of lists do wrong."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import pytest

from blockctl.io import download, fetch

Handler = http.server.BaseHTTPRequestHandler
Answer = Callable[[Handler], None]


class ListServer:
    """Serves texts under paths, and faults in their place; counts what it was asked and what it sent."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.texts: dict[str, bytes] = {}
        self.faults: dict[str, Answer] = {}
        self.asked: list[tuple[str, int]] = []  # path and status
        self.headers: list[dict[str, str]] = []  # of requests
        self.sent = 0
        server = self

        class Requests(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.headers.append({key.lower(): value for key, value in self.headers.items()})
                with suppress(OSError):  # the other side has hung up
                    server.faults.get(self.path, server.serve)(self)

            def log_request(self, code: object = "-", size: object = "-") -> None:
                server.asked.append((self.path, int(str(code))))

            def log_message(self, *said: object) -> None:
                """Say nothing."""

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        self._http.daemon_threads = True
        if context is not None:
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.base = f"{'https' if context else 'http'}://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, path: str) -> str:
        return self.base + path

    def serve(self, request: Handler) -> None:
        text = self.texts.get(request.path)
        if text is None:
            request.send_error(404)
            return
        etag = f'"{hashlib.sha256(text).hexdigest()[:16]}"'
        if request.headers.get("If-None-Match") == etag:
            request.send_response(304)
            request.end_headers()
            return
        body = packed(text) if "gzip" in request.headers.get("Accept-Encoding", "") else text
        request.send_response(200)
        request.send_header("ETag", etag)
        request.send_header("Content-Type", "text/plain")
        if body is not text:
            request.send_header("Content-Encoding", "gzip")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
        self.sent += len(body)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def running(context: ssl.SSLContext | None = None) -> Iterator[ListServer]:
    server = ListServer(context)
    try:
        yield server
    finally:
        server.close()


@lru_cache(maxsize=4)
def packed(text: bytes) -> bytes:
    """Return a text as it is sent."""
    return gzip.compress(text, 1)


PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make time-outs and pauses short, and large what is not so large; go through no proxy of this machine."""
    for proxy in PROXIES:
        for spelled in (proxy, proxy.upper()):
            monkeypatch.delenv(spelled, raising=False)
    for module, name, value in (
        (fetch, "WHOLE", 2.0),
        (fetch, "TIMEOUT", (1.0, 0.5)),
        (download, "LIMIT", 4 << 20),
        (download, "FIRST_PAUSE", 0.01),
        (download, "PATIENCE", 1.5),
    ):
        monkeypatch.setattr(module, name, value)


def certificate(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 that signs itself; return the file with it and its key."""
    file = folder / "own.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key.pem"),
         "-out", str(folder / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return file


# Faults


def status(code: int, **headers: str) -> Answer:
    def answer(request: Handler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def redirect(target: str) -> Answer:
    return status(302, Location=target)


def whole(body: bytes, length: int | None = None, **headers: str) -> Answer:
    """Answer with these bytes, said to be so many."""

    def answer(request: Handler) -> None:
        request.send_response(200)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body) if length is None else length))
        request.end_headers()
        request.wfile.write(body)

    return answer


def drip(request: Handler) -> None:
    """Send a byte now and then."""
    request.send_response(200)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    for _ in range(200):
        request.wfile.write(b"a")
        request.wfile.flush()
        time.sleep(0.05)


def silent(request: Handler) -> None:
    """Take the question and say nothing."""
    time.sleep(3)


def cut(request: Handler) -> None:
    """Break off in the middle, without a word on how much there is."""
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    request.wfile.write(b"ff\r\n0.0.0.0 ads")


def endless(request: Handler) -> None:
    """Send more than anybody should take, without saying how much."""
    request.send_response(200)
    request.send_header("Connection", "close")
    request.end_headers()
    block = b"0.0.0.0 a.example\n" * 60_000
    for _ in range(300):
        request.wfile.write(block)


def bomb(request: Handler) -> None:
    """Send a megabyte that unpacks to a thousand."""
    block = gzip.compress(b"\0" * (1 << 20), 9)
    whole(block * 1000, Content_Encoding="gzip")(request)


HTML = whole(
    b"<!DOCTYPE html><html><title>Sign in to the Wi-Fi</title><body>Hello</body></html>\n", Content_Type="text/html"
)


def has_openssl() -> bool:
    """Whether a certificate can be made here."""
    return shutil.which("openssl") is not None
