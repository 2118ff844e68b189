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

STRATEGY = "js-denylist-dns"  # the way of browsing that the author rates best


def up_command(
    once: Annotated[bool, typer.Option("--once", help="Stop after compiling.")] = False,
    out: OutOption = None,
    offline: OfflineOption = False,
    policy: PolicyOption = None,
    state: StateOption = None,
) -> None:
    """Write a policy if there is none, compile it, say what to do next, and answer DNS until interrupted.

    Exit status: 0 done, 2 the policy is wrong, 3 reading, writing or listening failed.
    """
    from blockctl.cli.build import open_compilation, problems
    from blockctl.cli.resolver_rules import make_rules
    from blockctl.cli.sites import write_policy
    from blockctl.io.files import is_there
    from blockctl.io.policy_file import policy_path

    path = policy_path(policy)
    if not is_there(path):
        write_policy(path, STRATEGY)
        typer.echo(f"wrote {path}: this is the one file to edit\n")
    loaded = load_policy(policy, state)
    run = open_compilation(loaded, offline=offline)
    written = build(run, [], out)
    show(run, written)
    for problem in problems(run):
        typer.echo(f"left out: {problem}", err=True)
    make_rules(run, loaded.state)
    typer.echo("\n" + "\n".join(next_steps(path, written)))
    if not once:
        listen = loaded.policy.resolver.listen[0]
        typer.echo(f"  DNS: {try_words(listen)}\n\nnow the resolver; Ctrl-C ends it")
        become_server(path, loaded.state)


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


def next_steps(path: Path, written: list[Written]) -> list[str]:
    """Return what to do with what was made."""
    steps = [
        f"Next: edit {path}, or let blockctl do it:",
        "  blockctl set SITE javascript=deny      blockctl allow HOST --site SITE --for 1h",
    ]
    steps.append(
        "  blockctl why URL --site SITE           says which line of which list decides, and what would change it"
    )
    for item in written:
        if item.target.backend == "safari":
            steps.append(f"  Safari: {item.path}/ holds a file for each content blocker, and a .1blockpkg for 1Blocker")
        elif item.target.backend == "ublock":
            steps.append(f"  uBlock Origin: put {item.path} into My filters, or serve it and subscribe to its address")
        elif item.target.backend in ("unbound", "dnsmasq", "rpz", "adguard", "hosts"):
            steps.append(f"  DNS: give {item.path} to {item.target.backend}")
    return steps
