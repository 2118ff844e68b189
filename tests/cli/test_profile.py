"""`profile` as it is typed: the server from the policy and its certificate, what is told, what is signed."""

from __future__ import annotations

import json
import plistlib
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.backends.apple_schema import faults
from tests.cli.run import Run, runner

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the package openssl")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "policy.yaml").write_text(
        "version: 1\nresolver: {listen: ['https://0.0.0.0:443'], tls: {certificate: cert.pem, key: key.pem}}\n"
    )
    return runner(tmp_path, monkeypatch, capfd)


def make_certificate(folder: Path, names: str = "DNS:dns.home.arpa,DNS:*.dns.home.arpa,IP:127.0.0.1") -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "30", "-subj", "/CN=test", "-addext", f"subjectAltName={names}",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip


@needs_openssl
def test_a_profile_for_the_policys_resolver(tmp_path: Path, run: Run) -> None:
    make_certificate(tmp_path)
    path = tmp_path / "home.mobileconfig"
    done = run("profile", "-o", str(path), "--ssid", "Home", "--ca", str(tmp_path / "cert.pem"))
    assert (done.status, done.out) == (0, ""), done.err
    assert "asks https://dns.home.arpa/dns-query at " in done.err
    assert "Private Relay" in done.err
    assert "Certificate Trust Settings" in done.err
    assert faults(path.read_bytes()) == []
    dns, root = plistlib.loads(path.read_bytes())["PayloadContent"]
    assert dns["OnDemandRules"][0]["SSIDMatch"] == ["Home"]
    assert ssl.DER_cert_to_PEM_cert(root["PayloadContent"]) == (tmp_path / "cert.pem").read_text()


@needs_openssl
def test_an_address_in_the_certificate_will_do(tmp_path: Path, run: Run) -> None:
    make_certificate(tmp_path, "IP:127.0.0.1,DNS:localhost")
    text = (tmp_path / "policy.yaml").read_text()
    (tmp_path / "policy.yaml").write_text(text.replace("0.0.0.0:443", "127.0.0.1:8443/q"))
    done = run("profile", "-o", str(tmp_path / "p"), "--json")
    said = json.loads(done.out)
    assert (said["server"], said["addresses"]) == ("https://127.0.0.1:8443/q", ["127.0.0.1"])
    assert any("only this machine" in note for note in said["notes"])


@needs_openssl
def test_a_signature_holds_the_profile(tmp_path: Path, run: Run) -> None:
    make_certificate(tmp_path)
    words = ("profile", "--server", "tls://dns.example", "--address", "192.0.2.1", "-o")
    assert run(*words, str(tmp_path / "plain")).status == 0
    signed = run(*words, str(tmp_path / "signed"), "--sign", str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    assert signed.status == 0, signed.err
    opened = subprocess.run(
        ["openssl", "smime", "-verify", "-inform", "DER", "-in", tmp_path / "signed",
         "-CAfile", tmp_path / "cert.pem", "-purpose", "any"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert opened.stdout == (tmp_path / "plain").read_bytes()


@needs_openssl
def test_files_that_do_not_sign(tmp_path: Path, run: Run) -> None:
    make_certificate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    make_certificate(other)
    for key in (other / "key.pem", tmp_path / "cert.pem", tmp_path / "absent.pem"):
        done = run("profile", "--server", "tls://dns.example", "-o", str(tmp_path / "p"),
                   "--sign", str(tmp_path / "cert.pem"), str(key))  # fmt: skip
        assert done.status == 2, done.err
        assert not (tmp_path / "p").exists()


def test_to_standard_output(run: Run) -> None:
    done = run("profile", "--server", "https://dns.example/q", "--failover")
    assert done.status == 0, done.err
    assert faults(done.out.encode()) == []
    assert "without --address" in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param([], "no device would take the certificate", id="no certificate"),
        pytest.param(["--address", "192.0.2.1"], "--address goes with --server", id="address"),
        pytest.param(["--server", "tls://a.example", "--json"], "--json tells of a file", id="json"),
        pytest.param(["--server", "tls://a.example", "--name", " "], "is no name", id="name"),
        pytest.param(["--server", "tls://a.example", "--ca", "absent.pem"], "there is no such file", id="no CA"),
        pytest.param(["--server", "tls://a.example", "--ca", "policy.yaml"], "holds no certificate", id="no PEM"),
        pytest.param(["--server", "tls://a.example", "--ssid", ""], "no name of a network", id="ssid"),
    ],
)
def test_what_is_wrong_is_told(
    tmp_path: Path, run: Run, words: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("profile", *words)
    assert (done.status, says in done.err) == (2, True), done.err
    assert "Traceback" not in done.err


def test_signing_without_openssl(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "cert.pem").write_text("")
    done = run("profile", "--server", "tls://a.example", "--sign", *[str(tmp_path / "cert.pem")] * 2)
    assert (done.status, "needs openssl" in done.err) == (3, True), done.err


@needs_openssl
def test_an_authority_of_ones_own(tmp_path: Path, run: Run) -> None:
    folder, path = tmp_path / "state" / "authority", tmp_path / "home.mobileconfig"
    words = ("profile", "-o", str(path), "--with-ca", "dns.home.arpa")
    policy = (tmp_path / "policy.yaml").read_text()
    (tmp_path / "policy.yaml").write_text(policy.replace(", tls: {certificate: cert.pem, key: key.pem}", ""))
    assert run("check").status == 2
    done = run(*words)
    assert done.status == 0, done.err
    assert f'tls: {{certificate: "{folder}/cert.pem", key: "{folder}/key.pem"}}' in done.err
    assert faults(path.read_bytes()) == []
    first = path.read_bytes()
    root = plistlib.loads(first)["PayloadContent"][1]["PayloadContent"]
    assert ssl.DER_cert_to_PEM_cert(root) == (folder / "root.pem").read_text()
    (tmp_path / "policy.yaml").write_text(policy.replace("cert.pem, key: key.pem", "state/authority/cert.pem, key: k"))
    done = run(*words)
    assert (done.status, "tls: {" in done.err, path.read_bytes()) == (0, False, first), done.err
    other = run("profile", "-o", str(path), "--with-ca", "dns.example")
    assert (other.status, "is for dns.home.arpa, not for dns.example" in other.err) == (2, True)


@pytest.mark.parametrize("host", ["", "dns", "192.0.2.1", "a b.example", "x\ny.example"])
def test_an_authority_for_what_is_no_name(tmp_path: Path, run: Run, host: str) -> None:
    done = run("profile", "--with-ca", host or " ")
    assert (done.status, "is no host name" in done.err) == (2, True), done.err
    assert not (tmp_path / "state" / "authority").exists()


def test_an_authority_for_a_policy_with_other_faults(tmp_path: Path, run: Run) -> None:
    (tmp_path / "policy.yaml").write_text("version: 1\nresolver: {listen: ['https://0.0.0.0:443'], answer: maybe}\n")
    done = run("profile", "--with-ca", "dns.home.arpa")
    assert (done.status, "answer" in done.err, "certificate" in done.err) == (2, True, False), done.err
