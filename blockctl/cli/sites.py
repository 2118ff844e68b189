"""The commands that write the policy: one to begin with, settings of a site, hosts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blockctl.cli.common import (
    ForOption,
    JsonOption,
    Loaded,
    NoteOption,
    PolicyOption,
    StateOption,
    end_of,
    load_policy,
    print_json,
    stderr,
)

if TYPE_CHECKING:
    from blockctl.model.diagnostic import Diagnostic

SiteArgument = Annotated[
    str, typer.Argument(metavar="SITE", help="A registrable domain, with all below it; or a host.")
]
HostArgument = Annotated[str, typer.Argument(metavar="HOST", help="The host, with all below it.")]
SiteOption = Annotated[
    str | None, typer.Option("--site", metavar="SITE", help="On this site only.", show_default=False)
]


def init_command(
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy", metavar="NAME", help="A way of browsing; on a terminal you are asked.", show_default=False
        ),
    ] = None,
    policy: PolicyOption = None,
    state: StateOption = None,  # noqa: ARG001 - works on every command
    as_json: JsonOption = False,
) -> None:
    """Write a commented policy to begin with. One that exists is left as it is.

    The ways of browsing: js-denylist-dns (recommended: JavaScript runs except where you say no, ads are blocked in
    browsers and DNS), js-denylist (without DNS), js-allowlist (JavaScript is off except where you say yes), safari,
    ublock, nothing.

    Exit status: 0 done, 2 there is a policy, or no such strategy, 3 writing failed.
    """
    from blockctl.cli.ways import RECOMMENDED, choose_way
    from blockctl.io.files import is_there
    from blockctl.io.policy_file import policy_path

    path = policy_path(policy)
    if strategy is None:
        strategy = RECOMMENDED if as_json or is_there(path) else choose_way()
    write_policy(path, strategy)
    if as_json:
        print_json({"version": 1, "policy": str(path), "strategy": strategy})
    else:
        typer.echo(f"wrote {path}: this is the one file to edit\nNext: blockctl check, then blockctl compile")


def write_policy(path: Path, strategy: str) -> None:
    """Write a shipped policy. Raises BlockctlError where there is one, or none of that name."""
    from blockctl.io.policy_file import create
    from blockctl.io.strategies import shipped_policy, strategies
    from blockctl.model.diagnostic import BlockctlError
    from blockctl.policy.words import advice

    if strategy not in strategies():
        raise BlockctlError(f"there is no strategy {strategy!r}", advice(strategy, strategies()))
    create(path, shipped_policy(strategy))


def set_command(
    site: SiteArgument,
    settings: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY=VALUE...",
            help="javascript=allow|deny|first-party, blocking=on|off, scroll=unlock, note=TEXT; KEY= takes a key away.",
        ),
    ],
    duration: ForOption = None,
    note: NoteOption = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set what a site may do. With --for it is for a while: what stood there then comes back, or the entry lapses.

    Exit status: 0 done, 2 the policy or a setting is wrong (nothing is written), 3 reading or writing failed.
    """
    from blockctl.io import edits
    from blockctl.policy import settings as typed

    host, faults = typed.read_site_name(site)
    changes, more = typed.read_settings([*settings, *([f"note={note}"] if note else [])])
    _refuse([*faults, *more])
    loaded = load_policy(policy, state)
    until = end_of(duration, loaded.now)
    if until is not None:
        _warn_of_end(loaded, host)
    _edit_and_tell(loaded, policy, state, lambda: edits.set_site(loaded, host, changes, until), host, as_json)


def _warn_of_end(loaded: Loaded, host: str) -> None:
    """Say what comes back when a temporary setting is over: `until` is the end of the whole entry."""
    from blockctl.cli.words import site_lines

    site = loaded.policy.sites.get(host)
    if site is None or site.until is not None:
        return
    if lines := site_lines(replace(site, note=""), loaded.now):
        stderr(f"note: what stood there comes back then, while `blockctl serve` runs: {'; '.join(lines)}")


def reset_command(
    site: SiteArgument, policy: PolicyOption = None, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Take away everything that is said of a site.

    Exit status: 0 done, 2 the policy or the site is wrong, 3 reading or writing failed.
    """
    from blockctl.io import edits
    from blockctl.policy import settings as typed

    host, faults = typed.read_site_name(site)
    _refuse(faults)
    loaded = load_policy(policy, state)
    _edit_and_tell(loaded, policy, state, lambda: edits.reset_site(loaded, host), host, as_json)


def _adding(verb: str) -> Callable[..., None]:
    """Return the command `allow` or `deny`."""

    def command(
        host: HostArgument,
        site: SiteOption = None,
        duration: ForOption = None,
        note: NoteOption = None,
        policy: PolicyOption = None,
        state: StateOption = None,
        as_json: JsonOption = False,
    ) -> None:
        from blockctl.io import edits
        from blockctl.policy import settings as typed

        name, page = _names(host, verb, site)
        _refuse(typed.read_note(note) if note is not None else [])
        loaded = load_policy(policy, state)
        until = end_of(duration, loaded.now)
        if until is not None and edits.stands_without_end(loaded, verb, name, page):
            stderr(f"note: the policy says so already, without an end; `blockctl {verb}` with --for would give it one")

        def change() -> bool:
            return edits.add_host(loaded, verb, name, page, until, note)

        _edit_and_tell(loaded, policy, state, change, page, as_json, name)

    everywhere = "everywhere, or with --site on one site only, whatever the lists say"
    command.__doc__ = f"""{verb.capitalize()} a host {everywhere}.

    Exit status: 0 done, 2 the policy or a name is wrong (nothing is written), 3 reading or writing failed.
    """
    return command


allow_command, deny_command = map(_adding, ("allow", "deny"))


def forget_command(
    host: HostArgument,
    site: SiteOption = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a host out of the allowed and the denied ones, everywhere or with --site of one site.

    Exit status: 0 done, 2 the policy or a name is wrong, 3 reading or writing failed.
    """
    from blockctl.io import edits

    name, page = _names(host, "allow", site)
    loaded = load_policy(policy, state)
    _edit_and_tell(loaded, policy, state, lambda: edits.forget_host(loaded, name, page), page, as_json, name)


def _names(host: str, verb: str, site: str | None) -> tuple[str, str | None]:
    """Return a host and a site in normal form, or raise with what is wrong with both."""
    from blockctl.policy import settings as typed

    name, faults = typed.read_host_name(host, verb, everywhere=site is None)
    page, more = typed.read_site_name(site) if site is not None else (None, [])
    _refuse([*faults, *more])
    return name, page


def _refuse(faults: list[Diagnostic]) -> None:
    from blockctl.model.diagnostic import BlockctlError

    if faults:
        raise BlockctlError("nothing was changed", diagnostics=tuple(faults))


def _edit_and_tell(
    loaded: Loaded,
    policy: Path | None,
    state: Path | None,
    change: Callable[[], bool],
    site: str | None,
    as_json: bool,
    host: str = "",
) -> None:
    """Change the file and say what is now in force for the site, or for the host."""
    from blockctl.cli.show import entry_json, entry_lines

    changed = change()
    after = load_policy(policy, state) if changed else loaded
    if as_json:
        print_json({"version": 1, "policy": str(loaded.path), "changed": changed, **entry_json(after, site, host)})
        return
    for line in entry_lines(after, site, host):
        typer.echo(line)
    if not changed:
        typer.echo("(it was so before: the file is as it was)")
