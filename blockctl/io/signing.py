"""Certificates as files: the names that one is for, a root as a profile carries it, and a signature by OpenSSL."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

from blockctl.model.diagnostic import BlockctlError, WorldError

LIMIT = 60.0  # seconds for one signature
LARGEST = 1 << 20  # bytes: no certificate is larger
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def read_root(path: Path) -> bytes:
    """Return the first certificate of a file (PEM or DER) as DER. Raises BlockctlError when there is none."""
    data = _read(path)
    try:
        text = data.decode("ascii")
        if BEGIN in text:
            data = ssl.PEM_cert_to_DER_cert(BEGIN + text.partition(BEGIN)[2].partition(END)[0] + END)
    except (UnicodeDecodeError, ValueError):
        pass  # DER, or nothing: the next step tells
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=data)
    except (ssl.SSLError, ValueError) as error:
        raise BlockctlError(f"{path} holds no certificate", "write it as PEM: rootCA.pem of mkcert") from error
    return data


def sign_with(data: bytes, certificate: Path, key: Path) -> bytes:
    """Return the data inside a CMS signature (DER). Further certificates in the file go along, for the chain.

    Raises BlockctlError when the two files do not make one, WorldError when there is no OpenSSL.
    """
    chain, _ = _read(certificate).count(BEGIN.encode()) > 1, _read(key)
    program = shutil.which("openssl")
    if program is None:
        raise WorldError(
            "signing needs openssl, which is not installed", "leave out --sign: a device takes it unsigned"
        )
    words = [
        program, "smime", "-sign", "-binary", "-nodetach", "-outform", "DER", "-md", "sha256",
        "-signer", str(certificate), "-inkey", str(key), "-passin", "pass:",
        *(("-certfile", str(certificate)) if chain else ()),
    ]  # fmt: skip
    try:
        done = subprocess.run(words, input=data, capture_output=True, timeout=LIMIT, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorldError(f"openssl did not sign: {error}") from error
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        hint = f"a certificate and its own key in PEM, the key without a password: openssl pkey -in {key} -out key.pem"
        raise BlockctlError(f"{certificate} and {key} do not sign: {said[0] if said else 'openssl says nothing'}", hint)
    return done.stdout


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise BlockctlError(f"{path}: there is no such file") from error
    except OSError as error:
        raise WorldError(f"{path}: cannot read: {error.strerror}") from error
    if len(data) > LARGEST:
        raise BlockctlError(f"{path} is no certificate: it is too large")
    return data
