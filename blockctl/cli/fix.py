"""`fix`: finds the fewest blocked hosts that a site needs, and allows them there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, end_of, load_policy, print_json, stderr

if TYPE_CHECKING:
    from pathlib import Path

    from blockctl.cli.common import Loaded
    from blockctl.dns.suspects import Asked, Suspect
    from blockctl.io.log_reader import Logged

LAPSE = timedelta(minutes=15)  # what is allowed for a try ends by itself, if nobody is there any more
MOST = 20_000  # rows of the log
SHOWN = 12  # suspects
OF_GROUPS = "resolver: "  # how rules begin that no site's `allow` can undo


@dataclass
class Fixing:
    """One repair under way: what stands in the file, and what stood there before."""

    loaded: Loaded
    site: str
    works: Callable[[], bool]  # whether the site works as things are
    listen: tuple[str, int]
    before: str
    written: str
    tries: int = 0
    suspects: list[Suspect] = field(default_factory=list)
    others: list[str] = field(default_factory=list)  # names that the page asked for and got

    def write(self, text: str) -> None:
        """Put a text into the file. Raises BlockctlError when somebody else changed it meanwhile."""
        from blockctl.io.policy_file import edit
        from blockctl.model.diagnostic import BlockctlError

        def change(now: str) -> str:
            if now != self.written:
                raise BlockctlError(
                    f"{self.loaded.path} was changed meanwhile", "try it again when nobody else edits it"
                )
            return text

        edit(self.loaded.path, change)
        self.written = text

    def tried(self, hosts: tuple[str, ...]) -> bool:
        """Say whether the site works with these hosts allowed."""
        from blockctl.io.clock import now
        from blockctl.io.trial import Trial, keep_trial, wait_until
        from blockctl.policy.trying import trying

        text = trying(self.before, self.site, hosts, now() + LAPSE)
        keep_trial(self.loaded.state, Trial(str(self.loaded.path), self.site, self.before, (self.written, text)))
        self.write(text)
        others = [each.host for each in self.suspects if each.host not in hosts]
        wait_until(*self.listen, hosts, [host for host in others if not _below_one(host, hosts)])
        self.tries += 1
        stderr(f"try {self.tries}: {len(hosts)} of {len(self.suspects)} allowed: {', '.join(hosts[:SHOWN])}")
        return self.works()


def _below_one(host: str, hosts: Sequence[str]) -> bool:
    from blockctl.model.names import covers

    return any(covers(each, host) for each in hosts)


def fix_command(
    site: Annotated[str, typer.Argument(metavar="SITE", help="The site that does not work.")],
    test: Annotated[
        str | None,
        typer.Option(
            "--test",
            metavar="COMMAND",
            help="Asked instead of you: exit status 0 is that it works.",
            show_default=False,
        ),
    ] = None,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="How far back the log is read.")] = "10m",
    client: Annotated[
        str,
        typer.Option("--client", metavar="C", help="The address, device or group that opens it.", show_default=False),
    ] = "",
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the fewest of the blocked hosts a site asks for that must be allowed for it to work, and allow them there.

    The resolver must run (`blockctl serve`). You reload the page a few times and answer y or n; meanwhile some hosts
    are allowed on the site, for 15 minutes at most. Ctrl-C puts the policy back as it was; after a crash the next
    `blockctl fix` does.

    Exit status: 0 it works now, 1 it was not us (or works already), 2 the site or the policy is wrong, 3 the resolver
    does not answer, or reading or writing failed.
    """  # fmt: skip
    from blockctl.model.diagnostic import BlockctlError
    from blockctl.policy.settings import read_site_name

    host, faults = read_site_name(site)
    if faults:
        raise BlockctlError("there is no such site", diagnostics=tuple(faults))
    take_back(policy, state)
    loaded = load_policy(policy, state)
    fixing = begin(loaded, host, test)
    found = repair(fixing, since, client)
    if as_json:
        print_json(to_json(fixing, found))
    raise typer.Exit(0 if found else 1)


def begin(loaded: Loaded, site: str, test: str | None) -> Fixing:
    """Look whether the resolver is there, before anybody reloads anything."""
    from blockctl.io.checkup import first_listen
    from blockctl.io.trial import end_in_order, passes, wait_until
    from blockctl.model.diagnostic import BlockctlError

    listen = first_listen(loaded.policy.resolver)
    if listen is None:
        raise BlockctlError(
            "the policy has no plain DNS address to ask", 'as in resolver: {listen: ["127.0.0.1:5335"]}'
        )
    if loaded.policy.paused:
        raise BlockctlError("blockctl is paused, so nothing is blocked", "`blockctl resume`, then try again")
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.address, listen.address)  # noqa: S104 - asked, not bound
    wait_until(address, listen.port, ["localhost"], [])
    end_in_order()
    works = (lambda: passes(test, site)) if test is not None else (lambda: asked(site))
    return Fixing(loaded, site, works, (address, listen.port), loaded.text, loaded.text)


def asked(site: str) -> bool:
    """Let the person reload the page and say whether it works."""
    while True:
        said = typer.prompt(f"wait 5 seconds and reload {site}. Does it work now? [y/n]", err=True).strip().lower()
        if said[:1] in ("y", "n"):
            return bool(said[0] == "y")


def repair(fixing: Fixing, since: str, client: str) -> tuple[str, ...] | None:
    """Find the hosts and write them; None when it was not us. Whatever happens, no try stays in the file."""
    from blockctl.policy.fewest import fewest

    if fixing.works():
        stderr(f"{fixing.site} works as it is: nothing was changed")
        return None
    fixing.suspects = find_suspects(fixing, since, client)
    if not fixing.suspects:
        stderr(f"nothing that {fixing.site} asked for was blocked in DNS: it was not the resolver")
        stderr(f"  `blockctl doctor {fixing.site}` looks elsewhere")
        tell_browser_rules(fixing)
        return None
    show_suspects(fixing)
    try:
        found = fewest([each.host for each in fixing.suspects], fixing.tried)
        if found is not None:
            keep(fixing, found)
            return found
    except BaseException:
        put_back(fixing)
        raise
    put_back(fixing)
    stderr(f"{fixing.site} does not work with all of them allowed either: it was not us")
    stderr(f"  `blockctl doctor {fixing.site}` looks elsewhere")
    tell_browser_rules(fixing)
    return None


def tell_browser_rules(fixing: Fixing) -> None:
    """Say which rules for browsers stop whole hosts that the page asked for: DNS has no part in those."""
    from blockctl.cli.build import open_compilation
    from blockctl.cli.verdicts import Located, browser_index
    from blockctl.model.decide import decide
    from blockctl.model.request import Kind, Request

    run = open_compilation(fixing.loaded, offline=True)
    index, located = browser_index(run), Located(run)
    page = f"https://{fixing.site}/"
    for host in [*(each.host for each in fixing.suspects), *fixing.others]:
        decision = decide(run.policy, index, Request.parse(f"https://{host}/", page, Kind.SCRIPT))
        if decision.blocked and decision.rule is not None:
            rule = located(decision.rule)
            stderr(f"  browsers stop {host} by {rule.origin}: {rule.text[:80]}")
            stderr(f"    try: blockctl allow {host} --site {fixing.site} --for 1h && blockctl compile")
    stderr(f"  `blockctl why URL --site {fixing.site}` asks the browser's rules about one address")


def put_back(fixing: Fixing) -> None:
    """Put the file back as it was, to the byte; what somebody else changed meanwhile stays."""
    from blockctl.io.policy_file import edit
    from blockctl.io.trial import forget_trial
    from blockctl.model.diagnostic import BlockctlError
    from blockctl.policy.trying import untried

    try:
        edit(fixing.loaded.path, lambda now: untried(now, [fixing.written], fixing.before))
        forget_trial(fixing.loaded.state)
    except BlockctlError as error:
        stderr(f"{error}\n  what was allowed on {fixing.site} for a try lapses within {LAPSE.seconds // 60} minutes")


def take_back(policy: Path | None, state: Path | None) -> None:
    """Take out what an earlier repair tried, where that was killed, and put back what temporary changes replaced."""
    from blockctl.io import returns, trial
    from blockctl.io.clock import now
    from blockctl.io.policy_file import edit, policy_path, state_path
    from blockctl.policy.trying import untried

    path, folder = policy_path(policy), state_path(state)
    left = trial.left_trial(folder)
    if left is not None and left.policy == str(path):
        edit(path, lambda text: untried(text, left.tries, left.before))
        trial.forget_trial(folder)
        stderr(f"an earlier `blockctl fix {left.site}` was cut short: what it tried is taken back")
    returns.restore(path, folder, now())


def keep(fixing: Fixing, found: Sequence[str]) -> None:
    """Write what was found for good, and say it."""
    from blockctl.io.kept_policies import remember
    from blockctl.io.trial import forget_trial
    from blockctl.policy.trying import fixed

    fixing.write(fixed(fixing.before, fixing.site, found, fixing.loaded.now))
    forget_trial(fixing.loaded.state)
    remember(fixing.loaded.state, fixing.before, fixing.written)
    stderr(f"{fixing.site} works with {len(found)} of {len(fixing.suspects)} allowed there, after {fixing.tries} tries")
    for host in found:
        stderr(f"  allowed on {fixing.site}: {host}\n    back: blockctl forget {host} --site {fixing.site}")


def find_suspects(fixing: Fixing, since: str, client: str) -> list[Suspect]:
    """Read in the log what the page asked for. It has just been opened, so it is there."""
    from blockctl.dns.suspects import companions, suspects
    from blockctl.io.log_reader import Wanted, open_log
    from blockctl.io.query_log import log_path
    from blockctl.io.trial import wait_for_log
    from blockctl.model.diagnostic import BlockctlError

    end = end_of(since, fixing.loaded.now)
    assert end is not None, "a time was given"
    start = fixing.loaded.now.timestamp() - (end - fixing.loaded.now).total_seconds()
    wait_for_log()
    reader = open_log(log_path(fixing.loaded.state))
    if reader is None:
        raise BlockctlError("there is no query log to look into", "the policy needs resolver: {log: full} for this")
    with reader:
        rows = [asked_row(row) for row in reader.newest(Wanted(client=client, since=start), MOST)]
    fixing.others = companions(rows, fixing.site)
    return suspects(rows, fixing.site)


def asked_row(row: Logged) -> Asked:
    """Return a query as far as it matters; a name that led to a blocked one is let through itself."""
    from blockctl.dns.exchange import Outcome
    from blockctl.dns.suspects import Asked
    from blockctl.model.decide import Step

    blocked = row.outcome is Outcome.BLOCKED
    allow = ""
    if blocked and row.rule is not None and not row.rule.text.startswith(OF_GROUPS):
        by_list = row.rule.step in (Step.LIST_BLOCK.value, Step.LIST_IMPORTANT.value)
        allow = row.name if by_list or not row.led else row.led
    return Asked(row.at, row.device or row.client, row.name, blocked, allow)


def show_suspects(fixing: Fixing) -> None:
    """Say which blocked hosts the page asked for."""
    count = len(fixing.suspects)
    stderr(f"{fixing.site} asked for {count} blocked {'host' if count == 1 else 'hosts'}:")
    for each in fixing.suspects[:SHOWN]:
        often = f", and {each.elsewhere} times without it" if each.elsewhere else ""
        stderr(f"  {each.host}  ({each.near} {'time' if each.near == 1 else 'times'}{often})")
    if len(fixing.suspects) > SHOWN:
        stderr(f"  ...and {len(fixing.suspects) - SHOWN} more")


def to_json(fixing: Fixing, found: Sequence[str] | None) -> dict[str, Any]:
    """Return what was found for programs."""
    return {
        "version": 1,
        "site": fixing.site,
        "fixed": bool(found),
        "allowed": list(found or ()),
        "tries": fixing.tries,
        "suspects": [
            {"host": each.host, "near": each.near, "elsewhere": each.elsewhere, "client": each.client}
            for each in fixing.suspects
        ],
    }
