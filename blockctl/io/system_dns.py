"""The system's resolver: made to be ours, and given back, so that a kill at any moment leaves a way back.

What every place had is on the disk before the first is changed, and stays there until the last is back. A place is
given back only while it still asks us: what somebody set meanwhile is his.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from blockctl.io.files import read_object
from blockctl.io.policy_file import locked, replace_file
from blockctl.io.system_dns_places import Places
from blockctl.model.diagnostic import BlockctlError, WorldError

ADDRESS = "127.0.0.1"  # port 53: resolv.conf and networksetup know no other
FOLDERS = {"darwin": Path("/var/db/blockctl")}
FOLDER = Path("/var/lib/blockctl")
NAME = "dns.json"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered."""

    wanted: bool = False  # `dns on` was said
    aside: str = ""  # why the places have their own values all the same
    way: str = ""  # `Places.name`
    before: dict[str, str] = field(default_factory=dict)  # place -> what it had
    unsettled: bool = False  # something was changed, or was to be, and the system may not have noticed


class SystemDns:
    """Turns it on and off, and aside. Every step is written down before it is done."""

    def __init__(self, places: Places, folder: Path) -> None:
        self._places, self._path = places, folder / NAME

    def record(self) -> Record:
        """Return what is remembered; nothing when there is no record, or it cannot be read."""
        with contextlib.suppress(BlockctlError, KeyError, TypeError, ValueError, AttributeError):
            kept = read_object(self._path)
            if kept["version"] == VERSION:
                before = {str(place): str(value) for place, value in kept["before"].items()}
                return Record(
                    bool(kept["wanted"]), str(kept["aside"]), str(kept["way"]), before, bool(kept["unsettled"])
                )
        return Record()

    def state(self) -> dict[str, bool]:
        """Return for each place whether it asks us."""
        return {place: self._places.is_ours(value) for place, value in self._places.values().items()}

    def on(self) -> None:
        """Make every place ask us, and remember that it is wanted."""
        with self._alone():
            self._take(replace(self.record(), wanted=True, aside=""))

    def follow(self) -> bool:
        """Take what others gave new values since: another network's, a new service's. Return whether anything was."""
        with self._alone():
            record = self.record()
            is_settled = not record.unsettled and all(self.state().values())
            if not record.wanted or record.aside or is_settled:
                return False
            self._take(record)
            return True

    def step_aside(self, reason: str) -> None:
        """Give every place back for a while."""
        with self._alone():
            record = self.record()
            if record.wanted and record.aside != reason:
                record = replace(record, aside=reason)
                self._save(record)
            self._give_back(record)

    def come_back(self) -> None:
        """Make every place ask us again, unless it is no longer wanted."""
        with self._alone():
            record = self.record()
            if record.wanted:
                self._take(replace(record, aside=""))

    def off(self) -> None:
        """Give every place back, and forget."""
        with self._alone():
            record = self.record()
            if record != Record():
                record = replace(record, wanted=False, aside="")
                self._save(record)
            self._give_back(record)
            self._path.unlink(missing_ok=True)

    def servers(self) -> list[str]:
        """Return whom the network would have us ask."""
        return self._places.servers(list(self.record().before.values()))

    def has_resolver(self, interface: str) -> bool:
        """Whether a VPN's interface brings resolvers of its own."""
        return self._places.has_resolver(interface)

    def _take(self, record: Record) -> None:
        values = self._places.values()
        known = record.before if record.way == self._places.name else {}
        # Ours without a record: the record was lost. What nobody set is then the safe value to go back to.
        before = {
            place: known.get(place, "") if self._places.is_ours(value) else value for place, value in values.items()
        }
        gone = {place: value for place, value in known.items() if place not in values}
        record = replace(record, way=self._places.name, before={**gone, **before}, unsettled=True)
        self._save(record)
        for place, value in values.items():
            if not self._places.is_ours(value):
                self._places.take(place, before[place])
        self._settle(record)

    def _give_back(self, record: Record) -> None:
        ours = [place for place, is_ours in self.state().items() if is_ours]
        if not ours and not record.unsettled:
            return
        record = replace(record, unsettled=True)
        self._save(record)
        faults = []
        for place in ours:
            try:
                self._places.give_back(place, record.before.get(place, ""))
            except WorldError as error:  # the others all the same
                faults.append(error)
        if faults:
            raise faults[0]
        self._settle(record)

    def _settle(self, record: Record) -> None:
        self._places.settle()
        self._save(replace(record, unsettled=False))

    def _save(self, record: Record) -> None:
        data = json.dumps({"version": VERSION, **asdict(record)}, indent=1).encode()
        replace_file(self._path, data)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.chmod(self._path.parent, 0o755)  # noqa: PTH101, S103 - `dns status` needs no rights
        except OSError as error:
            raise WorldError(f"cannot write in {self._path.parent}: {error.strerror or error}", "use sudo") from error
        with locked(self._path):
            yield
