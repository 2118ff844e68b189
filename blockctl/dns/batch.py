"""Answers many queries where they lie: datagrams in the slots of one buffer, each answer written over its query.

The loop here is what the resolver does a hundred thousand times a second, so it is one function, and what a turn
needs stands in local variables.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from blockctl.dns.exchange import Outcome
from blockctl.dns.fast import Fast

SLOT = 2048  # bytes: of a longer query so much is looked at; an answer has at most `fast.MAX_REPLY`

Judge = Callable[[bytes, float], bytes | None]
Note = Callable[[tuple[float, str, bytes, int, Any, float]], object]


@dataclass(slots=True)
class Seat:
    """What is known of a client's address: the hot path of its group, and whether it has to be watched.

    `judge` gets each query and the time. It returns None where the query is to be answered as any other, else what
    is sent in the answer's place: b"" is nothing. None for a `judge`: the client may ask as it likes.
    """

    address: str
    fast: Fast
    judge: Judge | None = None


class Batch:
    """The loop, and what it works on.

    `counts` is by Outcome, of what was answered here. `note` gets of each of these queries the time, the client, what
    follows the query's id, the outcome, the reason and how many milliseconds it took. The reason of a blocked name
    is given as the rules that blocked it: to look it up is left to those who want to know.
    """

    def __init__(self, memory: Any, sit: Callable[[Hashable], Seat], note: Note | None = None) -> None:
        """Work on a buffer of slots. `sit` finds the seat of a client that was not seen before."""
        self._memory = memory
        self._sit = sit
        self._note = note
        self.seats: dict[Hashable, Seat] = {}
        self.counts = [0] * len(Outcome)
        self.gaps: list[int] = []  # slots of the last batch that hold no answer
        self.missed: list[tuple[int, Seat]] = []  # those of them that the resolver has to answer

    def answer(self, lengths: Sequence[int], clients: Sequence[Hashable], now: float) -> list[int]:
        """Answer a batch, of which the length and the client of each datagram are told; return the answers' lengths."""
        memory, seats, counts, note = self._memory, self.seats, self.counts, self._note
        refused, blocked_by = int(Outcome.REFUSED), int(Outcome.BLOCKED)
        self.gaps.clear()
        self.missed.clear()
        sizes: list[int] = []
        add_size = sizes.append
        last: Hashable = None
        body: bytes | None
        reason: Any
        start = 2 - SLOT  # where a slot's query goes on after its id
        for length, client in zip(lengths, clients, strict=True):
            start += SLOT
            if client != last:
                last = client
                seat = seats.get(client) or self._sit(client)
                fast, address, judge = seat.fast, seat.address, seat.judge
                kept, blocked, rules = fast.kept.get, fast.blocked, fast.rules
            key = memory[start : start + length - 2]
            if judge is not None and (said := judge(memory[start - 2 : start] + key, now)) is not None:
                body, outcome, reason = said[2:], refused, None
            elif (entry := kept(key)) is not None and (body := entry.body if now < entry.until else entry.age(now)):
                outcome, reason = entry.outcome, entry.reason
            elif body := blocked(key):
                outcome, reason = blocked_by, rules
            else:
                self.gaps.append(len(sizes))
                self.missed.append((len(sizes), seat))
                add_size(0)
                continue
            counts[outcome] += 1
            if note is not None:
                note((now, address, key, outcome, reason, 0.0))
            if size := len(body):
                memory[start : start + size] = body
                add_size(size + 2)
            else:
                self.gaps.append(len(sizes))
                add_size(0)
        return sizes
