"""Which group a client is in, and what the clock denies its group."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_network

from blockctl.dns.exchange import Client
from blockctl.model.addresses import read_address, shortest
from blockctl.model.policy import Group, Resolver, Schedule

EVERY_NAME = ""  # among denied names: all of them
KEPT = 4096  # addresses whose group is remembered
DAY = 24 * 60  # minutes


class Groups:
    """The policy's groups: a client's address decides, then the smallest network that holds it, then its own id.

    Anybody may give himself any id, so it never takes a client out of the group that its address is in.
    """

    def __init__(self, settings: Resolver) -> None:
        self._groups = tuple(settings.groups.values())
        self._ids: dict[str, Group] = {}
        self._exact: dict[str, Group] = {}  # by address in its shortest spelling
        self._networks: dict[int, list[tuple[int, int, Group]]] = {4: [], 6: []}  # shift, number, group
        self._known: dict[str, Group | None] = {}
        for group in self._groups:
            for client in group.clients:
                if "/" in client:
                    network = ip_network(client)
                    shift = network.max_prefixlen - network.prefixlen
                    self._networks[network.version].append((shift, int(network.network_address) >> shift, group))
                elif read_address(client) is not None:
                    self._exact[shortest(client)] = group
                else:
                    self._ids[client] = group
        for networks in self._networks.values():
            networks.sort(key=lambda each: each[0])

    def __len__(self) -> int:
        return len(self._groups)

    def of(self, client: Client) -> Group | None:
        """Return the group of a client, None for the many."""
        found = self.of_address(client.address)
        return self._ids.get(client.id.lower()) if found is None and client.id else found

    def of_address(self, address: str) -> Group | None:
        """Return the group of a client that gives itself no id."""
        try:
            return self._known[address]
        except KeyError:
            if len(self._known) >= KEPT:
                self._known.clear()
            return self._known.setdefault(address, self._search(address))

    def _search(self, address: str) -> Group | None:
        known = read_address(address)
        if known is None:
            return None
        if (exact := self._exact.get(str(known))) is not None:
            return exact
        for shift, start, group in self._networks[known.version]:
            if int(known) >> shift == start:
                return group
        return None

    def denied(self, group: Group, wall: datetime) -> tuple[str, ...]:
        """Return the names, each with all below it, that the group's schedules deny now; `EVERY_NAME` is all names.

        `wall` is what a clock on the wall shows here: a day of 23 or 25 hours needs no care.
        """
        found: dict[str, None] = {}
        for schedule in group.schedules:
            if in_force(schedule, wall):
                found.update(dict.fromkeys(schedule.deny or (EVERY_NAME,)))
        return tuple(found)

    def next_change(self, wall: datetime) -> datetime | None:
        """Return when the wall's clock next shows a time at which any group's `denied` changes; None: never.

        A clock that is put forward or back may come to another answer, so whoever sleeps until then wakes each hour.
        """
        times = sorted({edge for group in self._groups for each in group.schedules for edge in (each.start, each.end)})
        midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
        now = self._all_denied(wall)
        for day in range(9):  # a week repeats itself; the rest of today may stand only in the eighth day
            for minute in times:
                moment = midnight + timedelta(days=day, minutes=minute)
                if moment > wall and self._all_denied(moment) != now:
                    return moment
        return None

    def _all_denied(self, wall: datetime) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(sorted(self.denied(group, wall))) for group in self._groups)


def in_force(schedule: Schedule, wall: datetime) -> bool:
    """Whether a schedule denies at that time; what goes past midnight belongs to the day it began on."""
    minute, day = wall.hour * 60 + wall.minute, wall.weekday()
    if schedule.start < schedule.end:
        return day in schedule.days and schedule.start <= minute < schedule.end
    if minute >= schedule.start and day in schedule.days:
        return True
    return minute < schedule.end and (day - 1) % 7 in schedule.days
