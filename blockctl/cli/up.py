"""`up`: the first use. A policy where there is none, everything compiled, what to do next, and the resolver.

`serve` is told here to the full command line; what it does is in `cli.serve`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blockctl.cli.common import PolicyOption, StateOption, load_policy
from blockctl.cli.compile import OfflineOption, OutOption, build, show

if TYPE_CHECKING:
    from blockctl.cli.build import Written
    from blockctl.cli.common import Loaded


def up_command(
    once: Annotated[bool, typer.Option("--once", help="Stop after compiling.")] = False,
    out: OutOption = None,
    offline: OfflineOption = False,
    no_open: Annotated[bool, typer.Option("--no-open", help="Leave the browser closed.")] = False,
    policy: PolicyOption = None,
    state: StateOption = None,
) -> None:
    """Write a policy if there is none, compile it, say what to do next, and answer DNS until interrupted.

    On a desktop the page opens in your browser, paired already.

    Exit status: 0 done, 2 the policy is wrong, 3 reading, writing or listening failed.
    """
    from blockctl.cli.build import open_compilation, problems
    from blockctl.cli.resolver_rules import make_rules
    from blockctl.cli.sites import write_policy
    from blockctl.cli.ways import RECOMMENDED
    from blockctl.io.files import is_there
    from blockctl.io.policy_file import policy_path

    path = policy_path(policy)
    if not is_there(path):
        write_policy(path, RECOMMENDED)
        typer.echo(f"wrote {path}: this is the one file to edit\n")
    loaded = load_policy(policy, state)
    run = open_compilation(loaded, offline=offline)
    written = build(run, [], out)
    show(run, written)
    for problem in problems(run):
        typer.echo(f"left out: {problem}", err=True)
    make_rules(run, loaded.state)
    typer.echo("\n" + "\n".join(next_steps(loaded, written)))
    if not once:
        listen = loaded.policy.resolver.listen[0]
        typer.echo(f"\nNow the resolver; Ctrl-C ends it. {try_words(listen).capitalize()}")
        if not no_open:
            open_page(loaded)
        become_server(path, loaded.state)


def open_page(loaded: Loaded) -> None:
    """Have the page opened once it is served, where a person sits before this machine."""
    from blockctl.io.api_places import opening_address
    from blockctl.io.opening import is_desktop, open_soon

    if is_desktop() and sys.stdout.isatty():
        address = opening_address(loaded.policy.resolver, loaded.state, loaded.now)
        if address:
            open_soon(address)


def serve_command(policy: PolicyOption = None, state: StateOption = None) -> None:
    """Answer DNS queries by the policy until told to end, following the file as it changes.

    Exit status: 0 told to end, 2 the policy is wrong, 3 an address or a file is not to be had.
    """
    from blockctl.cli.serve import serve

    options = {"policy": policy, "state": state}
    raise typer.Exit(serve({name: given for name, given in options.items() if given is not None}))


def try_words(listen: str) -> str:
    """Return how to ask the resolver without changing any setting of the system."""
    address, _, port = listen.rpartition("://")[2].partition("/")[0].rpartition(":")
    return f"try it with  dig @{address.strip('[]')} -p {port} stats.g.doubleclick.net"


def become_server(policy: Path, state: Path) -> None:
    """Go on as `serve`, without the memory that compiling took."""
    sys.stdout.flush()
    words = [sys.executable, "-m", "blockctl", "serve", "--policy", str(policy), "--state", str(state)]
    os.execv(sys.executable, words)  # noqa: S606 - ourselves


def next_steps(loaded: Loaded, written: list[Written]) -> list[str]:
    """Return in five lines what to do next: here, in the browser, in its blocker, on the phone, in the file."""
    from blockctl.io.api_places import page_addresses

    page = next(iter(page_addresses(loaded.policy.resolver)), "")
    here = "this Mac" if sys.platform == "darwin" else "here"
    return [
        "Next:",
        f"  {here:<9} sudo blockctl service install; sudo blockctl service dns on",
        f"  browser   {f'{page} shows and switches sites; blockctl pair' if page else 'blockctl show SITE'}",
        f"  blockers  {blockers(written) or 'blockctl compile TARGET, where the policy has targets'}",
        "  phone     blockctl pair --show for the page, blockctl profile for its DNS",
        f"  file      {shown(loaded.path)}, or: blockctl set SITE javascript=deny",
    ]


def blockers(written: list[Written]) -> str:
    """Return what the blocker of this system's browser takes: 1Blocker of Safari on a Mac, else uBlock Origin."""
    told = {"safari": "1Blocker opens the .1blockpkg in {}", "ublock": "{} into uBlock Origin's My filters"}
    by_backend = {each.target.backend: each.path for each in written if each.target.backend in told}
    first = sorted(by_backend, key=lambda backend: (backend == "safari") != (sys.platform == "darwin"))[:1]
    return "".join(told[each].format(shown(by_backend[each])) for each in first)


def shown(path: Path) -> str:
    """Return a path as short as it can be said."""
    return min(str(path), os.path.relpath(path), key=len)
