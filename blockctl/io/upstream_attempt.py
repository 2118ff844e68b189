"""A question at one upstream: what a connection holds while it waits for the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blockctl.dns.upstream_wire import Check
from blockctl.io.upstream_link import Connection, Fault

if TYPE_CHECKING:
    from blockctl.io.upstream_peer import Peer
    from blockctl.io.upstream_question import Question


class Attempt:
    """The question at one upstream: what a connection holds while it waits."""

    __slots__ = ("again", "holder", "key", "missed", "peer", "question", "started", "why", "wire", "wrong")

    def __init__(self, question: Question, peer: Peer, wire: bytes, started: float, why: Check | None) -> None:
        self.question = question
        self.peer = peer
        self.wire = wire
        self.started = started
        self.why = why  # what was wrong with an answer by UDP, after which TCP is taken
        self.key = 0
        self.holder: Connection | None = None
        self.again = False
        self.missed = False  # it is noted already that no answer came in time
        self.wrong = ""  # what came instead of an answer

    @property
    def tcp(self) -> bool:
        """Whether TCP is taken where UDP is the upstream's way."""
        return self.why is not None

    def received(self, answer: bytes) -> bool:
        """Take a message that came for it; False where it goes on waiting."""
        return self.question.received(self, answer)

    def failed(self, fault: Fault) -> None:
        """Take it that no answer will come."""
        self.question.failed(self, fault)
