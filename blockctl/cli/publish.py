"""`publish`: the names as a zone for any number of resolvers, handed to the server they take it from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, end_of, load_policy, print_json

if TYPE_CHECKING:
    from blockctl.cli.build import Written
    from blockctl.io.publish import Seen
    from blockctl.model.policy import Policy, Target

PRIMARY = "127.0.0.1"
EXAMPLE = "targets: {fleet: {backend: rpz, path: /var/lib/knot/rpz.zone, zone: rpz.example, server: knot}}"


def publish_command(
    name: Annotated[
        str, typer.Argument(metavar="[TARGET]", help="A target of backend rpz; the one there is.", show_default=False)
    ] = "",
    wait: Annotated[str, typer.Option("--wait", metavar="TIME", help="For how long servers may take.")] = "10s",
    offline: Annotated[bool, typer.Option("--offline", help="Never download; use what is here.")] = False,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the zone where an authoritative server reads it, tell the server, and wait until all have it.

    The target names the zone and the server (bind or knot), and may name secondaries to wait for. What did not
    change is not handed over again. Resolvers (BIND, Unbound, PowerDNS, Knot) take the zone from that server by
    IXFR and are told of changes by NOTIFY.

    Exit status: 0 all have it, 1 a server does not have it yet, 2 the policy is wrong, 3 writing failed or the
    server could not be told.
    """
    from blockctl.cli.build import open_compilation, problems, target_path, write_target
    from blockctl.io.publish import live_serial, reload, wait_for
    from blockctl.io.zone import overtake

    loaded = load_policy(policy, state)
    target = _target(loaded.policy, name)
    until = end_of(wait, loaded.now)
    patience = (until - loaded.now).total_seconds() if until else 0.0
    run = open_compilation(loaded, offline=offline)
    written = write_target(target_path(run.policy, target, None), target, run.output(target), set())
    zone = target.options["zone"]
    servers = [target.options.get("primary", PRIMARY), *_several(target.options.get("secondaries", ""))]
    serial = overtake(written.path, live_serial(servers[0], zone), loaded.now.timestamp())
    said = reload(target.options["server"], zone, target.options.get("control", ""))
    seen = wait_for(servers, zone, serial, patience)
    if as_json:
        print_json(_to_json(target, written, serial, said, seen))
    else:
        _show(target, written, serial, seen)
        for problem in problems(run):
            typer.echo(f"left out: {problem}", err=True)
    if any(each.serial != serial and (each.tells or each is seen[0]) for each in seen):
        raise typer.Exit(1)


def _target(policy: Policy, name: str) -> Target:
    """Return the target to publish, checked; the serial follows its records unless the policy forbids it."""
    from blockctl.io.publish import SERVERS, place
    from blockctl.io.zone import AUTO
    from blockctl.model.diagnostic import BlockctlError

    known = [each for each in policy.targets.values() if each.backend == "rpz" and "server" in each.options]
    found = [each for each in known if each.name == name] if name else known
    if len(found) != 1:
        names = ", ".join(each.name for each in known)
        if known:
            raise BlockctlError(f"which target? {names}" if not name else f"{name!r} is none", f"there are: {names}")
        raise BlockctlError("no target of backend rpz has a `server`", f"add one, as in {EXAMPLE}")
    target = found[0]
    if target.options["server"] not in SERVERS:
        raise BlockctlError(f"{target.origin}: no such server: {target.options['server']}", "servers: bind, knot")
    if "zone" not in target.options:
        raise BlockctlError(f"{target.origin}: {target.name} names no zone", "add zone: rpz.example")
    for each in (target.options.get("primary", PRIMARY), *_several(target.options.get("secondaries", ""))):
        place(each)
    if target.options.get("serial", AUTO) != AUTO:
        raise BlockctlError(f"{target.origin}: a fixed serial is fetched once and never again", "say serial: auto")
    return replace(target, options={**target.options, "serial": AUTO})


def _several(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _show(target: Target, written: Written, serial: int, seen: list[Seen]) -> None:
    from blockctl.cli.table import GREEN, RED, YELLOW, styled

    what = "was changed" if written.changed else "is unchanged"
    size = sum(written.files.values())
    typer.echo(f"{target.options['zone']} {what}: {written.path}, {size:,} bytes, serial {serial}")
    for number, each in enumerate(seen):
        role = "primary" if number == 0 else "secondary"
        if each.serial == serial:
            says, style = f"has it, after {each.seconds:.2f} s", GREEN
        elif not each.tells:
            says, style = "keeps the zone to itself: it cannot be asked which serial it has", YELLOW
        else:
            says, style = "does not answer" if each.serial is None else f"still has serial {each.serial}", RED
        typer.echo(styled(f"  {role:<10} {each.server:<22} {says}", style))
    has = sum(each.serial == serial for each in seen)
    typer.echo(f"{has} of {len(seen)} servers are known to have it")


def _to_json(target: Target, written: Written, serial: int, said: str, seen: list[Seen]) -> dict[str, Any]:
    return {
        "version": 1,
        "zone": target.options["zone"],
        "file": str(written.path),
        "changed": written.changed,
        "serial": serial,
        "server_said": said,
        "servers": [
            {
                "server": each.server,
                "serial": each.serial,
                "has_it": each.serial == serial,
                "tells": each.tells,
                "seconds": round(each.seconds, 3),
            }
            for each in seen
        ],
    }
