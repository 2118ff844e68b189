"""`service`: blockctl as a part of the system."""

from __future__ import annotations

from typing import Annotated

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, print_json, stderr
from blockctl.cli.service_common import (
    DryOption,
    UserOption,
    dns_state,
    installed,
    need_root,
    open_steps,
    show_dns,
    spec,
    tell,
)
from blockctl.cli.service_dns import dns_app

service_app = typer.Typer(
    help="Run the resolver as a service of this system, and have the system ask it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
service_app.add_typer(dns_app, name="dns")


@service_app.command("install")
def install_command(
    user: UserOption = None,
    dry: DryOption = False,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Install the resolver as a service, and start it.

    It is run by systemd on Linux, by launchd on a Mac. The system opens 127.0.0.1:53 and hands it over, so the
    resolver runs as you and has no rights of root. What is installed already and the same is left alone. To have the
    system ask it: blockctl service dns on.

    Exit status: 0 done, 2 the policy or the user is wrong, 3 no rights, or a command of the system failed.
    """
    from blockctl.io import service_steps
    from blockctl.io.service_manager import check_program, is_anybodys, manager_for

    steps = open_steps(dry)
    manager = manager_for(steps.commands)
    made = spec(user, policy, state)
    need_root(dry)
    if not dry:
        check_program(made)
    service_steps.install(manager, made, steps)
    if is_anybodys(made.program, made.owner):
        stderr(f"note: the watchdog, which is root's, runs a program that {made.owner.name} may change; where others")
        stderr("  use that account too, install blockctl for all: sudo pipx install --global blockctl")
    tell(steps, as_json, "installed and running; next: sudo blockctl service dns on")


@service_app.command("start")
def start_command(
    dry: DryOption = False, policy: PolicyOption = None, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Start the installed service. Where `dns on` was said, the system asks it again within seconds.

    Exit status: 0 done, 3 it is not installed, no rights, or a command of the system failed.
    """
    from blockctl.io import service_steps

    del policy, state
    steps = open_steps(dry)
    manager = installed(steps)
    need_root(dry)
    steps.run(manager.start())
    if service_steps.system_dns(steps.commands).record().wanted:
        service_steps.watch_from_now(manager, service_steps.record_folder(), steps)
    tell(steps, as_json, "started")


@service_app.command("stop")
def stop_command(
    dry: DryOption = False, policy: PolicyOption = None, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Give the system resolver back, then stop the service.

    It stays so until `service start` or the next boot.

    Exit status: 0 done, 3 it is not installed, no rights, or a command of the system failed.
    """
    from blockctl.io import service_steps

    del policy, state
    steps = open_steps(dry)
    manager = installed(steps)
    need_root(dry)
    service_steps.stop(manager, service_steps.system_dns(steps.commands), steps)
    tell(steps, as_json, "stopped; the system asks whom it asked before")


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
    steps = open_steps(dry)
    need_root(dry)
    service_steps.uninstall(manager_for(steps.commands), service_steps.system_dns(steps.commands), steps)
    tell(steps, as_json, "removed" if steps.told else "nothing was installed")


@service_app.command("status")
def status_command(policy: PolicyOption = None, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Say whether the service runs, and whom the system asks.

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
    dns = dns_state(commands)
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
        show_dns(dns)
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
    need_root(dry=False)
    dns = system_dns(SystemCommands())
    if end:
        dns.step_aside(ENDED)
        return
    raise typer.Exit(watch(dns, record_folder(), stderr))
