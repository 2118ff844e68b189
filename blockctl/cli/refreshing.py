"""The steps of `sync` and `rollback`: look, judge, build, put in force.

The order is what makes a kill harmless: texts are put aside, judged, compiled and written as outputs before the lock
file names them; what was cut off is done again by the next `sync`, which misses its stamp.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from blockctl.cli.common import Loaded
from blockctl.io.addresses import address_of, shown
from blockctl.io.adopt import note
from blockctl.io.built import is_built, note_built, stamp_of
from blockctl.io.history import Held, History, Past, read_history, write_history
from blockctl.io.lock import Lock, Version, live_lock, lock_path, read_lock, write_lock
from blockctl.io.refresh import Event, Look, Refresher
from blockctl.io.shelf import Shelf, digest
from blockctl.io.standing import lapses
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.policy import ListSource

FORGET = timedelta(days=90)  # lists that another policy with this state folder may still name

if TYPE_CHECKING:
    from blockctl.cli.build import Before, Written
    from blockctl.cli.judging import Judge


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asks `sync` for."""

    names: tuple[str, ...] = ()  # lists; all when none is named
    at_once: bool = False  # also those that are not due
    force: bool = False  # take what the gate would hold
    leave_out: bool = False  # take it without the lines that are to blame


@dataclass(slots=True)
class Row:
    """What became of one list."""

    source: ListSource
    event: str  # new | same | sent back | not due | held | failed
    before: Version | None
    after: Version | None  # live now
    added: int = 0  # lines
    removed: int = 0
    held: Held | None = None
    problem: BlockctlError | None = None


@dataclass(slots=True)
class Outcome:
    """What `sync` did."""

    rows: list[Row] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    built: bool = False  # whether anything had to be compiled
    left_out: list[str] = field(default_factory=list)
    problem: BlockctlError | None = None  # an output that could not be made


class Refreshing:
    """One run over what is live; the caller holds the turn (`io.adopt.changing`)."""

    def __init__(self, loaded: Loaded, moment: float) -> None:
        self.loaded, self.moment = loaded, moment
        self.shelf = Shelf(loaded.state)
        self.lock: Lock = live_lock(loaded.state)
        self.history: History = read_history(loaded.state)
        self.live = dict(self.lock)  # as it was before
        self._judge: Judge | None = None
        self._before: Before | None = None  # what the judge loaded is built from

    # Looking

    def chosen(self, names: Sequence[str]) -> list[ListSource]:
        """Return the downloaded lists of those names, all when none is named. Raises BlockctlError."""
        known = {source.name: source for source in self.loaded.policy.lists}
        for name in names:
            if name not in known:
                hint = f"its lists are: {', '.join(known) or 'none'}"
                raise BlockctlError(f"the policy has no list {name!r}", hint)
            if not known[name].url:
                raise BlockctlError(f"list {name} is no download: {known[name].path} is read where it is")
        return [source for source in known.values() if source.url and (not names or source.name in names)]

    def look(self, wish: Wish, told: Callable[[Look], None], *, noting: bool = True) -> list[Row]:
        """Look for new versions, and judge them; put those that pass into `lock`.

        Without `noting` the next run looks again (`plan`).
        """
        sources = self.chosen(wish.names)
        taking = wish.force or wish.leave_out
        for source in sources if wish.force else ():
            past = self.history.past(address_of(source))
            past.refused, past.sent_back = [], False
        refresher = Refresher(self.shelf, self.lock, self.history, self.moment)
        at_once = wish.at_once or bool(wish.names) or taking
        looks = refresher.look_at(sources, at_once=at_once, told=told)
        rows = [self._row(each, wish) for each in looks]
        for each in looks if noting else ():
            note(each, self.history, self.shelf, self.moment)
        return rows

    def _row(self, look: Look, wish: Wish) -> Row:
        """Return what becomes of a list, and let it become so in `lock` and in the history."""
        address = address_of(look.source)
        before, past = self.live.get(address), self.history.past(address)
        row = Row(look.source, look.event.value, before, self.lock.get(address), problem=look.problem)
        if self.lock.get(address) != before:
            row.event = "new"  # another list has this address, and was judged already
            return row
        if look.event in (Event.NEW, Event.SAME):
            past.sent_back = look.sent_back
        found = self._candidate(look, past, wish)
        if found is None:
            row.event = "sent back" if look.sent_back else row.event
            row.held = past.held
            row.event = "held" if past.held is not None and row.event in ("same", "not due") else row.event
            return row
        found = self._without(found, before)
        held = self._judged(row, found, wish)
        if held is not None and wish.leave_out and held.lines:
            found = replace(found, without=tuple(dict.fromkeys((*found.without, *held.lines))))
            held = self._judged(row, found, wish)
        past.held = row.held = held
        row.event = "held" if held is not None else "new"
        return row

    def _candidate(self, look: Look, past: Past, wish: Wish) -> Version | None:
        """Return the version that may come into force; None where there is nothing new."""
        live = self.live.get(address_of(look.source))
        if look.event is Event.NEW:
            return look.version
        held = past.held.version if past.held is not None else None
        if (wish.force or wish.leave_out) and held is not None and all(map(self.shelf.has, held.texts)):
            return held  # what he was told of; nothing newer can be had
        if look.event is Event.SAME:
            past.held = None  # the publisher took it back
            if wish.force and live is not None and live.without:
                return replace(live, without=())
        return None

    def _without(self, found: Version, live: Version | None) -> Version:
        """Return a version without the lines that were not accepted before, as far as they are still there."""
        from blockctl.parsers.left_out import still_there

        if live is None or not live.without or found.same_text(live):
            return found
        texts = [self.shelf.read(digest) for digest in found.texts]
        kept = {line for data in texts for line in still_there(data, live.without)}
        return replace(found, without=tuple(line for line in live.without if line in kept))

    def _judged(self, row: Row, found: Version, wish: Wish) -> Held | None:
        """Return why a version is held; None when it may serve, and is then in `lock`."""
        from blockctl.cli import judging
        from blockctl.cli.build import Before

        address = address_of(row.source)
        past = self.history.past(address)
        judged_for = digest(repr((row.before, self.loaded.text)))
        old = past.held
        if old is not None and not wish.force and old.is_still(found, judged_for):
            return old  # nothing that was judged is another now
        if self._judge is None:
            self._before = Before(self.shelf)
            self._judge = judging.Judge(self.loaded, self.live, self._before)
        # Lists of one address share its version, and each reads it in its own way.
        sources = [each for each in self.loaded.policy.lists if each.url and address_of(each) == address]
        for each in reversed(sources):
            counted = self._judge.read(each, found)
        found = counted
        holds = [hold for each in sources for hold in self._judge.judge(each)]
        if holds and (not wish.force or judging.is_no_list(holds)):
            return Held(found, judged_for, *judging.kept(holds))
        for each in sources:
            self._judge.accept(each)
        row.after = self.lock[address] = found
        row.added, row.removed = self._judge.changes(row.source)
        self.history.replaced(address, row.before, self.loaded.now)
        return None

    def due(self, source: ListSource) -> float:
        """Return when a list is to be looked at again, in seconds since 1970."""
        return Refresher(self.shelf, self.lock, self.history, self.moment).due(source)

    def go_back(self, names: Sequence[str]) -> list[Row]:
        """Put the versions before into `lock`: of these lists, or of all that the last change was about."""
        chosen = [each for each in self.chosen(names) if self._earlier(each)]
        if not names:
            last = max((self.history.past(address_of(each)).since for each in chosen), default="")
            chosen = [each for each in chosen if self.history.past(address_of(each)).since == last]
        rows = []
        for address, source in {address_of(each): each for each in chosen}.items():
            past, before = self.history.past(address), self.live.get(address)
            (_, version), *past.earlier = self._earlier(source)
            past.refused += [before.mark] if before is not None else []
            past.refused = [each for each in past.refused if each != version.mark]
            past.held, past.since = None, self.loaded.now.isoformat()
            past.sent_back = before is not None and before.mark in past.refused
            self.lock[address] = version
            rows.append(Row(source, "back", before, version))
        return rows

    def _earlier(self, source: ListSource) -> list[tuple[str, Version]]:
        """Return the earlier versions of a list whose texts are here; after a kill the live one may be among them."""
        address = address_of(source)
        earlier = [pair for pair in self.history.past(address).earlier if pair[1] != self.live.get(address)]
        return [pair for pair in earlier if all(map(self.shelf.has, pair[1].texts))]

    # Building and putting in force

    def is_built(self) -> bool:
        """Whether the outputs are what the live versions make, and there is nothing to do."""
        if self.lock != self.live:
            return False
        return is_built(self.loaded.state, self._stamp(), self.loaded.now)

    def build(self) -> Outcome:
        """Compile what is in `lock` and write the outputs, the resolver's rules first; the lock itself comes later."""
        from blockctl.cli.build import open_versions, problems
        from blockctl.cli.compile import build
        from blockctl.cli.resolver_rules import is_served, make_rules

        outcome = Outcome(built=True)
        run = open_versions(self.loaded, self.lock, self._before)
        if is_served(self.loaded.state):
            try:
                make_rules(run, self.loaded.state)
            except BlockctlError as error:
                outcome.problem = error
        try:
            outcome.written = build(run, [], None)
        except BlockctlError as error:
            outcome.problem = outcome.problem or error
        absent = [source for source in self.chosen(()) if address_of(source) not in self.lock]
        told = {source.origin for source in absent if self.history.past(address_of(source)).held}  # as held
        outcome.left_out = [str(problem) for problem in problems(run) if problem.origin not in told]
        self._local = [Path(self.loaded.policy.file).parent / text.file for text in run.texts if not text.source.url]
        run.memory.prune()
        return outcome

    def put_in_force(self, outcome: Outcome | None, copies: Sequence[Path] = ()) -> None:
        """Write the history, then the lock, which is the moment at which new versions count; then tidy up."""
        state = self.loaded.state
        for path in copies:
            self.history.locks = sorted({*self.history.locks, str(path.absolute())})
        named = {address_of(source) for source in self.loaded.policy.lists if source.url}
        self._forget(named)
        changed = write_history(state, self.history)
        changed |= write_lock(lock_path(state), self.lock)
        for path in copies:
            write_lock(path, {address: each for address, each in self.lock.items() if address in named})
        if outcome is not None and outcome.problem is None:
            files = [each.path / name if name else each.path for each in outcome.written for name in each.files]
            note_built(state, self._stamp(), self._until(), [*files, *self._local])
        if changed:
            self._sweep()

    def _forget(self, named: Collection[str]) -> None:
        """Forget old versions, and lists that no policy names any more, as far as can be told."""
        self.history.trim(self.loaded.now)
        oldest = self.moment - FORGET.total_seconds()
        for address in [each for each in self.lock if each not in named and self.shelf.looked(each) < oldest]:
            del self.lock[address]
        urls = {shown(url) for source in self.loaded.policy.lists for url in source.addresses}
        included = {url for version in self.lock.values() for url in version.includes}
        self.history.forget(self.lock.keys() | named, self.lock.keys() | urls | included)

    def _sweep(self) -> None:
        """Delete the texts that nothing names any more."""
        others = []
        for path in self.history.locks:
            try:
                others.append(read_lock(Path(path)))
            except BlockctlError:  # no lock file any more: it names nothing
                continue
        self.shelf.sweep(self.history.texts(self.lock, others))

    def _stamp(self) -> str:
        return stamp_of(self.loaded.text, self.loaded.state, paused=self.loaded.policy.paused)

    def _until(self) -> datetime | None:
        moments = [moment for moment in lapses(self.loaded.policy) if moment > self.loaded.now]
        if self.loaded.pause.until is not None:
            moments.append(self.loaded.pause.until)
        return min(moments, default=None)
