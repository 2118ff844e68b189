"""Looks whether downloaded lists have a new version, several at once, and puts what is new on the shelf.

Nothing here changes what is live.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum

from blockctl.io.addresses import address_of, joined, origin_of, shown
from blockctl.io.download import Downloaded, download
from blockctl.io.fetch import FetchError, Validators
from blockctl.io.history import Answer, History
from blockctl.io.lock import PIN_ANEW, Lock, Version, not_pinned
from blockctl.io.shelf import Shelf
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.policy import ListSource
from blockctl.parsers.text import MAX_BYTES

AT_ONCE = 8  # lists; several that do not answer are waited for together
MAX_INCLUDED = 100  # files of one list; the one that includes most has some thirty
MAX_DEPTH = 4
MAX_PATCHES = 20  # one after the other: a list that changes hourly, after a day
GONE = (404, 410)
WHOLE = "whole "  # before an address: when its text was last asked for whole, not by patches
HEAD = 1024  # bytes that hold a list's header


class Event(Enum):
    """What came of looking."""

    NEW = "new"
    SAME = "same"
    NOT_DUE = "not due"
    FAILED = "failed"


@dataclass(slots=True)
class Look:
    """What was found of one list."""

    source: ListSource
    event: Event
    version: Version | None = None  # the new one, else the live one; None: nothing is here
    problem: BlockctlError | None = None
    answers: dict[str, Answer] = field(default_factory=dict)  # what addresses gave
    checked: list[str] = field(default_factory=list)  # addresses that were found to be up to date
    sent_back: bool = False  # the newest is one that a rollback left


@dataclass(frozen=True, slots=True)
class Refresher:
    """Looks for new versions. What it is given stays as it is."""

    shelf: Shelf
    lock: Lock
    history: History
    moment: float  # now, in seconds since 1970

    def look_at(
        self, sources: Sequence[ListSource], *, at_once: bool, told: Callable[[Look], None] = lambda _: None
    ) -> list[Look]:
        """Look at these lists, those that are due or (`at_once`) all; `told` hears of each when it is done.

        What is interrupted waits for no server: the threads are left behind, and nothing they do counts.
        """
        from queue import SimpleQueue  # late, as the threads: most commands download nothing
        from threading import Thread

        first = {address_of(source): source for source in reversed(sources)}  # two lists of one address are one
        waiting, done = iter(first.values()), SimpleQueue[Look | BaseException]()

        def work() -> None:
            for source in waiting:  # an iterator over a dict gives each to one thread alone
                try:
                    done.put(self.look(source, at_once=at_once))
                except BaseException as error:  # it is raised again below
                    done.put(error)

        for _ in range(min(AT_ONCE, len(first))):
            Thread(target=work, daemon=True).start()
        looks: dict[str, Look] = {}
        for _ in first:
            look = done.get()
            if isinstance(look, BaseException):
                raise look
            looks[address_of(look.source)] = look
            told(look)
        return [_for(source, looks[address_of(source)]) for source in sources]

    def due(self, source: ListSource) -> float:
        """Return when a list is to be looked at again, in seconds since 1970."""
        address = address_of(source)
        live = self.lock.get(address)
        if live is None or not self.shelf.has(live.sha256):
            return 0.0
        return self.shelf.looked(address) + live.expires

    def look(self, source: ListSource, *, at_once: bool) -> Look:
        """Look at one list."""
        live = self.lock.get(address_of(source))
        here = live is not None and all(map(self.shelf.has, live.texts))
        if here and (self._pinned(source, live) or not (at_once or self.due(source) <= self.moment)):
            return Look(source, Event.SAME if self._pinned(source, live) else Event.NOT_DUE, live)
        look = Look(source, Event.SAME, live)
        try:
            digest = self._patched(source, look, at_once=at_once) if here else None
            found = self._version(source, digest or self._whole(source, look), look)
            self._refuse_unpinned(source, found)
        except BlockctlError as error:
            return Look(source, Event.FAILED, live if here else None, error)
        look.checked.append(address_of(source))
        if not found.same_text(live):
            past = self.history.lists.get(address_of(source))
            look.sent_back = here and past is not None and found.mark in past.refused
            look.event, look.version = (Event.SAME, live) if look.sent_back else (Event.NEW, found)
        elif not here:
            look.event = Event.NEW  # as it was, but its text had been lost
        return look

    def _pinned(self, source: ListSource, live: Version | None) -> bool:
        return bool(source.sha256) and live is not None and live.mark == source.sha256.lower()

    def _refuse_unpinned(self, source: ListSource, found: Version) -> None:
        if source.sha256 and found.mark != source.sha256.lower():
            what = f"another text than the one that sha256 names ({not_pinned(found.mark, found.includes)})"
            raise BlockctlError(f"{shown(source.url)} has {what}", PIN_ANEW)

    def _whole(self, source: ListSource, look: Look) -> str:
        """Ask the list's addresses for its text; return the digest."""
        digest = self._keep(self._ask(source.addresses, ()), look)
        look.checked.append(WHOLE + address_of(source))
        return digest

    def _ask(self, addresses: Sequence[str], within: Sequence[str]) -> Downloaded:
        known = {}
        for address in addresses:
            answer = self.history.answers.get(shown(address))
            if answer is not None and self.shelf.has(answer.sha256):
                known[address] = answer.validators
        return download(addresses, known, within)

    def _keep(self, found: Downloaded, look: Look) -> str:
        address, fetched = shown(found.address), found.fetched
        if fetched.data is None:
            return self.history.answers[address].sha256
        digest = self.shelf.put(fetched.data)
        look.answers[address] = Answer(digest, fetched.validators)
        return digest

    def _version(self, source: ListSource, digest: str, look: Look) -> Version:
        """Return the version of that text, with what it includes."""
        from blockctl.parsers.adblock_directives import read_header
        from blockctl.parsers.due import next_look
        from blockctl.parsers.text import decode

        live = self.lock.get(address_of(source))
        if live is not None and live.sha256 == digest and not live.includes:
            return live
        text = self.shelf.read(digest)
        included = self._included(source, text, look)
        data = [text, *map(self.shelf.read, included.values())]
        date = datetime.fromtimestamp(int(self.moment), UTC).isoformat()
        expires = int(next_look(read_header(decode(text[:HEAD]))).total_seconds())
        lines = sum(each.count(b"\n") + (not each.endswith(b"\n")) for each in data)
        found = Version(digest, date, sum(map(len, data)), lines, expires, includes=included)
        return live if live is not None and found.same_text(live) else found

    def _included(self, source: ListSource, text: bytes, look: Look) -> dict[str, str]:
        """Fetch what a list includes, from where it comes from; return the digests by address."""
        from blockctl.parsers.includes import includes

        within = list(dict.fromkeys(map(origin_of, source.addresses)))
        found: dict[str, str] = {}
        queue, size = [(source.addresses, text, 0)], len(text)
        while queue:
            bases, data, depth = queue.pop(0)
            for name in includes(data):
                urls = tuple(joined(base, name) for base in bases)
                url = urls[0]
                if shown(url) in found or shown(url) == shown(source.url):
                    continue
                if len(found) >= MAX_INCLUDED or depth >= MAX_DEPTH:
                    raise BlockctlError(
                        f"{shown(source.url)} includes too many files, or too deep", "leave the list out"
                    )
                try:
                    digest = self._keep(self._ask(urls, within), look)
                except FetchError as error:
                    if error.status_code in GONE:
                        continue  # told when the list is read: nothing is there to be included
                    raise
                found[shown(url)] = digest
                part = self.shelf.read(digest)
                size += len(part)
                if size > MAX_BYTES:
                    raise BlockctlError(f"{shown(source.url)} is too large with what it includes", "leave the list out")
                queue.append((urls, part, depth + 1))
        return found

    def _patched(self, source: ListSource, look: Look, *, at_once: bool) -> str | None:
        """Bring the text that is here up to date by the list's own patches; None where there are none."""
        from blockctl.parsers.patch import PatchError, apply_patch, read_path

        base = self._newest(source)
        digest = None
        for _ in range(MAX_PATCHES):
            field = _header(self.shelf.begin(base, HEAD)).get("diff-path", "")
            place = read_path(field) if field else None
            if place is None or base == source.sha256.lower():
                break
            try:
                address = joined(source.url, place.path)
                patch = download([address], {}, [origin_of(source.url)]).fetched.data or b""
                made = apply_patch(self.shelf.read(base), patch, place.name)
            except FetchError as error:
                # Nothing there: no newer version yet. That is believed as long as the list itself need not be asked,
                # as it is for whoever will not wait.
                waits = error.status_code in GONE and not (at_once or self._whole_due(source))
                return digest or (base if waits else None)
            except (PatchError, BlockctlError):
                return digest
            if (digest := self.shelf.put(made)) == base:
                break
            base = digest
            look.answers[address_of(source)] = Answer(digest, Validators())
        return digest

    def _newest(self, source: ListSource) -> str:
        """Return the newest text of a list that is here: the live one, or one that is held."""
        past = self.history.lists.get(address_of(source))
        if past is not None and past.held is not None and self.shelf.has(past.held.version.sha256):
            return past.held.version.sha256
        return self.lock[address_of(source)].sha256

    def _whole_due(self, source: ListSource) -> bool:
        """Whether the time that the list gives for its whole text is over since it was last asked for."""
        from blockctl.parsers.due import USUAL, period

        header = _header(self.shelf.begin(self._newest(source), HEAD))
        whole = period(header.get("expires", "")) or USUAL
        return self.moment >= self.shelf.looked(WHOLE + address_of(source)) + whole.total_seconds()


def _header(data: bytes) -> Mapping[str, str]:
    from blockctl.parsers.adblock_directives import read_header
    from blockctl.parsers.text import decode

    return read_header(decode(data))


def _for(source: ListSource, look: Look) -> Look:
    """Return what was found as what was found of another list of the same address."""
    return replace(look, source=source)
