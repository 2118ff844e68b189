"""A certificate authority of one's own, made by OpenSSL: its root for devices, its certificate for our listeners.

The root may vouch for one name, what is below it, and private addresses, and for nothing else (RFC 5280, section
4.2.1.10): whoever steals its key can pretend to be no other site. Keys are readable by their owner alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from blockctl.io.signing import read_root
from blockctl.io.tls import names_in, seconds_left
from blockctl.model.addresses import LOOPBACK, PRIVATE, is_within, read_address
from blockctl.model.diagnostic import BlockctlError, WorldError

LIMIT = 60.0  # seconds for one command
ROOT_DAYS = 3650
LEAF_DAYS = 820  # Apple: "Requirements for trusted certificates in iOS 13 and macOS 10.15" allow 825
RENEW = 60 * 86_400  # seconds before the end
ROOT, ROOT_KEY, LEAF, LEAF_KEY, FOR = "root.pem", "root-key.pem", "cert.pem", "key.pem", "host"
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256")


@dataclass(frozen=True, slots=True)
class Authority:
    """The files of an authority."""

    root: bytes  # DER, for devices
    certificate: Path  # for the policy's `tls:`
    key: Path
    fresh: bool  # the certificate was made just now


def authority(folder: Path, host: str, addresses: Iterable[str]) -> Authority:
    """Return the authority of a folder for a host; what is missing or near its end is made.

    Only private addresses are put in. Raises BlockctlError when the authority there is for another host, WorldError
    when there is no OpenSSL or the files cannot be written.
    """
    private = {str(each) for text in addresses if (each := read_address(text)) is not None
               if is_within(each, (*PRIVATE, *LOOPBACK))}  # fmt: skip
    wanted = frozenset((host, f"*.{host}", "127.0.0.1", "::1", *private))
    folder = folder.resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as aside:
            if not (folder / ROOT).exists():
                _make_root(Path(aside), host, folder)
            elif (known := (folder / FOR).read_text(encoding="utf-8")) != host:
                raise BlockctlError(
                    f"the authority in {folder} is for {known}, not for {host}",
                    f"name {known}, or remove that folder: devices then need the new profile",
                )
            fresh = not _is_good(folder, wanted)
            if fresh:
                _make_leaf(Path(aside), host, wanted, folder)
    except OSError as error:
        raise WorldError(f"{folder}: cannot keep an authority there: {error.strerror or error}") from error
    return Authority(read_root(folder / ROOT), folder / LEAF, folder / LEAF_KEY, fresh)


def _is_good(folder: Path, wanted: frozenset[str]) -> bool:
    certificate = folder / LEAF
    return certificate.exists() and wanted <= names_in(certificate) and seconds_left(certificate) > RENEW


def _make_root(aside: Path, host: str, folder: Path) -> None:
    permitted = [f"permitted;DNS:{host}"]
    permitted += [f"permitted;IP:{net.network_address}/{net.netmask}" for net in (*PRIVATE, *LOOPBACK)]
    (aside / "root.cnf").write_text(
        "[req]\ndistinguished_name = name\nprompt = no\nx509_extensions = root\n"
        f"[name]\nCN = blockctl: {host}\n"
        "[root]\nbasicConstraints = critical, CA:TRUE, pathlen:0\nkeyUsage = critical, keyCertSign, cRLSign\n"
        f"subjectKeyIdentifier = hash\nnameConstraints = critical, {', '.join(permitted)}\n"
    )
    _openssl(aside, "req", "-x509", *NEW_KEY, "-days", str(ROOT_DAYS), "-config", "root.cnf",
             "-keyout", ROOT_KEY, "-out", ROOT)  # fmt: skip
    (aside / FOR).write_text(host, encoding="utf-8")
    for name in (FOR, ROOT_KEY, ROOT):  # the root last: where it is, all is there
        (aside / name).replace(folder / name)


def _make_leaf(aside: Path, host: str, wanted: frozenset[str], folder: Path) -> None:
    """Make a certificate; a key that is there stays, so that only one file changes under a resolver that runs."""
    names = ", ".join(f"{'IP' if read_address(each) else 'DNS'}:{each}" for each in sorted(wanted))
    (aside / "leaf.cnf").write_text(
        "[req]\ndistinguished_name = name\nprompt = no\n"
        f"[name]\nCN = {host[:64]}\n"
        "[leaf]\nbasicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature\n"
        f"extendedKeyUsage = serverAuth\nauthorityKeyIdentifier = keyid\nsubjectAltName = {names}\n"
    )
    key = folder / LEAF_KEY
    made = ("-new", "-sha256", "-key", str(key)) if key.exists() else (*NEW_KEY, "-keyout", LEAF_KEY)
    _openssl(aside, "req", *made, "-config", "leaf.cnf", "-out", "asked.pem")
    _openssl(aside, "x509", "-req", "-in", "asked.pem", "-CA", str(folder / ROOT),
             "-CAkey", str(folder / ROOT_KEY), "-set_serial", f"0x4{os.urandom(15).hex()}", "-sha256",
             "-days", str(LEAF_DAYS), "-extfile", "leaf.cnf", "-extensions", "leaf", "-out", LEAF)  # fmt: skip
    if not key.exists():
        (aside / LEAF_KEY).replace(key)
    (aside / LEAF).replace(folder / LEAF)


def _openssl(folder: Path, *words: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        raise WorldError("an authority needs openssl, which is not installed", "or bring your own: --ca rootCA.pem")
    try:
        done = subprocess.run(  # noqa: S603 - a program of the system, no shell
            [program, *words], cwd=folder, umask=0o077, capture_output=True, timeout=LIMIT, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise WorldError(f"openssl {words[0]} did not end") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise WorldError(f"openssl {words[0]} failed: {said[-1] if said else 'it says nothing'}")
