"""`service`: blockctl as a part of the system, and the system's own resolver."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, load_policy, print_json, stderr

if TYPE_CHECKING:
    from blockctl.io.service_manager import Spec
    from blockctl.io.service_steps import Steps

DryOption = Annotated[bool, typer.Option("--dry-run", help="Print what would be written and run; change nothing.")]

service_app = typer.Typer(
    help="Run the resolver as a service of this system, and have the system ask it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
dns_app = typer.Typer(
    help="Have this system ask blockctl for names, or whom it asked before.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
service_app.add_typer(dns_app, name="dns")


@service_app.command("install")
def install_command(
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="NAME", help="Whose policy it is; who called sudo.", show_default=False),
    ] = None,
    dry: DryOption = False,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Install the resolver as a service and start it: systemd on Linux, launchd on a Mac.

    The system opens 127.0.0.1:53 and hands it over, so the resolver runs as you and has no rights of root. What is
    installed already and the same is left alone. To have the system ask it: blockctl service dns on.

    Exit status: 0 done, 2 the policy or the user is wrong, 3 no rights, or a command of the system failed.
    """
    from blockctl.io import service_steps
    from blockctl.io.service_manager import is_anybodys, manager_for

    steps = _steps(dry)
    spec = _spec(user, policy, state)
    _root(dry)
    service_steps.install(manager_for(steps.commands), spec, steps)
    if is_anybodys(spec.program, spec.owner):
        stderr(f"note: the watchdog, which is root's, runs a program that {spec.owner.name} may change; where others")
        stderr("  use that account too, install blockctl for all: sudo pipx install --global blockctl")
    _tell(steps, as_json, "installed and running; next: sudo blockctl service dns on")


@service_app.command("start")
def start_command(
    dry: DryOption = False, policy: PolicyOption = None, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Start the installed service. Where `dns on` was said, the system asks it again within seconds.

    Exit status: 0 done, 3 it is not installed, no rights, or a command of the system failed.
    """
    from blockctl.io import service_steps

    del policy, state
    steps = _steps(dry)
    manager = _installed(steps)
    _root(dry)
    steps.run(manager.start())
    if service_steps.system_dns(steps.commands).record().wanted:
        service_steps.watch_from_now(manager, service_steps.record_folder(), steps)
    _tell(steps, as_json, "started")


@service_app.command("stop")
def stop_command(
    dry: DryOption = False, policy: PolicyOption = None, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Give the system resolver back, then stop the service until `service start` or the next boot.

    Exit status: 0 done, 3 it is not installed, no rights, or a command of the system failed.
    """
    from blockctl.io import service_steps

    del policy, state
    steps = _steps(dry)
    manager = _installed(steps)
    _root(dry)
    service_steps.stop(manager, service_steps.system_dns(steps.commands), steps)
    _tell(steps, as_json, "stopped; the system asks whom it asked before")


@service_app.command("uninstall")
def uninstall_command(
    dry: DryOption = False, policy: PolicyOption = None, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Give the system resolver back, stop the service and remove it. The policy and the state folder stay.

    Exit status: 0 done, also where nothing was installed; 3 no rights, or a command of the system failed.
    """
    from blockctl.io import service_steps
    from blockctl.io.service_manager import manager_for

    del policy, state
    steps = _steps(dry)
    _root(dry)
    service_steps.uninstall(manager_for(steps.commands), service_steps.system_dns(steps.commands), steps)
    _tell(steps, as_json, "removed" if steps.told else "nothing was installed")


@service_app.command("status")
def status_command(policy: PolicyOption = None, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Say whether the service is installed and runs, whether it answers, and whom the system asks.

    Exit status: 0 it runs and answers, 1 it does not, 3 this system is not known.
    """
    from blockctl.io.service_steps import manager_or_none
    from blockctl.io.system_commands import SystemCommands
    from blockctl.io.system_dns import ADDRESS
    from blockctl.io.system_dns_watch import SLOW, ask

    del policy, state
    commands = SystemCommands()
    manager = manager_or_none(commands)
    standing = manager.status() if manager else None
    answers = ask(ADDRESS, "localhost", SLOW).answered
    dns = _dns_state(commands)
    if as_json:
        print_json(
            {
                "version": 1,
                "manager": manager.name if manager else None,
                "installed": bool(standing and standing.installed),
                "running": bool(standing and standing.running),
                "answers": answers,
                "dns": dns,
            }
        )
    else:
        if standing is None:
            typer.echo("service: no systemd or launchd runs this machine")
        elif standing.installed:
            typer.echo(f"service: installed ({manager.name if manager else ''}); {standing.text}")
        else:
            typer.echo("service: not installed   -> sudo blockctl service install")
        typer.echo(f"resolver: {ADDRESS}:53 {'answers' if answers else 'does not answer'}")
        _show_dns(dns)
    raise typer.Exit(0 if answers and (standing is None or standing.running) else 1)


@service_app.command("watch")
def watch_command(
    end: Annotated[bool, typer.Option("--end", help="Give the system resolver back, and end.")] = False,
    policy: PolicyOption = None,
    state: StateOption = None,
) -> None:
    """Guard the system resolver: what `service dns on` starts. Runs until `service dns off`.

    It gives the system back whom it asked before when our resolver is silent for 4 seconds, when a captive portal
    stands before the world, or when a VPN brings resolvers of its own; and comes back when that is over. After a
    change of network, while it stands aside, and every five minutes it asks for one name below example.com and for
    Apple's captive-portal page.

    Exit status: 0 told to end, or nobody wants it; 3 no rights.
    """
    from blockctl.io.service_steps import record_folder, system_dns
    from blockctl.io.system_commands import SystemCommands
    from blockctl.io.system_dns_watch import ENDED, watch

    del policy, state
    _root(dry=False)
    dns = system_dns(SystemCommands())
    if end:
        dns.step_aside(ENDED)
        return
    raise typer.Exit(watch(dns, record_folder(), stderr))


@dns_app.command("on")
def dns_on_command(
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="NAME", help="Whose policy it is; who called sudo.", show_default=False),
    ] = None,
    dry: DryOption = False,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the system ask blockctl for every name, and start the watchdog that undoes it when it must.

    What each network service asked before is written down first. Works with networksetup (Mac), systemd-resolved,
    NetworkManager, and /etc/resolv.conf.

    Exit status: 0 done, 2 the policy is wrong or names no upstreams, 3 no rights, or nobody answers at 127.0.0.1:53.
    """
    from blockctl.io import service_steps
    from blockctl.io.system_dns import ADDRESS
    from blockctl.io.system_dns_watch import SLOW, ask
    from blockctl.model.diagnostic import BlockctlError, WorldError

    steps = _steps(dry)
    _root(dry)
    _own_home(user)
    loaded = load_policy(policy, state)
    if not loaded.policy.resolver.upstreams:
        hint = 'add to `resolver:` upstreams: ["https://dns.quad9.net/dns-query"], and bootstrap: ["9.9.9.9"]'
        raise BlockctlError("the policy names no upstreams, so blockctl would ask the system, which would ask it", hint)
    if not dry and not any(ask(ADDRESS, "localhost", SLOW).answered for _ in range(3)):
        hint = "start it first: sudo blockctl service install"
        raise WorldError(f"nobody answers at {ADDRESS}:53, so the system would find nothing", hint)
    dns = service_steps.system_dns(steps.commands)
    places = [place for place, is_ours in dns.state().items() if not is_ours]
    steps.told += [f"make {place} ask {ADDRESS}" for place in places]
    if not dry:
        dns.on()
    service_steps.watch_from_now(service_steps.manager_or_none(steps.commands), service_steps.record_folder(), steps)
    _tell(steps, as_json, "the system asks blockctl; and back: sudo blockctl service dns off")


@dns_app.command("off")
def dns_off_command(
    dry: DryOption = False, policy: PolicyOption = None, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Have the system ask whom it asked before, and forget it. Safe to say at any time, and twice.

    Exit status: 0 done, 3 no rights, or a command of the system failed.
    """
    from blockctl.io import service_steps

    del policy, state
    steps = _steps(dry)
    _root(dry)
    dns = service_steps.system_dns(steps.commands)
    steps.told += [f"give {place} back" for place, is_ours in dns.state().items() if is_ours]
    if not dry:
        dns.off()
    manager = service_steps.manager_or_none(steps.commands)
    if manager is not None and manager.paths():
        steps.run(manager.watchdog(on=False), must=False)
    _tell(steps, as_json, "the system asks whom it asked before")


@dns_app.command("status")
def dns_status_command(policy: PolicyOption = None, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Say whom each network service asks, and why it is not blockctl where it is not.

    Exit status: 0 the system asks blockctl, 1 it does not, 3 this system is not known.
    """
    from blockctl.io.system_commands import SystemCommands

    del policy, state
    dns = _dns_state(SystemCommands())
    if as_json:
        print_json({"version": 1, **dns})
    else:
        _show_dns(dns)
    raise typer.Exit(0 if dns["places"] and all(dns["places"].values()) else 1)


def _dns_state(commands: Any) -> dict[str, Any]:
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


def _show_dns(dns: dict[str, Any]) -> None:
    for place, is_ours in dns["places"].items():
        typer.echo(f"system: {place} asks {'blockctl' if is_ours else 'whom it asked before'}")
    if dns["aside"]:
        typer.echo(f"aside: {dns['aside']}")
    elif not dns["wanted"]:
        typer.echo("off   -> sudo blockctl service dns on")


def _steps(dry: bool) -> Steps:
    from blockctl.io.service_steps import Steps

    return Steps(dry=dry)


def _root(dry: bool) -> None:
    from blockctl.io.service_manager import is_root
    from blockctl.model.diagnostic import WorldError

    if not dry and not is_root():
        raise WorldError("only root may change the system", "put sudo before it; --dry-run shows what it would do")


def _installed(steps: Steps) -> Any:
    from blockctl.io.service_manager import manager_for
    from blockctl.model.diagnostic import WorldError

    manager = manager_for(steps.commands)
    if not manager.paths():
        raise WorldError("the service is not installed", "sudo blockctl service install")
    return manager


def _own_home(user: str | None) -> None:
    """Look for the policy where its owner has it, not in root's home."""
    from blockctl.io.service_manager import at_home, find_owner
    from blockctl.model.diagnostic import BlockctlError

    try:
        at_home(find_owner(user))
    except BlockctlError:
        if user is not None:  # root's own policy is as good as any where nobody was named
            raise


def _spec(user: str | None, policy: Path | None, state: Path | None) -> Spec:
    from blockctl.io.service_manager import Spec, at_home, find_owner, listens_of, writable_of

    owner = find_owner(user)
    at_home(owner)
    loaded = load_policy(policy, state)
    path, folder = loaded.path.absolute(), loaded.state.absolute()
    return Spec(owner, path, folder, listens_of(loaded.policy), writable_of(loaded.policy, path, folder))


def _tell(steps: Steps, as_json: bool, end: str) -> None:
    if as_json:
        print_json({"version": 1, "dry_run": steps.dry, "steps": steps.told})
        return
    for line in steps.told:
        typer.echo(f"would {line}" if steps.dry else line)
    typer.echo("nothing was changed" if steps.dry else end)
