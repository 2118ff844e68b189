"""What the commands of `service` share: rights, steps that may be dry, whose policy it is, and how DNS stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.cli.common import load_policy, print_json, stderr

if TYPE_CHECKING:
    from blockctl.io.service_manager import Manager, Spec
    from blockctl.io.service_steps import Steps
    from blockctl.io.system_commands import Commands

DryOption = Annotated[bool, typer.Option("--dry-run", help="Print what would be written and run; change nothing.")]
UserOption = Annotated[
    str | None, typer.Option("--user", metavar="NAME", help="Whose policy it is; who called sudo.", show_default=False)
]


def open_steps(dry: bool) -> Steps:
    """Return steps that are done, or with `dry` only told."""
    from blockctl.io.service_steps import Steps

    return Steps(dry=dry)


def need_root(dry: bool) -> None:
    """Raise WorldError for who may not change the system."""
    from blockctl.io.service_manager import is_root
    from blockctl.model.diagnostic import WorldError

    if not dry and not is_root():
        raise WorldError("only root may change the system", "put sudo before it; --dry-run shows what it would do")


def installed(steps: Steps) -> Manager:
    """Return the manager of an installed service. Raises WorldError where none is installed."""
    from blockctl.io.service_manager import manager_for
    from blockctl.model.diagnostic import WorldError

    manager = manager_for(steps.commands)
    if not manager.paths():
        raise WorldError("the service is not installed", "sudo blockctl service install")
    return manager


def own_home(user: str | None) -> None:
    """Look for the policy where its owner has it, not in root's home."""
    from blockctl.io.service_manager import at_home, find_owner
    from blockctl.model.diagnostic import BlockctlError

    try:
        at_home(find_owner(user))
    except BlockctlError:
        if user is not None:  # root's own policy is as good as any where nobody was named
            raise


def spec(user: str | None, policy: Path | None, state: Path | None) -> Spec:
    """Return the service for a user's policy. Raises BlockctlError where either is wrong."""
    from blockctl.io.service_manager import Spec, at_home, find_owner, listens_of, writable_of

    owner = find_owner(user)
    at_home(owner)
    loaded = load_policy(policy, state)
    path, folder = loaded.path.absolute(), loaded.state.absolute()
    return Spec(owner, path, folder, listens_of(loaded.policy), writable_of(loaded.policy, path, folder))


def tell(steps: Steps, as_json: bool, end: str) -> None:
    """Print what was done, or would be."""
    if as_json:
        print_json({"version": 1, "dry_run": steps.dry, "steps": steps.told})
        return
    for line in steps.told:
        typer.echo(f"would {line}" if steps.dry else line)
    typer.echo("nothing was changed" if steps.dry else end)


def dns_state(commands: Commands) -> dict[str, Any]:
    """Say how it stands; what a killed watchdog left behind is mended first, where we may."""
    from blockctl.io.service_manager import is_root
    from blockctl.io.service_steps import record_folder, system_dns
    from blockctl.io.system_dns import ADDRESS
    from blockctl.io.system_dns_watch import SLOW, ask, is_watched

    dns = system_dns(commands)
    record, watched = dns.record(), is_root() and is_watched(record_folder())
    asks_us = any(dns.state().values()) or record.unsettled
    if is_root() and not watched and asks_us and not ask(ADDRESS, "localhost", SLOW).answered:
        dns.step_aside("our resolver does not answer, and nobody watched")
        stderr("the system asked a resolver that does not answer: it asks whom it asked before again")
        record = dns.record()
    return {"wanted": record.wanted, "aside": record.aside, "places": dns.state()}


def show_dns(dns: dict[str, Any]) -> None:
    """Print whom the system asks."""
    for place, is_ours in dns["places"].items():
        typer.echo(f"system: {place} asks {'blockctl' if is_ours else 'whom it asked before'}")
    if dns["aside"]:
        typer.echo(f"aside: {dns['aside']}")
    elif not dns["wanted"]:
        typer.echo("off   -> sudo blockctl service dns on")
