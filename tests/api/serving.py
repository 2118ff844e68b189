"""A real `blockctl serve` with its web API on a port of its own, and a client that pairs."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.serve.running import Running, free_port
from tests.serve.running import serving as serving_dns

PATIENCE = 60.0  # seconds: for a loaded machine, not for the server
RESOLVER = 'resolver: {listen: ["127.0.0.1:PORT"], api: "127.0.0.1:%d", upstreams: ["127.0.0.1:9"], refresh: off}\n'


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body read."""
        return json.loads(self.body)


@dataclass
class Api:
    """The API of a server that runs."""

    running: Running
    port: int
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def text(self) -> str:
        """The policy file as it is now."""
        return self.running.policy.read_text(encoding="utf-8")

    def code(self, *words: str) -> str:
        """Return a code that `blockctl pair` prints."""
        done = self.running.run("pair", "--json", *words)
        assert done.returncode == 0, done.stderr
        return str(json.loads(done.stdout)["code"])

    def pair(self, *words: str) -> str:
        """Pair, and use the token from now on."""
        answer = self.call("POST", "/v1/pair", {"code": self.code(*words), "name": "test"})
        assert answer.status == 200, answer.body
        self.token = answer.json()["token"]
        return self.token

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Ask once, with the token; a header that is given replaces ours, "" leaves it out."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        sent |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(link):
            link.putrequest(method, path, skip_host="Host" in sent, skip_accept_encoding=True)
            for name, value in sent.items():
                if value:
                    link.putheader(name, value)
            if data is not None:
                link.putheader("Content-Length", str(len(data)))
            link.endheaders(data)
            answer = link.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def raw(self) -> socket.socket:
        """Open a connection for what no client would send."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)


@contextlib.contextmanager
def serving(folder: Path, policy: str = "", **files: str) -> Iterator[Api]:
    """Run a server on a policy without its `version` and `resolver`."""
    port = free_port()
    text = f"version: 1\n{policy}{RESOLVER % port}"
    with serving_dns(folder, text, **files) as running:
        yield Api(running, port)
