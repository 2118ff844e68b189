"""`service dns`: the system's own resolver, made to be ours and given back."""

from __future__ import annotations

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, load_policy, print_json
from blockctl.cli.service_common import (
    DryOption,
    UserOption,
    dns_state,
    need_root,
    open_steps,
    own_home,
    show_dns,
    tell,
)

dns_app = typer.Typer(
    help="Have this system ask blockctl, or whom it asked before.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@dns_app.command("on")
def dns_on_command(
    user: UserOption = None,
    dry: DryOption = False,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the system ask blockctl for every name.

    A watchdog starts too, which undoes it when it must. What each network service asked before is written down first.
    Works with networksetup (Mac), systemd-resolved, NetworkManager, and /etc/resolv.conf.

    Exit status: 0 done, 2 the policy is wrong or needs the system to find its upstreams,
    3 no rights, or nobody answers at 127.0.0.1:53.
    """
    from blockctl.io import service_steps
    from blockctl.io.system_dns import ADDRESS
    from blockctl.io.system_dns_watch import SLOW, ask
    from blockctl.model.diagnostic import BlockctlError, WorldError
    from blockctl.policy.alone import HINT, why_not_alone

    steps = open_steps(dry)
    dns = service_steps.system_dns(steps.commands)
    need_root(dry)
    own_home(user)
    loaded = load_policy(policy, state)
    if reason := why_not_alone(loaded.policy.resolver):
        raise BlockctlError(reason, HINT)
    if not dry and not any(ask(ADDRESS, "localhost", SLOW).answered for _ in range(3)):
        hint = "start it first: sudo blockctl service install"
        raise WorldError(f"nobody answers at {ADDRESS}:53, so the system would find nothing", hint)
    places = [place for place, is_ours in dns.state().items() if not is_ours]
    steps.told += [f"make {place} ask {ADDRESS}" for place in places]
    if not dry:
        dns.on()
    try:
        manager = service_steps.manager_or_none(steps.commands)
        service_steps.watch_from_now(manager, service_steps.record_folder(), steps)
    except WorldError:  # nobody would give it back
        dns.off()
        raise
    tell(steps, as_json, "the system asks blockctl; and back: sudo blockctl service dns off")


@dns_app.command("off")
def dns_off_command(
    dry: DryOption = False, policy: PolicyOption = None, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Have the system ask whom it asked before, and forget it. Safe to say at any time, and twice.

    Exit status: 0 done, 3 no rights, or a command of the system failed.
    """
    from blockctl.io import service_steps

    del policy, state
    steps = open_steps(dry)
    need_root(dry)
    dns = service_steps.system_dns(steps.commands)
    steps.told += [f"give {place} back" for place, is_ours in dns.state().items() if is_ours]
    if not dry:
        dns.off()
    manager = service_steps.manager_or_none(steps.commands)
    if manager is not None and manager.paths():
        steps.run(manager.watchdog(on=False), must=False)
    tell(steps, as_json, "the system asks whom it asked before")


@dns_app.command("status")
def dns_status_command(policy: PolicyOption = None, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Say whom each network service asks, and why.

    Exit status: 0 the system asks blockctl, 1 it does not, 3 this system is not known.
    """
    from blockctl.io.system_commands import SystemCommands

    del policy, state
    dns = dns_state(SystemCommands())
    if as_json:
        print_json({"version": 1, **dns})
    else:
        show_dns(dns)
    raise typer.Exit(0 if dns["places"] and all(dns["places"].values()) else 1)
