"""Certificates: refused with the way out, warned about, read again."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from blockctl.io import tls
from blockctl.io.tls import Certificate
from blockctl.model.diagnostic import BlockctlError
from tests.io.transports import OPENSSL, make_certificate, needs_openssl, question, served, trusting

pytestmark = needs_openssl


def test_none_configured_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BlockctlError, match=r"need a certificate \(resolver\.tls\)") as caught:
        Certificate(None, None, print)
    command = caught.value.hint.removeprefix("make one: ")
    subprocess.run(command, shell=True, check=True, capture_output=True, cwd=tmp_path)
    Certificate(tmp_path / "cert.pem", tmp_path / "key.pem", pytest.fail)
    with pytest.raises(BlockctlError, match="need a key"):
        Certificate(tmp_path / "cert.pem", None, print)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path / "one")
    other = make_certificate(tmp_path / "two")[1]
    text = tmp_path / "text.pem"
    text.write_text("not PEM")
    secret = tmp_path / "secret.pem"
    assert OPENSSL is not None
    command = [OPENSSL, "pkey", "-in", str(key), "-aes128", "-passout", "pass:secret", "-out", str(secret)]
    subprocess.run(command, check=True, capture_output=True)
    for files, said in (
        ((tmp_path / "absent.pem", key), "absent.pem: there is no such file"),
        ((certificate, tmp_path), "cannot read"),
        ((certificate, other), "this is not the key of"),
        ((text, key), "no certificate and key in PEM"),
        ((certificate, text), "no certificate and key in PEM"),
        ((certificate, secret), "protected by a password"),
    ):
        with pytest.raises(BlockctlError, match=said):
            Certificate(*files, print)


def test_one_that_has_expired_is_used_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = make_certificate(tmp_path)
    told: list[str] = []
    real = tls.time.time
    monkeypatch.setattr("blockctl.io.tls.time.time", lambda: real() + 40 * 86_400)
    Certificate(*files, told.append)
    assert len(told) == 1
    assert "expired on" in told[0]
    monkeypatch.setattr("blockctl.io.tls.time.time", lambda: 1e9)
    Certificate(*files, told.append)
    assert "not valid before" in told[1]


def test_one_that_expires_soon_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    Certificate(*make_certificate(tmp_path, days=5), told.append)
    assert len(told) == 1
    assert "without a restart" in told[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("ipad.dns.home.arpa", "ipad", id="below the certificate's name"),
        pytest.param("dns.home.arpa", "", id="the certificate's name"),
        pytest.param("IPAD.dns.home.arpa.", "ipad", id="case and closing dot"),
        pytest.param("localhost", "", id="one label"),
        pytest.param("dns.example", "", id="two labels"),
        pytest.param("a b.dns.home.arpa", "", id="no label"),
        pytest.param("", "", id="none"),
    ],
)
def test_names_that_devices_give_themselves(name: str, expected: str) -> None:
    assert tls._client_id(name, frozenset(("dns.home.arpa",))) == expected


def test_newer_files_are_used_and_damaged_ones_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blockctl.io.tls.LOOK_EVERY", 0.0)
    used, newer = tmp_path / "used", tmp_path / "newer"
    files = make_certificate(used)
    fresh = make_certificate(newer, "new.home.arpa")
    told: list[str] = []

    async def inside() -> None:
        async with served(tls=Certificate(*files, told.append).context(["dot"])) as it:

            async def asked(authority: Path) -> bool:
                try:
                    peer = await it.connect(trusting(authority, "dot"))
                except ssl.SSLCertVerificationError:
                    return False
                peer.send(question(1))
                assert await peer.number() == 1
                assert peer.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "dot"
                peer.close()
                return True

            old = tmp_path / "old.pem"
            shutil.copy(files[0], old)
            assert await asked(old)
            shutil.copy(fresh[0], files[0])  # half done: the key is still the old one
            assert await asked(old)
            assert "this is not the key" in told[-1]
            shutil.copy(fresh[1], files[1])
            assert await asked(fresh[0])
            assert not await asked(old)
            files[0].unlink()
            assert await asked(fresh[0]), "the one in use stays"
            assert len(told) == 1

    asyncio.run(inside())
