"""What must be refused, as an attacker would send it. A browser as the attacker: tests/engines/test_api_attacks.py."""

from __future__ import annotations

import contextlib
import time

import pytest

from blockctl.io import api_guard, api_server
from tests.api.serving import Api

WRITE = {"javascript": "allow"}
SITE = "/v1/site?host=rant.example"


@pytest.fixture(autouse=True)
def _untouched(api: Api) -> object:
    before = api.text
    yield
    assert api.text == before


def test_no_token_and_a_wrong_one(api: Api) -> None:
    for token in ("", "Bearer ", "Bearer wrong", f"Basic {api.token}", f"Bearer {api.token}x", "Bearer \xff"):
        answer = api.call("PATCH", SITE, WRITE, Authorization=token)
        assert answer.status == 401, token
        assert answer.headers["www-authenticate"] == "Bearer"
    assert api.call("GET", f"{SITE}&token={api.token}", Authorization="").status == 401
    assert api.call("GET", "/openapi.json", Authorization="").status == 401
    assert api.call("GET", SITE, Authorization="", Cookie=f"token={api.token}").status == 401


def test_a_forged_form(api: Api) -> None:
    body = b'{"javascript": "allow", "note": "="}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "text/json"):
        assert api.call("PATCH", SITE, body, Content_Type=kind).status == 415, kind
        assert api.call("POST", "/v1/pair", b'{"code": "123456"}', Content_Type=kind).status == 415, kind


def test_a_name_that_leads_here(api: Api) -> None:
    for host in (f"evil.example:{api.port}", "evil.example", f"127.0.0.1.evil.example:{api.port}", "127.0.0.1:1",
                 f"localhost.evil.example:{api.port}", "", f"[::ffff:192.0.2.1]:{api.port}", f"192.0.2.1:{api.port}",
                 f"user@127.0.0.1:{api.port}"):  # fmt: skip
        for path in ("/v1/hello", SITE, "/", "/lists/x/ublock.txt"):
            assert api.call("GET", path, Host=host or " ").status in (400, 421), host
    for host in (f"127.0.0.1:{api.port}", f"localhost:{api.port}", f"[::1]:{api.port}"):
        assert api.call("GET", SITE, Host=host).status == 200


def test_pages_of_elsewhere(api: Api) -> None:
    for origin in ("https://evil.example", "null", f"https://127.0.0.1:{api.port}", "http://127.0.0.1:1", "http://127.0.0.1",
                   f"http://localhost:{api.port}.evil.example", "file://", "xchrome-extension://a"):  # fmt: skip
        answer = api.call("GET", SITE, Origin=origin)
        assert answer.status == 403, origin
        assert "access-control-allow-origin" not in answer.headers
        assert api.call("OPTIONS", SITE, Origin=origin, Access_Control_Request_Method="PATCH").status == 403
    for place in ("cross-site", "same-site"):
        assert api.call("GET", SITE, Sec_Fetch_Site=place).status == 403
        assert api.call("POST", "/v1/pair", {"code": "1"}, Sec_Fetch_Site=place, Authorization="").status == 403
        assert api.call("GET", "/lists/x/ublock.txt", Sec_Fetch_Site=place, Authorization="").status == 403
    assert api.call("GET", SITE, Origin=api.base).status == 200


def test_an_extension_may_ask_with_a_token_only(api: Api) -> None:
    origin = "chrome-extension://abcdefghijklmnopabcdefghijklmnop"
    asked = api.call("OPTIONS", SITE, Origin=origin, Authorization="", Access_Control_Request_Method="PATCH")
    assert asked.status == 204
    assert asked.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-credentials" not in asked.headers
    answer = api.call("GET", SITE, Origin=origin, Sec_Fetch_Site="cross-site")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, origin)
    assert api.call("GET", SITE, Origin=origin, Authorization="").status == 401
    assert api.call("GET", "/", Origin=origin).status == 403


def test_a_stolen_list_address_reads_lists_and_nothing_else(api: Api) -> None:
    capability = api.call("GET", "/v1/lists/addresses").json()
    secret = api.running.run("lists", "--addresses", "--json").stdout
    assert capability["addresses"] == [] or capability["addresses"][0] in secret
    from blockctl.io.api_devices import Capabilities

    stolen = Capabilities(api.running.folder / "state").get()
    assert api.call("GET", SITE, Authorization=f"Bearer {stolen}").status == 401
    assert api.call("GET", f"/v1/{stolen}/site", Authorization="").status == 401
    for name in ("../policy.yaml", "..%2fpolicy.yaml", "%2e%2e/policy.yaml", "ublock.txt/../../policy.yaml",
                 "policy.yaml", "../state/api/devices.json", "", "/etc/passwd", "%00"):  # fmt: skip
        assert api.call("GET", f"/lists/{stolen}/{name}", Authorization="").status in (400, 404), name
    assert api.call("GET", "/lists/wrong/ublock.txt", Authorization="").status == 404
    assert api.call("GET", "/lists//ublock.txt", Authorization="").status == 404


def test_files_beside_the_page(api: Api) -> None:
    for name in ("..%2f__init__.py", "%2e%2e%2fpolicy", ".hidden", "__init__.py", "%00", "a%2fb"):
        assert api.call("GET", f"/{name}", Authorization="").status == 404, name


def test_websockets(api: Api) -> None:
    for path in ("/", SITE, "/v1/log/live"):
        answer = api.call("GET", path, Connection="Upgrade", Upgrade="websocket", Sec_Websocket_Version="13",
                          Sec_Websocket_Key="dGhlIHNhbXBsZSBub25jZQ==", Origin=api.base)  # fmt: skip
        assert answer.status == 400, path


def test_what_is_too_large(api: Api) -> None:
    too_much = b'{"note": "' + b"x" * api_guard.LARGEST + b'"}'
    assert api.call("PATCH", SITE, too_much).status == 413
    with api.raw() as link:  # without a length
        link.sendall(
            f"PATCH {SITE} HTTP/1.1\r\nHost: 127.0.0.1:{api.port}\r\nAuthorization: Bearer {api.token}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        with contextlib.suppress(OSError):
            for _ in range(20):
                link.sendall(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
        assert b" 413 " in link.recv(4096)
    answer = api.call("GET", "/" + "a" * (api_server.LARGEST_HEAD + 4096), Authorization="")
    assert answer.status in (400, 404)
    deep = api.call("PATCH", SITE, b"[" * 60_000)
    assert (deep.status, deep.json()["error"]["message"]) == (400, "the body is not JSON")


def test_a_slow_sender(api: Api) -> None:
    """Two at a time, to wait once: one that never ends its head, one that never ends its body."""
    head, body = api.raw(), api.raw()
    with head, body:
        head.sendall(f"GET /v1/hello HTTP/1.1\r\nHost: 127.0.0.1:{api.port}\r\n".encode())
        body.sendall(
            f"PATCH {SITE} HTTP/1.1\r\nHost: 127.0.0.1:{api.port}\r\nAuthorization: Bearer {api.token}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
        )
        end = time.monotonic() + api_server.HEAD_SECONDS * 6
        with contextlib.suppress(OSError):
            while time.monotonic() < end:
                head.sendall(b"X-A: 1\r\n")
                time.sleep(0.5)
        assert time.monotonic() < end, "a head that never ends was waited for"
        body.settimeout(60)
        assert b" 408 " in body.recv(4096)


def test_many_connections_of_one(api: Api) -> None:
    links = []
    try:
        for _ in range(api_server.MOST_OF_ONE + 8):
            links.append(api.raw())
        closed = 0
        for link in links:
            link.settimeout(0.3)
            with contextlib.suppress(TimeoutError):
                try:
                    closed += link.recv(1) == b""
                except ConnectionResetError:
                    closed += 1
            if closed >= 8:
                break
        assert closed >= 8
    finally:
        for link in links:
            link.close()
    time.sleep(0.5)
    assert api.call("GET", SITE).status == 200


def test_guessed_codes(api: Api) -> None:
    code = api.code()
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    statuses = [api.call("POST", "/v1/pair", {"code": wrong}, Authorization="").status for _ in range(14)]
    assert statuses[:5] == [403] * 5
    assert statuses[-1] == 429
    assert api.call("POST", "/v1/pair", {"code": code}, Authorization="").status in (403, 429)


def test_no_answer_is_kept_or_framed(api: Api) -> None:
    for path in ("/v1/hello", SITE, "/nothing"):
        headers = api.call("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_nothing_secret_is_told(api: Api) -> None:
    said = api.running.said()
    assert api.token not in said
    assert "Traceback" not in said
