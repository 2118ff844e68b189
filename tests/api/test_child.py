"""The API beside the resolver: started when somebody comes, apart from it, following the policy."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.serving import Api, serving
from tests.serve.running import free_port

OPENSSL = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=home.test "
    "-addext subjectAltName=DNS:home.test,IP:127.0.0.1 -keyout key.pem -out cert.pem"
)


def children(api: Api) -> list[int]:
    found = subprocess.run(
        ["pgrep", "-f", "-P", str(api.running.process.pid), "api_process"], capture_output=True, text=True, check=False
    )
    return [int(each) for each in found.stdout.split()]


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_it_starts_when_somebody_comes_and_ends_with_the_resolver(tmp_path: Path) -> None:
    with serving(tmp_path) as api:
        assert children(api) == []
        assert api.call("GET", "/v1/hello").status == 200
        (child,) = children(api)
        os.kill(child, signal.SIGKILL)  # a fault in it
        until(lambda: "the web API ended" in api.running.said())
        api.running.code("localhost")  # touches no DNS
        assert api.call("GET", "/v1/hello").status == 200
        (child,) = children(api)
        api.running.process.kill()  # nobody tells it
        until(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text())
        with contextlib.suppress(AssertionError):  # the helper wants it to have ended well
            api.running.process.wait(60)


def test_it_follows_the_policy(tmp_path: Path) -> None:
    with serving(tmp_path) as api:
        assert api.call("GET", "/v1/hello").status == 200
        text, other = api.text, free_port()
        api.running.policy.write_text(text.replace(f"127.0.0.1:{api.port}", f"127.0.0.1:{other}"), encoding="utf-8")

        def moved() -> bool:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", other), 1).close()
                return True
            return False

        until(moved)
        old, api.port = api.port, other
        assert api.call("GET", "/v1/hello").status == 200
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", old), 1)
        api.running.policy.write_text(text.replace(f'"127.0.0.1:{old}"', "off"), encoding="utf-8")
        until(lambda: not moved())
        assert children(api) == []


def test_a_port_that_is_taken_is_told_and_the_resolver_serves(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        from tests.serve.running import serving as serving_dns

        text = f'version: 1\nresolver: {{listen: ["127.0.0.1:PORT"], api: "127.0.0.1:{port}"}}\n'
        with serving_dns(tmp_path, text) as running:
            assert running.code("localhost") == "NOERROR"
            assert f"the web API cannot listen on 127.0.0.1:{port}" in running.said()
            assert running.said().count("cannot listen") == 1
            assert 'name another: resolver: {api: "127.0.0.1:5381"}' in running.said()


def test_other_devices_come_by_https_and_by_the_name_in_the_certificate(tmp_path: Path) -> None:
    try:
        subprocess.run(OPENSSL.split(), cwd=tmp_path, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not here")
    import ssl

    port = free_port()
    secure = f'api: ["127.0.0.1:%d", "https://0.0.0.0:{port}"], tls: {{certificate: cert.pem, key: key.pem}}'
    with serving(tmp_path) as api:
        text = api.text.replace(f'api: "127.0.0.1:{api.port}"', secure % api.port)
        api.running.policy.write_text(text, encoding="utf-8")
        context = ssl._create_unverified_context()

        def status(host: str) -> int:
            with contextlib.suppress(OSError):
                link = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
                link.request("GET", "/v1/hello", headers={"Host": host})
                return link.getresponse().status
            return 0

        until(lambda: status(f"127.0.0.1:{port}") == 200)
        assert status(f"home.test:{port}") == 200
        assert status(f"evil.test:{port}") == 421
        assert status(f"home.test:{api.port}") == 421
