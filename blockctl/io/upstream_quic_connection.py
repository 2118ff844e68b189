"""The library's QUIC connection, and what it knows and does not tell, or would allow a stranger."""

from __future__ import annotations

from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated
from aioquic.quic.packet import QuicErrorCode

HELD = 2_000  # streams, those given up among them that the upstream does not end; then another connection is made
QUESTIONS = 1 << 20  # by one connection: its keys are good for 2^23 packets (RFC 9001, section 6.6)
SERVER, USES = "1.3.6.1.5.5.7.3.1", "2.5.29.37"  # of certificates: id-kp-serverAuth, and where it stands


class Connection(QuicConnection):
    """One connection."""

    by_us = False  # who ended it

    def close(
        self, error_code: int = QuicErrorCode.NO_ERROR, frame_type: int | None = None, reason_phrase: str = ""
    ) -> None:
        """End the connection; the library itself does where the other end is not to be trusted or understood."""
        self.by_us = self.by_us or self.ended is None
        super().close(error_code, frame_type, reason_phrase)

    @property
    def ended(self) -> ConnectionTerminated | None:
        """How it ended, at once; the library's event comes when the last packets of it cannot be under way any more."""
        ended: ConnectionTerminated | None = getattr(self, "_close_event", None)
        return ended

    @property
    def room(self) -> bool:
        """Whether one more stream may be opened; those beyond the other end's limit would wait in the library."""
        most: int = min(QUESTIONS, getattr(self, "_remote_max_streams_bidi", QUESTIONS))
        return self.get_next_available_stream_id() // 4 < most and len(getattr(self, "_streams", ())) < HELD

    @property
    def for_servers(self) -> bool:
        """Whether the other end's certificate is one of servers (RFC 5280, section 4.2.1.12); the library looks not."""
        certificate = getattr(self.tls, "_peer_certificate", None)  # none where a session is taken up
        found = certificate.extensions if certificate is not None else ()
        uses = [each.value for each in found if each.oid.dotted_string == USES]
        return all(SERVER in (purpose.dotted_string for purpose in each) for each in uses)

    def _write_stream_limits(self, *_: object, **__: object) -> None:
        """Raise no stream's limit: the library would double it whenever half is used, and keep room for what lacks."""
