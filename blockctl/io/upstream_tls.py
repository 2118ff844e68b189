"""TLS towards upstreams: certificates are verified always, and sessions are taken up again (RFC 8446, section 2.2)."""

from __future__ import annotations

import ssl
from functools import cache


class Context(ssl.SSLContext):
    """A client's settings that know the last session with each name; asyncio itself hands none on."""

    sessions: dict[str, ssl.SSLSession]

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a handshake, with the last session where there is one."""
        last = session or self.sessions.get(str(server_hostname))
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, last)


@cache
def context(protocol: str) -> Context:
    """Return the settings for `dot` or `h2`: TLS 1.2 or newer, and the system's authorities."""
    made = Context(ssl.PROTOCOL_TLS_CLIENT)
    made.sessions = {}
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols([protocol])
    made.load_default_certs()
    known = ssl.get_default_verify_paths()
    if not (known.cafile or known.capath or made.cert_store_stats()["x509_ca"]):
        load_certifi(made)
    return made


def load_certifi(made: Context) -> None:
    """Python from python.org knows no authorities on a Mac; `requests` brings some."""
    try:
        import certifi
    except ImportError:
        return
    made.load_verify_locations(certifi.where())
