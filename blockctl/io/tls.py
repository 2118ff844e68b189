"""TLS for those who listen: a certificate and its key from PEM files, read again when they change."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from blockctl.model.addresses import shortest
from blockctl.model.diagnostic import BlockctlError, WorldError

LOOK_EVERY = 1.0  # seconds at least between looks at the files, taken when somebody connects
SOON = 7 * 86_400  # seconds before a certificate expires that it is told
MAKE_ONE = (
    "make one: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 "
    "-subj /CN=dns.home.arpa -addext subjectAltName=DNS:dns.home.arpa,DNS:*.dns.home.arpa,IP:127.0.0.1 "
    "-keyout key.pem -out cert.pem"
)
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")

Stamps = tuple[tuple[int, int, int], ...]


class Certificate:
    """The two files. `told` hears, in words for people, of what is wrong with newer files: the older stay in use."""

    def __init__(self, certificate: Path | None, key: Path | None, told: Callable[[str], None]) -> None:
        """Check the files. Raises BlockctlError when they cannot be used."""
        if certificate is None or key is None:
            missing = "certificate" if certificate is None else "key"
            raise BlockctlError(f"tls:// and https:// need a {missing} (resolver.tls)", MAKE_ONE)
        self.certificate, self.key, self._told = certificate, key, told
        self.names = _load(self._bare(()), certificate, key)
        for warning in self._warnings():
            told(warning)

    def context(self, protocols: Sequence[str]) -> ssl.SSLContext:
        """Return a context that offers these protocols (ALPN); it goes on with newer files by itself."""
        outer = self._bare(protocols)
        _load(outer, self.certificate, self.key)
        state = _State(outer, self._stamps())

        def hello(asked: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            inner = self._newest(state, protocols)
            if inner is not outer:
                asked.context = inner
            asked.client_id = _client_id(name or "", self.names)  # type: ignore[attr-defined]

        outer.sni_callback = hello  # called without a name too
        return outer

    def _newest(self, state: _State, protocols: Sequence[str]) -> ssl.SSLContext:
        now = time.monotonic()
        if now - state.looked < LOOK_EVERY:
            return state.context
        state.looked = now
        stamps = self._stamps()
        if stamps == state.stamps or not stamps:
            return state.context
        state.stamps = stamps
        fresh = self._bare(protocols)
        try:
            self.names = _load(fresh, self.certificate, self.key)
        except BlockctlError as error:
            self._told(f"{error}; the certificate in use stays")
            return state.context
        state.context = fresh
        for warning in self._warnings():
            self._told(warning)
        return fresh

    def _stamps(self) -> Stamps:
        try:
            stats = [path.stat() for path in (self.certificate, self.key)]
        except OSError:  # between deleted and written
            return ()
        return tuple((each.st_ino, each.st_size, each.st_mtime_ns) for each in stats)

    def _warnings(self) -> list[str]:
        found = _decoded(self.certificate)
        now, warnings = time.time(), []
        if text := found.get("notAfter"):
            left = ssl.cert_time_to_seconds(str(text)) - now
            if left < 0:
                warnings.append(f"{self.certificate}: expired on {text}: most clients refuse it")
            elif left < SOON:
                warnings.append(f"{self.certificate}: expires on {text}; a newer one is taken up without a restart")
        if (text := found.get("notBefore")) and ssl.cert_time_to_seconds(str(text)) > now:
            warnings.append(f"{self.certificate}: not valid before {text}: is this machine's clock right?")
        return warnings

    @staticmethod
    def _bare(protocols: Sequence[str]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context


class _State:
    """The context in use and the files it was made from."""

    def __init__(self, context: ssl.SSLContext, stamps: Stamps) -> None:
        self.context, self.stamps = context, stamps
        self.looked = time.monotonic()


def client_id(asked: object) -> str:
    """Return the name that a device gave itself by the server's name it asked for, "" when none."""
    return str(getattr(asked, "client_id", ""))


def _client_id(name: str, names: frozenset[str]) -> str:
    """Read `ID.HOST`: the first label, unless the whole is a name of the certificate itself."""
    name = name.lower().rstrip(".")
    label, dot, host = name.partition(".")
    if name in names or not dot or "." not in host or not _LABEL.fullmatch(label):
        return ""
    return label


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> frozenset[str]:
    """Put the files into a context; return the names that the certificate is for, wildcards as they are."""
    protected = False

    def password() -> str:  # without this OpenSSL asks at the terminal
        nonlocal protected
        protected = True
        return ""

    for path in (certificate, key):
        try:
            with path.open("rb"):
                pass
        except FileNotFoundError as error:
            raise BlockctlError(f"{path}: there is no such file (resolver.tls)", MAKE_ONE) from error
        except OSError as error:
            raise WorldError(
                f"{path}: cannot read: {error.strerror}", "the key need only be yours: chmod 600"
            ) from error
    try:
        context.load_cert_chain(certificate, key, password=password)
    except (ssl.SSLError, ValueError, OSError) as error:
        if protected:
            hint = f"write it without: openssl pkey -in {key} -out key.pem"
            raise BlockctlError(f"{key}: the key is protected by a password", hint) from error
        if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
            raise BlockctlError(f"{key}: this is not the key of {certificate}", MAKE_ONE) from error
        reason = getattr(error, "reason", None) or "not PEM"
        raise BlockctlError(f"{certificate}, {key}: no certificate and key in PEM ({reason})", MAKE_ONE) from error
    alternatives = _decoded(certificate).get("subjectAltName", ())
    assert isinstance(alternatives, tuple)
    return frozenset(str(value).lower() for kind, value in alternatives if kind == "DNS")


def names_in(certificate: Path) -> frozenset[str]:
    """Return the names and addresses that a certificate is for, in lower case. Nothing: it cannot be read."""
    alternatives = _decoded(certificate).get("subjectAltName", ())
    assert isinstance(alternatives, tuple)
    return frozenset(shortest(str(value).lower()) for kind, value in alternatives if kind in ("DNS", "IP Address"))


def seconds_left(certificate: Path) -> float:
    """Return how long a certificate still holds; 0 when it cannot be read."""
    text = _decoded(certificate).get("notAfter")
    return ssl.cert_time_to_seconds(str(text)) - time.time() if text else 0.0


def _decoded(certificate: Path) -> dict[str, object]:
    """Return the fields of a certificate as `getpeercert` gives them; nothing where this Python cannot tell."""
    decode = getattr(getattr(ssl, "_ssl", None), "_test_decode_cert", None)
    try:
        return dict(decode(str(certificate))) if decode else {}
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        return {}
