"""An authority of one's own: what clients accept of it, what they refuse, and its renewal."""

from __future__ import annotations

import shutil
import ssl
import stat
import subprocess
from pathlib import Path

import pytest

from blockctl.io import authority as module
from blockctl.io.authority import LEAF_DAYS, Authority, authority
from blockctl.io.tls import names_in, seconds_left
from blockctl.model.diagnostic import BlockctlError, WorldError

HOST = "dns.home.arpa"
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the package openssl")


def handshake(made: Authority, name: str, certificate: Path, key: Path) -> str:
    """Return "" when a client that knows the root takes the certificate under a name, else why not."""
    trusting = ssl.create_default_context(cadata=made.root)
    trusting.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certificate, key)
    pipes = [ssl.MemoryBIO() for _ in range(2)]
    client = trusting.wrap_bio(pipes[0], pipes[1], server_hostname=name)
    server = serving.wrap_bio(pipes[1], pipes[0], server_side=True)
    waiting = [client, server]
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    assert waiting == []
    return ""


def test_clients_take_it(tmp_path: Path) -> None:
    made = authority(tmp_path / "authority", HOST, ["192.168.1.2", "fd00::2", "203.0.113.7"])
    assert made.fresh
    assert names_in(made.certificate) == {HOST, f"*.{HOST}", "127.0.0.1", "::1", "192.168.1.2", "fd00::2"}
    for name in (HOST, f"kid.{HOST}", "192.168.1.2", "fd00::2"):
        assert handshake(made, name, made.certificate, made.key) == "", name
    assert "match" in handshake(made, "bank.example", made.certificate, made.key)
    assert (LEAF_DAYS - 1) * 86_400 < seconds_left(made.certificate) <= 825 * 86_400


def test_keys_are_their_owners_alone(tmp_path: Path) -> None:
    authority(tmp_path / "authority", HOST, [])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "authority").iterdir()}
    assert set(modes) == {"root.pem", "root-key.pem", "cert.pem", "key.pem", "host"}
    assert modes["root-key.pem"] == modes["key.pem"] == 0o600
    assert stat.S_IMODE((tmp_path / "authority").stat().st_mode) == 0o700


@pytest.mark.parametrize("names", ["DNS:bank.example", "IP:203.0.113.7", f"DNS:{HOST},DNS:bank.example"])
def test_a_stolen_root_vouches_for_nothing_else(tmp_path: Path, names: str) -> None:
    made = authority(tmp_path, HOST, [])
    (tmp_path / "forged.cnf").write_text(f"[leaf]\nsubjectAltName = {names}\nauthorityKeyIdentifier = keyid\n")
    asked = ["openssl", "req", "-new", "-key", made.key, "-subj", "/CN=x", "-out", tmp_path / "asked.pem"]
    signed = ["openssl", "x509", "-req", "-in", tmp_path / "asked.pem", "-CA", tmp_path / "root.pem",
              "-CAkey", tmp_path / "root-key.pem", "-set_serial", "7", "-days", "9", "-extensions", "leaf",
              "-extfile", tmp_path / "forged.cnf", "-out", tmp_path / "forged.pem"]  # fmt: skip
    for words in (asked, signed):
        subprocess.run(list(map(str, words)), check=True, capture_output=True, timeout=60)
    name = names.rpartition(":")[2]
    assert handshake(made, name, tmp_path / "forged.pem", made.key) == "permitted subtree violation"


def test_it_is_made_once_and_renewed_by_the_same_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = authority(tmp_path, HOST, ["192.168.1.2"])
    before = first.certificate.read_bytes(), first.key.read_bytes()
    again = authority(tmp_path, HOST, ["192.168.1.2"])
    assert (again.fresh, again.certificate.read_bytes(), again.key.read_bytes()) == (False, *before)
    moved = authority(tmp_path, HOST, ["192.168.1.3"])
    assert (moved.fresh, moved.root, moved.key.read_bytes()) == (True, first.root, before[1])
    assert handshake(first, "192.168.1.3", moved.certificate, moved.key) == ""
    monkeypatch.setattr(module, "RENEW", (LEAF_DAYS + 1) * 86_400)
    assert authority(tmp_path, HOST, ["192.168.1.3"]).fresh


def test_another_host_needs_another_authority(tmp_path: Path) -> None:
    authority(tmp_path, HOST, [])
    with pytest.raises(BlockctlError, match=f"is for {HOST}, not for dns.example"):
        authority(tmp_path, "dns.example", [])


def test_nothing_is_left_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorldError, match="needs openssl"):
        authority(tmp_path / "authority", HOST, [])
    (tmp_path / "openssl").write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    (tmp_path / "openssl").chmod(0o755)
    with pytest.raises(WorldError, match="openssl req failed: broken"):
        authority(tmp_path / "authority", HOST, [])
    assert list((tmp_path / "authority").iterdir()) == []
