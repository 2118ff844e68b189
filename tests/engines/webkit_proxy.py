"""A proxy on loopback that answers every address itself, http and https.

It runs within `webkit_driver.py`, under the system's Python, so it uses the standard library alone. `CONNECT` is
answered with TLS from a certificate made for the run, except to port 80, where `ws:` goes.
"""

import asyncio
import base64
import hashlib
import ssl
import subprocess
import threading
from pathlib import Path

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PAGE = "<!doctype html><meta charset=utf-8><title>t</title><body>"
WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
PREFLIGHT = {
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Allow-Methods": "*",
    "Cache-Control": "no-store",
}


def certificate(folder: Path) -> ssl.SSLContext:
    """Return a context with a certificate of its own; the browser is told to take any."""
    pem, key = folder / "proxy.crt", folder / "proxy.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(pem), "-days", "30", "-subj", "/CN=proxy.example"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    return context


class Proxy:
    """`pages` are the bodies of certain addresses."""

    def __init__(self, folder: Path) -> None:
        self.pages: dict[str, str] = {}
        self.port = 0
        self._context = certificate(folder)
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True).start()
        if not self._ready.wait(30):
            raise RuntimeError("the proxy does not listen")

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._client, "127.0.0.1", 0, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await asyncio.Event().wait()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer, "")
        except (OSError, asyncio.IncompleteReadError, ssl.SSLError, ValueError):
            pass  # the browser went away
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, origin: str) -> None:
        """Answer requests until the connection ends. `origin` is where a tunnel leads, "" outside of one."""
        while line := (await reader.readline()).decode("latin-1").split():
            method, target = line[0], line[1]
            headers = await _headers(reader)
            if length := int(headers.get("content-length", 0)):
                await reader.readexactly(length)
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                await writer.drain()
                name, _, port = target.rpartition(":")
                if port == "80":
                    return await self._serve(reader, writer, "http://" + name)
                await writer.start_tls(self._context)
                return await self._serve(reader, writer, "https://" + (name if port == "443" else target))
            url = target if "://" in target else origin + target
            writer.write(self._answer(method, url, headers))
            await writer.drain()
        return None

    def _answer(self, method: str, url: str, headers: dict[str, str]) -> bytes:
        if key := headers.get("sec-websocket-key"):
            accept = base64.b64encode(hashlib.sha1((key + WEBSOCKET).encode()).digest()).decode()
            fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept}
            return _message("101 Switching Protocols", fields, None)
        kind, body = self._body(url, headers)
        fields = {"Access-Control-Allow-Origin": headers.get("origin", "*"), "Content-Type": kind} | PREFLIGHT
        return _message("200 OK", fields, b"" if method == "HEAD" else body)

    def _body(self, url: str, headers: dict[str, str]) -> tuple[str, bytes]:
        accept, goal = headers.get("accept", ""), headers.get("sec-fetch-dest", "")
        if url in self.pages or accept.startswith("text/html"):
            return "text/html; charset=utf-8", self.pages.get(url, PAGE).encode()
        if accept.startswith("text/css"):
            return "text/css", b"x {}"
        if accept.startswith("text/event-stream"):
            return "text/event-stream", b"data: x\n\n"
        if accept.startswith("image/") or goal == "image":
            return "image/png", PIXEL
        if goal == "track":
            return "text/vtt", b"WEBVTT\n\n"
        return "text/javascript", b"0\n"


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    found = {}
    while line := (await reader.readline()).decode("latin-1").strip():
        name, _, value = line.partition(":")
        found[name.lower()] = value.strip()
    return found


def _message(status: str, fields: dict[str, str], body: bytes | None) -> bytes:
    if body is not None:
        fields |= {"Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + (body or b"")
