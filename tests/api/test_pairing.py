"""Who may use the API: codes, tokens, devices."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blockctl.io.api_devices import Devices
from blockctl.io.api_pairing import TRIES, VALID, Codes
from blockctl.io.api_who import MOST_TRIES, Rate
from tests.api.serving import Api
from tests.serve.running import free_port

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_a_code_works_once(tmp_path: Path) -> None:
    codes = Codes(tmp_path)
    code = codes.make(NOW, name="phone")
    assert len(code) == 6
    assert code.isdigit()
    offer = codes.redeem(code, NOW)
    assert offer is not None
    assert (offer.name, offer.scopes) == ("phone", ("read", "write"))
    assert codes.redeem(code, NOW) is None


def test_a_code_ends_after_five_minutes_and_after_five_wrong_ones(tmp_path: Path) -> None:
    codes = Codes(tmp_path)
    late = codes.make(NOW, typed=False)
    assert codes.redeem(late, NOW + VALID) is None
    code = codes.make(NOW, typed=False)
    for _ in range(TRIES - 1):
        assert codes.redeem("wrong", NOW) is None
    assert codes.redeem(code, NOW + VALID - timedelta(seconds=1)) is not None
    code = codes.make(NOW, typed=False)
    for _ in range(TRIES):
        codes.redeem("wrong", NOW)
    assert codes.redeem(code, NOW) is None


def test_nothing_that_is_kept_is_a_secret_and_nobody_else_reads_it(tmp_path: Path) -> None:
    code, (device, token) = Codes(tmp_path).make(NOW), Devices(tmp_path).add("a", ("read",), NOW)
    for name in ("codes.json", "devices.json"):
        path = tmp_path / "api" / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert token not in path.read_text()
        assert f'"{code}"' not in path.read_text()
    assert stat.S_IMODE((tmp_path / "api").stat().st_mode) == 0o700
    assert Devices(tmp_path).of_token(token) == device
    assert Devices(tmp_path).of_token(token[:-1]) is None


def test_names_are_clean_and_none_is_there_twice(tmp_path: Path) -> None:
    devices = Devices(tmp_path)
    names = [devices.add(name, ("read",), NOW)[0].name for name in ("tab", "tab", "a\x1b[31m\nb", " ", "x" * 500)]
    assert names == ["tab", "tab 2", "a [31m b", "device", "x" * 60]


def test_a_day_that_cannot_be_noted_turns_nobody_away(tmp_path: Path) -> None:
    devices = Devices(tmp_path)
    device, token = devices.add("phone", ("read",), NOW)
    (tmp_path / "api" / ".devices.json.lock").mkdir()  # as good as a full disk
    devices.seen(device, "2026-11-22")
    assert devices.of_token(token) == device


@pytest.mark.parametrize("text", ["", "[]", "nonsense", '{"devices": 3, "codes": [{"until": 3}]}', "[" * 100_000])
def test_files_that_are_not_ours_count_as_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / "api").mkdir()
    for name in ("codes.json", "devices.json"):
        (tmp_path / "api" / name).write_text(text)
    assert Devices(tmp_path).all() == []
    assert Codes(tmp_path).redeem("123456", NOW) is None
    _, token = Devices(tmp_path).add("a", ("read",), NOW)
    assert Devices(tmp_path).of_token(token) is not None


def test_wrong_codes_are_enough_for_a_minute() -> None:
    time = 0.0
    rate = Rate(clock=lambda: time)
    for _ in range(MOST_TRIES):
        assert not rate.is_over()
        rate.failed()
    assert rate.is_over()
    time = 61.0
    assert not rate.is_over()


def test_a_device_is_paired_limited_and_revoked(api: Api) -> None:
    code = api.code("--name", "wall tablet", "--read-only")
    told = api.call("POST", "/v1/pair", {"code": f"{code[:3]} {code[3:]}", "name": "x"}, Authorization="").json()
    assert (told["device"], told["scopes"]) == ("wall tablet", ["read"])
    bearer = f"Bearer {told['token']}"
    assert api.call("GET", "/v1/hello", Authorization=bearer).json()["paired"] is True
    assert api.call("GET", "/v1/site?host=rant.example", Authorization=bearer).status == 200
    assert api.call("PATCH", "/v1/site?host=a.example", {"javascript": "deny"}, Authorization=bearer).status == 403
    assert "wall tablet" in [each["name"] for each in api.call("GET", "/v1/devices").json()["devices"]]
    done = api.running.run("devices", "revoke", "wall tablet")
    assert done.returncode == 0, done.stderr
    assert api.call("GET", "/v1/site?host=rant.example", Authorization=bearer).status == 401
    assert api.call("GET", "/v1/hello", Authorization=bearer).json()["paired"] is False
    assert api.running.run("devices", "revoke", "wall tablet").returncode == 2


def test_who_is_revoked_follows_no_longer(api: Api) -> None:
    """A stream that was opened with a token ends with it."""
    token = api.call("POST", "/v1/pair", {"code": api.code(), "name": "guest"}, Authorization="").json()["token"]
    with api.raw() as link:
        head = f"GET /v1/log/live HTTP/1.1\r\nHost: 127.0.0.1:{api.port}\r\nConnection: close\r\n"
        link.sendall(f"{head}Authorization: Bearer {token}\r\n\r\n".encode())
        assert b": here" in (link.recv(65536) + link.recv(65536))
        assert api.call("DELETE", "/v1/devices?name=guest").status == 200
        while link.recv(65536):  # to its end; else the time is out
            pass


def test_another_device_gets_a_code_from_the_page(api: Api) -> None:
    made = api.call("POST", "/v1/codes", {"name": "phone"})
    assert made.status == 201
    assert made.json()["addresses"] == [f"{api.base}/#code={made.json()['code']}"]
    told = api.call("POST", "/v1/pair", {"code": made.json()["code"]}, Authorization="")
    assert told.json()["device"] == "phone"
    assert json.loads(api.running.run("devices", "--json").stdout)["devices"]
    assert api.call("DELETE", "/v1/devices?name=phone").status == 200


def test_pair_shows_a_code_a_person_can_scan(api: Api) -> None:
    shown = api.running.run("pair", "--show").stdout
    assert "Code: " in shown
    assert shown.count("\n") > 12  # the QR code
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "Nobody answers" not in shown


def test_a_code_for_a_page_that_is_not_served_says_so(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(f'version: 1\nresolver: {{api: "127.0.0.1:{free_port()}"}}\n')
    words = [sys.executable, "-m", "blockctl", "pair", "--policy", str(policy), "--state", str(tmp_path / "state")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "Nobody answers there yet: `blockctl serve` does" in done.stdout
